import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let reductions: [ONNXOperator] = [
        reduction("ReduceSum", inputFrom: 13) { try $0.sum(dims: $1, keepDim: $2, dtype: $0.dtype) },
        reduction("ReduceMean") { try $0.mean(dims: $1, keepDim: $2) },
        reduction("ReduceProd") { x, dims, keep in
            // From the last on, so that the others keep their places.
            try dims.sorted(by: >).reduce(x) { try $0.prod(dim: $1, keepDim: keep, dtype: x.dtype) }
        },
        reduction("ReduceMax") { try extreme($0, $1, $2, isMax: true) },
        reduction("ReduceMin") { try extreme($0, $1, $2, isMax: false) },
        reduction("ReduceL1") { try $0.abs().sum(dims: $1, keepDim: $2, dtype: $0.dtype) },
        reduction("ReduceL2") { x, dims, keep in
            if !x.dtype.isFloatingPoint { return try (x * x).sum(dims: dims, keepDim: keep).to(.float64).sqrt().to(x.dtype) }
            return try (x * x).sum(dims: dims, keepDim: keep).sqrt()
        },
        reduction("ReduceSumSquare") { try ($0 * $0).sum(dims: $1, keepDim: $2, dtype: $0.dtype) },
        reduction("ReduceLogSum") { try $0.sum(dims: $1, keepDim: $2).log() },
        reduction("ReduceLogSumExp") { x, dims, keep in
            isEmpty(x, dims) ? try x.exp().sum(dims: dims, keepDim: keep).log() : try x.logsumexp(dims: dims, keepDim: keep)
        },
        ONNXOperator("ArgMax", results: .own) { try position($0, isMax: true) },
        ONNXOperator("ArgMin", results: .own) { try position($0, isMax: false) },
        ONNXOperator("CumSum") { call in try cumulated(call) { try $0.cumsum(dim: $1, dtype: $0.dtype) } },
        ONNXOperator("CumProd") { call in try cumulated(call) { try $0.cumprod(dim: $1, dtype: $0.dtype) } },
        ONNXOperator("TopK", values: { call in try topK(call) }),
    ]

    /// A reduction over dimensions; all of them where none is named.
    /// - Parameter inputFrom: the opset from which on the dimensions are an input.
    private static func reduction(
        _ name: String, inputFrom: Int = 18, _ function: @escaping @Sendable (Tensor, [Int], Bool) throws -> Tensor
    ) -> ONNXOperator {
        ONNXOperator(
            name,
            values: { call in
                let dims: [Int]? = call.version >= inputFrom ? try call.axes(input: 1) : try call.ints("axes")
                let keepsDims: Bool = try call.flag("keepdims", true)
                if case .sizes(let sizes) = try call.value(0).content, let size = try reduced(sizes, name, dims, keepsDims, call) {
                    return [size]
                }
                let x: Tensor = try call.tensor(0)
                // Not reduced, but squared or taken the logarithm of all the same.
                if dims?.isEmpty ?? true, try call.flag("noop_with_empty_axes") {
                    return [ONNXValue(try function(x.unsqueezed(0), [0], false))]
                }
                let all: [Int] = dims.flatMap { $0.isEmpty ? nil : $0 } ?? Array(0..<x.rank)
                return [ONNXValue(try function(x, try all.map { try call.dim($0, rank: x.rank) }, keepsDims))]
            })
    }

    /// The sum, product or extreme of sizes; nil where it is no size.
    private static func reduced(_ sizes: ONNXSizes, _ name: String, _ dims: [Int]?, _ keepsDims: Bool, _ call: ONNXCall) throws
        -> ONNXValue?
    {
        if dims?.isEmpty ?? true, try call.flag("noop_with_empty_axes") { return nil }
        for dim in dims ?? [] { _ = try call.dim(dim, rank: 1) }
        guard sizes.shape.count == 1, dims?.count ?? 1 == 1, let first = sizes.values.first else { return nil }
        let rest: ArraySlice<SymInt> = sizes.values.dropFirst()
        let result: SymInt
        switch name {
        case "ReduceProd": result = SymInt.product(sizes.values)
        case "ReduceSum": result = rest.reduce(first) { $0 + $1 }
        case "ReduceMax": result = rest.reduce(first) { max($0, $1) }
        case "ReduceMin": result = rest.reduce(first) { min($0, $1) }
        default: return nil
        }
        return try ONNXValue(ONNXSizes(shape: keepsDims ? [1] : [], values: [result]), try call.element(0))
    }

    private static func isEmpty(_ x: Tensor, _ dims: [Int]) -> Bool { dims.contains { x.shape[$0].constant == 0 } }

    private static func extreme(_ x: Tensor, _ dims: [Int], _ keepsDims: Bool, isMax: Bool) throws -> Tensor {
        if x.dtype == .bool { return try extreme(x.to(.uint8), dims, keepsDims, isMax: isMax).to(.bool) }
        if isEmpty(x, dims) {
            // Of nothing the maximum is the least value of the type.
            let range: ClosedRange<Int> = ONNXElement(x.dtype).integerRange ?? 0...0
            let zero: Tensor = try x.sum(dims: dims, keepDim: keepsDims, dtype: x.dtype)
            if x.dtype.isFloatingPoint { return try zero + (isMax ? -Double.infinity : Double.infinity) }
            return try zero + (isMax ? range.lowerBound : range.upperBound)
        }
        return isMax ? try x.amax(dims: dims, keepDim: keepsDims) : try x.amin(dims: dims, keepDim: keepsDims)
    }

    private static func position(_ call: ONNXCall, isMax: Bool) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        let axis: Int = try call.axis("axis", 0, rank: x.rank)
        let keepsDims: Bool = try call.flag("keepdims", true)
        func find(_ x: Tensor) throws -> Tensor {
            isMax ? try x.argmax(dim: axis, keepDim: keepsDims) : try x.argmin(dim: axis, keepDim: keepsDims)
        }
        guard try call.flag("select_last_index") else { return try find(x) }
        return try (x.shape[axis] - 1) - find(x.flipped([axis]))
    }

    private static func cumulated(_ call: ONNXCall, _ function: (Tensor, Int) throws -> Tensor) throws -> Tensor {
        var x: Tensor = try call.tensor(0)
        let axis: Int = try call.dim(try call.constant(1), rank: x.rank)
        let isReversed: Bool = try call.flag("reverse")
        if isReversed { x = try x.flipped([axis]) }
        var result: Tensor = try function(x, axis)
        if try call.flag("exclusive") {
            let size: SymInt = x.shape[axis]
            let start: Tensor =
                call.name == "CumProd"
                ? try x.narrowed(dim: axis, from: 0, length: 1).onesLike() : try x.narrowed(dim: axis, from: 0, length: 1).zerosLike()
            result = try Tensor.cat([start, result.narrowed(dim: axis, from: 0, length: size - 1)], dim: axis)
        }
        return isReversed ? try result.flipped([axis]) : result
    }

    private static func topK(_ call: ONNXCall) throws -> [ONNXValue] {
        let x: Tensor = try call.tensor(0)
        let axis: Int = try call.axis("axis", -1, rank: x.rank)
        let count: SymInt = call.version >= 10 ? try call.size(1) : SymInt(try call.int("k", 1))
        let isLargest: Bool = call.version >= 11 ? try call.flag("largest", true) : true
        let (values, indices) = try x.topk(count, dim: axis, largest: isLargest)
        return [ONNXValue(.tensor(values), try call.element(0)), ONNXValue(indices)]
    }
}
