import ApusSymbolic
import CApusKernels

// Elements chosen by a bool tensor, and weighted combinations of three tensors.

extension Operator {
    static let whereSelf: Operator = condition(
        "aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor", numbers: (nil, nil))
    static let whereScalarOther: Operator = condition(
        "aten::where.ScalarOther(Tensor condition, Tensor self, Scalar other) -> Tensor", numbers: (nil, 1.5))
    static let whereScalarSelf: Operator = condition(
        "aten::where.ScalarSelf(Tensor condition, Scalar self, Tensor other) -> Tensor", numbers: (1.5, nil))
    static let whereScalar: Operator = condition(
        "aten::where.Scalar(Tensor condition, Scalar self, Scalar other) -> Tensor", numbers: (1, 2.5))

    static let maskedFillScalar: Operator = composite(
        "aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
        "The number where the bool mask holds, else the element; in the tensor's dtype, with broadcasting.",
        samples: {
            let mask: Tensor = try .sample([3], dtype: .bool)
            return [
                [.tensor(try .sample([2, 3])), .tensor(mask), .double(1.5)],
                [.tensor(try .sample([2, 3], dtype: .int64)), .tensor(mask), .double(1.5)],
                [.tensor(try .sample([], dtype: .float64)), .tensor(mask), .int(-1)],
            ]
        },
        { call in
            let x = try call.tensor(0)
            return [.tensor(try Tensor.where(call.mask(1), call.scalar(2).converted(to: x.dtype, in: call), x))]
        })

    static let maskedFillTensor: Operator = composite(
        "aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
        "The zero-dimensional tensor's value where the bool mask holds, else the element; in the tensor's dtype, with broadcasting.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], dtype: .bool)), .tensor(try .sample([], seed: 2))]] },
        { call in
            let (x, value) = (try call.tensor(0), try call.tensor(2))
            guard value.rank == 0 else {
                throw call.error(.shapeMismatch, "the value must be zero-dimensional, but has shape \(value.shape)")
            }
            return [.tensor(try Tensor.where(call.mask(1), value.to(x.dtype), x))]
        })

    static let lerpScalar: Operator = lerp("aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor", weight: 0.3)
    static let lerpTensor: Operator = lerp("aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor", weight: nil)

    static let addcmul: Operator = combination(
        "aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", APUS_OP_ADDCMUL, taking: .numbers,
        "`self + value * tensor1 * tensor2`, in the promoted dtype.",
        gradient: { g in
            let gradient = try g.gradient
            let scaled: Tensor = try gradient.wide() * g.call.tensorOfScalar(3).conj().wide()
            return [
                try g.reduced(gradient, to: 0), try g.reduced(scaled * g.call.wideOperand(2), to: 1),
                try g.reduced(scaled * g.call.wideOperand(1), to: 2),
            ]
        })

    static let addcdiv: Operator = combination(
        "aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", APUS_OP_ADDCDIV, taking: .differentiable,
        "`self + value * tensor1 / tensor2`, in the promoted dtype. Integers are refused.",
        gradient: { g in
            let gradient: Tensor = try g.gradient.wide()
            let (dividend, divisor) = (try g.call.wideOperand(1), try g.call.wideOperand(2))
            let factor: Tensor = try g.call.tensorOfScalar(3).conj().wide()
            return [
                try g.reduced(gradient, to: 0), try g.reduced(gradient * (factor / divisor), to: 1),
                try g.reduced((gradient * (factor * (dividend / divisor) / divisor)).neg(), to: 2),
            ]
        })

    static let conditions: [Operator] = [
        whereSelf, whereScalarOther, whereScalarSelf, whereScalar, maskedFillScalar, maskedFillTensor, lerpScalar, lerpTensor, addcmul,
        addcdiv,
    ]

    private static func condition(_ schema: String, numbers: (Scalar?, Scalar?)) -> Operator {
        let pointwise = Pointwise(APUS_OP_WHERE, arity: 3)
        return elementwise(
            schema, "`self` where the bool condition holds, else `other`; in the promoted dtype, with broadcasting.", pointwise,
            gradient: { g in
                let (condition, gradient) = (try g.call.tensor(0), try g.gradient)
                return [
                    .none, try g.reduced(Tensor.where(condition, gradient, gradient.zerosLike()), to: 1),
                    try g.reduced(gradient.maskedFill(condition, 0), to: 2),
                ]
            },
            samples: {
                let condition: Tensor = try .sample([2, 3], dtype: .bool)
                return try [
                    (DType.float32, DType.float32), (.int64, .int64), (.float64, .float32), (.bool, .bool), (.complex64, .complex64),
                ].map {
                    let first: OperatorArgument = try numbers.0.map { .scalar($0) } ?? .tensor(.sample([2, 3], dtype: $0))
                    let second: OperatorArgument = try numbers.1.map { .scalar($0) } ?? .tensor(.sample([3], dtype: $1, seed: 2))
                    return [.tensor(condition), first, second]
                }
            })
    }

