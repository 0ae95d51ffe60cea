import ApusSymbolic
import CApusKernels

// Choosing between elements: extremes, clamping, conditions, masks.

extension Operator {
    static let minimum: Operator = extreme(
        "minimum", APUS_OP_MINIMUM, "The smaller of both; NaN where one is NaN.", isBeaten: { mine, other in try mine .> other })
    static let maximum: Operator = extreme(
        "maximum", APUS_OP_MAXIMUM, "The larger of both; NaN where one is NaN.", isBeaten: { mine, other in try mine .< other })

    static let fmin: Operator = ignoringNaN("fmin", APUS_OP_FMIN, "The smaller of both; the other where one is NaN.") { try $0 .<= $1 }
    static let fmax: Operator = ignoringNaN("fmax", APUS_OP_FMAX, "The larger of both; the other where one is NaN.") { try $0 .>= $1 }

    // MARK: Clamping

    static let clamp: Operator = clamping("aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", low: 1, high: 2)
    static let clampMin: Operator = clamping("aten::clamp_min(Tensor self, Scalar min) -> Tensor", low: 1, high: nil)
    static let clampMax: Operator = clamping("aten::clamp_max(Tensor self, Scalar max) -> Tensor", low: nil, high: 1)

    static let clampTensor: Operator = elementwise(
        "aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
        "Clamps between two tensors, one of which may be absent, with broadcasting; the maximum wins where it is below the minimum.",
        Pointwise(APUS_OP_CLAMP, arity: 3, taking: .realNumbers),
        form: { call in
            switch (try call.optionalTensor(1), try call.optionalTensor(2)) {
            case (nil, nil): throw call.error(.invalidArgument, "at least one of 'min' and 'max' must be given")
            case (_?, nil): return Pointwise(APUS_OP_MAXIMUM, arity: 2, taking: .realNumbers)
            case (nil, _?): return Pointwise(APUS_OP_MINIMUM, arity: 2, taking: .realNumbers, operandStride: 2)
            default: return Pointwise(APUS_OP_CLAMP, arity: 3, taking: .realNumbers)
            }
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let (low, high) = (try g.call.optionalTensor(1), try g.call.optionalTensor(2))
            let isLow: Tensor = try low.map { try x .< $0 } ?? x.nowhere()
            let isHigh: Tensor = try high.map { try x .> $0 } ?? x.nowhere()
            let gradient = try g.gradient
            let inside: Tensor = try (isLow | isHigh).logicalNot()
            var results: [OperatorArgument] = [try g.reduced(gradient * inside, to: 0), .none, .none]
            if let low {
                let wins: Tensor = try high.map { try isLow & (low .< $0) } ?? isLow
                results[1] = try g.reduced(gradient * wins, to: 1)
            }
            if let high {
                let wins: Tensor = try low.map { try isHigh | (high .< $0) } ?? isHigh
                results[2] = try g.reduced(gradient * wins, to: 2)
            }
            return results
        },
        samples: {
            let (x, low, high): (Tensor, Tensor, Tensor) = (
                try .sample([2, 3]), try .sample([3], in: -2...0, seed: 2), try .sample([2, 1], in: 0...1, seed: 3)
            )
            return [
                [.tensor(x), .tensor(low), .tensor(high)], [.tensor(x), .tensor(low), .none], [.tensor(x), .none, .tensor(high)],
                [.tensor(try .sample([4], dtype: .int64)), .tensor(try .full([4], 3)), .tensor(try .full([4], 5))],
            ]
        })

    static let clampMinTensor: Operator = composite(
        "aten::clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", "The larger of both, as `maximum`.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2))]] },
        { call in [.tensor(try call.tensor(0).maximum(call.tensor(1)))] })

    static let clampMaxTensor: Operator = composite(
        "aten::clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", "The smaller of both, as `minimum`.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2))]] },
        { call in [.tensor(try call.tensor(0).minimum(call.tensor(1)))] })

