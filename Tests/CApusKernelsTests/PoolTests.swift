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

    @Test func callsWithinCallsAndAtOnceRunTheirLoops() async {
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<50).allSatisfy { round in
                        apus_begin_call()
                        defer { apus_end_call() }
                        return (0..<4).allSatisfy { n in
                            apus_begin_call()
                            defer { apus_end_call() }
                            let visits = Visits(64 + task * 10 + round + n)
                            visits.run(grain: 4)
                            return visits.isComplete
                        }
                    }
                }
            }
            for await complete in group { #expect(complete) }
        }
    }

    /// Counts how many are in a loop at once: those who came wait a little for others.
    final class Crowd: Sendable {
        private let state = Mutex((now: 0, most: 0))

        func visit() {
            state.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            for _ in 0..<2000 {
                if state.withLock({ $0.now > 1 }) { break }
                usleep(50)
            }
            state.withLock { $0.now -= 1 }
        }

        func run() {
            apus_parallel_for(
                12, 1,
                { context, begin, end in
                    guard let context else { return }
                    for _ in begin..<end { Unmanaged<Crowd>.fromOpaque(context).takeUnretainedValue().visit() }
                }, Unmanaged.passUnretained(self).toOpaque())
        }

        var most: Int { state.withLock { $0.most } }
    }

    @Test func callersThatMeetShareThePool() async {
        let threads: Int32 = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        apus_set_num_threads(6)
        let crowds = (0..<2).map { _ in Crowd() }
        await withTaskGroup(of: Void.self) { group in
            for crowd in crowds { group.addTask { crowd.run() } }
        }
        for crowd in crowds { #expect(crowd.most > 1, "nobody helped") }
    }

    @Test func aCallersLimitHoldsForItsLoops() {
        let threads: Int32 = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        apus_set_num_threads(6)
        // Other tests may set the number for all meanwhile; a caller's limit is its own.
        #expect(apus_limit_threads(2) == 0 && apus_num_threads() <= 2)
        let crowd = Crowd()
        crowd.run()
        #expect(crowd.most <= 2)
        #expect(apus_limit_threads(0) == 2 && apus_limit_threads(0) == 0)
    }

    @Test func thereIsAtLeastOneThread() {
        #expect(apus_num_threads() >= 1)
        #expect(apus_cpu_core_count() >= 1)
        #expect(["baseline", "avx2", "avx512"].contains(String(cString: apus_cpu_level())))
    }
}
