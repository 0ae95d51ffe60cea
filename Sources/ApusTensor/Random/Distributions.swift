import ApusSymbolic
import Foundation

// Drawings that are made of others: of a distribution for each element, or of distributions that are functions of uniform numbers.

extension Operator {
    static let distributions: [Operator] = [
        distribution(
            "normal.Tensor_float(Tensor mean, float std=1., *, \(generator)) -> Tensor",
            "Numbers of a normal distribution around each element.",
            samples: [.center, .number(1.5)]
        ) { call in
            let mean: Tensor = try call.floatingTensor(0)
            return try applySingle(.normalFunctional, [.tensor(mean), .double(0), call[1], .none]) + mean
        },
        distribution(
            "normal.float_Tensor(float mean, Tensor std, *, \(generator)) -> Tensor",
            "Numbers of a normal distribution with each element's deviation.", samples: [.number(0.5), .positive]
        ) { call in
            let deviation: Tensor = try call.floatingTensor(1)
            return try deviation.randnLike() * deviation + call.double(0)
        },
        distribution(
            "normal.Tensor_Tensor(Tensor mean, Tensor std, *, \(generator)) -> Tensor",
            "Numbers of a normal distribution with each pair's mean and deviation.", samples: [.center, .positive]
        ) { call in
            let (mean, deviation) = (try call.floatingTensor(0), try call.floatingTensor(1))
            let both: Shape = try broadcast(mean.shape, deviation.shape, in: call.name)
            return try Tensor.randn(both, dtype: Promotion.promote(mean.dtype, deviation.dtype)) * deviation + mean
        },
        distribution(
            "bernoulli.Tensor(Tensor self, Tensor p, *, \(generator)) -> Tensor",
            "1 with each probability, else 0, in the first tensor's shape and dtype.", samples: [.center, .probability]
        ) { call in
            let x: Tensor = try call.tensor(0)
            return try call.floatingTensor(1).expanded(x.shape).bernoulli().to(x.dtype)
        },
        distribution(
            "cauchy(Tensor self, float median=0., float sigma=1., *, \(generator)) -> Tensor",
            "Numbers of the Cauchy distribution, in a tensor's shape and dtype.", samples: [.center, .number(1), .number(2)]
        ) { call in
            let angle: Tensor = try (call.uniformNumbers() - 0.5) * Double.pi
            return try (angle.tan() * call.double(2) + call.double(1)).to(call.floatingTensor(0).dtype)
        },
        distribution(
            "log_normal(Tensor self, float mean=1., float std=2., *, \(generator)) -> Tensor",
            "Numbers whose logarithm is of a normal distribution, in a tensor's shape and dtype.",
            samples: [.center, .number(1), .number(0.5)]
        ) { call in
            try applySingle(.normalFunctional, [.tensor(call.floatingTensor(0)), call[1], call[2], .none]).exp()
        },
        distribution(
            "geometric(Tensor self, float p, *, \(generator)) -> Tensor",
            "The number of trials up to the first success, each with probability `p`, in a tensor's shape and dtype.",
            samples: [.center, .number(0.4)]
        ) { call in
            let (dtype, p): (DType, Double) = (try call.tensor(0).dtype, try call.double(1))
            guard dtype.isFloatingPoint || dtype.isInteger else {
                throw call.error(.dtypeMismatch, "does not take \(dtype), only numbers")
            }
            guard p > 0, p < 1 else { throw call.error(.invalidArgument, "the probability must lie between 0 and 1, not at \(p)") }
            let tries: Tensor = try (1 - call.uniformNumbers()).log() / Foundation.log1p(-p)
            return try tries.ceil().clamp(min: 1).to(dtype)
        },
        distribution(
            "rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, \(generator)) -> Tensor",
            "The positive part, and the negative one times a factor: while training a random one for each element between two bounds, else their middle.",
            samples: [.center, .number(0.1), .number(0.3), .flag(true)]
        ) { call in try call.leaking(lower: 1, upper: 2, training: 3).result },
        composite(
            "aten::rrelu_with_noise_functional(Tensor self, Tensor noise, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, "
                + "\(generator)) -> (Tensor, Tensor noise_out)",
            "As `rrelu`; and the factors, 1 where nothing is multiplied. Else than in training those that were given.", effects: .random,
            samples: {
                try [true, false].map {
                    [.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3])), .double(0.1), .double(0.3), .bool($0), .none]
                }
            }
        ) { call in
            let (result, factors) = try call.leaking(lower: 2, upper: 3, training: 4)
            return [.tensor(result), .tensor(try factors ?? call.tensor(1).clone())]
        },
    ]

    private static let generator = "Generator? generator=None"

    private enum Sample: Sendable {
        case center, positive, probability
        case number(Double)
        case flag(Bool)
    }

    private static func distribution(
        _ schema: String, _ documentation: String, samples: [Sample], _ draw: @escaping @Sendable (Call) throws -> Tensor
    ) -> Operator {
        composite(
            "aten::\(schema)", documentation, effects: .random,
            samples: {
                [
                    try samples.map { sample in
                        switch sample {
                        case .center: .tensor(try .sample([2, 3]))
                        case .positive: .tensor(try .sample([2, 3], in: 0.5...2))
                        case .probability: .tensor(try .sample([2, 3], in: 0...1))
                        case .number(let value): .double(value)
                        case .flag(let value): .bool(value)
                        }
                    } + [.none]
                ]
            }
        ) { call in [.tensor(try draw(call))] }
    }
}

