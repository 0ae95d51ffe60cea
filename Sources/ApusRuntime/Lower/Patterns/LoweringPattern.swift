import ApusGraph
import ApusTensor

/// A piece of a graph that runs faster written otherwise. Both forms are functions of the same tensors: the one that is looked for, and the one
/// that takes its place; a test runs one against the other.
///
/// The two give the same numbers but for the order in which they add and multiply.
struct LoweringPattern: Sendable {
    typealias Match = PatternReplacement.Match

    let name: String
    /// The operators that it is made of, which a graph must have for the pattern to be looked for.
    let operators: [String]
    /// Sizes of examples of what the pattern takes. Those in a program may have others, and other ranks and dtypes.
    let inputs: [[Int]]
    /// The inputs that must be the same in every run: what is made of them alone is computed once.
    var frozen: Set<Int> = []
    /// What to look for. Numbers and dtypes among its arguments may be others.
    let before: @Sendable ([Tensor]) throws -> [Tensor]
    /// Whether the numbers that were found are right.
    var accepts: @Sendable (Match) -> Bool = { _ in true }
    /// What takes its place.
    let after: @Sendable (Match, [Tensor]) throws -> [Tensor]

    /// The pass that replaces the pattern.
    /// - Parameter isFrozen: whether a value is the same in every run
    func replacement(_ isFrozen: @escaping @Sendable (Value) -> Bool) throws -> PatternReplacement {
        let pattern: Graph = try Graph.recording(inputs.map { TensorSpec(.float32, try Shape($0)) }, before)
        var options = PatternReplacement.Options()
        options.ignoresLiterals = true
        options.entersBodies = false
        options.accepts = { match in
            frozen.allSatisfy { match.values[pattern.inputs[$0]].map(isFrozen) ?? false } && accepts(match)
                // What can't be written for these sizes stays as it is.
                && (try? written(match, pattern)) != nil
        }
        return try PatternReplacement(name, pattern: pattern, options: options) { try written($0, pattern) }
    }

    private func written(_ match: Match, _ pattern: Graph) throws -> Graph {
        let specs: [TensorSpec] = try pattern.inputs.map { input in
            guard let value = match.values[input], let spec = match.graph.spec(value) else {
                throw TensorError(.invalidArgument, in: name, "an operand is no tensor")
            }
            return spec
        }
        return try Graph.recording(specs) { try after(match, $0) }
    }
}

/// Replaces the patterns of a family, one after the other.
struct PatternPass: FreezingPass {
    let name: String
    let patterns: [LoweringPattern]

    func run(_ graph: Graph, frozenInputs: Set<Int>) throws -> Graph {
        try patterns.reduce(graph) { graph, pattern in
            let present = Set(graph.nodes.map { $0.operator.name })
            guard pattern.operators.allSatisfy({ present.contains($0) }) else { return graph }
            let frozen: Set<Value> = graph.values(followingInputs: frozenInputs)
            return try pattern.replacement { frozen.contains($0) }.run(graph)
        }
    }
}

/// A pass that may rely on some of the inputs to be the same in every run.
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
