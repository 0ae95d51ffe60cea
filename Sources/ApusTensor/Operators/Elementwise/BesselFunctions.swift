import ApusSymbolic
import CApusKernels

// Modified Bessel functions of the first kind, of orders 0 and 1. The scaled ones are times `exp(-|x|)`.

extension Operator {
    static let i0: Operator = unary(
        "aten::i0(Tensor self) -> Tensor", APUS_OP_I0, in: .floating, taking: .real, "The modified Bessel function of order 0.",
        gradient: derivative { x in try applySingle(.i1, [.tensor(x)]) })

    static let i0e: Operator = unary(
        "aten::special_i0e(Tensor self) -> Tensor", APUS_OP_I0E, in: .floating, taking: .real,
        "The modified Bessel function of order 0, times `exp(-|x|)`.",
        gradient: derivative { x in try applySingle(.i1e, [.tensor(x)]) - x.sign() * applySingle(.i0e, [.tensor(x)]) })

    static let i1: Operator = unary(
        "aten::special_i1(Tensor self) -> Tensor", APUS_OP_I1, in: .floating, taking: .real, "The modified Bessel function of order 1.",
        gradient: derivative { x in try slope(x, applySingle(.i0, [.tensor(x)]), applySingle(.i1, [.tensor(x)])) })

    static let i1e: Operator = unary(
        "aten::special_i1e(Tensor self) -> Tensor", APUS_OP_I1E, in: .floating, taking: .real,
        "The modified Bessel function of order 1, times `exp(-|x|)`.",
        gradient: derivative { x in
            let y: Tensor = try applySingle(.i1e, [.tensor(x)])
            return try slope(x, applySingle(.i0e, [.tensor(x)]), y) - x.sign() * y
        })

    static let besselFunctions: [Operator] = [i0, i0e, i1, i1e, alias("aten::special_i0(Tensor self) -> Tensor", of: i0)]

    /// `I0(x) - I1(x) / x`, which is 1/2 at 0.
    private static func slope(_ x: Tensor, _ i0: Tensor, _ i1: Tensor) throws -> Tensor {
        let isZero: Tensor = try x .== 0
        return try (i0 - i1 / x.maskedFill(isZero, 1)).maskedFill(isZero, 0.5)
    }
}

extension Tensor {
    /// The modified Bessel function of the first kind of order 0, elementwise.
    public func i0() throws -> Tensor { try applyPointwise(.i0, self) }
}
