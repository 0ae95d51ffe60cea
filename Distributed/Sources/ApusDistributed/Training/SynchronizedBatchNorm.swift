import Apus

extension ProcessGroup {
    /// Runs a part of a model whose batch normalisations, where they train, take the statistics of all processes' samples together, after PyTorch's
    /// `SyncBatchNorm`: the model trains as in one process with all samples.
    ///
    ///     try parallel.valueAndGradient { model in
    ///         try world.synchronizingBatchNorm { try crossEntropy(model(images), digits) }
    ///     }
    ///
    /// Each normalisation takes two reductions of a number or two for each channel, and its gradient two more. The processes may have differing
    /// numbers of samples, but each at least two values a channel. All of them must use the same parameters: these reductions and those of
    /// `DataParallel` meet in the same order only then, and else end in an error in all processes.
    public func synchronizingBatchNorm<Result>(_ body: () throws -> Result) throws -> Result {
        try Operator.Interpreter.with(BatchNormSynchronizer(self), body)
    }
}

/// Carries out batch normalisations in training mode with the statistics of a group.
private final class BatchNormSynchronizer: Operator.Interpreter {
    private let group: ProcessGroup

    init(_ group: ProcessGroup) {
        self.group = group
        super.init(outer: Operator.Interpreter.current)
    }

    /// Where the operators have what: the last two results of the first one are the new running statistics.
    private static let arguments: [String: (training: Int, epsilon: Int, running: Int?)] = [
        "aten::_native_batch_norm_legit_functional": (5, 7, 3),
        "aten::_native_batch_norm_legit.no_stats": (3, 5, nil),
        "aten::native_batch_norm": (5, 7, nil),
        "aten::batch_norm": (5, 7, nil),
    ]

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let call = Operator.Call(operation, arguments)
        guard let places = BatchNormSynchronizer.arguments[operation.name], try call.bool(places.training) else {
            return try super.apply(operation, arguments)
        }
        // Its shapes and dtypes are those of the operator.
        let specs: [TensorSpec] = try Operator.Interpreter.with(outer) { try operation.rule(call) }
        let results: [Tensor] = try Operator.Interpreter.with(outer) { try normalized(call, places.epsilon, places.running) }
        return results.prefix(specs.count).map { .tensor($0) }
    }

    private func normalized(_ call: Operator.Call, _ epsilon: Int, _ running: Int?) throws -> [Tensor] {
        let given: Tensor = try call.tensor(0)
        let x: Tensor = try given.to(given.dtype.accumulation)
        let dims: [Int] = [0] + Array(2..<x.rank)
        let ones: [SymInt] = Array(repeating: 1, count: x.rank - 2)
        let channels: SymInt = x.shape[1]
        func spread(_ statistic: Tensor) throws -> Tensor { try statistic.reshaped([SymInt(1), channels] + ones) }

        let own: SymInt = dims.reduce(SymInt(1)) { $0 * x.shape[$1] }
        // The number of values travels with their sums.
        let count: Tensor = try .full([1], own, dtype: x.dtype)
        let sums: Tensor = try group.allReduce(try Tensor.cat([x.sum(dims: dims), count]))
        let total: Tensor = try sums.narrowed(dim: 0, from: channels, length: 1).detached()
        let mean: Tensor = try sums.narrowed(dim: 0, from: 0, length: channels) / total
        let centred: Tensor = try x - spread(mean)
        let variance: Tensor = try group.allReduce((centred * centred).sum(dims: dims)) / total
        let rstd: Tensor = try (variance + call.double(epsilon)).rsqrt()
        var result: Tensor = try centred * spread(rstd)
        if let weight = try call.optionalTensor(1) { result = try result * spread(weight.to(x.dtype)) }
        if let bias = try call.optionalTensor(2) { result = try result + spread(bias.to(x.dtype)) }

        var results: [Tensor] = [try result.to(given.dtype), mean, rstd]
        if let running {
            let momentum: Double = try call.double(6)
            let unbiased: Tensor = try variance.detached() * total / (total - 1)
            for (place, statistic) in [(running, try mean.detached()), (running + 1, unbiased)] {
                let old: Tensor = try call.tensor(place)
                results.append(try old * (1 - momentum) + (statistic * momentum).to(old.dtype))
            }
        }
        return results
    }
}
