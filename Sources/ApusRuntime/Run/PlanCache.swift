import ApusGraph
import ApusTensor
import Synchronization

/// Bound plans by input sizes: the most recently used ones, with as many instances of each as callers have met.
final class PlanCache: Sendable {
    enum Found {
        case bound(BoundPlan)
        /// For these sizes the program runs node by node.
        case unplannable
        case none
    }

    private struct Entry {
        let key: [Int]
        var isPlannable = true
        var idle: [BoundPlan] = []

        func matches(_ other: UnsafeBufferPointer<Int>) -> Bool {
            guard key.count == other.count else { return false }
            for index in 0..<other.count where key[index] != other[index] { return false }
            return true
        }
    }

    private let capacity: Int
    /// Keys that were met and for which nothing has been bound, the most recent last.
    private let met = Mutex<[[Int]]>([])
    /// The most recently used last.
    private let entries: Mutex<[Entry]>

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        entries = Mutex([])
    }

    /// An idle instance, which the caller gives back after its run.
    func take(_ key: UnsafeBufferPointer<Int>) -> Found {
        entries.withLock { entries in
            for index in entries.indices.reversed() where entries[index].matches(key) {
                if !entries[index].isPlannable { return .unplannable }
                return entries[index].idle.popLast().map { .bound($0) } ?? .none
            }
            return .none
        }
    }

    /// Whether the key was among the last ones that it was asked for.
    func hasMet(_ key: UnsafeBufferPointer<Int>) -> Bool {
        met.withLock { met in
            if let index = met.lastIndex(where: { $0.elementsEqual(key) }) {
                met.remove(at: index)
                return true
            }
            met.append(Array(key))
            if met.count > capacity { met.removeFirst() }
            return false
        }
    }

    func give(_ bound: BoundPlan, _ key: UnsafeBufferPointer<Int>) {
        entries.withLock { entries in
            if let last = entries.indices.last, entries[last].matches(key) {
                entries[last].idle.append(bound)
                return
            }
            if let index = entries.firstIndex(where: { $0.matches(key) }) {
                var entry: Entry = entries.remove(at: index)
                entry.idle.append(bound)
                entries.append(entry)
                return
            }
            entries.append(Entry(key: Array(key), idle: [bound]))
            if entries.count > capacity { entries.removeFirst() }
        }
    }

    func markUnplannable(_ key: UnsafeBufferPointer<Int>) {
        entries.withLock { entries in
            guard !entries.contains(where: { $0.matches(key) }) else { return }
            entries.append(Entry(key: Array(key), isPlannable: false))
            if entries.count > capacity { entries.removeFirst() }
        }
    }
}
