import ApusSymbolic
import CApusKernels

// Normalisation over the batch, channel by channel, of [batch, channels, ...]: `y = (x - mean) / sqrt(variance + eps) * weight + bias`.
// Source: Ioffe and Szegedy, "Batch Normalization", 2015.
//
// In training the statistics come from the batch, and running statistics move towards them by `momentum`; else the running ones are used.
// Values never change in place, so that the operators which update running statistics return the new ones.

extension Operator {
    static let batchNormFunctional: Operator = batchNorm(
        "_native_batch_norm_legit_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)",
        "Batch norm that returns the running statistics after it.")

    static let batchNormNoStats: Operator = batchNorm(
        "_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "Batch norm by the batch's own statistics.")

    static let batchNormNoTraining: Operator = batchNorm(
        "_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "Batch norm by running statistics.")

    static let nativeBatchNorm: Operator = batchNorm(
        "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
        "Batch norm by the batch's own statistics, or by running ones outside of training.")

    static let batchNormComposite: Operator = composite(
        "aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor",
        "Batch norm by the batch's own statistics, or by running ones outside of training. Updating running statistics needs the operator that returns them.",
        samples: {
            let statistic: Tensor = try .sample([3], in: 0.5...2, seed: 2)
            return [
                [
                    .tensor(try .sample([4, 3, 2])), .tensor(statistic), .tensor(statistic), .tensor(statistic), .tensor(statistic),
                    .bool(false),
                    .double(0.1), .double(1e-5), .bool(true),
                ],
                [.tensor(try .sample([4, 3])), .none, .none, .none, .none, .bool(true), .double(0.1), .double(1e-5), .bool(true)],
            ]
        },
        { call in [try apply(.nativeBatchNorm, Array(call.arguments.prefix(8)))[0]] })

    static let nativeBatchNormBackward: Operator = Operator(
        "aten::native_batch_norm_backward(Tensor grad_out, Tensor input, Tensor? weight, Tensor? running_mean, Tensor? running_var, Tensor? save_mean, Tensor? save_invstd, bool train, float eps, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
        "The gradients of batch norm's input, weight and bias; empty where `output_mask` says that one isn't wanted.",
        rule: { call in
            let x = try call.tensor(1)
            try call.requireChannels(x, parameters: [2] + call.statisticsPositions)
            try call.requireParameterDTypes([2] + call.statisticsPositions, of: x)
            try call.requireGradient(0, of: x)
            _ = (try call.meanAndRstdGiven(), try call.double(8))
            let mask = try call.mask3(9)
            let parameters = TensorSpec(try call.optionalTensor(2)?.dtype ?? x.dtype, try Shape([x.shape[1]], in: call.name))
            return [mask[0] ? x.spec : .empty(x.dtype), mask[1] ? parameters : .empty(x.dtype), mask[2] ? parameters : .empty(x.dtype)]
        },
        kernel: .compute { call, outputs in
            let (gradient, x): (Tensor, Tensor) = (try call.tensor(0).contiguous(), try call.tensor(1).contiguous())
            let (mean, rstd): (Tensor, Tensor) = try call.meanAndRstd()
            let weight: Tensor? = try call.optionalTensor(2)?.contiguous()
            let mask = try call.mask3(9)
            let (batch, channels, spatial) = x.batchSizes
            var (g, input, m, r) = (gradient.view, x.view, mean.view, rstd.view)
            let training: Bool = try call.bool(7)
            let status: Int32 = withViews(weight, mask[0] ? outputs[0] : nil) { weight, gradInput in
                withViews(mask[1] ? outputs[1] : nil, mask[2] ? outputs[2] : nil) { gradWeight, gradBias in
                    apus_batch_norm_backward(
                        training, batch, channels, spatial, &g, &input, weight, &m, &r, gradInput, gradWeight, gradBias)
                }
            }
            withExtendedLifetime((gradient, x, mean, rstd, weight, outputs)) {}
            try check(status, call)
        },
        decomposition: { call in
            let (gradient, x) = (try call.tensor(0), try call.tensor(1))
            let mask = try call.mask3(9)
            let sizes: [SymInt] = x.channelSizes
            let (mean, rstd): (Tensor, Tensor) = try call.meanAndRstd()
            let (centre, scale): (Tensor, Tensor) = (try mean.reshaped(sizes), try rstd.reshaped(sizes))
            let normal: Tensor = try (x - centre) * scale
            let weighted: Tensor = try call.optionalTensor(2).map { try gradient * $0.reshaped(sizes) } ?? gradient
            let empty: Tensor = try .zeros([0], dtype: x.dtype)
            let dims: [Int] = [0] + Array(2..<x.rank)
            func inputGradient() throws -> Tensor {
                try call.bool(7) ? normalizedGradient(weighted, normal, scale, dims: dims) : weighted * scale
            }
            return [
                .tensor(mask[0] ? try inputGradient().to(x.dtype) : empty),
                .tensor(mask[1] ? try (gradient * normal).sum(dims: dims) : empty),
                .tensor(mask[2] ? try gradient.sum(dims: dims) : empty),
            ]
        },
        samples: {
            let x: Tensor = try .sample([4, 3, 2], dtype: .float64)
            let statistic: Tensor = try .sample([3], dtype: .float64, in: 0.5...2, seed: 2)
            let (mean, rstd): (Tensor, Tensor) = (try x.mean(dims: [0, 2]), try (x.var(dims: [0, 2], correction: 0) + 1e-5).rsqrt())
            return [true, false].map { training in
                [
                    .tensor(x), .tensor(x), .tensor(statistic), .tensor(statistic), .tensor(statistic), .tensor(mean), .tensor(rstd),
                    .bool(training), .double(1e-5), .bools([true, true, true]),
                ]
            }
        })

    static let batchNorms: [Operator] = [
        batchNormFunctional, batchNormNoStats, batchNormNoTraining, nativeBatchNorm, batchNormComposite, nativeBatchNormBackward,
    ]

    private static func batchNorm(_ schema: String, _ documentation: String) -> Operator {
        let positions = BatchNormArguments("aten::" + schema)
        return Operator(
            "aten::" + schema,
            documentation
                + " Also the mean and rstd that were computed, empty outside of training. Floating-point [batch, channels, ...] only.",
            rule: { call in
                let x = try call.tensor(0)
                try call.requireChannels(x, parameters: [1, 2] + positions.running)
                let isTraining: Bool = try positions.isTraining(call)
                let dtype: DType = try call.statisticsDType(parameters: [1, 2] + positions.running)
                let statistics: TensorSpec = isTraining ? TensorSpec(dtype, try Shape([x.shape[1]], in: call.name)) : .empty(dtype)
                return [x.spec, statistics, statistics]
                    + (positions.returnsRunning ? try positions.running.map { try call.tensor($0).spec } : [])
            },
            kernel: .compute { call, outputs in
                let x: Tensor = try call.tensor(0).contiguous()
                let (weight, bias) = (try call.optionalTensor(1)?.contiguous(), try call.optionalTensor(2)?.contiguous())
                let (batch, channels, spatial) = x.batchSizes
                let epsilon: Double = try call.double(positions.eps)
                let isTraining: Bool = try positions.isTraining(call)
                let mean: Tensor
                let variance: Tensor
                var (input, out) = (x.view, outputs[0].view)
                if isTraining {
                    // What is rounded to a half is no mean to take from each element.
                    mean =
                        outputs[1].dtype.byteWidth == 2
                        ? try Tensor.uninitialized(outputs[1].shape, dtype: .float32, in: call.name) : outputs[1]
                    // Of numbers in float32 it may fit float64 only.
                    variance = try Tensor.uninitialized(mean.shape, dtype: .float64, in: call.name)
                    var (m, v) = (mean.view, variance.view)
                    try check(apus_batch_norm_statistics(batch, channels, spatial, &input, &m, &v), call)
                } else {
                    (mean, variance) = (
                        try call.tensor(positions.running[0]).contiguous(), try call.tensor(positions.running[1]).contiguous()
                    )
                }
                var (m, v) = (mean.view, variance.view)
                let status: Int32 = withViews(weight, bias) { weight, bias in
                    apus_batch_norm_inference(batch, channels, spatial, epsilon, &input, weight, bias, &m, &v, &out)
                }
                withExtendedLifetime((x, weight, bias, mean, variance, outputs)) {}
                try check(status, call)
                if isTraining {
                    if mean.dtype != outputs[1].dtype { try call.copy(try mean.to(outputs[1].dtype), to: outputs[1]) }
                    try call.copy(try (variance + epsilon).rsqrt().to(outputs[2].dtype), to: outputs[2])
                }
                guard positions.returnsRunning else { return }
                for (index, batchStatistic) in try [mean, variance.to(mean.dtype)].enumerated() {
                    let running = try call.tensor(positions.running[index])
                    guard isTraining else {
                        try call.copy(running, to: outputs[3 + index])
                        continue
                    }
                    // The running variance is the unbiased one.
                    let count = Double(batch * spatial)
                    let fresh: Tensor = index == 0 ? batchStatistic : try batchStatistic * (count / (count - 1))
                    let momentum: Double = try call.double(positions.momentum)
                    try call.copy(try (running * (1 - momentum) + fresh * momentum).to(running.dtype), to: outputs[3 + index])
                }
            },
            gradient: { g in
                let x = try g.call.tensor(0)
                let isTraining: Bool = try positions.isTraining(g.call)
                let mask: [Bool] = [g.isWanted(0), g.isWanted(1), g.isWanted(2)]
                let given: [OperatorArgument] = positions.running.isEmpty ? [.none, .none] : positions.running.map { g.call[$0] }
                let results = try applyTensors(
                    .nativeBatchNormBackward,
                    [.tensor(g.gradient), .tensor(x), g.call[1]] + given + [
                        isTraining ? .tensor(g.outputs[1]) : .none, isTraining ? .tensor(g.outputs[2]) : .none, .bool(isTraining),
                        g.call[positions.eps], .bools(mask),
                    ])
                var input: Tensor = results[0]
                if isTraining {
                    let sizes: [SymInt] = x.channelSizes
                    input = try g.throughStatistics(input, x, mean: 1, rstd: 2, count: x.countPerChannel) { try $0.reshaped(sizes) }
                    if positions.returnsRunning, mask[0] { input = try positions.throughRunning(g, input, x) }
                }
                let running = try positions.runningGradients(g, x, isTraining: isTraining)
                return [mask[0] ? .tensor(input) : .none, mask[1] ? .tensor(results[1]) : .none, mask[2] ? .tensor(results[2]) : .none]
                    + running
            }, samples: positions.samples)
    }
}

/// Where the forms of batch norm have their arguments.
private struct BatchNormArguments: Sendable {
    /// The running mean and variance; empty where the form has none.
    let running: [Int]
    let training: Int?
    let momentum: Int
    let eps: Int
    let returnsRunning: Bool
    /// Whether running statistics would have to change in place in training.
    private let updatesInPlace: Bool
    private let isNoTraining: Bool

    init(_ text: String) {
        let schema = try? Schema(text)
        running = [schema?.index(of: "running_mean"), schema?.index(of: "running_var")].compactMap { $0 }
        training = schema?.index(of: "training")
        momentum = schema?.index(of: "momentum") ?? 0
        eps = schema?.index(of: "eps") ?? 0
        returnsRunning = schema?.results.count == 5
        updatesInPlace = !running.isEmpty && !returnsRunning && training != nil
        isNoTraining = training == nil
    }

    func isTraining(_ call: Call) throws -> Bool {
        guard let training else { return false }
        let hasRunning: Bool = try running.allSatisfy { try call.optionalTensor($0) != nil } && !running.isEmpty
        // Without running statistics there is nothing else to normalise by.
        if !hasRunning { return true }
        let isTraining: Bool = try call.bool(training)
        if isTraining && updatesInPlace {
            throw call.error(
                .unsupported,
                "would update running statistics in place; use _native_batch_norm_legit_functional, which returns the new ones")
        }
        return isTraining
    }

    /// Adds what flows to the input of training through the running statistics after it, where those were used.
    func throughRunning(_ g: GradientCall, _ gradient: Tensor, _ x: Tensor) throws -> Tensor {
        let momentum: Double = try g.call.double(momentum)
        let (count, sizes) = (x.countPerChannel, x.channelSizes)
        var result: Tensor = gradient
        if g.gradients[3] != nil { result = try result + (g.gradient(3) * momentum).reshaped(sizes) / count }
        if g.gradients[4] != nil {
            let deviation: Tensor = try x - g.outputs[1].reshaped(sizes)
            result = try result + deviation * (g.gradient(4) * (2 * momentum)).reshaped(sizes) / (count - 1)
        }
        return try result.to(x.dtype)
    }

    /// The gradients of the running mean and variance, at whose arguments' positions they stand: through normalising by them, and through
    /// the running statistics after it.
    func runningGradients(_ g: GradientCall, _ x: Tensor, isTraining: Bool) throws -> [OperatorArgument] {
        let toRunning: [Tensor?] = returnsRunning ? [g.gradients[3], g.gradients[4]] : []
        guard running.contains(where: { g.isWanted($0) }) else { return [] }
        var results: [Tensor] = try running.map { try g.call.tensor($0).zerosLike() }
        if !isTraining, g.gradients[0] != nil {
            let sizes: [SymInt] = x.channelSizes
            let (mean, variance): (Tensor, Tensor) = (try g.call.tensor(running[0]), try g.call.tensor(running[1]))
            let rstd: Tensor = try (variance + g.call.double(eps)).rsqrt()
            let dims: [Int] = [0] + Array(2..<x.rank)
            let weighted: Tensor = try g.call.optionalTensor(1).map { try g.gradient * $0.reshaped(sizes) } ?? g.gradient
            let deviation: Tensor = try x - mean.reshaped(sizes)
            results[0] = try (weighted.sum(dims: dims) * rstd).neg().to(mean.dtype)
            results[1] = try ((weighted * deviation).sum(dims: dims) * rstd * rstd * rstd * (-0.5)).to(variance.dtype)
        }
        let kept: Double = isTraining ? 1 - (try g.call.double(momentum)) : 1
        for case (let index, let gradient?) in toRunning.enumerated() { results[index] = try results[index] + gradient * kept }
        return results.map { .tensor($0) }
    }

    @Sendable func samples() throws -> [[OperatorArgument]] {
        let statistic: Tensor = try .sample([3], in: 0.5...2, seed: 2)
        let statistics: [OperatorArgument] = running.map { _ in .tensor(statistic) }
        let tail: [OperatorArgument] = [.double(0.1), .double(1e-5)]
        func arguments(_ x: Tensor, _ weight: OperatorArgument, _ training: Bool) -> [OperatorArgument] {
            let given: [OperatorArgument] = updatesInPlace && training ? [.none, .none] : statistics
            return [.tensor(x), weight, weight] + given + (isNoTraining ? [] : [.bool(training)]) + tail
        }
        return try (isNoTraining ? [false] : running.isEmpty ? [true] : [true, false]).flatMap { training in
            [
                arguments(try .sample([4, 3, 2]), .tensor(statistic), training), arguments(try .sample([4, 3]), .none, training),
                arguments(try .sample([3, 4, 2]).transposed(0, 1), .tensor(statistic), training),
            ]
        }
    }
}

extension Call {
    /// Requires floating-point [batch, channels, ...] and parameters of one number for each channel.
    fileprivate func requireChannels(_ x: Tensor, parameters: [Int]) throws {
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes") }
        guard x.rank >= 2 else { throw error(.shapeMismatch, "needs [batch, channels, ...], not a tensor of shape \(x.shape)") }
        try requireChannelParameters(parameters, x.shape[1])
    }

    /// Requires one number for each channel of those parameters that are there.
    func requireChannelParameters(_ positions: [Int], _ channels: SymInt) throws {
        for position in positions {
            guard let parameter = try optionalTensor(position) else { continue }
            func misfit() -> TensorError {
                error(
                    .shapeMismatch,
                    "the \(self.operator.schema.parameters[position].name) has shape \(parameter.shape), but there are \(channels) channels"
                )
            }
            guard parameter.rank == 1 else { throw misfit() }
            if !parameter.shape[0].isIdentical(to: channels) { try require(parameter.shape[0] == channels, misfit()) }
        }
    }

    /// Where the backward operator may have statistics: the running ones, and those that the forward operator saved. PyTorch saves empty
    /// vectors outside of training, and so those that are not read are not looked at.
    fileprivate var statisticsPositions: [Int] { get throws { try bool(7) ? [5, 6] : [3, 4] } }

    /// The statistics that normalised, as they were given: mean and rstd in training, else mean and variance.
    fileprivate func meanAndRstdGiven() throws -> (Tensor, Tensor) {
        let positions = try statisticsPositions
        return (try tensor(positions[0]), try tensor(positions[1]))
    }

    /// The statistics that normalised, from the arguments of the backward operator.
    fileprivate func meanAndRstd() throws -> (Tensor, Tensor) {
        let (mean, second) = try meanAndRstdGiven()
        return (try mean.contiguous(), try bool(7) ? second.contiguous() : (second + double(8)).rsqrt())
    }
}

extension Tensor {
    /// Batch, channels and elements for each channel.
    fileprivate var batchSizes: (Int64, Int64, Int64) {
        let spatial: Int = (2..<Swift.max(2, rank)).reduce(1) { $0 &* layout.size($1) }
        return (Int64(layout.size(0)), Int64(layout.size(1)), Int64(spatial))
    }

    /// How many elements share a channel.
    fileprivate var countPerChannel: SymInt { shape.enumerated().reduce(SymInt(1)) { $1.offset == 1 ? $0 : $0 * $1.element } }

    /// The sizes of a tensor of one number for each channel that broadcasts with this one.
    fileprivate var channelSizes: [SymInt] { [1, shape[1]] + Array(repeating: SymInt(1), count: rank - 2) }

    /// Batch norm by running statistics, of [batch, channels, ...].
    public func batchNorm(
        runningMean: Tensor, runningVariance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: any ScalarConvertible = 1e-5
    ) throws -> Tensor {
        try naming("batch_norm") {
            try applyTensors(
                .batchNormNoTraining,
                [
                    .tensor(self), .optional(weight), .optional(bias), .tensor(runningMean), .tensor(runningVariance), .double(0),
                    .float(epsilon),
                ])[0]
        }
    }

    /// Batch norm by the batch's own statistics, of [batch, channels, ...], with the running statistics moved towards them by `momentum`.
    /// Throws where a channel has only one value, which has no variance.
    public func batchNormTraining(
        runningMean: Tensor, runningVariance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, momentum: any ScalarConvertible = 0.1,
        epsilon: any ScalarConvertible = 1e-5
    ) throws -> (output: Tensor, runningMean: Tensor, runningVariance: Tensor) {
        try naming("batch_norm") {
            try requireSeveralValuesPerChannel()
            let results = try applyTensors(
                .batchNormFunctional,
                [
                    .tensor(self), .optional(weight), .optional(bias), .tensor(runningMean), .tensor(runningVariance), .bool(true),
                    .float(momentum),
                    .float(epsilon),
                ])
            return (results[0], results[3], results[4])
        }
    }

    /// Batch norm by the batch's own statistics, of [batch, channels, ...], without running ones. Throws where a channel has only one value,
    /// which has no variance.
    public func batchNorm(weight: Tensor? = nil, bias: Tensor? = nil, epsilon: any ScalarConvertible = 1e-5) throws -> Tensor {
        try naming("batch_norm") {
            try requireSeveralValuesPerChannel()
            return try normalizedByBatch(weight: weight, bias: bias, epsilon: epsilon)
        }
    }

    /// Batch norm by the batch's own statistics, whatever their number.
    func normalizedByBatch(weight: Tensor?, bias: Tensor?, epsilon: any ScalarConvertible) throws -> Tensor {
        try applyTensors(
            .batchNormNoStats, [.tensor(self), .optional(weight), .optional(bias), .bool(true), .double(0), .float(epsilon)])[0]
    }

    private func requireSeveralValuesPerChannel() throws {
        guard rank >= 2 else { return }
        try require(
            countPerChannel != 1,
            TensorError(
                .shapeMismatch, in: "batch_norm", "training needs more than one value for each channel, but the input has shape \(shape)"))
    }
}