extension Call {
    fileprivate func floatingTensor(_ index: Int) throws -> Tensor {
        let x: Tensor = try tensor(index)
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
        return x
    }

    /// From 0 to below 1, in the first tensor's shape, as exact as float64.
    fileprivate func uniformNumbers() throws -> Tensor { try Tensor.rand(tensor(0).shape, dtype: .float64) }

    fileprivate func leaking(lower: Int, upper: Int, training: Int) throws -> (result: Tensor, factors: Tensor?) {
        let x: Tensor = try floatingTensor(0)
        let (low, high) = (try double(lower), try double(upper))
        guard low <= high, low.isFinite, high.isFinite else {
            throw error(.invalidArgument, "the bounds must be finite and in order, not \(low) and \(high)")
        }
        guard try bool(training) else { return (try x.leakyRelu(negativeSlope: (low + high) / 2), nil) }
        let drawn: Tensor = try applySingle(.uniform, [.tensor(x), .double(low), .double(high), .none])
        let factors: Tensor = try Tensor.where(x .<= 0, drawn, Tensor.ones([], dtype: x.dtype))
        return (try x * factors, factors)
    }
}

extension Tensor {
    /// A choice along a dimension by logits, which has a gradient: the softmax of the logits and noise over a temperature, near to 1 in one place where the
    /// temperature is low. With `hard` 1 there and 0 elsewhere, with the same gradient.
    ///
    /// Source: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", 2017.
    public func gumbelSoftmax(
        temperature: any ScalarConvertible = 1, hard: Bool = false, dim: Int = -1, seed: UInt64? = nil
    ) throws -> Tensor {
        guard dtype.isFloatingPoint else {
            throw TensorError(.dtypeMismatch, in: "gumbelSoftmax", "does not take \(dtype), only floating-point dtypes")
        }
        let wide: Tensor = try to(dtype.accumulation)
        let noise: Tensor = try wide.exponential(seed: seed).clamp(min: 1e-30).log()
        let soft: Tensor = try ((wide - noise) / temperature).softmax(dim: dim).to(dtype)
        guard hard else { return soft }
        let chosen: Tensor = try soft.zerosLike().scatter(dim: dim, soft.argmax(dim: dim, keepDim: true), 1)
        return try chosen - soft.detached() + soft
    }
}
