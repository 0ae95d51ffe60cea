import ApusTensor

extension ONNXOperatorTable {
    /// What the quantiser of ONNX Runtime writes beside ONNX's own operators, in a domain of its own: each computes with numbers between levels of
    /// one scale and levels of another. (Source: ONNX Runtime's list of contributed operators.)
    static let runtimeQuantized: [ONNXOperator] = [
        onLevels("QLinearAdd", scale: 6) { call in try numbers(call, 0) + numbers(call, 3) },
        onLevels("QLinearMul", scale: 6) { call in try numbers(call, 0) * numbers(call, 3) },
        onLevels("QLinearSigmoid", scale: 3) { call in try numbers(call, 0).sigmoid() },
        onLevels("QLinearLeakyRelu", scale: 3) { call in try numbers(call, 0).leakyRelu(negativeSlope: call.float("alpha", 0.01)) },
        onLevels("QLinearGlobalAveragePool", scale: 3) { call in
            try requireChannelsFirst(call)
            let x: Tensor = try numbers(call, 0)
            return try x.mean(dims: call.spatialDims(x), keepDim: true)
        },
        onLevels("QLinearAveragePool", scale: 3) { call in
            try requireChannelsFirst(call)
            return try averagePool(call, numbers(call, 0))
        },
        onLevels("QLinearSoftmax", scale: 3) { call in
            let x: Tensor = try numbers(call, 0)
            let axis: Int = try call.axis("axis", -1, rank: x.rank)
            // Before opset 13 along all dimensions from the axis on.
            if try call.int("opset", 13) >= 13 { return try x.softmax(dim: axis) }
            return try x.flattened(from: axis).softmax(dim: axis).reshaped(x.shape)
        },
        onLevels("QLinearConcat", scale: 0) { call in
            let parts: [Tensor] = try stride(from: 2, to: call.inputs.count, by: 3).map { try numbers(call, $0) }
            guard let first = parts.first else { throw call.error(.invalidProgram, "has no input") }
            guard let axis = try call.int("axis") else { throw call.error(.invalidProgram, "lacks its axis") }
            return try Tensor.cat(parts, dim: try call.dim(axis, rank: first.rank))
        },
        ONNXOperator(
            "QGemm", domain: domain, results: .own,
            values: { call in
                var (a, b) = (try shifted(call, 0, zeroPoint: 2, along: -1), try call.tensor(3).to(.int32))
                guard a.rank == 2, b.rank == 2 else { throw call.error(.invalidProgram, "takes matrices, not \(a.spec) and \(b.spec)") }
                if try call.flag("transA") { a = try a.transposed(0, 1) }
                if try call.flag("transB") { b = try b.transposed(0, 1) }
                if let zero = try call.optional(5) { b = try b - zero.to(.int32) }
                var sums: Tensor = try integerProduct(a, b)
                // The bias is in the product's own levels.
                if let bias = try call.optional(6) { sums = try sums + bias }
                let scale: Tensor = try call.tensor(1) * call.tensor(4) * call.float("alpha", 1)
                guard call.has(7) else { return [ONNXValue(try sums.to(.float32) * scale)] }
                return [try inLevels(call, sums.to(.float64) * (scale / call.tensor(7)).to(.float64), zeroPoint: 8)]
            }),
        ONNXOperator("MatMulIntegerToFloat", domain: domain, results: .own) { call in
            let (a, b) = (try shifted(call, 0, zeroPoint: 4, along: -2), try shifted(call, 1, zeroPoint: 5, along: -1))
            let product: Tensor = try integerProduct(a, b).to(.float32) * (call.tensor(2) * call.tensor(3))
            return try call.optional(6).map { try product + $0 } ?? product
        },
    ]

    private static let domain = "com.microsoft"

    /// An operator whose result is brought into levels of the scale at one position and of the zero point behind it.
    private static func onLevels(_ name: String, scale: Int, _ body: @escaping @Sendable (ONNXCall) throws -> Tensor) -> ONNXOperator {
        ONNXOperator(
            name, domain: domain, results: .own,
            values: { [try inLevels($0, body($0).to(.float64) / $0.tensor(scale).to(.float64), zeroPoint: scale + 1)] })
    }

    /// The numbers that an input's levels stand for; its scale and zero point follow it.
    private static func numbers(_ call: ONNXCall, _ index: Int) throws -> Tensor {
        let levels: Tensor = try call.tensor(index).to(.float32)
        return try (call.optional(index + 2).map { try levels - $0.to(.float32) } ?? levels) * call.tensor(index + 1)
    }

    private static func requireChannelsFirst(_ call: ONNXCall) throws {
        if try call.flag("channels_last") { throw call.error("has its channels last, which is not read") }
    }
}
