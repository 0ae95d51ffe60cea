import CApusKernels
import Foundation
import Synchronization
import Testing

@Suite struct PoolTests {
    /// Counts how often each index was visited.
    final class Visits: Sendable {
        let counts: Mutex<[Int]>
        let nested: Bool

        init(_ n: Int, nested: Bool = false) {
            counts = Mutex(Array(repeating: 0, count: n))
            self.nested = nested
        }

        func visit(_ begin: Int64, _ end: Int64) {
            counts.withLock { counts in
                for i in Int(begin)..<Int(end) { counts[i] += 1 }
            }
        }

        func run(grain: Int64) {
            let n: Int = counts.withLock { $0.count }
            let body: apus_range_function = { context, begin, end in
                guard let context else { return }
                let visits: Visits = Unmanaged<Visits>.fromOpaque(context).takeUnretainedValue()
                guard visits.nested else { return visits.visit(begin, end) }
                // A loop inside the loop covers this range again.
                let inner = Visits(Int(end - begin))
                inner.run(grain: 1)
                if inner.counts.withLock({ $0.allSatisfy { $0 == 1 } }) { visits.visit(begin, end) }
            }
            apus_parallel_for(Int64(n), grain, body, Unmanaged.passUnretained(self).toOpaque())
        }

        var isComplete: Bool { counts.withLock { $0.allSatisfy { $0 == 1 } } }
    }

    @Test(arguments: [0, 1, 2, 7, 100, 10_001])
    func everyIndexIsVisitedOnce(_ n: Int) {
        for grain: Int64 in [0, 1, 3, 64, 100_000] {
            let visits = Visits(n)
            visits.run(grain: grain)
            #expect(visits.isComplete, "n \(n), grain \(grain)")
        }
    }

    @Test func nestedLoopsRun() {
        let visits = Visits(500, nested: true)
        visits.run(grain: 10)
        #expect(visits.isComplete)
    }

    @Test func manyThreadsMayLoopAtOnce() async {
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<16 {
                group.addTask {
                    (0..<50).allSatisfy { round in
                        let visits = Visits(64 + task * 10 + round)
                        visits.run(grain: 4)
                        return visits.isComplete
                    }
                }
            }
            for await complete in group { #expect(complete) }
        }
    }

    @Test func thereIsAtLeastOneThread() {
        #expect(apus_num_threads() >= 1)
        #expect(apus_cpu_core_count() >= 1)
        #expect(["baseline", "avx2", "avx512"].contains(String(cString: apus_cpu_level())))
    }
}
