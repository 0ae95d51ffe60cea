import ApusSymbolic
import ApusTensor

/// A pass that looks at one node at a time, in the graph and in the bodies of its control flow: the base of one-to-one, one-to-many and
/// one-to-none rewritings.
public protocol NodeRewriter: GraphPass {
    /// Writes what takes the node's place into the new graph, and returns a value for each of its results; nil keeps the node as it is.
    /// - Parameter arguments: the node's arguments in terms of the new graph.
    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]?
}

extension NodeRewriter {
    public func run(_ graph: Graph) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        for node in graph.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0).mapBody(run) }
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
            copy.map(node.outputs, to: results)
        }
        return copy.finished()
    }
}

/// A graph that is being copied node by node with changes.
public struct GraphCopy {
    public internal(set) var graph = Graph()
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
    public func mapped(_ value: Graph.Value) throws -> Graph.Value {
        guard places.indices.contains(value.index), let place = places[value.index] else {
            throw TensorError(.invalidArgument, "a value is read that the rewriting left out")
        }
        return place
    }

    public func mapped(_ argument: GraphArgument) throws -> GraphArgument { try argument.map { try mapped($0) } }

    public mutating func map(_ old: Graph.Value, to new: Graph.Value) {
        if places.indices.contains(old.index) { places[old.index] = new }
    }

    /// Says what takes the place of a node's results.
    mutating func map(_ old: [Value], to new: [Value]) {
        for (old, new) in zip(old, new) { map(old, to: new) }
    }

    /// Appends an operation whose types follow from its rule under the symbols' declared facts. Returns its results.
    @discardableResult
    public mutating func apply(_ operation: Operator, _ arguments: [GraphArgument]) throws -> [Graph.Value] {
        let specs: [TensorSpec] = try RuleInterpreter(scope: scope, acceptsUndecided: false).specs(operation, arguments, graph.type)
        return append(operation, arguments, types: specs.map { .tensor($0) })
    }

    /// Appends an operation with the given types.
    @discardableResult
    public mutating func append(_ operation: Operator, _ arguments: [GraphArgument], types: [ValueType]) -> [Graph.Value] {
        graph.append(operation, arguments, types: types, provenance: provenance)
    }

    /// Copies a node, with arguments in terms of the new graph.
    public mutating func keep(_ node: Graph.Node, _ arguments: [GraphArgument]) {
        map(node.outputs, to: graph.append(node, of: source, arguments))
    }

    /// A node's arguments in terms of the new graph, with what becomes of its bodies, each under what is known where it runs.
    func mapped(_ node: Node, under scope: SymbolScope?, _ transform: (Graph) throws -> Graph) throws -> [GraphArgument] {
        var facts: [SymBool?] = node.operator == .cond ? [node.condition.map { !$0 }, node.condition] : []
        return try node.arguments.map { argument in
            try mapped(argument).mapBody { body in
                let fact: SymBool? = facts.popLast() ?? nil
                guard let scope else { return try transform(body) }
                return try scope.scoped {
                    if let fact { scope.assume(fact) }
                    return try transform(body)
                }
            }
        }
    }

    /// Gives a value of the new graph another type.
    mutating func setType(_ value: Value, _ type: ValueType) { graph.setType(value, type) }

    /// Gives the last node the place in the source that another has.
    mutating func copySite(of node: Node) {
        finish(from: graph.nodes.count - 1, inPlaceOf: node)
    }

    /// Gives the nodes that took the place of another its site and module.
    package mutating func finish(from start: Int, inPlaceOf node: Node) {
        for index in start..<graph.nodes.count {
            graph.nodes[index].site = node.site
            graph.nodes[index].modulePath = node.modulePath
        }
    }

    /// The copy with its outputs.
    package func finished() -> Graph {
        var graph: Graph = graph
        graph.outputs = source.outputs.map { $0.map { places.indices.contains($0.index) ? places[$0.index] ?? $0 : $0 } }
        return graph
    }
}
