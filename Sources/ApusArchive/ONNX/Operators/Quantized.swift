import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let quantized: [ONNXOperator] = [
        ONNXOperator("QuantizeLinear", results: .own, values: { try quantize($0) }),
        ONNXOperator("DequantizeLinear", results: .own, values: { try dequantize($0) }),
        ONNXOperator(
            "DynamicQuantizeLinear", results: .own,
            values: { call in
                let x: Tensor = try call.tensor(0)
                let (low, high) = (try x.amin().clamp(min: nil, max: 0.0), try x.amax().clamp(min: 0.0, max: nil))
                let range: Tensor = try high - low
                let scale: Tensor = try Tensor.where(range .== 0, 1.0, range) / 255.0
                let zero: Tensor = try (low.neg() / scale).clamp(min: 0.0, max: 255.0).round()
                let levels: Tensor = try ((x / scale).round() + zero).clamp(min: 0.0, max: 255.0)
                return [try levels.to(.uint8), scale, try zero.to(.uint8)].map { ONNXValue($0) }
            }),
        ONNXOperator(
            "QLinearMatMul", results: .own,
            values: { call in
                let (a, b) = (try shifted(call, 0, zeroPoint: 2, along: -2), try shifted(call, 3, zeroPoint: 5, along: -1))
                var scale: Tensor = try call.tensor(1)
                if scale.rank == 1, scale.shape[0].constant != 1 { scale = try scale.unsqueezed(-1) }
                let levels: Tensor = try integerProduct(a, b).to(.float64) * (scale * call.tensor(4) / call.tensor(6)).to(.float64)
                return [try inLevels(call, levels, zeroPoint: 7)]
            }),
        ONNXOperator(
            "QLinearConv", results: .own,
            values: { call in
                let x: Tensor = try call.tensor(0).to(.float64) - call.tensor(2).to(.float64)
                let weight: Tensor = try call.tensor(3).to(.float64)
                guard weight.rank > 2 else { throw call.error(.invalidProgram, "has a weight of \(weight.spec)") }
                func channels(_ x: Tensor, _ first: [SymInt]) throws -> Tensor {
                    try x.reshaped(first + [x.count] + Array(repeating: SymInt(1), count: weight.rank - 1 - first.count))
                }
                let centred: Tensor = try weight - channels(call.tensor(5).to(.float64), [])
                let product: Tensor = try convolution(call, x, centred, bias: try call.optional(8)?.to(.float64)).to(.int32)
                let scale: Tensor = try call.tensor(1) * channels(call.tensor(4), [1]) / call.tensor(6)
                return [try inLevels(call, product.to(.float64) * scale.to(.float64), zeroPoint: 7)]
            }),
    ]

    /// Numbers in units of the result's scale as its levels: in the type of its zero point, or of the first input where it has none.
    static func inLevels(_ call: ONNXCall, _ scaled: Tensor, zeroPoint: Int) throws -> ONNXValue {
        let zero: Tensor? = try call.optional(zeroPoint)
        let element: ONNXElement = try zero == nil ? call.element(0) : call.element(zeroPoint)
        guard let range = element.integerRange, let dtype = element.dtype else { throw call.error("gives \(element), which is not read") }
        let levels: Tensor = try zero.map { try scaled + $0.to(.float64) } ?? scaled
        return ONNXValue(.tensor(try levels.round().clamp(min: range.lowerBound, max: range.upperBound).to(dtype)), element)
    }

    /// A scale or zero point as it goes along its dimension, in blocks where it has them.
    private static func along(_ given: Tensor, _ x: Tensor, _ call: ONNXCall) throws -> Tensor {
        let block: Int = try call.int("block_size", 0)
        if given.rank == 0 || (given.rank == 1 && given.shape[0].constant == 1 && block == 0) { return try given.reshaped([] as [Int]) }
        let axis: Int = try call.axis("axis", 1, rank: x.rank)
        if block > 0 {
            guard given.rank == x.rank else { throw call.error(.invalidProgram, "has blocks, but a scale of \(given.spec) for \(x.spec)") }
            let all: Tensor = try given.repeatInterleave(block, dim: axis)
            return try all.narrowed(dim: axis, from: 0, length: x.shape[axis])
        }
        guard given.rank == 1 else { throw call.error(.invalidProgram, "has a scale of \(given.spec) without blocks") }
        var sizes: [SymInt] = Array(repeating: 1, count: x.rank)
        sizes[axis] = given.shape[0]
        return try given.reshaped(sizes)
    }

    private static func quantize(_ call: ONNXCall) throws -> [ONNXValue] {
        let (x, scale) = (try call.tensor(0), try along(call.tensor(1), call.tensor(0), call))
        let named: ONNXElement? = try call.int("output_dtype").flatMap { try $0 == 0 ? nil : ONNXElement(number: $0) }
        let element: ONNXElement = try call.has(2) ? call.element(2) : named ?? .uint8
        let precision: DType? = try call.int("precision").flatMap { try $0 == 0 ? nil : ONNXElement(number: $0).dtype }
        let quotient: Tensor
        if let precision {
            quotient = try x.to(precision) / scale.to(precision)
        } else {
            quotient = try (x.dtype.isFloatingPoint ? x : x.to(scale.dtype)) / scale
        }
        let zero: Tensor? = try call.optional(2).map { try along($0, x, call) }
        if element.smallFloat != nil {
            let shifted: Tensor = try element == .float4E2M1 ? zero.map { try quotient.to(.float32) + $0 } ?? quotient : quotient
            let saturates: Bool = try call.flag("saturate", true)
            return [ONNXValue(.tensor(try element.rounded(shifted.to(.float32), saturates: saturates, .up)), element)]
        }
        guard let range = element.integerRange, let dtype = element.dtype else { throw call.error("gives \(element), which is not read") }
        // In a type that has the sum of a level and the zero point.
        let wide: DType = quotient.dtype == .float64 || element.bitWidth > 16 ? .float64 : .float32
        let rounded: Tensor = try quotient.round().to(wide)
        let levels: Tensor = try zero.map { try rounded + $0.to(wide) } ?? rounded
        return [ONNXValue(.tensor(try levels.clamp(min: range.lowerBound, max: range.upperBound).to(dtype)), element)]
    }

    private static func dequantize(_ call: ONNXCall) throws -> [ONNXValue] {
        let (x, given) = (try call.tensor(0), try call.tensor(1))
        let scale: Tensor = try along(given, x, call)
        let named: ONNXElement? = try call.int("output_dtype").flatMap { try $0 == 0 ? nil : ONNXElement(number: $0) }
        let dtype: DType = named?.dtype ?? given.dtype
        var levels: Tensor = try x.to(.float32)
        if call.has(2), try call.element(0).smallFloat == nil { levels = try levels - along(call.tensor(2), x, call).to(.float32) }
        return [ONNXValue(try (levels * scale.to(.float32)).to(dtype))]
    }
}
