import ApusGraph
import ApusTensor

extension PatternPass {
    /// Convolutions that batch norm follows, with running statistics: one convolution with other weights. With
    /// `s = weight / sqrt(variance + eps)` for each channel the norm is `(y - mean) * s + bias`.
    static let foldBatchNorms = PatternPass(
        name: "fold batch norms",
        patterns: ["_native_batch_norm_legit_no_training", "native_batch_norm"].flatMap { norm in
            [true, false].flatMap { hasBias in
                [true, false].map { isAffine in foldedBatchNorm(norm, hasBias: hasBias, isAffine: isAffine) }
            }
        })

    private static func foldedBatchNorm(_ norm: String, hasBias: Bool, isAffine: Bool) -> LoweringPattern {
        let inputs: [[Int]] = [[1, 2, 3, 3], [2, 2, 1, 1], [2], [2]] + (hasBias ? [[2]] : []) + (isAffine ? [[2], [2]] : [])
        let trains: Bool = norm == "native_batch_norm"
        /// The inputs by their meaning.
        @Sendable func parts(_ x: [Tensor]) -> (bias: Tensor?, scale: Tensor?, shift: Tensor?) {
            (hasBias ? x[4] : nil, isAffine ? x[x.count - 2] : nil, isAffine ? x[x.count - 1] : nil)
        }
        return LoweringPattern(
            name: "batch norm of a convolution", inputs: inputs, frozen: Set(1..<inputs.count),
            before: { x in
                let (bias, scale, shift) = parts(x)
                let y: Tensor = try applySingle(
                    .convolution,
                    [
                        .tensor(x[0]), .tensor(x[1]), .optional(bias), .ints([1, 1]), .ints([0, 0]), .ints([1, 1]), .bool(false),
                        .ints([0, 0]), .int(1),
                    ])
                let statistics: [OperatorArgument] = [
                    .tensor(y), .optional(scale), .optional(shift), .tensor(x[2]), .tensor(x[3]),
                ]
                return [try first("aten::" + norm, statistics + (trains ? [.bool(false)] : []) + [.double(0.1), .double(1e-5)])]
            },
            accepts: { match in
                guard let convolution = match.node(0), let norm = match.node(1), convolution.isPlain else { return false }
                return !trains || norm.arguments[5].boolValue == false
            },
            after: { match, x in
                let (bias, scale, shift) = parts(x)
                guard let convolution = match.node(0), let epsilon = match.node(1)?.arguments.last?.doubleValue else {
                    throw TensorError(.invalidArgument, in: norm, "the epsilon is no number")
                }
                var factor: Tensor = try (x[3] + epsilon).rsqrt()
                if let scale { factor = try factor * scale }
                let weight: Tensor = try x[1] * factor.reshaped([-1] + Array(repeating: 1, count: x[1].rank - 1))
                var offset: Tensor = try bias.map { try ($0 - x[2]) * factor } ?? -x[2] * factor
                if let shift { offset = try offset + shift }
                return [
                    try applySingle(
                        .convolution, [.tensor(x[0]), .tensor(weight), .tensor(offset)] + convolution.plainArguments(from: 3))
                ]
            })
    }

    /// The first result of an operator of the table.
    static func first(_ name: String, _ arguments: [OperatorArgument]) throws -> Tensor {
        guard let operation = OperatorTable.find(name), let result = try applyTensors(operation, arguments).first else {
            throw TensorError(.unsupported, in: name, "is not in the operator table")
        }
        return result
    }
}

extension Node {
    /// Whether a convolution is not a transposed one.
    fileprivate var isPlain: Bool { arguments.count > 6 && arguments[6].boolValue == false }

    /// The arguments from a position on, which hold no values.
    func plainArguments(from position: Int) throws -> [OperatorArgument] {
        try arguments[position...].map { argument in
            try argument.map { _ in throw TensorError(.invalidArgument, in: self.operator.schema.name, "a number is expected") }
        }
    }
}

extension ArgumentOf {
    var boolValue: Bool? {
        switch self {
        case .scalar(.bool(let value)): value
        case .symBool(let condition): condition.constant
        default: nil
        }
    }

    var doubleValue: Double? {
        if case .scalar(let number) = self { return number.doubleValue }
        return nil
    }
}
