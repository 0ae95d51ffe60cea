import ApusSymbolic
import ApusTensor

/// What instance normalisation layers have in common: each channel of each example is normalised by its own mean and biased variance, unless
/// there are running statistics and the layer evaluates. While training, those move towards the averages of the examples' own by `momentum`.
public class InstanceNormBase: ChannelNormBase {
    override final func normalized(_ x: Tensor) throws -> Tensor {
        try requireSize(x, dim: -(ranks.upperBound - 1), numFeatures, "channels", in: layer)
        if x.rank == ranks.lowerBound { return try normalizedBatch(x.unsqueezed(0)).squeezed(0) }
        return try normalizedBatch(x)
    }

    private func normalizedBatch(_ x: Tensor) throws -> Tensor {
        if let mean = runningMean, let variance = runningVar {
            guard isTraining else {
                return try x.batchNorm(runningMean: mean, runningVariance: variance, weight: weight, bias: bias, epsilon: epsilon)
            }
            (runningMean, runningVar) = try Operator.instanceStatistics(of: x, mean: mean, variance: variance, momentum: momentum)
        }
        return try x.instanceNorm(weight: weight, bias: bias, epsilon: epsilon)
    }
}

/// Instance normalisation of `[N, C, L]`, or without N.
public final class InstanceNorm1d: InstanceNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = false,
        trackRunningStats: Bool = false, dtype: DType = .float32
    ) throws {
        try super.init(
            "InstanceNorm1d", ranks: 2...3, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats,
            dtype: dtype)
    }
}

/// Instance normalisation of images `[N, C, H, W]`, or without N.
public final class InstanceNorm2d: InstanceNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = false,
        trackRunningStats: Bool = false, dtype: DType = .float32
    ) throws {
        try super.init(
            "InstanceNorm2d", ranks: 3...4, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats,
            dtype: dtype)
    }
}

/// Instance normalisation of volumes `[N, C, D, H, W]`, or without N.
public final class InstanceNorm3d: InstanceNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = false,
        trackRunningStats: Bool = false, dtype: DType = .float32
    ) throws {
        try super.init(
            "InstanceNorm3d", ranks: 4...5, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats,
            dtype: dtype)
    }
}

/// Divides each channel of `[N, C, ...]` by a power of the mean square of its neighbours among the channels:
/// `x / (k + alpha * mean(x^2))^beta`, over `size` channels, zeros beyond the ends. Source: Krizhevsky et al., 2012.
public final class LocalResponseNorm: Module {
    public let size: Int
    public let alpha: Scalar
    public let beta: Scalar
    public let k: Scalar

    public init(
        _ size: some SymIntConvertible, alpha: any ScalarConvertible = 1e-4, beta: any ScalarConvertible = 0.75,
        k: any ScalarConvertible = 1
    ) throws {
        self.size = try size.positive("size", in: "LocalResponseNorm")
        (self.alpha, self.beta, self.k) = (alpha.scalar, beta.scalar, k.scalar)
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 3 else {
            throw TensorError(.shapeMismatch, in: "LocalResponseNorm", "expects at least 3 dimensions, got shape \(x.shape)")
        }
        // The window goes over the channels: as lines, so that one-dimensional means serve.
        let lines: Tensor = try (x * x).flattened(from: 2).transposed(1, 2).padded([size / 2, (size - 1) / 2])
        let means: Tensor = try lines.avgPool1d(size, stride: 1).transposed(1, 2).reshaped(x.shape)
        return try x / (means * alpha + k).pow(beta)
    }
}
