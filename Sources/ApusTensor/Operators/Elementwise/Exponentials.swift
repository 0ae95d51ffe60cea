import ApusSymbolic
import CApusKernels

// Powers, roots, exponentials and logarithms, elementwise. Integers and bool are computed in float32 unless said otherwise.

extension Operator {
    static let exp: Operator = unary(
        "aten::exp(Tensor self) -> Tensor", APUS_OP_EXP, in: .floating, "The exponential, elementwise.",
        gradient: derivativeFromResult { $0 })

    static let exp2: Operator = unary(
        "aten::exp2(Tensor self) -> Tensor", APUS_OP_EXP2, in: .floating, "Two to the power of each element.",
        gradient: derivativeFromResult { y in try y * 0.6931471805599453 })

    static let expm1: Operator = unary(
        "aten::expm1(Tensor self) -> Tensor", APUS_OP_EXPM1, in: .floating, "`exp(x) - 1`, exact where x is near 0.",
        gradient: derivative { x in try x.exp() })

    static let log: Operator = unary(
        "aten::log(Tensor self) -> Tensor", APUS_OP_LOG, in: .floating,
        "The natural logarithm, elementwise: -inf at 0, NaN for negative real numbers.",
        gradient: derivative(1, over: { x in x }), domain: 0.1...3)

    static let log2: Operator = unary(
        "aten::log2(Tensor self) -> Tensor", APUS_OP_LOG2, in: .floating, "The logarithm to base 2, elementwise.",
        gradient: derivative(1.4426950408889634, over: { x in x }), domain: 0.1...3)

    static let log10: Operator = unary(
        "aten::log10(Tensor self) -> Tensor", APUS_OP_LOG10, in: .floating, "The logarithm to base 10, elementwise.",
        gradient: derivative(0.4342944819032518, over: { x in x }), domain: 0.1...3)

    static let log1p: Operator = unary(
        "aten::log1p(Tensor self) -> Tensor", APUS_OP_LOG1P, in: .floating, "`log(1 + x)`, exact where x is near 0.",
        gradient: derivative(1, over: { x in try x + 1 }), domain: -0.9...3)

    static let sqrt: Operator = unary(
        "aten::sqrt(Tensor self) -> Tensor", APUS_OP_SQRT, in: .floating, "The square root, elementwise: NaN for negative real numbers.",
        gradient: derivativeFromResult { y in try 0.5 / y }, domain: 0.1...3)

    static let rsqrt: Operator = unary(
        "aten::rsqrt(Tensor self) -> Tensor", APUS_OP_RSQRT, in: .floating, "One over the square root, elementwise.",
        gradient: derivativeFromResult { y in try y * -0.5 * y * y }, domain: 0.1...3)

    static let reciprocal: Operator = unary(
        "aten::reciprocal(Tensor self) -> Tensor", APUS_OP_RECIPROCAL, in: .floating, "One over each element.",
        gradient: derivativeFromResult { y in try (y * y).neg() }, domain: 0.1...3)

    static let square: Operator = unary(
        "aten::square(Tensor self) -> Tensor", APUS_OP_SQUARE, in: .integerForBool, "The square, elementwise; int64 for bool.",
        gradient: derivative { x in try x * 2 })

    // MARK: Powers

    static let powTensorScalar: Operator = {
        let pointwise = Pointwise(APUS_OP_POW_SCALAR, arity: 1, taking: .numbers, promoting: [1], parameters: Pointwise.numbers(1))
        return elementwise(
            "aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
            "Each element to the power of a number, in the promoted dtype. Integers to a negative integer power are an error.",
            pointwise,
            gradient: { g in
                let exponent: Scalar = try g.call.scalar(1)
                return try g.unary { gradient, x in
                    if try g.call.isZero(1) { return try x.zerosLike() }
                    let power: Tensor = try x.wide().pow(exponent.decremented)
                    return try gradient * (power * exponent).conj()
                }
            },
            samples: {
                let exponents: [Scalar] = [2, 3, 0.5, 0, 1.5]
                return try exponents.flatMap { try pointwise.unarySamples(0.1...3, [.scalar($0)]).prefix(4) }
                    + pointwise.unarySamples(-2...2, [.scalar(3)])
            })
    }()

