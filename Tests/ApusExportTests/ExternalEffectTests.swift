import ApusExport
import ApusGraph
import ApusProgram
import ApusTensor
import Synchronization
import Testing

/// Operators that act on the world outside: a program runs them as often as they stand in it, and in its order; making one runs none.
struct ExternalEffectTests {
    /// What was called, in order.
    private final class Log: Sendable {
        private let calls = Mutex<[String]>([])
        var all: [String] { calls.withLock { $0 } }
        func note(_ call: String) { calls.withLock { $0.append(call) } }
    }

    private func told(_ name: String, _ log: Log) throws -> Operator {
        Operator(
            try Operator.Schema("mine::\(name)(Tensor self) -> Tensor"), effects: .external, rule: { [try $0.tensor(0).spec] },
            kernel: .compute { call, outputs in
                log.note(name)
                outputs[0].baseAddress.copyMemory(from: try call.tensor(0).contiguous().baseAddress, byteCount: 3 * 4)
            })
    }

    @Test func runAsOftenAsTheyStandThere() throws {
        let log = Log()
        let (sent, got): (Operator, Operator) = (try told("sent", log), try told("got", log))
        let constant = try Tensor.ones([3])
        let program = try export(
            { (x: Tensor) in
                let first = try applySingle(sent, [.tensor(x)])
                _ = try applySingle(got, [.tensor(constant)])
                let again = try applySingle(sent, [.tensor(x)])
                return try first + again + applySingle(got, [.tensor(constant)])
            }, args: try Tensor.zeros([3]))
        #expect(log.all.isEmpty)
        let folded = try program.foldingConstants()
        #expect(log.all.isEmpty)
        for each in [program, folded] {
            let before: Int = log.all.count
            let result: Tensor = try each(Tensor([1, 2, 3] as [Float], shape: [3]))
            #expect(try result.array(of: Float.self) == [3, 5, 7])
            #expect(log.all.dropFirst(before) == ["sent", "got", "sent", "got"])
        }
    }

    /// A gradient would run a branch or a pass once more.
    @Test func bodiesThatHoldThemHaveNoGradient() throws {
        let log = Log()
        let sent: Operator = try told("sent", log)
        let x = try Tensor.ones([3])
        let error = #expect(throws: TensorError.self) {
            try gradient(at: x) { (x: Tensor) in
                try scan(x, over: Tensor.ones([2, 3])) { carried, row in
                    let next: Tensor = try applySingle(sent, [.tensor(carried)]) * row
                    return (next, next)
                }.0.sum()
            }
        }
        #expect(error?.code == .notDifferentiable)
        #expect(log.all == ["sent", "sent"])
    }
}
