import ApusSymbolic
import ApusTensor

extension GraphBody {
    /// Carries out the body's operations on tensors: eagerly, or as part of what is being traced or recorded. Symbols that get their value
    /// inside keep their names, since a body of its own is made each time.
    func replay(_ inputs: [Tensor]) throws -> [Tensor] {
        guard let tracer = Interpreter.tracing else {
            return try GraphExecutor(graph).run(inputs).map { result in
                guard let tensor = result.tensor else {
                    throw TensorError(.notDifferentiable, in: "gradient", "a body gives \(result), which is no tensor")
                }
                return tensor
            }
        }
        var replay = BodyReplay(graph, inputs, tracer as? BodyTracer)
        return try replay.run()
    }
}

/// One run of a body while something is traced.
private struct BodyReplay {
    private let graph: Graph
    private let tracer: BodyTracer?
    private var values: [OperatorArgument?]

    init(_ graph: Graph, _ inputs: [Tensor], _ tracer: BodyTracer?) {
        self.graph = graph
        self.tracer = tracer
        values = Array(repeating: nil, count: graph.values.count)
        for (input, tensor) in zip(graph.inputs, inputs) where graph.contains(input) { values[input.index] = .tensor(tensor) }
    }

    mutating func run() throws -> [Tensor] {
        for node in graph.nodes { try execute(node) }
        return try graph.outputs.map { output in
            guard case .value(let value) = output else {
                throw TensorError(.notDifferentiable, in: "gradient", "a body gives what is no tensor")
            }
            return try tensor(value)
        }
    }

    private mutating func execute(_ node: Node) throws {
        let arguments: [OperatorArgument] = try node.arguments.map { argument in
            if case .tensor(let value) = argument { return try known(value) }
            return try argument.map { try tensor($0) }
        }
        tracer?.upcoming = upcoming(node)
        defer { tracer?.upcoming = [] }
        let results: [OperatorArgument] = try apply(node.operator, arguments).flatMap { result -> [OperatorArgument] in
            switch result {
            case .tensors(let tensors): tensors.map { .tensor($0) }
            default: [result]
            }
        }
        for (output, result) in zip(node.outputs, results) where graph.contains(output) { values[output.index] = result }
    }

    /// What only a run can know of the node's results.
    private func upcoming(_ node: Node) -> [ValueType] {
        var known = Set<Symbol>()
        for operand in node.operands { known.formUnion(graph.type(operand).freeSymbols) }
        return node.outputs.flatMap { output -> [ValueType] in
            switch graph.type(output) {
            case .tensor(let spec):
                return spec.shape.compactMap { size in
                    guard let symbol = size.expression?.symbol, !symbol.isBacked, known.insert(symbol).inserted else { return nil }
                    return .int(size)
                }
            case let type: return [type]
            }
        }
    }

    private func known(_ value: Value) throws -> OperatorArgument {
        guard graph.contains(value), let known = values[value.index] else {
            throw TensorError(.invalidArgument, "'%\(graph.name(value))' is read before it is made")
        }
        return known
    }

    private func tensor(_ value: Value) throws -> Tensor {
        guard case .tensor(let tensor) = try known(value) else {
            throw TensorError(.invalidArgument, "'%\(graph.name(value))' is no tensor")
        }
        return tensor
    }
}
