import ApusSymbolic
import ApusTensor

/// Removes checks of conditions that follow from what is declared, from earlier checks and from the branches around.
public struct ProvedAssertions: GraphPass {
    public let name = "proved assertions"
    private let scope: SymbolScope?

    /// - Parameter scope: what is known of the symbols; that of the graph's sizes by default.
    public init(scope: SymbolScope? = nil) { self.scope = scope }

    public func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        guard let scope = scope ?? graph.scope else { return try simplified(graph, nil) }
        return try scope.takingTurn { try scope.scoped { try simplified(graph, scope) } }
    }

    private func simplified(_ graph: Graph, _ scope: SymbolScope?) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        for node in graph.nodes {
            if node.operator == .assertScalar, let condition = node.condition {
                if condition.constant == true || scope?.known(condition) == true { continue }
                scope?.assume(condition)
            }
            copy.keep(node, try copy.mapped(node, under: scope) { try simplified($0, scope) })
        }
        return copy.finished()
    }
}
