import ApusRun
import Synchronization

/// The requests of a model that wait, and those that run.
///
/// No more wait than there is room for; each ends at its deadline, or when its caller goes away. Requests that a plan can put together run as one
/// batch: those that came while the model was busy, and those that come within the wait.
final class RequestQueue: Sendable {
    struct Request: Sendable {
        var inputs: [Tensor]
        /// What requests of one batch have in common; nil for one that runs alone.
        var key: BatchPlan.Key?
        var rows = 1
        /// Requests of one sequence run one after another, in the order they came.
        var sequence: String?
        var deadline: ContinuousClock.Instant?
        /// Runs the program on inputs, of this request or of a batch.
        var run: @Sendable ([Tensor]) throws -> [LeafValue]
    }

    /// What a request got, and how it went.
    struct Outcome: Sendable {
        let results: [LeafValue]
        let arrival: ContinuousClock.Instant
        let start: ContinuousClock.Instant
        let end: ContinuousClock.Instant
        /// How many rows ran together.
        let rows: Int

        var queued: Duration { start - arrival }
        var computed: Duration { end - start }
    }

    private struct Entry: Sendable {
        let id: Int
        let request: Request
        let arrival: ContinuousClock.Instant
        let continuation: CheckedContinuation<Outcome, any Error>
        let alarm: Task<Void, Never>?
    }

    private struct Running {
        /// Its requests that still wait for their answers.
        var wanted: [Int: Entry]
        var task: Task<Void, Never>?
    }

    private struct State {
        var waiting: [Entry] = []
        var running: [Int: Running] = [:]
        var runs: [Int: Int] = [:]
        var busySequences: Set<String> = []
        var nextID = 0
        var hasTimer = false
    }

    private let limits: QueueLimits
    private let plan: BatchPlan?
    private let threads: CallThreads
    private let statistics: ModelStatistics
    private let state = Mutex(State())

    init(_ limits: QueueLimits, plan: BatchPlan?, threads: CallThreads, statistics: ModelStatistics) {
        (self.limits, self.plan, self.threads, self.statistics) = (limits, plan, threads, statistics)
    }

    /// How many wait, and how many runs there are.
    var load: (waiting: Int, running: Int) { state.withLock { ($0.waiting.count, $0.running.count) } }