    static let nanToNum: Operator = unary(
        "aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor", APUS_OP_NAN_TO_NUM,
        taking: .real,
        "Replaces NaN (by 0 unless given) and the infinities (by the dtype's largest numbers unless given). Integers stay.",
        parameters: { call, compute in
            var parameters = apus_params()
            parameters.x = try call.number(1, default: 0, 0).0
            parameters.y = try call.number(2, default: compute.largestFinite, 0).0
            parameters.z = try call.number(3, default: -compute.largestFinite, 0).0
            return parameters
        },
        gradient: { g in try g.unary { gradient, x in try gradient * x.isfinite() } }, further: [.double(1), .none, .double(-3)])

    static let selection: [Operator] = [
        minimum, maximum, fmin, fmax, clamp, clampMin, clampMax, clampTensor, clampMinTensor, clampMaxTensor, nanToNum,
        alias("aten::max.other(Tensor self, Tensor other) -> Tensor", of: maximum),
        alias("aten::min.other(Tensor self, Tensor other) -> Tensor", of: minimum),
        alias("aten::clip(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", of: clamp),
        alias("aten::clip.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", of: clampTensor),
    ]

    /// The gradient goes to the winner, and half to each of two equal elements.
    private static func extreme(
        _ name: String, _ operation: apus_op, _ documentation: String,
        isBeaten: @escaping @Sendable (_ mine: Tensor, _ other: Tensor) throws -> Tensor
    ) -> Operator {
        binary(
            "aten::\(name)(Tensor self, Tensor other) -> Tensor", operation, taking: .real, documentation,
            gradient: { g in
                let (a, b) = (try g.call.tensor(0), try g.call.tensor(1))
                @Sendable func share(_ gradient: Tensor, _ mine: Tensor, _ other: Tensor) throws -> Tensor {
                    try Tensor.where(a .== b, gradient / 2, gradient).maskedFill(isBeaten(mine, other), 0)
                }
                return try g.binary({ gradient in try share(gradient, a, b) }, { gradient in try share(gradient, b, a) })
            })
    }

    private static func ignoringNaN(
        _ name: String, _ operation: apus_op, _ documentation: String, _ wins: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
    ) -> Operator {
        binary(
            "aten::\(name)(Tensor self, Tensor other) -> Tensor", operation, taking: .real, documentation,
            gradient: { g in
                let (a, b) = (try g.call.tensor(0), try g.call.tensor(1))
                let first: Tensor = try wins(a, b) | b.isnan()
                return try g.binary({ gradient in try gradient * first }, { gradient in try gradient.maskedFill(first, 0) })
            })
    }

    /// Clamping between numbers at these argument positions, where the schema has them.
    private static func clamping(_ schema: String, low: Int?, high: Int?) -> Operator {
        let positions: [Int] = [low, high].compactMap { $0 }
        let pointwise = Pointwise(
            APUS_OP_CLAMP_SCALARS, arity: 1, taking: .realNumbers, promoting: positions,
            parameters: { call, compute in
                for position in positions {
                    if let number = try call.optionalScalar(position) { try call.requireFits(number, compute) }
                }
                var parameters = apus_params()
                (parameters.x, parameters.i) = try low.map { try call.bound($0, compute, -.infinity, .min) } ?? (-.infinity, .min)
                (parameters.y, parameters.j) = try high.map { try call.bound($0, compute, .infinity, .max) } ?? (.infinity, .max)
                return parameters
            })
        // Between NaN and anything there is nothing: no element is above infinity, and all become NaN.
        let nowhere = Pointwise(
            APUS_OP_THRESHOLD, arity: 1, taking: .realNumbers, promoting: positions,
            parameters: { _, _ in
                var parameters = apus_params()
                (parameters.x, parameters.y) = (.infinity, .nan)
                return parameters
            })
        return elementwise(
            schema,
            "Clamps between numbers, one of which may be absent, in the promoted dtype; the maximum wins where it is below the minimum.",
            pointwise,
            form: { call in
                guard try positions.contains(where: { try call.optionalScalar($0) != nil }) else {
                    throw call.error(.invalidArgument, "at least one of 'min' and 'max' must be given")
                }
                let isNowhere: Bool = try positions.contains { try call.optionalScalar($0)?.doubleValue?.isNaN ?? false }
                return isNowhere ? nowhere : pointwise
            },
            gradient: { g in
                let lowest: Scalar? = try low.flatMap { try g.call.optionalScalar($0) }
                let highest: Scalar? = try high.flatMap { try g.call.optionalScalar($0) }
                return try g.unary { gradient, x in
                    if [lowest, highest].contains(where: { $0?.doubleValue?.isNaN ?? false }) { return try gradient.zerosLike() }
                    var kept: Tensor = gradient
                    if let lowest { kept = try kept.maskedFill(x .< lowest, 0) }
                    if let highest { kept = try kept.maskedFill(x .> highest, 0) }
                    return kept
                }
            },
            samples: {
                let bounds: [[OperatorArgument]] =
                    positions.count == 2
                    ? [[.int(-1), .int(1)], [.double(0.5), .none], [.none, .double(0.5)]] : [[.double(0.5)], [.int(1)]]
                return try bounds.flatMap { try pointwise.unarySamples(-2...2, $0) }
            })
    }
}

