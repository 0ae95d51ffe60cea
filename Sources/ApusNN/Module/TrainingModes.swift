import Synchronization

/// The modes of modules that don't store `isTraining` themselves: Swift's protocols can't add storage to a class.
///
/// Only modules that were set to evaluate are kept, weakly; an absent one trains.
final class TrainingModes: Sendable {
    static let shared = TrainingModes()

    private struct Entry: @unchecked Sendable {
        // Compared by identity only, under the lock.
        weak var module: AnyObject?
    }

    private struct Table {
        var evaluating: [ObjectIdentifier: Entry] = [:]
        /// The count at which dead entries are removed next.
        var limit = 64
    }

    private let table = Mutex(Table())

    func isTraining(_ module: AnyObject) -> Bool {
        let id = ObjectIdentifier(module)
        // An entry of a module that is gone may lie under a newer one's address: its weak reference is nil then.
        return table.withLock { $0.evaluating[id]?.module == nil }
    }

    func set(_ isTraining: Bool, for module: AnyObject) {
        let id = ObjectIdentifier(module)
        let entry: Entry? = isTraining ? nil : Entry(module: module)
        table.withLock { table in
            table.evaluating[id] = entry
            guard table.evaluating.count > table.limit else { return }
            table.evaluating = table.evaluating.filter { $0.value.module != nil }
            table.limit = max(64, 2 * table.evaluating.count)
        }
    }
}
