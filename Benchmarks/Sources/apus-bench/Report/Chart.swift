import Console
import Foundation

/// Writes ratios as bars on a logarithmic scale: to the right of the middle line Apus is faster, to the left the other side.
func writeChart(of rows: [(label: String, row: Comparison)], title: String, subtitle: String, to path: String) throws {
    let labelWidth = 290.0
    let chartWidth = 560.0
    let rowHeight = 22.0
    let top = 64.0
    // Powers of two up to the largest ratio, the same distance to both sides.
    let extremes = rows.flatMap { [$0.row.ratio, $0.row.target].compactMap { $0.map { abs(log2($0)) } } }
    let reach = max(1, (extremes.max() ?? 1).rounded(.up))
    func x(_ ratio: Double) -> Double { labelWidth + chartWidth / 2 * (1 + log2(ratio) / reach) }

    var svg = SVG(width: Int(labelWidth + chartWidth) + 90, height: Int(top + rowHeight * Double(rows.count)) + 48)
    svg.text(title, x: 16, y: 24, size: 16, bold: true)
    svg.text(subtitle, x: 16, y: 44, size: 11, fill: "#666666")

    let bottom = top + rowHeight * Double(rows.count)
    let step = reach > 6 ? 2.0 : 1.0
    // Starting from a multiple of the step keeps 1x on the scale.
    for power in stride(from: -(reach / step).rounded(.down) * step, through: reach, by: step) {
        let ratio = exp2(power)
        svg.line(x1: x(ratio), y1: top, x2: x(ratio), y2: bottom, stroke: power == 0 ? "#444444" : "#dddddd")
        let label = power >= 0 ? String(format: "%gx", ratio) : "1/\(String(format: "%g", 1 / ratio))"
        svg.text(label, x: x(ratio), y: bottom + 16, size: 10, fill: "#666666", anchor: .middle)
    }
    for (index, (label, row)) in rows.enumerated() {
        let y = top + rowHeight * Double(index)
        svg.text(label, x: labelWidth - 10, y: y + 15, anchor: .end)
        guard let ratio = row.ratio else {
            // Where the machine was busy, a bar would show the machine.
            svg.text(row.unrest ?? row.remark ?? "not measured", x: labelWidth + 6, y: y + 15, size: 10, fill: "#a0a0a0")
            continue
        }
        let color = row.isReached == false ? "#c44e52" : ratio >= 1 ? "#4c72b0" : "#a0a0a0"
        svg.rectangle(x: min(x(1), x(ratio)), y: y + 4, width: max(1, abs(x(ratio) - x(1))), height: rowHeight - 8, fill: color, radius: 2)
        if let target = row.target {
            svg.line(x1: x(target), y1: y + 1, x2: x(target), y2: y + rowHeight - 1, stroke: "#000000")
        }
        svg.text(String(format: "%.2fx", ratio), x: labelWidth + chartWidth + 80, y: y + 15, anchor: .end)
    }
    try svg.write(to: path)
}
