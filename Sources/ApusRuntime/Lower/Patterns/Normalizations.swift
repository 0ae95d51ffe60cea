import ApusGraph
import ApusTensor

extension PatternPass {
    /// Convolutions that batch norm follows, with running statistics, or a factor for each channel: one convolution with other weights. With
    /// `s = weight / sqrt(variance + eps)` for each channel the norm is `(y - mean) * s + bias`.
    static let foldBatchNorms = PatternPass(
        name: "fold batch norms",
        patterns: convolutions.flatMap { convolution in
            norms.flatMap { norm in
                [(true, true), (true, false), (false, true), (false, false)].map { hasBias, isAffine in
                    foldedBatchNorm(convolution, norm, hasBias: hasBias, isAffine: isAffine)
                }
            } + [true, false].map { foldedFactor(convolution, hasBias: $0) }
        })

    /// An operator that convolves, with its arguments behind input, weight and bias.
    private struct Convolution {
        let name: String
        let dims: Int
        let arguments: [OperatorArgument]
        /// Where it says whether it is transposed.
        var transposed: Int?
    }

    private static let convolutions: [Convolution] =
        (1...3).flatMap { dims in
            let (ones, zeros): (OperatorArgument, OperatorArgument) = (
                .ints(Array(repeating: 1, count: dims)), .ints(Array(repeating: 0, count: dims))
            )
            return [
                Convolution(name: "aten::conv\(dims)d", dims: dims, arguments: [ones, zeros, ones, .int(1)]),
                Convolution(name: "aten::conv\(dims)d.padding", dims: dims, arguments: [ones, .string("valid"), ones, .int(1)]),
            ]
        } + [
            Convolution(
                name: "aten::convolution", dims: 2,
                arguments: [.ints([1, 1]), .ints([0, 0]), .ints([1, 1]), .bool(false), .ints([0, 0]), .int(1)], transposed: 6)
        ]

    /// An operator that norms, with its arguments behind the tensors.
    private struct Norm {
        let name: String
        let arguments: [OperatorArgument]
        let epsilon: Int
        /// Where it says whether it takes the batch's own statistics.
        var training: Int?
    }

    private static let norms: [Norm] = [
        Norm(name: "aten::_native_batch_norm_legit_no_training", arguments: [.double(0.1), .double(1e-5)], epsilon: 6),
        Norm(name: "aten::native_batch_norm", arguments: [.bool(false), .double(0.1), .double(1e-5)], epsilon: 7, training: 5),
        Norm(name: "aten::batch_norm", arguments: [.bool(false), .double(0.1), .double(1e-5), .bool(false)], epsilon: 7, training: 5),
    ]

    private static func foldedBatchNorm(_ convolution: Convolution, _ norm: Norm, hasBias: Bool, isAffine: Bool) -> LoweringPattern {
        let ones: [Int] = Array(repeating: 1, count: convolution.dims)
        let inputs: [[Int]] = [[1, 2] + ones, [2, 2] + ones, [2], [2]] + (hasBias ? [[2]] : []) + (isAffine ? [[2], [2]] : [])
        /// The inputs by their meaning.
        @Sendable func parts(_ x: [Tensor]) -> (bias: Tensor?, scale: Tensor?, shift: Tensor?) {
            (hasBias ? x[4] : nil, isAffine ? x[x.count - 2] : nil, isAffine ? x[x.count - 1] : nil)
        }
        return LoweringPattern(
            name: "batch norm of a convolution", inputs: inputs, frozen: Set(1..<inputs.count),
            before: { x in
                let (bias, scale, shift) = parts(x)
                let y: Tensor = try first(convolution.name, [.tensor(x[0]), .tensor(x[1]), .optional(bias)] + convolution.arguments)
                let statistics: [OperatorArgument] = [
                    .tensor(y), .optional(scale), .optional(shift), .tensor(x[2]), .tensor(x[3]),
                ]
                return [try first(norm.name, statistics + norm.arguments)]
            },
            accepts: { match in
                func isFalse(_ node: Int, _ position: Int?) -> Bool {
                    position.map { match.node(node)?.arguments[$0].boolValue == false } ?? true
                }
                return isFalse(0, convolution.transposed) && isFalse(1, norm.training)
            },
            after: { match, x in
                let (bias, scale, shift) = parts(x)
                guard let node = match.node(0), let epsilon = match.node(1)?.arguments[norm.epsilon].doubleValue else {
                    throw TensorError(.invalidArgument, in: norm.name, "the epsilon is no number")
                }
                var factor: Tensor = try (x[3] + epsilon).rsqrt()
                if let scale { factor = try factor * scale }
                let weight: Tensor = try x[1] * factor.reshaped([-1] + Array(repeating: 1, count: x[1].rank - 1))
                var offset: Tensor = try bias.map { try ($0 - x[2]) * factor } ?? -x[2] * factor
                if let shift { offset = try offset + shift }
                return [try first(convolution.name, [.tensor(x[0]), .tensor(weight), .tensor(offset)] + node.plainArguments(from: 3))]
            })
    }

    private static func foldedFactor(_ convolution: Convolution, hasBias: Bool) -> LoweringPattern {
        let ones: [Int] = Array(repeating: 1, count: convolution.dims)
        let inputs: [[Int]] = [[1, 2] + ones, [2, 2] + ones, [2] + ones] + (hasBias ? [[2]] : [])
        return LoweringPattern(
            name: "factor of a convolution's channels", inputs: inputs, frozen: Set(1..<inputs.count),
            before: { x in
                let y: Tensor = try first(
                    convolution.name, [.tensor(x[0]), .tensor(x[1]), .optional(hasBias ? x[3] : nil)] + convolution.arguments)
                return [try first("aten::mul.Tensor", [.tensor(y), .tensor(x[2])])]
            },
            accepts: { match in
                guard convolution.transposed.map({ match.node(0)?.arguments[$0].boolValue == false }) ?? true,
                    let weight = match.spec(1), let factor = match.spec(2), weight.dtype == factor.dtype,
                    let result = match.shape(of: match.node(0)), factor.shape.count <= result.count
                else { return false }
                // `aten::convolution` is of any number of dimensions.
                let dims: Int = weight.shape.count - 2
                guard factor.shape.count > dims else { return false }
                let channels: Int = factor.shape.count - dims - 1
                return factor.shape.indices.allSatisfy {
                    factor.shape[$0].isIdentical(to: $0 == channels ? weight.shape[0] : 1)
                }
            },
            after: { match, x in
                guard let node = match.node(0) else { throw TensorError(.invalidArgument, in: convolution.name, "is missing") }
                let factor: Tensor = try x[2].reshaped([-1])
                let weight: Tensor = try x[1] * factor.reshaped([-1] + Array(repeating: 1, count: x[1].rank - 1))
                let bias: Tensor? = hasBias ? try x[3] * factor : nil
                return [try first(convolution.name, [.tensor(x[0]), .tensor(weight), .optional(bias)] + node.plainArguments(from: 3))]
            })
    }

    /// The first result of an operator of the table.
    static func first(_ name: String, _ arguments: [OperatorArgument]) throws -> Tensor {
        try applyTensors(.named(name), arguments)[0]
    }
}

extension Node {
    /// The arguments from a position on, which hold no values.
    func plainArguments(from position: Int) throws -> [OperatorArgument] {
        try arguments[position...].map { argument in
            try argument.map { _ in throw TensorError(.invalidArgument, in: self.operator.schema.name, "a number is expected") }
        }
    }
}
