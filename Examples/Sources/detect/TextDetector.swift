import Apus

/// Finds lines of text with PaddleOCR's detector, whose network says of each pixel how likely it is within one (Differentiable Binarization, Liao et al., 2019).
struct TextDetector {
    /// A line of text in the image's pixels.
    struct Detection {
        let box: Box
        /// The mean of what the network says within it.
        let score: Double
    }

    /// Pixels above it are text.
    let threshold: Float = 0.3
    /// Lines below it are none.
    let minimumScore = 0.5
    /// The network was trained on lines that are shrunk, by area over circumference times this.
    let growth = 1.6
    /// The shorter side is brought to it at least.
    let shorterSide = 736.0

    let program: ExportedProgram

    init(onnx path: String) throws { program = try ExportedProgram.load(from: path) }

    /// - Parameter image: RGB, uint8 `[3, height, width]`.
    func detect(in image: Tensor) throws -> [Detection] {
        let (height, width) = (try image.sizes[1], try image.sizes[2])
        let factor: Double = max(1, shorterSide / Double(min(height, width)))
        // The network halves its input five times.
        func multiple(_ size: Int) -> Int { max(32, Int((Double(size) * factor / 32).rounded()) * 32) }
        let sizes: [Int] = [multiple(height), multiple(width)]
        let resized = try image.unsqueezed(0).to(.float32).interpolated(to: sizes, mode: "bilinear")
        // It was trained on blue, green, red, from -1 to 1.
        let input = try resized.flipped([1]) / 127.5 - 1
        let likelihood: Tensor = try program(input)
        let map = LikelihoodMap(height: sizes[0], width: sizes[1], values: try likelihood.array(of: Float.self))
        let (scaleX, scaleY) = (Double(width) / Double(sizes[1]), Double(height) / Double(sizes[0]))
        return map.components(above: threshold).compactMap { pixels in
            guard let inner = Box(around: pixels.map(map.point)), min(inner.width, inner.height) >= 3 else { return nil }
            let score: Double = pixels.reduce(0) { $0 + Double(map.values[$1]) } / Double(pixels.count)
            guard score >= minimumScore else { return nil }
            let outer: Box = inner.grown(by: inner.width * inner.height * growth / (2 * (inner.width + inner.height)))
            let corners: [Point] = outer.corners.map { Point(x: ($0.x + 0.5) * scaleX - 0.5, y: ($0.y + 0.5) * scaleY - 0.5) }
            return Box(around: corners).map { Detection(box: $0, score: score) }
        }
    }
}

/// What the network says, row by row.
private struct LikelihoodMap {
    let height: Int
    let width: Int
    let values: [Float]

    func point(_ pixel: Int) -> Point { Point(x: Double(pixel % width), y: Double(pixel / width)) }

    /// The pixels above a threshold that hang together, corner to corner too.
    func components(above threshold: Float) -> [[Int]] {
        var isOpen: [Bool] = values.map { $0 > threshold }
        var components: [[Int]] = []
        for start in values.indices where isOpen[start] {
            var component: [Int] = [start]
            isOpen[start] = false
            var next = 0
            while next < component.count {
                let (row, column) = (component[next] / width, component[next] % width)
                next += 1
                for y in max(row - 1, 0)...min(row + 1, height - 1) {
                    for x in max(column - 1, 0)...min(column + 1, width - 1) where isOpen[y * width + x] {
                        isOpen[y * width + x] = false
                        component.append(y * width + x)
                    }
                }
            }
            components.append(component)
        }
        return components
    }
}