    /// Waits for the request's turn and runs it.
    /// - Throws: `ServingError` where there is no room or the time is up, `CancellationError`, and what the program throws.
    func submit(_ request: Request) async throws -> Outcome {
        let id: Int = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let refusal = add(request, id, continuation) { return continuation.resume(throwing: refusal) }
                pump()
            }
        } onCancel: {
            leave(id, CancellationError())
        }
    }

    private func add(_ request: Request, _ id: Int, _ continuation: CheckedContinuation<Outcome, any Error>) -> (any Error)? {
        let now = ContinuousClock.now
        if let deadline = request.deadline, deadline <= now { return RequestQueue.late }
        return state.withLock { state in
            // Asked where nothing comes between: one who leaves later finds the request in the queue.
            if Task.isCancelled { return CancellationError() }
            guard state.waiting.count < limits.waiting else {
                return ServingError(
                    .overloaded, "\(state.waiting.count) requests wait for the model, which is all it has room for; try again later")
            }
            let alarm: Task<Void, Never>? = request.deadline.map { deadline in
                Task { [weak self] in
                    guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                    self?.leave(id, RequestQueue.late)
                }
            }
            state.waiting.append(Entry(id: id, request: request, arrival: now, continuation: continuation, alarm: alarm))
            return nil
        }
    }

    static let late = ServingError(.deadlineExceeded, "the request's time was up before its result was there")

    // MARK: Leaving

    /// Answers a request that waits, or runs, with an error; what it ran in goes on for those who still wait for it.
    private func leave(_ id: Int, _ error: any Error) {
        let (entry, task) = state.withLock { state -> (Entry?, Task<Void, Never>?) in
            if let index = state.waiting.firstIndex(where: { $0.id == id }) { return (state.waiting.remove(at: index), nil) }
            guard let run = state.runs[id], let entry = state.running[run]?.wanted.removeValue(forKey: id) else { return (nil, nil) }
            return (entry, state.running[run]?.wanted.isEmpty == true ? state.running[run]?.task : nil)
        }
        task?.cancel()
        entry?.alarm?.cancel()
        entry?.continuation.resume(throwing: error)
    }

    // MARK: Running

    /// Starts what may start.
    private func pump() {
        while let (run, entries) = state.withLock({ next(&$0) }) {
            let task = Task(executorPreference: threads) { [self] in
                execute(entries, run)
                state.withLock { state in
                    state.running[run] = nil
                    for entry in entries {
                        state.runs[entry.id] = nil
                        if let sequence = entry.request.sequence { state.busySequences.remove(sequence) }
                    }
                }
                pump()
            }
            let isUnwanted: Bool = state.withLock { state in
                state.running[run]?.task = task
                return state.running[run]?.wanted.isEmpty == true
            }
            if isUnwanted { task.cancel() }
        }
    }

    /// The next requests that run together, taken out of the queue; nil while nothing may start.
    private func next(_ state: inout State) -> (run: Int, entries: [Entry])? {
        guard state.running.count < limits.concurrency,
            let head = state.waiting.first(where: { entry in entry.request.sequence.map { !state.busySequences.contains($0) } ?? true })
        else { return nil }
        var chosen: [Entry] = [head]
        if let plan, let key = head.request.key {
            var rows: Int = head.request.rows
            var isFull: Bool = rows >= plan.largest
            for entry in state.waiting where entry.id != head.id && entry.request.key == key {
                guard (try? plan.admits(rows + entry.request.rows, like: head.request.inputs)) == true else {
                    isFull = true
                    continue
                }
                rows += entry.request.rows
                chosen.append(entry)
            }
            let start: ContinuousClock.Instant = head.arrival + limits.batchWait
            isFull = isFull || rows >= plan.largest
            if !isFull, start > .now {
                if !state.hasTimer {
                    state.hasTimer = true
                    wake(at: start)
                }
                return nil
            }
        }
        let ids: Set<Int> = Set(chosen.map(\.id))
        state.waiting.removeAll { ids.contains($0.id) }
        state.nextID += 1
        state.running[state.nextID] = Running(wanted: Dictionary(uniqueKeysWithValues: chosen.map { ($0.id, $0) }), task: nil)
        for entry in chosen {
            state.runs[entry.id] = state.nextID
            if let sequence = entry.request.sequence { state.busySequences.insert(sequence) }
        }
        return (state.nextID, chosen)
    }

    private func wake(at start: ContinuousClock.Instant) {
        Task { [weak self] in
            try? await Task.sleep(until: start, tolerance: .zero, clock: .continuous)
            self?.state.withLock { $0.hasTimer = false }
            self?.pump()
        }
    }

    private func execute(_ entries: [Entry], _ run: Int) {
        guard entries.count > 1, let plan else {
            for entry in entries { execute(entry, run) }
            return
        }
        let start = ContinuousClock.now
        let rows: [Int] = entries.map(\.request.rows)
        do {
            var whole: Request = entries[0].request
            // The batch may take as long as the most patient of its requests waits.
            let deadlines: [ContinuousClock.Instant] = entries.compactMap(\.request.deadline)
            whole.deadline = deadlines.count == entries.count ? deadlines.max() : nil
            let parts: [[LeafValue]] = try plan.part(results(of: whole, plan.join(entries.map(\.request.inputs))), rows: rows)
            let (end, total) = (ContinuousClock.now, rows.reduce(0, +))
            statistics.ran(rows: total, end - start)
            for (entry, part) in zip(entries, parts) {
                answer(entry, run, .success(Outcome(results: part, arrival: entry.arrival, start: start, end: end, rows: total)))
            }
        } catch {
            // One request's fault, or the time of all of them: each gets its own answer.
            for entry in entries { execute(entry, run) }
        }
    }

    /// Runs a request by itself, unless it has left meanwhile.
    private func execute(_ entry: Entry, _ run: Int) {
        guard state.withLock({ $0.running[run]?.wanted[entry.id] }) != nil else { return }
        let start = ContinuousClock.now
        do {
            let results: [LeafValue] = try results(of: entry.request, entry.request.inputs)
            let (end, rows) = (ContinuousClock.now, entry.request.rows)
            statistics.ran(rows: rows, end - start)
            answer(entry, run, .success(Outcome(results: results, arrival: entry.arrival, start: start, end: end, rows: rows)))
        } catch { answer(entry, run, .failure(error)) }
    }

    /// Gives a request its answer, unless it has left: at its deadline, or with its caller.
    private func answer(_ entry: Entry, _ run: Int, _ result: Result<Outcome, any Error>) {
        guard state.withLock({ $0.running[run]?.wanted.removeValue(forKey: entry.id) }) != nil else { return }
        entry.alarm?.cancel()
        entry.continuation.resume(with: result)
    }

    private func results(of request: Request, _ inputs: [Tensor]) throws -> [LeafValue] {
        try Task.checkCancellation()
        guard let deadline = request.deadline else { return try request.run(inputs) }
        return try withDeadline(deadline) { try request.run(inputs) }
    }
}
