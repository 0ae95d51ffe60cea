import ApusSymbolic
import CApusKernels
import ComplexModule

// Signs, magnitudes and rounding, elementwise.

extension Operator {
    static let neg: Operator = unary(
        "aten::neg(Tensor self) -> Tensor", APUS_OP_NEG, taking: .numbers, "The negative, elementwise. Bool tensors are refused.",
        gradient: { g in try g.unary { gradient, _ in try gradient.neg() } })

    static let abs: Operator = unary(
        "aten::abs(Tensor self) -> Tensor", APUS_OP_ABS, taking: .numbers,
        "The magnitude, elementwise; of the real dtype for complex numbers. Bool tensors are refused.",
        gradient: { g in try g.unary { gradient, x in try gradient * x.sgn() } })

    static let sign: Operator = unary(
        "aten::sign(Tensor self) -> Tensor", APUS_OP_SIGN, taking: .real,
        "-1, 0 or 1 after the sign of each element. For complex numbers: `sgn`.",
        gradient: flat)

    static let sgn: Operator = unary(
        "aten::sgn(Tensor self) -> Tensor", APUS_OP_SIGN, "`x / |x|`, 0 at 0; for real numbers the sign.",
        gradient: { g in
            // Source of the complex formula: the derivative of z / |z| along the conjugate gradient, (g - Re(conj(g) s) s) / |z|.
            try g.unary { gradient, x in
                guard x.dtype.isComplex else { return try gradient.zerosLike() }
                let s: Tensor = g.outputs[0]
                let along: Tensor = try (gradient.conj() * s).realPart()
                return try ((gradient - s * along) / x.abs()).maskedFill(x .== 0, 0)
            }
        })

    static let conj: Operator = unary(
        "aten::_conj_physical(Tensor self) -> Tensor", APUS_OP_CONJUGATE, "The complex conjugate, elementwise; a copy for real dtypes.",
        gradient: { g in try g.unary { gradient, _ in try gradient.conj() } })

    static let angle: Operator = unary(
        "aten::angle(Tensor self) -> Tensor", APUS_OP_ANGLE, in: .floating,
        "The angle of a complex number, in the real dtype; 0 or pi for real numbers.",
        gradient: { g in
            try g.unary { gradient, x in
                guard x.dtype.isComplex else { return try gradient.zerosLike() }
                let turned: Tensor = try x.conj().reciprocal() * Complex<Double>(0, 1)
                return try (turned * gradient).maskedFill(x .== 0, 0)
            }
        })

    static let floor: Operator = rounding("floor", APUS_OP_FLOOR, "The largest integer not above each element.")
    static let ceil: Operator = rounding("ceil", APUS_OP_CEIL, "The smallest integer not below each element.")
    static let round: Operator = rounding("round", APUS_OP_ROUND, "The nearest integer, halves to the even one.")
    static let trunc: Operator = rounding("trunc", APUS_OP_TRUNC, "The integer part, towards 0.")

    static let roundDecimals: Operator = unary(
        "aten::round.decimals(Tensor self, *, int decimals) -> Tensor", APUS_OP_ROUND_DECIMALS, taking: .floating,
        "Rounds to a number of decimal places; negative ones round before the point.", parameters: Pointwise.numbers(1), gradient: flat,
        domain: -20...20, further: [.int(1)])

    static let frac: Operator = unary(
        "aten::frac(Tensor self) -> Tensor", APUS_OP_FRAC, taking: .floating, "The part after the point, with the element's sign.",
        gradient: { g in try g.unary { gradient, _ in gradient } })

    static let rounding: [Operator] = [neg, abs, sign, sgn, conj, angle, floor, ceil, round, trunc, roundDecimals, frac]

    private static func rounding(_ name: String, _ operation: apus_op, _ documentation: String) -> Operator {
        unary(
            "aten::\(name)(Tensor self) -> Tensor", operation, taking: .realNumbers,
            documentation + " Integers stay; bool tensors are refused.",
            gradient: flat)
    }
}

extension Tensor {
    /// The negative, elementwise. Bool tensors are refused.
    public func neg() throws -> Tensor { try applyPointwise(.neg, self) }
    /// The negative, elementwise, in the same dtype. Truth values are refused.
    public static prefix func - (x: Tensor) throws -> Tensor { try x.neg() }
    /// The magnitude, elementwise; of the real dtype for complex numbers.
    public func abs() throws -> Tensor { try applyPointwise(.abs, self) }
    /// -1, 0 or 1 after the sign of each element.
    public func sign() throws -> Tensor { try applyPointwise(.sign, self) }
    /// `x / |x|`, 0 at 0.
    public func sgn() throws -> Tensor { try applyPointwise(.sgn, self) }
    /// The complex conjugate; itself for real dtypes.
    public func conj() throws -> Tensor { dtype.isComplex ? try applyPointwise(.conj, self) : self }
    /// The angle of complex numbers, in the real dtype; 0 or pi for real numbers.
    public func angle() throws -> Tensor { try applyPointwise(.angle, self) }
    /// The largest integer not above each element.
    public func floor() throws -> Tensor { try applyPointwise(.floor, self) }
    /// The smallest integer not below each element.
    public func ceil() throws -> Tensor { try applyPointwise(.ceil, self) }
    /// The nearest integer, halves to the even one.
    public func round() throws -> Tensor { try applyPointwise(.round, self) }
    /// Rounds to a number of decimal places.
    public func round(decimals: any SymIntConvertible) throws -> Tensor {
        try applySingle(.roundDecimals, [.tensor(self), .int(decimals)])
    }
    /// The integer part, towards 0.
    public func trunc() throws -> Tensor { try applyPointwise(.trunc, self) }
    /// The part after the point, with the element's sign.
    public func frac() throws -> Tensor { try applyPointwise(.frac, self) }

    /// The real part of complex numbers, in the real dtype; itself for real dtypes.
    func realPart() throws -> Tensor { try to(dtype.real) }
}
