import Apus
import ApusData
import Testing

/// Which samples each process goes through.
struct ShardTests {
    private func indices(_ count: Int, _ shard: DataShard, seed: UInt64?, epoch: Int, batchSize: Int = 3) throws -> [Int] {
        let options = LoadingOptions(shuffleSeed: seed, shard: shard)
        let loader = try DataLoader(batchesOf: ArrayDataset(Array(0..<count)), batchSize: batchSize, options: options)
        let batches: [[Int]] = try loader.epoch(epoch).results.map { try $0.get() }
        #expect(batches.count == loader.count && batches.dropLast().allSatisfy { $0.count == batchSize })
        return batches.flatMap { $0 }
    }

    @Test func dealsOutAsPyTorch() throws {
        var (lines, ours): ([String], [[Int]]) = ([], [])
        for (count, processes) in [(10, 2), (10, 3), (10, 4), (11, 4), (3, 4), (2, 5), (1, 4), (12, 4), (7, 1), (0, 3), (100, 7)] {
            for drop in [false, true] {
                for rank in 0..<processes {
                    // PyTorch can't deal out nothing, and leaves what is fewer than its processes to an error.
                    let shard = try DataShard(rank, of: processes, dropUneven: drop)
                    let plain: [Int] = try indices(count, shard, seed: nil, epoch: 0)
                    let isKnown: Bool = count > 0 && !(drop && count < processes)
                    if isKnown { lines.append("\(count) \(processes) \(rank) \(drop ? 1 : 0)") }
                    if isKnown { ours.append(plain) } else { #expect(plain.isEmpty) }
                    // Shuffled it is the same deal of the whole's order, another one in each epoch.
                    let whole = try DataShard(0, of: 1)
                    for epoch in 0..<2 {
                        let order: [Int] = try indices(count, whole, seed: 5, epoch: epoch)
                        #expect(try indices(count, shard, seed: 5, epoch: epoch) == plain.map { order[$0] })
                    }
                }
            }
        }
        #expect(try indices(100, DataShard(1, of: 7), seed: 5, epoch: 0) != indices(100, DataShard(1, of: 7), seed: 5, epoch: 1))
        try withProcesses { processes in
            let theirs: String = try processes.judge("sampler.py", [], input: lines.joined(separator: "\n"))
            let lists: [[Int]] = theirs.split(separator: "\n", omittingEmptySubsequences: false).map {
                $0.split(separator: " ").compactMap { Int($0) }
            }
            #expect(Array(lists.prefix(ours.count)) == ours)
        }
    }

    @Test func refusesWhatIsNoShard() {
        for (index, count) in [(0, 0), (-1, 2), (2, 2), (0, -1)] {
            #expect(throws: DataError.self) { try DataShard(index, of: count) }
        }
    }
}
