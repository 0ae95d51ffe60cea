import ApusGraph
import ApusTensor

extension PatternPass {
    /// Activations that programs write in parts, as the one operator that they are.
    static let activations = PatternPass(name: "activations", patterns: gelus + sigmoids + [silu])

    // MARK: Gelu

    /// `x * half * (1 + f)`, in the orders in which it is written.
    private enum Halving: CaseIterable {
        case argument, factor, product

        func apply(_ x: Tensor, _ f: Tensor) throws -> Tensor {
            let sum: Tensor = try number("aten::add.Scalar", f, 1)
            switch self {
            case .argument: return try times(half(x), sum)
            case .factor: return try times(x, half(sum))
            case .product: return try half(times(x, sum))
            }
        }

        private func half(_ x: Tensor) throws -> Tensor { try number("aten::mul.Scalar", x, 0.5) }
    }

    /// What the curve is taken of.
    private enum Curve: CaseIterable {
        /// erf(x / sqrt(2)), by a product or a quotient.
        case product, quotient
        /// tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)), the cube by a power or by products, or drawn out.
        case power, cube, drawnOut

        func apply(_ x: Tensor) throws -> Tensor {
            switch self {
            case .product: return try first("aten::erf", [.tensor(number("aten::mul.Scalar", x, 0.5.squareRoot()))])
            case .quotient: return try first("aten::erf", [.tensor(number("aten::div.Scalar", x, 2.squareRoot()))])
            case .power, .cube:
                let cube: Tensor =
                    try self == .power ? number("aten::pow.Tensor_Scalar", x, 3) : times(times(x, x), x)
                let sum: Tensor = try first("aten::add.Tensor", [.tensor(x), .tensor(number("aten::mul.Scalar", cube, bend)), .int(1)])
                return try first("aten::tanh", [.tensor(number("aten::mul.Scalar", sum, slope))])
            case .drawnOut:
                let square: Tensor = try times(number("aten::mul.Scalar", x, bend), x)
                let scaled: Tensor = try number("aten::mul.Scalar", x, slope)
                return try first("aten::tanh", [.tensor(times(scaled, number("aten::add.Scalar", square, 1)))])
            }
        }

        private var bend: Double { 0.044715 }
        private var slope: Double { (2 / Double.pi).squareRoot() }
        var approximation: Tensor.GeluApproximation { [.product, .quotient].contains(self) ? .none : .tanh }
    }

    private static let gelus: [LoweringPattern] = Halving.allCases.flatMap { halving in
        Curve.allCases.map { curve in
            activation("gelu", before: { try halving.apply($0, curve.apply($0)) }, after: { try $0.gelu(approximate: curve.approximation) })
        }
    }

    // MARK: Sigmoids

    private static let silu = activation(
        "silu", before: { try times($0, first("aten::sigmoid", [.tensor($0)])) }, after: { try $0.silu() })

    /// min(max(x, 0), 6), as it is written.
    private enum Clamp: CaseIterable {
        case clamp, clamps, minimumOfMaximum, hardtanh, relu6

        func apply(_ x: Tensor) throws -> Tensor {
            switch self {
            case .clamp: return try first("aten::clamp", [.tensor(x), .int(0), .int(6)])
            case .clamps:
                return try first("aten::clamp", [.tensor(first("aten::clamp", [.tensor(x), .int(0), .none])), .none, .int(6)])
            case .minimumOfMaximum: return try number("aten::clamp_max", number("aten::clamp_min", x, 0), 6)
            case .hardtanh: return try first("aten::hardtanh", [.tensor(x), .int(0), .int(6)])
            case .relu6: return try first("aten::relu6", [.tensor(x)])
            }
        }
    }

    private static let sigmoids: [LoweringPattern] = Clamp.allCases.flatMap { clamp in
        [("aten::div.Scalar", 6.0), ("aten::mul.Scalar", 1 / 6)].flatMap { name, sixth in
            @Sendable func clamped(_ x: Tensor) throws -> Tensor { try clamp.apply(number("aten::add.Scalar", x, 3)) }
            return [
                activation(
                    "hardswish", before: { try times($0, number(name, clamped($0), sixth)) }, after: { try $0.hardswish() }),
                activation(
                    "hardswish", before: { try number(name, times($0, clamped($0)), sixth) }, after: { try $0.hardswish() }),
                activation("hardsigmoid", before: { try number(name, clamped($0), sixth) }, after: { try $0.hardsigmoid() }),
            ]
        }
    }

    // MARK: Helpers

    /// A function of one tensor. Numbers must be those of `before`, to the last bit but few: constants are written with few digits.
    private static func activation(
        _ name: String, before: @escaping @Sendable (Tensor) throws -> Tensor, after: @escaping @Sendable (Tensor) throws -> Tensor
    ) -> LoweringPattern {
        LoweringPattern(
            name: name, inputs: [[2, 3]], before: { [try before($0[0])] },
            accepts: { match in
                guard let dtype = match.spec(0)?.dtype, dtype == .float32 || dtype == .float64 else { return false }
                return match.numbersAreThoseOfThePattern(within: dtype == .float32 ? 1e-6 : 1e-15)
            },
            after: { _, x in [try after(x[0])] })
    }

    static func number(_ name: String, _ x: Tensor, _ value: Double) throws -> Tensor {
        let more: [OperatorArgument] = name == "aten::add.Scalar" ? [.int(1)] : []
        return try first(name, [.tensor(x), .double(value)] + more)
    }

    static func times(_ a: Tensor, _ b: Tensor) throws -> Tensor { try first("aten::mul.Tensor", [.tensor(a), .tensor(b)]) }
}
