import ApusSymbolic

// Operators of programs that PyTorch's and torchao's pt2e flows have quantised: plain operations around integers that stand for real numbers,
// `(level - zero point) * scale`. Formulas: torch/ao/quantization/fx/_decomposed.py.

extension Operator {
    /// How the numbers of a tensor operator come: as numbers, or as tensors of one element.
    private enum Numbers: CaseIterable {
        case plain
        case scaleAndZeroPoint
        case all

        var overload: String { [.plain: "", .scaleAndZeroPoint: ".tensor", .all: ".tensor2"][self] ?? "" }
        var parameters: String {
            switch self {
            case .plain: "float scale, int zero_point, int quant_min, int quant_max"
            case .scaleAndZeroPoint: "Tensor scale, Tensor zero_point, int quant_min, int quant_max"
            case .all: "Tensor scale, Tensor zero_point, Tensor quant_min, Tensor quant_max"
            }
        }

        func sample(_ x: Tensor, _ scale: Double, _ zeroPoint: Int, _ low: Int, _ high: Int) throws -> [OperatorArgument] {
            func one(_ value: Int) throws -> OperatorArgument { .tensor(try Tensor([value], shape: [])) }
            let bounds: [OperatorArgument] = self == .all ? [try one(low), try one(high)] : [.int(low), .int(high)]
            if self == .plain { return [.tensor(x), .double(scale), .int(zeroPoint)] + bounds }
            return [.tensor(x), .tensor(try Tensor([scale], shape: [])), try one(zeroPoint)] + bounds
        }
    }

    private static func quantizePerTensor(_ numbers: Numbers) -> Operator {
        composite(
            "quantized_decomposed::quantize_per_tensor\(numbers.overload)(Tensor input, \(numbers.parameters), ScalarType dtype) -> Tensor",
            "`round(input / scale) + zero_point`, held between `quant_min` and `quant_max`, in `dtype`. Half precision is computed in float32; "
                + "tensors among the numbers have one element.",
            samples: {
                [
                    try numbers.sample(.sample([3, 4]), 0.0173, 100, 0, 255) + [.dtype(.uint8)],
                    try numbers.sample(.sample([5], dtype: .bfloat16), 0.02, -3, -127, 127) + [.dtype(.int8)],
                ]
            }
        ) { call in
            var x: Tensor = try call.tensor(0)
            if x.dtype == .float16 || x.dtype == .bfloat16 { x = try x.to(.float32) }
            guard x.dtype == .float32 else { throw call.error(.dtypeMismatch, "quantises float32 or half precision, not \(x.dtype)") }
            let (inverse, zeroPoint): (OperatorArgument, OperatorArgument)
            if case .scalar = call[1] {
                (inverse, zeroPoint) = (.double(1 / (try call.double(1))), call[2])
            } else {
                inverse = .tensor(try call.one(1).to(.float64).reciprocal().to(.float32))
                zeroPoint = .tensor(try call.one(2).to(.float32))
            }
            return [.tensor(try call.levels(x, inverse, zeroPoint, call[3], call[4]).to(call.levelDType(5)))]
        }
    }

    private static func dequantizePerTensor(_ numbers: Numbers) -> Operator {
        composite(
            "quantized_decomposed::dequantize_per_tensor\(numbers.overload)(Tensor input, \(numbers.parameters), ScalarType dtype, *, ScalarType? out_dtype=None) -> Tensor",
            "`(input - zero_point) * scale` in float32 or another floating-point dtype. `dtype` is the input's; the bounds say what it may hold.",
            gradient: noGradient,
            samples: {
                [
                    try numbers.sample(.sample([3, 4], dtype: .uint8), 0.0173, 100, 0, 255) + [.dtype(.uint8), .none],
                    try numbers.sample(.sample([5], dtype: .int8), 0.02, -3, -127, 127) + [.dtype(.int8), .dtype(.float16)],
                ]
            }
        ) { call in
            let x: Tensor = try call.levels(0, of: 5)
            let dtype: DType = try call.dtype(6) ?? .float32
            if case .scalar = call[1] {
                let shifted = try applySingle(.subTensor, [.tensor(try x.to(dtype)), call[2], .int(1)])
                return [.tensor(try applySingle(.mulTensor, [.tensor(shifted), call[1]]))]
            }
            let compute: DType = dtype == .float64 ? .float64 : .float32
            let (scale, zeroPoint): (Tensor, Tensor) = (try call.one(1).to(compute), try call.one(2).to(compute))
            return [.tensor(try ((x.to(dtype) - zeroPoint) * scale).to(dtype))]
        }
    }

