import ApusSymbolic

// Losses that ask for a margin between scores or distances, and the loss of counts. Composites: shapes, dtypes and gradients follow.

extension Operator {
    static let marginRankingLoss: Operator = composite(
        "aten::margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0., int reduction=1) -> Tensor",
        "`max(0, margin - target * (input1 - input2))`: the target, 1 or -1, says which should be larger.",
        samples: { try [0, 1, 2].map { try threeTensors() + [.double(0.5), .int($0)] } }
    ) { call in
        let difference: Tensor = try call.tensor(0) - call.tensor(1)
        let loss: Tensor = try (call.tensor(2).neg() * difference + call.double(3)).clamp(min: 0)
        return [.tensor(try call.reduceLoss(loss, 4))]
    }

    static let hingeEmbeddingLoss: Operator = composite(
        "aten::hinge_embedding_loss(Tensor self, Tensor target, float margin=1., int reduction=1) -> Tensor",
        "The distance itself where the target is 1, `max(0, margin - self)` where it is -1.",
        samples: { try [0, 1].map { [.tensor(try .sample([2, 3])), .tensor(try .signs([2, 3])), .double(1), .int($0)] } }
    ) { call in
        let (x, target) = (try call.tensor(0), try call.tensor(1))
        let far: Tensor = try (x.neg() + call.double(2)).clamp(min: 0)
        let loss: Tensor = try Tensor.where(target .!= 1, far, 0) + Tensor.where(target .!= -1, x, 0)
        return [.tensor(try call.reduceLoss(loss, 3))]
    }

    static let cosineEmbeddingLoss: Operator = composite(
        "aten::cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0., int reduction=1) -> Tensor",
        "`1 - cos` of the vectors' angle where the target is 1, `max(0, cos - margin)` where it is -1.",
        samples: {
            try [0, 1].map {
                [.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .tensor(try .signs([2])), .double(0.1), .int($0)]
            }
        }
    ) { call in
        let (a, b, target) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
        guard target.rank <= 1, a.rank == target.rank + 1, b.rank == target.rank + 1 else {
            throw call.error(.shapeMismatch, "a target of shape \(target.shape) does not fit vectors of shapes \(a.shape) and \(b.shape)")
        }
        let epsilon: Double = 1e-12
        func squares(_ x: Tensor, _ y: Tensor) throws -> Tensor { try (x * y).sum(dim: target.rank) }
        let magnitudes: Tensor = try (squares(a, a) + epsilon) * (squares(b, b) + epsilon)
        let cosine: Tensor = try squares(a, b) / magnitudes.sqrt()
        let apart: Tensor = try (cosine - call.double(3)).clamp(min: 0)
        let loss: Tensor = try Tensor.where(target .== 1, 1 - cosine, 0) + Tensor.where(target .== -1, apart, 0)
        return [.tensor(try call.reduceLoss(loss, 4))]
    }

    static let tripletMarginLoss: Operator = composite(
        "aten::triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1., float p=2., float eps=9.9999999999999995e-07, bool swap=False, int reduction=1) -> Tensor",
        "`max(0, margin + d(anchor, positive) - d(anchor, negative))`, d being the distance of rows; with `swap`, the smaller of the negative's two "
            + "distances counts.",
        samples: {
            try [false, true].map { try threeTensors() + [.double(1), .double(2), .double(1e-6), .bool($0), .int($0 ? 0 : 1)] }
        }
    ) { call in
        let (anchor, positive, negative) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
        func distance(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            try applySingle(.pairwiseDistance, [.tensor(x), .tensor(y), call[4], call[5], .bool(false)])
        }
        var far: Tensor = try distance(anchor, negative)
        if try call.bool(6) { far = try far.minimum(distance(positive, negative)) }
        let loss: Tensor = try (distance(anchor, positive) - far + call.double(3)).clamp(min: 0)
        return [.tensor(try call.reduceLoss(loss, 7))]
    }

    static let poissonLoss: Operator = composite(
        "aten::poisson_nll_loss(Tensor input, Tensor target, bool log_input, bool full, float eps, int reduction) -> Tensor",
        "Less the logarithm of the probability that a Poisson distribution of this rate, or with `log_input` of this logarithm of a rate, gives the "
            + "target; with `full`, Stirling's approximation of the target's factorial is added.",
        samples: {
            try [(true, false), (false, true)].map {
                [
                    .tensor(try .sample([2, 3], in: 0.2...2)), .tensor(try .sample([2, 3], in: 0...4, seed: 2)), .bool($0), .bool($1),
                    .double(1e-8), .int(1),
                ]
            }
        }
    ) { call in
        let (x, target) = (try call.tensor(0), try call.tensor(1))
        var loss: Tensor = try call.bool(2) ? x.exp() - target * x : x - target * (x + call.double(4)).log()
        if try call.bool(3) {
            let counts: Tensor = try Tensor.where(target .> 1, target, 1)
            let logarithm: Tensor = try counts.log()
            let stirling: Tensor = try counts * logarithm - counts + (logarithm + 1.8378770664093453) * 0.5
            loss = try loss + Tensor.where(target .> 1, stirling, 0)
        }
        return [.tensor(try call.reduceLoss(loss, 5))]
    }

