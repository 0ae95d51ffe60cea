import ApusSymbolic
import CApusKernels

// Drawings of random numbers from the default generator. Two calls differ and keep their order in a program.

extension Operator {
    static let rand: Operator = drawing("rand(SymInt[] size, *, \(options)) -> Tensor", "Uniform numbers from 0 (included) to 1.") { _ in
        .uniform(low: 0, high: 1)
    }
    static let randLike: Operator = drawing(
        "rand_like(Tensor self, *, \(likeOptions)) -> Tensor", "Uniform numbers from 0 (included) to 1."
    ) { _ in
        .uniform(low: 0, high: 1)
    }
    static let randn: Operator = drawing("randn(SymInt[] size, *, \(options)) -> Tensor", "Numbers of the standard normal distribution.") {
        _ in
        .normal(mean: 0, deviation: 1)
    }
    static let randnLike: Operator = drawing(
        "randn_like(Tensor self, *, \(likeOptions)) -> Tensor", "Numbers of the standard normal distribution."
    ) { _ in
        .normal(mean: 0, deviation: 1)
    }

    static let randint: Operator = drawing(
        "randint(SymInt high, SymInt[] size, *, \(options.replacingDefaultDType)) -> Tensor", "Uniform integers from 0 to below `high`."
    ) { call in .integers(low: 0, high: try call.constant(0)) }
    static let randintLow: Operator = drawing(
        "randint.low(SymInt low, SymInt high, SymInt[] size, *, \(options.replacingDefaultDType)) -> Tensor",
        "Uniform integers from `low` to below `high`. An error where the dtype does not hold the bounds; where PyTorch rounds out of them, another of its numbers within them."
    ) { call in .integers(low: try call.constant(0), high: try call.constant(1)) }
    static let randintLike: Operator = drawing(
        "randint_like(Tensor self, SymInt high, *, \(likeOptions)) -> Tensor",
        "Uniform integers from 0 to below `high`, in a tensor's shape and dtype."
    ) { call in .integers(low: 0, high: try call.constant(1)) }
    static let randintLikeLow: Operator = drawing(
        "randint_like.low_dtype(Tensor self, SymInt low, SymInt high, *, \(likeOptions)) -> Tensor",
        "Uniform integers from `low` to below `high`, in a tensor's shape and dtype."
    ) { call in .integers(low: try call.constant(1), high: try call.constant(2)) }

    static let randperm: Operator = drawing(
        "randperm(SymInt n, *, \(options.replacingDefaultDType)) -> Tensor",
        "A random order of 0, 1 ... n - 1; int64 unless asked for otherwise."
    ) { call in .permutation(count: try call.int(0)) }

    static let bernoulliP: Operator = drawing(
        "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
        "1 with probability `p`, else 0, in a tensor's shape and dtype."
    ) { call in .bernoulli(try call.double(1)) }
    static let normalFloats: Operator = drawing(
        "normal.float_float(float mean, float std, SymInt[] size, *, Generator? generator=None, \(options)) -> Tensor",
        "Numbers of a normal distribution."
    ) { call in .normal(mean: try call.double(0), deviation: try call.double(1)) }
    static let normalFunctional: Operator = drawing(
        "normal_functional(Tensor self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor",
        "Numbers of a normal distribution, in a tensor's shape and dtype."
    ) { call in .normal(mean: try call.double(1), deviation: try call.double(2)) }
    static let uniform: Operator = drawing(
        "uniform(Tensor self, float from=0., float to=1., *, Generator? generator=None) -> Tensor",
        "Uniform numbers from `from` (included) to `to`, in a tensor's shape and dtype."
    ) { call in .uniform(low: try call.double(1), high: try call.double(2)) }
    static let exponential: Operator = drawing(
        "exponential(Tensor self, float lambd=1., *, Generator? generator=None) -> Tensor",
        "Numbers of the exponential distribution with rate `lambd`, in a tensor's shape and dtype."
    ) { call in .exponential(rate: try call.double(1)) }

