import Apus

// Values: results are new tensors, of which no process sees another's changes. Non-contiguous and empty tensors are as good as others. In traced
// code these are operators of the program (see ``CollectiveOperators``), and gradients flow through them.

extension ProcessGroup {
    /// The reduction of the processes' tensors, the same in all of them to the last bit.
    ///
    /// Cost: about `2 (n - 1) / n` times the tensor's bytes over each process's wire, and a number of messages that grows with `n` or its logarithm.
    ///
    /// - Throws: `DistributedError`: `.mismatch` in all processes where shapes, dtypes or reductions differ, `.unsupported` for `avg` of integers and
    ///   for `min` and `max` of complex numbers.
    public func allReduce(_ x: Tensor, _ operation: ReduceOperation = .sum) throws -> Tensor {
        try CollectiveOperators.waited(
            CollectiveOperators.allReduce, [.tensor(x), .string(operation.rawValue), .string(name)])
    }

    /// The processes' tensors one behind the other: from `[N, ...]` to `[size * N, ...]`.
    ///
    /// - Throws: `DistributedError` (`.mismatch`) in all processes where shapes or dtypes differ; `TensorError` for a scalar.
    public func allGather(_ x: Tensor) throws -> Tensor {
        try CollectiveOperators.waited(
            CollectiveOperators.allGatherIntoTensor, [.tensor(x), .int(size), .string(name)])
    }

    /// This process's part of the reduction of the processes' tensors: from `[size * N, ...]` to `[N, ...]`.
    ///
    /// - Throws: as ``allReduce(_:_:)``; `TensorError` for a scalar, and where the first size is no multiple of the number of processes.
    public func reduceScatter(_ x: Tensor, _ operation: ReduceOperation = .sum) throws -> Tensor {
        try CollectiveOperators.waited(
            CollectiveOperators.reduceScatterTensor, [.tensor(x), .string(operation.rawValue), .int(size), .string(name)])
    }

    /// Rows of the tensor to each process, and rows from each, in the order of ranks: `inputSplits[r]` rows go to rank `r`, `outputSplits[r]` come
    /// from it. Where they are nil, equally many.
    ///
    /// - Throws: `DistributedError` (`.mismatch`) in all processes where what one sends is not what another expects; `TensorError` where the rows are
    ///   not those of the tensor.
    public func allToAll(_ x: Tensor, outputSplits: [Int]? = nil, inputSplits: [Int]? = nil) throws -> Tensor {
        func even() throws -> [SymInt] {
            guard x.rank >= 1 else { throw TensorError(.shapeMismatch, in: "all_to_all_single", "a scalar has no rows") }
            try require(
                x.shape[0] % SymInt(size) == 0,
                TensorError(.shapeMismatch, in: "all_to_all_single", "the rows of \(x.shape) can't be dealt to \(size) processes"))
            return Array(repeating: x.shape[0] / SymInt(size), count: size)
        }
        let (output, input): ([SymInt], [SymInt]) = (
            try outputSplits?.map { SymInt($0) } ?? even(), try inputSplits?.map { SymInt($0) } ?? even()
        )
        return try CollectiveOperators.waited(
            CollectiveOperators.allToAllSingle, [.tensor(x), .ints(output), .ints(input), .string(name)])
    }

    /// The tensor of one process, in all of them. The others' have its shape and dtype.
    ///
    /// - Throws: `DistributedError`: `.mismatch` in all processes where shapes, dtypes or sources differ, `.invalidArgument` for a rank that is none.
    public func broadcast(_ x: Tensor, from source: Int = 0) throws -> Tensor {
        try CollectiveOperators.waited(CollectiveOperators.broadcast, [.tensor(x), .int(source), .string(name)])
    }

    /// Waits until all processes have come here.
    public func barrier() throws { try run(.barrier) }

    // MARK: Started now, waited for later

    /// ``allReduce(_:_:)`` beside what the process goes on to do. Not in traced code, and not seen by gradients.
    public func startAllReduce(_ x: Tensor, _ operation: ReduceOperation = .sum) throws -> Work<Tensor> {
        let (input, output): (Tensor, Tensor) = (try x.dense(), try .empty(x.shape, dtype: x.dtype))
        return start(.allReduce(input, operation, output), giving: output)
    }

    /// ``broadcast(_:from:)`` beside what the process goes on to do.
    public func startBroadcast(_ x: Tensor, from source: Int = 0) throws -> Work<Tensor> {
        let (input, output): (Tensor, Tensor) = (try x.dense(), try .empty(x.shape, dtype: x.dtype))
        return start(.broadcast(input, from: source, output), giving: output)
    }

    /// ``allGather(_:)`` beside what the process goes on to do.
    public func startAllGather(_ x: Tensor) throws -> Work<Tensor> {
        let call = Operator.Call(CollectiveOperators.allGatherIntoTensor, [.tensor(x), .int(size), .string(name)])
        let output: Tensor = try .empty(try call.operator.rule(call)[0].shape, dtype: x.dtype)
        return start(.allGather(try x.dense(), output), giving: output)
    }

    /// ``reduceScatter(_:_:)`` beside what the process goes on to do.
    public func startReduceScatter(_ x: Tensor, _ operation: ReduceOperation = .sum) throws -> Work<Tensor> {
        let arguments: [OperatorArgument] = [.tensor(x), .string(operation.rawValue), .int(size), .string(name)]
        let call = Operator.Call(CollectiveOperators.reduceScatterTensor, arguments)
        let output: Tensor = try .empty(try call.operator.rule(call)[0].shape, dtype: x.dtype)
        return start(.reduceScatter(try x.dense(), operation, output), giving: output)
    }

    /// Of a tensor that nobody else holds.
    func startAllReduce(inPlace x: Tensor, _ operation: ReduceOperation) -> Work<Tensor> { start(.allReduce(x, operation, x), giving: x) }

    func run(_ collective: Collective) throws { try Job.shared.queue.sync { try collective.run(in: self) } }

    private func start(_ collective: Collective, giving output: Tensor) -> Work<Tensor> {
        Work(Job.shared.queue) {
            try collective.run(in: self)
            return output
        }
    }
}
