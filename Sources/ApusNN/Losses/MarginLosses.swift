import ApusTensor

// Losses of distances and margins, of which targets say what is to be near or far, and of counts.

/// `log(1 + exp(-target * input))`, with targets of 1 and -1.
public func softMarginLoss(_ input: Tensor, _ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
    try input.softMarginLoss(target, reduction: reduction)
}

/// `max(0, margin - x[target] + x[i])` to the power `p` over the other classes i of each row, divided by the number of classes.
///
/// - Parameters:
///   - target: integers, the class of each row.
///   - weight: one for each class, for the rows of that class.
public func multiMarginLoss(
    _ input: Tensor, _ target: Tensor, p: any ScalarConvertible = 1, margin: any ScalarConvertible = 1, weight: Tensor? = nil,
    reduction: LossReduction = .mean
) throws -> Tensor {
    try input.multiMarginLoss(target, p: p, margin: margin, weight: weight, reduction: reduction)
}

/// As ``multiMarginLoss(_:_:p:margin:weight:reduction:)`` with several target classes a row, which end at the first -1.
public func multilabelMarginLoss(_ input: Tensor, _ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
    try input.multilabelMarginLoss(target, reduction: reduction)
}

/// The input where the target is 1, `max(0, margin - input)` where it is -1.
public func hingeEmbeddingLoss(
    _ input: Tensor, _ target: Tensor, margin: any ScalarConvertible = 1, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.hingeEmbeddingLoss(target, margin: margin, reduction: reduction)
}

/// `max(0, -target * (input - other) + margin)`: a target of 1 asks for the input above the other, -1 for the reverse.
public func marginRankingLoss(
    _ input: Tensor, _ other: Tensor, _ target: Tensor, margin: any ScalarConvertible = 0, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.marginRankingLoss(other, target, margin: margin, reduction: reduction)
}

/// `1 - cos` of the angle between input and other where the target is 1, `max(0, cos - margin)` where it is -1.
public func cosineEmbeddingLoss(
    _ input: Tensor, _ other: Tensor, _ target: Tensor, margin: any ScalarConvertible = 0, reduction: LossReduction = .mean
) throws -> Tensor {
    try input.cosineEmbeddingLoss(other, target, margin: margin, reduction: reduction)
}

/// How far the input's rows are from the positive ones, against the negative ones: `max(0, d(input, positive) - d(input, negative) + margin)`.
///
/// - Parameters:
///   - p: of the norm that distances are measured with.
///   - swap: takes the distance of positive and negative rows where that is less than the one of input and negative rows.
public func tripletMarginLoss(
    _ input: Tensor, positive: Tensor, negative: Tensor, margin: any ScalarConvertible = 1, p: any ScalarConvertible = 2,
    swap: Bool = false,
    reduction: LossReduction = .mean
) throws -> Tensor {
    try input.tripletMarginLoss(positive: positive, negative: negative, margin: margin, p: p, swap: swap, reduction: reduction)
}

/// The negative log-likelihood of counts, the target, under Poisson distributions of the input's means, given as logarithms unless `logInput`
/// is false.
///
/// - Parameters:
///   - full: adds Stirling's approximation of the term that depends on the target only.
///   - epsilon: keeps the logarithm of a mean finite where `logInput` is false.
public func poissonNllLoss(
    _ input: Tensor, _ target: Tensor, logInput: Bool = true, full: Bool = false, epsilon: any ScalarConvertible = 1e-8,
    reduction: LossReduction = .mean
) throws -> Tensor {
    try input.poissonNllLoss(target, logInput: logInput, full: full, epsilon: epsilon, reduction: reduction)
}
