import ApusNN
import ApusTensor
import Testing

private struct LossCase: Decodable {
    let input, target, value, gradient: ReferenceTensor
}

@Suite struct LossTests {
    private static let cases = Result { try judge("nn_losses.py", as: [String: LossCase].self) }
    private static let classWeights: [Double] = [0.5, 1, 2, 0.3]

    private func loss(_ name: String, _ x: Tensor, _ target: Tensor, _ last: String) throws -> Tensor {
        let reduction: LossReduction = last == "none" ? .none : last == "sum" ? .sum : .mean
        let weight = try Tensor(Self.classWeights, shape: [4])
        switch name {
        case "crossEntropy", "crossEntropy probabilities": return try crossEntropy(x, target, reduction: reduction)
        case "crossEntropy smooth": return try crossEntropy(x, target, labelSmoothing: 0.1, reduction: reduction)
        case "crossEntropy weighted": return try crossEntropy(x, target, weight: weight, reduction: reduction)
        case "crossEntropy weighted smooth", "crossEntropy probabilities weighted smooth":
            return try crossEntropy(x, target, weight: weight, labelSmoothing: 0.2, reduction: reduction)
        case "crossEntropy image": return try crossEntropy(x, target, ignoreIndex: 1, reduction: reduction)
        case "nll": return try nllLoss(x.logSoftmax(dim: 1), target, reduction: reduction)
        case "mse": return try mseLoss(x, target, reduction: reduction)
        case "l1": return try l1Loss(x, target, reduction: reduction)
        case "smoothL1": return try smoothL1Loss(x, target, beta: 0.7, reduction: reduction)
        case "bce": return try binaryCrossEntropyWithLogits(x, target, reduction: reduction)
        case "bce weighted":
            return try binaryCrossEntropyWithLogits(x, target, weight: weight, positiveWeight: weight * 2, reduction: reduction)
        case "klDiv", "klDiv log":
            let divergence: DivergenceReduction =
                last == "batchMean" ? .batchMean : reduction == .none ? .none : reduction == .sum ? .sum : .mean
            return try klDiv(x.logSoftmax(dim: 1), target, logTarget: name == "klDiv log", reduction: divergence)
        default: throw TensorError(.invalidArgument, "no loss for '\(name)'")
        }
    }

    @Test func valuesAndGradientsArePyTorchs() throws {
        let cases = try Self.cases.get()
        #expect(cases.count == 47)
        for (name, expected) in cases {
            let words = name.split(separator: " ")
            let last = String(words.last ?? "")
            let function = words.dropLast().joined(separator: " ")
            let (x, target) = (try expected.input.tensor(), try expected.target.tensor())
            try expectClose(try loss(function, x, target, last), expected.value, rtol: 1e-10, name)
            let gradient = try gradient(at: x) { x in
                let value = try loss(function, x, target, last)
                guard value.rank > 0 else { return value }
                let count = try #require(value.count.constant)
                return try
                    (value * Tensor.linspace(-1, 1.5, steps: value.count, dtype: .float64).reshaped(value.shape) * (count > 0 ? 1 : 0))
                    .sum()
            }
            try expectClose(gradient, expected.gradient, rtol: 1e-10, "gradient of \(name)")
        }
    }

    /// Functions and methods are the same losses; the judges of operators look at the methods.
    @Test func functionsAreTheMethods() throws {
        let (x, y, z) = (try Tensor.rand([3, 4], seed: 1), try Tensor.rand([3, 4], seed: 2), try Tensor.rand([3, 4], seed: 3))
        let sign = try Tensor([1.0, -1, 1], shape: [3])
        let classes = try Tensor([0, 3, 1], shape: [3])
        let pairs: [(Tensor, Tensor)] = [
            (try huberLoss(x, y, delta: 0.2), try x.huberLoss(y, delta: 0.2)),
            (try binaryCrossEntropy(x, y, weight: z), try x.binaryCrossEntropy(y, weight: z)),
            (try softMarginLoss(x, y, reduction: .sum), try x.softMarginLoss(y, reduction: .sum)),
            (try multiMarginLoss(x, classes, p: 2, margin: 0.5), try x.multiMarginLoss(classes, p: 2, margin: 0.5)),
            (
                try multilabelMarginLoss(x, Tensor([[0, 1, -1, 0], [2, -1, 0, 0], [3, 1, 0, -1]])),
                try x.multilabelMarginLoss(Tensor([[0, 1, -1, 0], [2, -1, 0, 0], [3, 1, 0, -1]]))
            ),
            (try hingeEmbeddingLoss(x, y, margin: 2), try x.hingeEmbeddingLoss(y, margin: 2)),
            (try marginRankingLoss(x, y, z, margin: 0.3), try x.marginRankingLoss(y, z, margin: 0.3)),
            (try cosineEmbeddingLoss(x, y, sign, margin: 0.1), try x.cosineEmbeddingLoss(y, sign, margin: 0.1)),
            (
                try tripletMarginLoss(x, positive: y, negative: z, margin: 2, p: 1, swap: true),
                try x.tripletMarginLoss(positive: y, negative: z, margin: 2, p: 1, swap: true)
            ),
            (try poissonNllLoss(x, y, logInput: false, full: true), try x.poissonNllLoss(y, logInput: false, full: true)),
        ]
        for (index, (function, method)) in pairs.enumerated() {
            #expect(try function.array(of: Float.self) == method.array(of: Float.self), "pair \(index)")
            #expect(try method.array(of: Float.self).allSatisfy { $0.isFinite && $0 != 0 }, "pair \(index)")
        }
    }

    @Test func mistakesAreNamed() throws {
        let x = try Tensor.ones([3, 4])
        func message(_ body: () throws -> Tensor) -> String {
            do {
                _ = try body()
                return "no error"
            } catch {
                return error.unplaced
            }
        }
        let classes = try Tensor([0, 1, 3], shape: [3])
        #expect(
            message { try mseLoss(x, try Tensor.ones([3])) } == "mseLoss: the input has shape [3, 4], the target [3]; they must be equal")
        #expect(
            message { try huberLoss(x, try Tensor.ones([4])) }
                == "huberLoss: the input has shape [3, 4], the target [4]; they must be equal")
        #expect(
            message { try crossEntropy(x, try Tensor([0, 1], shape: [2])) }
                == "cross_entropy: scores of shape [3, 4] need targets of [3], not [2]")
        #expect(
            message { try crossEntropy(x, classes, weight: try Tensor.ones([3])) }
                == "cross_entropy: the weight has shape [3], but there are 4 classes")
        #expect(
            message { try crossEntropy(x, try Tensor.ones([3], dtype: .bool)) }
                == "cross_entropy: targets must be integers, or probabilities in the scores' shape, not bool; convert numbers of classes with to(.int64)"
        )
        #expect(
            message { try crossEntropy(x, classes, labelSmoothing: 2) }
                == "cross_entropy: label_smoothing must lie between 0 and 1, not at 2.0")
        #expect(
            message { try nllLoss(x, try x.sum(dim: 1)) }
                == "nll_loss: targets must be integers, or probabilities in the scores' shape, not float32; convert numbers of classes with to(.int64)"
        )
        #expect(message { try crossEntropy(classes, classes) } == "cross_entropy: does not take int64, only floating-point dtypes")
        for bad in [4, -1, Int.max, Int.min] {
            #expect(throws: TensorError.self) { try crossEntropy(x, try Tensor([0, bad, 3], shape: [3])) }
        }
    }
}
