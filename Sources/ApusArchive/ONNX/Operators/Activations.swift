import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let activations: [ONNXOperator] = [
        ONNXOperator("Relu") { try $0.tensor(0).relu() },
        ONNXOperator("Sigmoid") { try $0.tensor(0).sigmoid() },
        ONNXOperator("LeakyRelu") { try $0.tensor(0).leakyRelu(negativeSlope: try $0.float("alpha", 0.01)) },
        ONNXOperator("PRelu") { call in
            let x: Tensor = try call.tensor(0)
            var slope: Tensor = try call.tensor(1)
            // One slope for each channel.
            if call.version < 7, slope.rank == 1, x.rank > 2 {
                slope = try slope.reshaped([slope.count] + Array(repeating: SymInt(1), count: x.rank - 2))
            }
            return try Tensor.where(x .< 0, x * slope, x)
        },
        ONNXOperator("Elu") { try $0.tensor(0).elu(alpha: try $0.float("alpha", 1)) },
        ONNXOperator("Celu") { try $0.tensor(0).celu(alpha: try $0.float("alpha", 1)) },
        ONNXOperator("Selu") { call in
            let x: Tensor = try call.tensor(0)
            let (alpha, gamma) = (try call.float("alpha", 1.67326319217681884765625), try call.float("gamma", 1.05070102214813232421875))
            return try Tensor.where(x .> 0, x * gamma, (x.exp() * alpha - alpha) * gamma)
        },
        ONNXOperator("HardSigmoid") { call in
            let (alpha, beta) = (try call.float("alpha", 0.2), try call.float("beta", 0.5))
            let x: Tensor = try call.tensor(0)
            // PyTorch's exporter writes the sixth as the nearest float32.
            if Float(alpha) == Float(1.0 / 6), beta == 0.5 { return try x.hardsigmoid() }
            return try (x * alpha + beta).clamp(min: 0.0, max: 1.0)
        },
        ONNXOperator("HardSwish") { try $0.tensor(0).hardswish() },
        ONNXOperator("Softplus") { call in
            let x: Tensor = try call.tensor(0)
            return try x.clamp(min: 0.0, max: nil) + x.abs().neg().exp().log1p()
        },
        ONNXOperator("Softsign") { call in
            let x: Tensor = try call.tensor(0)
            return try x / (x.abs() + 1.0)
        },
        ONNXOperator("Gelu") { call in
            let kind: String = try call.choice("approximate", "none", of: ["none", "tanh"])
            return try call.tensor(0).gelu(approximate: kind == "tanh" ? .tanh : .none)
        },
        ONNXOperator("Mish") { try $0.tensor(0).mish() },
        ONNXOperator("Swish") { call in
            let (x, alpha) = (try call.tensor(0), try call.float("alpha", 1))
            return alpha == 1 ? try x.silu() : try x * (x * alpha).sigmoid()
        },
        ONNXOperator("ThresholdedRelu") { call in
            let (x, alpha) = (try call.tensor(0), try call.float("alpha", 1))
            return try Tensor.where(x .> alpha, x, 0.0)
        },
        ONNXOperator("Shrink") { call in
            let (x, bias, lambda) = (try call.tensor(0), try call.float("bias", 0), try call.float("lambd", 0.5))
            let below: Tensor = try Tensor.where(x .< -lambda, (x + bias).to(x.dtype), 0)
            return try Tensor.where(x .> lambda, (x - bias).to(x.dtype), below)
        },
        ONNXOperator("Softmax") { call in try alongAxis(call) { try $0.softmax(dim: $1) } },
        ONNXOperator("LogSoftmax") { call in try alongAxis(call) { try $0.logSoftmax(dim: $1) } },
        ONNXOperator("Hardmax") { call in
            try alongAxis(call) { x, dim in
                let first: Tensor = try x.argmax(dim: dim, keepDim: true)
                return try x.zerosLike().scatter(dim: dim, first, 1)
            }
        },
        ONNXOperator("Dropout", isFolded: false, values: { call in try dropout(call) }),
    ]

    /// A function along one dimension; before opset 13 along all from it on.
    private static func alongAxis(_ call: ONNXCall, _ function: (Tensor, Int) throws -> Tensor) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        if call.version >= 13 { return try function(x, try call.axis("axis", -1, rank: x.rank)) }
        let axis: Int = try call.axis("axis", 1, rank: x.rank)
        if axis == x.rank - 1 { return try function(x, axis) }
        let flat: Tensor = try x.flattened(from: axis, to: -1)
        return try function(flat, axis).reshaped(x.shape)
    }

    private static func dropout(_ call: ONNXCall) throws -> [ONNXValue] {
        let x: Tensor = try call.tensor(0)
        let all: Tensor = call.outputs.count > 1 && call.outputs[1] ? try Tensor.ones(x.shape.sizes, dtype: .bool) : x
        if call.version < 7, try !call.flag("is_test") { throw call.error("in training is read from opset 12 on") }
        let isTraining: Bool = call.version >= 12 && call.has(2) ? try call.constant(2) != 0 : false
        guard isTraining else { return [ONNXValue(x), ONNXValue(all)] }
        let ratio: Double = try call.number(1) ?? 0.5
        if ratio == 0 { return [ONNXValue(x), ONNXValue(all)] }
        let kept: Tensor = try x.randLike() .>= ratio
        return [ONNXValue(try Tensor.where(kept, x / (1 - ratio), 0.0)), ONNXValue(kept)]
    }
}
