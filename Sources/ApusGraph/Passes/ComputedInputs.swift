extension Graph {
    /// The same graph where some inputs are computed from others, which take their places.
    /// - Parameter parts: for an input what computes it, and names for what that takes beside its first input, which has the old one's
    package func computingInputs(_ parts: [Value: (graph: Graph, names: [String])], provenance: String) throws -> Graph {
        var copy = GraphCopy(of: self, provenance: provenance)
        var order: [Value] = []
        for (input, kept) in zip(inputs, copy.graph.inputs) {
            order.append(kept)
            guard let (part, names) = parts[input], let first = part.inputs.first else { continue }
            copy.setType(kept, part.type(first))
            let added: [Value] = zip(part.inputs.dropFirst(), names).map { copy.graph.addInput($1, part.type($0)) }
            order += added
            copy.map([input], to: try copy.insert(part, operands: [kept] + added))
        }
        for node in nodes { copy.keep(node, try node.arguments.map { try copy.mapped($0) }) }
        var graph: Graph = copy.finished()
        graph.setInputs(order)
        return graph
    }
}
