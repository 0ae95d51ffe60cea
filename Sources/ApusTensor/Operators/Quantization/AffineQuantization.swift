import ApusSymbolic

// Operators of programs that torchao has quantised; blocks of any shape share a scale and a zero point. Formulas: torchao/quantization/quant_primitives.py.

extension Operator {
    static let quantizeAffine: Operator = composite(
        "torchao::quantize_affine(Tensor input, SymInt[] block_size, Tensor scale, Tensor? zero_point, ScalarType output_dtype, Scalar? quant_min=None, Scalar? quant_max=None) -> Tensor",
        "`round(input / scale) + zero_point`, held between two levels (all of `output_dtype` where they are not said). Blocks of `block_size` share a "
            + "scale and a zero point; sizes are multiples of it.",
        samples: {
            [
                [
                    .tensor(try .sample([2, 6])), .ints([1, 3]), .tensor(try Tensor([0.01, 0.02, 0.1, 0.5] as [Float], shape: [2, 2])),
                    .tensor(try Tensor([0, 1, -4, 2] as [Int], shape: [2, 2]).to(.int32)), .dtype(.int8), .int(-8), .int(7),
                ]
            ]
        }
    ) { call in
        let (scale, zeroPoint): (Tensor, Tensor?) = (try call.perBlock(2, 1), try call.optionalPerBlock(3, 1))
        let bounds: [OperatorArgument] = try call.bounds(4, 5)
        let level: Tensor = try call.levels(call.tensor(0), .tensor(scale.reciprocal()), .optional(zeroPoint), bounds[0], bounds[1])
        return [.tensor(try level.to(call.levelDType(4)))]
    }

    static let dequantizeAffine: Operator = composite(
        "torchao::dequantize_affine(Tensor input, SymInt[] block_size, Tensor scale, Tensor? zero_point, ScalarType input_dtype, Scalar? quant_min=None, Scalar? quant_max=None, ScalarType output_dtype=6) -> Tensor",
        "`(input - zero_point) * scale` in `output_dtype`. Blocks of `block_size` share a scale and a zero point; sizes are multiples of it.",
        gradient: noGradient,
        samples: {
            [
                [
                    .tensor(try .sample([2, 6], dtype: .int8)), .ints([1, 3]),
                    .tensor(try Tensor([0.01, 0.02, 0.1, 0.5] as [Float], shape: [2, 2])),
                    .tensor(try Tensor([0, 1, -4, 2] as [Int], shape: [2, 2]).to(.int32)), .dtype(.int8), .int(-8), .int(7),
                    .dtype(.float32),
                ],
                [
                    .tensor(try .sample([2, 6], dtype: .uint8)), .ints([1, 6]), .tensor(try Tensor([0.01, 0.02] as [Float], shape: [2])),
                    .none,
                    .dtype(.uint8), .none, .none, .dtype(.float32),
                ],
            ]
        }
    ) { call in
        let dtype: DType = try call.dtype(7) ?? .float32
        var x: Tensor = try call.levels(0, of: 4).to(dtype)
        if let zeroPoint = try call.optionalPerBlock(3, 1) { x = try x - zeroPoint.to(dtype) }
        return [.tensor(try (x * call.perBlock(2, 1)).to(dtype))]
    }

    static let chooseAffine: Operator = composite(
        "torchao::choose_qparams_affine(Tensor? input, str mapping_type, SymInt[] block_size, ScalarType target_dtype, Scalar? quant_min=None, Scalar? quant_max=None, float? eps=None, ScalarType? scale_dtype=None, ScalarType? zero_point_dtype=None, bool keepdim=False) -> (Tensor, Tensor)",
        "Scale and zero point for each block: `SYMMETRIC` and `SYMMETRIC_NO_CLIPPING_ERR` spread the levels evenly to both sides of zero, `ASYMMETRIC` "
            + "over the block's elements and zero. Without `keepdim`, dimensions that are one block are left out.",
        gradient: noGradient,
        samples: {
            func sample(_ mapping: String, _ keepDim: Bool) throws -> [OperatorArgument] {
                [
                    .tensor(try .sample([2, 6])), .string(mapping), .ints([1, 3]), .dtype(.int8), .int(-128), .int(127), .double(1e-6),
                    .dtype(.float32),
                    .dtype(.int32), .bool(keepDim),
                ]
            }
            return [
                try sample("SYMMETRIC", true), try sample("SYMMETRIC_NO_CLIPPING_ERR", false), try sample("ASYMMETRIC", true),
                [
                    .tensor(try .sample([2, 4, 3])), .string("ASYMMETRIC"), .ints([1, 4, 3]), .dtype(.uint8), .none, .none, .none, .none,
                    .none,
                    .bool(false),
                ],
            ]
        }
    ) { call in
        let x: Tensor = try call.tensor(0)
        let (split, groups) = try call.blocks(of: x, 2)
        let parts: Tensor = try x.reshaped(split)
        let dims: [Int] = Array(stride(from: 1, to: 2 * x.rank, by: 2))
        let (negative, positive): (Tensor, Tensor) = (try parts.amin(dims: dims).clamp(max: 0), try parts.amax(dims: dims).clamp(min: 0))
        let bounds: [Double] = try call.bounds(3, 4).map { try Call.number($0, call) }
        let epsilon: Double = try call.optionalDouble(6) ?? x.dtype.smallestNormal
        var (scale, zeroPoint): (Tensor, Tensor)
        switch try call.string(1) {
        case "SYMMETRIC":
            scale = try (negative.neg().maximum(positive) / ((bounds[1] - bounds[0]) / 2)).clamp(min: epsilon)
            zeroPoint = try Tensor.full(scale.shape.sizes, ((bounds[1] + bounds[0] + 1) / 2).rounded(.towardZero), dtype: scale.dtype)
        case "SYMMETRIC_NO_CLIPPING_ERR":
            let (low, high): (Tensor, Tensor) = (try negative / bounds[0], try positive / bounds[1])
            scale = try Tensor.where(low .> high, low, high).clamp(min: epsilon)
            zeroPoint = try Tensor.full(scale.shape.sizes, ((bounds[1] + bounds[0] + 1) / 2).rounded(.towardZero), dtype: scale.dtype)
        case "ASYMMETRIC":
            scale = try ((positive - negative) / (bounds[1] - bounds[0])).clamp(min: epsilon)
            zeroPoint = try (bounds[0] - (negative / scale).round()).clamp(min: bounds[0], max: bounds[1])
            if case .none = call[8] { zeroPoint = try zeroPoint.to(.int32) }
        default:
            throw call.error(
                .invalidArgument, "there is no mapping '\(try call.string(1))'; there are SYMMETRIC, SYMMETRIC_NO_CLIPPING_ERR, ASYMMETRIC")
        }
        if try !call.bool(9) {
            let block: [SymInt] = try call.ints(2)
            let kept: [SymInt] = groups.indices.filter { block[$0].constant == 1 || !block[$0].isIdentical(to: x.shape[$0]) }.map {
                groups[$0]
            }
            (scale, zeroPoint) = (try scale.reshaped(kept), try zeroPoint.reshaped(kept))
        }
        return [.tensor(try scale.to(call.dtype(7) ?? x.dtype)), .tensor(try zeroPoint.to(call.dtype(8) ?? zeroPoint.dtype))]
    }

