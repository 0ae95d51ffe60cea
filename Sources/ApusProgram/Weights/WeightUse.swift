import ApusGraph
import ApusTensor

/// What a graph does with a matrix among its inputs.
enum WeightUse {
    /// Nothing.
    case none
    /// Products and embeddings alone, whose outputs (rows of an embedding) are this dimension.
    case product(axis: Int)
    /// Something that needs it in full, and perhaps products as well.
    case other(reason: String, isWeight: Bool)

    /// For what one matrix is used for twice.
    func and(_ other: WeightUse) -> WeightUse {
        switch (self, other) {
        case (.none, _): other
        case (_, .none): self
        case (.other(let reason, let a), .other(_, let b)): .other(reason: reason, isWeight: a || b)
        case (.other(let reason, _), .product), (.product, .other(let reason, _)): .other(reason: reason, isWeight: true)
        case (.product(let a), .product(let b)): a == b ? self : .other(reason: "products read it both ways around", isWeight: true)
        }
    }
}

/// Finds the weights of products and embeddings in a graph.
struct WeightUses {
    private let graph: Graph
    private let index: ValueIndex

    init(_ graph: Graph) {
        self.graph = graph
        index = ValueIndex(graph)
    }

    /// - Parameter isTransposed: whether the value is the transpose of the matrix in question
    func use(of value: Value, isTransposed: Bool = false) -> WeightUse {
        // What the program returns is read last, and is the reason that is told.
        index.readers(of: value).reversed().reduce(.none) { uses, position in
            guard position < graph.nodes.count else { return .other(reason: "the program returns it", isWeight: false) }
            return uses.and(use(of: value, by: graph.nodes[position], isTransposed))
        }
    }

    private func use(of value: Value, by node: Node, _ isTransposed: Bool) -> WeightUse {
        let places: [Int] = node.arguments.indices.filter { if case .tensor(value) = node.arguments[$0] { true } else { false } }
        let isOnce: Bool = places.count == 1 && node.operands.count { $0 == value } == 1
        switch (node.operator.name, places.first) {
        case ("aten::linear", 1) where isOnce: return .product(axis: isTransposed ? 1 : 0)
        case ("aten::embedding", 0) where isOnce && !isTransposed: return .product(axis: 0)
        case ("aten::mm", 1) where isOnce, ("aten::matmul", 1) where isOnce, ("aten::addmm", 2) where isOnce:
            return .product(axis: isTransposed ? 0 : 1)
        default:
            guard let swaps = node.transposesMatrix, let output = node.outputs.first else {
                return .other(reason: "'\(node.operator.name)' reads it", isWeight: false)
            }
            return use(of: output, isTransposed: swaps != isTransposed)
        }
    }
}
