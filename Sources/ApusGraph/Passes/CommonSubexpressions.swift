import ApusSymbolic
import ApusTensor

/// Computes equal expressions once. Two nodes are equal that have the same operator, arguments and operands; what draws random numbers or
/// checks something is never merged, nor is what has a body.
public struct CommonSubexpressionElimination: GraphPass {
    public let name = "common subexpressions"

    public init() {}

    public func run(_ graph: Graph) throws -> Graph {
        guard hasRepetition(graph) else { return graph }
        var copy = GraphCopy(of: graph, provenance: name)
        var known: [ExpressionKey: [Value]] = [:]
        for node in graph.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0).mapBody(run) }
            guard node.effects.isPure, node.bodies.isEmpty else {
                copy.keep(node, arguments)
                continue
            }
            let key = ExpressionKey(operation: node.operator, arguments: arguments)
            if let results = known[key], results.count == node.outputs.count {
                copy.map(node.outputs, to: results)
                continue
            }
            copy.keep(node, arguments)
            known[key] = try node.outputs.map { try copy.mapped($0) }
        }
        return copy.finished()
    }

    /// Where no two nodes are equal as they stand, nothing becomes equal by merging.
    private func hasRepetition(_ graph: Graph) -> Bool {
        var seen = Set<ExpressionKey>(minimumCapacity: graph.nodes.count)
        for node in graph.nodes {
            if node.bodies.contains(where: { hasRepetition($0.graph) }) { return true }
            guard node.effects.isPure, node.bodies.isEmpty else { continue }
            if !seen.insert(ExpressionKey(operation: node.operator, arguments: node.arguments)).inserted { return true }
        }
        return false
    }
}

/// An operation with its arguments, comparable: equal keys compute equal results.
private struct ExpressionKey: Hashable {
    let operation: Operator
    let arguments: [GraphArgument]

    static func == (a: ExpressionKey, b: ExpressionKey) -> Bool {
        a.operation == b.operation && a.arguments.count == b.arguments.count
            && zip(a.arguments, b.arguments).allSatisfy { $0.isIdentical(to: $1) }
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(operation)
        for argument in arguments { argument.hash(into: &hasher) }
    }
}
