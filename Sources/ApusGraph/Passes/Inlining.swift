import ApusTensor

/// Puts the parts of a program (`apus::call`) back where they were taken from.
public struct Inlining: NodeRewriter {
    public let name = "inlining"
    private let selects: @Sendable (String) -> Bool

    /// - Parameter selects: which parts, by name; all of them by default.
    public init(_ selects: @escaping @Sendable (String) -> Bool = { _ in true }) { self.selects = selects }

    public func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator == .call, case .tensors(let operands) = arguments[2] else { return nil }
        let part = try PartArguments(node)
        // Rewritten before: a part may have parts.
        guard selects(part.name), case .graph(let rewritten) = arguments[1], let body = (rewritten as? GraphBody)?.graph else { return nil }
        return try copy.insert(body, operands: operands, keepsSites: true)
    }
}

extension GraphCopy {
    /// Appends the nodes of another graph with its inputs replaced, and returns what it gives.
    /// - Parameter infersTypes: whether types follow from the operators' rules; else they are those of the other graph.
    public mutating func insert(
        _ other: Graph, operands: [Graph.Value], keepsSites: Bool = false, infersTypes: Bool = false
    ) throws -> [Graph.Value] {
        var places: [Int: Value] = [:]
        for (input, operand) in zip(other.inputs, operands) { places[input.index] = operand }
        func place(_ value: Value) throws -> Value {
            guard let place = places[value.index] else {
                throw TensorError(.invalidArgument, "'%\(other.name(value))' is read before it is made")
            }
            return place
        }
        for node in other.nodes {
            let arguments: [GraphArgument] = try node.arguments.map { try $0.map { try place($0) } }
            let results: [Value] =
                infersTypes
                ? try apply(node.operator, arguments) : append(node.operator, arguments, types: node.outputs.map { other.type($0) })
            if keepsSites { copySite(of: node) }
            for (old, new) in zip(node.outputs, results) { places[old.index] = new }
        }
        return try other.outputs.map { output in
            guard let value = output.value else { throw TensorError(.unsupported, "a part of a program gives what is no tensor") }
            return try place(value)
        }
    }
}
