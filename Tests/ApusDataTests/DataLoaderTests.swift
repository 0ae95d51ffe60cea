import ApusData
import ApusTensor
import Synchronization
import Testing

/// Loaders: which batches come in which order, whoever loads them; what is running when a loop ends; errors with their index.
struct DataLoaderTests {
    /// Counts what is being read at the moment, and what was read in all, and tells of each that begins.
    final class Watch: Sendable {
        private let counts = Mutex((now: 0, all: 0, most: 0))
        let whenReading = Mutex<(@Sendable () -> Void)?>(nil)
        var now: Int { counts.withLock { $0.now } }
        var all: Int { counts.withLock { $0.all } }
        func begin() {
            counts.withLock {
                $0.now += 1
                $0.all += 1
                $0.most = max($0.most, $0.now)
            }
            whenReading.withLock { $0 }?()
        }
        func end() { counts.withLock { $0.now -= 1 } }
    }

    /// The numbers from 0 on, each of which takes a moment, and one of which may fail.
    struct Numbers: Dataset {
        struct Failure: Error {}
        var count: Int
        var failing: Set<Int> = []
        var watch = Watch()

        subscript(index: Int) -> Int {
            get throws {
                watch.begin()
                defer { watch.end() }
                var spin = index
                for _ in 0..<200 * (index % 7) { spin = spin &* 31 &+ 1 }
                if failing.contains(index) { throw Failure() }
                return spin == Int.min ? -1 : index
            }
        }
    }

    private func batches<Source, Batch>(_ loader: DataLoader<Source, Batch>, _ epoch: Int = 0) async throws -> [Batch] {
        var found: [Batch] = []
        for try await batch in loader.epoch(epoch) { found.append(batch) }
        return found
    }

