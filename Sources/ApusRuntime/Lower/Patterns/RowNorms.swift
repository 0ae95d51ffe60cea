import ApusGraph
import ApusTensor

extension PatternPass {
    /// Layer norm and RMS norm over the last dimension in parts, as one operator, and layer norm over channels without permuting them.
    static let rowNorms = PatternPass(name: "row norms", patterns: layerNorms + rmsNorms + channelNorms)

    /// How a square is written.
    private enum Square: CaseIterable {
        case power, product

        func apply(_ x: Tensor) throws -> Tensor {
            try self == .power ? number("aten::pow.Tensor_Scalar", x, 2) : times(x, x)
        }
    }

    /// How values are divided by the root of a variance.
    private enum Division: CaseIterable {
        case product, quotient, power

        func apply(_ x: Tensor, _ variance: Tensor) throws -> Tensor {
            let sum: Tensor = try number("aten::add.Scalar", variance, 1e-5)
            switch self {
            case .product: return try times(x, first("aten::rsqrt", [.tensor(sum)]))
            case .quotient: return try first("aten::div.Tensor", [.tensor(x), .tensor(first("aten::sqrt", [.tensor(sum)]))])
            case .power: return try times(x, number("aten::pow.Tensor_Scalar", sum, -0.5))
            }
        }
    }

    /// What follows the norm, as far as it is there.
    private enum Affine: CaseIterable {
        case none, weight, weightAndBias

        var inputs: [[Int]] { self == .none ? [] : self == .weight ? [[4]] : [[4], [4]] }

        func apply(_ x: Tensor, _ parameters: [Tensor]) throws -> Tensor {
            if self == .none { return x }
            let scaled: Tensor = try times(x, parameters[0])
            return try self == .weight ? scaled : first("aten::add.Tensor", [.tensor(scaled), .tensor(parameters[1]), .int(1)])
        }
    }

    /// How the variance of values with a mean is written.
    private enum Spread: CaseIterable {
        case power, product, variance, both

        /// What the mean is taken from, and the variance.
        func apply(_ x: Tensor) throws -> (centred: Tensor, variance: Tensor) {
            let further: [OperatorArgument] = [.ints([-1]), .int(0), .bool(true)]
            if self == .both {
                let both: [Tensor] = try applyTensors(.named("var_mean.correction"), [.tensor(x)] + further)
                return (try centred(x, both[1]), both[0])
            }
            let own: Tensor = try centred(x, mean(x))
            switch self {
            case .variance: return (own, try first("aten::var.correction", [.tensor(x)] + further))
            case .power: return (own, try mean(Square.power.apply(own)))
            default: return (own, try mean(Square.product.apply(own)))
            }
        }

        private func centred(_ x: Tensor, _ mean: Tensor) throws -> Tensor {
            try first("aten::sub.Tensor", [.tensor(x), .tensor(mean), .int(1)])
        }
    }

    private static let layerNorms: [LoweringPattern] = combined(Affine.allCases) { (spread: Spread, division, affine) in
        LoweringPattern(
            name: "layer norm", inputs: [[2, 3, 4]] + affine.inputs,
            before: { x in
                let (own, variance) = try spread.apply(x[0])
                return [try affine.apply(division.apply(own, variance), Array(x[1...]))]
            },
            accepts: isRowNorm,
            after: { match, x in
                let parameters: [OperatorArgument] = [.optional(x.count > 1 ? x[1] : nil), .optional(x.count > 2 ? x[2] : nil)]
                let further: [OperatorArgument] = parameters + [.double(match.number("aten::add.Scalar", 1) ?? 0)]
                return [try first("aten::native_layer_norm", [.tensor(x[0]), .ints([x[0].shape[-1]])] + further)]
            })
    }

    private static let rmsNorms: [LoweringPattern] = combined([.none, .weight]) { (square: Square, division, affine) in
        LoweringPattern(
            name: "RMS norm", inputs: [[2, 3, 4]] + affine.inputs,
            before: { x in
                let normed: Tensor = try division.apply(x[0], mean(square.apply(x[0])))
                return [try affine.apply(normed, Array(x[1...]))]
            },
            accepts: isRowNorm,
            after: { match, x in
                [try x[0].rmsNorm([x[0].shape[-1]], weight: x.count > 1 ? x[1] : nil, epsilon: match.number("aten::add.Scalar", 1) ?? 0)]
            })
    }

