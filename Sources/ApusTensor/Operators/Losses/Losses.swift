import ApusSymbolic

// Losses between a tensor and a target. Each is a composite: shapes, dtypes and gradients follow from what it is made of.

/// What becomes of a loss's elements. The raw values are PyTorch's.
public enum LossReduction: Int, Sendable {
    case none, mean, sum
}

extension Operator {
    static let mseLoss: Operator = loss(
        "aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor", "The squared difference."
    ) { call in
        let difference: Tensor = try call.tensor(0) - call.tensor(1)
        return try difference * difference
    }

    static let mseLossBackward: Operator = composite(
        "aten::mse_loss_backward(Tensor grad_output, Tensor self, Tensor target, int reduction) -> Tensor", "The gradient of mse_loss.",
        samples: {
            try [1, 2].map { [.tensor(try .sample([])), .tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .int($0)] }
        },
        { call in
            let x = try call.tensor(1)
            let slope: Tensor = try (x - call.tensor(2)) * 2
            return [.tensor(try slope * call.lossGradient(0, 3, x.count))]
        })

    static let l1Loss: Operator = loss("aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor", "The absolute difference.") {
        call in
        try (call.tensor(0) - call.tensor(1)).abs()
    }

    static let smoothL1Loss: Operator = loss(
        "aten::smooth_l1_loss(Tensor self, Tensor target, int reduction=1, float beta=1.) -> Tensor",
        "Half the squared difference over beta where the difference is below beta, else the absolute difference less half of beta.",
        further: [.double(0.7)]
    ) { call in
        let difference: Tensor = try call.tensor(0) - call.tensor(1)
        let beta: Double = try call.double(3)
        guard beta >= 0 else { throw call.error(.invalidArgument, "beta must not be negative: \(beta)") }
        if beta == 0 { return try difference.abs() }
        let loss: Tensor = try linearBeyond(beta, difference)
        return try beta == 1 ? loss : loss / beta
    }

    static let huberLoss: Operator = loss(
        "aten::huber_loss(Tensor self, Tensor target, int reduction=1, float delta=1.) -> Tensor",
        "Half the squared difference where it is below delta, else delta times the absolute difference less half of delta. Source: Huber, 1964.",
        further: [.double(0.7)]
    ) { call in
        let delta: Double = try call.double(3)
        guard delta > 0 else { throw call.error(.invalidArgument, "delta must be positive: \(delta)") }
        return try linearBeyond(delta, call.tensor(0) - call.tensor(1))
    }

    /// d^2 / 2 where |d| is below the limit L, else L (|d| - L / 2): c (d - c / 2) for d held to the limits as c, which is fewer passes than to choose.
    private static func linearBeyond(_ limit: Double, _ difference: Tensor) throws -> Tensor {
        let held: Tensor = try difference.clamp(min: -limit, max: limit)
        return try difference.sub(held, alpha: 0.5) * held
    }

    static let klDiv: Operator = loss(
        "aten::kl_div(Tensor self, Tensor target, int reduction=1, *, bool log_target=False) -> Tensor",
        "`target * (log(target) - self)`, self being a logarithm, and target as well where `log_target`; 0 where target is 0.",
        further: [.bool(false)], domain: 0.1...1
    ) { call in
        let (x, target) = (try call.tensor(0), try call.tensor(1))
        if try call.bool(3) { return try target.exp() * (target - x) }
        return try target.xlogy(target) - target * x
    }

    static let softMarginLoss: Operator = loss(
        "aten::soft_margin_loss(Tensor self, Tensor target, int reduction=1) -> Tensor", "`log(1 + exp(-target * self))`."
    ) { call in try (call.tensor(0) * call.tensor(1)).neg().exp().log1p() }

    // MARK: Binary cross entropy

