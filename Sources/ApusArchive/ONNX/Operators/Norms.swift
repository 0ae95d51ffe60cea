import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let norms: [ONNXOperator] = [
        ONNXOperator("BatchNormalization", values: { try batchNorm($0) }),
        ONNXOperator("InstanceNormalization") { call in
            try call.tensor(0).instanceNorm(weight: call.tensor(1), bias: call.tensor(2), epsilon: try call.float("epsilon", 1e-5))
        },
        ONNXOperator("LayerNormalization", values: { try layerNorm($0) }),
        ONNXOperator("RMSNormalization") { call in
            let (x, scale) = (try call.tensor(0), try call.tensor(1))
            let axis: Int = try call.axis("axis", -1, rank: x.rank)
            let sizes: [SymInt] = Array(x.shape.sizes[axis...])
            let epsilon: Double = try call.float("epsilon", 1e-5)
            guard scale.rank == sizes.count else { return try x.rmsNorm(sizes, epsilon: epsilon) * scale }
            return try x.rmsNorm(sizes, weight: scale.expanded(sizes), epsilon: epsilon)
        },
        ONNXOperator("GroupNormalization") { call in
            let (x, groups) = (try call.tensor(0), try call.int("num_groups", 1))
            var (weight, bias) = (try call.tensor(1), try call.tensor(2))
            if call.version < 21 {
                // One number for each group, not for each channel.
                let channels: SymInt = x.shape[1] / groups
                (weight, bias) = (try weight.repeatInterleave(channels, dim: 0), try bias.repeatInterleave(channels, dim: 0))
            }
            return try x.groupNorm(groups: groups, weight: weight, bias: bias, epsilon: try call.float("epsilon", 1e-5))
        },
        ONNXOperator("LRN") { try localResponseNorm($0) },
        ONNXOperator("LpNormalization") { call in
            let x: Tensor = try call.tensor(0)
            let axis: Int = try call.axis("axis", -1, rank: x.rank)
            let p: Int = try call.int("p", 2)
            let norm: Tensor = p == 1 ? try x.abs().sum(dim: axis, keepDim: true) : try (x * x).sum(dim: axis, keepDim: true).sqrt()
            return try Tensor.where(norm .== 0, 0.0, x / norm)
        },
        ONNXOperator("MeanVarianceNormalization") { call in
            let x: Tensor = try call.tensor(0)
            let dims: [Int] = try (call.ints("axes") ?? [0, 2, 3]).map { try call.dim($0, rank: x.rank) }
            let centred: Tensor = try x - x.mean(dims: dims, keepDim: true)
            return try centred / ((centred * centred).mean(dims: dims, keepDim: true).sqrt() + 1e-9)
        },
    ]

    private static func batchNorm(_ call: ONNXCall) throws -> [ONNXValue] {
        let (x, mean, variance) = (try call.tensor(0), try call.tensor(3), try call.tensor(4))
        let (weight, bias) = (try call.tensor(1), try call.tensor(2))
        let epsilon: Double = try call.float("epsilon", 1e-5)
        guard try call.flag("spatial", true) else { throw call.error("has numbers for each position (spatial 0), which is not read") }
        guard call.version >= 14 ? try call.flag("training_mode") : false else {
            let isInference: Bool = try call.version < 7 ? call.flag("is_test") : !call.outputs.dropFirst().contains(true)
            guard call.version >= 14 || isInference else {
                throw call.error("in training is read from opset 14 on")
            }
            return [ONNXValue(try x.batchNorm(runningMean: mean, runningVariance: variance, weight: weight, bias: bias, epsilon: epsilon))]
        }
        let momentum: Double = try call.float("momentum", 0.9)
        let dims: [Int] = [0] + Array(2..<Swift.max(x.rank, 2))
        let (spread, centre) = try x.varMean(dims: dims, correction: 0)
        let result: Tensor = try x.batchNorm(runningMean: centre, runningVariance: spread, weight: weight, bias: bias, epsilon: epsilon)
        let moved: [Tensor] = [try mean * momentum + centre * (1 - momentum), try variance * momentum + spread * (1 - momentum)]
        return ([result] + moved).map { ONNXValue($0) }
    }

    private static func layerNorm(_ call: ONNXCall) throws -> [ONNXValue] {
        let (x, scale, bias) = (try call.tensor(0), try call.tensor(1), try call.optional(2))
        let axis: Int = try call.axis("axis", -1, rank: x.rank)
        let sizes: [SymInt] = Array(x.shape.sizes[axis...])
        let epsilon: Double = try call.float("epsilon", 1e-5)
        var results: [ONNXValue] = []
        if scale.rank == sizes.count {
            results.append(ONNXValue(try x.layerNorm(sizes, weight: scale.expanded(sizes), bias: bias?.expanded(sizes), epsilon: epsilon)))
        } else {
            let plain: Tensor = try x.layerNorm(sizes, epsilon: epsilon) * scale
            results.append(ONNXValue(try bias.map { try plain + $0 } ?? plain))
        }
        guard call.outputs.dropFirst().contains(true) else { return results }
        let wide: Tensor = x.dtype == .float64 ? x : try x.to(.float32)
        let (variance, mean) = try wide.varMean(dims: Array(axis..<x.rank), correction: 0, keepDim: true)
        return results + [ONNXValue(mean), ONNXValue(try (variance + epsilon).rsqrt())]
    }

    /// Each number over what its neighbours among the channels come to.
    private static func localResponseNorm(_ call: ONNXCall) throws -> Tensor {
        let (x, size) = (try call.tensor(0), try call.int("size", 1))
        let (alpha, beta, bias) = (try call.float("alpha", 0.0001), try call.float("beta", 0.75), try call.float("bias", 1))
        guard x.rank > 2, size > 0, size < 1 << 20 else { throw call.error(.invalidProgram, "has a size of \(size) for \(x.spec)") }
        let squares: Tensor = try x * x
        let before: Int = (size - 1) / 2
        var pads: [Int] = Array(repeating: 0, count: 2 * x.rank)
        pads[2 * (x.rank - 2)] = before
        pads[2 * (x.rank - 2) + 1] = size - 1 - before
        let sum: Tensor = try squares.padded(pads, value: 0).unfolded(dim: 1, size: size, step: 1).sum(dims: [-1], keepDim: false)
        return try x / (sum * (alpha / Double(size)) + bias).pow(beta)
    }
}
