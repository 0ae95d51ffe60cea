import ApusSymbolic
import ApusTensor

/// Finds a pattern in a graph, from its last node backwards.
struct PatternFinder {
    private let graph: Graph
    private let pattern: Graph
    private let options: PatternReplacement.Options
    /// The node that makes each value and the result's position in it.
    private let makers: [Int: (node: Int, result: Int)]
    private let patternMakers: [Int: (node: Int, result: Int)]
    /// The positions that read each value; the node count for the graph's own results.
    private let readers: [Int: [Int]]

    init(_ graph: Graph, _ pattern: Graph, _ options: PatternReplacement.Options) {
        self.graph = graph
        self.pattern = pattern
        self.options = options
        makers = PatternFinder.makers(graph)
        patternMakers = PatternFinder.makers(pattern)
        var readers: [Int: [Int]] = [:]
        for (position, node) in graph.nodes.enumerated() {
            for operand in node.operands { readers[operand.index, default: []].append(position) }
        }
        for output in graph.outputs { if let value = output.value { readers[value.index, default: []].append(graph.nodes.count) } }
        self.readers = readers
    }

    private static func makers(_ graph: Graph) -> [Int: (node: Int, result: Int)] {
        var makers: [Int: (node: Int, result: Int)] = [:]
        for (position, node) in graph.nodes.enumerated() {
            for (index, output) in node.outputs.enumerated() { makers[output.index] = (position, index) }
        }
        return makers
    }

    private struct State {
        var values: [Value: Value] = [:]
        /// The program's node for each of the pattern's.
        var nodes: [Int: Int] = [:]
    }

    /// The match whose last node stands at the position.
    func match(endingAt position: Int) -> PatternReplacement.Match? {
        var state = State()
        guard matchNode(pattern.nodes.count - 1, position, &state) else { return nil }
        let nodes: [Int] = state.nodes.values.sorted()
        let found = Set(nodes)
        // Two nodes of the pattern are two of the program.
        guard found.count == state.nodes.count, nodes.last == position else { return nil }
        let returned = Set(pattern.outputs.compactMap { $0.value })
        for (own, value) in state.values where patternMakers[own.index] != nil {
            let outside: [Int] = (readers[value.index] ?? []).filter { !found.contains($0) }
            // The replacement stands where the last node stood: what it gives must not be read before.
            if returned.contains(own) ? outside.contains(where: { $0 < position }) : !outside.isEmpty { return nil }
        }
        return PatternReplacement.Match(graph: graph, values: state.values, nodes: nodes, positions: state.nodes)
    }

    private func matchValue(_ own: Value, _ value: Value, _ state: inout State) -> Bool {
        if let known = state.values[own] { return known == value }
        guard let maker = patternMakers[own.index] else {
            if options.takesInputsOnly, !graph.inputs.contains(value) { return false }
            state.values[own] = value
            return true
        }
        guard let found = makers[value.index], found.result == maker.result else { return false }
        return matchNode(maker.node, found.node, &state)
    }

    private func matchNode(_ own: Int, _ position: Int, _ state: inout State) -> Bool {
        if let known = state.nodes[own] { return known == position }
        let (a, b): (Node, Node) = (pattern.nodes[own], graph.nodes[position])
        guard a.operator == b.operator, a.outputs.count == b.outputs.count, a.arguments.count == b.arguments.count, b.effects.isPure else {
            return false
        }
        state.nodes[own] = position
        for (first, second) in zip(a.arguments, b.arguments) where !matchArgument(first, second, &state) { return false }
        for (first, second) in zip(a.outputs, b.outputs) { state.values[first] = second }
        return true
    }

    private func matchArgument(_ own: GraphArgument, _ other: GraphArgument, _ state: inout State) -> Bool {
        switch (own, other) {
        case (.tensor(let a), .tensor(let b)): return matchValue(a, b, &state)
        case (.tensors(let a), .tensors(let b)):
            guard a.count == b.count else { return false }
            for (p, q) in zip(a, b) where !matchValue(p, q, &state) { return false }
            return true
        case (.optionalTensors(let a), .optionalTensors(let b)):
            guard a.count == b.count else { return false }
            for (p, q) in zip(a, b) {
                guard let p, let q else {
                    if p == nil && q == nil { continue }
                    return false
                }
                if !matchValue(p, q, &state) { return false }
            }
            return true
        case (.tensor, _), (_, .tensor), (.tensors, _), (_, .tensors), (.graph, _), (_, .graph): return false
        default: return options.ignoresLiterals || own.isIdentical(to: other)
        }
    }
}
