import ApusSymbolic
import ApusTensor

public typealias GraphArgument = ArgumentOf<Graph.Value>

/// One step of a module path: the attribute's name and its type.
public struct ModuleFrame: Sendable, Hashable {
    /// Dotted, from the root: `encoder.layers.0`; empty for the root itself.
    public let path: String
    public let type: String

    public init(path: String, type: String) {
        self.path = path
        self.type = type
    }
}

/// Where in the source a node comes from.
public enum NodeSite: Sendable {
    /// Captured while tracing, turned into text when somebody reads it.
    case call(CallSite)
    /// Read from a file.
    case text(String)
}

extension NodeSite {
    /// The place, where it was captured while tracing.
    package var callSite: CallSite? {
        if case .call(let site) = self { return site }
        return nil
    }
}

extension NodeSite: CustomStringConvertible {
    /// `Model.swift:41`, or what the file says.
    public var description: String {
        switch self {
        case .call(let site): "\(site)"
        case .text(let text): text
        }
    }
}

extension Graph {
    /// One operation of a graph.
    public struct Node: Sendable {
        public var `operator`: Operator
        /// In schema order, every default filled in.
        public var arguments: [GraphArgument]
        /// In schema order; a list result contributes one value for each element.
        public var outputs: [Value]
        public var site: NodeSite?
        /// The modules that were running, outermost first.
        public var modulePath: [ModuleFrame]
        /// The pass or importer that made the node, nil when it was traced.
        public var provenance: String?

        public init(
            _ operation: Operator, _ arguments: [GraphArgument], outputs: [Value], site: NodeSite? = nil, modulePath: [ModuleFrame] = [],
            provenance: String? = nil
        ) {
            self.operator = operation
            self.arguments = arguments
            self.outputs = outputs
            self.site = site
            self.modulePath = modulePath
            self.provenance = provenance
        }

        public var effects: Operator.Effects { self.operator.effects }

        /// The values that the node reads, in order, with repetitions.
        public var operands: [Value] {
            var found: [Value] = []
            for argument in arguments { argument.forEachReference { found.append($0) } }
            return found
        }

        /// The bodies of a control-flow node.
        public var bodies: [GraphBody] {
            arguments.compactMap { if case .graph(let body) = $0 { body as? GraphBody } else { nil } }
        }

        /// The condition on sizes that the node checks or branches on.
        package var condition: SymBool? {
            switch arguments.first {
            case .symBool(let condition)?: condition
            case .scalar(.bool(let value))?: SymBool(value)
            default: nil
            }
        }

        /// True where the node, or one in its bodies, has one of these effects.
        package func has(_ effects: Operator.Effects) -> Bool {
            !self.effects.isDisjoint(with: effects) || bodies.contains { $0.graph.has(effects) }
        }

        /// True where the node, or one in its bodies, draws random numbers.
        var draws: Bool { has(.random) }
    }
}

extension ArgumentOf {
    /// The graph of a body.
    package var body: Graph? {
        if case .graph(let body) = self { return (body as? GraphBody)?.graph }
        return nil
    }

    /// The argument with another body in the place of its own; what is none stays as it is.
    package func mapBody(_ transform: (Graph) throws -> Graph) rethrows -> Self {
        guard let body else { return self }
        return .graph(GraphBody(try transform(body)))
    }
}

extension Node {
    /// True where the node must run though nobody reads its results: it, or a node of its bodies, checks or draws something, or may fail.
    /// - Parameter type: the types of the values around.
    package func mustRun(_ type: (Value) -> ValueType) -> Bool {
        if !effects.isEmpty { return true }
        if !bodies.isEmpty { return bodies.contains { body in body.graph.nodes.contains { $0.mustRun(body.graph.type) } } }
        let missing = TensorError(.invalidArgument, in: self.operator.schema.name, "no tensor")
        guard let arguments = try? arguments.described(type, orThrow: { _ in missing }) else { return true }
        return self.operator.mayFail(Call(self.operator, arguments))
    }

    /// True where the node must run even if nobody reads its results.
    func isNeeded(in graph: Graph) -> Bool {
        if mustRun(graph.type) { return true }
        // A result that is a symbol of its own may be read through the sizes of others.
        return outputs.contains { graph.type($0).freeSymbols.contains { !$0.isBacked } }
    }
}

/// A graph as the body of a branch or loop. Symbols are those of the graph around it.
public final class GraphBody: Subgraph {
    public let graph: Graph

    public init(_ graph: Graph) { self.graph = graph }
}

extension Graph.Node {
    /// Which of the first operand's dimensions, counted from the front, each of the result's is, for the views that put them in another order; nil for
    /// other operators, and where it is not known.
    /// - Parameter rank: the operand's
    package func permutation(rank: Int) -> [Int]? {
        func front(_ dim: Int?) -> Int? { dim.flatMap { (-rank..<rank).contains($0) ? ($0 + rank) % rank : nil } }
        var dims = Array(0..<rank)
        switch self.operator.name {
        case "aten::permute":
            guard case .ints(let sizes) = arguments[1] else { return nil }
            dims = sizes.compactMap { front($0.constant) }
        case "aten::transpose.int":
            guard let a = front(arguments[1].intValue), let b = front(arguments[2].intValue) else { return nil }
            dims.swapAt(a, b)
        case "aten::t" where rank == 2, "aten::mT" where rank >= 2: dims.swapAt(rank - 2, rank - 1)
        default: return nil
        }
        return dims.sorted() == Array(0..<rank) ? dims : nil
    }

    /// Whether the node gives the transpose of its first operand, a matrix: true or false for the views that could, nil for other operators and where it is
    /// not known.
    package var transposesMatrix: Bool? { permutation(rank: 2).map { $0 == [1, 0] } }
}

// MARK: - Literals

extension ArgumentOf {
    package var isNone: Bool {
        if case .none = self { return true }
        return false
    }

    package var boolValue: Bool? {
        switch self {
        case .scalar(.bool(let value)): value
        case .symBool(let condition): condition.constant
        default: nil
        }
    }

    package var intValue: Int? {
        if case .scalar(.int(let size)) = self { return size.constant }
        return nil
    }

    /// An integer, too, and a truth value.
    package var doubleValue: Double? {
        if case .scalar(let number) = self { return number.doubleValue }
        return nil
    }
}
