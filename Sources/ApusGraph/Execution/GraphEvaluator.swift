import ApusSymbolic
import ApusTensor

/// The values of a graph that is being carried out.
package struct GraphValues {
    package let graph: Graph
    private var known: [OperatorArgument?]

    package init(_ graph: Graph) {
        self.graph = graph
        known = Array(repeating: nil, count: graph.values.count)
    }

    /// Nil for a value that is not computed yet, or is read by nothing any more.
    package subscript(value: Value) -> OperatorArgument? {
        get { graph.contains(value) ? known[value.index] : nil }
        set { if graph.contains(value) { known[value.index] = newValue } }
    }

    package func argument(_ value: Value) throws -> OperatorArgument {
        guard let known = self[value] else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is read before it is computed")
        }
        return known
    }

    /// An argument of a node, whose symbols stay as they are.
    package func argument(_ argument: GraphArgument) throws -> OperatorArgument {
        switch argument {
        case .tensor(let value): return try self.argument(value)
        case .tensors(let values):
            // A loop: a closure would hold a copy of this, with every part of the graph.
            var tensors: [Tensor] = []
            for value in values { tensors.append(try tensor(value)) }
            return .tensors(tensors)
        default: return try argument.map { try tensor($0) }
        }
    }

    private func tensor(_ value: Value) throws -> Tensor {
        guard case .tensor(let tensor) = try argument(value) else {
            throw TensorError(.invalidArgument, "the value '%\(graph.name(value))' is no tensor")
        }
        return tensor
    }

    /// What the graph gives in one place, whose symbols stay as they are.
    package func argument(_ output: GraphOutput) throws -> OperatorArgument {
        switch output {
        case .value(let value): try argument(value)
        case .literal(let literal): RuntimeValue(literal).argument
        case .int(let size): .int(size)
        case .float(let number): .scalar(.float(number))
        case .bool(let condition): .symBool(condition)
        }
    }

    // Asked of the graph in here, which is not copied for it.
    func type(_ value: Value) -> ValueType { graph.type(value) }
    func name(_ value: Value) -> String { graph.name(value) }

    package mutating func free(_ values: [Value]) {
        for value in values where graph.contains(value) { known[value.index] = nil }
    }
}

/// What the nodes of a graph mean to someone who carries it out: a run computes, a trace that takes a graph in records.
///
/// The walk itself stands in the extension: arguments in the place of values, one result for each output, a type for each result.
package protocol GraphHandler {
    /// Learns what the graph's inputs are.
    mutating func bind(_ inputs: [OperatorArgument], of graph: Graph) throws
    /// Learns what stands for a value of this type. Throws where it contradicts the type; `name` names the value.
    mutating func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws
    /// The argument of an operator with what the graph's symbols stand for.
    func value(of argument: OperatorArgument, in name: String) throws -> OperatorArgument
    /// One result for each output of the node; nil leaves them unknown.
    mutating func results(of node: Node, _ values: GraphValues) throws -> [OperatorArgument]?
    /// The error with what the handler knows of the node's numbers.
    func explained(_ error: TensorError, of node: Node) -> TensorError
    /// Whether an error of a node tells the node's place in the source.
    var locatesErrors: Bool { get }
}

extension GraphHandler {
    package mutating func bind(_ inputs: [OperatorArgument], of graph: Graph) throws {}
    package mutating func bind(_ type: ValueType, to seen: OperatorArgument, _ name: @autoclosure () -> String) throws {}
    package func value(of argument: OperatorArgument, in name: String) throws -> OperatorArgument { argument }
    package func explained(_ error: TensorError, of node: Node) -> TensorError { error }
    package var locatesErrors: Bool { true }

    package func arguments(of node: Node, _ values: GraphValues) throws -> [OperatorArgument] {
        var arguments: [OperatorArgument] = []
        arguments.reserveCapacity(node.arguments.count)
        for argument in node.arguments { arguments.append(try value(of: try values.argument(argument), in: node.operator.schema.name)) }
        return arguments
    }

    /// Carries out the graph, and returns what it gives.
    /// - Parameter lastReads: the graph's own, to keep values no longer than they are read; nil keeps all of them.
    package mutating func run(_ graph: Graph, _ inputs: [OperatorArgument], lastReads: [[Value]]? = nil) throws -> [OperatorArgument] {
        guard inputs.count == graph.inputs.count else {
            throw TensorError(.invalidArgument, "the program takes \(graph.inputs.count) inputs, not \(inputs.count)")
        }
        try bind(inputs, of: graph)
        let values: GraphValues = try carryOut(graph, inputs, lastReads: lastReads)
        return try graph.outputs.map { try value(of: try values.argument($0), in: "") }
    }

    /// Carries out the nodes.
    package mutating func carryOut(_ graph: Graph, _ inputs: [OperatorArgument?], lastReads: [[Value]]? = nil) throws -> GraphValues {
        var values = GraphValues(graph)
        for (input, given) in zip(graph.inputs, inputs) { values[input] = given }
        for (position, node) in graph.nodes.enumerated() {
            do { try carryOut(node, &values) } catch let error as TensorError where locatesErrors {
                throw explained(error, of: node).located(at: node.site)
            }
            if let lastReads { values.free(lastReads[position]) }
        }
        return values
    }

    private mutating func carryOut(_ node: Node, _ values: inout GraphValues) throws {
        guard let results = try results(of: node, values) else { return }
        guard results.count == node.outputs.count else {
            throw TensorError(
                .unsupported, in: node.operator.schema.name, "gave \(results.count) results where the graph has \(node.outputs.count)")
        }
        for (output, result) in zip(node.outputs, results) {
            try bind(values.type(output), to: result, "the result '%\(values.name(output))'")
            values[output] = result
        }
    }
}

extension OperatorArgument {
    /// A result of an operator as graphs count them: a list is one for each element.
    package var elements: [OperatorArgument] {
        switch self {
        case .tensors(let tensors): tensors.map { .tensor($0) }
        case .optionalTensors(let tensors): tensors.map { .optional($0) }
        default: [self]
        }
    }
}

extension TensorError {
    /// The same error with the place of the node that threw it, where it has none of the program's own.
    package func located(at site: NodeSite?) -> TensorError {
        var error = self
        switch site {
        case .call(let site)?: error.site = site
        case .text(let text)? where !message.hasSuffix("(at \(text))"):
            error.message += " (at \(text))"
            error.site = nil
        default: break
        }
        return error
    }
}
