import ApusSymbolic
import ApusTensor

extension GraphBody {
    /// Carries out the body's operations on tensors: eagerly, or as part of what is being traced or recorded. Symbols that get their value
    /// inside keep their names, since a body of its own is made each time.
    func replay(_ inputs: [Tensor]) throws -> [Tensor] {
        let inputs: [OperatorArgument] = inputs.map { .tensor($0) }
        let results: [OperatorArgument]
        if let tracer = Interpreter.tracing {
            var replay = BodyReplay(tracer: tracer as? BodyTracer)
            results = try replay.run(graph, inputs)
        } else {
            results = try GraphExecutor(graph).run(inputs, knowing: SymbolValues())
        }
        return try results.map { result in
            guard let tensor = result.tensor else {
                throw TensorError(.notDifferentiable, in: "gradient", "a body gives what is no tensor")
            }
            return tensor
        }
    }
}

/// What nodes mean where a body is carried out once more while something is traced.
private struct BodyReplay: GraphHandler {
    let tracer: BodyTracer?

    /// The call that is traced is the one that errors are of.
    var locatesErrors: Bool { false }

    func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]? {
        tracer?.upcoming = upcoming(node, values.graph)
        defer { tracer?.upcoming = [] }
        return try apply(node.operator, try arguments(of: node, values)).flatMap(\.elements)
    }

    /// What only a run can know of the node's results.
    private func upcoming(_ node: Node, _ graph: Graph) -> [ValueType] {
        let known = Set(node.operands.flatMap { graph.type($0).freeSymbols })
        let types: [ValueType] = node.outputs.map(graph.type)
        return types.newSizes { $0.isBacked || known.contains($0) }.map { .int($0) } + types.filter { $0.spec == nil }
    }
}
