import ApusSymbolic
import CApusKernels

// Dropout: in training, elements become 0 with probability p and the others are scaled by 1 / (1 - p). Source: Srivastava et al., 2014.

extension Operator {
    static let nativeDropout: Operator = Operator(
        "aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)",
        "Dropout, and the bool mask of the elements that stay. Outside of training a copy and a mask of true. Floating-point tensors only.",
        effects: .random,
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
            _ = try call.dropoutProbability()
            return [x.spec, TensorSpec(.bool, x.shape)]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            let probability: Double = try call.dropoutProbability()
            guard probability > 0, try call.isTraining() else {
                try call.copy(x, to: outputs[0])
                return try call.fill(outputs[1], with: true)
            }
            guard probability < 1 else {
                try call.fill(outputs[0], with: 0)
                return try call.fill(outputs[1], with: false)
            }
            var (input, out, mask) = (x.view, outputs[0].view, outputs[1].view)
            try check(apus_random_dropout(RandomGenerator.default.take(x.layout.count), probability, &input, &out, &mask), call)
            withExtendedLifetime((x, outputs)) {}
        },
        gradient: { g in
            let probability: Double = try g.call.dropoutProbability()
            let scale: Double = try g.call.isTraining() ? (probability == 1 ? 0 : 1 / (1 - probability)) : 1
            return [.tensor(try applySingle(.nativeDropoutBackward, [.tensor(g.gradient), .tensor(g.outputs[1]), .double(scale)]))]
        },
        samples: {
            try [(0.5, OperatorArgument.bool(true)), (0.3, .none), (0.5, .bool(false)), (1, .bool(true)), (0, .bool(true))].map {
                p, train in
                [.tensor(try .sample([2, 3])), .double(p), train]
            }
        })

    static let nativeDropoutBackward: Operator = composite(
        "aten::native_dropout_backward(Tensor grad_output, Tensor mask, float scale) -> Tensor",
        "The gradient of dropout: `grad * mask * scale`.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], dtype: .bool)), .double(2)]] },
        { call in [.tensor(try call.tensor(0) * call.tensor(1) * call.scalar(2))] })

    static let dropout: Operator = composite(
        "aten::dropout(Tensor input, float p, bool train) -> Tensor", "Dropout in training, else the tensor itself.", effects: .random,
        samples: {
            [[.tensor(try .sample([2, 3])), .double(0.5), .bool(true)], [.tensor(try .sample([2, 3])), .double(0.5), .bool(false)]]
        },
        { call in
            let probability: Double = try call.dropoutProbability()
            guard try call.bool(2), probability > 0 else { return [call[0]] }
            return [try apply(.nativeDropout, [call[0], call[1], .bool(true)])[0]]
        })

    static let featureDropout: Operator = composite(
        "aten::feature_dropout(Tensor input, float p, bool train) -> Tensor",
        "Dropout of whole channels of [batch, channels, ...] in training.",
        effects: .random, samples: { [[.tensor(try .sample([2, 3, 4])), .double(0.5), .bool(true)]] },
        { call in
            let x = try call.tensor(0)
            let probability: Double = try call.dropoutProbability()
            guard try call.bool(2), probability > 0 else { return [call[0]] }
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
            guard x.rank >= 2 else { throw call.error(.shapeMismatch, "needs [batch, channels, ...], not a tensor of shape \(x.shape)") }
            if probability == 1 { return [.tensor(try x * 0)] }
            let sizes: [SymInt] = x.shape.sizes.prefix(2) + Array(repeating: SymInt(1), count: x.rank - 2)
            let kept: Tensor = try Tensor.full(sizes, 0, dtype: x.dtype).bernoulli(p: 1 - probability)
            return [.tensor(try x * (kept / (1 - probability)))]
        })

    static let dropouts: [Operator] = [nativeDropout, nativeDropoutBackward, dropout, featureDropout]
}

extension Call {
    /// Argument 1, which must lie between 0 and 1.
    fileprivate func dropoutProbability() throws -> Double {
        let probability: Double = try double(1)
        guard probability >= 0, probability <= 1 else {
            throw error(.invalidArgument, "the probability must lie between 0 and 1, not at \(probability)")
        }
        return probability
    }

    /// Argument 2; absent means true.
    fileprivate func isTraining() throws -> Bool {
        if case .none = self[2] { return true }
        return try bool(2)
    }
}

extension Tensor {
    /// In training, elements become 0 with probability p and the others are scaled by 1 / (1 - p); else the tensor itself.
    public func dropout(p: any ScalarConvertible = 0.5, training: Bool = true) throws -> Tensor {
        try applySingle(.dropout, [.tensor(self), .float(p), .bool(training)])
    }

    /// In training, whole channels of [batch, channels, ...] become 0 with probability p; else the tensor itself.
    public func featureDropout(p: any ScalarConvertible = 0.5, training: Bool = true) throws -> Tensor {
        try applySingle(.featureDropout, [.tensor(self), .float(p), .bool(training)])
    }
}