    /// Layer norm over the channels of images, which become the last dimension for it and the second one again.
    private static let channelNorms: [LoweringPattern] = ["aten::layer_norm", "aten::native_layer_norm"].flatMap { name in
        [Affine.weightAndBias, .weight, .none].map { affine in
            LoweringPattern(
                name: "layer norm of channels", inputs: [[2, 4, 3, 3]] + affine.inputs,
                before: { x in
                    let rows: Tensor = try first("aten::permute", [.tensor(x[0]), .ints([0, 2, 3, 1])])
                    let parameters: [OperatorArgument] = [.optional(x.count > 1 ? x[1] : nil), .optional(x.count > 2 ? x[2] : nil)]
                    let further: [OperatorArgument] = name == "aten::layer_norm" ? [.double(1e-5), .bool(true)] : [.double(1e-5)]
                    let normed: Tensor = try first(name, [.tensor(rows), .ints([4])] + parameters + further)
                    return [try first("aten::permute", [.tensor(normed), .ints([0, 3, 1, 2])])]
                },
                accepts: { isChannelNorm($0, name) },
                after: { match, x in
                    let parameters: [OperatorArgument] = [.optional(x.count > 1 ? x[1] : nil), .optional(x.count > 2 ? x[2] : nil)]
                    return try applyTensors(.channelNorm, [.tensor(x[0])] + parameters + [.double(match.number(name, 4) ?? 0)])
                })
        }
    }

    /// Whether it is over the second dimension alone, which comes last for it, and back to where it was.
    private static func isChannelNorm(_ match: LoweringPattern.Match, _ name: String) -> Bool {
        let specs: [TensorSpec?] = match.pattern.inputs.indices.map { match.spec($0) }
        guard let rank = match.shape(0)?.count, rank > 2, specs.allSatisfy({ $0?.dtype == .float32 }) else { return false }
        let (there, back) = (match.node("aten::permute"), match.node("aten::permute", 1))
        guard case .ints(let normed)? = match.node(name)?.arguments[1] else { return false }
        return there?.permutation(rank: rank) == [0] + Array(2..<rank) + [1]
            && back?.permutation(rank: rank) == [0, rank - 1] + Array(1..<(rank - 1)) && normed.count == 1 && match.number(name, 4) != nil
    }

    /// The longest forms first: what they hold is not to be taken before.
    private static func combined<Form: CaseIterable>(
        _ affines: [Affine], _ pattern: (Form, Division, Affine) -> LoweringPattern
    ) -> [LoweringPattern] {
        affines.reversed().flatMap { affine in
            Form.allCases.flatMap { form in Division.allCases.map { pattern(form, $0, affine) } }
        }
    }

    private static func mean(_ x: Tensor) throws -> Tensor { try first("aten::mean.dim", [.tensor(x), .ints([-1]), .bool(true), .none]) }

    /// Whether it is over the last dimension, with parameters of its size.
    private static func isRowNorm(_ match: LoweringPattern.Match) -> Bool {
        guard let x = match.spec(0), [.float32, .float64].contains(x.dtype), let rank = match.shape(0)?.count, rank > 0 else {
            return false
        }
        func isOverLast(_ node: Node) -> Bool {
            guard case .ints(let dims) = node.arguments[1], dims.count == 1 else { return false }
            return [-1, rank - 1].contains(dims[0].constant)
        }
        let variances: [Node] = match.nodes("aten::var.correction") + match.nodes("aten::var_mean.correction")
        return match.nodes("aten::mean.dim").allSatisfy { isOverLast($0) && $0.arguments[2].boolValue == true && $0.arguments[3].isNone }
            && variances.allSatisfy { isOverLast($0) && $0.arguments[2].doubleValue == 0 && $0.arguments[3].boolValue == true }
            && match.number("aten::add.Scalar", 1) != nil && match.number("aten::add.Scalar", 2) == 1
            && match.numbersAreThoseOfThePattern(but: Set(["aten::add.Scalar", "aten::mean.dim"] + variances.map(\.operator.name)))
            && match.pattern.inputs.indices.dropFirst().allSatisfy { input in
                guard let parameter = match.spec(input), parameter.dtype == x.dtype, parameter.shape.count == 1 else { return false }
                return parameter.shape[0].isIdentical(to: x.shape[-1])
            }
    }
}
