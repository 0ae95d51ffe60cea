import ApusTensor

/// Puts sequences of different lengths into one tensor, as PyTorch's `pad_sequence` does with the batch first: from tensors `[length, ...]` to
/// `[count, longest, ...]`, with `paddingValue` behind the end of each.
///
/// - Returns: the values, and the length of each sequence as int64 `[count]`.
/// - Throws: `DataError` (`.invalidArgument`) for no sequences or scalars; `TensorError` where dtypes or the other sizes differ.
public func padSequence(
    _ sequences: [Tensor], paddingValue: any ScalarConvertible = 0
) throws -> (values: Tensor, lengths: Tensor) {
    let lengths: [Int] = try sequences.map { sequence in
        guard let length = try sequence.sizes.first else {
            throw DataError(.invalidArgument, "a scalar is no sequence")
        }
        return length
    }
    guard let longest = lengths.max() else { throw DataError(.invalidArgument, "there are no sequences to pad") }
    let padded: [Tensor] = try zip(sequences, lengths).map { sequence, length in
        if length == longest { return sequence }
        // Pads are named from the last dimension on: none before the first, whose end is padded.
        let pads: [Int] = Array(repeating: 0, count: 2 * sequence.rank - 1) + [longest - length]
        return try sequence.padded(pads, value: paddingValue)
    }
    return (try Tensor.stack(padded), try Tensor(lengths, shape: [lengths.count]))
}

/// Samples with the same names as one batch, each column stacked.
func stackColumns(_ samples: [[String: Tensor]]) throws -> [String: Tensor] {
    guard let first = samples.first else { return [:] }
    var columns: [String: Tensor] = [:]
    for name in first.keys {
        columns[name] = try Tensor.stack(
            samples.map { sample in
                guard let part = sample[name] else {
                    throw DataError(.missing, column: name, "is not in every sample of the batch")
                }
                return part
            })
    }
    return columns
}

extension DataLoader where Batch == [Source.Element] {
    /// A loader whose batches are arrays of samples.
    public init(batchesOf dataset: Source, batchSize: Int, options: LoadingOptions = LoadingOptions()) throws {
        try self.init(dataset, batchSize: batchSize, options: options) { $0 }
    }
}

extension DataLoader where Source.Element == Tensor, Batch == Tensor {
    /// A loader that stacks the samples of a batch: `[batchSize, ...]`.
    public init(_ dataset: Source, batchSize: Int, options: LoadingOptions = LoadingOptions()) throws {
        try self.init(dataset, batchSize: batchSize, options: options) { try Tensor.stack($0) }
    }
}

extension DataLoader where Source.Element == (Tensor, Tensor), Batch == (Tensor, Tensor) {
    /// A loader that stacks the two tensors of its samples, say images and labels.
    public init(_ dataset: Source, batchSize: Int, options: LoadingOptions = LoadingOptions()) throws {
        try self.init(dataset, batchSize: batchSize, options: options) { samples in
            (try Tensor.stack(samples.map(\.0)), try Tensor.stack(samples.map(\.1)))
        }
    }
}

extension DataLoader where Source.Element == [String: Tensor], Batch == [String: Tensor] {
    /// A loader that stacks the tensors of each name.
    public init(_ dataset: Source, batchSize: Int, options: LoadingOptions = LoadingOptions()) throws {
        try self.init(dataset, batchSize: batchSize, options: options) { try stackColumns($0) }
    }
}
