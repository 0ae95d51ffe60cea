import ApusSymbolic
import ApusTensor

/// Simplifies arithmetic on sizes by what is known of them where it stands: sizes of one possible value become numbers, maxima, minima and
/// choices lose what is never taken, and branches on decided conditions become what they run.
///
/// What is known: the declared ranges and facts, the assertions before, and the branch around. Every step is proved; what is undecided stays
/// as it is. Checks whose condition is proved are removed by ``ProvedAssertions``.
public struct SizeSimplification: GraphPass {
    public let name = "size arithmetic"
    private let scope: SymbolScope?

    /// - Parameter scope: what is known of the symbols; that of the graph's sizes by default.
    public init(scope: SymbolScope? = nil) { self.scope = scope }

    public func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        guard let scope = scope ?? graph.scope else { return graph }
        return try Verifier.takingTurn { try scope.scoped { try simplified(graph, scope) } }
    }

    private func simplified(_ graph: Graph, _ scope: SymbolScope) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        let sizes = SizeSimplifier(scope)
        for node in graph.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try copy.mapped($0).simplifying(sizes) }
            if node.operator == .cond {
                // A size that the branch alone gives a value is named behind it.
                try writeBranch(node, arguments, sizes, mayGo: graph.madeSymbols(of: node).isEmpty, into: &copy)
                continue
            }
            if node.operator == .assertScalar, let condition = node.condition {
                // The assertion itself is kept as it was written: its text is what a user reads.
                copy.keep(node, try node.arguments.map { try copy.mapped($0) })
                scope.assume(condition)
                sizes.forget()
                continue
            }
            try copy.keep(
                node,
                arguments.map { argument in
                    guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return argument }
                    return .graph(GraphBody(try scope.scoped { try simplified(body.graph, scope) }))
                })
            // A result that is a number read from a tensor is where its symbol gets its value, and stays that symbol.
            guard !node.effects.contains(.dataDependent), node.bodies.isEmpty else { continue }
            for output in node.outputs {
                guard case .tensor(let spec) = graph.type(output), spec.shape.isSymbolic else { continue }
                let shape: [SymInt] = spec.shape.map { sizes.simplified($0) }
                copy.setType(try copy.mapped(output), .tensor(TensorSpec(spec.dtype, try Shape(shape, in: node.operator.schema.name))))
            }
        }
        var result: Graph = copy.finished()
        result.outputs = result.outputs.map { output in
            guard case .int(let size) = output else { return output }
            let simple: SymInt = sizes.simplified(size)
            return simple.constant.map { .literal(.int($0)) } ?? .int(simple)
        }
        return result
    }

    /// A branch that is decided gives way to its body; otherwise each body is simplified under its condition.
    private func writeBranch(
        _ node: Node, _ arguments: [GraphArgument], _ sizes: SizeSimplifier, mayGo: Bool, into copy: inout GraphCopy
    ) throws {
        let branch = try CondArguments(node)
        let predicate: SymBool? = node.condition
        let decided: Bool? = predicate.flatMap { $0.constant ?? sizes.scope.known($0) }
        if let decided, mayGo {
            let body: Graph = try simplified((decided ? branch.whenTrue : branch.whenFalse).graph, sizes.scope)
            let given: [Value] = try branch.operands.map { try copy.mapped($0) }
            if body.outputs.allSatisfy({ $0.value != nil }), body.outputs.count == node.outputs.count {
                let results: [Value] = try copy.insert(body, operands: given, keepsSites: true)
                for (old, new) in zip(node.outputs, results) { copy.map(old, to: new) }
                return
            }
        }
        var bodies = 0
        let kept: [GraphArgument] = try arguments.map { argument in
            guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return argument }
            bodies += 1
            let fact: SymBool? = bodies == 1 ? predicate : predicate.map { !$0 }
            return try sizes.scope.scoped {
                if let fact { sizes.scope.assume(fact) }
                return .graph(GraphBody(try simplified(body.graph, sizes.scope)))
            }
        }
        copy.keep(node, kept)
    }
}

extension GraphArgument {
    /// The argument with its sizes simplified.
    fileprivate func simplifying(_ sizes: SizeSimplifier) -> GraphArgument {
        switch self {
        case .scalar(.int(let size)): .scalar(.int(sizes.simplified(size)))
        case .ints(let values): .ints(values.map { sizes.simplified($0) })
        default: self
        }
    }
}

/// Simplifies sizes by what a scope knows now, each once.
final class SizeSimplifier {
    let scope: SymbolScope
    private var known: [SymExpr: SymInt] = [:]

    init(_ scope: SymbolScope) { self.scope = scope }

    /// To be called when more has become known.
    func forget() { known = [:] }

    func simplified(_ size: SymInt) -> SymInt {
        guard let expression = size.expression else { return size }
        if let done = known[expression] { return done }
        let result: SymInt = scope.simplified(size)
        known[expression] = result
        return result
    }
}
