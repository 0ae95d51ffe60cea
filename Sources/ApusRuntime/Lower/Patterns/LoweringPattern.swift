import ApusGraph
import ApusTensor

/// A piece of a graph that runs faster written otherwise. Both forms are functions of the same tensors: the one that is looked for, and the one
/// that takes its place; a test runs one against the other.
///
/// The two give the same numbers but for the order in which they add and multiply, and for what leaves the range of the dtype on the way.
struct LoweringPattern: Sendable {
    typealias Match = PatternReplacement.Match

    let name: String
    /// The inputs that must be the same in every run: what is made of them alone is computed once.
    let frozen: Set<Int>
    /// What to look for.
    private let recorded: Result<Graph, any Error>
    /// Whether the numbers that were found are right.
    private let accepts: @Sendable (Match) -> Bool
    /// What takes its place.
    private let after: @Sendable (Match, [Tensor]) throws -> [Tensor]
    private let operators: Set<Operator>

    /// - Parameters:
    ///   - inputs: sizes of examples of what the pattern takes. Those in a program may have others, and other ranks and dtypes.
    ///   - masks: the inputs that are bool in the example, which is float32 otherwise
    ///   - before: what to look for. Numbers and dtypes among its arguments may be others, and operands of sums and products swapped.
    init(
        name: String, inputs: [[Int]], masks: Set<Int> = [], frozen: Set<Int> = [], before: ([Tensor]) throws -> [Tensor],
        accepts: @escaping @Sendable (Match) -> Bool = { _ in true }, after: @escaping @Sendable (Match, [Tensor]) throws -> [Tensor]
    ) {
        (self.name, self.frozen, self.accepts, self.after) = (name, frozen, accepts, after)
        recorded = Result {
            try Graph.recording(
                inputs.enumerated().map { TensorSpec(masks.contains($0.offset) ? .bool : .float32, try Shape($0.element)) }, before)
        }
        operators = Set((try? recorded.get())?.nodes.map(\.operator) ?? [])
    }

    /// What the pattern looks like.
    func before() throws -> Graph { try recorded.get() }

    /// Whether a graph with these operators may have it.
    func mayOccur(among present: Set<Operator>) -> Bool { operators.isSubset(of: present) }

    /// The pass that replaces the pattern.
    /// - Parameter isFrozen: whether a value is the same in every run
    func replacement(_ isFrozen: @escaping @Sendable (Value) -> Bool) throws -> PatternReplacement {
        let pattern: Graph = try recorded.get()
        var options = PatternReplacement.Options()
        options.ignoresLiterals = true
        options.entersBodies = false
        options.swapsOperands = true
        options.accepts = { match in
            frozen.allSatisfy { match.values[pattern.inputs[$0]].map(isFrozen) ?? false } && accepts(match)
                // What can't be written for these sizes stays as it is.
                && (try? written(match, pattern)) != nil
        }
        return try PatternReplacement(name, pattern: pattern, options: options) { try written($0, pattern) }
    }

    private func written(_ match: Match, _ pattern: Graph) throws -> Graph {
        let specs: [TensorSpec] = try pattern.inputs.indices.map { input in
            guard let spec = match.spec(input) else { throw TensorError(.invalidArgument, in: name, "an operand is no tensor") }
            return spec
        }
        return try Graph.recording(specs) { try after(match, $0) }
    }
}

extension LoweringPattern.Match {
    /// What was found for one of the pattern's inputs.
    func value(_ input: Int) -> Value? { values[pattern.inputs[input]] }

    func spec(_ input: Int) -> TensorSpec? { value(input).flatMap { graph.spec($0) } }

    func shape(_ input: Int) -> Shape? { spec(input)?.shape }

    /// The program's nodes for those of the pattern that have an operator, in the pattern's order.
    func nodes(_ name: String) -> [Node] {
        pattern.nodes.indices.filter { pattern.nodes[$0].operator.name == name }.compactMap { node($0) }
    }

    /// The program's node for the pattern's first, or another, that has an operator.
    func node(_ name: String, _ occurrence: Int = 0) -> Node? {
        let found: [Node] = nodes(name)
        return occurrence < found.count ? found[occurrence] : nil
    }

    /// A number among the arguments of such a node.
    func number(_ name: String, _ argument: Int, _ occurrence: Int = 0) -> Double? {
        node(name, occurrence)?.arguments[argument].doubleValue
    }

    /// Whether every plain argument is the pattern's, numbers but for rounding.
    /// - Parameter free: the operators whose arguments may be others
    func numbersAreThoseOfThePattern(within tolerance: Double = 0, but free: Set<String> = []) -> Bool {
        pattern.nodes.indices.allSatisfy { index in
            guard let found = node(index) else { return false }
            if free.contains(found.operator.name) { return true }
            return zip(pattern.nodes[index].arguments, found.arguments).allSatisfy { own, other in
                if case .tensor = own { return true }
                if let p = own.doubleValue, let q = other.doubleValue { return abs(p - q) <= tolerance * abs(p) }
                return own.isIdentical(to: other)
            }
        }
    }

    /// The shape of a node's result.
    func shape(of node: Node?) -> Shape? { node.flatMap { $0.outputs.first }.flatMap { graph.spec($0)?.shape } }
}

/// Replaces the patterns of a family, one after the other.
struct PatternPass: FreezingPass {
    let name: String
    let patterns: [LoweringPattern]

    func run(_ graph: Graph, frozenInputs: Set<Int>) throws -> Graph {
        try graph.requireOwnValues()
        var graph: Graph = graph
        var (present, index, frozen) = known(graph, frozenInputs)
        for pattern in patterns {
            guard pattern.mayOccur(among: present), pattern.frozen.isEmpty || !frozenInputs.isEmpty,
                let replaced = try pattern.replacement({ [frozen] in frozen.contains($0) }).run(graph, index)
            else { continue }
            graph = replaced
            (present, index, frozen) = known(graph, frozenInputs)
        }
        return graph
    }

    private func known(_ graph: Graph, _ frozenInputs: Set<Int>) -> (operators: Set<Operator>, index: ValueIndex, frozen: Set<Value>) {
        (Set(graph.nodes.map(\.operator)), ValueIndex(graph), graph.values(followingInputs: frozenInputs))
    }
}

/// A pass whose result is for the steps alone, and may rely on some of the inputs to be the same in every run.
protocol FreezingPass: GraphPass {
    /// - Parameter frozenInputs: their positions
    func run(_ graph: Graph, frozenInputs: Set<Int>) throws -> Graph
}

extension FreezingPass {
    func run(_ graph: Graph) throws -> Graph { try run(graph, frozenInputs: []) }
}

extension Graph {
    /// The values that follow from some of the inputs alone, these included.
    func values(followingInputs positions: Set<Int>) -> Set<Value> {
        var known: Set<Value> = Set(positions.map { inputs[$0] })
        for node in nodes where node.effects.isPure && node.bodies.isEmpty {
            let operands: [Value] = node.operands
            if !operands.isEmpty, operands.allSatisfy({ known.contains($0) }) { known.formUnion(node.outputs) }
        }
        return known
    }
}

extension Shape {
    /// The sizes but for the last ones.
    func leading(_ dropped: Int) -> Shape? { try? Shape(Array(sizes.dropLast(dropped))) }
}
