import ApusSymbolic
import ApusTensor

// Losses as functions, as training code reads best: `try crossEntropy(model(x), labels)`. The operators behind them are methods of `Tensor`.
// All have one order of arguments: input, target, weights, what the loss is told besides, and the reduction last.

/// The cross entropy between `softmax(input)` and a target.
///
/// The classes lie along dimension 1 (0 for an input of rank 1): `[N, C]`, `[N, C, d1, ...]` or `[C]`.
/// - Parameters:
///   - target: integers, the class of each place, of the input's shape without the class dimension; or probabilities of the input's shape.
///   - weight: one for each class. The mean over classes is weighted too.
///   - ignoreIndex: a class that marks places to leave out, also from the mean.
///   - labelSmoothing: how much of the target is spread evenly over all classes, between 0 and 1.
public func crossEntropy(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: any SymIntConvertible = -100,
    labelSmoothing: any ScalarConvertible = 0, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.crossEntropy(target, weight: weight, ignoreIndex: ignoreIndex, labelSmoothing: labelSmoothing, reduction: reduction)
}

/// The negative log-likelihood of classes under log-probabilities: what `crossEntropy` does after `logSoftmax`. Arguments as there.
public func nllLoss(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: any SymIntConvertible = -100, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.nllLoss(target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
}

/// The squared difference. Both shapes must be equal.
public func mseLoss(_ input: Tensor, _ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
    try requireSameShape(input, target, in: "mseLoss")
    return try input.mseLoss(target, reduction: reduction)
}

/// The absolute difference. Both shapes must be equal.
public func l1Loss(_ input: Tensor, _ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
    try requireSameShape(input, target, in: "l1Loss")
    return try input.l1Loss(target, reduction: reduction)
}

/// The squared difference over `2 * beta` where the difference is below `beta`, and the absolute difference less `beta / 2` elsewhere. Both
/// shapes must be equal.
public func smoothL1Loss(_ input: Tensor, _ target: Tensor, beta: any ScalarConvertible = 1, reduction: LossReduction = .mean) throws
    -> Tensor
{
    try requireSameShape(input, target, in: "smoothL1Loss")
    return try input.smoothL1Loss(target, beta: beta, reduction: reduction)
}

/// Half the squared difference where it is below `delta`, and `delta` times the absolute difference less `delta / 2` elsewhere. Both shapes must
/// be equal.
public func huberLoss(_ input: Tensor, _ target: Tensor, delta: any ScalarConvertible = 1, reduction: LossReduction = .mean) throws
    -> Tensor
{
    try requireSameShape(input, target, in: "huberLoss")
    return try input.huberLoss(target, delta: delta, reduction: reduction)
}

/// Binary cross entropy of `sigmoid(input)` against probabilities, computed from the logits so that nothing overflows.
///
/// - Parameters:
///   - weight: scales the losses; broadcast.
///   - positiveWeight: scales the part of positive targets; broadcast.
public func binaryCrossEntropyWithLogits(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.binaryCrossEntropyWithLogits(target, weight: weight, positiveWeight: positiveWeight, reduction: reduction)
}

@available(*, unavailable, renamed: "binaryCrossEntropyWithLogits(_:_:weight:positiveWeight:reduction:)")
public var bceWithLogits: TorchName { TorchName() }

/// Binary cross entropy of probabilities, which the input holds, against probabilities. Where they come of a `sigmoid`,
/// ``binaryCrossEntropyWithLogits(_:_:weight:positiveWeight:reduction:)`` is exact where this one is not.
public func binaryCrossEntropy(_ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: LossReduction = .mean) throws -> Tensor
{
    try input.binaryCrossEntropy(target, weight: weight, reduction: reduction)
}

/// Connectionist temporal classification: less the logarithm of how likely each target is, spread over time in every way with blanks between.
///
/// - Parameters:
///   - logProbabilities: [T, N, C], or [T, C] of one example, as `logSoftmax` gives them: the gradient counts on that.
///   - targets: labels, [N, S] or one after another.
///   - inputLengths: how long each input is, up to T.
///   - targetLengths: how long each target is. A mean divides by them first.
///   - zeroInfinity: counts targets that don't fit their input as 0.
public func ctcLoss(
    _ logProbabilities: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0,
    reduction: LossReduction = .mean, zeroInfinity: Bool = false
) throws -> Tensor {
    try logProbabilities.ctcLoss(
        targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
}

/// What `klDiv` makes of its elements.
public enum DivergenceReduction: Sendable {
    case none, mean, sum
    /// The sum divided by the size of the first dimension: the divergence of the distributions, which `mean` is not.
    case batchMean
}

/// Kullback-Leibler divergence `y (log y - x)` of log-probabilities x from probabilities y, or from their logarithms where `logTarget` says
/// so. Both shapes must be equal.
public func klDiv(_ input: Tensor, _ target: Tensor, logTarget: Bool = false, reduction: DivergenceReduction = .mean) throws -> Tensor {
    try requireSameShape(input, target, in: "klDiv")
    switch reduction {
    case .none: return try input.klDiv(target, logTarget: logTarget, reduction: .none)
    case .mean: return try input.klDiv(target, logTarget: logTarget, reduction: .mean)
    case .sum: return try input.klDiv(target, logTarget: logTarget, reduction: .sum)
    case .batchMean:
        let total = try input.klDiv(target, logTarget: logTarget, reduction: .sum)
        return input.rank == 0 ? total : try total / input.shape[0]
    }
}

/// Requires two tensors of one shape. The operators broadcast, as PyTorch's do with a warning: `[N, 1]` against `[N]` would train the wrong
/// thing.
private func requireSameShape(_ input: Tensor, _ target: Tensor, in loss: String) throws {
    if input.shape.isIdentical(to: target.shape) { return }
    let mismatch = TensorError(
        .shapeMismatch, in: loss, "the input has shape \(input.shape), the target \(target.shape); they must be equal")
    guard input.rank == target.rank else { throw mismatch }
    for dim in 0..<input.rank { try require(input.shape[dim] == target.shape[dim], mismatch) }
}
