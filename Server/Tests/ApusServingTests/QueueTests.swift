import Apus
import Synchronization
import Testing

@testable import ApusServing

/// A program that waits until it is let go, and counts its runs and their rows.
private final class Gate: Sendable {
    let isOpen = Atomic(false)
    let runs = Mutex<[Int]>([])

    func run(_ inputs: [Tensor]) throws -> [LeafValue] {
        runs.withLock { $0.append((try? inputs[0].sizes[0]) ?? 0) }
        while !isOpen.load(ordering: .acquiring) { try Task.checkCancellation() }
        return [.tensor(try inputs[0] * 2)]
    }

    func open() { isOpen.store(true, ordering: .releasing) }

    func waitForRuns(_ count: Int) async {
        while runs.withLock({ $0.count }) < count { await Task.yield() }
    }
}

@Suite struct QueueTests {
    private let threads = CallThreads(count: 2)
    private let gate = Gate()

    private func queue(_ limits: QueueLimits = QueueLimits(), together: Bool = false) throws -> RequestQueue {
        let example: Tensor = try Tensor.randn([3, 2])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x * 2 }, args: example, constraints: [dynamicDim(example, 0).in(1...6)])
        let plan: BatchPlan? = together ? try BatchPlan.make(program, ModelConfiguration()) : nil
        return RequestQueue(limits, plan: plan, threads: threads, statistics: ModelStatistics())
    }

    private func request(_ value: Float = 1, rows: Int = 1, together: Bool = false, deadline: Duration? = nil) throws
        -> RequestQueue.Request
    {
        let gate: Gate = gate
        return RequestQueue.Request(
            inputs: [try Tensor.full([rows, 2], value)], key: together ? BatchPlan.Key(sizes: [[-1, 2]]) : nil, rows: rows,
            deadline: deadline.map { .now + $0 }, run: { try gate.run($0) })
    }

    @Test func noMoreWaitThanThereIsRoomFor() async throws {
        let queue: RequestQueue = try queue(QueueLimits(concurrency: 1, waiting: 2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                let request = try request()
                group.addTask { _ = try await queue.submit(request) }
                while queue.load.waiting + queue.load.running == 0 { await Task.yield() }
            }
            while queue.load.waiting < 2 { await Task.yield() }
            let error = await #expect(throws: ServingError.self) { try await queue.submit(request()) }
            #expect(error?.code == .overloaded)
            gate.open()
            try await group.waitForAll()
        }
        #expect(queue.load == (0, 0))
    }

    /// Three requests that came while another ran, one after them of other sizes, and as many rows as the program takes.
    @Test func whatWaitsRunsTogether() async throws {
        let queue: RequestQueue = try queue(together: true)
        let values: [Float] = try await withThrowingTaskGroup(of: (Int, Float).self) { group in
            for index in 0..<5 {
                let request = try request(Float(index), rows: index == 4 ? 4 : 1, together: true)
                group.addTask {
                    let outcome = try await queue.submit(request)
                    let tensor: Tensor = try #require(outcome.results[0].tensor)
                    #expect(try tensor.sizes == [index == 4 ? 4 : 1, 2])
                    return (index, try tensor.sum().item(Float.self) / Float(index == 4 ? 8 : 2))
                }
                if index == 0 { await gate.waitForRuns(1) } else { while queue.load.waiting < index { await Task.yield() } }
            }
            gate.open()
            var values: [Float] = Array(repeating: 0, count: 5)
            for try await (index, value) in group { values[index] = value }
            return values
        }
        #expect(values == [0, 2, 4, 6, 8])
        // Six rows are the most that the program takes: three of the small ones leave too little room for four more.
        #expect(gate.runs.withLock { $0 } == [1, 3, 4])
    }

    @Test func aBatchWaitsForOthersAndNoLonger() async throws {
        let queue: RequestQueue = try queue(QueueLimits(batchWait: .milliseconds(300)), together: true)
        gate.open()
        let start = ContinuousClock.now
        let (a, b) = (try request(1, together: true), try request(2, together: true))
        async let first = queue.submit(a)
        async let second = queue.submit(b)
        let rows: [Int] = [try await first.rows, try await second.rows]
        #expect(rows == [2, 2])
        #expect(ContinuousClock.now - start >= .milliseconds(300))
        // A full one doesn't wait.
        let full = ContinuousClock.now
        _ = try await queue.submit(request(rows: 6, together: true))
        #expect(ContinuousClock.now - full < .milliseconds(300))
    }

    @Test func oneRequestsFaultIsNotTheOthers() async throws {
        let queue: RequestQueue = try queue(QueueLimits(batchWait: .milliseconds(100)), together: true)
        struct Bad: Error {}
        let run: @Sendable ([Tensor]) throws -> [LeafValue] = { inputs in
            if try inputs[0].amax().item(Float.self) > 5 { throw Bad() }
            return [.tensor(try inputs[0] * 2)]
        }
        var (good, bad) = (try request(1, together: true), try request(9, together: true))
        (good.run, bad.run) = (run, run)
        let (first, second) = (good, bad)
        async let one = queue.submit(first)
        async let other = queue.submit(second)
        let result: Tensor? = try await one.results[0].tensor
        #expect(try result?.sum().item(Float.self) == 4)
        do {
            _ = try await other
            Issue.record("the other request has a fault")
        } catch { #expect(error is Bad) }
    }

    @Test func deadlinesEndWhatWaitsAndWhatRuns() async throws {
        let queue: RequestQueue = try queue()
        let (running, waiting) = (try request(deadline: .seconds(60)), try request(deadline: .milliseconds(50)))
        async let first = queue.submit(running)
        await gate.waitForRuns(1)
        let error = await #expect(throws: ServingError.self) { _ = try await queue.submit(waiting) }
        #expect(error?.code == .deadlineExceeded)
        gate.open()
        _ = try await first
        // The gate asks only whether its task is cancelled, as a program asks for both.
        let late = await #expect(throws: ServingError.self) { _ = try await queue.submit(request(deadline: .milliseconds(-1))) }
        #expect(late?.code == .deadlineExceeded)
        #expect(gate.runs.withLock { $0.count } == 1)
    }

    /// Of a batch under way one has no more time, and one has left: both have their answers at once, and the batch goes on for the third.
    @Test func requestsLeaveTheirBatch() async throws {
        // Full with all three, and not sooner.
        let queue: RequestQueue = try queue(QueueLimits(batchWait: .seconds(60)), together: true)
        let (leaving, patient) = (try request(2, rows: 2, together: true), try request(3, rows: 2, together: true, deadline: .seconds(600)))
        let gone = Task { try await queue.submit(leaving) }
        let answered = Task { try await queue.submit(patient) }
        // Its time begins when the others are there, however busy the machine is.
        while queue.load.waiting < 2 { try await Task.sleep(for: .milliseconds(5)) }
        let hasty = try request(1, rows: 2, together: true, deadline: .seconds(5))
        let late = Task { try await queue.submit(hasty) }
        await gate.waitForRuns(1)
        gone.cancel()
        await #expect(throws: CancellationError.self) { _ = try await gone.value }
        let error = await #expect(throws: ServingError.self) { _ = try await late.value }
        #expect(error?.code == .deadlineExceeded)
        #expect(queue.load == (0, 1))
        gate.open()
        let outcome = try await answered.value
        #expect(try outcome.results[0].tensor?.sum().item(Float.self) == 24)
        #expect(gate.runs.withLock { $0 } == [6])
    }

    /// Where nobody of a batch waits any more, it ends.
    @Test func aBatchThatNobodyWaitsForEnds() async throws {
        let queue: RequestQueue = try queue(QueueLimits(batchWait: .seconds(60)), together: true)
        let requests = try (0..<2).map { try request(Float($0), rows: 3, together: true) }
        let tasks = requests.map { request in Task { try await queue.submit(request) } }
        await gate.waitForRuns(1)
        for task in tasks {
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
        }
        while queue.load.running > 0 { await Task.yield() }
        #expect(gate.runs.withLock { $0 } == [6])
    }

    @Test func cancelledRequestsLeaveTheQueueAndEnd() async throws {
        let queue: RequestQueue = try queue()
        let (a, b) = (try request(), try request())
        let running = Task { try await queue.submit(a) }
        await gate.waitForRuns(1)
        let waiting = Task { try await queue.submit(b) }
        while queue.load.waiting == 0 { await Task.yield() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
        #expect(queue.load.waiting == 0)
        running.cancel()
        await #expect(throws: CancellationError.self) { _ = try await running.value }
        #expect(gate.runs.withLock { $0.count } == 1)
    }

    /// Requests of one sequence keep their order, and others pass them.
    @Test func sequencesRunOneRequestAtATime() async throws {
        let queue: RequestQueue = try queue(QueueLimits(concurrency: 2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, sequence) in ["a", "a", "b"].enumerated() {
                var request = try request(Float(index), rows: index + 1)
                request.sequence = sequence
                let queued = request
                group.addTask { _ = try await queue.submit(queued) }
                if index == 0 { await gate.waitForRuns(1) } else if index == 1 { while queue.load.waiting < 1 { await Task.yield() } }
            }
            await gate.waitForRuns(2)
            #expect(gate.runs.withLock { $0 } == [1, 3])
            gate.open()
            try await group.waitForAll()
        }
        #expect(gate.runs.withLock { $0 } == [1, 3, 2])
    }
}
