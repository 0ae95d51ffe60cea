import ApusSymbolic
import CApusKernels

// Addition, subtraction, multiplication and division.

extension Operator {
    static let addTensor: Operator = scaled(
        "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sign: 1,
        "The sum `self + alpha * other`, elementwise with broadcasting, in the promoted dtype.")

    static let addScalar: Operator = scaled(
        "aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sign: 1,
        "The sum `self + alpha * other` with a number.", samples: { [[.tensor(try .sample([2, 3])), .int(2), .int(1)]] })

    static let subTensor: Operator = scaled(
        "aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", sign: -1,
        "The difference `self - alpha * other`, elementwise with broadcasting, in the promoted dtype, which must not be bool.")

    static let subScalar: Operator = scaled(
        "aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", sign: -1,
        "The difference `self - alpha * other` with a number.", samples: { [[.tensor(try .sample([2, 3])), .int(2), .int(1)]] })

    static let mulTensor: Operator = binary(
        "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", APUS_OP_MUL,
        "The product, elementwise with broadcasting, in the promoted dtype.",
        gradient: { g in
            try g.binary({ gradient in try gradient * g.call.conjugated(1) }, { gradient in try gradient * g.call.conjugated(0) })
        })

    static let mulScalar: Operator = binary(
        "aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", APUS_OP_MUL, "The product with a number.",
        gradient: { g in try g.binary({ gradient in try gradient * g.call.conjugated(1) }, { $0 }) },
        samples: { [[.tensor(try .sample([2, 3])), .double(1.5)]] })

    static let divTensor: Operator = binary(
        "aten::div.Tensor(Tensor self, Tensor other) -> Tensor", APUS_OP_DIV, .floating,
        "The quotient, elementwise with broadcasting, in the promoted dtype; float32 for integers. Division by zero gives infinities and NaN.",
        gradient: Operator.divisionGradient)

    static let divScalar: Operator = binary(
        "aten::div.Scalar(Tensor self, Scalar other) -> Tensor", APUS_OP_DIV, .floating, "The quotient by a number; float32 for integers.",
        gradient: Operator.divisionGradient, samples: { [[.tensor(try .sample([2, 3])), .double(1.5)]] })

    static let arithmetic: [Operator] = [
        addTensor, addScalar, subTensor, subScalar, mulTensor, mulScalar, divTensor, divScalar,
    ]

    /// `self ± alpha * other`. The kernels have a plain and a scaled form.
    private static func scaled(
        _ schema: String, sign: Double, _ documentation: String,
        samples: @escaping @Sendable () throws -> [[Argument]] = { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3])), .int(1)]] }
    ) -> Operator {
        let plain = Pointwise(sign > 0 ? APUS_OP_ADD : APUS_OP_SUB, arity: 2)
        let weighted = Pointwise(APUS_OP_ADD_SCALED, arity: 2) { call, compute in
            try call.parameter(2, compute, scale: sign)
        }
        @Sendable func form(_ call: Call) throws -> Pointwise { try call.scalar(2).isKnown(1) ? plain : weighted }
        return Operator(
            schema, documentation, rule: { [try plain.rule($0)] },
            kernel: .compute { call, outputs in try form(call).run(call, outputs[0]) },
            gradient: { g in
                let alpha: Scalar = try g.call.scalar(2)
                return try g.binary(
                    { $0 }, { gradient in
                        let scaled = alpha.isKnown(1) ? gradient : try gradient * alpha
                        return sign < 0 ? try scaled.neg() : scaled
                    })
            }, pointwise: plain, samples: samples)
    }

    private static let divisionGradient: Gradient = { g in
        try g.binary(
            { gradient in try gradient / g.call.conjugated(1) },
            { gradient in
                let divisor = try g.call.conjugated(1)
                return try (gradient * g.call.conjugated(0) / (divisor * divisor)).neg()
            })
    }
}

extension Call {
    /// An operand of an elementwise operator for gradient formulas: conjugated where it is complex, as gradients of complex products need.
    func conjugated(_ index: Int) throws -> Tensor {
        let tensor = try self.tensor(index)
        return tensor.dtype.isComplex ? try tensor.conj() : tensor
    }

    /// A number as the micro-operation's parameter `x` (`i` where it is computed in integers).
    func parameter(_ index: Int, _ compute: DType, scale: Double = 1) throws -> apus_params {
        var parameters = apus_params()
        let scalar = try self.scalar(index)
        guard let value = scalar.doubleValue else { throw error(.tracing, "the number \(scalar) is symbolic outside of its trace") }
        if !compute.isDifferentiable, case .float = scalar {
            throw error(.dtypeMismatch, "the factor \(scalar) is no integer, but the tensors are of \(compute)")
        }
        parameters.x = scale * value
        if case .complex(let z) = scalar { parameters.x_imaginary = scale * z.imaginary }
        if let integer = scalar.intValue { parameters.i = scale < 0 ? 0 &- Int64(integer) : Int64(integer) }
        return parameters
    }
}

extension Tensor {
    /// `self + alpha * other`, broadcast, in the promoted dtype.
    public func add(_ other: Tensor, alpha: Scalar = 1) throws -> Tensor {
        try applySingle(.addTensor, [.tensor(self), .tensor(other), .scalar(alpha)])
    }

    /// `self - alpha * other`, broadcast, in the promoted dtype.
    public func sub(_ other: Tensor, alpha: Scalar = 1) throws -> Tensor {
        try applySingle(.subTensor, [.tensor(self), .tensor(other), .scalar(alpha)])
    }

    public static func + (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.addTensor, a, b) { [.tensor(a), .tensor(b), .int(1)] }
    }
    public static func + (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.addTensor, [.tensor(a), .scalar(b.scalar), .int(1)])
    }
    public static func + (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try b + a }

    public static func - (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.subTensor, a, b) { [.tensor(a), .tensor(b), .int(1)] }
    }
    public static func - (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.subTensor, [.tensor(a), .scalar(b.scalar), .int(1)])
    }
    public static func - (a: some ScalarConvertible, b: Tensor) throws -> Tensor {
        try applySingle(.subTensor, [.scalar(a.scalar), .tensor(b), .int(1)])
    }

    public static func * (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.mulTensor, a, b) { [.tensor(a), .tensor(b)] }
    }
    public static func * (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.mulTensor, [.tensor(a), .scalar(b.scalar)])
    }
    public static func * (a: some ScalarConvertible, b: Tensor) throws -> Tensor { try b * a }

    public static func / (a: Tensor, b: Tensor) throws -> Tensor {
        try applyPointwise(.divTensor, a, b) { [.tensor(a), .tensor(b)] }
    }
    public static func / (a: Tensor, b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.divTensor, [.tensor(a), .scalar(b.scalar)])
    }
    public static func / (a: some ScalarConvertible, b: Tensor) throws -> Tensor {
        try applySingle(.divTensor, [.scalar(a.scalar), .tensor(b)])
    }

    public static func += (a: inout Tensor, b: Tensor) throws { a = try a + b }
    public static func += (a: inout Tensor, b: some ScalarConvertible) throws { a = try a + b }
    public static func -= (a: inout Tensor, b: Tensor) throws { a = try a - b }
    public static func -= (a: inout Tensor, b: some ScalarConvertible) throws { a = try a - b }
    public static func *= (a: inout Tensor, b: Tensor) throws { a = try a * b }
    public static func *= (a: inout Tensor, b: some ScalarConvertible) throws { a = try a * b }
    public static func /= (a: inout Tensor, b: Tensor) throws { a = try a / b }
    public static func /= (a: inout Tensor, b: some ScalarConvertible) throws { a = try a / b }
}
