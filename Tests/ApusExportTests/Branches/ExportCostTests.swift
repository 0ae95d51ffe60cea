import ApusProgram
import ApusSymbolic
import ApusTensor
import Synchronization
import Testing

@testable import ApusExport

/// What exploring and merging cost, in counts: runs of the function, questions, and operations that are traced. The times are measured by
/// `make bench ARGS="--filter symbolic"`.
@Suite("Cost of exploring") struct ExportCostTests {
    /// `count` questions about values, with some thirty operations after each.
    private static func chain(_ x: Tensor, questions: Int) throws -> Tensor {
        var y = x
        for i in 0..<8 {
            if i < questions {
                y = try x[i].item(SymFloat.self) > 0 ? try y.sin() : try y.cos()
            } else {
                y = try (x[i] + y).sin()
            }
            for _ in 0..<10 { y = try (y * 2 + x).tanh() }
        }
        return try y.sum()
    }

    private struct Counts: Equatable {
        var runs = 0
        var decisions = 0
        var nodes = 0
    }

    private func counts(_ x: Tensor, questions: Int) throws -> (Counts, ExportedProgram) {
        let counts = Mutex(Counts())
        let log = ExportLog { event in
            guard case .path(let decisions, let nodes, _) = event else { return }
            counts.withLock {
                $0.runs += 1
                $0.decisions += decisions
                $0.nodes += nodes
            }
        }
        let program = try export(
            { (x: Tensor) in try Self.chain(x, questions: questions) }, args: x, options: ExportOptions(selfCheck: false, log: log))
        return (counts.withLock { $0 }, program)
    }

    @Test("Five questions: thirty-two runs, each of the operations of a plain trace") func runsAndNodes() throws {
        let x = try Tensor.ones([8])
        let (plain, _) = try counts(x, questions: 0)
        #expect(plain == Counts(runs: 1, decisions: 0, nodes: 8 * (3 + 30) + 1))
        let (explored, program) = try counts(x, questions: 5)
        // A question's operations instead of a sum: select, item, and one of sine and cosine.
        #expect(explored == Counts(runs: 32, decisions: 32 * 5, nodes: 32 * plain.nodes))
        // Both sides of a question meet again: the program is no longer than the plain one and its branches.
        #expect(program.paths.count == 32)
        #expect(program.graph.totalNodeCount < plain.nodes + 5 * 8)
    }

    @Test("The function runs once for each path, and once more for each that is checked") func runsOfTheFunction() throws {
        let x = try Tensor.ones([5])
        var runs = 0
        func f(_ x: Tensor) throws -> Tensor {
            runs += 1
            let y = x.shape[0] > 3 ? try x.sin() : try x.cos()
            return x.shape[0] % 2 == 0 ? try y + 1 : y
        }
        _ = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...8)], options: ExportOptions(selfCheck: false))
        #expect(runs == 4)
        runs = 0
        _ = try export(f, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        #expect(runs == 8)
    }
}