extension Call {
    /// A bound of clamping, or a stand-in where none is given. In an unsigned dtype a negative one wraps around, as in PyTorch.
    fileprivate func bound(_ index: Int, _ compute: DType, _ double: Double, _ integer: Int64) throws -> (Double, Int64) {
        if case .none = self[index] { return (double, integer) }
        let (real, whole) = try number(index, default: double, integer)
        return (real, compute == .uint8 ? Int64(UInt8(truncatingIfNeeded: whole)) : whole)
    }
}

extension DType {
    /// The largest finite number, as a double; 0 for other than floating-point types.
    var largestFinite: Double {
        switch self {
        case .float16: 65504
        case .bfloat16: 0x1.fep127
        case .float32, .complex64: Double(Float.greatestFiniteMagnitude)
        case .float64, .complex128: .greatestFiniteMagnitude
        default: 0
        }
    }
}

extension Tensor {
    /// The smaller of both, elementwise with broadcasting; NaN where one is NaN.
    public func minimum(_ other: Tensor) throws -> Tensor { try applyPointwise(.minimum, self, other) { [.tensor(self), .tensor(other)] } }
    /// The larger of both, elementwise with broadcasting; NaN where one is NaN.
    public func maximum(_ other: Tensor) throws -> Tensor { try applyPointwise(.maximum, self, other) { [.tensor(self), .tensor(other)] } }
    /// The smaller of both; the other where one is NaN.
    public func fmin(_ other: Tensor) throws -> Tensor { try applyPointwise(.fmin, self, other) { [.tensor(self), .tensor(other)] } }
    /// The larger of both; the other where one is NaN.
    public func fmax(_ other: Tensor) throws -> Tensor { try applyPointwise(.fmax, self, other) { [.tensor(self), .tensor(other)] } }

    /// Clamps between numbers, in the promoted dtype. One bound may be absent.
    public func clamp(min: (any ScalarConvertible)? = nil, max: (any ScalarConvertible)? = nil) throws -> Tensor {
        try applySingle(.clamp, [.tensor(self), min.map { .scalar($0.scalar) } ?? .none, max.map { .scalar($0.scalar) } ?? .none])
    }

    /// Clamps between tensors, with broadcasting. One bound may be absent.
    public func clamp(min: Tensor?, max: Tensor?) throws -> Tensor {
        try applySingle(.clampTensor, [.tensor(self), .optional(min), .optional(max)])
    }

    /// Replaces NaN and infinities by numbers.
    public func nanToNum(
        nan: (any ScalarConvertible)? = nil, positiveInfinity: (any ScalarConvertible)? = nil,
        negativeInfinity: (any ScalarConvertible)? = nil
    ) throws -> Tensor {
        let numbers: [OperatorArgument] = [nan, positiveInfinity, negativeInfinity].map { $0.map { .float($0) } ?? .none }
        return try applySingle(.nanToNum, [.tensor(self)] + numbers)
    }

    /// False everywhere, in this shape.
    fileprivate func nowhere() throws -> Tensor { try Tensor.full(shape.sizes, false) }
}
