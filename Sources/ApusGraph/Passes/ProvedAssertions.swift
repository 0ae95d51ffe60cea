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
        return try Verifier.takingTurn { try scope.scoped { try simplified(graph, scope) } }
    }

    private func simplified(_ graph: Graph, _ scope: SymbolScope?) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        for node in graph.nodes {
            if node.operator == .assertScalar, let condition = node.condition {
                if condition.constant == true || scope?.known(condition) == true { continue }
                scope?.assume(condition)
            }
            var bodies: Int = 0
            let predicate: SymBool? = node.operator == .cond ? node.condition : nil
            let arguments: [GraphArgument] = try node.arguments.map { argument in
                guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return try copy.mapped(argument) }
                bodies += 1
                let fact: SymBool? = bodies == 1 ? predicate : predicate.map { !$0 }
                guard let scope else { return .graph(GraphBody(try simplified(body.graph, nil))) }
                return try scope.scoped {
                    if let fact { scope.assume(fact) }
                    return .graph(GraphBody(try simplified(body.graph, scope)))
                }
            }
            copy.keep(node, arguments)
        }
        return copy.finished()
    }
}

extension Node {
    /// The condition on sizes that the node checks or branches on.
    var condition: SymBool? {
        switch arguments.first {
        case .symBool(let condition)?: condition
        case .scalar(.bool(let value))?: SymBool(value)
        default: nil
        }
    }
}
