import ApusSymbolic
import ApusTensor

/// Replaces what looks like one small graph by another.
///
/// A pattern's inputs stand for any values; its nodes must be found with the same operators, arguments and connections. What the pattern does
/// not return must not be read by anything else.
public struct PatternReplacement: GraphPass {
    public struct Options: Sendable {
        /// Numbers, strings and dtypes of the pattern need not be those of the program.
        public var ignoresLiterals = false
        /// The pattern's inputs stand for the program's own inputs alone, not for any value.
        public var takesInputsOnly = false
        /// `matches(in:)` also gives matches that share nodes with an earlier one. Only one of them can be replaced: `run` takes the first.
        public var keepsOverlapping = false
        /// The bodies of control flow are gone through as well. What is known of a value by its number holds for the graph alone.
        package var entersBodies = true
        /// Sums and products also match with their operands the other way round.
        package var swapsOperands = false
        /// A match is replaced only where this holds.
        public var accepts: @Sendable (Match) -> Bool = { _ in true }

        public init() {}
    }

    /// Where a pattern was found.
    public struct Match: Sendable {
        /// The program.
        public let graph: Graph
        /// The program's value for each value of the pattern, by the pattern's value.
        public let values: [Graph.Value: Graph.Value]
        /// The positions of the matched nodes, in order.
        public let nodes: [Int]
        package let pattern: Graph
        /// For each node of the pattern the position of the program's.
        let positions: [Int: Int]

        /// The program's node for one of the pattern's, counted from 0: its arguments tell the numbers that were found.
        public func node(_ index: Int) -> Graph.Node? { positions[index].map { graph.nodes[$0] } }
    }

    public let name: String
    let pattern: Graph
    private let replacement: @Sendable (Match) throws -> Graph
    let options: Options

    /// - Throws: where the two graphs take or give different numbers of values, or the pattern's nodes do not all lead to its last one.
    public init(_ name: String, pattern: Graph, replacement: Graph, options: Options = Options()) throws {
        try PatternReplacement.requireFit(name, pattern, replacement)
        try self.init(name, pattern: pattern, options: options) { _ in replacement }
    }

    /// - Parameter replacement: makes what takes a match's place, from the numbers that were found, for instance. It must take and give as
    ///   many values as the pattern.
    /// - Throws: where the pattern's nodes do not all lead to its last one.
    public init(
        _ name: String, pattern: Graph, options: Options = Options(), replacement: @escaping @Sendable (Match) throws -> Graph
    ) throws {
        try pattern.requireOwnValues()
        guard !pattern.nodes.isEmpty, pattern.outputs.allSatisfy({ $0.value != nil }), pattern.leadsToLastNode else {
            throw TensorError(.invalidArgument, in: name, "every node of the pattern must lead to its last one")
        }
        (self.name, self.pattern, self.replacement, self.options) = (name, pattern, replacement, options)
    }

    private static func requireFit(_ name: String, _ pattern: Graph, _ replacement: Graph) throws {
        guard pattern.inputs.count == replacement.inputs.count, pattern.outputs.count == replacement.outputs.count else {
            throw TensorError(
                .invalidArgument, in: name,
                "the pattern has \(pattern.inputs.count) inputs and \(pattern.outputs.count) outputs, its replacement \(replacement.inputs.count) and \(replacement.outputs.count)"
            )
        }
        try replacement.requireOwnValues()
    }

    /// Finds the pattern: matches that overlap an earlier one are left out, unless the options say otherwise.
    public func matches(in graph: Graph) -> [Match] {
        matches(in: graph, ValueIndex(graph), keepingOverlapping: options.keepsOverlapping)
    }

    private func matches(in graph: Graph, _ index: ValueIndex, keepingOverlapping: Bool) -> [Match] {
        let finder = PatternFinder(graph, index, pattern, options)
        var taken = Set<Int>()
        return graph.nodes.indices.compactMap { position in
            guard let match = finder.match(endingAt: position), keepingOverlapping || taken.isDisjoint(with: match.nodes),
                options.accepts(match)
            else { return nil }
            taken.formUnion(match.nodes)
            return match
        }
    }

    public func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        return try run(graph, ValueIndex(graph)) ?? graph
    }

    /// The graph with the pattern replaced; nil where nothing is.
    package func run(_ graph: Graph, _ index: ValueIndex) throws -> Graph? {
        let matches: [Match] = matches(in: graph, index, keepingOverlapping: false)
        if matches.isEmpty, !options.entersBodies || graph.nodes.allSatisfy({ $0.bodies.isEmpty }) { return nil }
        var ends: [Int: Match] = [:]
        var matched = Set<Int>()
        for match in matches {
            matched.formUnion(match.nodes)
            if let last = match.nodes.last { ends[last] = match }
        }
        var copy = GraphCopy(of: graph, provenance: name)
        for (position, node) in graph.nodes.enumerated() {
            if let match = ends[position] {
                try replace(match, node, into: &copy)
            } else if !matched.contains(position) {
                copy.keep(node, try node.arguments.map { try copy.mapped($0).mapBody(options.entersBodies ? run : { $0 }) })
            }
        }
        return copy.finished()
    }

    private func replace(_ match: Match, _ node: Node, into copy: inout GraphCopy) throws {
        let replacement: Graph = try self.replacement(match)
        try PatternReplacement.requireFit(name, pattern, replacement)
        let before: Int = copy.graph.nodes.count
        // What the pattern takes and does not read is read by nothing in its place either.
        let operands: [Value] = try pattern.inputs.map { input in
            guard let value = match.values[input] else { return Value(index: -1) }
            return try copy.mapped(value)
        }
        let results: [Value] = try copy.insert(replacement, operands: operands, infersTypes: true)
        copy.finish(from: before, inPlaceOf: node)
        copy.map(pattern.outputs.compactMap { output in output.value.flatMap { match.values[$0] } }, to: results)
    }
}

extension Graph {
    /// True where every node's results are read on the way to the last node.
    fileprivate var leadsToLastNode: Bool {
        guard let last = nodes.last else { return false }
        var needed = Set(last.operands)
        for node in nodes.dropLast().reversed() {
            guard node.outputs.contains(where: { needed.contains($0) }) else { return false }
            needed.formUnion(node.operands)
        }
        return true
    }
}
