import ApusSymbolic
import ApusTensor

/// `x W^T + b`: from `[..., inFeatures]` to `[..., outFeatures]`, in the weight's dtype.
///
/// `weight` is `[outFeatures, inFeatures]`, `bias` `[outFeatures]`, both drawn evenly from within `1 / sqrt(inFeatures)` of zero.
public final class Linear: Module {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor?
    public let inFeatures: Int
    public let outFeatures: Int

    public init(_ inFeatures: some SymIntConvertible, _ outFeatures: some SymIntConvertible, bias: Bool = true, dtype: DType = .float32)
        throws
    {
        self.inFeatures = try inFeatures.positive("inFeatures", in: "Linear")
        self.outFeatures = try outFeatures.positive("outFeatures", in: "Linear")
        let sizes = [self.outFeatures, self.inFeatures]
        weight = try Initialization.uniform(sizes, bound: Initialization.fanInBound(sizes), dtype: dtype)
        self.bias = bias ? try Initialization.uniform([self.outFeatures], bound: Initialization.fanInBound(sizes), dtype: dtype) : nil
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 1 else { throw TensorError(.shapeMismatch, in: "Linear", "expects at least one dimension, got shape \(x.shape)") }
        try requireSize(x, dim: -1, inFeatures, "features", in: "Linear")
        return try x.linear(weight, bias: bias)
    }
}
