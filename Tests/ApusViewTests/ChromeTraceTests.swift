import ApusProgram
import ApusRuntime
import ApusTensor
import ApusView
import Foundation
import Testing

@Suite("Traces for a browser") struct ChromeTraceTests {
    private struct Document: Decodable {
        struct Event: Decodable {
            let name, ph: String
            let cat: String?
            let ts, dur: Double?
            let pid, tid: Int
            let args: [String: String]
        }
        let traceEvents: [Event]
    }

    @Test("Every event is there, and those of a row nest") func structure() async throws {
        let program = try Programs.layers()
        let profiler = Profiler()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<5 { _ = try program.run([Tensor.ones([8, 3])], profiler: profiler) } }
            }
            try await group.waitForAll()
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(ChromeTrace(profiler.events).json.utf8))
        let spans = document.traceEvents.filter { $0.ph == "X" }
        #expect(spans.count == profiler.events.count && document.traceEvents.count == spans.count + 1)
        #expect(spans.allSatisfy { ($0.ts ?? -1) >= 0 && ($0.dur ?? -1) >= 0 && $0.pid == 1 && $0.cat != nil })
        #expect(spans.filter { $0.cat == "run" }.count == 20)
        #expect(spans.contains { $0.cat == "step" && $0.args["operators"]?.contains("aten::") == true })
        // Of two spans in a row one holds the other, or they are apart.
        for (_, row) in Dictionary(grouping: spans, by: \.tid) {
            var open: [(end: Double, name: String)] = []
            for span in row.sorted(by: { ($0.ts ?? 0, $1.dur ?? 0) < ($1.ts ?? 0, $0.dur ?? 0) }) {
                let (start, end) = (span.ts ?? 0, (span.ts ?? 0) + (span.dur ?? 0))
                while let last = open.last, last.end <= start + 0.0005 { open.removeLast() }
                if let last = open.last { #expect(end <= last.end + 0.0005, "\(span.name) in \(last.name)") }
                open.append((end, span.name))
            }
        }
    }

    @Test("A trace of nothing is a trace") func empty() throws {
        let document = try JSONDecoder().decode(Document.self, from: Data(ChromeTrace([]).json.utf8))
        #expect(document.traceEvents.map(\.ph) == ["M"])
    }
}
