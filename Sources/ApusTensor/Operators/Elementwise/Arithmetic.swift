import ApusSymbolic
import CApusKernels

// Addition, subtraction, multiplication and division.

extension Operator {
    static let addTensor: Operator = scaled(
        "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sign: 1,
        "The sum `self + alpha * other`, elementwise with broadcasting, in the promoted dtype.")

    static let addScalar: Operator = scaled(
        "aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sign: 1,
        "The sum `self + alpha * other` with a number.", number: 2.5)

    static let subTensor: Operator = scaled(
        "aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sign: -1,
        "The difference `self - alpha * other`, elementwise with broadcasting, in the promoted dtype, which must not be bool.")

    static let subScalar: Operator = scaled(
        "aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sign: -1,
        "The difference `self - alpha * other` with a number.", number: 2.5)

    static let mulTensor: Operator = binary(
        "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", APUS_OP_MUL,
        "The product, elementwise with broadcasting, in the promoted dtype.", gradient: productGradient)

    static let mulScalar: Operator = binary(
        "aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", APUS_OP_MUL, "The product with a number.", gradient: productGradient,
        number: 1.5)

    static let divTensor: Operator = binary(
        "aten::div.Tensor(Tensor self, Tensor other) -> Tensor", APUS_OP_DIV, in: .floating,
        "The quotient, elementwise with broadcasting, in the promoted dtype; float32 for integers. Division by zero gives infinities and NaN.",
        gradient: divisionGradient, domain: 0.5...3)

    static let divScalar: Operator = binary(
        "aten::div.Scalar(Tensor self, Scalar other) -> Tensor", APUS_OP_DIV, in: .floating,
        "The quotient by a number; float32 for integers.",
        gradient: divisionGradient, number: 1.5)

    static let arithmetic: [Operator] = [
        addTensor, addScalar, subTensor, subScalar, mulTensor, mulScalar, divTensor, divScalar,
    ]

    /// `self ± alpha * other`. The kernels have a plain and a scaled form.
    private static func scaled(_ schema: String, sign: Double, _ documentation: String, number: Scalar? = nil) -> Operator {
        let plain = Pointwise(sign > 0 ? APUS_OP_ADD : APUS_OP_SUB, arity: 2)
        let weighted = Pointwise(APUS_OP_ADD_SCALED, arity: 2, taking: sign > 0 ? .all : .numbers) { call, compute in
            try call.parameter(2, compute, scale: sign)
        }
        return elementwise(
            schema, documentation, plain,
            form: { call in
                let alpha: Scalar = try call.scalar(2)
                if alpha.isKnown(1), !alpha.isBool { return plain }
                try call.requireFactor(alpha, for: try weighted.computeDType(call))
                return weighted
            },
            gradient: { g in
                let alpha: Scalar = try g.call.scalar(2)
                return try g.binary(
                    { $0 },
                    { gradient in
                        let scaled: Tensor = try alpha.isKnown(1) ? gradient : gradient * g.call.tensorOfScalar(2).conj()
                        return sign < 0 ? try scaled.neg() : scaled
                    })
            },
            samples: {
                if let number {
                    return try plain.unarySamples(-2...2, [.scalar(number), .int(1)]) + plain.unarySamples(-2...2, [.int(3), .int(2)])
                }
                return try plain.binarySamples(-2...2, [.int(1)]) + plain.binarySamples(-2...2, [.int(2)])
            })
    }

    private static let productGradient: Gradient = { g in
        try g.binary({ gradient in try gradient * g.call.operand(1) }, { gradient in try gradient * g.call.operand(0) })
    }

    static let divisionGradient: Gradient = { g in
        try g.binary(
            { gradient in try gradient / g.call.operand(1) },
            { gradient in
                // The quotient over the divisor: neither the divisor's square nor the dividend times the gradient may fit the dtype.
                let quotient: Tensor = try g.outputs[0].conj().wide()
                return try (gradient.wide() * (quotient / g.call.wideOperand(1))).neg()
            })
    }
}

