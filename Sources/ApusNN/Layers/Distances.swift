import ApusSymbolic
import ApusTensor

/// The cosine of the angle between two tensors along a dimension, which goes.
public final class CosineSimilarity: Module {
    public let dim: Int
    public let epsilon: Scalar
    public init(dim: Int = 1, epsilon: any ScalarConvertible = 1e-8) { (self.dim, self.epsilon) = (dim, epsilon.scalar) }
    public func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x.cosineSimilarity(y, dim: dim, epsilon: epsilon) }
}

/// The p-norm of the difference along the last dimension, which goes. `epsilon` is added to each difference.
public final class PairwiseDistance: Module {
    public let p: Scalar
    public let epsilon: Scalar
    public let keepDim: Bool

    public init(p: any ScalarConvertible = 2, epsilon: any ScalarConvertible = 1e-6, keepDim: Bool = false) {
        (self.p, self.epsilon, self.keepDim) = (p.scalar, epsilon.scalar, keepDim)
    }

    public func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor {
        try x.pairwiseDistance(y, p: p, epsilon: epsilon, keepDim: keepDim)
    }
}

/// `x A y + b`: from `[..., in1Features]` and `[..., in2Features]` to `[..., outFeatures]`.
///
/// `weight` is `[outFeatures, in1Features, in2Features]`, `bias` `[outFeatures]`, both drawn evenly from within `1 / sqrt(in1Features)` of zero.
public final class Bilinear: Module {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor?
    public let in1Features: Int
    public let in2Features: Int
    public let outFeatures: Int

    public init(
        _ in1Features: some SymIntConvertible, _ in2Features: some SymIntConvertible, _ outFeatures: some SymIntConvertible,
        bias: Bool = true, dtype: DType = .float32
    ) throws {
        self.in1Features = try in1Features.positive("in1Features", in: "Bilinear")
        self.in2Features = try in2Features.positive("in2Features", in: "Bilinear")
        self.outFeatures = try outFeatures.positive("outFeatures", in: "Bilinear")
        let bound: Double = 1 / Double(self.in1Features).squareRoot()
        weight = try Initialization.uniform([self.outFeatures, self.in1Features, self.in2Features], bound: bound, dtype: dtype)
        self.bias = bias ? try Initialization.uniform([self.outFeatures], bound: bound, dtype: dtype) : nil
    }

    public func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor {
        try requireSize(x, dim: -1, in1Features, "features", in: "Bilinear")
        try requireSize(y, dim: -1, in2Features, "features", in: "Bilinear")
        return try x.bilinear(y, weight, bias: bias)
    }
}
