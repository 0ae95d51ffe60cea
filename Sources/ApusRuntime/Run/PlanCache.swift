import ApusGraph
import ApusTensor
import Synchronization

/// Bound plans by input sizes: the most recently used ones, with as many instances of each as callers have met.
final class PlanCache: Sendable {
    enum Found {
        case bound(BoundPlan)
        /// For these sizes the program runs node by node.
        case unplannable
        /// All instances are in use.
        case busy
        case none
    }

    private struct Entry {
        let key: [Int]
        var isPlannable = true
        var idle: [BoundPlan] = []
        var runs = 0

        func matches(_ other: UnsafeBufferPointer<Int>) -> Bool {
            guard key.count == other.count else { return false }
            for index in 0..<other.count where key[index] != other[index] { return false }
            return true
        }
    }

    /// Keys for which nothing has been bound.
    private struct Met {
        /// With how often each was met, the most recent last.
        var counts: [(key: [Int], count: Int)] = []
        /// How often a key is met before something is bound for it: the more often, the less of what was bound has been of use.
        var patience = PlanCache.leastPatience
    }

    /// What serves so many runs was worth its binding, for programs of any size.
    private static let manyRuns = 16
    private static let leastPatience = 2
    private static let mostPatience = 64

    private let capacity: Int
    private let met = Mutex(Met())
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
                return entries[index].idle.popLast().map { .bound($0) } ?? .busy
            }
            return .none
        }
    }

    /// Whether something has been bound, for any sizes.
    var isEmpty: Bool { entries.withLock { $0.isEmpty } }

    /// Whether the key has been met so often of late that it pays to bind something for it.
    func hasMetOften(_ key: UnsafeBufferPointer<Int>) -> Bool {
        met.withLock { met in
            guard let index = met.counts.lastIndex(where: { $0.key.elementsEqual(key) }) else {
                met.counts.append((Array(key), 1))
                if met.counts.count > 4 * capacity { met.counts.removeFirst() }
                return false
            }
            var entry: (key: [Int], count: Int) = met.counts.remove(at: index)
            entry.count += 1
            if entry.count >= met.patience { return true }
            met.counts.append(entry)
            return false
        }
    }

    /// Learns how many runs what was bound has served before others took its place.
    private func learn(runs: Int) {
        met.withLock { met in
            let patience: Int = runs < PlanCache.manyRuns ? met.patience * 2 : met.patience / 2
            met.patience = min(max(patience, PlanCache.leastPatience), PlanCache.mostPatience)
        }
    }

    func give(_ bound: BoundPlan, _ key: UnsafeBufferPointer<Int>) {
        let last: Int? = entries.withLock { entries in
            if let last = entries.indices.last, entries[last].matches(key) {
                entries[last].idle.append(bound)
                entries[last].runs += 1
                return nil
            }
            if let index = entries.firstIndex(where: { $0.matches(key) }) {
                var entry: Entry = entries.remove(at: index)
                entry.idle.append(bound)
                entry.runs += 1
                entries.append(entry)
                return nil
            }
            entries.append(Entry(key: Array(key), idle: [bound], runs: 1))
            return entries.count > capacity ? entries.removeFirst().runs : nil
        }
        if let last { learn(runs: last) }
    }

    func markUnplannable(_ key: UnsafeBufferPointer<Int>) {
        entries.withLock { entries in
            guard !entries.contains(where: { $0.matches(key) }) else { return }
            entries.append(Entry(key: Array(key), isPlannable: false))
            if entries.count > capacity { entries.removeFirst() }
        }
    }
}
