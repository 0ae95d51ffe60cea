import ApusSymbolic
import ApusTensor
import Foundation

/// `CrossEntropyLoss` of scores that are a linear layer's: `crossEntropy(linear(x), target)`, with `out_features` further dimensions of the loss,
/// after `torch.nn.LinearCrossEntropyLoss`. Inputs are `[N, inFeatures]`, scores `[N, classes, outFeatures...]`.
public final class LinearCrossEntropyLoss: Module {
    public let linear: Linear
    @Buffer public var weight: Tensor?
    public let numClasses: Int
    public let outFeatures: [Int]
    public let ignoreIndex: Int
    public let labelSmoothing: Scalar
    public let reduction: LossReduction

    public init(
        _ inFeatures: some SymIntConvertible, _ numClasses: some SymIntConvertible, outFeatures: [any SymIntConvertible] = [],
        bias: Bool = false, weight: Tensor? = nil, ignoreIndex: Int = -100, labelSmoothing: any ScalarConvertible = 0,
        reduction: LossReduction = .mean, dtype: DType = .float32
    ) throws {
        let name = "LinearCrossEntropyLoss"
        self.numClasses = try numClasses.positive("numClasses", in: name)
        self.outFeatures = try outFeatures.map { try $0.positive("outFeatures", in: name) }
        let scores: SymInt = self.outFeatures.reduce(SymInt(self.numClasses)) { $0 * $1 }
        linear = try Linear(inFeatures, scores, bias: bias, dtype: dtype)
        self.weight = weight
        (self.ignoreIndex, self.labelSmoothing, self.reduction) = (ignoreIndex, labelSmoothing.scalar, reduction)
    }

    public func forward(_ input: Tensor, _ target: Tensor) throws -> Tensor {
        var scores: Tensor = try linear(input)
        if !outFeatures.isEmpty {
            try requireRank(input, 2...2, in: "LinearCrossEntropyLoss")
            scores = try scores.reshaped([input.shape[0], SymInt(numClasses)] + outFeatures.map { SymInt($0) })
        }
        return try crossEntropy(
            scores, target, weight: weight, ignoreIndex: ignoreIndex, labelSmoothing: labelSmoothing, reduction: reduction)
    }
}

/// Log-likelihoods of many classes, frequent ones first, with fewer parameters for the rare ones: a head scores the frequent classes and one place
/// for each cluster of rare ones, whose scores are made of fewer features. Source: Grave et al., "Efficient softmax approximation for GPUs",
/// 2017; formulas and names of parameters are those of `torch.nn.AdaptiveLogSoftmaxWithLoss`.
///
/// Every cluster is computed for all rows, so that the function is one for all targets and can be traced.
public final class AdaptiveLogSoftmaxWithLoss: Module {
    public let head: Linear
    public let tail: [Sequential]
    public let inFeatures: Int
    public let nClasses: Int
    /// Where clusters begin, and the number of classes last.
    public let cutoffs: [Int]

    /// - Parameters:
    ///   - cutoffs: classes at which clusters begin, in order, above 0 and below the number of classes
    ///   - divValue: each cluster has as many times fewer features than the one before
    public init(
        _ inFeatures: some SymIntConvertible, _ nClasses: some SymIntConvertible, cutoffs: [Int], divValue: any ScalarConvertible = 4,
        headBias: Bool = false, dtype: DType = .float32
    ) throws {
        let name = "AdaptiveLogSoftmaxWithLoss"
        let features: Int = try inFeatures.positive("inFeatures", in: name)
        let classes: Int = try nClasses.positive("nClasses", in: name)
        let value: Double = try divValue.option("divValue", in: name)
        guard let first = cutoffs.first, first > 0, zip(cutoffs, cutoffs.dropFirst() + [classes]).allSatisfy({ $0 < $1 }), value > 0 else {
            throw TensorError(
                .invalidArgument, in: name,
                "cutoffs must be classes in order, above 0 and below \(classes), and divValue above 0, not \(cutoffs) and \(value)")
        }
        (self.inFeatures, self.nClasses, self.cutoffs) = (features, classes, cutoffs + [classes])
        head = try Linear(features, first + cutoffs.count, bias: headBias, dtype: dtype)
        let ends: [Int] = cutoffs.dropFirst() + [classes]
        tail = try cutoffs.indices.map { index in
            guard let hidden = Int(exactly: (Double(features) / pow(value, Double(index + 1))).rounded(.down)), hidden > 0 else {
                throw TensorError(.invalidArgument, in: name, "divValue \(value) leaves no features of \(features) for cluster \(index)")
            }
            return Sequential(
                try Linear(features, hidden, bias: false, dtype: dtype),
                try Linear(hidden, ends[index] - cutoffs[index], bias: false, dtype: dtype))
        }
    }

    /// - Parameters:
    ///   - input: `[N, inFeatures]`, or without N
    ///   - target: classes `[N]`, or one
    /// - Returns: the target's log-likelihoods, and the loss: their mean, negative.
    public func forward(_ input: Tensor, _ target: Tensor) throws -> (output: Tensor, loss: Tensor) {
        guard target.dtype.isInteger, target.rank == input.rank - 1 else {
            throw TensorError(
                .shapeMismatch, in: "AdaptiveLogSoftmaxWithLoss", "takes one class for each row: \(input.spec) and \(target.spec) are given"
            )
        }
        let (rows, classes): (Tensor, Tensor) = input.rank == 1 ? (try input.unsqueezed(0), try target.unsqueezed(0)) : (input, target)
        try requireRank(rows, 2...2, in: "AdaptiveLogSoftmaxWithLoss")
        let scores: Tensor = try head(rows).logSoftmax(dim: 1)
        /// The score of the class in a cluster, of the nearest one where it is in another: one that is in none is out of range.
        func chosen(_ scores: Tensor, from low: Int, count: Int) throws -> Tensor {
            var places: Tensor = try (classes - low).to(.int64)
            if low > 0 { places = try places.clamp(min: 0) }
            if low + count < nClasses { places = try places.clamp(max: count - 1) }
            return try scores.gather(dim: 1, places.unsqueezed(1)).squeezed(1)
        }
        var output: Tensor = try chosen(scores, from: 0, count: cutoffs[0])
        for (index, layers) in tail.enumerated() {
            let (low, high): (Int, Int) = (cutoffs[index], cutoffs[index + 1])
            let inside: Tensor = try chosen(layers(rows).logSoftmax(dim: 1), from: low, count: high - low)
            let whole: Tensor = try scores.select(dim: 1, index: cutoffs[0] + index) + inside
            output = try Tensor.where(classes .>= low, whole, output)
        }
        let loss: Tensor = try output.mean().neg()
        return (input.rank == 1 ? try output.squeezed(0) : output, loss)
    }

    /// The log-likelihoods of all classes, `[N, nClasses]`.
    public func logProb(_ input: Tensor) throws -> Tensor {
        let scores: Tensor = try head(input).logSoftmax(dim: 1)
        var parts: [Tensor] = [try scores.sliced(dim: 1, to: cutoffs[0])]
        for (index, layers) in tail.enumerated() {
            parts.append(try layers(input).logSoftmax(dim: 1) + scores.sliced(dim: 1, from: cutoffs[0] + index, to: cutoffs[0] + index + 1))
        }
        return try Tensor.cat(parts, dim: 1)
    }

    /// The likeliest class of each row.
    public func predict(_ input: Tensor) throws -> Tensor { try logProb(input).argmax(dim: 1) }
}