    static let binaryCrossEntropy: Operator = composite(
        "aten::binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=1) -> Tensor",
        "`-(target log(self) + (1 - target) log(1 - self)) * weight`, the logarithms held above -100. Probabilities outside 0...1 give NaN.",
        gradient: { g in
            let (x, target) = (try g.call.tensor(0), try g.call.tensor(1))
            let weight: Tensor? = try g.call.optionalTensor(2)
            let incoming: Tensor = try g.call.lossGradient(g.gradient, 3, x.count)
            let scaled: Tensor = try weight.map { try incoming * $0 } ?? incoming
            let slope: Tensor = try (x - target) / ((1 - x) * x).clamp(min: 1e-12)
            let targetSlope: Tensor = try logarithm((1 - x).log()) - logarithm(x.log())
            let loss: Tensor = try target * targetSlope - logarithm((1 - x).log())
            return [
                try g.reduced(scaled * slope, to: 0), try g.reduced(scaled * targetSlope, to: 1), try g.reduced(incoming * loss, to: 2),
            ]
        },
        samples: {
            let (x, target): (Tensor, Tensor) = (try .sample([2, 3], in: 0.05...0.95), try .sample([2, 3], in: 0...1, seed: 2))
            return [0, 1, 2].map { [.tensor(x), .tensor(target), .none, .int($0)] }
                + [[.tensor(x), .tensor(target), .tensor(try .sample([3], in: 0...1, seed: 3)), .int(1)]]
        },
        { call in
            let (x, target) = (try call.tensor(0), try call.tensor(1))
            try call.requireSameShape(0, 1)
            var loss: Tensor = try ((target - 1) * logarithm((x.neg()).log1p()) - target * logarithm(x.log()))
            if let weight = try call.optionalTensor(2) { loss = try loss * weight }
            return [.tensor(try call.reduceLoss(loss, 3))]
        })

    private static func logarithm(_ value: Tensor) throws -> Tensor { try value.clamp(min: -100) }

    static let binaryCrossEntropyWithLogits: Operator = composite(
        "aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor",
        "Binary cross entropy of the logistic function of self, without overflow. `pos_weight` weighs the positive examples.",
        samples: {
            let (x, target): (Tensor, Tensor) = (try .sample([2, 3], in: -3...3), try .sample([2, 3], in: 0...1, seed: 2))
            let weight: Tensor = try .sample([3], in: 0.5...2, seed: 3)
            return [
                [.tensor(x), .tensor(target), .none, .none, .int(1)], [.tensor(x), .tensor(target), .tensor(weight), .none, .int(0)],
                [.tensor(x), .tensor(target), .none, .tensor(weight), .int(2)],
            ]
        },
        { call in
            let (x, target) = (try call.tensor(0), try call.tensor(1))
            try call.requireSameShape(0, 1)
            let factor: Tensor? = try call.optionalTensor(3).map { try ($0 - 1) * target + 1 }
            let logarithm: Tensor = try x.logSigmoid()
            var loss: Tensor = try (1 - target) * x - (factor.map { try $0 * logarithm } ?? logarithm)
            if let weight = try call.optionalTensor(2) { loss = try loss * weight }
            return [.tensor(try call.reduceLoss(loss, 4))]
        })

    static let losses: [Operator] = [
        mseLoss, mseLossBackward, l1Loss, smoothL1Loss, huberLoss, klDiv, softMarginLoss, binaryCrossEntropy, binaryCrossEntropyWithLogits,
    ]

    /// A loss of (self, target, reduction, ...), from the formula of its elements.
    private static func loss(
        _ schema: String, _ documentation: String, further: [OperatorArgument] = [], domain: ClosedRange<Double> = -2...2,
        _ formula: @escaping @Sendable (Call) throws -> Tensor
    ) -> Operator {
        composite(
            schema, documentation + " Averaged (1), summed (2) or left (0) after `reduction`; shapes broadcast.",
            samples: {
                try [0, 1, 2].map {
                    [.tensor(try .sample([2, 3], in: domain)), .tensor(try .sample([2, 3], in: domain, seed: 2)), .int($0)] + further
                } + [
                    [
                        .tensor(try .sample([4], dtype: .float64, in: domain)),
                        .tensor(try .sample([4], dtype: .float64, in: domain, seed: 2)),
                        .int(1),
                    ] + further
                ]
            }, { call in [.tensor(try call.reduceLoss(formula(call), 2))] })
    }
}