extension Call {
    /// Refuses a factor that is no integer for tensors that are, a bool for tensors that are not, and one that the dtype can't hold.
    fileprivate func requireFactor(_ factor: Scalar, for compute: DType) throws {
        switch factor {
        case .bool where compute != .bool: throw error(.dtypeMismatch, "the factor \(factor) is a bool, but the tensors are of \(compute)")
        case .float where !compute.isDifferentiable, .complex where !compute.isDifferentiable:
            throw error(.dtypeMismatch, "the factor \(factor) is no integer, but the tensors are of \(compute)")
        default: try requireFits(factor, compute.accumulation)
        }
    }

    /// A number as the micro-operation's parameter `x` (`i` where it is computed in integers).
    func parameter(_ index: Int, _ compute: DType, scale: Double = 1) throws -> apus_params {
        var parameters = apus_params()
        let scalar = try self.scalar(index)
        guard let value = scalar.doubleValue else { throw unknown(scalar) }
        parameters.x = scale * value
        if case .complex(let z) = scalar { parameters.x_imaginary = scale * z.imaginary }
        if let integer = scalar.intValue { parameters.i = scale < 0 ? 0 &- Int64(integer) : Int64(integer) }
        return parameters
    }
}

extension Tensor {
    /// `self + alpha * other`, broadcast, in the promoted dtype.
    public func add(_ other: Tensor, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addTensor, [.tensor(self), .tensor(other), .scalar(alpha.scalar)])
    }

    /// `self - alpha * other`, broadcast, in the promoted dtype.
    public func sub(_ other: Tensor, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.subTensor, [.tensor(self), .tensor(other), .scalar(alpha.scalar)])
    }

    /// The sum, elementwise. Shapes are broadcast; the dtype is the promoted one of both (of truth values: whether either is true). Throws where the
    /// shapes do not broadcast.
    public static func + (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.addTensor, a, b) { [.tensor(a), .tensor(b), .int(1)] }
    }
    /// Each element plus a number. The tensor keeps its dtype unless the number is of a higher kind, as 0.5 is beside integers: that gives
    /// float32.
    public static func + (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.addTensor, [.tensor(a), .scalar(b.scalar), .int(1)])
    }
    /// A number plus each element, as the sum the other way round.
    public static func + (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try b + a }

    /// The difference, elementwise. Shapes are broadcast; the dtype is the promoted one of both. Throws where the shapes do not broadcast, and for
    /// truth values.
    public static func - (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.subTensor, a, b) { [.tensor(a), .tensor(b), .int(1)] }
    }
    /// Each element minus a number. The dtype is that of a sum with the number; truth values are refused.
    public static func - (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.subTensor, [.tensor(a), .scalar(b.scalar), .int(1)])
    }
    /// A number minus each element. The dtype is that of a sum with the number; truth values are refused.
    public static func - (a: some ScalarConvertible, b: Tensor) throws -> Tensor {
        try applySingle(.subTensor, [.scalar(a.scalar), .tensor(b), .int(1)])
    }

    /// The product, elementwise; of matrices it is ``Tensor/matmul(_:)``. Shapes are broadcast; the dtype is the promoted one of both (of truth values:
    /// whether both are true). Throws where the shapes do not broadcast.
    public static func * (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.mulTensor, a, b) { [.tensor(a), .tensor(b)] }
    }
    /// Each element times a number. The dtype is that of a sum with the number.
    public static func * (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.mulTensor, [.tensor(a), .scalar(b.scalar)])
    }
    /// A number times each element, as the product the other way round.
    public static func * (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try b * a }

    /// The quotient, elementwise. Shapes are broadcast; the dtype is the promoted one of both, and float32 for integers and truth values:
    /// `floorDivide` keeps those. Divided by zero it is an infinity or NaN. Throws where the shapes do not broadcast.
    public static func / (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.divTensor, a, b) { [.tensor(a), .tensor(b)] }
    }
    /// Each element divided by a number; float32 for integers and truth values.
    public static func / (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.divTensor, [.tensor(a), .scalar(b.scalar)])
    }
    /// A number divided by each element; float32 for integers and truth values.
    public static func / (a: some ScalarConvertible, b: Tensor) throws -> Tensor {
        try applySingle(.divTensor, [.scalar(a.scalar), .tensor(b)])
    }

    /// The product, broadcast, in the promoted dtype: `self * other`.
    public func mul(_ other: Tensor) throws -> Tensor { try self * other }
}
