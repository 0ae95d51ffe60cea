import ApusSymbolic

// Losses of classification. Scores have the classes in dimension 1, or 0 where they have but one dimension; targets name a class each.

extension Operator {
    static let nllLossForward: Operator = composite(
        "aten::nll_loss_forward(Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index) -> (Tensor output, Tensor total_weight)",
        "Less the score of each target's class, times the class's weight; also the sum of those weights. A mean divides by it.",
        samples: { try nllSamples([2, 3]) + nllSamples([3]) },
        { call in
            let (losses, weights): (Tensor, Tensor) = try call.classLosses()
            switch try call.lossReduction(3) {
            // PyTorch leaves the weight of several unreduced losses at 0.
            case .none: return [.tensor(losses), .tensor(losses.rank == 0 ? weights : try weights.sum() * 0)]
            case .sum: return [.tensor(try losses.sum()), .tensor(try weights.sum())]
            case .mean:
                return [.tensor(try losses.weightedMean(weights)), .tensor(try weights.sum())]
            }
        })

    static let nllLossBackward: Operator = nllBackward("nll_loss_backward", [2, 3])
    static let nllLoss2DBackward: Operator = nllBackward("nll_loss2d_backward", [2, 3, 2, 2])

    static let nllLoss2DForward: Operator = composite(
        "aten::nll_loss2d_forward(Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index) -> (Tensor output, Tensor total_weight)",
        "As `nll_loss_forward`, of scores [batch, classes, height, width].", samples: { try nllSamples([2, 3, 2, 2]) },
        { call in try apply(.nllLossForward, call.arguments) })

    static let nllLoss: Operator = nll("nll_loss", [2, 3])
    static let nllLossND: Operator = nll("nll_loss_nd", [2, 3, 4])
    static let nllLoss2D: Operator = nll("nll_loss2d", [2, 3, 2, 2])

    static let crossEntropyLoss: Operator = composite(
        "aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor",
        "The cross entropy between the softmax of scores and targets: classes (integers), or their probabilities (floating point, in the scores' shape). `label_smoothing` moves that share of each target to all classes evenly.",
        samples: {
            let (x, weight): (Tensor, Tensor) = (try .sample([4, 3]), try .sample([3], in: 0.5...2, seed: 3))
            let target: Tensor = try Tensor([0, 2, 1, -100] as [Int], shape: [4])
            let chances: Tensor = try .sample([4, 3], in: 0...1, seed: 2)
            return [
                [.tensor(x), .tensor(target), .none, .int(1), .int(-100), .double(0)],
                [.tensor(x), .tensor(target), .tensor(weight), .int(1), .int(-100), .double(0.2)],
                [.tensor(x), .tensor(target), .tensor(weight), .int(0), .int(-100), .double(0)],
                [.tensor(x), .tensor(target), .none, .int(2), .int(-100), .double(0.1)],
                [.tensor(x), .tensor(chances), .tensor(weight), .int(1), .int(-100), .double(0.1)],
                [
                    .tensor(try .sample([2, 3, 2])), .tensor(try Tensor([0, 2, 1, 1] as [Int], shape: [2, 2])), .none, .int(1), .int(-100),
                    .double(0),
                ],
                [.tensor(try .sample([3])), .tensor(try Tensor([2] as [Int], shape: [])), .none, .int(1), .int(-100), .double(0)],
            ]
        },
        { call in
            let (x, target) = (try call.tensor(0), try call.tensor(1))
            let smoothing: Double = try call.double(5)
            guard smoothing >= 0, smoothing <= 1 else {
                throw call.error(.invalidArgument, "label_smoothing must lie between 0 and 1, not at \(smoothing)")
            }
            let logarithms: Tensor = try x.logSoftmax(dim: call.classDim(x))
            if target.dtype.isFloatingPoint, target.rank == x.rank { return [.tensor(try call.lossOfProbabilities(logarithms, smoothing))] }
            let exact: Tensor = try applySingle(.nllLossND, [.tensor(logarithms), call[1], call[2], call[3], call[4]])
            if smoothing == 0 { return [.tensor(exact)] }
            let even: Tensor = try call.lossOfEvenTarget(logarithms)
            return [.tensor(try exact * (1 - smoothing) + even * smoothing)]
        })

    static let classLosses: [Operator] = [
        nllLossForward, nllLossBackward, nllLoss, nllLossND, nllLoss2D, nllLoss2DForward, nllLoss2DBackward, crossEntropyLoss,
    ]

