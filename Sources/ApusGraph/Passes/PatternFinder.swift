import ApusSymbolic
import ApusTensor

/// Finds a pattern in a graph, from its last node backwards.
struct PatternFinder {
    private let graph: Graph
    private let pattern: Graph
    private let options: PatternReplacement.Options
    private let index: ValueIndex
    private let patternIndex: ValueIndex

    init(_ graph: Graph, _ index: ValueIndex, _ pattern: Graph, _ options: PatternReplacement.Options) {
        (self.graph, self.index, self.pattern, self.options) = (graph, index, pattern, options)
        patternIndex = ValueIndex(pattern)
    }

    private struct State {
        var values: [Value: Value] = [:]
        /// The program's node for each of the pattern's.
        var nodes: [Int: Int] = [:]
    }

    /// A value of the pattern, and the one of the program that it must stand for.
    private typealias Pair = (own: Value, value: Value)

    /// The match whose last node stands at the position.
    func match(endingAt position: Int) -> PatternReplacement.Match? {
        guard graph.nodes[position].operator == pattern.nodes.last?.operator else { return nil }
        var start = State()
        guard let goals = goals(pattern.nodes.count - 1, position, &start), let state = solve(goals, start) else { return nil }
        let nodes: [Int] = state.nodes.values.sorted()
        let found = Set(nodes)
        // Two nodes of the pattern are two of the program.
        guard found.count == state.nodes.count, nodes.last == position else { return nil }
        let returned = Set(pattern.outputs.compactMap { $0.value })
        for (own, value) in state.values where patternIndex.makers[own.index] != nil {
            let outside: [Int] = index.readers(of: value).filter { !found.contains($0) }
            // The replacement stands where the last node stood: what it gives must not be read before.
            if returned.contains(own) ? outside.contains(where: { $0 < position }) : !outside.isEmpty { return nil }
        }
        return PatternReplacement.Match(graph: graph, values: state.values, nodes: nodes, pattern: pattern, positions: state.nodes)
    }

    /// Reaches goals, any of the ways to do so for each node.
    private func solve(_ ways: [[Pair]], _ state: State) -> State? {
        for way in ways {
            if let found = solve(way, state) { return found }
        }
        return nil
    }

    /// Reaches goals from the last one on.
    private func solve(_ goals: [Pair], _ state: State) -> State? {
        var (goals, state) = (goals, state)
        while let goal = goals.popLast() {
            if let known = state.values[goal.own] {
                if known == goal.value { continue }
                return nil
            }
            guard let maker = patternIndex.makers[goal.own.index] else {
                if options.takesInputsOnly, !graph.inputs.contains(goal.value) { return nil }
                state.values[goal.own] = goal.value
                continue
            }
            guard let found = index.makers[goal.value.index], found.result == maker.result,
                let ways = self.goals(maker.node, found.node, &state)
            else { return nil }
            if ways.count > 1 { return solve(ways.map { goals + $0 }, state) }
            goals += ways[0]
        }
        return state
    }

    /// What must hold for a node of the pattern to stand for one of the program: ways, each of which will do; nil where nothing does.
    private func goals(_ own: Int, _ position: Int, _ state: inout State) -> [[Pair]]? {
        let (a, b): (Node, Node) = (pattern.nodes[own], graph.nodes[position])
        guard state.nodes[own] == nil, a.operator == b.operator, a.outputs.count == b.outputs.count,
            a.arguments.count == b.arguments.count, b.effects.isPure
        else { return nil }
        var pairs: [Pair] = []
        for (first, second) in zip(a.arguments, b.arguments) where !pair(first, second, &pairs) { return nil }
        state.nodes[own] = position
        for (first, second) in zip(a.outputs, b.outputs) { state.values[first] = second }
        let way: [Pair] = pairs.reversed()
        guard options.swapsOperands, pairs.count == 2, isCommutative(b) else { return [way] }
        return [way, [(pairs[1].own, pairs[0].value), (pairs[0].own, pairs[1].value)]]
    }

    /// Whether the order of a node's two operands does not matter.
    private func isCommutative(_ node: Node) -> Bool {
        node.operator.name == "aten::mul.Tensor" || (node.operator.name == "aten::add.Tensor" && node.arguments[2].isIdentical(to: .int(1)))
    }

    /// Whether an argument of the pattern may stand for one of the program, where the values in them do.
    private func pair(_ own: GraphArgument, _ other: GraphArgument, _ pairs: inout [Pair]) -> Bool {
        switch (own, other) {
        case (.tensor(let a), .tensor(let b)): pairs.append((a, b))
        case (.tensors(let a), .tensors(let b)):
            guard a.count == b.count else { return false }
            pairs += zip(a, b).map { ($0, $1) }
        case (.optionalTensors(let a), .optionalTensors(let b)):
            guard a.count == b.count, zip(a, b).allSatisfy({ ($0 == nil) == ($1 == nil) }) else { return false }
            for case (let p?, let q?) in zip(a, b) { pairs.append((p, q)) }
        case (.tensor, _), (_, .tensor), (.tensors, _), (_, .tensors), (.graph, _), (_, .graph): return false
        default: return options.ignoresLiterals || own.isIdentical(to: other)
        }
        return true
    }
}
