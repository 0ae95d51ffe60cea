import ApusTensor

/// How a ``DataLoader`` goes through its samples.
public struct LoadingOptions: Sendable {
    /// Shuffles the samples anew for each epoch, in an order that this seed and the epoch's number decide on every machine; nil keeps their own.
    public var shuffleSeed: UInt64?
    /// Leaves a last batch out that has fewer samples than the others.
    public var dropLast: Bool
    /// The part of the samples that this process goes through, where several share the work; nil for all of them.
    public var shard: DataShard?
    /// How many tasks load batches while others are used; 0 loads each when it is asked for.
    public var workers: Int
    /// How many batches at most are loaded, or being loaded, and not yet handed out; twice the workers where it is nil.
    public var prefetch: Int?
    /// Told after each batch that was handed out, by the task that asked for it.
    public var progress: (@Sendable (LoadingProgress) -> Void)?

    public init(
        shuffleSeed: UInt64? = nil, dropLast: Bool = false, shard: DataShard? = nil, workers: Int = 0, prefetch: Int? = nil,
        progress: (@Sendable (LoadingProgress) -> Void)? = nil
    ) {
        (self.shuffleSeed, self.dropLast, self.shard) = (shuffleSeed, dropLast, shard)
        (self.workers, self.prefetch, self.progress) = (workers, prefetch, progress)
    }
}

/// How far an epoch has come.
public struct LoadingProgress: Sendable, Hashable {
    public let epoch: Int
    /// Batches and samples that were handed out.
    public let batches: Int
    public let samples: Int
    /// Batches and samples of the whole epoch.
    public let totalBatches: Int
    public let totalSamples: Int
}

/// Batches of a data set's samples, in an order that does not depend on how many tasks load them.
///
///     let loader = try DataLoader(dataset, batchSize: 64, options: LoadingOptions(shuffleSeed: 1, workers: 2))
///     for epoch in 0..<10 {
///         for try await (images, labels) in loader.epoch(epoch) { ... }
///     }
///
/// Samples are put together by a function from a batch's samples to the batch; for tensors, pairs and dictionaries of them there is one that
/// stacks, and ``padSequence(_:paddingValue:)`` helps with lengths that differ. `loader.epoch(0).results` goes through the same batches in code
/// that can't wait.
///
/// What a data set or the function throws comes out of the loop at its batch's turn, as a ``DataError`` with the sample's index, and ends it.
/// By then, and when the task is cancelled, nothing is being loaded any more. A loop that is left early asks for no further samples; those that were being
/// read are thrown away.
public struct DataLoader<Source: Dataset, Batch: Sendable>: Sendable {
    public let dataset: Source
    public let batchSize: Int
    public let options: LoadingOptions
    let collate: @Sendable ([Source.Element]) throws -> Batch

    /// - Parameter collate: makes a batch of its samples, at least one; called by several tasks at the same time.
    /// - Throws: `DataError` (`.invalidArgument`) for a batch size below 1, a negative number of workers, or workers that may load nothing ahead.
    public init(
        _ dataset: Source, batchSize: Int, options: LoadingOptions = LoadingOptions(),
        collate: @escaping @Sendable ([Source.Element]) throws -> Batch
    ) throws {
        guard batchSize >= 1 else { throw DataError(.invalidArgument, "a batch needs at least one sample, not \(batchSize)") }
        guard options.workers >= 0 else { throw DataError(.invalidArgument, "there can't be \(options.workers) workers") }
        if let prefetch = options.prefetch, prefetch < (options.workers > 0 ? 1 : 0) {
            throw DataError(.invalidArgument, "\(options.workers) workers can't load \(prefetch) batches ahead")
        }
        (self.dataset, self.batchSize, self.options, self.collate) = (dataset, batchSize, options, collate)
    }

    /// The number of batches of an epoch.
    public var count: Int { batchCount(sampleCount) }

    /// The number of samples of an epoch: the data set's, or the shard's.
    var sampleCount: Int { options.shard?.sampleCount(of: dataset.count) ?? dataset.count }

    func batchCount(_ samples: Int) -> Int {
        samples / batchSize + (options.dropLast || samples.isMultiple(of: batchSize) ? 0 : 1)
    }

    /// One pass over the data. The same number gives the same batches.
    public func epoch(_ number: Int) -> Epoch { Epoch(loader: self, number: number) }

    /// What loads the batches of an epoch.
    func makeQueue(epoch: Int) -> BatchQueue<Source.Element, Batch> {
        let (samples, all): (Int, Int) = (sampleCount, dataset.count)
        // More than there are batches would be no use.
        let count: Int = batchCount(samples)
        let workers: Int = min(options.workers, count)
        let prefetch: Int = workers == 0 ? 0 : min(options.prefetch ?? 2 * workers, count)
        // An order that can't be had is an error of the first batch.
        let order: Result<[Int]?, any Error> = Result {
            // Epochs of neighbouring seeds must not coincide: the number is multiplied by one without small multiples (2^64 over the golden ratio).
            try options.shuffleSeed.map {
                try shuffledIndices(all, seed: $0 &+ UInt64(bitPattern: Int64(epoch)) &* 0x9E37_79B9_7F4A_7C15)
            }
        }
        let shard: DataShard? = options.shard
        let work = BatchWork<Source.Element, Batch>(
            indices: { batch in
                let positions: Range<Int> = batch * batchSize..<min((batch + 1) * batchSize, samples)
                let places: [Int] = shard.map { shard in positions.map { shard.place($0, of: all) } } ?? Array(positions)
                return try order.get().map { order in places.map { order[$0] } } ?? places
            },
            sample: { index in
                do { return try dataset[index] } catch { throw DataError(.sample, index: index, "", underlying: error) }
            },
            collate: { elements, indices in
                do { return try collate(elements) } catch {
                    throw DataError(
                        .collation, index: indices.first, "\(elements.count) samples from this one on can't be put together",
                        underlying: error)
                }
            })
        return BatchQueue(count: count, workers: workers, prefetch: prefetch, work: work)
    }
}
