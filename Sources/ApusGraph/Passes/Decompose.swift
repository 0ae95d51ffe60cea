import ApusSymbolic
import ApusTensor

/// What a target makes operators of in its own way, by their names; nil for a call that it takes as others do.
package typealias OperatorParts = [String: @Sendable (Operator.Call) throws -> [OperatorArgument]?]

/// Replaces operators by what they are made of, again and again, until only those remain that the target knows.
///
/// An operator that the target does not know and that has no decomposition stays; `ensures` then names it.
public struct Decomposition: NodeRewriter {
    public let name: String
    private let target: Dialect
    private let isStrict: Bool
    private let parts: OperatorParts

    /// - Parameter isStrict: whether an operator that can't be decomposed is an error.
    public init(to target: Graph.Dialect = .coreATen, isStrict: Bool = false) {
        self.init(to: target, isStrict: isStrict, parts: [:])
    }

    /// - Parameter parts: go before what operators are made of otherwise, and before the target's own word that it knows them.
    package init(to target: Graph.Dialect, isStrict: Bool = false, parts: OperatorParts) {
        self.target = target
        self.isStrict = isStrict
        self.parts = parts
        name = "decompose to \(target.name)"
    }

    public func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator.isDecomposable(for: target, parts) else { return nil }
        // The graph itself goes to the builder and comes back: written to while the copy had it too, it would be copied for each node.
        let before: Graph.Mark = copy.graph.mark
        let builder = GraphBuilder(Graph(), scope: copy.scope, provenance: name, target: target, parts: parts)
        swap(&builder.graph, &copy.graph)
        defer { swap(&builder.graph, &copy.graph) }
        let plain: [OperatorArgument] = try arguments.map { try $0.map { try builder.tensor($0) } }
        guard let results = try Interpreter.with(builder, { try Call(node.operator, plain).decomposed(for: target, parts) }) else {
            builder.graph.takeBack(to: before)
            return nil
        }
        return try results.flatMap { try builder.values(of: $0) }
    }

    public func ensures(_ graph: Graph) throws {
        guard isStrict, let left = graph.operators.first(where: { !target.contains($0) }) else { return }
        throw TensorError(.unsupported, in: left.schema.name, "has no decomposition into the dialect '\(target.name)'")
    }
}

extension Operator {
    func isDecomposable(for target: Dialect, _ parts: OperatorParts) -> Bool {
        parts[name] != nil || (!target.contains(self) && (decomposition != nil || CoreDecompositions.rules[name] != nil))
    }
}

extension Call {
    /// What the operator is made of, by the target's parts, its own record or for back ends; nil where this call can't be taken apart.
    func decomposed(for target: Dialect, _ parts: OperatorParts) throws -> [OperatorArgument]? {
        do {
            if let found = try parts[self.operator.name]?(self) { return found }
            if target.contains(self.operator) { return nil }
            if let decomposition = self.operator.decomposition { return try decomposition(self) }
            return try CoreDecompositions.parts(of: self)
        } catch let error as TensorError where error.code == .tracing {
            // It needs the numbers in a tensor, or a tensor of its own, such as a table of positions: a graph has neither.
            return nil
        }
    }
}
