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
            let arguments: [GraphArgument] = try node.arguments.map { argument in
                guard case .graph(let subgraph) = argument, let body = subgraph as? GraphBody else { return try copy.mapped(argument) }
                return .graph(GraphBody(try run(body.graph)))
            }
            guard node.effects.isPure, node.bodies.isEmpty, let key = ExpressionKey(node.operator, arguments) else {
                copy.keep(node, arguments)
                continue
            }
            if let results = known[key], results.count == node.outputs.count {
                for (old, new) in zip(node.outputs, results) { copy.map(old, to: new) }
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
            guard node.effects.isPure, node.bodies.isEmpty, let key = ExpressionKey(node.operator, node.arguments) else { continue }
            if !seen.insert(key).inserted { return true }
        }
        return false
    }
}

/// An operation with its arguments, comparable: equal keys compute equal results.
struct ExpressionKey: Hashable {
    private enum Part: Hashable {
        case none
        case values([Int])
        case integer(Int)
        case size(SymExpr)
        case condition(BoolExpr)
        case float(FloatExpr)
        case bits(UInt64)
        case flag(Bool)
        case text(String)
        case dtype(DType)
        case list([Part])
    }

    private let operation: Operator
    private let parts: [Part]

    /// Nil where an argument can't be compared.
    init?(_ operation: Operator, _ arguments: [GraphArgument]) {
        self.operation = operation
        var parts: [Part] = []
        for argument in arguments {
            guard let part = ExpressionKey.part(argument) else { return nil }
            parts.append(part)
        }
        self.parts = parts
    }

    private static func part(_ argument: GraphArgument) -> Part? {
        switch argument {
        case .none: return Part.none
        case .tensor(let value): return .values([value.index])
        case .tensors(let values): return .list(values.map { .values([$0.index]) })
        case .optionalTensors(let values): return .list(values.map { .values($0.map { [$0.index] } ?? []) })
        case .scalar(.bool(let value)): return .flag(value)
        case .scalar(.int(let size)): return part(size)
        case .scalar(.float(let number)):
            if let known = number.constant { return .bits(known.bitPattern) }
            return number.expression.map { .float($0) }
        case .scalar(.complex(let value)): return .list([.bits(value.real.bitPattern), .bits(value.imaginary.bitPattern)])
        case .symBool(let condition):
            if let known = condition.constant { return .flag(known) }
            return condition.expression.map { .condition($0) }
        case .ints(let sizes):
            let parts: [Part] = sizes.compactMap { part($0) }
            return parts.count == sizes.count ? .list(parts) : nil
        case .floats(let values): return .list(values.map { .bits($0.bitPattern) })
        case .bools(let values): return .list(values.map { .flag($0) })
        case .string(let text): return .text(text)
        case .dtype(let dtype): return .dtype(dtype)
        case .graph: return nil
        }
    }

    private static func part(_ size: SymInt) -> Part? {
        if let known = size.constant { return .integer(known) }
        return size.expression.map { .size($0) }
    }
}
