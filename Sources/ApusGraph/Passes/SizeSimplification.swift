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
        return try scope.takingTurn { try scope.scoped { try simplified(graph, scope) } }
    }

    private func simplified(_ graph: Graph, _ scope: SymbolScope) throws -> Graph {
        var copy = GraphCopy(of: graph, provenance: name)
        let sizes = SizeSimplifier(scope)
        for node in graph.nodes {
            // A size that the branch alone gives a value is named behind it.
            if node.operator == .cond, graph.madeSymbols(of: node).isEmpty, try replaceBranch(node, sizes, in: &copy) { continue }
            if node.operator == .assertScalar, let condition = node.condition {
                // The assertion itself is kept as it was written: its text is what a user reads.
                copy.keep(node, try node.arguments.map { try copy.mapped($0) })
                scope.assume(condition)
                sizes.forget()
                continue
            }
            copy.keep(node, try copy.mapped(node, under: scope) { try simplified($0, scope) }.map { $0.simplifying(sizes) })
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

    /// Puts its body in the place of a branch that is decided; false for one that stays.
    private func replaceBranch(_ node: Node, _ sizes: SizeSimplifier, in copy: inout GraphCopy) throws -> Bool {
        let branch = try CondArguments(node)
        guard let predicate = node.condition, let decided = predicate.constant ?? sizes.scope.known(predicate) else { return false }
        let body: Graph = try simplified((decided ? branch.whenTrue : branch.whenFalse).graph, sizes.scope)
        guard body.outputs.allSatisfy({ $0.value != nil }), body.outputs.count == node.outputs.count else { return false }
        copy.map(node.outputs, to: try copy.insert(body, operands: try branch.operands.map { try copy.mapped($0) }, keepsSites: true))
        return true
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
