/// One thing that happened while a program was opened or run, and how long it took.
public struct ProfileEvent: Sendable, Encodable {
    public enum Kind: String, Sendable, Hashable, Encodable, CaseIterable {
        /// A file was opened, and the programs in it read.
        case load
        /// A program was laid out for inputs of sizes that it had not met before, within a run.
        case bind
        /// A program ran, from its inputs to its results.
        case run
        /// One step of a run: an operator, or a row of elementwise operators that go over memory once.
        case step
    }

    public let kind: Kind
    /// The file's path, "program", or the step's operator; the first of several in a row, with how many follow.
    public let name: String
    /// What a step computes, in order; empty for other kinds.
    public let operators: [String]
    /// The line of the function that a step comes from, of the first operator in a row; nil where the program came from a file without it.
    public let site: String?
    /// When it began, in nanoseconds since the profiler was made.
    public let start: Int64
    /// How long it took, in nanoseconds. A run's time holds that of its steps, and what recording them costs.
    public let duration: Int64
}

/// What the events of one kind and name add up to.
public struct ProfileSummary: Sendable, Encodable, CustomStringConvertible {
    public struct Row: Sendable, Encodable {
        public let kind: ProfileEvent.Kind
        public let name: String
        public let operators: [String]
        public let count: Int
        /// In nanoseconds.
        public let total: Int64
        /// The part of all runs' time; nil for what is no part of a run.
        public let share: Double?
    }

    /// Loads, layouts and runs first, then steps, the longest first.
    public let rows: [Row]

    init(_ events: [ProfileEvent]) {
        struct Key: Hashable {
            let kind: ProfileEvent.Kind
            let name: String
            let operators: [String]
        }
        var sums: [Key: (count: Int, total: Int64)] = [:]
        for event in events {
            let key = Key(kind: event.kind, name: event.name, operators: event.operators)
            sums[key, default: (0, 0)].count += 1
            sums[key, default: (0, 0)].total += event.duration
        }
        let runs: Int64 = sums.reduce(0) { $1.key.kind == .run ? $0 + $1.value.total : $0 }
        let found: [Row] = sums.map { key, sum in
            let share: Double? = key.kind == .load || runs == 0 ? nil : Double(sum.total) / Double(runs)
            return Row(kind: key.kind, name: key.name, operators: key.operators, count: sum.count, total: sum.total, share: share)
        }
        let order: [ProfileEvent.Kind] = ProfileEvent.Kind.allCases
        rows = found.sorted { a, b in
            let (p, q) = (order.firstIndex(of: a.kind) ?? 0, order.firstIndex(of: b.kind) ?? 0)
            return (p, b.total, a.name, a.operators.count) < (q, a.total, b.name, b.operators.count)
        }
    }

    /// A table: how often, how long in all and each time, and the part of the runs' time.
    public var description: String {
        let head: [String] = ["event", "count", "total us", "mean us", "share", "what"]
        let lines: [[String]] = rows.map { row in
            [
                row.kind.rawValue, "\(row.count)", ProfileSummary.micro(Double(row.total)),
                ProfileSummary.micro(Double(row.total) / Double(row.count)),
                row.share.map { "\(Int(($0 * 100).rounded()))%" } ?? "",
                row.operators.count > 1 ? row.operators.joined(separator: " ") : row.name,
            ]
        }
        let widths: [Int] = head.indices.map { column in ([head] + lines).map { $0[column].count }.max() ?? 0 }
        return ([head] + lines).map { cells in
            let padded: [String] = cells.enumerated().map { column, text in
                let blanks = String(repeating: " ", count: widths[column] - text.count)
                // Words to the left, numbers to the right.
                return column == 0 ? text + blanks : column == head.count - 1 ? text : blanks + text
            }
            return padded.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// Microseconds with one digit.
    private static func micro(_ nanoseconds: Double) -> String { "\((nanoseconds / 100).rounded() / 10)" }
}
