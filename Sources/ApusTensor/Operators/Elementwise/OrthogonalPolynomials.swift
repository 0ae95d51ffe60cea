import ApusSymbolic
import CApusKernels

// Families of orthogonal polynomials: the polynomial of degree `n` at `x`, elementwise with broadcasting. Degrees are whole numbers, fractions are cut off;
// below 0 the value is 0, and NaN above 1,048,576 where a recurrence would have to get there. Integers and bool are computed in float32. No gradients, as in PyTorch.

/// A family of orthogonal polynomials.
struct PolynomialFamily: Sendable {
    let tensor: Operator
    /// With a number for the degree, and for x.
    let others: [Operator]

    init(_ name: String, _ family: apus_polynomial, _ title: String) {
        let pointwise = Pointwise(
            APUS_OP_POLYNOMIAL, arity: 2, compute: .floating, taking: .realNumbers,
            parameters: { _, _ in
                var parameters = apus_params()
                parameters.i = Int64(family.rawValue)
                return parameters
            })
        tensor = .elementwise(
            "aten::special_\(name)(Tensor x, Tensor n) -> Tensor",
            "\(title) of degree `n` at `x`: whole degrees, below 0 the value is 0. NaN where a step of the recurrence overflows, "
                + "and for degrees above 2^20 that only a recurrence reaches.",
            pointwise,
            samples: {
                let degrees: Tensor = try .sample([2, 3], dtype: .int64)
                return [
                    [.tensor(try .sample([2, 3])), .tensor(try degrees.to(.float32))],
                    [.tensor(try .sample([3], dtype: .float64)), .tensor(degrees)],
                ]
            })
        others = [
            .withNumber("aten::special_\(name).n_scalar(Tensor x, Scalar n) -> Tensor", tensor, 3),
            .withNumber("aten::special_\(name).x_scalar(Scalar x, Tensor n) -> Tensor", tensor, 0.3),
        ]
    }

    func callAsFunction(_ x: Tensor, _ n: Tensor) throws -> Tensor { try applySingle(tensor, [.tensor(x), .tensor(n)]) }

    static let chebyshevT = PolynomialFamily("chebyshev_polynomial_t", APUS_CHEBYSHEV_T, "Chebyshev's polynomials of the first kind")
    static let chebyshevU = PolynomialFamily("chebyshev_polynomial_u", APUS_CHEBYSHEV_U, "Chebyshev's polynomials of the second kind")
    static let chebyshevV = PolynomialFamily("chebyshev_polynomial_v", APUS_CHEBYSHEV_V, "Chebyshev's polynomials of the third kind")
    static let chebyshevW = PolynomialFamily("chebyshev_polynomial_w", APUS_CHEBYSHEV_W, "Chebyshev's polynomials of the fourth kind")
    static let shiftedT = shifted("t", APUS_SHIFTED_CHEBYSHEV_T, "first")
    static let shiftedU = shifted("u", APUS_SHIFTED_CHEBYSHEV_U, "second")
    static let shiftedV = shifted("v", APUS_SHIFTED_CHEBYSHEV_V, "third")
    static let shiftedW = shifted("w", APUS_SHIFTED_CHEBYSHEV_W, "fourth")
    static let hermiteH = PolynomialFamily("hermite_polynomial_h", APUS_HERMITE_H, "Hermite's polynomials, those of physics,")
    static let hermiteHe = PolynomialFamily("hermite_polynomial_he", APUS_HERMITE_HE, "Hermite's polynomials, those of probabilities,")
    static let laguerre = PolynomialFamily("laguerre_polynomial_l", APUS_LAGUERRE_L, "Laguerre's polynomials")
    static let legendre = PolynomialFamily("legendre_polynomial_p", APUS_LEGENDRE_P, "Legendre's polynomials")

    static let all: [PolynomialFamily] = [
        chebyshevT, chebyshevU, chebyshevV, chebyshevW, shiftedT, shiftedU, shiftedV, shiftedW, hermiteH, hermiteHe, laguerre, legendre,
    ]

    private static func shifted(_ letter: String, _ family: apus_polynomial, _ kind: String) -> PolynomialFamily {
        PolynomialFamily(
            "shifted_chebyshev_polynomial_\(letter)", family, "Chebyshev's polynomials of the \(kind) kind, moved to 0 to 1: at `2 x - 1`,")
    }
}

extension Operator {
    static let orthogonalPolynomials: [Operator] = PolynomialFamily.all.flatMap { [$0.tensor] + $0.others }
}

extension Tensor {
    /// Chebyshev's polynomial of the first kind of degree `n` at each element, with broadcasting.
    public func chebyshevPolynomialT(_ n: Tensor) throws -> Tensor { try PolynomialFamily.chebyshevT(self, n) }
    /// Chebyshev's polynomial of the second kind of degree `n` at each element, with broadcasting.
    public func chebyshevPolynomialU(_ n: Tensor) throws -> Tensor { try PolynomialFamily.chebyshevU(self, n) }
    /// Chebyshev's polynomial of the third kind of degree `n` at each element, with broadcasting.
    public func chebyshevPolynomialV(_ n: Tensor) throws -> Tensor { try PolynomialFamily.chebyshevV(self, n) }
    /// Chebyshev's polynomial of the fourth kind of degree `n` at each element, with broadcasting.
    public func chebyshevPolynomialW(_ n: Tensor) throws -> Tensor { try PolynomialFamily.chebyshevW(self, n) }
    /// `chebyshevPolynomialT` at `2 x - 1`.
    public func shiftedChebyshevPolynomialT(_ n: Tensor) throws -> Tensor { try PolynomialFamily.shiftedT(self, n) }
    /// `chebyshevPolynomialU` at `2 x - 1`.
    public func shiftedChebyshevPolynomialU(_ n: Tensor) throws -> Tensor { try PolynomialFamily.shiftedU(self, n) }
    /// `chebyshevPolynomialV` at `2 x - 1`.
    public func shiftedChebyshevPolynomialV(_ n: Tensor) throws -> Tensor { try PolynomialFamily.shiftedV(self, n) }
    /// `chebyshevPolynomialW` at `2 x - 1`.
    public func shiftedChebyshevPolynomialW(_ n: Tensor) throws -> Tensor { try PolynomialFamily.shiftedW(self, n) }
    /// Hermite's polynomial, of those of physics, of degree `n` at each element, with broadcasting.
    public func hermitePolynomialH(_ n: Tensor) throws -> Tensor { try PolynomialFamily.hermiteH(self, n) }
    /// Hermite's polynomial, of those of probabilities, of degree `n` at each element, with broadcasting.
    public func hermitePolynomialHe(_ n: Tensor) throws -> Tensor { try PolynomialFamily.hermiteHe(self, n) }
    /// Laguerre's polynomial of degree `n` at each element, with broadcasting.
    public func laguerrePolynomialL(_ n: Tensor) throws -> Tensor { try PolynomialFamily.laguerre(self, n) }
    /// Legendre's polynomial of degree `n` at each element, with broadcasting.
    public func legendrePolynomialP(_ n: Tensor) throws -> Tensor { try PolynomialFamily.legendre(self, n) }
}