    private static func nll(_ name: String, _ sizes: [Int]) -> Operator {
        composite(
            "aten::\(name)(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor",
            "Less the score of each target's class, times the class's weight. A mean divides by the sum of the weights.",
            samples: { try nllSamples(sizes) }, { call in [try apply(.nllLossForward, call.arguments)[0]] })
    }

    private static func nllBackward(_ name: String, _ sizes: [Int]) -> Operator {
        composite(
            "aten::\(name)(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, int reduction, SymInt ignore_index, Tensor total_weight) -> Tensor",
            "The gradient of `\(name.replacing("_backward", with: ""))` by the scores.",
            samples: {
                try nllSamples(sizes).map { sample in
                    let results = try applyTensors(.nllLossForward, sample)
                    return [.tensor(try .sample(results[0].sizes, seed: 5))] + sample + [.tensor(results[1])]
                }
            },
            { call in
                let forward = Call(.nllLossForward, (1...5).map { call[$0] })
                return [.tensor(try forward.classGradient(call.tensor(0), total: call.tensor(6)))]
            })
    }

    private static func nllSamples(_ sizes: [Int]) throws -> [[OperatorArgument]] {
        let x: Tensor = try .sample(sizes)
        let classes: Int = sizes.count == 1 ? sizes[0] : sizes[1]
        let targetSizes: [Int] = sizes.count == 1 ? [] : [sizes[0]] + sizes.dropFirst(2)
        let count: Int = targetSizes.reduce(1, *)
        let target = try Tensor((0..<count).map { $0 == 1 ? -100 : (2 * $0 + 1) % classes }, shape: targetSizes)
        let weight: Tensor = try .sample([classes], in: 0.5...2, seed: 3)
        return [(Tensor?.none, 1), (weight, 1), (weight, 0), (nil, 2)].map { weight, reduction in
            [.tensor(x), .tensor(target), .optional(weight), .int(reduction), .int(-100)]
        }
    }
}

extension Call {
    /// The dimension of the classes.
    fileprivate func classDim(_ x: Tensor) throws -> Int {
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
        guard x.rank >= 1 else { throw error(.shapeMismatch, "needs a dimension of classes, not a zero-dimensional tensor") }
        return x.rank == 1 ? 0 : 1
    }

    /// Where a target counts, and the class that it names, 0 where it does not count.
    private func targets(_ target: Tensor) throws -> (counts: Tensor, classes: Tensor) {
        guard target.dtype.isInteger else {
            throw error(
                .dtypeMismatch,
                "targets must be integers, or probabilities in the scores' shape, not \(target.dtype); convert numbers of classes with to(.int64)"
            )
        }
        let counts: Tensor = try target.to(.int64) .!= int(4)
        return (counts, try Tensor.where(counts, target.to(.int64), 0))
    }

    /// Each target's weighted loss and its weight, 0 where it does not count.
    fileprivate func classLosses() throws -> (losses: Tensor, weights: Tensor) {
        let (x, target) = (try tensor(0), try tensor(1))
        let dim: Int = try classDim(x)
        var sizes: [SymInt] = x.shape.sizes
        sizes.remove(at: dim)
        func mismatch() -> TensorError {
            error(.shapeMismatch, "scores of shape \(x.shape) need targets of \(sizes), not \(target.shape)")
        }
        guard target.rank == sizes.count else { throw mismatch() }
        for (a, b) in zip(target.shape, sizes) where !a.isIdentical(to: b) { try require(a == b, mismatch()) }
        let (counts, classes) = try targets(target)
        let scores: Tensor
        do {
            scores = try x.gather(dim: dim, classes.unsqueezed(dim))
        } catch let outside as TensorError where outside.code == .indexOutOfRange {
            throw error(.indexOutOfRange, "a target names no class of the scores: \(outside.message)")
        }
        let picked: Tensor = try scores.squeezed(dims: [dim]).neg()
        let weights: Tensor = try classWeights(classes, counts, x.dtype)
        return (try (picked * weights).maskedFill(counts.logicalNot(), 0), weights)
    }

    /// The gradient of the scores from that of the loss and the sum of the weights.
    fileprivate func classGradient(_ gradient: Tensor, total: Tensor) throws -> Tensor {
        let x = try tensor(0)
        let dim: Int = try classDim(x)
        let weights: Tensor = try classLosses().weights
        let (counts, classes) = try targets(tensor(1))
        let incoming: Tensor = try lossReduction(3) == .mean ? gradient / total : gradient
        let spread: Tensor = try (weights * incoming).neg().maskedFill(counts.logicalNot(), 0)
        return try x.zerosLike().scatter(dim: dim, classes.unsqueezed(dim), spread.expanded(classes.shape).unsqueezed(dim))
    }

