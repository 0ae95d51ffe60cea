import ApusSymbolic
import CApusKernels

// Whether any or all elements are not 0. The result is bool, uint8 for uint8. No gradient: a bool tensor has none.

extension Operator {
    static let truth: [Operator] = [any, anyDim, anyDims, all, allDim, allDims]

    static let any: Operator = quantifier("aten::any(Tensor self) -> Tensor", APUS_REDUCE_ANY, [[]])
    static let anyDim: Operator = quantifier(
        "aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", APUS_REDUCE_ANY, [[.int(1), .bool(false)]])
    static let anyDims: Operator = quantifier(
        "aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", APUS_REDUCE_ANY,
        [[.ints([0, 2]), .bool(true)], [.ints([Int]()), .bool(false)], [.none, .bool(false)]])

    static let all: Operator = quantifier("aten::all(Tensor self) -> Tensor", APUS_REDUCE_ALL, [[]])
    static let allDim: Operator = quantifier(
        "aten::all.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", APUS_REDUCE_ALL, [[.int(1), .bool(false)]])
    static let allDims: Operator = quantifier(
        "aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", APUS_REDUCE_ALL,
        [[.ints([0, 2]), .bool(true)], [.ints([Int]()), .bool(false)], [.none, .bool(false)]])

    private static func quantifier(_ schema: String, _ operation: apus_reduce_op, _ further: [[OperatorArgument]]) -> Operator {
        reduction(
            schema, operation,
            "Whether \(operation == APUS_REDUCE_ANY ? "any element is" : "all elements are") not 0; an empty list of dimensions reduces none.",
            result: { $0 == .uint8 ? .uint8 : .bool }, emptyMeansAll: false, further: further)
    }
}

extension Tensor {
    /// Whether any element is not 0.
    public func any() throws -> Tensor { try applySingle(.any, [.tensor(self)]) }
    /// Whether any element over one dimension is not 0.
    public func any(dim: Int, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.anyDim, [.tensor(self), .int(dim), .bool(keepDim)])
    }
    /// Whether any element over several dimensions is not 0.
    public func any(dims: [Int], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.anyDims, [.tensor(self), .ints(dims), .bool(keepDim)])
    }

    /// Whether no element is 0.
    public func all() throws -> Tensor { try applySingle(.all, [.tensor(self)]) }
    /// Whether no element over one dimension is 0.
    public func all(dim: Int, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.allDim, [.tensor(self), .int(dim), .bool(keepDim)])
    }
    /// Whether no element over several dimensions is 0.
    public func all(dims: [Int], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.allDims, [.tensor(self), .ints(dims), .bool(keepDim)])
    }
}
