import ApusTensor

extension ONNXOperatorTable {
    static let casts: [ONNXOperator] = [
        ONNXOperator(
            "Cast", onSizes: .arithmetic { $0[0] }, results: .own,
            values: { call in
                guard let target = try call.element(ofAttribute: "to") else {
                    throw call.error(.invalidProgram, "lacks its attribute 'to'")
                }
                return [try cast(call, to: target)]
            }),
        ONNXOperator("CastLike", results: .own, values: { call in [try cast(call, to: try call.element(1))] }),
        ONNXOperator(
            "BitCast", results: .own,
            values: { call in
                guard let target = try call.element(ofAttribute: "to"), let dtype = target.dtype else {
                    throw call.error(.invalidProgram, "lacks its attribute 'to'")
                }
                return [try bitCast(call, to: target, dtype)]
            }),
    ]

    private static func cast(_ call: ONNXCall, to target: ONNXElement) throws -> ONNXValue {
        let value: ONNXValue = try call.value(0)
        if value.element == target { return value }
        let x: Tensor = try value.tensor()
        guard let dtype = target.dtype else { throw call.error("makes texts, which are no tensors here") }
        if target.smallFloat != nil {
            let saturates: Bool = try call.flag("saturate", true)
            let rounding: PowerRounding =
                target == .float8E8M0
                ? PowerRounding(rawValue: try call.choice("round_mode", "up", of: ["up", "down", "nearest"])) ?? .up : .down
            return ONNXValue(.tensor(try target.rounded(x.to(.float32), saturates: saturates, rounding)), target)
        }
        // Numbers of floats that an integer type lacks have no meaning in ONNX; those of other integers lose their upper bits.
        if target.isNative { return ONNXValue(.tensor(try x.to(dtype)), target) }
        let wide: Tensor = try x.dtype == dtype ? x : x.dtype.isFloatingPoint || x.dtype == .bool ? x.to(.int64) : x.to(.int64)
        return ONNXValue(.tensor(try target.wrapped(wide).to(dtype)), target)
    }

    private static func bitCast(_ call: ONNXCall, to target: ONNXElement, _ dtype: DType) throws -> ONNXValue {
        let value: ONNXValue = try call.value(0)
        guard value.element.bitWidth == target.bitWidth, target.bitWidth % 8 == 0, target.smallFloat == nil, value.element.smallFloat == nil
        else {
            throw call.error("from \(value.element) to \(target) is not read")
        }
        // What is held in a wider type goes through the signed integer of its own width.
        let narrow: [Int: DType] = [8: .int8, 16: .int16, 32: .int32, 64: .int64]
        var x: Tensor = try value.tensor()
        if !value.element.isNative, let own = narrow[target.bitWidth] { x = try x.to(own) }
        if target.isNative { return ONNXValue(.tensor(try x.viewed(as: dtype)), target) }
        if let own = narrow[target.bitWidth], x.dtype != own { x = try x.viewed(as: own) }
        return ONNXValue(.tensor(try target.wrapped(x.to(.int64)).to(dtype)), target)
    }
}

extension ONNXElement {
    /// Numbers brought into the range of a type that is held in a wider one, as its own arithmetic would leave them.
    func wrapped(_ x: Tensor) throws -> Tensor {
        if smallFloat != nil { return try rounded(x, saturates: true, .up) }
        guard !isNative, bitWidth < 64, x.dtype.isInteger else { return x }
        let bits: Tensor = try x & ((1 << bitWidth) - 1)
        return isSigned ? try (bits ^ (1 << (bitWidth - 1))) - (1 << (bitWidth - 1)) : bits
    }

    /// Float32 numbers rounded to the values of a small float, ties to even.
    /// - Parameter saturates: makes what is too large the largest value, not an infinity or NaN.
    func rounded(_ x: Tensor, saturates: Bool, _ rounding: PowerRounding) throws -> Tensor {
        guard let layout = smallFloat else { return x }
        // |x| = m * 2^e with m from 0.5 to 1.
        let exponent: Tensor = try x.abs().frexp().exponent
        if layout.special == .powersOfTwo { return try powerOfTwo(x, exponent, saturates: saturates, rounding) }
        let least: Int = 1 - layout.bias
        let step: Tensor = try (exponent - 1).clamp(min: least, max: nil) - layout.mantissaBits
        let power: Tensor = try x.onesLike().ldexp(step)
        let limit: Double = layout.largest
        var result: Tensor = try (x / power).round() * power
        let isTooLarge: Tensor = try result.abs() .> limit
        if saturates || layout.special == .none {
            result = try result.clamp(min: -limit, max: limit)
        } else if layout.special == .infinities {
            result = try Tensor.where(isTooLarge, x.sign() * Double.infinity, result)
        } else {
            result = try Tensor.where(isTooLarge, Double.nan, result)
        }
        // Infinities divide into NaN on the way.
        let isInfinite: Tensor = try x.isinf()
        let end: Double = saturates || layout.special == .none ? limit : layout.special == .infinities ? .infinity : .nan
        result = try Tensor.where(isInfinite, x.sign() * end, result)
        if layout.special == .unsignedZero { result = try result + 0.0 }
        return layout.special == .none ? try Tensor.where(x.isnan(), -0.0, result) : try Tensor.where(x.isnan(), Double.nan, result)
    }

    private func powerOfTwo(_ x: Tensor, _ exponent: Tensor, saturates: Bool, _ rounding: PowerRounding) throws -> Tensor {
        let lower: Tensor = try x.onesLike().ldexp(exponent - 1)
        let isExact: Tensor = try x .== lower
        let upper: Tensor =
            switch rounding {
            case .up: try lower * 2.0
            case .down: lower
            // Ties go up.
            case .nearest: try Tensor.where(x .>= lower * 1.5, lower * 2.0, lower)
            }
        let result: Tensor = try Tensor.where(isExact, lower, upper).clamp(min: 0x1p-127, max: 0x1p127)
        return try Tensor.where(x.isnan(), Double.nan, Tensor.where(x .== 0, 0x1p-127, result))
    }
}

/// Which power of two a number between two of them becomes.
enum PowerRounding: String { case up, down, nearest }
