import Foundation
import Synchronization

/// What happened to a model's requests since it was loaded.
public final class ModelStatistics: Sendable {
    /// How often, and how long in all.
    public struct Total: Sendable {
        public var count = 0
        public var nanoseconds: Int64 = 0

        public init() {}

        public mutating func add(_ other: Total) {
            count += other.count
            nanoseconds += other.nanoseconds
        }

        mutating func add(_ duration: Duration) {
            count += 1
            nanoseconds += duration.nanoseconds
        }
    }

    public struct Values: Sendable {
        public var success = Total()
        public var failures: [ServingError.Code: Total] = [:]
        public var queue = Total()
        public var computeInput = Total()
        public var computeInfer = Total()
        public var computeOutput = Total()
        /// Rows of all requests that succeeded.
        public var inferences = 0
        /// Runs of the program, by how many rows ran together; beyond 64 by the next power of two.
        public var batches: [Int: Total] = [:]
        /// Requests by how long they took, counted in the first bound that holds them; the last count is of those beyond all bounds.
        public var latencies = Array(repeating: 0, count: Values.bounds.count + 1)
        /// Milliseconds since 1970; 0 before the first.
        public var lastInference: Int64 = 0

        /// Seconds.
        public static let bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

        public var failure: Total { failures.values.reduce(into: Total()) { $0.add($1) } }
        public var executions: Int { batches.values.reduce(0) { $0 + $1.count } }
    }

    private let state = Mutex(Values())

    public var values: Values { state.withLock { $0 } }

    func ran(rows: Int, _ duration: Duration) {
        // Large ones share the next power of two, so that requests can't make ever more entries.
        let key: Int = rows <= 64 ? rows : 1 << min(Int.bitWidth - (rows - 1).leadingZeroBitCount, 62)
        state.withLock { $0.batches[key, default: Total()].add(duration) }
    }

    func succeeded(rows: Int, input: Duration, queued: Duration, computed: Duration, total: Duration) {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        state.withLock { values in
            values.success.add(total)
            values.queue.add(queued)
            values.computeInput.add(input)
            values.computeInfer.add(computed)
            // Tensors without elements may have any number of rows.
            values.inferences &+= rows
            values.lastInference = now
            let seconds: Double = Double(total.nanoseconds) / 1e9
            values.latencies[Values.bounds.firstIndex { seconds <= $0 } ?? Values.bounds.count] += 1
        }
    }

    /// How long a result took to be written down.
    public func wrote(_ duration: Duration) { state.withLock { $0.computeOutput.add(duration) } }

    public func failed(_ code: ServingError.Code, _ duration: Duration) {
        state.withLock { $0.failures[code, default: Total()].add(duration) }
    }
}

extension Duration {
    public var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
    public var seconds: Double { Double(nanoseconds) / 1e9 }
}
