import ApusSymbolic
import ApusTensor

// Losses as modules, for code that keeps one beside its model. The functions of the same names say what they compute. Those of two tensors take
// the input and the target, those of three come with their own words.

public final class MSELoss: Module {
    public let reduction: LossReduction
    public init(reduction: LossReduction = .mean) { self.reduction = reduction }
    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor { try mseLoss(input, target, reduction: reduction) }
}

public final class L1Loss: Module {
    public let reduction: LossReduction
    public init(reduction: LossReduction = .mean) { self.reduction = reduction }
    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor { try l1Loss(input, target, reduction: reduction) }
}

public final class SmoothL1Loss: Module {
    public let beta: Scalar
    public let reduction: LossReduction
    public init(beta: any ScalarConvertible = 1, reduction: LossReduction = .mean) {
        (self.beta, self.reduction) = (beta.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try smoothL1Loss(input, target, beta: beta, reduction: reduction)
    }
}

/// Half the squared difference from the target, linear beyond `delta`.
public final class HuberLoss: Module {
    public let delta: Scalar
    public let reduction: LossReduction
    public init(delta: any ScalarConvertible = 1, reduction: LossReduction = .mean) {
        (self.delta, self.reduction) = (delta.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.huberLoss(target, delta: delta, reduction: reduction)
    }
}

/// The cross entropy of scores and classes, or probabilities; see the function `crossEntropy`.
public final class CrossEntropyLoss: Module {
    @Buffer public var weight: Tensor?
    public let ignoreIndex: Int
    public let labelSmoothing: Scalar
    public let reduction: LossReduction

    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, labelSmoothing: any ScalarConvertible = 0, reduction: LossReduction = .mean)
    {
        self.weight = weight
        (self.ignoreIndex, self.labelSmoothing, self.reduction) = (ignoreIndex, labelSmoothing.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try crossEntropy(
            input, target, weight: weight, ignoreIndex: ignoreIndex, labelSmoothing: labelSmoothing, reduction: reduction)
    }
}

public final class NLLLoss: Module {
    @Buffer public var weight: Tensor?
    public let ignoreIndex: Int
    public let reduction: LossReduction

    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: LossReduction = .mean) {
        self.weight = weight
        (self.ignoreIndex, self.reduction) = (ignoreIndex, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try nllLoss(input, target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
    }
}

/// Connectionist temporal classification of log probabilities [T, N, C] against labels, with the lengths of both.
public final class CTCLoss: Module {
    public let blank: Int
    public let reduction: LossReduction
    public let zeroInfinity: Bool

    public init(blank: Int = 0, reduction: LossReduction = .mean, zeroInfinity: Bool = false) {
        (self.blank, self.reduction, self.zeroInfinity) = (blank, reduction, zeroInfinity)
    }

    public func forward(_ logProbabilities: Tensor, _ targets: Tensor, _ inputLengths: Tensor, _ targetLengths: Tensor) throws -> Tensor {
        try ctcLoss(
            logProbabilities, targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank, reduction: reduction,
            zeroInfinity: zeroInfinity)
    }
}

/// Binary cross entropy of probabilities against probabilities. Logarithms end at -100.
public final class BCELoss: Module {
    @Buffer public var weight: Tensor?
    public let reduction: LossReduction

    public init(weight: Tensor? = nil, reduction: LossReduction = .mean) {
        self.weight = weight
        self.reduction = reduction
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.binaryCrossEntropy(target, weight: weight, reduction: reduction)
    }
}

public final class BCEWithLogitsLoss: Module {
    @Buffer public var weight: Tensor?
    @Buffer public var posWeight: Tensor?
    public let reduction: LossReduction

    public init(weight: Tensor? = nil, positiveWeight: Tensor? = nil, reduction: LossReduction = .mean) {
        self.weight = weight
        self.posWeight = positiveWeight
        self.reduction = reduction
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.binaryCrossEntropyWithLogits(target, weight: weight, positiveWeight: posWeight, reduction: reduction)
    }
}

public final class KLDivLoss: Module {
    public let logTarget: Bool
    public let reduction: DivergenceReduction

    public init(logTarget: Bool = false, reduction: DivergenceReduction = .mean) {
        (self.logTarget, self.reduction) = (logTarget, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try klDiv(input, target, logTarget: logTarget, reduction: reduction)
    }
}

/// The negative log-likelihood of counts under a Poisson distribution, whose mean is given as its logarithm unless `logInput` is false.
public final class PoissonNLLLoss: Module {
    public let logInput: Bool
    public let full: Bool
    public let epsilon: Scalar
    public let reduction: LossReduction

    public init(logInput: Bool = true, full: Bool = false, epsilon: any ScalarConvertible = 1e-8, reduction: LossReduction = .mean) {
        (self.logInput, self.full, self.epsilon, self.reduction) = (logInput, full, epsilon.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.poissonNllLoss(target, logInput: logInput, full: full, epsilon: epsilon, reduction: reduction)
    }
}

/// The negative log-likelihood of numbers under normal distributions of given mean and variance: `(log(var) + (input - target)^2 / var) / 2`,
/// and `log(2 pi) / 2` more where `full`. Variances count as at least `epsilon`.
public final class GaussianNLLLoss: Module {
    public let full: Bool
    public let epsilon: Scalar
    public let reduction: LossReduction

    public init(full: Bool = false, epsilon: any ScalarConvertible = 1e-6, reduction: LossReduction = .mean) {
        (self.full, self.epsilon, self.reduction) = (full, epsilon.scalar, reduction)
    }

    /// - Parameter variance: of the input's shape, or one that broadcasts with it
    public func forward(_ input: Tensor, _ target: Tensor, _ variance: Tensor) throws -> Tensor {
        // The bound holds values only, as in PyTorch: the gradient goes to the variance that was given.
        let floor: Tensor = try variance.detached().clamp(min: epsilon)
        let bounded: Tensor = try variance + (floor - variance.detached())
        let difference: Tensor = try input - target
        let losses: Tensor = try (bounded.log() + difference * difference / bounded) * 0.5 + (full ? 0.9189385332046727 : 0)
        return try losses.reduced(reduction)
    }
}

public final class SoftMarginLoss: Module {
    public let reduction: LossReduction
    public init(reduction: LossReduction = .mean) { self.reduction = reduction }
    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor { try input.softMarginLoss(target, reduction: reduction) }
}

public final class MultiLabelMarginLoss: Module {
    public let reduction: LossReduction
    public init(reduction: LossReduction = .mean) { self.reduction = reduction }
    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor { try input.multilabelMarginLoss(target, reduction: reduction) }
}

/// Binary cross entropy of each class's logit, averaged over the classes, which lie along the last dimension.
public final class MultiLabelSoftMarginLoss: Module {
    @Buffer public var weight: Tensor?
    public let reduction: LossReduction

    public init(weight: Tensor? = nil, reduction: LossReduction = .mean) {
        self.weight = weight
        self.reduction = reduction
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        let losses: Tensor = try -(target * input.logSigmoid() + (1 - target) * (-input).logSigmoid())
        return try (weight.map { try losses * $0 } ?? losses).mean(dim: -1).reduced(reduction)
    }
}

public final class MultiMarginLoss: Module {
    @Buffer public var weight: Tensor?
    public let p: Int
    public let margin: Scalar
    public let reduction: LossReduction

    public init(p: Int = 1, margin: any ScalarConvertible = 1, weight: Tensor? = nil, reduction: LossReduction = .mean) {
        self.weight = weight
        (self.p, self.margin, self.reduction) = (p, margin.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.multiMarginLoss(target, p: p, margin: margin, weight: weight, reduction: reduction)
    }
}

public final class HingeEmbeddingLoss: Module {
    public let margin: Scalar
    public let reduction: LossReduction
    public init(margin: any ScalarConvertible = 1, reduction: LossReduction = .mean) {
        (self.margin, self.reduction) = (margin.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        try input.hingeEmbeddingLoss(target, margin: margin, reduction: reduction)
    }
}

/// `max(0, -target * (first - second) + margin)`.
public final class MarginRankingLoss: Module {
    public let margin: Scalar
    public let reduction: LossReduction
    public init(margin: any ScalarConvertible = 0, reduction: LossReduction = .mean) {
        (self.margin, self.reduction) = (margin.scalar, reduction)
    }

    public func forward(_ first: Tensor, _ second: Tensor, _ target: Tensor) throws -> Tensor {
        try first.marginRankingLoss(second, target, margin: margin, reduction: reduction)
    }
}

/// `1 - cos(first, second)` where the target is 1, `max(0, cos(first, second) - margin)` where it is -1.
public final class CosineEmbeddingLoss: Module {
    public let margin: Scalar
    public let reduction: LossReduction
    public init(margin: any ScalarConvertible = 0, reduction: LossReduction = .mean) {
        (self.margin, self.reduction) = (margin.scalar, reduction)
    }

    public func forward(_ first: Tensor, _ second: Tensor, _ target: Tensor) throws -> Tensor {
        try first.cosineEmbeddingLoss(second, target, margin: margin, reduction: reduction)
    }
}

/// `max(0, d(anchor, positive) - d(anchor, negative) + margin)`, d being the p-norm of the difference.
public final class TripletMarginLoss: Module {
    public let margin: Scalar
    public let p: Scalar
    public let swap: Bool
    public let reduction: LossReduction

    /// - Parameter swap: takes the distance of positive and negative where it is the smaller one
    public init(margin: any ScalarConvertible = 1, p: any ScalarConvertible = 2, swap: Bool = false, reduction: LossReduction = .mean) {
        (self.margin, self.p, self.swap, self.reduction) = (margin.scalar, p.scalar, swap, reduction)
    }

    public func forward(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) throws -> Tensor {
        try anchor.tripletMarginLoss(positive: positive, negative: negative, margin: margin, p: p, swap: swap, reduction: reduction)
    }
}

/// `TripletMarginLoss` with any distance.
public final class TripletMarginWithDistanceLoss: Module {
    public let distance: (Tensor, Tensor) throws -> Tensor
    public let margin: Scalar
    public let swap: Bool
    public let reduction: LossReduction

    /// - Parameters:
    ///   - distance: one number for each pair; by default their Euclidean distance
    ///   - swap: takes the distance of positive and negative where it is the smaller one
    public init(
        margin: any ScalarConvertible = 1, swap: Bool = false, reduction: LossReduction = .mean,
        distance: @escaping (Tensor, Tensor) throws -> Tensor = { try $0.pairwiseDistance($1) }
    ) {
        (self.margin, self.swap, self.reduction, self.distance) = (margin.scalar, swap, reduction, distance)
    }

    public func forward(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) throws -> Tensor {
        var far: Tensor = try distance(anchor, negative)
        if swap { far = try far.minimum(distance(positive, negative)) }
        return try (distance(anchor, positive) - far + margin).clamp(min: 0).reduced(reduction)
    }
}

extension Tensor {
    fileprivate func reduced(_ reduction: LossReduction) throws -> Tensor {
        switch reduction {
        case .none: self
        case .mean: try mean()
        case .sum: try sum()
        }
    }
}
