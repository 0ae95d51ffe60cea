import ApusRuntime
import Foundation

/// What a profiler recorded, in the Trace Event Format that `chrome://tracing` and Perfetto (https://ui.perfetto.dev) open.
///
///     let profiler = Profiler()
///     _ = try program.run([x], profiler: profiler)
///     try ChromeTrace(profiler.events).json.write(toFile: "trace.json", atomically: true, encoding: .utf8)
public struct ChromeTrace: Sendable {
    /// An entry of the format: a span of time, or the name of the process.
    private struct Entry: Encodable {
        let name: String
        let cat: String?
        let ph: String
        /// In microseconds, as the duration.
        let ts: Double?
        let dur: Double?
        let pid = 1
        let tid: Int
        let args: [String: String]
    }

    private struct Document: Encodable {
        let displayTimeUnit = "ms"
        let traceEvents: [Entry]
    }

    /// The trace's text.
    public let json: String

    /// Puts events in rows: one that begins within another stands below it, and runs that overlap, as those of several callers, get a row each.
    public init(_ events: [ProfileEvent]) throws {
        var entries: [Entry] = [Entry(name: "process_name", cat: nil, ph: "M", ts: nil, dur: nil, tid: 0, args: ["name": "apus"])]
        // For each row the ends of what is open there, the innermost last.
        var rows: [[Int64]] = []
        for event in events.sorted(by: { ($0.start, $1.duration) < ($1.start, $0.duration) }) {
            let end: Int64 = event.start &+ event.duration
            let row: Int =
                rows.indices.first { index in
                    while let last = rows[index].last, last <= event.start { rows[index].removeLast() }
                    return rows[index].last.map { end <= $0 } ?? true
                } ?? rows.count
            if row == rows.count { rows.append([]) }
            rows[row].append(end)
            var args: [String: String] = [:]
            if !event.operators.isEmpty { args["operators"] = event.operators.joined(separator: " ") }
            args["site"] = event.site
            entries.append(
                Entry(
                    name: event.name, cat: event.kind.rawValue, ph: "X", ts: Double(event.start) / 1000, dur: Double(event.duration) / 1000,
                    tid: row + 1, args: args))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        json = String(decoding: try encoder.encode(Document(traceEvents: entries)), as: UTF8.self)
    }
}