    static let multiMarginLoss: Operator = composite(
        "aten::multi_margin_loss(Tensor self, Tensor target, Scalar p=1, Scalar margin=1, Tensor? weight=None, int reduction=1) -> Tensor",
        "The mean over the other classes of `max(0, margin - (score of the target's class - score))^p`, times the class's weight; p is 1 or 2.",
        samples: {
            let target = try Tensor([2, 0] as [Int], shape: [2])
            return [
                [.tensor(try .sample([2, 3])), .tensor(target), .int(1), .double(1), .none, .int(1)],
                [
                    .tensor(try .sample([2, 3])), .tensor(target), .int(2), .double(0.5), .tensor(try .sample([3], in: 0.5...2, seed: 2)),
                    .int(0),
                ],
            ]
        }
    ) { call in
        let (scores, target) = (try call.tensor(0).withRank(atLeast: 2), try call.indexTensor(1))
        let (power, margin) = (try call.double(2), try call.double(3))
        guard power == 1 || power == 2 else { throw call.error(.invalidArgument, "p must be 1 or 2, not \(power)") }
        guard scores.rank == 2, scores.dtype.isFloatingPoint, target.rank <= 1 else {
            throw call.error(
                .shapeMismatch, "takes a matrix of scores and a vector of classes, not shapes \(scores.shape) and \(target.shape)")
        }
        try require(
            target.count == scores.shape[0],
            call.error(.shapeMismatch, "\(target.count) classes don't fit \(scores.shape[0]) rows of scores"))
        let classes: Tensor = try target.to(.int64).reshaped([-1, 1])
        let wanted: Tensor = try scores.gather(dim: 1, classes)
        var terms: Tensor = try (scores - wanted + margin).clamp(min: 0)
        if power == 2 { terms = try terms * terms }
        if let weight = try call.optionalTensor(4) { terms = try terms * weight.take(classes) }
        // The target's own class does not count.
        let isOwn: Tensor = try Tensor.arange(scores.shape[1]) .== classes
        let loss: Tensor = try terms.maskedFill(isOwn, 0).sum(dim: 1) / scores.shape[1]
        return [
            .tensor(try call.reduceLoss(call.tensor(0).rank <= 1 && call.tensor(1).rank == 0 ? loss.reshaped([] as [SymInt]) : loss, 5))
        ]
    }

    static let marginLosses: [Operator] = [
        marginRankingLoss, hingeEmbeddingLoss, cosineEmbeddingLoss, tripletMarginLoss, poissonLoss, multiMarginLoss, multilabelMarginLoss,
        multilabelMarginLossForward, multilabelMarginLossBackward,
    ]

    private static func threeTensors() throws -> [OperatorArgument] {
        [.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .tensor(try .sample([2, 3], seed: 3))]
    }
}

extension Tensor {
    /// 1 and -1 in turn.
    fileprivate static func signs(_ sizes: [Int]) throws -> Tensor {
        try Tensor((0..<sizes.reduce(1, *)).map { $0 % 2 == 0 ? 1 : -1 } as [Float], shape: sizes)
    }

    /// How far this tensor's rows are from the positive ones, against the negative ones, less a margin.
    public func tripletMarginLoss(
        positive: Tensor, negative: Tensor, margin: any ScalarConvertible = 1, p: any ScalarConvertible = 2, swap: Bool = false,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try applySingle(
            .tripletMarginLoss,
            [
                .tensor(self), .tensor(positive), .tensor(negative), .float(margin), .float(p), .double(1e-6), .bool(swap),
                .int(reduction.rawValue),
            ])
    }

    /// `1 - cos` of the angle to the other where the target is 1, `max(0, cos - margin)` where it is -1.
    public func cosineEmbeddingLoss(_ other: Tensor, _ target: Tensor, margin: any ScalarConvertible = 0, reduction: LossReduction = .mean)
        throws -> Tensor
    {
        try applySingle(.cosineEmbeddingLoss, [.tensor(self), .tensor(other), .tensor(target), .float(margin), .int(reduction.rawValue)])
    }

    /// x where the target is 1, `max(0, margin - x)` where it is -1.
    public func hingeEmbeddingLoss(_ target: Tensor, margin: any ScalarConvertible = 1, reduction: LossReduction = .mean) throws -> Tensor {
        try applySingle(.hingeEmbeddingLoss, [.tensor(self), .tensor(target), .float(margin), .int(reduction.rawValue)])
    }

    /// `max(0, -target * (self - other) + margin)`.
    public func marginRankingLoss(_ other: Tensor, _ target: Tensor, margin: any ScalarConvertible = 0, reduction: LossReduction = .mean)
        throws -> Tensor
    {
        try applySingle(.marginRankingLoss, [.tensor(self), .tensor(other), .tensor(target), .float(margin), .int(reduction.rawValue)])
    }

    /// The margins that the target class of each row misses before the others, to the power `p`.
    public func multiMarginLoss(
        _ target: Tensor, p: any ScalarConvertible = 1, margin: any ScalarConvertible = 1, weight: Tensor? = nil,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try applySingle(
            .multiMarginLoss,
            [.tensor(self), .tensor(target), .scalar(p.scalar), .scalar(margin.scalar), .optional(weight), .int(reduction.rawValue)])
    }

    /// As `multiMarginLoss` with several target classes a row, which end at the first -1.
    public func multilabelMarginLoss(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
        try applySingle(.multilabelMarginLoss, [.tensor(self), .tensor(target), .int(reduction.rawValue)])
    }

    /// The negative log-likelihood of counts under a Poisson distribution, whose mean is given as its logarithm unless `logInput` is
    /// false.
    public func poissonNllLoss(
        _ target: Tensor, logInput: Bool = true, full: Bool = false, epsilon: any ScalarConvertible = 1e-8, reduction: LossReduction = .mean
    ) throws -> Tensor {
        try applySingle(
            .poissonLoss, [.tensor(self), .tensor(target), .bool(logInput), .bool(full), .float(epsilon), .int(reduction.rawValue)])
    }
}
