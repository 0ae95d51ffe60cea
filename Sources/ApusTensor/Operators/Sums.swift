import ApusSymbolic
import CApusKernels

extension Operator {
    static let sumDims: Operator = Operator(
        "aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The sum over dimensions, all of them when none are given. Integers and bool sum in int64. An empty sum is 0.",
        rule: { call in [try call.reductionSpec { $0.isInteger || $0 == .bool ? .int64 : $0 }] },
        kernel: .compute { call, outputs in try call.reduce(APUS_REDUCE_SUM, into: outputs[0]) },
        gradient: { g in
            let x = try g.call.tensor(0)
            let gradient = try g.call.restoringReducedDims(g.gradient)
            return [.tensor(try gradient.expanded(x.shape).to(x.dtype))]
        }, samples: { [[.tensor(try .sample([2, 3])), .ints([1]), .bool(false), .none]] })

    static let sums: [Operator] = [sumDims]
}

extension Tensor {
    /// The sum of all elements. Integers and bool sum in int64.
    public func sum(dtype: DType? = nil) throws -> Tensor { try sum(dims: [], keepDim: false, dtype: dtype) }

    /// The sum over one dimension.
    public func sum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try sum(dims: [dim], keepDim: keepDim, dtype: dtype)
    }

    /// The sum over several dimensions, all of them when the list is empty.
    public func sum(dims: [Int], keepDim: Bool = false, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.sumDims, [.tensor(self), .ints(dims), .bool(keepDim), .optional(dtype)])
    }
}