    static let intMM: Operator = composite(
        "aten::_int_mm(Tensor self, Tensor mat2) -> Tensor", "The product of two matrices of 8-bit integers, in int32.",
        samples: {
            [[.tensor(try .sample([3, 4], dtype: .int8)), .tensor(try .sample([4, 2], dtype: .int8, seed: 2))]]
        }
    ) { call in
        let (a, b): (Tensor, Tensor) = (try call.tensor(0), try call.tensor(1))
        guard a.dtype == .int8 || a.dtype == .uint8, b.dtype == .int8 else {
            throw call.error(.dtypeMismatch, "takes matrices of 8-bit integers, not \(a.dtype) and \(b.dtype)")
        }
        // Exact as long as no sum is beyond int32, which more than 2^16 products take.
        let dtype: DType = (a.rank == 2 ? a.shape[1].constant ?? .max : 0) <= 1 << 16 ? .float64 : .int32
        return [.tensor(try a.to(dtype).mm(b.to(dtype)).to(.int32))]
    }

    static let affineQuantizations: [Operator] = [quantizeAffine, dequantizeAffine, chooseAffine, intMM]
}

extension Call {
    /// For each dimension of a tensor how many blocks it has and how long they are, in turns; and how many there are alone.
    fileprivate func blocks(of x: Tensor, _ index: Int) throws -> (split: [SymInt], groups: [SymInt]) {
        let block: [SymInt] = try ints(index)
        guard block.count == x.rank else { throw error(.shapeMismatch, "blocks of \(block.count) dimensions for the shape \(x.shape)") }
        var (split, groups): ([SymInt], [SymInt]) = ([], [])
        for (size, length) in zip(x.shape.sizes, block) {
            let count: SymInt
            if length.constant == 1 {
                count = size
            } else if length.isIdentical(to: size) {
                count = 1
            } else {
                guard let whole = size.constant, let part = length.constant, part > 0, whole % part == 0 else {
                    throw error(.shapeMismatch, "the shape \(x.shape) is no whole number of blocks of \(block)")
                }
                count = SymInt(whole / part)
            }
            split += [count, length]
            groups.append(count)
        }
        return (split, groups)
    }

    /// Numbers for blocks of the first argument, so that they broadcast.
    fileprivate func perBlock(_ index: Int, _ block: Int) throws -> Tensor {
        let x: Tensor = try tensor(0)
        let (split, groups) = try blocks(of: x, block)
        var numbers: Tensor = try tensor(index).reshaped(groups)
        for dim in groups.indices where groups[dim].constant != 1 {
            if let length = split[2 * dim + 1].constant, length > 1 { numbers = try numbers.repeatInterleave(length, dim: dim) }
        }
        return numbers
    }

    fileprivate func optionalPerBlock(_ index: Int, _ block: Int) throws -> Tensor? {
        if case .none = self[index] { return nil }
        return try perBlock(index, block)
    }

    /// The least and the greatest level: those that are said at a position and the next, or a dtype's.
    fileprivate func bounds(_ dtype: Int, _ index: Int) throws -> [OperatorArgument] {
        let all: ClosedRange<Int>
        switch try levelDType(dtype) {
        case .uint8: all = 0...255
        case .int8: all = -128...127
        case .int16: all = -32768...32767
        default: all = Int(Int32.min)...Int(Int32.max)
        }
        return [
            try optionalScalar(index).map { .scalar($0) } ?? .int(all.lowerBound),
            try optionalScalar(index + 1).map { .scalar($0) } ?? .int(all.upperBound),
        ]
    }

    fileprivate static func number(_ argument: OperatorArgument, _ call: Call) throws -> Double {
        guard case .scalar(let number) = argument, let value = number.doubleValue else {
            throw call.error(.invalidArgument, "a level must be a number")
        }
        return value
    }
}

extension DType {
    fileprivate var smallestNormal: Double {
        switch self {
        case .float16: Double(Float16.leastNormalMagnitude)
        case .float64: Double.leastNormalMagnitude
        default: Double(Float.leastNormalMagnitude)
        }
    }
}
