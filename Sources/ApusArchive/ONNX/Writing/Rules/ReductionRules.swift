import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    /// Dimensions, whether they stay as ones, and what is reduced in which type stand in the records' arguments.
    static let reductions: [ONNXRule] = [
        ONNXRule("sum") { try reduced($0, "ReduceSum") },
        ONNXRule("sum.dim_IntList") { try reduced($0, "ReduceSum", dims: 1, keep: 2) },
        ONNXRule("mean") { try mean($0) },
        ONNXRule("mean.dim") { try mean($0, dims: 1, keep: 2) },
        ONNXRule("prod") { try reduced($0, "ReduceProd") },
        ONNXRule("prod.dim_int") { try reduced($0, "ReduceProd", dims: 1, keep: 2) },
        ONNXRule("amax") { try reduced($0, "ReduceMax", dims: 1, keep: 2) },
        ONNXRule("amin") { try reduced($0, "ReduceMin", dims: 1, keep: 2) },
        ONNXRule("max") { try reduced($0, "ReduceMax") },
        ONNXRule("min") { try reduced($0, "ReduceMin") },
        ONNXRule("any") { try whether($0) },
        ONNXRule("any.dim") { try whether($0, dims: 1, keep: 2) },
        ONNXRule("any.dims") { try whether($0, dims: 1, keep: 2) },
        ONNXRule("argmax") { try place($0, "ArgMax", dim: 1, keep: 2) },
        ONNXRule("argmin") { try place($0, "ArgMin", dim: 1, keep: 2) },
        ONNXRule("max.dim", all: { try extreme($0, "Max") }),
        ONNXRule("min.dim", all: { try extreme($0, "Min") }),
        ONNXRule("cumsum") { node in
            let x: ONNXTerm = try node.term(0, as: node.result.dtype)
            let rank: Int = try node.rank()
            if rank == 0 { return x }
            return node.apply("CumSum", [x, try node.out.constant(Tensor([node.dim(1, rank: rank)], shape: []))])
        },
    ]

    /// The dimensions that an argument names, all for none.
    private static func dims(_ node: ONNXNodeWriter, _ index: Int?) throws -> [Int] {
        let rank: Int = try node.rank()
        guard let index, let named = try node.call.optionalInts(index)?.compactMap(\.constant) else { return Array(0..<rank) }
        // An empty list names none for some operators, as their results tell.
        if named.isEmpty { return try node.result.shape.isIdentical(to: node.shape(0)) ? [] : Array(0..<rank) }
        return rank == 0 ? [] : try named.map { try node.normal($0, rank) }
    }

    private static func reduced(_ node: ONNXNodeWriter, _ type: String, dims index: Int? = nil, keep: Int? = nil) throws -> ONNXTerm {
        try reduce(node, type, try node.term(0, as: node.result.dtype), dims: index, keep: keep)
    }

    private static func reduce(_ node: ONNXNodeWriter, _ type: String, _ x: ONNXTerm, dims index: Int?, keep: Int?) throws -> ONNXTerm {
        let dims: [Int] = try dims(node, index)
        // Without dimensions to reduce, ONNX would take all.
        if dims.isEmpty { return x }
        let keeps: Bool = try keep.map { try node.call.bool($0) } ?? false
        return try over(node, type, x, dims, keeps: keeps)
    }

    /// A reduction. Extremes are NaN where an element is, which ONNX Runtime passes over.
    private static func over(_ node: ONNXNodeWriter, _ type: String, _ x: ONNXTerm, _ dims: [Int], keeps: Bool) throws -> ONNXTerm {
        let (axes, attributes) = (try node.out.integers(dims), [Onnx_AttributeProto.make("keepdims", keeps)])
        let found: ONNXTerm = node.apply(type, [x, axes], attributes)
        guard x.dtype.isFloatingPoint, type == "ReduceMax" || type == "ReduceMin" else { return found }
        let isNaN: ONNXTerm = node.out.cast(node.apply("IsNaN", [x], to: .bool), .int32)
        let held: ONNXTerm = node.out.cast(node.apply("ReduceMax", [isNaN, axes], attributes), .bool)
        return node.apply("Where", [held, try node.number(.nan, x.dtype), found])
    }

    /// The mean, which of nothing is NaN: where the sizes don't rule that out, it is written as the division that it is.
    private static func mean(_ node: ONNXNodeWriter, dims index: Int? = nil, keep: Int? = nil) throws -> ONNXTerm {
        let shape: Shape = try node.shape(0)
        let sizes: [SymInt] = try dims(node, index).map { shape[$0] }
        if shape.count == 0 || sizes.allSatisfy({ ($0.constant ?? 0) > 0 }) {
            return try reduced(node, "ReduceMean", dims: index, keep: keep)
        }
        let dtype: DType = try node.result.dtype
        // Sums and counts go beyond half precision.
        let wide: DType = dtype == .float16 || dtype == .bfloat16 ? .float32 : dtype
        let x: ONNXTerm = node.out.cast(try node.term(0, as: dtype), wide)
        let sum: ONNXTerm = try reduce(node, "ReduceSum", x, dims: index, keep: keep)
        let count: ONNXTerm = try node.term(.int(sizes.reduce(1) { $0 * $1 }), wide)
        return node.out.cast(node.apply("Div", [sum, count]), dtype)
    }

    /// Whether there is one that is not zero: none is where there are none at all.
    private static func whether(_ node: ONNXNodeWriter, dims index: Int? = nil, keep: Int? = nil) throws -> ONNXTerm {
        let ones: ONNXTerm = node.out.cast(try node.term(0, as: .bool), .int64)
        return node.out.cast(try reduce(node, "ReduceSum", ones, dims: index, keep: keep), .bool)
    }

    /// The first place of an extreme. The first NaN is one, which ONNX passes over.
    private static func place(_ node: ONNXNodeWriter, _ type: String, dim index: Int, keep: Int) throws -> ONNXTerm {
        var x: ONNXTerm = try node.term(0)
        let rank: Int = try node.rank()
        if rank == 0 { return try node.out.constant(Tensor([0], shape: [])) }
        let flat: Bool = try node.call.optionalInt(index) == nil
        if flat { x = node.apply("Reshape", [x, try node.out.integers([-1])]) }
        let axis: Int = flat ? 0 : try node.dim(index, rank: rank)
        let keeps: Bool = try node.call.bool(keep)
        let found: ONNXTerm = try place(node, type, x, axis: axis, keeps: keeps && !flat)
        return keeps && flat ? try node.reshaped(found, node.result.shape) : found
    }

    private static func place(_ node: ONNXNodeWriter, _ type: String, _ x: ONNXTerm, axis: Int, keeps: Bool) throws -> ONNXTerm {
        let attributes: [Onnx_AttributeProto] = [.make("axis", axis), .make("keepdims", keeps)]
        let found: ONNXTerm = node.apply(type, [x], to: .int64, attributes)
        guard x.dtype.isFloatingPoint else { return found }
        let isNaN: ONNXTerm = node.out.cast(node.apply("IsNaN", [x], to: .bool), .int32)
        let first: ONNXTerm = node.apply("ArgMax", [isNaN], to: .int64, attributes)
        // Where there is none, the first place of all is no NaN.
        let held: ONNXTerm = node.apply("ReduceMax", [isNaN, try node.out.integers([axis])], [.make("keepdims", keeps)])
        return node.apply("Where", [node.out.cast(held, .bool), first, found], to: .int64)
    }

    private static func extreme(_ node: ONNXNodeWriter, _ kind: String) throws -> [ONNXTerm] {
        let x: ONNXTerm = try node.term(0)
        let rank: Int = try node.rank()
        if rank == 0 { return [x, try node.out.constant(Tensor([0], shape: []))] }
        let (axis, keeps) = (try node.dim(1, rank: rank), try node.call.bool(2))
        return [
            try over(node, "Reduce" + kind, x, [axis], keeps: keeps),
            try place(node, "Arg" + kind, x, axis: axis, keeps: keeps),
        ]
    }
}
