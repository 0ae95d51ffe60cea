import ApusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Threads of their own for calls that take long, so that Swift's pool, which has one thread for each core and expects its tasks to give way soon,
/// stays free: servers and user interfaces answer while programs run.
///
///     let y: Tensor = try await CallThreads.shared.run { try program(x) }
///
/// They run sessions, eager code and any other synchronous work too. A task that is cancelled before its turn doesn't start, and one that is
/// cancelled later ends between two of the program's steps, with `CancellationError`. Calls wait their turn in the order they came, and each computes with the
/// threads that all kernels share.
///
/// Threads start when they are needed, have 8 MB of stack each, and end once nobody holds the object and all calls are done.
public final class CallThreads: TaskExecutor {
    /// As many threads as a kernel may use.
    public static let shared = CallThreads(count: Threads.count)

    private let queue: JobQueue

    /// - Parameter count: how many calls run at once, at least 1.
    public init(count: Int) { queue = JobQueue(limit: max(count, 1)) }

    deinit { queue.close() }

    public func enqueue(_ job: consuming ExecutorJob) { queue.append(UnownedJob(job), asUnownedTaskExecutor()) }

    /// Runs a closure on one of the threads.
    ///
    /// Cost: some microseconds.
    /// - Throws: `CancellationError` where the task was cancelled before the closure's turn, and what the closure throws.
    public func run<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(self) { try await perform(body) }
    }

    /// A closure begins where its caller is; a function of its own begins on the threads that the task prefers.
    @concurrent private func perform<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
        try Task.checkCancellation()
        return try body()
    }
}

/// Jobs that wait, and the threads that take them. Outlives its `CallThreads` until the last job is done.
private final class JobQueue: @unchecked Sendable {
    private let limit: Int
    private let lock: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private let change: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private var jobs: [(job: UnownedJob, executor: UnownedTaskExecutor)] = []
    /// Where the next job lies; those before it are taken.
    private var first = 0
    private var threads = 0
    private var idle = 0
    private var isClosed = false

    init(limit: Int) {
        self.limit = limit
        pthread_mutex_init(lock, nil)
        pthread_cond_init(change, nil)
    }

    deinit {
        pthread_cond_destroy(change)
        pthread_mutex_destroy(lock)
        change.deallocate()
        lock.deallocate()
    }

    func append(_ job: UnownedJob, _ executor: UnownedTaskExecutor) {
        pthread_mutex_lock(lock)
        jobs.append((job, executor))
        // One more thread where those that wait have enough to take already.
        var mustRunHere = false
        if jobs.count - first > idle, threads < limit {
            threads += 1
            if !start() {
                threads -= 1
                mustRunHere = threads == 0
            }
        }
        pthread_cond_signal(change)
        pthread_mutex_unlock(lock)
        // Without memory for a single thread the caller's is all there is.
        if mustRunHere, let (job, executor) = take(waits: false) { job.runSynchronously(on: executor) }
    }

    func close() {
        pthread_mutex_lock(lock)
        isClosed = true
        pthread_cond_broadcast(change)
        pthread_mutex_unlock(lock)
    }

    private func start() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let queue = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let work: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<JobQueue>.fromOpaque(argument).takeRetainedValue().work() }
            return nil
        }
        let isStarted: Bool = pthread_create(&thread, &attributes, work, queue.toOpaque()) == 0
        if !isStarted { queue.release() }
        return isStarted
    }

    private func work() {
        while let (job, executor) = take(waits: true) { job.runSynchronously(on: executor) }
    }

    private func take(waits: Bool) -> (UnownedJob, UnownedTaskExecutor)? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while first == jobs.count {
            if isClosed || !waits {
                if waits { threads -= 1 }
                return nil
            }
            idle += 1
            pthread_cond_wait(change, lock)
            idle -= 1
        }
        let next = jobs[first]
        first += 1
        if first == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 1024, first > jobs.count / 2 {
            jobs.removeSubrange(..<first)
            first = 0
        }
        return next
    }
}