    static let quantizePerChannel: Operator = composite(
        "quantized_decomposed::quantize_per_channel(Tensor input, Tensor scales, Tensor zero_points, int axis, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
        "`round(input / scale) + zero_point`, held between `quant_min` and `quant_max`, in `dtype`, with a scale and a zero point for each position of "
            + "dimension `axis`.",
        samples: {
            let (scales, zeros) = (try Tensor([0.01, 0.02, 0.5] as [Float], shape: [3]), try Tensor([0, 3, -7] as [Int], shape: [3]))
            return [
                [.tensor(try .sample([3, 4])), .tensor(scales), .tensor(zeros), .int(0), .int(-128), .int(127), .dtype(.int8)],
                [.tensor(try .sample([2, 3])), .tensor(scales), .tensor(zeros), .int(1), .int(-128), .int(127), .dtype(.int8)],
            ]
        }
    ) { call in
        let x: Tensor = try call.tensor(0)
        let (scales, zeros): (Tensor, Tensor) = (try call.alongAxis(1, 3), try call.alongAxis(2, 3))
        return [
            .tensor(try call.levels(x, .tensor(scales.reciprocal()), .tensor(zeros), call[4], call[5]).to(call.levelDType(6)))
        ]
    }

    static let dequantizePerChannel: Operator = composite(
        "quantized_decomposed::dequantize_per_channel(Tensor input, Tensor scales, Tensor? zero_points, int axis, int quant_min, int quant_max, ScalarType dtype, *, ScalarType? out_dtype=None) -> Tensor",
        "`(input - zero_point) * scale` in float32 or another floating-point dtype, with a scale and a zero point for each position of dimension "
            + "`axis`.",
        gradient: noGradient,
        samples: {
            let (scales, zeros) = (try Tensor([0.01, 0.02, 0.5] as [Float], shape: [3]), try Tensor([0, 3, -7] as [Int], shape: [3]))
            let rest: [OperatorArgument] = [.int(-128), .int(127), .dtype(.int8), .none]
            return [
                [.tensor(try .sample([3, 4], dtype: .int8)), .tensor(scales), .tensor(zeros), .int(0)] + rest,
                [.tensor(try .sample([2, 3], dtype: .int8)), .tensor(scales), .none, .int(-1)] + rest,
            ]
        }
    ) { call in
        var x: Tensor = try call.levels(0, of: 6)
        if case .tensor = call[2] { x = try x - call.alongAxis(2, 3) }
        return [.tensor(try (x * call.alongAxis(1, 3)).to(call.dtype(7) ?? .float32))]
    }

    static let quantizePerChannelGroup: Operator = composite(
        "quantized_decomposed::quantize_per_channel_group(Tensor input, Tensor scales, Tensor zero_points, int quant_min, int quant_max, ScalarType dtype, int group_size) -> Tensor",
        "As `quantize_per_channel` for the rows of a matrix, with a scale and a zero point for each `group_size` columns, of which there must be a "
            + "whole number. The zero point is added before rounding.",
        samples: {
            let (scales, zeros) = (
                try Tensor([0.01, 0.02, 0.5, 0.1] as [Float], shape: [2, 2]), try Tensor([0, 3, -7, 1] as [Int], shape: [2, 2])
            )
            return [
                [.tensor(try .sample([2, 6])), .tensor(scales), .tensor(try zeros.to(.int32)), .int(-8), .int(7), .dtype(.int8), .int(3)]
            ]
        }
    ) { call in
        let x: Tensor = try call.tensor(0)
        let (scales, zeros): (Tensor, Tensor) = (try call.perGroup(1, 6), try call.perGroup(2, 6))
        let level: Tensor = try (x * scales.reciprocal() + zeros).round()
        return [.tensor(try applySingle(.clamp, [.tensor(level), call[3], call[4]]).to(call.levelDType(5)))]
    }

    static let dequantizePerChannelGroup: Operator = composite(
        "quantized_decomposed::dequantize_per_channel_group(Tensor input, Tensor scales, Tensor? zero_points, int quant_min, int quant_max, ScalarType dtype, int group_size, ScalarType output_dtype) -> Tensor",
        "`(input - zero_point) * scale` for the rows of a matrix, with a scale and a zero point for each `group_size` columns.",
        gradient: noGradient,
        samples: {
            let (scales, zeros) = (
                try Tensor([0.01, 0.02, 0.5, 0.1] as [Float], shape: [2, 2]), try Tensor([0, 3, -7, 1] as [Int], shape: [2, 2])
            )
            let rest: [OperatorArgument] = [.int(-8), .int(7), .dtype(.int8), .int(3), .dtype(.float32)]
            return [
                [.tensor(try .sample([2, 6], dtype: .int8)), .tensor(scales), .tensor(try zeros.to(.int32))] + rest,
                [.tensor(try .sample([2, 6], dtype: .int8)), .tensor(scales), .none] + rest,
            ]
        }
    ) { call in
        var x: Tensor = try call.tensor(0)
        if case .tensor = call[2] { x = try x - call.perGroup(2, 6) }
        return [.tensor(try (x * call.perGroup(1, 6)).to(call.dtype(7) ?? .float32))]
    }

