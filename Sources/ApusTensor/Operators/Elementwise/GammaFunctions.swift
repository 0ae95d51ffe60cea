import ApusSymbolic
import CApusKernels

// Functions about the gamma function: its logarithm's derivatives, in several variables, and the zeta function behind them. Integers and bool
// are computed in float32.

extension Operator {
    static let lgamma: Operator = unary(
        "aten::lgamma(Tensor self) -> Tensor", APUS_OP_LGAMMA, in: .floating,
        "The logarithm of the magnitude of the gamma function, elementwise.",
        gradient: derivative { x in try x.digamma() }, domain: 0.1...5)

    static let digamma: Operator = unary(
        "aten::digamma(Tensor self) -> Tensor", APUS_OP_DIGAMMA, in: .floating, "The derivative of `lgamma`, elementwise.",
        gradient: derivative { x in try x.polygamma(1) }, domain: 0.1...5)

    static let polygamma: Operator = derivativeOfDigamma("polygamma")
    static let specialPolygamma: Operator = derivativeOfDigamma("special_polygamma")

    static let mvlgamma: Operator = composite(
        "aten::mvlgamma(Tensor self, int p) -> Tensor",
        "The logarithm of the multivariate gamma function of dimension `p`: `p (p - 1) / 4 * log(pi)` and the sum of `lgamma(x - j / 2)` over j "
            + "below p. Elements must be above `(p - 1) / 2`; others give what that sum gives.",
        samples: {
            [[.tensor(try .sample([2, 3], in: 1.5...4)), .int(3)], [.tensor(try .sample([2], dtype: .float64, in: 1...4)), .int(1)]]
        }
    ) { call in
        let (x, p) = (try call.tensor(0), try call.constant(1))
        guard p >= 1, p <= 10_000 else { throw call.error(.invalidArgument, "p must lie between 1 and 10000, not at \(p)") }
        guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
        let halves: Tensor = try Tensor.arange(p, dtype: x.dtype.floating) * 0.5
        let constant: Double = Double(p) * Double(p - 1) / 4 * 1.1447298858494002
        return [.tensor(try (x.unsqueezed(-1) - halves).lgamma().sum(dim: -1) + constant)]
    }

    static let zeta: Operator = binary(
        "aten::special_zeta(Tensor self, Tensor other) -> Tensor", APUS_OP_ZETA, in: .floating, taking: .realNumbers,
        "The Hurwitz zeta function, the sum of `(k + other)^-self` over k = 0, 1, 2 ...; not differentiable by its exponent. It goes to 0 far out, where "
            + "PyTorch gives NaN.",
        gradient: { g in
            if g.isWanted(0) { throw g.call.error(.notDifferentiable, "is not differentiable by its exponent") }
            let (x, q) = (try g.call.wideOperand(0), try g.call.wideOperand(1))
            return try g.binary({ $0 }, { gradient in try gradient.wide() * (x.neg() * (x + 1).zeta(q)) })
        }, domain: 1.5...4)

    static let igamma: Operator = incompleteGamma("igamma", APUS_OP_IGAMMA, "The regularised lower incomplete gamma function", sign: 1)
    static let igammac: Operator = incompleteGamma("igammac", APUS_OP_IGAMMAC, "The regularised upper incomplete gamma function", sign: -1)

    static let gammaFunctions: [Operator] = [
        lgamma, digamma, polygamma, specialPolygamma, mvlgamma, zeta, igamma, igammac,
        withNumber("aten::special_zeta.other_scalar(Tensor self, Scalar other) -> Tensor", zeta, 2.5),
        withNumber("aten::special_zeta.self_scalar(Scalar self, Tensor other) -> Tensor", zeta, 2.5),
        alias("aten::special_gammainc(Tensor self, Tensor other) -> Tensor", of: igamma),
        alias("aten::special_gammaincc(Tensor self, Tensor other) -> Tensor", of: igammac),
        alias("aten::special_gammaln(Tensor self) -> Tensor", of: lgamma),
        alias("aten::special_digamma(Tensor self) -> Tensor", of: digamma),
        alias("aten::special_psi(Tensor self) -> Tensor", of: digamma),
        alias("aten::special_multigammaln(Tensor self, int p) -> Tensor", of: mvlgamma),
    ]