    static let bernoulli: Operator = Operator(
        "aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
        "1 with the probability that stands in the tensor, else 0. Floating-point tensors only; another number than one from 0 to 1 is an error.",
        effects: .random,
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            var (input, out) = (x.view, outputs[0].view)
            let status = apus_random_bernoulli_tensor(RandomGenerator.default.take(x.layout.count), &input, &out)
            withExtendedLifetime((x, outputs)) {}
            if status == Int32(APUS_INVALID_ARGUMENT.rawValue) {
                throw call.error(.invalidArgument, "the probabilities must lie between 0 and 1")
            }
            try check(status, call)
        },
        gradient: cut, samples: { [[.tensor(try .sample([2, 3], in: 0...1)), .none]] })

    static let multinomial: Operator = Operator(
        "aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor",
        "Draws positions with the weights of each row, [categories] or [rows, categories], in int64. Weights must be finite, not negative, and not all 0.",
        effects: .random,
        failure: ValueFailure(.invalidArgument, "weights must be finite, not negative, and enough of them not 0 in each row") { call in
            let x = try call.tensor(0)
            let needed: SymInt = try call.bool(2) ? 1 : call.int(1)
            let isWeight: Tensor = try x.isfinite() & (x .>= 0)
            return try isWeight.all() & ((x .> 0).to(.int64).sum(dim: -1) .>= needed).all()
        },
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
            guard x.rank == 1 || x.rank == 2 else { throw call.error(.shapeMismatch, "needs one or two dimensions, not shape \(x.shape)") }
            let draws: SymInt = try call.int(1)
            try require(draws > 0, call.error(.invalidArgument, "the number of draws must be positive: \(draws)"))
            if try !call.bool(2) {
                try require(
                    draws <= x.shape[x.rank - 1],
                    call.error(.invalidArgument, "can't draw \(draws) of \(x.shape[x.rank - 1]) without replacement"))
            }
            return [TensorSpec(.int64, try Shape(x.shape.sizes.dropLast() + [draws], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let x: Tensor = try call.tensor(0).contiguous()
            var (weights, out) = (x.view, outputs[0].view)
            let replacement: Bool = try call.bool(2)
            // A number for each draw; without replacement one for each weight, by which all are ordered.
            let place = RandomGenerator.default.take(replacement ? outputs[0].layout.count : x.layout.count)
            let status = apus_random_multinomial(place, replacement, &weights, &out)
            withExtendedLifetime((x, outputs)) {}
            if status == Int32(APUS_INVALID_ARGUMENT.rawValue) {
                throw call.error(.invalidArgument, "weights must be finite, not negative, and enough of them not 0 in each row")
            }
            try check(status, call)
        },
        gradient: cut, samples: { [[.tensor(try .sample([2, 5], in: 0.1...1)), .int(3), .bool(false), .none]] })

    static let randoms: [Operator] = [
        rand, randLike, randn, randnLike, randint, randintLow, randintLike, randintLikeLow, randperm, bernoulliP, normalFloats,
        normalFunctional,
        uniform, exponential, bernoulli, multinomial,
    ]

    /// An operator that fills a fresh tensor with random numbers.
    private static func drawing(
        _ schema: String, _ documentation: String, _ drawing: @escaping @Sendable (Call) throws -> Drawing
    ) -> Operator {
        let parsed = try? Schema("aten::" + schema)
        let (size, dtype, like, n) = (
            parsed?.index(of: "size"), parsed?.index(of: "dtype"), parsed?.index(of: "self"), parsed?.index(of: "n")
        )
        // Where no dtype is given; `randint` has a default of its own, which is given to it.
        let natural: DType = n == nil ? .float32 : .int64
        return Operator(
            "aten::" + schema, documentation, effects: .random,
            rule: { call in
                let shape: Shape =
                    try size.map { try Shape(call.ints($0), in: call.name) } ?? n.map { try Shape([call.int($0)], in: call.name) }
                    ?? like.map { try call.tensor($0).shape } ?? .scalar
                let result: DType = try dtype.flatMap { try call.dtype($0) } ?? like.map { try call.tensor($0).dtype } ?? natural
                try drawing(call).check(result, in: call.name)
                return [TensorSpec(result, shape)]
            },
            kernel: .compute { call, outputs in
                try drawing(call).fill(outputs[0], from: RandomGenerator.default.take(outputs[0].layout.count), call)
            },
            gradient: cut, drawing: drawing,
            samples: {
                [
                    try (parsed?.parameters ?? []).map { parameter in
                        switch parameter.name {
                        case "self": .tensor(try .sample([2, 3]))
                        case "size": .ints([2, 3])
                        case "high", "n": .int(7)
                        case "low": .int(2)
                        case "p": .double(0.5)
                        case "mean", "from": .double(0)
                        case "std", "to", "lambd": .double(1.5)
                        case "dtype" where parameter.defaultText == "4": .dtype(.int64)
                        default: .none
                        }
                    }
                ]
            })
    }
}

extension Tensor {
    /// Uniform numbers from 0 (included) to 1; of the default generator, or of a seed's own stream.
    public static func rand(_ sizes: [any SymIntConvertible], dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try draw(.rand, [.ints(sizes), .dtype(dtype), .none, .none, .none], seed: seed)
    }

    /// Uniform numbers of another tensor's shape, from 0 (included) to 1.
    public static func rand(_ shape: Shape, dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try rand(shape.sizes, dtype: dtype, seed: seed)
    }

    /// Numbers of the standard normal distribution of another tensor's shape.
    public static func randn(_ shape: Shape, dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try randn(shape.sizes, dtype: dtype, seed: seed)
    }

    /// Numbers of the standard normal distribution; of the default generator, or of a seed's own stream.
    public static func randn(_ sizes: [any SymIntConvertible], dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try draw(.randn, [.ints(sizes), .dtype(dtype), .none, .none, .none], seed: seed)
    }

    /// Uniform integers from `low` (included) to `high` (not included); of the default generator, or of a seed's own stream.
    public static func randint(
        _ low: any SymIntConvertible, _ high: any SymIntConvertible, _ sizes: [any SymIntConvertible], dtype: DType = .int64,
        seed: UInt64? = nil
    ) throws -> Tensor {
        try draw(.randintLow, [.int(low), .int(high), .ints(sizes), .dtype(dtype), .none, .none, .none], seed: seed)
    }

    /// Uniform integers from 0 to below `high`; of the default generator, or of a seed's own stream.
    public static func randint(_ high: any SymIntConvertible, _ sizes: [any SymIntConvertible], dtype: DType = .int64, seed: UInt64? = nil)
        throws -> Tensor
    {
        try randint(0, high, sizes, dtype: dtype, seed: seed)
    }

    /// A random order of 0, 1 ... n - 1; of the default generator, or of a seed's own stream.
    public static func randperm(_ n: any SymIntConvertible, dtype: DType = .int64, seed: UInt64? = nil) throws -> Tensor {
        try draw(.randperm, [.int(n), .dtype(dtype), .none, .none, .none], seed: seed)
    }

    /// Numbers of a normal distribution; of the default generator, or of a seed's own stream.
    public static func normal(
        mean: any ScalarConvertible = 0, deviation: any ScalarConvertible = 1, _ sizes: [any SymIntConvertible], dtype: DType = .float32,
        seed: UInt64? = nil
    ) throws -> Tensor {
        try draw(
            .normalFloats, [.float(mean), .float(deviation), .ints(sizes), .none, .dtype(dtype), .none, .none, .none], seed: seed)
    }

    /// Uniform numbers from `low` (included) to `high`; of the default generator, or of a seed's own stream.
    public static func uniform(
        _ low: any ScalarConvertible, _ high: any ScalarConvertible, _ sizes: [any SymIntConvertible], dtype: DType = .float32,
        seed: UInt64? = nil
    ) throws -> Tensor {
        try draw(.uniform, [.tensor(.zeros(sizes, dtype: dtype)), .float(low), .float(high), .none], seed: seed)
    }

    /// Uniform numbers from 0 (included) to 1 in this tensor's shape and dtype.
    public func randLike(seed: UInt64? = nil) throws -> Tensor {
        try Tensor.draw(.randLike, [.tensor(self), .none, .none, .none, .none, .none], seed: seed)
    }

    /// Numbers of the standard normal distribution in this tensor's shape and dtype.
    public func randnLike(seed: UInt64? = nil) throws -> Tensor {
        try Tensor.draw(.randnLike, [.tensor(self), .none, .none, .none, .none, .none], seed: seed)
    }

    /// 1 with the probability that stands in this tensor, else 0.
    public func bernoulli() throws -> Tensor { try applySingle(.bernoulli, [.tensor(self), .none]) }

    /// 1 with probability `p`, else 0, in this tensor's shape and dtype; of the default generator, or of a seed's own stream.
    public func bernoulli(p: any ScalarConvertible, seed: UInt64? = nil) throws -> Tensor {
        try Tensor.draw(.bernoulliP, [.tensor(self), .float(p), .none], seed: seed)
    }

    /// Positions drawn with the weights of each row.
    public func multinomial(_ draws: any SymIntConvertible, replacement: Bool = false) throws -> Tensor {
        try applySingle(.multinomial, [.tensor(self), .int(draws), .bool(replacement), .none])
    }

    /// Uniform integers from `low` (included) to `high` (not included) in this tensor's shape and dtype.
    public func randintLike(_ low: any SymIntConvertible, _ high: any SymIntConvertible, seed: UInt64? = nil) throws -> Tensor {
        try Tensor.draw(.randintLikeLow, [.tensor(self), .int(low), .int(high), .none, .none, .none, .none, .none], seed: seed)
    }

    /// Numbers of an exponential distribution in this tensor's shape and dtype.
    public func exponential(rate: any ScalarConvertible = 1, seed: UInt64? = nil) throws -> Tensor {
        try Tensor.draw(.exponential, [.tensor(self), .float(rate), .none], seed: seed)
    }
}
