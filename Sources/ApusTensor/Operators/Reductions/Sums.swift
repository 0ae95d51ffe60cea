import ApusSymbolic
import CApusKernels

// Sums, products and means. Each comes for all elements and for some dimensions.

extension Operator {
    static let sum: Operator = summing(
        "aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor", further: [[.none], [.dtype(.float64)]])
    static let sumDims: Operator = summing(
        "aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", further: dimsLists)

    static let nansum: Operator = reduction(
        "aten::nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", APUS_REDUCE_NANSUM,
        taking: .real,
        "The sum without NaN. Integers and bool sum in int64.", result: { $0.kind == .floating ? $0 : .int64 },
        gradient: { g, gradient, _ in
            let x = try g.call.tensor(0)
            return try gradient * x.isnan().logicalNot()
        }, further: dimsLists)

    static let mean: Operator = averaging(
        "aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor", further: [[.none], [.dtype(.float64)]])
    static let meanDims: Operator = averaging(
        "aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor", further: dimsLists)

    static let prod: Operator = multiplying(
        "aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor", further: [[.none], [.dtype(.float64)]])
    static let prodDim: Operator = multiplying(
        "aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        further: [[.int(1), .bool(false), .none], [.int(-1), .bool(true), .dtype(.float64)]])

    static let countNonzero: Operator = reduction(
        "aten::count_nonzero(Tensor self, int? dim=None) -> Tensor", APUS_REDUCE_COUNT_NONZERO, "How many elements are not 0, in int64.",
        result: { _ in .int64 }, further: [[.none], [.int(1)]])
    static let countNonzeroDims: Operator = reduction(
        "aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor", APUS_REDUCE_COUNT_NONZERO,
        "How many elements are not 0 over dimensions, in int64.", result: { _ in .int64 }, further: [[.ints([0, 2])]])

    static let sums: [Operator] = [sum, sumDims, nansum, mean, meanDims, prod, prodDim, countNonzero, countNonzeroDims]

    /// Arguments of samples for schemas with `dim`, `keepdim` and `dtype`.
    private static let dimsLists: [[OperatorArgument]] = [
        [.ints([1]), .bool(false), .none], [.ints([0, -1]), .bool(true), .none], [.none, .bool(false), .none],
        [.ints([0]), .bool(false), .dtype(.float64)],
    ]

    private static func summing(_ schema: String, further: [[OperatorArgument]]) -> Operator {
        reduction(
            schema, APUS_REDUCE_SUM, "The sum, over all dimensions when none are given. Integers and bool sum in int64. An empty sum is 0.",
            result: { $0.isDifferentiable ? $0 : .int64 },
            gradient: { g, gradient, _ in try gradient.expanded(g.call.tensor(0).shape) }, further: further)
    }

    private static func averaging(_ schema: String, further: [[OperatorArgument]]) -> Operator {
        reduction(
            schema, APUS_REDUCE_MEAN, taking: .differentiable,
            "The mean, over all dimensions when none are given. Integers need a floating-point dtype to be asked for. An empty mean is NaN.",
            gradient: { g, gradient, reduction in
                try (gradient / reduction.count(g.call)).expanded(g.call.tensor(0).shape)
            }, further: further)
    }

    private static func multiplying(_ schema: String, further: [[OperatorArgument]]) -> Operator {
        reduction(
            schema, APUS_REDUCE_PROD, "The product. Integers and bool multiply in int64. An empty product is 1.",
            result: { $0.isDifferentiable ? $0 : .int64 },
            gradient: { g, gradient, reduction in
                let x = try g.call.tensor(0)
                return try gradient * productOfOthers(x.to(g.outputs[0].dtype), dims: reduction.dims(g.call)).conj()
            }, further: further)
    }

    /// For each element the product of the others that are reduced with it. No division, so that zeros are exact, as are further
    /// derivatives.
    private static func productOfOthers(_ x: Tensor, dims: [Int]) throws -> Tensor {
        guard !dims.isEmpty else { return try x.onesLike() }
        let kept: [Int] = (0..<x.rank).filter { !dims.contains($0) }
        let order: [Int] = kept + dims
        let flat: Tensor = try x.permuted(order).reshaped(kept.map { x.shape[$0] } + [dims.reduce(SymInt(1)) { $0 * x.shape[$1] }])
        let before: Tensor = try flat.productBefore(dim: kept.count)
        let after: Tensor = try flat.flipped([kept.count]).productBefore(dim: kept.count).flipped([kept.count])
        let others: Tensor = try (before * after).reshaped(order.map { x.shape[$0] })
        return try others.permuted(order.indices.sorted { order[$0] < order[$1] })
    }
}

extension Tensor {
    /// The sum of all elements. Integers and bool sum in int64.
    public func sum(dtype: DType? = nil) throws -> Tensor { try applySingle(.sum, [.tensor(self), .optional(dtype)]) }

    /// The sum over one dimension.
    public func sum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try sum(dims: [dim], keepDim: keepDim, dtype: dtype)
    }

    /// The sum over several dimensions, all of them when the list is empty.
    public func sum(dims: [Int], keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.sumDims, [.tensor(self), .ints(dims), .bool(keepDim), .optional(dtype)])
    }

    /// The sum without NaN, over several dimensions, all of them when the list is empty.
    public func nansum(dims: [Int] = [], keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.nansum, [.tensor(self), .ints(dims), .bool(keepDim), .optional(dtype)])
    }

    /// The mean of all elements. Integers need a floating-point `dtype`.
    public func mean(dtype: DType? = nil) throws -> Tensor { try applySingle(.mean, [.tensor(self), .optional(dtype)]) }

    /// The mean over one dimension.
    public func mean(dim: Int, keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try mean(dims: [dim], keepDim: keepDim, dtype: dtype)
    }

    /// The mean over several dimensions, all of them when the list is empty.
    public func mean(dims: [Int], keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.meanDims, [.tensor(self), .ints(dims), .bool(keepDim), .optional(dtype)])
    }

    /// The product of all elements. Integers and bool multiply in int64.
    public func prod(dtype: DType? = nil) throws -> Tensor { try applySingle(.prod, [.tensor(self), .optional(dtype)]) }

    /// The product over one dimension.
    public func prod(dim: Int, keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.prodDim, [.tensor(self), .int(dim), .bool(keepDim), .optional(dtype)])
    }

    /// How many elements are not 0, over one dimension or all.
    public func countNonzero(dim: Int? = nil) throws -> Tensor {
        try applySingle(.countNonzero, [.tensor(self), dim.map { .int($0) } ?? .none])
    }

    /// How many elements are not 0, over several dimensions.
    public func countNonzero(dims: [Int]) throws -> Tensor { try applySingle(.countNonzeroDims, [.tensor(self), .ints(dims)]) }

    /// The sum of a dimension's elements that are not NaN.
    public func nansum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try nansum(dims: [dim], keepDim: keepDim, dtype: dtype)
    }
}
