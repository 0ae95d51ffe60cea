import ApusSymbolic
import ApusTensor

/// What normalisations of channels by statistics have in common: a weight and a bias for each channel, at first 1 and 0, and running
/// statistics, at first a mean of 0 and a variance of 1.
public class ChannelNormBase: Module {
    @Parameter public final var weight: Tensor?
    @Parameter public final var bias: Tensor?
    @Buffer public final var runningMean: Tensor?
    @Buffer public final var runningVar: Tensor?
    @Buffer public final var numBatchesTracked: Tensor?
    public final let numFeatures: Int
    public final let epsilon: Double
    public final let momentum: Double
    public final var isTraining = true
    final let layer: String
    final let ranks: ClosedRange<Int>

    init(
        _ layer: String, ranks: ClosedRange<Int>, _ numFeatures: some SymIntConvertible, _ epsilon: any ScalarConvertible,
        _ momentum: any ScalarConvertible,
        affine: Bool, trackRunningStats: Bool, dtype: DType
    ) throws {
        let numFeatures: Int = try numFeatures.positive("numFeatures", in: layer)
        self.layer = layer
        self.ranks = ranks
        self.numFeatures = numFeatures
        self.epsilon = try epsilon.plainNumber("epsilon", in: layer)
        self.momentum = try momentum.plainNumber("momentum", in: layer)
        weight = affine ? try Tensor.ones([numFeatures], dtype: dtype) : nil
        bias = affine ? try Tensor.zeros([numFeatures], dtype: dtype) : nil
        runningMean = trackRunningStats ? try Tensor.zeros([numFeatures], dtype: dtype) : nil
        runningVar = trackRunningStats ? try Tensor.ones([numFeatures], dtype: dtype) : nil
        numBatchesTracked = trackRunningStats ? try Tensor.zeros([Int](), dtype: .int64) : nil
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, ranks, in: layer)
        return try normalized(x)
    }

    func normalized(_ x: Tensor) throws -> Tensor {
        throw TensorError(.unsupported, in: layer, "is no normalisation of its own")
    }
}

/// What batch normalisation layers have in common.
///
/// While training, each channel is normalised by the batch's mean and biased variance, and the running statistics move towards them (the
/// variance towards the unbiased one) by `momentum`; evaluating, the running statistics are used.
public class BatchNormBase: ChannelNormBase {
    override final func normalized(_ x: Tensor) throws -> Tensor {
        try requireSize(x, dim: 1, numFeatures, "channels", in: layer)
        guard let mean = runningMean, let variance = runningVar else {
            return try x.batchNorm(weight: weight, bias: bias, epsilon: epsilon)
        }
        guard isTraining else {
            return try x.batchNorm(runningMean: mean, runningVariance: variance, weight: weight, bias: bias, epsilon: epsilon)
        }
        let result = try x.batchNormTraining(
            runningMean: mean, runningVariance: variance, weight: weight, bias: bias, momentum: momentum, epsilon: epsilon)
        runningMean = result.runningMean
        runningVar = result.runningVariance
        numBatchesTracked = try numBatchesTracked.map { try $0 + 1 }
        return result.output
    }
}

/// Batch normalisation of `[N, C]` or `[N, C, L]`.
public final class BatchNorm1d: BatchNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = true,
        trackRunningStats: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "BatchNorm1d", ranks: 2...3, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats, dtype: dtype)
    }
}

/// Batch normalisation of images `[N, C, H, W]`.
public final class BatchNorm2d: BatchNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = true,
        trackRunningStats: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "BatchNorm2d", ranks: 4...4, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats, dtype: dtype)
    }
}

/// Batch normalisation of volumes `[N, C, D, H, W]`.
public final class BatchNorm3d: BatchNormBase {
    public init(
        _ numFeatures: some SymIntConvertible, epsilon: any ScalarConvertible = 1e-5, momentum: any ScalarConvertible = 0.1,
        affine: Bool = true,
        trackRunningStats: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "BatchNorm3d", ranks: 5...5, numFeatures, epsilon, momentum, affine: affine, trackRunningStats: trackRunningStats, dtype: dtype)
    }
}
