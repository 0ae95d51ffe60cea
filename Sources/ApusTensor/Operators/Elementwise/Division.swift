import ApusSymbolic
import CApusKernels

// Division with rounding, its remainders, and subtraction the other way round.

extension Operator {
    static let divTensorMode: Operator = rounded(
        "aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor",
        "The quotient, rounded down (`floor`), towards 0 (`trunc`) or not. Rounded quotients of integers are integers; dividing those by 0 is an error.",
        modes: ["floor", "trunc", nil])

    static let divScalarMode: Operator = rounded(
        "aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor",
        "The quotient by a number, rounded as asked for.",
        modes: ["floor", "trunc", nil], number: 2.5)

    static let floorDivide: Operator = rounded(
        "aten::floor_divide(Tensor self, Tensor other) -> Tensor", "The quotient rounded down. Dividing integers by 0 is an error.",
        modes: [])

    static let floorDivideScalar: Operator = rounded(
        "aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor", "The quotient by a number, rounded down.", modes: [], number: 2)

    static let remainder: OperatorPair = .binary(
        "remainder", APUS_OP_REMAINDER, taking: .realNumbers,
        "The remainder, with the divisor's sign, zeros too, which have the dividend's in PyTorch. Dividing integers by 0 is an error.",
        gradient: { g in
            try g.binary(
                { $0 },
                { gradient in
                    try (gradient.wide() * g.call.wideOperand(0).div(g.call.wideOperand(1), rounding: .floor)).neg()
                })
        }, domain: 0.5...5)

    static let fmod: OperatorPair = .binary(
        "fmod", APUS_OP_FMOD, taking: .realNumbers,
        "The remainder, with the dividend's sign, also where the quotient overflows, of which PyTorch makes NaN. Dividing integers by 0 is an error.",
        gradient: { g in
            try g.binary(
                { $0 },
                { gradient in
                    try (gradient.wide() * g.call.wideOperand(0).div(g.call.wideOperand(1), rounding: .trunc)).neg()
                })
        }, domain: 0.5...5)

    static let rsubTensor: Operator = composite(
        "aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "`other - alpha * self`.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2)), .int(2)]] },
        { call in [.tensor(try applySingle(.subTensor, [call[1], call[0], call[2]]))] })

    static let rsubScalar: Operator = composite(
        "aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "`other - alpha * self` from a number.",
        samples: { [[.tensor(try .sample([2, 3])), .double(1.5), .int(1)]] },
        { call in [.tensor(try applySingle(.subTensor, [call[1], call[0], call[2]]))] })

    static let division: [Operator] =
        [divTensorMode, divScalarMode, floorDivide, floorDivideScalar] + remainder.all + fmod.all + [
            withNumber("aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor", remainder.tensor, 7.5),
            rsubTensor, rsubScalar, alias("aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor", of: divTensor),
            alias("aten::true_divide.Scalar(Tensor self, Scalar other) -> Tensor", of: divScalar),
        ]

    private static let trueDivision = Pointwise(APUS_OP_DIV, arity: 2, compute: .floating)
    private static let floorDivision = Pointwise(APUS_OP_FLOOR_DIV, arity: 2, taking: .realNumbers)
    private static let truncDivision = Pointwise(APUS_OP_TRUNC_DIV, arity: 2, taking: .realNumbers)

    /// A division whose argument 2 says how to round; one with no modes has no such argument and rounds down.
    private static func rounded(_ schema: String, _ documentation: String, modes: [String?], number: Scalar? = nil) -> Operator {
        @Sendable func form(_ call: Call) throws -> Pointwise {
            if modes.isEmpty { return floorDivision }
            switch try call.optionalString(2) {
            case nil: return trueDivision
            case "floor": return floorDivision
            case "trunc": return truncDivision
            case let other?:
                throw call.error(.invalidArgument, "rounding_mode must be 'floor', 'trunc' or absent, not '\(other)'")
            }
        }
        return elementwise(
            schema, documentation, modes.isEmpty ? floorDivision : trueDivision, form: form,
            gradient: { g in
                let isExact: Bool = try form(g.call).operation == APUS_OP_DIV
                return isExact ? try divisionGradient(g) : try g.binary({ try $0.zerosLike() }, { try $0.zerosLike() })
            },
            samples: {
                let modeArguments: [[OperatorArgument]] = modes.isEmpty ? [[]] : modes.map { [$0.map { .string($0) } ?? .none] }
                return try modeArguments.flatMap { mode in
                    if let number { return try floorDivision.unarySamples(-5...5, [.scalar(number)] + mode) }
                    return try floorDivision.binarySamples(0.5...5, mode)
                }
            })
    }
}

extension Tensor {
    /// How a quotient is rounded.
    public enum DivisionRounding: String, Sendable {
        case floor, trunc
    }

    /// The quotient, rounded down or towards 0. Dividing integers by 0 is an error.
    public func div(_ other: Tensor, rounding: DivisionRounding) throws -> Tensor {
        try applySingle(.divTensorMode, [.tensor(self), .tensor(other), .string(rounding.rawValue)])
    }

    /// The quotient by a number, rounded down or towards 0.
    public func div(_ other: some ScalarConvertible, rounding: DivisionRounding) throws -> Tensor {
        try applySingle(.divTensorMode, [.tensor(self), .scalar(other.scalar), .string(rounding.rawValue)])
    }

    /// The quotient rounded down. Dividing integers by 0 is an error.
    public func floorDivide(_ other: Tensor) throws -> Tensor {
        try applyPointwise(.floorDivide, self, other) { [.tensor(self), .tensor(other)] }
    }
    public func floorDivide(_ other: some ScalarConvertible) throws -> Tensor {
        try applySingle(.floorDivide, [.tensor(self), .scalar(other.scalar)])
    }

    /// The remainder, with the divisor's sign. Dividing integers by 0 is an error.
    public static func % (a: Tensor, b: Tensor) throws -> Tensor { try Operator.remainder(a, b) }
    public static func % (a: Tensor, b: some ScalarConvertible) throws -> Tensor { try Operator.remainder(a, b.scalar) }

    /// The remainder, with the dividend's sign. Dividing integers by 0 is an error.
    public func fmod(_ other: Tensor) throws -> Tensor { try Operator.fmod(self, other) }
    public func fmod(_ other: some ScalarConvertible) throws -> Tensor { try Operator.fmod(self, other.scalar) }

    /// The quotient, broadcast: `self / other`.
    public func div(_ other: Tensor) throws -> Tensor { try self / other }

    /// The remainder of floor division, with the sign of the divisor: `self % other`.
    public func remainder(_ other: Tensor) throws -> Tensor { try self % other }
}
