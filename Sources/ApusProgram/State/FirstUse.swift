import Synchronization

/// Work that is put off until a program's tensors are used for the first time, and done once: reading every byte of large weights to compare
/// their checksums, which would cost more than all else of loading.
package final class FirstUse: Sendable {
    private let isDone = Atomic<Bool>(false)
    private let work: Mutex<(@Sendable () throws -> Void)?>

    package init(_ work: @escaping @Sendable () throws -> Void) { self.work = Mutex(work) }

    /// Does the work unless it is done. Work that throws is not done: it throws again.
    package func run() throws {
        if isDone.load(ordering: .acquiring) { return }
        try work.withLock { work in
            try work?()
            work = nil
            isDone.store(true, ordering: .releasing)
        }
    }
}
