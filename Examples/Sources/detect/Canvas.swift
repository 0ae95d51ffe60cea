import Apus

/// An image to draw on.
struct Canvas {
    private let height: Int
    private let width: Int
    private var pixels: [UInt8]

    /// - Parameter image: uint8 `[3, height, width]`.
    init(_ image: Tensor) throws {
        (height, width) = (try image.sizes[1], try image.sizes[2])
        pixels = try image.array(of: UInt8.self)
    }

    func image() throws -> Tensor { try Tensor(pixels, shape: [3, height, width]) }

    /// The outline of a box, some pixels wide. What is outside of the image is not drawn.
    mutating func outline(_ box: Box, color: (UInt8, UInt8, UInt8), thickness: Int = 3) {
        let corners: [Point] = box.corners
        for (index, start) in corners.enumerated() {
            let side: Point = corners[(index + 1) % 4] - start
            let steps: Int = max(1, Int(side.length.rounded(.up)))
            for step in 0...steps { dot(start + side * (Double(step) / Double(steps)), color, thickness) }
        }
    }

    private mutating func dot(_ point: Point, _ color: (UInt8, UInt8, UInt8), _ thickness: Int) {
        let (left, top) = (Int(point.x.rounded()) - thickness / 2, Int(point.y.rounded()) - thickness / 2)
        for y in top..<top + thickness where y >= 0 && y < height {
            for x in left..<left + thickness where x >= 0 && x < width {
                for (channel, value) in [color.0, color.1, color.2].enumerated() { pixels[(channel * height + y) * width + x] = value }
            }
        }
    }
}
