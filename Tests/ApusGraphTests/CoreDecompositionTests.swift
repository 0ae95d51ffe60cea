import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

/// Every operator that is not core, on its own samples: taken apart, it computes the same.
@Suite struct CoreDecompositionTests {
    /// A graph of one call, its inputs, or nil where an argument is no plain tensor or list of them.
    private func graph(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> (graph: Graph, inputs: [Tensor])? {
        var graph = Graph()
        var inputs: [Tensor] = []
        let references: [GraphArgument] = arguments.map { argument in
            argument.map { tensor in
                inputs.append(tensor)
                return graph.addInput("x\(inputs.count)", .tensor(tensor.spec))
            }
        }
        let results = try apply(operation, arguments)
        var types: [ValueType] = []
        for result in results {
            switch result {
            case .tensor(let tensor): types.append(.tensor(tensor.spec))
            case .tensors(let tensors): types += tensors.map { .tensor($0.spec) }
            default: return nil
            }
        }
        graph.outputs = graph.append(operation, references, types: types).map { .value($0) }
        return (graph, inputs)
    }

    private func difference(_ a: [RuntimeValue], _ b: [RuntimeValue]) throws -> String? {
        guard a.count == b.count else { return "\(a.count) and \(b.count) results" }
        for (p, q) in zip(a, b) {
            guard let p = p.tensor, let q = q.tensor, p.dtype == q.dtype, try p.sizes == q.sizes else {
                return "\(String(describing: p.tensor?.spec)) and \(String(describing: q.tensor?.spec))"
            }
            // Half precision rounds between the parts.
            let tolerance: Double = p.dtype == .bfloat16 ? 0.05 : p.dtype == .float16 ? 0.01 : 1e-5
            let pairs = zip(
                try (p.dtype.isComplex ? p.viewAsReal() : p).array(of: Double.self),
                try (q.dtype.isComplex ? q.viewAsReal() : q).array(of: Double.self))
            for (x, y) in pairs where !(x == y || (x.isNaN && y.isNaN)) {
                let difference: Double = abs(x - y)
                if !(difference <= tolerance * Swift.max(1, abs(x))) { return "\(x) and \(y)" }
            }
        }
        return nil
    }

    @Test func whatIsTakenApartComputesTheSame() throws {
        var taken = Set<String>()
        var left = Set<String>()
        for operation in OperatorTable.all where !Dialect.coreATen.contains(operation) && operation.effects.isPure {
            for sample in try operation.samples() {
                guard let (graph, inputs) = try graph(operation, sample) else { continue }
                let apart = try PassManager([Decomposition()]).run(graph)
                if apart.nodes.contains(where: { $0.operator == operation }) {
                    left.insert(operation.name)
                    continue
                }
                taken.insert(operation.name)
                let (expected, found) = (try GraphExecutor(graph).run(inputs), try GraphExecutor(apart).run(inputs))
                if let difference = try difference(expected, found) { Issue.record("\(operation.name): \(difference)\n\(apart)") }
            }
        }
        #expect(taken.count >= 80, "\(taken.count) taken apart")
        for name in ["silu", "linear", "matmul", "transpose.int", "stack", "sum", "mse_loss", "hardswish"] {
            #expect(taken.contains("aten::\(name)"), "\(name)")
        }
        // What has no decomposition is known: linear algebra, sorting, and what only a kernel computes.
        #expect(!left.subtracting(taken).contains("aten::relu6"))
        print(
            "core ATen: \(taken.count) operators are taken apart; left as they are: \(left.subtracting(taken).sorted().joined(separator: " "))"
        )
    }
}
