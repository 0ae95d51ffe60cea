import ApusSymbolic
import CApusKernels
import ComplexModule

// Circular and hyperbolic functions, elementwise, in radians. Integers and bool are computed in float32.

extension Operator {
    static let sin: Operator = unary(
        "aten::sin(Tensor self) -> Tensor", APUS_OP_SIN, in: .floating, "The sine, elementwise.",
        gradient: derivative { x in try x.cos() })

    static let cos: Operator = unary(
        "aten::cos(Tensor self) -> Tensor", APUS_OP_COS, in: .floating, "The cosine, elementwise.",
        gradient: derivative { x in try x.sin().neg() })

    static let tan: Operator = unary(
        "aten::tan(Tensor self) -> Tensor", APUS_OP_TAN, in: .floating, "The tangent, elementwise.",
        gradient: derivativeFromResult { y in try y * y + 1 }, domain: -1.2...1.2)

    static let asin: Operator = unary(
        "aten::asin(Tensor self) -> Tensor", APUS_OP_ASIN, in: .floating, "The inverse sine, elementwise: NaN outside -1...1.",
        gradient: derivative { x in try (1 - x).rsqrt() * (1 + x).rsqrt() }, domain: -0.9...0.9)

    static let acos: Operator = unary(
        "aten::acos(Tensor self) -> Tensor", APUS_OP_ACOS, in: .floating, "The inverse cosine, elementwise: NaN outside -1...1.",
        gradient: derivative { x in try ((1 - x).rsqrt() * (1 + x).rsqrt()).neg() }, domain: -0.9...0.9)

    static let atan: Operator = unary(
        "aten::atan(Tensor self) -> Tensor", APUS_OP_ATAN, in: .floating, "The inverse tangent, elementwise.",
        gradient: derivative { x in
            let (a, b) = try factorsOfSquareAndOne(x)
            return try (1 / a) / b
        })

    static let sinh: Operator = unary(
        "aten::sinh(Tensor self) -> Tensor", APUS_OP_SINH, in: .floating, "The hyperbolic sine, elementwise.",
        gradient: derivative { x in try x.cosh() })

    static let cosh: Operator = unary(
        "aten::cosh(Tensor self) -> Tensor", APUS_OP_COSH, in: .floating, "The hyperbolic cosine, elementwise.",
        gradient: derivative { x in try x.sinh() })

    static let tanh: Operator = unary(
        "aten::tanh(Tensor self) -> Tensor", APUS_OP_TANH, in: .floating, "The hyperbolic tangent, elementwise.",
        gradient: { g in try g.unary { gradient, _ in try applySingle(.tanhBackward, [.tensor(gradient), .tensor(g.outputs[0])]) } })

    static let asinh: Operator = unary(
        "aten::asinh(Tensor self) -> Tensor", APUS_OP_ASINH, in: .floating, "The inverse hyperbolic sine, elementwise.",
        gradient: derivative { x in
            guard x.dtype.isComplex else { return try 1 / x.hypot(x.onesLike()) }
            let (a, b) = try factorsOfSquareAndOne(x)
            return try a.rsqrt() * b.rsqrt()
        })

    static let acosh: Operator = unary(
        "aten::acosh(Tensor self) -> Tensor", APUS_OP_ACOSH, in: .floating, "The inverse hyperbolic cosine, elementwise: NaN below 1.",
        gradient: derivative { x in try (x - 1).rsqrt() * (x + 1).rsqrt() }, domain: 1.1...3)

    static let atanh: Operator = unary(
        "aten::atanh(Tensor self) -> Tensor", APUS_OP_ATANH, in: .floating,
        "The inverse hyperbolic tangent, elementwise: NaN outside -1...1.",
        gradient: derivative { x in try 1 / (1 - x) / (1 + x) }, domain: -0.9...0.9)

    static let atan2: Operator = binary(
        "aten::atan2(Tensor self, Tensor other) -> Tensor", APUS_OP_ATAN2, in: .floating, taking: .realNumbers,
        "The angle of the point (other, self), elementwise with broadcasting, between -pi and pi.",
        gradient: { g in
            let dtype: DType = g.outputs[0].dtype.accumulation
            // Of half the point, whose length fits the dtype; divided twice, since the length's square may not. The origin has no angle to turn.
            let (y, x): (Tensor, Tensor) = (try g.call.tensor(0).to(dtype) * 0.5, try g.call.tensor(1).to(dtype) * 0.5)
            let length: Tensor = try x.hypot(y)
            func slope(_ other: Tensor) throws -> Tensor { try (other / length / length * 0.5).maskedFill(length .== 0, 0) }
            return try g.binary({ gradient in try gradient.wide() * slope(x) }, { gradient in try (gradient.wide() * slope(y)).neg() })
        })

