/// The part of a data set's samples that one of several processes goes through, after PyTorch's `DistributedSampler`: of the samples in the
/// epoch's order, the same one in all processes, every `count`-th from the `index`-th on.
///
/// All processes get equally many. Where the samples can't be dealt out evenly, the first ones of the order are dealt out once more; with
/// `dropUneven` those at its end are left out instead.
///
///     let shard = try DataShard(rank, of: worldSize)
///     let loader = try DataLoader(samples, batchSize: 64 / worldSize, options: LoadingOptions(shuffleSeed: 1, shard: shard))
public struct DataShard: Sendable, Hashable {
    /// The process's rank, from 0.
    public let index: Int
    /// The number of processes.
    public let count: Int
    public let dropUneven: Bool

    /// - Throws: `DataError` (`.invalidArgument`) where `index` is not one of `0 ..< count`.
    public init(_ index: Int, of count: Int, dropUneven: Bool = false) throws {
        guard count >= 1, (0..<count).contains(index) else {
            throw DataError(.invalidArgument, "shard \(index) of \(count) is none")
        }
        (self.index, self.count, self.dropUneven) = (index, count, dropUneven)
    }

    /// How many samples of a data set each process gets.
    public func sampleCount(of samples: Int) -> Int {
        samples / count + (dropUneven || samples.isMultiple(of: count) ? 0 : 1)
    }

    /// Where the process's samples stand in the order of all of them. There must be some.
    func place(_ position: Int, of samples: Int) -> Int { (index + position * count) % samples }
}
