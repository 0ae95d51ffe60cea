import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    /// Sorting and its like. Equal elements stay in their order, and NaN is larger than all numbers but an infinity.
    static let order: [ONNXRule] = [
        ONNXRule("sort", all: { node in try sorted(node, dim: 1, largest: node.call.bool(2)) }),
        ONNXRule("sort.stable", all: { node in try sorted(node, dim: 2, largest: node.call.bool(3)) }),
        ONNXRule("argsort") { node in try sorted(node, dim: 1, largest: node.call.bool(2))[1] },
        ONNXRule("argsort.stable") { node in try sorted(node, dim: 2, largest: node.call.bool(3))[1] },
        ONNXRule("topk", all: { node in try sorted(node, dim: 2, count: node.call.int(1), largest: node.call.bool(3)) }),
        ONNXRule(
            "kthvalue",
            all: { node in
                let rank: Int = try node.rank()
                let found: [ONNXTerm] = try sorted(node, dim: 2, count: node.call.int(1), largest: false)
                if rank == 0 { return found }
                let dim: Int = try node.dim(2, rank: rank)
                let last: ONNXTerm = try node.out.integers([-1])
                return try found.map { values in
                    let one: ONNXTerm = node.apply("Gather", [values, last], [.make("axis", dim)])
                    return try node.reshaped(one, node.result.shape)
                }
            }),
    ]

    private static func sorted(_ node: ONNXNodeWriter, dim index: Int, count: SymInt? = nil, largest: Bool) throws -> [ONNXTerm] {
        let x: ONNXTerm = try node.term(0)
        let rank: Int = try node.rank()
        if rank == 0 { return [x, try node.out.constant(Tensor([0], shape: []))] }
        let dim: Int = try node.dim(index, rank: rank)
        let size: ONNXTerm = try node.vector([count ?? node.shape(0)[dim]])
        let attributes: [Onnx_AttributeProto] = [.make("axis", dim), .make("largest", largest), .make("sorted", 1)]
        guard x.dtype.isFloatingPoint else { return node.out.apply("TopK", [x, size], results: [nil, .int64], attributes) }
        // A NaN counts as an infinity: where a tensor holds both, their order may be another.
        let isNaN: ONNXTerm = node.apply("IsNaN", [x], to: .bool)
        let key: ONNXTerm = node.apply("Where", [isNaN, try node.number(.infinity, x.dtype), x])
        let places: ONNXTerm = node.out.apply("TopK", [key, size], results: [nil, .int64], attributes)[1]
        return [node.apply("GatherElements", [x, places], [.make("axis", dim)]), places]
    }
}
