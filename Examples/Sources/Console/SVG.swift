import Foundation

/// Writes a drawing of rectangles, lines and text as SVG: enough for a chart or a gallery, readable in any browser.
public struct SVG {
    public enum Anchor: String, Sendable {
        case start
        case middle
        case end
    }

    private let width: Int
    private let height: Int
    private var elements: [String] = []

    public init(width: Int, height: Int, background: String = "#ffffff") {
        self.width = width
        self.height = height
        rectangle(x: 0, y: 0, width: Double(width), height: Double(height), fill: background)
    }

    public mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String, radius: Double = 0) {
        let corners = radius > 0 ? " rx=\"\(number(radius))\"" : ""
        elements.append(
            "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\""
                + "\(corners) fill=\"\(escaped(fill))\"/>")
    }

    public mutating func line(x1: Double, y1: Double, x2: Double, y2: Double, stroke: String, dashed: Bool = false) {
        let dashes = dashed ? " stroke-dasharray=\"4 3\"" : ""
        elements.append(
            "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" stroke=\"\(escaped(stroke))\"\(dashes)/>"
        )
    }

    /// Text whose baseline is at `y`.
    public mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 12, fill: String = "#222222", anchor: Anchor = .start, bold: Bool = false
    ) {
        let weight = bold ? " font-weight=\"bold\"" : ""
        elements.append(
            "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\" fill=\"\(escaped(fill))\""
                + " text-anchor=\"\(anchor.rawValue)\"\(weight)>\(escaped(text))</text>")
    }

    /// The whole document.
    public func rendered() -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
        font-family="DejaVu Sans, Verdana, sans-serif">
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }

    public func write(to path: String) throws {
        try Data(rendered().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// Two decimals are a hundredth of a pixel; trailing zeros only make the file longer.
    private func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : String(format: "%.2f", value)
    }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }
}
