import Apus
import ApusImages
import ArgumentParser
import Console
import Foundation

/// Finds the lines of text in an image with a network from an ONNX file, and draws a box around each.
@main
struct Detect: ParsableCommand {
    @Option(help: "The detector, ch_PP-OCRv4_det_infer.onnx of rapidocr.")
    var model: String

    @Option(help: "A PNG or JPEG file.")
    var image: String

    @Option(help: "The PNG file to write.")
    var output: String

    func run() throws {
        let detector = try TextDetector(onnx: model)
        let picture = try Tensor.load(image: image, mode: .rgb)
        let found = try detector.detect(in: picture).sorted { $0.box.center.y < $1.box.center.y }
        var canvas = try Canvas(picture)
        var table = Table(("line", .right), ("center", .left), ("size", .left), ("angle", .right), ("score", .right))
        for (index, detection) in found.enumerated() {
            let box: Box = detection.box
            canvas.outline(box, color: (220, 30, 40))
            // The longer side is the line's direction.
            let isUpright: Bool = box.height > box.width
            let along: Point = isUpright ? Point(x: -box.direction.y, y: box.direction.x) : box.direction
            let angle: Double = atan(along.y / along.x) * 180 / .pi
            table.add(
                "\(index + 1)", "\(Int(box.center.x)), \(Int(box.center.y))",
                "\(Int(max(box.width, box.height))) x \(Int(min(box.width, box.height)))", "\(Int(angle.rounded()))°",
                String(format: "%.2f", detection.score))
        }
        try canvas.image().save(png: output)
        print(table.rendered())
        let seconds = try secondsPerCall { _ = try detector.detect(in: picture) }
        print("\n\(found.count) lines in \(Int(seconds * 1000)) ms. Written: \(output)")
    }
}
