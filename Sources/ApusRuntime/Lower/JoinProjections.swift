import ApusGraph
import ApusTensor

/// Products of one input with several weights that stay the same, as query, key and value are made of it, as one product with all of them.
/// What is read of its parts is read as views: products with other readers, which could follow each of them in the cache, stay as they are.
struct JoinProjections: FreezingPass {
    let name = "join projections"

    func run(_ graph: Graph, frozenInputs: Set<Int>) throws -> Graph {
        if frozenInputs.isEmpty { return graph }
        let frozen: Set<Value> = graph.values(followingInputs: frozenInputs)
        let groups: [[Int]] = groups(graph, frozen)
        if groups.isEmpty { return graph }
        let firsts: [Int: [Int]] = Dictionary(groups.map { ($0[0], $0) }, uniquingKeysWith: { first, _ in first })
        var left = Set(graph.nodes.indices)
        var copy = GraphCopy(of: graph, provenance: name)
        // Weights first: all of them have to be there for the product.
        for (position, node) in graph.nodes.enumerated() where !node.outputs.isEmpty && frozen.isSuperset(of: node.outputs) {
            copy.keep(node, try node.arguments.map { try copy.mapped($0) })
            left.remove(position)
        }
        for (position, node) in graph.nodes.enumerated() where left.contains(position) {
            guard let group = firsts[position] else {
                copy.keep(node, try node.arguments.map { try copy.mapped($0) })
                continue
            }
            try join(group.map { graph.nodes[$0] }, &copy)
            left.subtract(group)
        }
        return copy.finished()
    }

    /// The positions of products that belong together.
    private func groups(_ graph: Graph, _ frozen: Set<Value>) -> [[Int]] {
        struct Key: Hashable {
            let input: Value
            let hasBias: Bool
        }
        let index = ValueIndex(graph)
        var groups: [Key: [Int]] = [:]
        for (position, node) in graph.nodes.enumerated() where node.operator.name == "aten::linear" {
            let operands: [Value] = node.operands
            guard operands.dropFirst().allSatisfy({ frozen.contains($0) }), !frozen.contains(operands[0]),
                let spec = graph.spec(operands[1]), spec.dtype == .float32, spec.shape.constants?.count == 2,
                index.readers(of: node.outputs[0]).allSatisfy({ isView($0, graph) })
            else { continue }
            groups[Key(input: operands[0], hasBias: operands.count > 2), default: []].append(position)
        }
        return groups.values.filter { $0.count > 1 }
    }

    /// Whether what stands at a position is a view, which the graph's own results are not.
    private func isView(_ position: Int, _ graph: Graph) -> Bool {
        guard position < graph.nodes.count, case .view = graph.nodes[position].operator.kernel else { return false }
        return true
    }

    private func join(_ nodes: [Node], _ copy: inout GraphCopy) throws {
        let before: Int = copy.graph.nodes.count
        let operands: [[Value]] = try nodes.map { try $0.operands.map { try copy.mapped($0) } }
        var arguments: [GraphArgument] = [.tensor(operands[0][0])]
        for place in 1..<operands[0].count {
            arguments.append(.tensor(try apply("aten::cat", [.tensors(operands.map { $0[place] }), .int(0)], &copy)))
        }
        let product: Value = try apply("aten::linear", arguments + (arguments.count < 3 ? [.none] : []), &copy)
        var start = 0
        for (node, own) in zip(nodes, operands) {
            guard let width = copy.graph.spec(own[1])?.shape[0].constant else { continue }
            let part: [GraphArgument] = [.tensor(product), .int(-1), .int(start), .int(start + width), .int(1)]
            copy.map(node.outputs[0], to: try apply("aten::slice.Tensor", part, &copy))
            start += width
        }
        copy.finish(from: before, inPlaceOf: nodes[0])
    }

    private func apply(_ name: String, _ arguments: [GraphArgument], _ copy: inout GraphCopy) throws -> Value {
        try copy.apply(.named(name), arguments)[0]
    }
}