    private static func incompleteGamma(_ name: String, _ operation: apus_op, _ what: String, sign: Double) -> Operator {
        binary(
            "aten::\(name)(Tensor self, Tensor other) -> Tensor", operation, taking: .floating,
            what + " of `self` at `other`, both not negative; not differentiable by `self`.",
            gradient: { g in
                if g.isWanted(0) { throw g.call.error(.notDifferentiable, "is not differentiable by its first operand") }
                let (a, x): (Tensor, Tensor) = (try g.call.wideOperand(0), try g.call.wideOperand(1))
                return try g.binary(
                    { $0 }, { gradient in try gradient.wide() * ((a - 1).xlogy(x) - x - a.lgamma()).exp() * sign })
            }, domain: 0.2...4)
    }

    /// An operator of two tensors with a number in the place of the one that the schema says.
    static func withNumber(_ schema: String, _ operation: Operator, _ number: Scalar, of dtype: DType = .float32) -> Operator {
        let isFirst: Bool = schema.contains("(Scalar")
        let x: @Sendable () throws -> OperatorArgument = { .tensor(try .sample([2, 3], dtype: dtype, in: 1.5...4)) }
        guard let pointwise = operation.pointwise else { return alias(schema, of: operation) }
        return elementwise(
            schema, "As `\(operation.name)`, with a number for the \(isFirst ? "first" : "second") operand.", pointwise,
            gradient: operation.gradient, samples: { [isFirst ? [.scalar(number), try x()] : [try x(), .scalar(number)]] })
    }

    /// Derivatives of the digamma function: `digamma` itself for n = 0. The number comes before the tensor.
    private static func derivativeOfDigamma(_ name: String) -> Operator {
        @Sendable func form(_ call: Call) throws -> Pointwise {
            let n = try call.constant(0)
            guard n >= 0 else { throw call.error(.invalidArgument, "the number of derivatives is negative: \(n)") }
            if n == 0 { return Pointwise(APUS_OP_DIGAMMA, arity: 1, compute: .floating, firstOperand: 1) }
            return Pointwise(
                APUS_OP_POLYGAMMA, arity: 1, compute: .floating, firstOperand: 1,
                parameters: { call, _ in
                    var parameters = apus_params()
                    parameters.i = Int64(try call.constant(0))
                    return parameters
                })
        }
        return elementwise(
            "aten::\(name)(int n, Tensor self) -> Tensor", "Derivative number `n` of the digamma function, elementwise.",
            Pointwise(APUS_OP_DIGAMMA, arity: 1, compute: .floating, firstOperand: 1), form: { try form($0) },
            gradient: { g in
                let (n, x) = (try g.call.constant(0), try g.call.tensor(1))
                guard n < Int.max else { throw g.call.error(.notDifferentiable, "has no derivative number \(n)") }
                return [.none, .tensor(try (g.gradient.wide() * x.wide().polygamma(n + 1)).to(x.dtype))]
            },
            samples: {
                try (0...3).map { [.int($0), .tensor(try .sample([2, 3], in: 0.2...4))] }
                    + [
                        [.int(2), .tensor(try .sample([3], dtype: .float64, in: -3.7...(-3.2)))],
                        [.int(1), .tensor(try .sample([4], dtype: .int64, in: 1...9))],
                    ]
            })
    }
}

extension Tensor {
    /// The logarithm of the magnitude of the gamma function, elementwise.
    public func lgamma() throws -> Tensor { try applyPointwise(.lgamma, self) }
    /// The derivative of `lgamma`, elementwise.
    public func digamma() throws -> Tensor { try applyPointwise(.digamma, self) }
    /// Derivative number `n` of the digamma function, elementwise.
    public func polygamma(_ n: any SymIntConvertible) throws -> Tensor { try applySingle(.polygamma, [.int(n), .tensor(self)]) }
    /// The logarithm of the multivariate gamma function of dimension `p`.
    public func mvlgamma(_ p: any SymIntConvertible) throws -> Tensor { try applySingle(.mvlgamma, [.tensor(self), .int(p)]) }
    /// The Hurwitz zeta function with this exponent, the sum of `(k + q)^-self` over k = 0, 1, 2 ..., elementwise with broadcasting.
    public func zeta(_ q: Tensor) throws -> Tensor { try applySingle(.zeta, [.tensor(self), .tensor(q)]) }
    /// The regularised lower incomplete gamma function of this tensor at `x`, both not negative, elementwise with broadcasting.
    public func igamma(_ x: Tensor) throws -> Tensor { try applySingle(.igamma, [.tensor(self), .tensor(x)]) }
    /// `1 - igamma(x)`, exact where that is near 0.
    public func igammac(_ x: Tensor) throws -> Tensor { try applySingle(.igammac, [.tensor(self), .tensor(x)]) }
}