    @Test(arguments: [0, 1, 2, 5], [1, 3, 50])
    func orderDoesNotDependOnWorkers(workers: Int, prefetch: Int) async throws {
        for seed in [nil, UInt64(3)] {
            let plain = try DataLoader(batchesOf: Numbers(count: 103), batchSize: 10, options: LoadingOptions(shuffleSeed: seed))
            let options = LoadingOptions(shuffleSeed: seed, workers: workers, prefetch: prefetch)
            let loader = try DataLoader(batchesOf: Numbers(count: 103), batchSize: 10, options: options)
            for epoch in 0..<3 {
                let expected: [[Int]] = try await batches(plain, epoch)
                #expect(expected.flatMap { $0 }.sorted() == Array(0..<103))
                #expect(expected.map(\.count) == Array(repeating: 10, count: 10) + [3])
                #expect(try await batches(loader, epoch) == expected)
                #expect(try loader.epoch(epoch).results.map { try $0.get() } == expected)
            }
            let many = LoadingOptions(shuffleSeed: seed, workers: .max, prefetch: .max)
            #expect(try await batches(DataLoader(batchesOf: Numbers(count: 103), batchSize: 10, options: many)) == batches(plain))
            if seed == nil { #expect(try await batches(loader)[1] == Array(10..<20)) }
            if seed != nil { #expect(try await batches(loader, 0) != batches(loader, 1)) }
        }
    }

    /// Written down once: other machines and later versions must draw the same.
    @Test func shufflingIsTheSameEverywhere() async throws {
        let loader = try DataLoader(batchesOf: ArrayDataset(Array(0..<10)), batchSize: 10, options: LoadingOptions(shuffleSeed: 1))
        let (first, second): ([[Int]], [[Int]]) = (try await batches(loader), try await batches(loader, 1))
        #expect(first == [[0, 6, 9, 4, 7, 5, 3, 1, 2, 8]])
        #expect(second == [[2, 4, 8, 5, 9, 7, 0, 3, 1, 6]])
    }

    @Test func lastBatchCanBeDropped() async throws {
        for (samples, sizes) in [(0, []), (3, []), (4, [4]), (9, [4, 4])] {
            let loader = try DataLoader(
                batchesOf: ArrayDataset(Array(0..<samples)), batchSize: 4, options: LoadingOptions(dropLast: true, workers: 2))
            #expect(try await batches(loader).map(\.count) == sizes)
            #expect(loader.count == sizes.count)
        }
    }

    @Test func tensorsAreStacked() async throws {
        let images = try Tensor.arange(12).reshaped([6, 2])
        let labels = try Tensor.arange(6)
        let pairs = try TensorDataset(images).zipped(with: TensorDataset(labels))
        let loader = try DataLoader(pairs, batchSize: 4, options: LoadingOptions(workers: 2))
        let (x, y) = try await batches(loader)[1]
        #expect(try x.nested(as: [[Int]].self) == [[8, 9], [10, 11]])
        #expect(try y.array(of: Int.self) == [4, 5])

        let columns = try DataLoader(ColumnDataset(["x": images, "y": labels]), batchSize: 4)
        let second = try await batches(columns)[1]
        #expect(try second["x"]?.nested(as: [[Int]].self) == [[8, 9], [10, 11]])

        let parts = try ArrayDataset(labels.array(of: Int.self)).randomSplit(0.5, seed: 1)
        #expect(parts.0.count == 3 && Set(parts.0.indices).union(parts.1.indices) == Set(0..<6))
        let doubled = try await batches(DataLoader(batchesOf: ArrayDataset([1, 2, 3]).transformed { $0 * 2 }, batchSize: 2))
        #expect(doubled == [[2, 4], [6]])
    }

    @Test func sequencesOfDifferentLengthsArePadded() async throws {
        let words: [[Int]] = [[1], [2, 3, 4], [5, 6]]
        let loader = try DataLoader(ArrayDataset(words), batchSize: 2, options: LoadingOptions(workers: 1)) { samples in
            try padSequence(samples.map { try Tensor($0) }, paddingValue: -1)
        }
        let found = try await batches(loader)
        #expect(try found[0].values.nested(as: [[Int]].self) == [[1, -1, -1], [2, 3, 4]])
        #expect(try found[0].lengths.array(of: Int.self) == [1, 3])
        #expect(try found[1].values.nested(as: [[Int]].self) == [[5, 6]])
        let matrices = try padSequence([Tensor.ones([1, 2]), Tensor.zeros([2, 2])]).values
        #expect(try matrices.nested(as: [[[Float]]].self) == [[[1, 1], [0, 0]], [[0, 0], [0, 0]]])
    }

    // MARK: Errors

    @Test(arguments: [0, 1, 4])
    func errorsComeAtTheirBatchWithTheIndex(workers: Int) async throws {
        // The later one may be met first.
        let numbers = Numbers(count: 60, failing: [25, 33])
        let loader = try DataLoader(
            batchesOf: numbers, batchSize: 10, options: LoadingOptions(workers: workers, prefetch: workers == 0 ? 0 : 6))
        var found: [[Int]] = []
        let error = await #expect(throws: DataError.self) {
            for try await batch in loader.epoch(0) { found.append(batch) }
        }
        #expect(error?.code == .sample && error?.index == 25 && error?.underlying is Numbers.Failure)
        #expect(error?.description == "sample 25: Failure()")
        #expect(found == [Array(0..<10), Array(10..<20)])
        #expect(numbers.watch.now == 0)

        let results = Array(loader.epoch(0).results)
        #expect(results.count == 3)
        #expect(throws: DataError.self) { try results[2].get() }
        #expect(numbers.watch.now == 0)
    }

    @Test func collationErrorsNameTheBatch() async throws {
        let ragged = [try Tensor([1]), try Tensor([2]), try Tensor([3]), try Tensor([1, 2])]
        let loader = try DataLoader(ArrayDataset(ragged), batchSize: 2)
        let error = await #expect(throws: DataError.self) { _ = try await batches(loader) }
        #expect(error?.code == .collation && error?.index == 2 && error?.underlying is TensorError)
    }

    @Test func argumentsAreChecked() throws {
        for (size, workers, prefetch) in [(0, 0, nil), (1, -1, nil), (1, 1, 0), (1, 0, -1)] as [(Int, Int, Int?)] {
            #expect(throws: DataError.self) {
                try DataLoader(batchesOf: ArrayDataset([1]), batchSize: size, options: LoadingOptions(workers: workers, prefetch: prefetch))
            }
        }
        #expect(throws: DataError.self) { try ArrayDataset([1, 2]).subset([2]) }
        #expect(throws: DataError.self) { try ArrayDataset([1, 2]).randomSplit(1.5, seed: 0) }
        #expect(throws: DataError.self) { try ArrayDataset([1, 2]).zipped(with: ArrayDataset([1])) }
        #expect(throws: DataError.self) { try TensorDataset(Tensor(1)) }
        #expect(throws: DataError.self) { try ColumnDataset([:]) }
        let error = #expect(throws: DataError.self) { try ColumnDataset(["a": Tensor([1, 2]), "b": Tensor([1])]) }
        #expect(error?.description == "column 'b': has 1 samples, but 'a' has 2")
    }

