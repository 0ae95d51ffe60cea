import ApusSymbolic

// Normalisation of each channel of each example by itself. Source: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.

extension Operator {
    static let instanceNorm: Operator = composite(
        "aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool use_input_stats, float momentum, float eps, bool cudnn_enabled) -> Tensor",
        "Batch norm of each example of [batch, channels, spatial...] by itself, or by running statistics. Running statistics are not updated: where "
            + "they are given along with `use_input_stats`, it is refused.",
        samples: {
            let (x, weight): (Tensor, Tensor) = (try .sample([2, 3, 4]), try .sample([3], in: 0.5...2, seed: 2))
            return [
                [.tensor(x), .tensor(weight), .tensor(weight), .none, .none, .bool(true), .double(0.1), .double(1e-5), .bool(false)],
                [.tensor(x), .none, .none, .tensor(weight), .tensor(weight), .bool(false), .double(0.1), .double(1e-5), .bool(false)],
            ]
        }
    ) { call in
        let (x, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
        guard x.rank >= 3 else { throw call.error(.shapeMismatch, "needs [batch, channels, spatial...], not shape \(x.shape)") }
        guard try call.bool(5) else {
            guard let mean = try call.optionalTensor(3), let variance = try call.optionalTensor(4) else {
                throw call.error(.invalidArgument, "needs running statistics where the input's own are not used")
            }
            return [
                .tensor(try x.batchNorm(runningMean: mean, runningVariance: variance, weight: weight, bias: bias, epsilon: call.double(7)))
            ]
        }
        if try call.optionalTensor(3) != nil {
            throw call.error(.unsupported, "would update running statistics in place")
        }
        for parameter in [weight, bias].compactMap({ $0 }) {
            try call.requireShape(parameter, try Shape([x.shape[1]], in: call.name), "a weight or bias")
        }
        let (batch, channels) = (x.shape[0], x.shape[1])
        let alone: Tensor = try x.reshaped([1, batch * channels] + x.shape.sizes.dropFirst(2))
        let result: Tensor = try alone.normalizedByBatch(
            weight: weight.map { try $0.repeated([batch]) }, bias: bias.map { try $0.repeated([batch]) }, epsilon: call.double(7))
        return [.tensor(try result.reshaped(x.shape))]
    }

    /// Running statistics moved by `momentum` towards the averages of the examples' own.
    package static func instanceStatistics(of x: Tensor, mean: Tensor, variance: Tensor, momentum: Double) throws -> (
        mean: Tensor, variance: Tensor
    ) {
        let dims: [Int] = Array(Swift.min(2, x.rank)..<x.rank)
        let newMean: Tensor = try x.mean(dims: dims).mean(dim: 0)
        let newVariance: Tensor = try applySingle(.varCorrection, [.tensor(x), .ints(dims), .int(1), .bool(false)]).mean(dim: 0)
        return (try mean * (1 - momentum) + newMean * momentum, try variance * (1 - momentum) + newVariance * momentum)
    }

    static let instanceNorms: [Operator] = [instanceNorm]
}

extension Tensor {
    /// Instance norm of [batch, channels, ...]: each channel of each example is normalised for itself.
    public func instanceNorm(weight: Tensor? = nil, bias: Tensor? = nil, epsilon: any ScalarConvertible = 1e-5) throws -> Tensor {
        try applySingle(
            .instanceNorm,
            [.tensor(self), .optional(weight), .optional(bias), .none, .none, .bool(true), .double(0.1), .float(epsilon), .bool(false)])
    }
}
