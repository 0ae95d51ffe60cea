import Glibc
import Synchronization

/// A question that had no answer, left for the next operation that can throw.
///
/// `if k * k > 3` has to be answered with a `Bool` even where `k * k` overflowed, and `if` can't throw. The answer is false, and the fault
/// stays here, with the task that asked (outside of tasks, with the thread), until the next operation of that task takes and throws it.
/// Tensor operations and checks do; so no branch on an invalid number goes unnoticed, and nothing traps.
package enum PendingFault {
    private enum Asker: Hashable {
        case task(Int)
        case thread(UInt)

        static var current: Asker {
            withUnsafeCurrentTask { task in task.map { .task($0.hashValue) } ?? .thread(UInt(pthread_self())) }
        }
    }

    /// How many faults wait, so that operations look no further while there is none.
    private static let count = Atomic<Int>(0)
    private static let faults = Mutex<[Asker: SymbolScope.Fault]>([:])

    /// Whether anyone's fault waits. Costs one load.
    package static var exists: Bool { count.load(ordering: .relaxed) != 0 }

    /// Leaves a fault; the first that nobody took stays.
    static func leave(_ error: SymbolicError, site: CallSite) {
        faults.withLock { faults in
            let asker: Asker = .current
            if faults[asker] != nil { return }
            faults[asker] = SymbolScope.Fault(error: error, site: site)
            count.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// The fault of the current task, which is thereby dealt with.
    package static func take() -> SymbolScope.Fault? {
        guard exists else { return nil }
        return faults.withLock { faults in
            guard let fault = faults.removeValue(forKey: .current) else { return nil }
            count.wrappingSubtract(1, ordering: .relaxed)
            return fault
        }
    }
}
