import Apus
import Foundation
import Synchronization
import Testing

/// Events of loading, running, and each step.
@Suite struct ProfilingTests {
    private let x: Tensor

    init() throws { x = try Tensor((0..<12).map { Float($0) }, shape: [4, 3]) }

    private func kinds(_ profiler: Profiler) -> [ProfileEvent.Kind] { profiler.events.map(\.kind) }

    @Test func loadRunAndSteps() throws {
        let path: String = NSTemporaryDirectory() + "apus-profile-\(UUID().uuidString).pt2"
        defer { try? FileManager.default.removeItem(atPath: path) }
        // Not inlined, so that each operation has a line.
        let line: Int = #line + 1
        @inline(never) func function(_ x: Tensor) throws -> Tensor {
            let y = try (x + 1).tanh() * 0.5
            let z = try y.matmul(x.transposed(0, 1))
            let result = try z.softmax(dim: -1)
            return result
        }
        let traced = try export(function, args: x, constraints: [dynamicDim(x, 0)])
        try traced.save(to: path)
        let profiler = Profiler()
        let program = try ExportedProgram.load(from: path, profiler: profiler)
        #expect(kinds(profiler) == [.load] && profiler.events[0].name == path)

        profiler.removeAll()
        let results = try program.run([x], profiler: profiler)
        #expect(try results[0].array(of: Float.self) == program.run([x])[0].array(of: Float.self))
        // Elementwise operators in a row are one step, which names them; views are no steps.
        #expect(kinds(profiler) == [.bind, .step, .step, .step, .run])
        let steps = profiler.events.filter { $0.kind == .step }
        #expect(steps.map(\.operators) == [["aten::add.Scalar", "aten::tanh", "aten::mul.Scalar"], ["aten::matmul"], ["aten::_softmax"]])
        #expect(steps[0].name == "aten::add.Scalar and 2 more")
        // Times: within the run, one after another.
        let run = try #require(profiler.events.last)
        #expect(run.name == "program" && run.operators.isEmpty && run.duration > 0)
        for event in profiler.events.dropLast() {
            #expect(event.start >= run.start && event.start + event.duration <= run.start + run.duration)
        }
        for (a, b) in zip(steps, steps.dropFirst()) { #expect(a.start + a.duration <= b.start) }

        // Sizes that were met are laid out already.
        profiler.removeAll()
        _ = try program.run([x], profiler: profiler)
        #expect(kinds(profiler) == [.step, .step, .step, .run])
        // A program that was traced here knows its lines.
        profiler.removeAll()
        _ = try traced.run([x], profiler: profiler)
        let lines: [String] = profiler.events.filter { $0.kind == .step }.map { $0.site ?? "none" }
        #expect(lines == [1, 2, 3].map { "ProfilingTests.swift:\(line + $0)" })
        profiler.removeAll()
        // And without a profiler nothing is recorded.
        _ = try program.run([x])
        #expect(profiler.events.isEmpty)
    }

    @Test func onlyWhatRuns() throws {
        let program = try export(
            { (x: Tensor) in try x.sum().item(SymFloat.self) > 0 ? try x.cos() : try x.sin() }, args: x,
            options: ExportOptions(selfCheck: false))
        let profiler = Profiler()
        _ = try program.run([x], profiler: profiler)
        let operators = profiler.events.flatMap(\.operators)
        #expect(operators.contains("aten::cos") && !operators.contains("aten::sin"))
    }

    @Test func programsThatRunNodeByNode() throws {
        let program = try export(
            { (x: Tensor) in
                try whileLoop((SymInt(0), x)) { i, _ in
                    i < x.shape[0]
                } do: { i, y in
                    (i + 1, try y.cos())
                }.1
            }, args: x, constraints: [dynamicDim(x, 0)])
        let profiler = Profiler()
        _ = try program.run([x], profiler: profiler)
        #expect(profiler.events.count { $0.operators == ["aten::cos"] } == 4)
        #expect(profiler.events.last?.kind == .run)
    }

    @Test func failuresAreEventsToo() throws {
        let program = try export(
            { (x: Tensor, i: Tensor) in try x.cos().indexSelect(dim: 0, i) }, args: x, try Tensor([1, 2] as [Int], shape: [2]))
        let profiler = Profiler()
        #expect(throws: TensorError.self) { try program.run([x, try Tensor([1, 9] as [Int], shape: [2])], profiler: profiler) }
        #expect(profiler.events.last?.kind == .run && profiler.events.contains { $0.operators == ["aten::index_select"] })
    }

    @Test func handlersAndSummaries() throws {
        let program = try export({ (x: Tensor) in try x.cos().cumsum(dim: 0) }, args: x, options: ExportOptions(selfCheck: false))
        let names = Mutex<[String]>([])
        let handed = Profiler { event in names.withLock { $0.append(event.name) } }
        _ = try program.run([x], profiler: handed)
        let handedNames: [String] = names.withLock { $0 }
        #expect(handedNames == ["program", "aten::cos", "aten::cumsum", "program"])
        #expect(handed.events.isEmpty)

        let profiler = Profiler()
        for _ in 0..<5 { _ = try program.run([x], profiler: profiler) }
        let summary = profiler.summary
        let run = try #require(summary.rows.first { $0.kind == .run })
        #expect(run.count == 5 && run.share == 1)
        let steps = summary.rows.filter { $0.kind == .step }
        #expect(Set(steps.map(\.name)) == ["aten::cos", "aten::cumsum"])
        #expect(steps.allSatisfy { $0.count == 5 })
        #expect(steps.reduce(0) { $0 + $1.total } <= run.total)
        // Columns are as wide as their numbers, and those are as large as the machine is busy.
        let heads = summary.description.prefix { $0 != "\n" }.split(separator: "  ").map { $0.drop { $0 == " " } }
        #expect(heads == ["event", "count", "total us", "mean us", "share", "what"])
        let json = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(summary)) as? [String: Any]
        #expect((json?["rows"] as? [Any])?.count == summary.rows.count)
        let events = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(profiler.events)) as? [[String: Any]]
        #expect(
            events?.count == profiler.events.count && events?.first?["kind"] as? String == "step"
                || events?.first?["kind"] as? String == "bind")
    }
}