    /// Of the samples in the order of all of them each shard has every `count`-th; PyTorch's sampler is asked in the tests of `Distributed/`.
    @Test func shardsShareTheSamples() async throws {
        func samples(_ index: Int, _ count: Int, drop: Bool, seed: UInt64?, workers: Int) async throws -> [Int] {
            let options = LoadingOptions(shuffleSeed: seed, shard: try DataShard(index, of: count, dropUneven: drop), workers: workers)
            let loader = try DataLoader(batchesOf: Numbers(count: 11), batchSize: 2, options: options)
            #expect(loader.count == (drop ? 1 : 2))
            var result: [Int] = []
            for try await batch in loader.epoch(1) { result += batch }
            return result
        }
        #expect(try await samples(1, 4, drop: false, seed: nil, workers: 0) == [1, 5, 9])
        #expect(try await samples(3, 4, drop: false, seed: nil, workers: 2) == [3, 7, 0])
        #expect(try await samples(3, 4, drop: true, seed: nil, workers: 0) == [3, 7])
        var all: [Int] = []
        for index in 0..<4 { all += try await samples(index, 4, drop: true, seed: 3, workers: index) }
        #expect(Set(all).count == 8)
        #expect(throws: DataError.self) { try DataShard(4, of: 4) }
    }

    // MARK: Tasks

    @Test func cancellingLeavesNothingRunning() async throws {
        let numbers = Numbers(count: 1_000_000)
        let loader = try DataLoader(batchesOf: numbers, batchSize: 500_000, options: LoadingOptions(workers: 2))
        let (start, starter) = AsyncStream.makeStream(of: Never.self)
        let task = Task {
            for await _ in start {}
            for try await _ in loader.epoch(0) {}
        }
        // From within: whoever looks from outside may get no turn before all is read.
        numbers.watch.whenReading.withLock { $0 = { task.cancel() } }
        starter.finish()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(numbers.watch.now == 0)
        let all: Int = numbers.watch.all
        #expect(all < 1_000_000)
        for _ in 0..<100 { await Task.yield() }
        #expect(numbers.watch.all == all)
    }

    @Test func leavingALoopStopsWhatIsLoaded() async throws {
        let numbers = Numbers(count: 1_000_000)
        let loader = try DataLoader(batchesOf: numbers, batchSize: 10, options: LoadingOptions(workers: 2, prefetch: 4))
        for try await _ in loader.epoch(0) { break }
        for _ in loader.epoch(0).results { break }
        while numbers.watch.now > 0 { await Task.yield() }
        // Of each loop the batch, and what could be ahead.
        #expect(numbers.watch.all <= 2 * (1 + 4) * 10)
    }

    @Test func noMoreIsLoadedAheadThanAllowed() async throws {
        for prefetch in [1, 3] {
            let numbers = Numbers(count: 200)
            let loader = try DataLoader(batchesOf: numbers, batchSize: 10, options: LoadingOptions(workers: 3, prefetch: prefetch))
            var taken = 0
            for try await _ in loader.epoch(0) {
                taken += 1
                for _ in 0..<20 { await Task.yield() }
                #expect(numbers.watch.all <= (taken + prefetch) * 10)
            }
            #expect(taken == 20)
        }
    }

    /// Threads that are blocked by loops are no threads for workers: the loops must get on by themselves.
    @Test func blockingLoopsOfManyTasksGoOn() async throws {
        let loader = try DataLoader(batchesOf: Numbers(count: 100), batchSize: 7, options: LoadingOptions(shuffleSeed: 1, workers: 3))
        let expected: [[Int]] = try await batches(loader)
        try await withThrowingTaskGroup(of: [[Int]].self) { group in
            for _ in 0..<24 { group.addTask { try loader.epoch(0).results.map { try $0.get() } } }
            for try await found in group { #expect(found == expected) }
        }
    }

    @Test func progressIsTold() async throws {
        let told = Mutex<[LoadingProgress]>([])
        let options = LoadingOptions(workers: 2) { progress in told.withLock { $0.append(progress) } }
        let loader = try DataLoader(batchesOf: ArrayDataset(Array(0..<25)), batchSize: 10, options: options)
        _ = try await batches(loader, 4)
        #expect(told.withLock { $0.map(\.samples) } == [10, 20, 25])
        #expect(told.withLock { $0.map(\.batches) } == [1, 2, 3])
        #expect(told.withLock { $0.allSatisfy { $0.epoch == 4 && $0.totalBatches == 3 && $0.totalSamples == 25 } })
    }
}
