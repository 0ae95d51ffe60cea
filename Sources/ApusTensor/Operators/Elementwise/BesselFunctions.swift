import ApusSymbolic
import CApusKernels

// Bessel functions of orders 0 and 1, and Airy's. The scaled ones are times `exp(-|x|)` (first kind) or `exp(x)` (second kind). Those that PyTorch
// has no gradient of have none here.

extension Operator {
    static let i0: Operator = unary(
        "aten::i0(Tensor self) -> Tensor", APUS_OP_I0, in: .floating, taking: .real,
        "The modified Bessel function of order 0, at infinities infinite, where PyTorch gives NaN.",
        gradient: derivative { x in try applySingle(.i1, [.tensor(x)]) })

    static let i0e: Operator = unary(
        "aten::special_i0e(Tensor self) -> Tensor", APUS_OP_I0E, in: .floating, taking: .real,
        "The modified Bessel function of order 0, times `exp(-|x|)`.",
        gradient: derivative { x in try x.sign() * scaledDifference(x).neg() })

    static let i1: Operator = unary(
        "aten::special_i1(Tensor self) -> Tensor", APUS_OP_I1, in: .floating, taking: .real,
        "The modified Bessel function of order 1. Where it overflows its gradient does, which is NaN in PyTorch, as is the function at infinities.",
        gradient: derivative { x in try slope(x, applySingle(.i0, [.tensor(x)]), applySingle(.i1, [.tensor(x)])) })

    static let i1e: Operator = unary(
        "aten::special_i1e(Tensor self) -> Tensor", APUS_OP_I1E, in: .floating, taking: .real,
        "The modified Bessel function of order 1, times `exp(-|x|)`.",
        gradient: derivative { x in
            // I0e(x) - I1e(|x|) less I1e(x) / x, which is 1/2 at 0.
            let isZero: Tensor = try x .== 0
            let quotient: Tensor = try (applySingle(.i1e, [.tensor(x)]) / x.maskedFill(isZero, 1)).maskedFill(isZero, 0.5)
            return try scaledDifference(x) - quotient
        })

    static let besselJ0: Operator = bessel("bessel_j0", APUS_OP_J0, "The Bessel function of the first kind of order 0.")
    static let besselJ1: Operator = bessel("bessel_j1", APUS_OP_J1, "The Bessel function of the first kind of order 1.")
    static let besselY0: Operator = bessel(
        "bessel_y0", APUS_OP_Y0, "The Bessel function of the second kind of order 0, of positive numbers.")
    static let besselY1: Operator = bessel(
        "bessel_y1", APUS_OP_Y1, "The Bessel function of the second kind of order 1, of positive numbers.")
    static let besselK0: Operator = bessel(
        "modified_bessel_k0", APUS_OP_K0, "The modified Bessel function of the second kind of order 0, of positive numbers.")
    static let besselK1: Operator = bessel(
        "modified_bessel_k1", APUS_OP_K1, "The modified Bessel function of the second kind of order 1, of positive numbers.")
    static let besselK0e: Operator = bessel(
        "scaled_modified_bessel_k0", APUS_OP_K0E, "The modified Bessel function of the second kind of order 0, times `exp(x)`.",
        parameter: "x")
    static let besselK1e: Operator = bessel(
        "scaled_modified_bessel_k1", APUS_OP_K1E, "The modified Bessel function of the second kind of order 1, times `exp(x)`.",
        parameter: "x")
    static let sphericalBesselJ0: Operator = bessel(
        "spherical_bessel_j0", APUS_OP_SPHERICAL_J0, "The spherical Bessel function of order 0, `sin(x) / x`.", parameter: "x")
    static let airyAi: Operator = bessel("airy_ai", APUS_OP_AIRY_AI, "Airy's function Ai.", parameter: "x")

    static let besselFunctions: [Operator] = [
        i0, i0e, i1, i1e, besselJ0, besselJ1, besselY0, besselY1, besselK0, besselK1, besselK0e, besselK1e, sphericalBesselJ0, airyAi,
        alias("aten::special_i0(Tensor self) -> Tensor", of: i0),
        alias("aten::special_modified_bessel_i0(Tensor self) -> Tensor", of: i0),
        alias("aten::special_modified_bessel_i1(Tensor self) -> Tensor", of: i1),
    ]

