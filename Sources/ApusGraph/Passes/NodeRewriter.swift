import ApusSymbolic
import ApusTensor

/// A pass that looks at one node at a time, in the graph and in the bodies of its control flow: the base of one-to-one, one-to-many and
/// one-to-none rewritings.
public protocol NodeRewriter: GraphPass {
    /// Writes what takes the node's place into the new graph, and returns a value for each of its results; nil keeps the node as it is.
    /// - Parameter arguments: the node's arguments in terms of the new graph.
    func rewrite(_ node: Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Value]?
}

extension NodeRewriter {
    public func run(_ graph: Graph) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        for node in graph.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try bodiesRewritten(copy.mapped($0)) }
            let before: Int = copy.graph.nodes.count
            guard let results = try rewrite(node, arguments, into: &copy) else {
                copy.keep(node, arguments)
                continue
            }
            guard results.count == node.outputs.count else {
                throw TensorError(
                    .invalidArgument, in: node.operator.schema.name, "the rewriting gave \(results.count) values for \(node.outputs.count)")
            }
            copy.finish(from: before, inPlaceOf: node)
            for (old, new) in zip(node.outputs, results) { copy.map(old, to: new) }
        }
        return copy.finished()
    }

    private func bodiesRewritten(_ argument: GraphArgument) throws -> GraphArgument {
        guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return argument }
        return .graph(GraphBody(try run(body.graph)))
    }
}

/// A graph that is being copied node by node with changes.
public struct GraphCopy {
    public private(set) var graph = Graph()
    /// The graph that is copied.
    public let source: Graph
    /// What is known of the source's symbols.
    let scope: SymbolScope?
    private var places: [Value?]
    private let provenance: String

    /// Starts with the inputs.
    public init(of source: Graph, provenance: String) {
        self.source = source
        self.provenance = provenance
        scope = source.scope
        places = Array(repeating: nil, count: source.values.count)
        for input in source.inputs {
            let place: Value = graph.addInput(source.name(input), source.type(input))
            if source.contains(input) { places[input.index] = place }
        }
    }

    /// The new graph's value for one of the source. Throws where it has been left out.
    public func mapped(_ value: Value) throws -> Value {
        guard places.indices.contains(value.index), let place = places[value.index] else {
            throw TensorError(.invalidArgument, "a value is read that the rewriting left out")
        }
        return place
    }

    public func mapped(_ argument: GraphArgument) throws -> GraphArgument { try argument.map { try mapped($0) } }

    public mutating func map(_ old: Value, to new: Value) {
        if places.indices.contains(old.index) { places[old.index] = new }
    }

    /// Appends an operation whose types follow from its rule under the symbols' declared facts. Returns its results.
    @discardableResult
    public mutating func apply(_ operation: Operator, _ arguments: [GraphArgument]) throws -> [Value] {
        let types: [ValueType] = try resultTypes(operation, arguments)
        return append(operation, arguments, types: types)
    }

    private func resultTypes(_ operation: Operator, _ arguments: [GraphArgument]) throws -> [ValueType] {
        let rules = RuleInterpreter(scope: scope, acceptsUndecided: false)
        let plain: [OperatorArgument] = try arguments.map { argument in
            try argument.map { value in
                guard let spec = graph.spec(value) else {
                    throw TensorError(.invalidArgument, in: operation.schema.name, "'%\(graph.name(value))' is no tensor")
                }
                return Tensor(spec: spec)
            }
        }
        return try rules.specs(operation, plain).map { .tensor($0) }
    }

    /// Appends an operation with the given types.
    @discardableResult
    public mutating func append(_ operation: Operator, _ arguments: [GraphArgument], types: [ValueType]) -> [Value] {
        graph.append(operation, arguments, types: types, provenance: provenance)
    }

    /// Copies a node, with arguments in terms of the new graph.
    public mutating func keep(_ node: Node, _ arguments: [GraphArgument]) {
        let results: [Value] = graph.append(
            node.operator, arguments, types: node.outputs.map { source.type($0) }, names: node.outputs.map { source.name($0) },
            site: node.site, modulePath: node.modulePath, provenance: node.provenance)
        for (old, new) in zip(node.outputs, results) { map(old, to: new) }
    }

    /// Gives a value of the new graph another type.
    mutating func setType(_ value: Value, _ type: ValueType) { graph.setType(value, type) }

    /// Gives the last node the place in the source that another has.
    mutating func copySite(of node: Node) {
        finish(from: graph.nodes.count - 1, inPlaceOf: node)
    }

    /// Gives the nodes that took the place of another its site and module.
    mutating func finish(from start: Int, inPlaceOf node: Node) {
        for index in start..<graph.nodes.count {
            graph.nodes[index].site = node.site
            graph.nodes[index].modulePath = node.modulePath
        }
    }

    /// The copy with its outputs.
    func finished() -> Graph {
        var graph: Graph = graph
        graph.outputs = source.outputs.map { output in
            guard case .value(let value) = output, source.contains(value), let place = places[value.index] else { return output }
            return .value(place)
        }
        return graph
    }
}
