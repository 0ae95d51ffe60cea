import Foundation

/// All comparisons of a run, and where it ran.
struct Report: Encodable {
    let date: String = ISO8601DateFormatter().string(from: Date())
    let threads: Int
    let processor: String = processorName
    /// How many processes wanted a processor when the run began, over a minute.
    let loadAverage: Double? = Self.currentLoadAverage()
    /// The versions of the other sides' libraries.
    var versions: [String: String] = [:]
    private(set) var comparisons: [Comparison] = []
    /// Where the report is kept as JSON.
    let file: String

    private enum CodingKeys: String, CodingKey {
        case date, threads, processor, versions, comparisons
        case loadAverage = "load_average"
    }

    init(threads: Int, file: String) {
        self.threads = threads
        self.file = file
    }

    /// Adds a comparison and writes the file: a run of many minutes that is stopped keeps what it has.
    mutating func add(_ comparison: Comparison) throws {
        comparisons.append(comparison)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // A side that never ran has no median.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: file), options: .atomic)
    }

    /// Writes a chart for the models and one for the rest, where there are such; returns their paths.
    func writeCharts(_ path: (String) -> String) throws -> [String] {
        let sides = versions.sorted { $0.key < $1.key }.filter { $0.key != Side.apus }.map { "\($0.key) \($0.value)" }
        let models = comparisons.filter { $0.kind == .model }.map { (label: "\($0.title), \(counted($0.threads, "thread"))", row: $0) }
        let others = comparisons.filter { $0.kind == .pytorch }.map { (label: $0.title, row: $0) }
        let place = "\(processor), \(date); the mark is the target"
        let charts = [
            (name: "bench.svg", title: "Times faster than PyTorch", subtitle: "\(place); \(counted(threads, "thread"))", rows: others),
            (name: "models.svg", title: "Times faster than the best of \(sides.joined(separator: ", "))", subtitle: place, rows: models),
        ]
        return try charts.filter { !$0.rows.isEmpty }.map { chart in
            try writeChart(of: chart.rows, title: chart.title, subtitle: chart.subtitle, to: path(chart.name))
            return path(chart.name)
        }
    }

    private static func currentLoadAverage() -> Double? {
        var average = 0.0
        return getloadavg(&average, 1) == 1 ? average : nil
    }
}

/// `1 thread`, `2 threads`.
func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
