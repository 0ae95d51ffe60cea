import ApusSymbolic
import ApusTensor

/// Sizes of the last dimensions that a layer normalises over: one number or a list.
private func normalizedSizes(_ sizes: some SpatialSize, in layer: String) throws -> [Int] {
    let sizes: [Int] = sizes.spatialSizes.map { Int($0) }
    guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else {
        throw TensorError(.invalidArgument, in: layer, "normalizedShape must have positive sizes, not \(sizes)")
    }
    return sizes
}

private func requireSuffix(_ x: Tensor, _ sizes: [Int], in layer: String) throws {
    guard x.rank >= sizes.count else {
        throw TensorError(.shapeMismatch, in: layer, "expects the last sizes \(sizes), got shape \(x.shape)")
    }
    for (offset, size) in sizes.enumerated() {
        try requireSize(x, dim: offset - sizes.count, size, "elements", in: layer)
    }
}

/// Subtracts the mean over the last dimensions and divides by the standard deviation, then scales by `weight` and adds `bias`, both of
/// `normalizedShape`, at first 1 and 0.
public final class LayerNorm: Module {
    @Parameter public var weight: Tensor?
    @Parameter public var bias: Tensor?
    public let normalizedShape: [Int]
    public let epsilon: Double

    public init(
        _ normalizedShape: some SpatialSize, epsilon: any ScalarConvertible = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true,
        dtype: DType = .float32
    ) throws {
        let sizes = try normalizedSizes(normalizedShape, in: "LayerNorm")
        self.normalizedShape = sizes
        self.epsilon = try epsilon.plainNumber("epsilon", in: "LayerNorm")
        weight = elementwiseAffine ? try Tensor.ones(sizes, dtype: dtype) : nil
        self.bias = elementwiseAffine && bias ? try Tensor.zeros(sizes, dtype: dtype) : nil
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireSuffix(x, normalizedShape, in: "LayerNorm")
        return try x.layerNorm(normalizedShape.map { SymInt($0) }, weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Divides by the root of the mean square over the last dimensions, then scales by `weight`, at first 1. Without `epsilon`, the dtype's distance
/// from 1 to the next number is used, as in PyTorch.
public final class RMSNorm: Module {
    @Parameter public var weight: Tensor?
    public let normalizedShape: [Int]
    public let epsilon: Double?

    public init(
        _ normalizedShape: some SpatialSize, epsilon: (any ScalarConvertible)? = nil, elementwiseAffine: Bool = true,
        dtype: DType = .float32
    ) throws {
        let sizes = try normalizedSizes(normalizedShape, in: "RMSNorm")
        self.normalizedShape = sizes
        self.epsilon = try epsilon.map { try $0.plainNumber("epsilon", in: "RMSNorm") }
        weight = elementwiseAffine ? try Tensor.ones(sizes, dtype: dtype) : nil
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireSuffix(x, normalizedShape, in: "RMSNorm")
        return try x.rmsNorm(normalizedShape.map { SymInt($0) }, weight: weight, epsilon: epsilon)
    }
}

/// Normalises each of `numGroups` groups of the channels of `[N, C, ...]` by its own mean and variance, then scales and shifts each channel.
public final class GroupNorm: Module {
    @Parameter public var weight: Tensor?
    @Parameter public var bias: Tensor?
    public let numGroups: Int
    public let numChannels: Int
    public let epsilon: Double

    public init(
        _ numGroups: some SymIntConvertible, _ numChannels: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5,
        affine: Bool = true,
        dtype: DType = .float32
    ) throws {
        let (numGroups, numChannels) = try divided(numChannels, by: numGroups, "numChannels", in: "GroupNorm")
        self.numGroups = numGroups
        self.numChannels = numChannels
        self.epsilon = try epsilon.plainNumber("epsilon", in: "GroupNorm")
        weight = affine ? try Tensor.ones([numChannels], dtype: dtype) : nil
        bias = affine ? try Tensor.zeros([numChannels], dtype: dtype) : nil
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 2 else { throw TensorError(.shapeMismatch, in: "GroupNorm", "expects at least 2 dimensions, got shape \(x.shape)") }
        try requireSize(x, dim: 1, numChannels, "channels", in: "GroupNorm")
        return try x.groupNorm(groups: numGroups, weight: weight, bias: bias, epsilon: epsilon)
    }
}