    private static func lerp(_ schema: String, weight: Scalar?) -> Operator {
        let pointwise = Pointwise(APUS_OP_LERP, arity: 3, taking: .differentiable)
        return elementwise(
            schema, "`self + weight * (end - self)`, exact at both ends.", pointwise,
            gradient: { g in
                let (gradient, weight) = (try g.gradient.wide(), try g.call.wideOperand(2))
                return [
                    try g.reduced(gradient * (1 - weight), to: 0), try g.reduced(gradient * weight, to: 1),
                    try g.reduced(gradient * (g.call.wideOperand(1) - g.call.wideOperand(0)), to: 2),
                ]
            },
            samples: {
                try [DType.float32, .float64, .complex64].map {
                    [
                        .tensor(try .sample([2, 3], dtype: $0)), .tensor(try .sample([3], dtype: $0, seed: 2)),
                        try weight.map { .scalar($0) } ?? .tensor(.sample([2, 1], dtype: $0, in: 0...1, seed: 3)),
                    ]
                }
            })
    }

    private static func combination(
        _ schema: String, _ operation: apus_op, taking: DTypeClasses, _ documentation: String, gradient: @escaping Gradient
    ) -> Operator {
        let pointwise = Pointwise(operation, arity: 3, taking: taking, parameters: Pointwise.numbers(3))
        return elementwise(
            schema, documentation, pointwise, gradient: gradient,
            samples: {
                try [DType.float32, .float64, .int64, .complex64].filter { taking.contains($0) }.map {
                    [
                        .tensor(try .sample([2, 3], dtype: $0)), .tensor(try .sample([3], dtype: $0, seed: 2)),
                        .tensor(try .sample([2, 1], dtype: $0, in: 0.5...2, seed: 3)), .int(2),
                    ]
                }
            })
    }
}

extension Call {
    /// A bool tensor.
    func mask(_ index: Int) throws -> Tensor {
        let mask = try tensor(index)
        guard mask.dtype == .bool else { throw error(.dtypeMismatch, "the mask must be bool, not \(mask.dtype)") }
        return mask
    }

    /// A number as a zero-dimensional tensor of the dtype that this elementwise operator is computed in.
    func tensorOfScalar(_ index: Int) throws -> Tensor {
        let dtype: DType = try self.operator.pointwiseForm?(self).computeDType(self) ?? scalar(index).defaultDType
        return try Tensor.scalar(scalar(index), dtype: dtype)
    }
}

extension Scalar {
    /// The number as one of the kind of this dtype, so that it does not promote tensors of the dtype. Throws where the dtype can't hold it.
    func converted(to dtype: DType, in call: Call) throws -> Scalar {
        try call.requireFits(self, dtype)
        func misfit() -> TensorError { call.error(.dtypeMismatch, "the number \(self) can't be converted to \(dtype)") }
        guard !dtype.isDifferentiable else { return self }
        if dtype == .bool {
            guard let value = doubleValue else { throw misfit() }
            return .bool(value != 0)
        }
        guard case .float(let value) = self else { return self }
        guard let known = value.constant, let integer = Int(exactly: known.rounded(.towardZero)) else { throw misfit() }
        return .int(SymInt(integer))
    }
}

extension Tensor {
    /// `a` where the bool condition holds, else `b`; in the promoted dtype, with broadcasting.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        try applySingle(.whereSelf, [.tensor(condition), .tensor(a), .tensor(b)])
    }
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: some ScalarConvertible) throws -> Tensor {
        try applySingle(.whereScalarOther, [.tensor(condition), .tensor(a), .scalar(b.scalar)])
    }
    public static func `where`(_ condition: Tensor, _ a: some ScalarConvertible, _ b: Tensor) throws -> Tensor {
        try applySingle(.whereScalarSelf, [.tensor(condition), .scalar(a.scalar), .tensor(b)])
    }

    /// The number where the bool mask holds, else the element; in this tensor's dtype.
    public func maskedFill(_ mask: Tensor, _ value: some ScalarConvertible) throws -> Tensor {
        try applySingle(.maskedFillScalar, [.tensor(self), .tensor(mask), .scalar(value.scalar)])
    }

    /// The zero-dimensional tensor's value where the bool mask holds, else the element; in this tensor's dtype.
    public func maskedFill(_ mask: Tensor, _ value: Tensor) throws -> Tensor {
        try applySingle(.maskedFillTensor, [.tensor(self), .tensor(mask), .tensor(value)])
    }

    /// `self + weight * (end - self)`.
    public func lerp(_ end: Tensor, weight: some ScalarConvertible) throws -> Tensor {
        try applySingle(.lerpScalar, [.tensor(self), .tensor(end), .scalar(weight.scalar)])
    }
    public func lerp(_ end: Tensor, weight: Tensor) throws -> Tensor {
        try applySingle(.lerpTensor, [.tensor(self), .tensor(end), .tensor(weight)])
    }

    /// `self + value * a * b`.
    public func addcmul(_ a: Tensor, _ b: Tensor, value: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addcmul, [.tensor(self), .tensor(a), .tensor(b), .scalar(value.scalar)])
    }

    /// `self + value * a / b`.
    public func addcdiv(_ a: Tensor, _ b: Tensor, value: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addcdiv, [.tensor(self), .tensor(a), .tensor(b), .scalar(value.scalar)])
    }
}
