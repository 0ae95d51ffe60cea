import Console
import Foundation

extension Report {
    /// The ratios as bars on a logarithmic scale: to the right of the middle line Apus is faster, to the left PyTorch.
    func writeChart(to path: String) throws {
        let rows = comparisons.filter { $0.isAgainstPyTorch && $0.ratio != nil }
        let labelWidth = 290.0
        let chartWidth = 560.0
        let rowHeight = 22.0
        let top = 64.0
        // Powers of two up to the largest ratio, the same distance to both sides.
        let extremes = rows.compactMap { $0.ratio.map { abs(log2($0)) } } + rows.compactMap { $0.target.map { abs(log2($0)) } }
        let reach = max(1, (extremes.max() ?? 1).rounded(.up))
        func x(_ ratio: Double) -> Double { labelWidth + chartWidth / 2 * (1 + log2(ratio) / reach) }

        var svg = SVG(width: Int(labelWidth + chartWidth) + 90, height: Int(top + rowHeight * Double(rows.count)) + 48)
        svg.text("Times faster than PyTorch \(pytorch)", x: 16, y: 24, size: 16, bold: true)
        svg.text("\(processor), \(threads) threads, \(date); the mark is the target", x: 16, y: 44, size: 11, fill: "#666666")

        let bottom = top + rowHeight * Double(rows.count)
        let step = reach > 6 ? 2.0 : 1.0
        // Starting from a multiple of the step keeps 1x on the scale.
        for power in stride(from: -(reach / step).rounded(.down) * step, through: reach, by: step) {
            let ratio = exp2(power)
            svg.line(x1: x(ratio), y1: top, x2: x(ratio), y2: bottom, stroke: power == 0 ? "#444444" : "#dddddd")
            let label = power >= 0 ? String(format: "%gx", ratio) : "1/\(String(format: "%g", 1 / ratio))"
            svg.text(label, x: x(ratio), y: bottom + 16, size: 10, fill: "#666666", anchor: .middle)
        }
        for (index, row) in rows.enumerated() {
            guard let ratio = row.ratio else { continue }
            let y = top + rowHeight * Double(index)
            let color = row.isReached == false ? "#c44e52" : ratio >= 1 ? "#4c72b0" : "#a0a0a0"
            svg.text(row.title, x: labelWidth - 10, y: y + 15, anchor: .end)
            svg.rectangle(
                x: min(x(1), x(ratio)), y: y + 4, width: max(1, abs(x(ratio) - x(1))), height: rowHeight - 8, fill: color, radius: 2)
            if let target = row.target {
                svg.line(x1: x(target), y1: y + 1, x2: x(target), y2: y + rowHeight - 1, stroke: "#000000")
            }
            svg.text(String(format: "%.2fx", ratio), x: labelWidth + chartWidth + 80, y: y + 15, anchor: .end)
        }
        try svg.write(to: path)
    }
}