extension Call {
    /// The reduction that an argument asks for.
    func lossReduction(_ index: Int) throws -> LossReduction {
        guard let reduction = LossReduction(rawValue: try constant(index)) else {
            throw error(.invalidArgument, "reduction must be 0 (none), 1 (mean) or 2 (sum), not \(try constant(index))")
        }
        return reduction
    }

    /// A loss's elements reduced as an argument asks for.
    func reduceLoss(_ loss: Tensor, _ index: Int) throws -> Tensor {
        switch try lossReduction(index) {
        case .none: loss
        case .mean: try loss.mean()
        case .sum: try loss.sum()
        }
    }

    /// A loss's incoming gradient as one of its elements.
    fileprivate func lossGradient(_ gradient: Tensor, _ index: Int, _ count: SymInt) throws -> Tensor {
        try lossReduction(index) == .mean ? gradient / count : gradient
    }

    fileprivate func lossGradient(_ gradient: Int, _ index: Int, _ count: SymInt) throws -> Tensor {
        try lossGradient(tensor(gradient), index, count)
    }
}

extension Tensor {
    private func loss(_ operation: Operator, _ target: Tensor, _ reduction: LossReduction, _ further: [OperatorArgument] = []) throws
        -> Tensor
    {
        try applySingle(operation, [.tensor(self), .tensor(target), .int(reduction.rawValue)] + further)
    }

    /// The squared difference from a target.
    public func mseLoss(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor { try loss(.mseLoss, target, reduction) }
    /// The absolute difference from a target.
    public func l1Loss(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor { try loss(.l1Loss, target, reduction) }
    /// The absolute difference from a target, rounded off below `beta`.
    public func smoothL1Loss(_ target: Tensor, beta: any ScalarConvertible = 1, reduction: LossReduction = .mean) throws -> Tensor {
        try loss(.smoothL1Loss, target, reduction, [.float(beta)])
    }
    /// Half the squared difference from a target, linear beyond `delta`.
    public func huberLoss(_ target: Tensor, delta: any ScalarConvertible = 1, reduction: LossReduction = .mean) throws -> Tensor {
        try loss(.huberLoss, target, reduction, [.float(delta)])
    }
    /// The divergence of a target distribution from this one, whose logarithms the tensor holds.
    public func klDiv(_ target: Tensor, logTarget: Bool = false, reduction: LossReduction = .mean) throws -> Tensor {
        try loss(.klDiv, target, reduction, [.bool(logTarget)])
    }

    /// Binary cross entropy of these probabilities.
    public func binaryCrossEntropy(_ target: Tensor, weight: Tensor? = nil, reduction: LossReduction = .mean) throws -> Tensor {
        try applySingle(.binaryCrossEntropy, [.tensor(self), .tensor(target), .optional(weight), .int(reduction.rawValue)])
    }

    /// Binary cross entropy of the logistic function of this tensor.
    public func binaryCrossEntropyWithLogits(
        _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil, reduction: LossReduction = .mean
    ) throws -> Tensor {
        try applySingle(
            .binaryCrossEntropyWithLogits,
            [.tensor(self), .tensor(target), .optional(weight), .optional(positiveWeight), .int(reduction.rawValue)])
    }

    /// `log(1 + exp(-target * x))`, of targets that are 1 or -1.
    public func softMarginLoss(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
        try applySingle(.softMarginLoss, [.tensor(self), .tensor(target), .int(reduction.rawValue)])
    }
}