    static let hypot: Operator = binary(
        "aten::hypot(Tensor self, Tensor other) -> Tensor", APUS_OP_HYPOT, taking: .floating,
        "The length of the vector (self, other), elementwise with broadcasting, without overflow on the way. Its gradient at the origin is 0, as "
            + "that of a norm; PyTorch's is NaN.",
        gradient: { g in
            // Of half the vector, whose length fits the dtype.
            let (x, y): (Tensor, Tensor) = (try g.call.wideOperand(0) * 0.5, try g.call.wideOperand(1) * 0.5)
            let length: Tensor = try x.hypot(y)
            func slope(_ component: Tensor) throws -> Tensor { try (component / length).maskedFill(length .== 0, 0) }
            return try g.binary({ gradient in try gradient.wide() * slope(x) }, { gradient in try gradient.wide() * slope(y) })
        })

    /// Two factors of `x^2 + 1`, neither of which leaves the dtype's range where the product does: its root twice, or `1 + ix` and `1 - ix`.
    private static func factorsOfSquareAndOne(_ x: Tensor) throws -> (Tensor, Tensor) {
        guard x.dtype.isComplex else {
            let root: Tensor = try x.hypot(x.onesLike())
            return (root, root)
        }
        let turned: Tensor = try x * Complex<Double>(0, 1)
        return (try 1 + turned, try 1 - turned)
    }

    static let trigonometry: [Operator] = [
        sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, atan2, hypot,
    ]
}

extension Tensor {
    /// The sine, elementwise, in radians; float32 for integers.
    public func sin() throws -> Tensor { try applyPointwise(.sin, self) }
    /// The cosine, elementwise, in radians; float32 for integers.
    public func cos() throws -> Tensor { try applyPointwise(.cos, self) }
    /// The tangent, elementwise.
    public func tan() throws -> Tensor { try applyPointwise(.tan, self) }
    /// The inverse sine, elementwise.
    public func asin() throws -> Tensor { try applyPointwise(.asin, self) }
    /// The inverse cosine, elementwise.
    public func acos() throws -> Tensor { try applyPointwise(.acos, self) }
    /// The inverse tangent, elementwise.
    public func atan() throws -> Tensor { try applyPointwise(.atan, self) }
    /// The hyperbolic sine, elementwise.
    public func sinh() throws -> Tensor { try applyPointwise(.sinh, self) }
    /// The hyperbolic cosine, elementwise.
    public func cosh() throws -> Tensor { try applyPointwise(.cosh, self) }
    /// The hyperbolic tangent, elementwise; float32 for integers.
    public func tanh() throws -> Tensor { try applyPointwise(.tanh, self) }
    /// The inverse hyperbolic sine, elementwise.
    public func asinh() throws -> Tensor { try applyPointwise(.asinh, self) }
    /// The inverse hyperbolic cosine, elementwise.
    public func acosh() throws -> Tensor { try applyPointwise(.acosh, self) }
    /// The inverse hyperbolic tangent, elementwise.
    public func atanh() throws -> Tensor { try applyPointwise(.atanh, self) }
    /// The angle of the point (other, self), elementwise with broadcasting.
    public func atan2(_ other: Tensor) throws -> Tensor { try applyPointwise(.atan2, self, other) { [.tensor(self), .tensor(other)] } }
    /// The length of the vector (self, other), elementwise with broadcasting.
    public func hypot(_ other: Tensor) throws -> Tensor { try applyPointwise(.hypot, self, other) { [.tensor(self), .tensor(other)] } }

    /// Degrees as radians.
    public func deg2rad() throws -> Tensor { try applySingle(.named("deg2rad"), [.tensor(self)]) }

    /// Radians as degrees.
    public func rad2deg() throws -> Tensor { try applySingle(.named("rad2deg"), [.tensor(self)]) }
}