    static let quantizePerToken: Operator = composite(
        "quantized_decomposed::quantize_per_token(Tensor input, Tensor scales, Tensor zero_points, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
        "`round(input / scale + zero_point)`, held between `quant_min` and `quant_max`, in `dtype`; scales and zero points broadcast.",
        samples: {
            let (scales, zeros) = (try Tensor([0.01, 0.02] as [Double], shape: [2, 1]), try Tensor([0, 3] as [Int], shape: [2, 1]))
            return [[.tensor(try .sample([2, 3])), .tensor(scales), .tensor(zeros), .int(-128), .int(127), .dtype(.int8)]]
        }
    ) { call in
        let level: Tensor = try (call.tensor(0) * call.tensor(1).reciprocal() + call.tensor(2)).round()
        return [.tensor(try applySingle(.clamp, [.tensor(level), call[3], call[4]]).to(call.levelDType(5)))]
    }

    static let dequantizePerToken: Operator = composite(
        "quantized_decomposed::dequantize_per_token(Tensor input, Tensor scales, Tensor zero_points, int quant_min, int quant_max, ScalarType dtype, ScalarType output_dtype) -> Tensor",
        "`(input - zero_point) * scale` in `output_dtype`; scales and zero points broadcast.",
        gradient: noGradient,
        samples: {
            let (scales, zeros) = (try Tensor([0.01, 0.02] as [Double], shape: [2, 1]), try Tensor([0, 3] as [Int], shape: [2, 1]))
            return [
                [
                    .tensor(try .sample([2, 3], dtype: .int8)), .tensor(scales), .tensor(zeros), .int(-128), .int(127), .dtype(.int8),
                    .dtype(.float32),
                ]
            ]
        }
    ) { call in
        [.tensor(try ((call.tensor(0) - call.tensor(2)) * call.tensor(1)).to(call.dtype(6) ?? .float32))]
    }

    private static func chooseParameters(_ name: String, isSymmetric: Bool, _ documentation: String) -> Operator {
        composite(
            "quantized_decomposed::\(name).tensor(Tensor input, int quant_min, int quant_max, float eps, ScalarType dtype) -> (Tensor, Tensor)",
            documentation + " Both have one element, in float64 and int64. NaN and infinity among the elements make the scale one.",
            gradient: noGradient,
            samples: {
                [
                    [.tensor(try .sample([2, 3])), .int(0), .int(255), .double(0.000244140625), .dtype(.uint8)],
                    [.tensor(try .sample([4]).abs()), .int(-128), .int(127), .double(1), .dtype(.int8)],
                ]
            }
        ) { call in
            let x: Tensor = try call.tensor(0)
            let (low, high): (SymInt, SymInt) = (try call.int(1), try call.int(2))
            let epsilon: Tensor = try Tensor.full([1], Float(call.double(3)))
            let (least, most) = try x.aminmax()
            let (negative, positive): (Tensor, Tensor) = (try least.clamp(max: 0), try most.clamp(min: 0))
            let width = Double(try call.known(high - low))
            if isSymmetric {
                let scale: Tensor = try (negative.neg().maximum(positive) / (width / 2)).maximum(epsilon)
                let zeroPoint: Int = try call.dtype(4) == .uint8 ? 128 : 0
                return [.tensor(try scale.to(.float64)), .tensor(try Tensor.full([1], zeroPoint))]
            }
            let scale: Tensor = try ((positive - negative) / width).maximum(epsilon)
            let zeroPoint: Tensor = try (low - (negative / scale).round().to(.int64)).clamp(min: low, max: high)
            return [.tensor(try scale.to(.float64)), .tensor(zeroPoint)]
        }
    }

    static let choosePerToken: Operator = composite(
        "quantized_decomposed::choose_qparams_per_token_asymmetric(Tensor input, ScalarType dtype) -> (Tensor, Tensor)",
        "Scale and zero point for each row of the last dimension, for the levels -128 to 127: float64 and int64, with that dimension of size 1.",
        gradient: noGradient,
        samples: { [[.tensor(try .sample([2, 3])), .dtype(.int8)], [.tensor(try .sample([2, 2, 4]).abs()), .dtype(.int8)]] }
    ) { call in
        let x: Tensor = try call.tensor(0)
        let negative: Tensor = try x.amin(dim: -1, keepDim: true).clamp(max: 0)
        let positive: Tensor = try x.amax(dim: -1, keepDim: true).clamp(min: 0)
        let scale: Tensor = try ((positive - negative) / 255).clamp(min: Double(Float.ulpOfOne))
        let (low, high): (Tensor, Tensor) = (try negative / scale, try positive / scale)
        let zeroPoint: Tensor = try Tensor.where((-128 + low) + (127 + high) .> 0, -128 - low, 127 - high)
        return [.tensor(try scale.to(.float64)), .tensor(try zeroPoint.clamp(min: -128, max: 127).round().to(.int64))]
    }

