import ApusSymbolic
import CApusKernels

// Normalisation over groups of channels of [batch, channels, ...]. Source: Wu and He, "Group Normalization", 2018.

extension Operator {
    static let nativeGroupNorm: Operator = Operator(
        "aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
        "Group norm of [N, C, ...] with HxW elements per channel; also the mean and rstd, [N, group]. Floating-point tensors only.",
        rule: { call in
            let x = try call.tensor(0)
            try call.requireGroups(x, first: 3, parameters: [1, 2])
            let statistics = TensorSpec(
                try call.statisticsDType(parameters: [1, 2]), try Shape([call.int(3), SymInt(call.constant(6))], in: call.name))
            return [x.spec, statistics, statistics]
        },
        kernel: .compute { call, outputs in
            let x: Tensor = try call.tensor(0).contiguous()
            let (weight, bias) = (try call.optionalTensor(1)?.contiguous(), try call.optionalTensor(2)?.contiguous())
            let sizes: [Int64] = try (3...6).map { Int64(try call.constant($0)) }
            var (input, out, mean, rstd) = (x.view, outputs[0].view, outputs[1].view, outputs[2].view)
            let status: Int32 = try withViews(weight, bias) { weight, bias in
                apus_group_norm(sizes[0], sizes[1], sizes[2], sizes[3], try call.double(7), &input, weight, bias, &out, &mean, &rstd)
            }
            withExtendedLifetime((x, weight, bias, outputs)) {}
            try check(status, call)
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let mask: [Bool] = [g.isWanted(0), g.isWanted(1), g.isWanted(2)]
            let results = try applyTensors(
                .nativeGroupNormBackward,
                [
                    .tensor(g.gradient), .tensor(x), .tensor(g.outputs[1]), .tensor(g.outputs[2]), g.call[1], g.call[3], g.call[4],
                    g.call[5],
                    g.call[6], .bools(mask),
                ])
            let (channels, groups) = (try g.call.int(4), SymInt(try g.call.constant(6)))
            let count: SymInt = try channels / groups * g.call.int(5)
            let input: Tensor = try g.throughStatistics(results[0], x, mean: 1, rstd: 2, count: count) { statistic in
                // [N, group] to [N, C, 1, ...]
                let perChannel: Tensor = try statistic.unsqueezed(2).expanded([statistic.shape[0], groups, channels / groups])
                return try perChannel.reshaped([statistic.shape[0], channels] + Array(repeating: SymInt(1), count: x.rank - 2))
            }
            return [mask[0] ? .tensor(input) : .none, mask[1] ? .tensor(results[1]) : .none, mask[2] ? .tensor(results[2]) : .none]
        },
        samples: {
            let weight: Tensor = try .sample([4], in: 0.5...2, seed: 2)
            return [
                [.tensor(try .sample([2, 4, 3])), .tensor(weight), .tensor(weight), .int(2), .int(4), .int(3), .int(2), .double(1e-5)],
                [.tensor(try .sample([2, 4, 3, 2], dtype: .float64)), .none, .none, .int(2), .int(4), .int(6), .int(4), .double(1e-3)],
            ]
        })