    private static func bessel(_ name: String, _ operation: apus_op, _ documentation: String, parameter: String = "self") -> Operator {
        unary(
            "aten::special_\(name)(Tensor \(parameter)) -> Tensor", operation, in: .floating, taking: .real, documentation,
            domain: 0.1...6)
    }

    /// `exp(-|x|) (I0(x) - I1(|x|))`. From 30 on, where the two cancel, the difference of their asymptotic series (Abramowitz and Stegun, 9.7.1), which
    /// ends before float64's last place does.
    private static func scaledDifference(_ x: Tensor) throws -> Tensor {
        let size: Tensor = try x.abs()
        let isFar: Tensor = try size .>= 30
        let eighth: Tensor = try 0.125 / size.maskedFill(isFar.logicalNot(), 30)
        var (even, odd, factors): (Double, Double, [Double]) = (1, 1, [])
        for k in 1...16 {
            let square: Double = Double((2 * k - 1) * (2 * k - 1))
            even *= square / Double(k)
            odd *= (square - 4) / Double(k)
            factors.append(even - odd)
        }
        let series: Tensor = try factors.reversed().reduce(size.zerosLike()) { try ($0 + $1) * eighth }
        let far: Tensor = try series * (eighth * (4 / Double.pi)).sqrt()
        let near: Tensor = try applySingle(.i0e, [.tensor(size)]) - applySingle(.i1e, [.tensor(size)])
        return try Tensor.where(isFar, far, near)
    }

    /// `I0(x) - I1(x) / x`, which is 1/2 at 0 and infinite where both functions are.
    private static func slope(_ x: Tensor, _ i0: Tensor, _ i1: Tensor) throws -> Tensor {
        let isZero: Tensor = try x .== 0
        return try (i0 - (i1 / x.maskedFill(isZero, 1)).maskedFill(i0.isinf(), 0)).maskedFill(isZero, 0.5)
    }
}

extension Tensor {
    /// The modified Bessel function of the first kind of order 0, elementwise.
    public func i0() throws -> Tensor { try applyPointwise(.i0, self) }

    /// `exp(-|x|) i0(x)`, which stays in range.
    public func i0e() throws -> Tensor { try applyPointwise(.i0e, self) }

    /// The modified Bessel function of the first kind of order 1.
    public func i1() throws -> Tensor { try applyPointwise(.i1, self) }

    /// `exp(-|x|) i1(x)`, which stays in range.
    public func i1e() throws -> Tensor { try applyPointwise(.i1e, self) }

    /// The Bessel function of the first kind of order 0, elementwise.
    public func besselJ0() throws -> Tensor { try applyPointwise(.besselJ0, self) }
    /// The Bessel function of the first kind of order 1, elementwise.
    public func besselJ1() throws -> Tensor { try applyPointwise(.besselJ1, self) }
    /// The Bessel function of the second kind of order 0, elementwise; NaN below 0.
    public func besselY0() throws -> Tensor { try applyPointwise(.besselY0, self) }
    /// The Bessel function of the second kind of order 1, elementwise; NaN below 0.
    public func besselY1() throws -> Tensor { try applyPointwise(.besselY1, self) }
    /// The modified Bessel function of the second kind of order 0, elementwise; NaN below 0.
    public func modifiedBesselK0() throws -> Tensor { try applyPointwise(.besselK0, self) }
    /// The modified Bessel function of the second kind of order 1, elementwise; NaN below 0.
    public func modifiedBesselK1() throws -> Tensor { try applyPointwise(.besselK1, self) }
    /// `exp(x) modifiedBesselK0(x)`, which stays in range.
    public func scaledModifiedBesselK0() throws -> Tensor { try applyPointwise(.besselK0e, self) }
    /// `exp(x) modifiedBesselK1(x)`, which stays in range.
    public func scaledModifiedBesselK1() throws -> Tensor { try applyPointwise(.besselK1e, self) }
    /// `sin(x) / x`, elementwise.
    public func sphericalBesselJ0() throws -> Tensor { try applyPointwise(.sphericalBesselJ0, self) }
    /// Airy's function Ai, elementwise.
    public func airyAi() throws -> Tensor { try applyPointwise(.airyAi, self) }
}