    /// PyTorch gives none either: what is quantised is not trained.
    static let noGradient: Gradient = { g in throw g.call.error(.notDifferentiable, "has no gradient") }

    static let quantizations: [Operator] =
        Numbers.allCases.map(quantizePerTensor) + Numbers.allCases.map(dequantizePerTensor) + [
            quantizePerChannel, dequantizePerChannel, quantizePerChannelGroup, dequantizePerChannelGroup, quantizePerToken,
            dequantizePerToken,
            chooseParameters(
                "choose_qparams", isSymmetric: false, "Scale and zero point that spread the levels over all elements and zero."),
            chooseParameters(
                "choose_qparams_symmetric", isSymmetric: true, "Scale and zero point that spread the levels evenly to both sides of zero."),
            choosePerToken,
        ]
}

extension Call {
    /// Levels of real numbers, `round(x * inverse) + zero point`, held between two of them.
    func levels(
        _ x: Tensor, _ inverse: OperatorArgument, _ zeroPoint: OperatorArgument, _ low: OperatorArgument, _ high: OperatorArgument
    ) throws -> Tensor {
        var level: Tensor = try applySingle(.mulTensor, [.tensor(x), inverse]).round()
        if zeroPoint.isGiven { level = try applySingle(.addTensor, [.tensor(level), zeroPoint, .int(1)]) }
        guard case .tensor(let least) = low, case .tensor(let most) = high else {
            return try applySingle(.clamp, [.tensor(level), low, high])
        }
        return try level.clamp(min: least.reshaped([]).to(level.dtype), max: most.reshaped([]).to(level.dtype))
    }

    /// The levels of an argument, whose dtype another one states.
    func levels(_ index: Int, of dtype: Int) throws -> Tensor {
        let (x, stated): (Tensor, DType) = (try tensor(index), try levelDType(dtype))
        guard x.dtype == stated else { throw error(.dtypeMismatch, "the levels are of \(x.dtype) where \(stated) is stated") }
        return x
    }

    /// A dtype of integers.
    func levelDType(_ index: Int) throws -> DType {
        guard let dtype = try dtype(index), dtype.isInteger else { throw error(.dtypeMismatch, "levels are of integers") }
        return dtype
    }

    /// A tensor of one element, as one without dimensions.
    fileprivate func one(_ index: Int) throws -> Tensor { try tensor(index).reshaped([]) }

    /// Numbers for the positions of a dimension of the first argument, so that they broadcast.
    fileprivate func alongAxis(_ index: Int, _ axis: Int) throws -> Tensor {
        let (x, numbers): (Tensor, Tensor) = (try tensor(0), try tensor(index))
        let dim: Int = try dimension(axis, rank: x.rank)
        guard x.rank > 0, numbers.rank == 1 else {
            throw error(.shapeMismatch, "one number for each position of dimension \(dim) is expected")
        }
        try require(
            numbers.shape[0] == x.shape[dim],
            error(.shapeMismatch, "\(numbers.shape[0]) numbers for the shape \(x.shape) along dimension \(dim)"))
        var sizes: [SymInt] = Array(repeating: 1, count: x.rank)
        sizes[dim] = numbers.shape[0]
        return try numbers.reshaped(sizes)
    }

    /// Numbers for groups of columns of a matrix, the first argument, so that they broadcast.
    fileprivate func perGroup(_ index: Int, _ group: Int) throws -> Tensor {
        let (x, numbers, size): (Tensor, Tensor, Int) = (try tensor(0), try tensor(index), try constant(group))
        guard x.rank == 2, size > 0 else { throw error(.shapeMismatch, "takes a matrix and groups of at least one column") }
        guard let columns = x.shape[1].constant, columns % size == 0 else {
            throw error(.shapeMismatch, "\(x.shape[1]) columns are no whole number of groups of \(size)")
        }
        return try numbers.reshaped([x.shape[0], SymInt(columns / size)]).repeatInterleave(size, dim: 1)
    }
}

extension OperatorArgument {
    fileprivate var isGiven: Bool { if case .none = self { false } else { true } }
}
