import Dispatch
import Synchronization

/// What a batch is made of.
struct BatchWork<Element: Sendable, Batch: Sendable>: Sendable {
    /// The indices of a batch's samples.
    let indices: @Sendable (_ batch: Int) throws -> [Int]
    let sample: @Sendable (_ index: Int) throws -> Element
    let collate: @Sendable (_ elements: [Element], _ indices: [Int]) throws -> Batch
}

/// Loads batches ahead and hands them out in order.
///
/// Batches are claimed one after the other, by tasks or by the consumer, so that which batch is which never depends on who loads it. A task
/// that finds nothing to claim ends, and the consumer starts it again when there is: nobody waits but the consumer, and the consumer waits only
/// for a batch that somebody is in the middle of. Hence a consumer that blocks its thread can't wait for a task that has no thread to run on.
final class BatchQueue<Element: Sendable, Batch: Sendable>: Sendable {
    let count: Int
    private let workers: Int
    private let prefetch: Int
    private let work: BatchWork<Element, Batch>
    private let state = Mutex(State())

    private struct State {
        /// Batches before this one are loaded or being loaded.
        var claimed = 0
        /// The batch that is handed out next.
        var delivered = 0
        var loaded: [Int: Result<Batch, any Error>] = [:]
        /// How many batches are being loaded at the moment.
        var active = 0
        /// Tasks that have not ended, whether or not they have begun.
        var tasks = 0
        var isStopped = false
        /// Lets the consumer go on.
        var wake: (@Sendable () -> Void)?

        /// Whether a consumer that waits has something to go on with.
        var isReady: Bool { isStopped ? active == 0 : loaded[delivered] != nil }
    }

    /// What the consumer is to do.
    private enum Step {
        case take(Result<Batch, any Error>)
        case load(Int)
        case wait
        case end
    }

    init(count: Int, workers: Int, prefetch: Int, work: BatchWork<Element, Batch>) {
        (self.count, self.workers, self.prefetch, self.work) = (count, workers, prefetch, work)
    }

    /// How many batches were handed out.
    var delivered: Int { state.withLock { $0.delivered } }

    /// Lets what is being loaded end at the next sample, and nothing begin.
    func stop() {
        let wake: (@Sendable () -> Void)? = state.withLock { state in
            state.isStopped = true
            state.loaded = [:]
            return state.isReady ? state.wake.take() : nil
        }
        wake?()
    }

    // MARK: The consumer

    /// The next batch, nil behind the last. Throws only when nothing is being loaded any more.
    func next() async throws -> Batch? {
        var failure: (any Error)?
        while true {
            if Task.isCancelled { stop() }
            switch step(isBlocking: false) {
            case .take(.success(let batch)): return batch
            case .take(.failure(let error)):
                failure = error
                stop()
            case .load(let batch): finish(batch, await loaded(batch, yields: true))
            case .wait:
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in park { continuation.resume() } }
                } onCancel: {
                    stop()
                }
            case .end:
                if let failure { throw failure }
                try Task.checkCancellation()
                return nil
            }
        }
    }

    /// The same, blocking the thread.
    func nextResult() -> Result<Batch, any Error>? {
        var failure: (any Error)?
        while true {
            if Task.isCancelled, failure == nil, !isStopped {
                failure = CancellationError()
                stop()
            }
            switch step(isBlocking: true) {
            case .take(.success(let batch)): return .success(batch)
            case .take(.failure(let error)):
                failure = error
                stop()
            case .load(let batch): finish(batch, loadedHere(batch))
            case .wait:
                let semaphore = DispatchSemaphore(value: 0)
                park { semaphore.signal() }
                semaphore.wait()
            case .end: return failure.map { .failure($0) }
            }
        }
    }

    private func step(isBlocking: Bool) -> Step {
        let (step, starting): (Step, Int) = state.withLock { state in
            if state.isStopped { return (state.active == 0 ? .end : .wait, 0) }
            guard state.delivered < count else { return (.end, 0) }
            var step = Step.wait
            if let result = state.loaded.removeValue(forKey: state.delivered) {
                state.delivered += 1
                step = .take(result)
            } else if isBlocking || workers == 0, state.claimed == state.delivered {
                state.claimed += 1
                state.active += 1
                step = .load(state.delivered)
            }
            let open: Int = max(0, min(count, state.delivered + prefetch) - state.claimed)
            let starting: Int = max(0, min(workers, state.active + open) - state.tasks)
            state.tasks += starting
            return (step, starting)
        }
        for _ in 0..<starting { Task.detached { await self.loadAhead(yields: !isBlocking) } }
        return step
    }

    private func park(_ wake: @escaping @Sendable () -> Void) {
        let isReady: Bool = state.withLock { state in
            if !state.isReady { state.wake = wake }
            return state.isReady
        }
        if isReady { wake() }
    }

    // MARK: Tasks

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func loadAhead(yields: Bool) async {
        while let batch = claim() { finish(batch, await loaded(batch, yields: yields)) }
    }

    private func claim() -> Int? {
        state.withLock { state in
            guard !state.isStopped, state.claimed < min(count, state.delivered + prefetch) else {
                state.tasks -= 1
                return nil
            }
            state.claimed += 1
            state.active += 1
            return state.claimed - 1
        }
    }

    /// - Parameter yields: lets other tasks on after each sample, as the consumer may be waiting for this thread. One that blocks its own may hold
    ///   the last thread there is, so that what it waits for must not let go of another.
    private func loaded(_ batch: Int, yields: Bool) async -> Result<Batch, any Error> {
        do {
            let indices: [Int] = try work.indices(batch)
            var elements: [Element] = []
            for index in indices {
                try append(index, to: &elements)
                if yields { await Task.yield() }
            }
            return .success(try work.collate(elements, indices))
        } catch {
            return .failure(error)
        }
    }

    private func loadedHere(_ batch: Int) -> Result<Batch, any Error> {
        Result {
            let indices: [Int] = try work.indices(batch)
            var elements: [Element] = []
            for index in indices { try append(index, to: &elements) }
            return try work.collate(elements, indices)
        }
    }

    private func append(_ index: Int, to elements: inout [Element]) throws {
        guard !isStopped else { throw CancellationError() }
        elements.append(try work.sample(index))
    }

    private func finish(_ batch: Int, _ result: Result<Batch, any Error>) {
        let wake: (@Sendable () -> Void)? = state.withLock { state in
            state.active -= 1
            if !state.isStopped { state.loaded[batch] = result }
            return state.isReady ? state.wake.take() : nil
        }
        wake?()
    }
}
