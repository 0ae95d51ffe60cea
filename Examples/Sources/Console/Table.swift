/// A table of text for a terminal.
///
/// ```
/// what                 value
/// ─────────────────── ──────
/// held-out accuracy    98.6%
/// ```
public struct Table {
    public enum Alignment: Sendable {
        case left
        case right
    }

    private let headers: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// The columns from left to right.
    public init(_ columns: (header: String, alignment: Alignment)...) {
        headers = columns.map(\.header)
        alignments = columns.map(\.alignment)
    }

    /// Adds one row. Cells that are missing are empty; cells beyond the last column are dropped.
    public mutating func add(_ cells: String...) {
        add(cells)
    }

    public mutating func add(_ cells: [String]) {
        rows.append((0..<headers.count).map { $0 < cells.count ? cells[$0] : "" })
    }

    /// The table as text, without a newline at the end.
    public func rendered() -> String {
        let widths: [Int] = headers.indices.map { column in
            rows.reduce(headers[column].count) { max($0, $1[column].count) }
        }
        let rule = widths.map { String(repeating: "─", count: $0) }
        return ([headers, rule] + rows).map { line($0, widths: widths) }.joined(separator: "\n")
    }

    private func line(_ cells: [String], widths: [Int]) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - cell.count)
            line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + padding : padding + cell)
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
