import Apus
import Console
import DigitsModel

/// Draws some images with what they were taken for; wrong ones are red and name both digits. Wrong ones come first.
func drawGallery(_ part: DigitsData.Part, predicted: [Int], to path: String) throws {
    let columns = 10
    let rows = 4
    let pixel = 8.0
    let cellWidth = 84.0
    let cellHeight = 96.0
    let margin = 16.0
    let title = 32.0

    let digits = try part.digits.array(of: Int.self)
    let pixels = try part.images.array(of: Float.self)
    let wrong = digits.indices.filter { predicted[$0] != digits[$0] }
    let right = digits.indices.filter { predicted[$0] == digits[$0] }
    let shown = (wrong + right).prefix(columns * rows)

    var svg = SVG(width: Int(margin * 2 + cellWidth * Double(columns)), height: Int(margin * 2 + title + cellHeight * Double(rows)))
    svg.text(
        "\(digits.count - wrong.count) of \(digits.count) held-out digits are right; the \(wrong.count) wrong ones come first, in red",
        x: margin, y: margin + 12, size: 14)
    for (position, image) in shown.enumerated() {
        let left = margin + Double(position % columns) * cellWidth
        let top = margin + title + Double(position / columns) * cellHeight
        svg.rectangle(x: left, y: top, width: pixel * 8, height: pixel * 8, fill: "#f4f4f4")
        for index in 0..<64 {
            let ink = pixels[image * 64 + index]
            guard ink > 0 else { continue }
            let gray = Int(244 - 224 * min(ink, 1))
            svg.rectangle(
                x: left + Double(index % 8) * pixel, y: top + Double(index / 8) * pixel, width: pixel, height: pixel,
                fill: "rgb(\(gray),\(gray),\(gray))")
        }
        let isRight = predicted[image] == digits[image]
        svg.text(
            isRight ? "\(predicted[image])" : "\(predicted[image]), is \(digits[image])", x: left + pixel * 4, y: top + pixel * 8 + 16,
            size: 13,
            fill: isRight ? "#222222" : "#c01c28", anchor: .middle, bold: !isRight)
    }
    try svg.write(to: path)
}
