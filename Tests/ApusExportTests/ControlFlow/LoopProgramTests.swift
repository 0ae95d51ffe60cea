import ApusExport
import ApusGraph
import ApusNN
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

/// A recurrent network over the first dimension.
private final class Recurrent: Module {
    let input: Linear
    let recurrent: Linear

    init() throws {
        input = try Linear(3, 4)
        recurrent = try Linear(4, 4)
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let start: Tensor = try Tensor.zeros([4])
        let (_, all): (Tensor, Tensor) = try scan(start, over: x) { state, row in
            let next: Tensor = try (input(row) + recurrent(state)).tanh()
            return (next, next)
        }
        return all
    }
}

@Suite("Programs with loops")
struct LoopProgramTests {
    private func nested(_ x: Tensor) throws -> [Tensor] {
        let w = try Tensor.eye(3) * 0.5
        let (last, all): (Tensor, Tensor) = try scan(try Tensor.zeros([3]), over: x) { h, row in
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), h)) { i, _ in
                i < x.shape[0]
            } do: { i, y in
                let unused: Tensor = try y.cos()
                _ = unused
                let twice: Tensor = try (y * 0.5) + (y * 0.5)
                let next: Tensor = try cond(i > 1) {
                    try twice.matmul(w)
                } else: {
                    try twice + row
                }
                return (i + 1, next)
            }
            return (try end.1.tanh(), end.1)
        }
        return [last, all]
    }

    @Test func comeThroughPasses() throws {
        let program = try sweep(1...4) { x in try nested(x) }
        let passed = try program.transform(
            DeadCodeElimination(), CommonSubexpressionElimination(), ProvedAssertions(), Decomposition())
        try verify(passed.graph, scope: passed.scope)
        let cos = try #require(OperatorTable.find("aten::cos"))
        #expect(program.graph.count(cos) == 1)
        #expect(passed.graph.count(cos) == 0)
        // The cosine that nobody reads, and one of the equal products.
        #expect(passed.graph.totalNodeCount <= program.graph.totalNodeCount - 2)
        for size in 1...4 {
            let x = try numbers([size, 3], seed: UInt64(size))
            let (found, expected): ([Tensor], [Tensor]) = (try passed(x), try nested(x))
            for (a, b) in zip(found, expected) { try expectClose(a, b) }
        }
    }

    @Test func arePrintedWithTheirBodies() throws {
        let x = try numbers([4])
        let program = try export(
            { (x: Tensor) -> Tensor in
                let end: (SymInt, Tensor) = try whileLoop((SymInt(0), x)) { i, _ in
                    i < x.shape[0]
                } do: { i, y in
                    (i + 1, try y.sin())
                }
                return end.1
            }, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        let text: String = GraphPrinter(showsSites: false).text(program.graph)
        let lines: [String] = text.split(separator: "\n").map { $0.drop { $0 == " " }.description }
        #expect(lines.first == "graph(%x: float32[s0]):")
        #expect(
            lines.contains(
                "%while_loop: int64[], %while_loop_1: float32[s0] = apus::while_loop(carried=[%full, %x], operands=[])"), "\(text)")
        #expect(lines.contains("cond_graph(%carried_0: int64[], %carried_1: float32[s0]):"), "\(text)")
        #expect(lines.contains("body_graph(%carried_0: int64[], %carried_1: float32[s0]):"), "\(text)")
        #expect(lines.contains("return %full, %sin"), "\(text)")
        #expect(program.graph.dot().contains("label=\"body_graph\""))
        #expect(program.graph.svg().contains("body_graph of %while_loop"))
    }

    @Test func holdAModule() throws {
        let model = try Recurrent()
        let x = try numbers([5, 3])
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0).in(1...9)])
        #expect(program.graph.count(.scan) == 1)
        for size in [1, 5, 9] {
            let y = try numbers([size, 3], seed: UInt64(size))
            let found: Tensor = try program(y)
            try expectClose(found, try model(y))
        }
        let body = try #require(program.graph.nodes.first { $0.operator == .scan }?.bodies.first)
        #expect(body.graph.nodes.contains { $0.modulePath.last?.path == "recurrent" })
    }

    @Test func trainAsJointPrograms() throws {
        let model = try Recurrent()
        let x = try numbers([5, 3])
        let joint = try exportJoint(
            { (x: Tensor) in try model(x).square().mean() }, of: model, args: x, constraints: [dynamicDim(x, 0).in(1...9)])
        for size in [1, 5, 9] {
            let y = try numbers([size, 3], seed: UInt64(size))
            let eager = try valueAndGradient(of: model) { try $0(y).square().mean() }
            let step = try joint.valueAndGradients(y)
            try expectClose(step.loss, eager.value)
            for name in ["input.weight", "input.bias", "recurrent.weight", "recurrent.bias"] {
                try expectClose(try #require(step.gradients[name]), try #require(eager.gradients[name]), "\(name) at \(size)")
            }
        }
    }

    @Test func runFromManyTasks() async throws {
        let x = try numbers([4, 3])
        let program = try export({ (x: Tensor) in try nested(x) }, args: x, constraints: [dynamicDim(x, 0).in(1...4)])
        let expected = try nested(x)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let found: [Tensor] = try program(x)
                    for (a, b) in zip(found, expected) { try expectClose(a, b) }
                }
            }
            try await group.waitForAll()
        }
    }
}