    static let powTensor: Operator = binary(
        "aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor", APUS_OP_POW, taking: .numbers,
        "Elements to the powers of other elements, in the promoted dtype. Integers to a negative integer power are an error.",
        gradient: { g in
            let (x, e): (Tensor, Tensor) = (try g.call.tensor(0).wide(), try g.call.tensor(1).wide())
            return try g.binary(
                { gradient in
                    let slope: Tensor = try (x.pow(e - 1) * e).conj()
                    return try (gradient.wide() * slope).maskedFill(e .== 0, 0)
                }, { gradient in try gradient.wide() * exponentSlope(g, x, e) })
        }, domain: 0.1...3)

    static let powScalar: Operator = elementwise(
        "aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor", "A number to the power of each element, in the promoted dtype.",
        Pointwise(APUS_OP_POW, arity: 2, taking: .numbers),
        gradient: { g in
            let base: Tensor = try g.call.wideOperand(0).conj()
            return [.none, try g.reduced(g.gradient.wide() * exponentSlope(g, base, g.call.tensor(1).wide()), to: 1)]
        },
        samples: {
            [
                [.double(1.5), .tensor(try .sample([2, 3]))], [.int(2), .tensor(try .sample([2, 3], dtype: .int64))],
                [.double(2), .tensor(try .sample([3], dtype: .int64))], [.int(3), .tensor(try .sample([2], dtype: .complex64))],
            ]
        })

    /// The derivative of a power by its exponent, `power * log(base)`, conjugated. The powers of 0 are flat where the exponent is not negative.
    private static func exponentSlope(_ g: GradientCall, _ base: Tensor, _ exponent: Tensor) throws -> Tensor {
        // A small power that a half has rounded has no digits left.
        let power: Tensor = try g.outputs[0].dtype.byteWidth == 2 ? base.pow(exponent) : g.outputs[0]
        let isFlat: Tensor = try (base .== 0) & (exponent.realPart() .>= 0)
        return try (power * base.maskedFill(isFlat, 1).log()).conj()
    }

    static let exponentials: [Operator] = [
        exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, reciprocal, square, powTensorScalar, powTensor, powScalar,
    ]
}

extension Scalar {
    /// The number less one, of the same kind.
    fileprivate var decremented: Scalar {
        switch self {
        case .bool(let value): .int(SymInt(value ? 0 : -1))
        case .int(let value): .int(value - 1)
        case .float(let value): .float(value - 1)
        case .complex(let value): .complex(value - 1)
        }
    }
}

extension Tensor {
    /// The exponential, elementwise; float32 for integers.
    public func exp() throws -> Tensor { try applyPointwise(.exp, self) }
    /// Two to the power of each element; float32 for integers.
    public func exp2() throws -> Tensor { try applyPointwise(.exp2, self) }
    /// `exp(x) - 1`, exact where x is near 0.
    public func expm1() throws -> Tensor { try applyPointwise(.expm1, self) }
    /// The natural logarithm, elementwise; float32 for integers.
    public func log() throws -> Tensor { try applyPointwise(.log, self) }
    /// The logarithm to base 2, elementwise.
    public func log2() throws -> Tensor { try applyPointwise(.log2, self) }
    /// The logarithm to base 10, elementwise.
    public func log10() throws -> Tensor { try applyPointwise(.log10, self) }
    /// `log(1 + x)`, exact where x is near 0.
    public func log1p() throws -> Tensor { try applyPointwise(.log1p, self) }
    /// The square root, elementwise; float32 for integers.
    public func sqrt() throws -> Tensor { try applyPointwise(.sqrt, self) }
    /// One over the square root, elementwise.
    public func rsqrt() throws -> Tensor { try applyPointwise(.rsqrt, self) }
    /// One over each element; float32 for integers.
    public func reciprocal() throws -> Tensor { try applyPointwise(.reciprocal, self) }
    /// The square, elementwise.
    public func square() throws -> Tensor { try applyPointwise(.square, self) }

    /// Each element to the power of a number, in the promoted dtype.
    public func pow(_ exponent: some ScalarConvertible) throws -> Tensor {
        try applySingle(.powTensorScalar, [.tensor(self), .scalar(exponent.scalar)])
    }

    /// Elements to the powers of other elements, broadcast, in the promoted dtype.
    public func pow(_ exponent: Tensor) throws -> Tensor {
        try applyPointwise(.powTensor, self, exponent) { [.tensor(self), .tensor(exponent)] }
    }

    /// A number to the power of each element.
    public static func pow(_ base: some ScalarConvertible, _ exponent: Tensor) throws -> Tensor {
        try applySingle(.powScalar, [.scalar(base.scalar), .tensor(exponent)])
    }
}
