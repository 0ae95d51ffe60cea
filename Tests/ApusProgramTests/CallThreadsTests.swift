import ApusExport
import ApusProgram
import ApusTensor
import Synchronization
import Testing

@Suite struct CallThreadsTests {
    private func program() throws -> ExportedProgram {
        try export({ x in try x * 2 + 1 }, args: Tensor.ones([4]))
    }

    @Test func programsRunOnThreadsOfTheirOwn() async throws {
        let (program, threads) = (try program(), CallThreads(count: 2))
        let results: [Float] = try await withThrowingTaskGroup(of: Float.self) { group in
            for value in 0..<50 {
                group.addTask {
                    let y: Tensor = try await threads.run { try program(Tensor.full([4], Float(value))) }
                    return try y.sum().item(Float.self)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.sorted() == (0..<50).map { Float($0 * 8 + 4) })
        await #expect(throws: ProgramError.self) { let _: Tensor = try await threads.run { try program(Tensor.ones([5])) } }
    }

    /// No more calls than threads at once, and tasks of the pool go on while all of them are at work.
    @Test func callsAreAsManyAsThreadsAndLeaveThePoolFree() async throws {
        let threads = CallThreads(count: 3)
        let running = Atomic(0)
        let most = Atomic(0)
        let isOpen = Atomic(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    try await threads.run {
                        let now: Int = running.add(1, ordering: .relaxed).newValue
                        most.max(now, ordering: .relaxed)
                        while !isOpen.load(ordering: .acquiring) { try Task.checkCancellation() }
                        running.subtract(1, ordering: .relaxed)
                    }
                }
            }
            // Far more calls wait than the pool has threads: were they its own, this would never go on.
            group.addTask {
                while running.load(ordering: .relaxed) < 3 { await Task.yield() }
                isOpen.store(true, ordering: .releasing)
            }
            try await group.waitForAll()
        }
        let count: Int = most.load(ordering: .relaxed)
        #expect(count == 3)
    }

    @Test func whatIsCancelledBeforeItsTurnDoesNotStart() async throws {
        let threads = CallThreads(count: 1)
        let isBusy = Atomic(false)
        let isOpen = Atomic(false)
        let hasStarted = Atomic(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await threads.run {
                    isBusy.store(true, ordering: .releasing)
                    while !isOpen.load(ordering: .acquiring) { try Task.checkCancellation() }
                }
            }
            while !isBusy.load(ordering: .acquiring) { await Task.yield() }
            group.addTask {
                let second = Task { try await threads.run { hasStarted.store(true, ordering: .relaxed) } }
                second.cancel()
                isOpen.store(true, ordering: .releasing)
                await #expect(throws: CancellationError.self) { try await second.value }
            }
            try await group.waitForAll()
        }
        let began: Bool = hasStarted.load(ordering: .relaxed)
        #expect(!began)
    }

    @Test func whatIsCancelledWhileItRunsEndsBetweenTwoSteps() async throws {
        let program = try program()
        let isBusy = Atomic(false)
        let task = Task {
            try await CallThreads(count: 1).run {
                isBusy.store(true, ordering: .releasing)
                while true { _ = try program.run([Tensor.ones([4])]) }
            }
        }
        while !isBusy.load(ordering: .acquiring) { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func aDeadlineCountsOnTheirThreads() async throws {
        let program = try program()
        await #expect(throws: DeadlineExceededError.self) {
            try await CallThreads.shared.run {
                try withDeadline(in: .milliseconds(20)) { while true { _ = try program.run([Tensor.ones([4])]) } }
            }
        }
    }
}
