import Console
import Foundation

/// All comparisons of a run, and where it ran.
struct Report: Encodable {
    let date: String
    let threads: Int
    let processor: String
    let pytorch: String
    let comparisons: [Comparison]

    func writeJSON(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // A side that never ran has no median.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    func table() -> String {
        var table = Table(
            ("work", .left), ("Apus", .right), ("best", .right), ("other", .right), ("best", .right), ("ratio", .right),
            ("target", .right), ("", .left))
        for row in comparisons {
            table.add(
                row.title, time(row.apus.median), time(row.apus.minimum), time(row.peer?.median), time(row.peer?.minimum),
                row.ratio.map { String(format: "%.2fx", $0) } ?? "-",
                row.target.map { String(format: "%.3gx", $0) } ?? row.limit.map { time($0) } ?? "", verdict(of: row))
        }
        return table.rendered()
    }

    private func verdict(of row: Comparison) -> String {
        if let remark = row.remark { return remark.count > 80 ? String(remark.prefix(80)) + "…" : remark }
        guard let reached = row.isReached else { return "" }
        return reached ? "reached" : "missed"
    }

    /// A time with three digits and its unit.
    private func time(_ nanoseconds: Double?) -> String {
        guard let nanoseconds, nanoseconds.isFinite else { return "-" }
        let (value, unit): (Double, String) =
            switch nanoseconds {
            case ..<1e3: (nanoseconds, "ns")
            case ..<1e6: (nanoseconds / 1e3, "us")
            case ..<1e9: (nanoseconds / 1e6, "ms")
            default: (nanoseconds / 1e9, "s ")
            }
        let decimals = value < 10 ? 2 : value < 100 ? 1 : 0
        return String(format: "%.\(decimals)f ", value) + unit
    }
}
