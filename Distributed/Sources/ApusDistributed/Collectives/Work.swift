import Apus
import Dispatch
import Synchronization

/// A collective operation that was started and goes on beside what the process does: `let work = try group.startAllReduce(x)`, later
/// `try work.wait()`.
public final class Work<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchGroup()

    init(_ queue: DispatchQueue, _ body: @escaping @Sendable () throws -> Value) {
        done.enter()
        queue.async {
            let result = Result { try body() }
            self.result.withLock { $0 = result }
            self.done.leave()
        }
    }

    /// Whether the result is there, or the error.
    public var isCompleted: Bool { result.withLock { $0 != nil } }

    /// Waits for the result, blocking the thread. Again, it gives the same one.
    ///
    /// - Throws: `DistributedError`.
    public func wait() throws -> Value {
        done.wait()
        guard let result = result.withLock({ $0 }) else { throw DistributedError(.failed, "an operation ended without a result") }
        return try result.get()
    }

    /// The result, for code that must not block its thread.
    public var value: Value {
        get async throws {
            await withCheckedContinuation { continuation in
                done.notify(queue: .global()) { continuation.resume() }
            }
            return try wait()
        }
    }
}
