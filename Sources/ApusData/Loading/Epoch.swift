extension DataLoader {
    /// The batches of one pass over the data, to be gone through with `for try await`.
    public struct Epoch: AsyncSequence, Sendable {
        public typealias Element = Batch

        let loader: DataLoader
        public let number: Int

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(Pass(loader, number)) }

        /// The same batches for code that can't wait: `for result in loader.epoch(0).results { let batch = try result.get() ... }`. What fails
        /// is the last result. Workers load ahead here too; a batch that none of them has begun is loaded by the caller.
        public var results: Results { Results(loader: loader, number: number) }

        public struct AsyncIterator: AsyncIteratorProtocol {
            private let pass: Pass

            init(_ pass: Pass) { self.pass = pass }

            /// The next batch, nil behind the last one.
            /// - Throws: `DataError` for what a data set or the collation threw, `CancellationError` once the task is cancelled.
            public func next(isolation actor: isolated (any Actor)?) async throws -> Batch? {
                let batch: Batch? = try await pass.queue.next()
                if batch != nil { pass.count() }
                return batch
            }
        }
    }

    /// See ``Epoch/results``.
    public struct Results: Sequence, Sendable {
        let loader: DataLoader
        let number: Int

        public func makeIterator() -> Iterator { Iterator(Pass(loader, number)) }

        public struct Iterator: IteratorProtocol {
            private let pass: Pass

            init(_ pass: Pass) { self.pass = pass }

            public func next() -> Result<Batch, any Error>? {
                let result: Result<Batch, any Error>? = pass.queue.nextResult()
                if case .success? = result { pass.count() }
                return result
            }
        }
    }

    /// A pass that somebody goes through. Tasks that load hold the queue alone, so that they are told to stop when the loop is gone.
    final class Pass: Sendable {
        let queue: BatchQueue<Source.Element, Batch>
        private let loader: DataLoader
        private let epoch: Int
        private let samples: Int

        init(_ loader: DataLoader, _ epoch: Int) {
            (self.loader, self.epoch, samples) = (loader, epoch, loader.sampleCount)
            queue = loader.makeQueue(epoch: epoch)
        }

        deinit { queue.stop() }

        func count() {
            guard let report = loader.options.progress else { return }
            let total: Int = loader.options.dropLast ? queue.count * loader.batchSize : samples
            let batches: Int = queue.delivered
            report(
                LoadingProgress(
                    epoch: epoch, batches: batches, samples: min(batches * loader.batchSize, total), totalBatches: queue.count,
                    totalSamples: total))
        }
    }
}