    static let nativeGroupNormBackward: Operator = Operator(
        "aten::native_group_norm_backward(Tensor grad_out, Tensor input, Tensor mean, Tensor rstd, Tensor? weight, SymInt N, SymInt C, SymInt HxW, int group, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of group norm's input, weight and bias; empty where `output_mask` says that one isn't wanted.",
        rule: { call in
            let x = try call.tensor(1)
            try call.requireGroups(x, first: 5, parameters: [4])
            try call.requireParameterDTypes([2, 3, 4], of: x)
            try call.requireGradient(0, of: x)
            let statistics = try Shape([call.int(5), SymInt(call.constant(8))], in: call.name)
            try call.requireShape(try call.tensor(2), statistics, "a mean")
            try call.requireShape(try call.tensor(3), statistics, "a rstd")
            let mask = try call.mask3(9)
            let parameters = TensorSpec(try call.optionalTensor(4)?.dtype ?? x.dtype, try Shape([call.int(6)], in: call.name))
            return [mask[0] ? x.spec : .empty(x.dtype), mask[1] ? parameters : .empty(x.dtype), mask[2] ? parameters : .empty(x.dtype)]
        },
        kernel: .compute { call, outputs in
            let tensors: [Tensor] = try (0..<4).map { try call.tensor($0).contiguous() }
            let weight: Tensor? = try call.optionalTensor(4)?.contiguous()
            let mask = try call.mask3(9)
            let sizes: [Int64] = try (5...8).map { Int64(try call.constant($0)) }
            var (g, x, mean, rstd) = (tensors[0].view, tensors[1].view, tensors[2].view, tensors[3].view)
            let status: Int32 = withViews(weight, mask[0] ? outputs[0] : nil) { weight, gradInput in
                withViews(mask[1] ? outputs[1] : nil, mask[2] ? outputs[2] : nil) { gradWeight, gradBias in
                    apus_group_norm_backward(
                        sizes[0], sizes[1], sizes[2], sizes[3], &g, &x, &mean, &rstd, weight, gradInput, gradWeight, gradBias)
                }
            }
            withExtendedLifetime((tensors, weight, outputs)) {}
            try check(status, call)
        },
        decomposition: { call in
            let x = try call.tensor(1)
            let mask = try call.mask3(9)
            let (batch, channels, spatial, groups) = (try call.int(5), try call.int(6), try call.int(7), SymInt(try call.constant(8)))
            // [N, group, C / group, HxW]
            let sizes: [SymInt] = [batch, groups, channels / groups, spatial]
            let gradient: Tensor = try call.tensor(0).reshaped(sizes)
            let rstd: Tensor = try call.tensor(3).reshaped([batch, groups, 1, 1])
            let normal: Tensor = try (x.reshaped(sizes) - call.tensor(2).reshaped([batch, groups, 1, 1])) * rstd
            let weighted: Tensor =
                try call.optionalTensor(4).map { try gradient * $0.reshaped([1, groups, channels / groups, 1]) } ?? gradient
            let empty: Tensor = try .zeros([0], dtype: x.dtype)
            return [
                .tensor(mask[0] ? try normalizedGradient(weighted, normal, rstd, dims: [2, 3]).reshaped(x.shape).to(x.dtype) : empty),
                .tensor(mask[1] ? try (gradient * normal).sum(dims: [0, 3]).reshaped([channels]) : empty),
                .tensor(mask[2] ? try gradient.sum(dims: [0, 3]).reshaped([channels]) : empty),
            ]
        },
        samples: {
            let x: Tensor = try .sample([2, 4, 3], dtype: .float64)
            let grouped: Tensor = try x.reshaped([2, 2, 6])
            let (mean, rstd): (Tensor, Tensor) = (try grouped.mean(dim: 2), try (grouped.var(dim: 2, correction: 0) + 1e-5).rsqrt())
            let weight: Tensor = try .sample([4], dtype: .float64, in: 0.5...2, seed: 2)
            return [[true, true, true], [true, false, false]].map { mask in
                [
                    .tensor(x), .tensor(x), .tensor(mean), .tensor(rstd), .tensor(weight), .int(2), .int(4), .int(3), .int(2), .bools(mask),
                ]
            }
        })

    static let groupNorm: Operator = composite(
        "aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor",
        "Group norm of [batch, channels, ...]: each group of channels is normalised for itself.",
        samples: {
            [[.tensor(try .sample([2, 4, 3, 2])), .int(2), .tensor(try .sample([4], seed: 2)), .none, .double(1e-5), .bool(true)]]
        },
        { call in
            let x = try call.tensor(0)
            guard x.rank >= 2 else { throw call.error(.shapeMismatch, "needs [batch, channels, ...], not a tensor of shape \(x.shape)") }
            let spatial: SymInt = x.shape.dropFirst(2).reduce(SymInt(1)) { $0 * $1 }
            return [
                try apply(
                    .nativeGroupNorm,
                    [.tensor(x), call[2], call[3], .int(x.shape[0]), .int(x.shape[1]), .int(spatial), call[1], call[4]])[0]
            ]
        })

    static let groupNorms: [Operator] = [nativeGroupNorm, nativeGroupNormBackward, groupNorm]
}

extension Call {
    /// Requires [N, C, ...] with HxW elements for each channel, sizes being arguments from `first` on, and groups that divide the channels.
    fileprivate func requireGroups(_ x: Tensor, first: Int, parameters: [Int]) throws {
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
        let (batch, channels, spatial, groups) = (try int(first), try int(first + 1), try int(first + 2), try constant(first + 3))
        guard groups > 0 else { throw error(.invalidArgument, "the number of groups must be positive, not \(groups)") }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "a tensor of shape \(x.shape) is not [\(batch), \(channels)] with \(spatial) elements for each channel")
        }
        guard x.rank >= 2 else { throw mismatch() }
        for (given, size) in [(batch, x.shape[0]), (channels, x.shape[1])] where !given.isIdentical(to: size) {
            try require(given == size, mismatch())
        }
        let own: SymInt = x.shape.dropFirst(2).reduce(SymInt(1)) { $0 * $1 }
        if !own.isIdentical(to: spatial) { try require(own == spatial, mismatch()) }
        try require(channels % groups == 0, error(.shapeMismatch, "\(channels) channels can't be split into \(groups) groups"))
        try requireChannelParameters(parameters, channels)
    }
}

extension Tensor {
    /// Group norm of [batch, channels, ...]: each group of channels is normalised for itself.
    public func groupNorm(groups: any SymIntConvertible, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: any ScalarConvertible = 1e-5)
        throws -> Tensor
    {
        try applySingle(
            .groupNorm, [.tensor(self), .int(groups), .optional(weight), .optional(bias), .float(epsilon), .bool(true)])
    }
}