    /// The weight of each target's class.
    private func classWeights(_ classes: Tensor, _ counts: Tensor, _ dtype: DType) throws -> Tensor {
        guard let weight = try weightOfClasses() else { return try counts.to(dtype) }
        return try weight.take(classes).maskedFill(counts.logicalNot(), 0)
    }

    private func weightOfClasses() throws -> Tensor? {
        guard let weight = try optionalTensor(2) else { return nil }
        let x = try tensor(0)
        let classes: SymInt = x.shape[try classDim(x)]
        func mismatch() -> TensorError { error(.shapeMismatch, "the weight has shape \(weight.shape), but there are \(classes) classes") }
        guard weight.rank == 1 else { throw mismatch() }
        try require(weight.shape[0] == classes, mismatch())
        return weight
    }

    /// The weight as a tensor that broadcasts with scores.
    private func weightAlongClasses(_ x: Tensor) throws -> Tensor? {
        try weightOfClasses().map { weight in
            var sizes = [SymInt](repeating: 1, count: x.rank)
            sizes[try classDim(x)] = weight.shape[0]
            return try weight.reshaped(sizes)
        }
    }

    /// The loss where targets are probabilities.
    fileprivate func lossOfProbabilities(_ logarithms: Tensor, _ smoothing: Double) throws -> Tensor {
        try requireSameShape(0, 1)
        let dim: Int = try classDim(logarithms)
        let classes: SymInt = logarithms.shape[dim]
        var target: Tensor = try tensor(1)
        if smoothing > 0 { target = try target * (1 - smoothing) + Tensor.scalar(Scalar(smoothing), dtype: target.dtype) / classes }
        var terms: Tensor = try logarithms * target
        if let weight = try weightAlongClasses(logarithms) { terms = try terms * weight }
        return try reduceLoss(terms.sum(dim: dim).neg(), 3)
    }

    /// The loss where every class is as likely as any other, for the targets that count.
    fileprivate func lossOfEvenTarget(_ logarithms: Tensor) throws -> Tensor {
        let dim: Int = try classDim(logarithms)
        let (counts, classes) = try targets(tensor(1))
        var terms: Tensor = logarithms
        if let weight = try weightAlongClasses(logarithms) { terms = try terms * weight }
        let losses: Tensor = try (terms.sum(dim: dim).neg() / logarithms.shape[dim]).maskedFill(counts.logicalNot(), 0)
        switch try lossReduction(3) {
        case .none: return losses
        case .sum: return try losses.sum()
        case .mean: return try losses.weightedMean(classWeights(classes, counts, logarithms.dtype))
        }
    }
}

extension Tensor {
    /// The sum of losses over the sum of their weights, either of which may exceed half precision where the mean does not.
    fileprivate func weightedMean(_ weights: Tensor) throws -> Tensor {
        try (sum(dtype: dtype.accumulation) / weights.sum(dtype: dtype.accumulation)).to(dtype)
    }

    /// Less the score of each target's class. Scores have the classes in dimension 1, or 0 where they have but one dimension.
    public func nllLoss(
        _ target: Tensor, weight: Tensor? = nil, ignoreIndex: any SymIntConvertible = -100, reduction: LossReduction = .mean
    ) throws -> Tensor {
        try naming("nll_loss") {
            try applySingle(
                .nllLossND, [.tensor(self), .tensor(target), .optional(weight), .int(reduction.rawValue), .int(ignoreIndex)])
        }
    }

    /// The cross entropy between the softmax of these scores and targets: classes (integers), or their probabilities (floating point).
    ///
    /// Scores have the classes in dimension 1, or 0 where they have but one dimension.
    public func crossEntropy(
        _ target: Tensor, weight: Tensor? = nil, ignoreIndex: any SymIntConvertible = -100, labelSmoothing: any ScalarConvertible = 0,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try naming("cross_entropy") {
            try applySingle(
                .crossEntropyLoss,
                [
                    .tensor(self), .tensor(target), .optional(weight), .int(reduction.rawValue), .int(ignoreIndex),
                    .float(labelSmoothing),
                ])
        }
    }
}
