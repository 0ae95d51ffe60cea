import ApusExport
import ApusProgram
import ApusTensor
import Synchronization
import Testing

/// What calls on several threads tell one another.
private final class Signals: Sendable {
    let running = Atomic(0)
    let most = Atomic(0)
    let isBusy = Atomic(false)
    let isOpen = Atomic(false)
    let hasStarted = Atomic(false)

    /// Counts a call that runs, until the gate is open.
    func waitAtTheGate() throws {
        isBusy.store(true, ordering: .releasing)
        most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
        while !isOpen.load(ordering: .acquiring) { try Task.checkCancellation() }
        running.subtract(1, ordering: .relaxed)
    }

    func waitForACall() async { while !isBusy.load(ordering: .acquiring) { await Task.yield() } }
    func open() { isOpen.store(true, ordering: .releasing) }
}

@Suite struct CallThreadsTests {
    private let signals = Signals()

    private func program() throws -> ExportedProgram {
        try export({ (x: Tensor) in try x * 2 + 1 }, args: Tensor.ones([4]))
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
        let expected: [Float] = (0..<50).map { Float($0 * 8 + 4) }
        let sorted: [Float] = results.sorted()
        #expect(sorted == expected)
        await #expect(throws: ProgramError.self) { let _: Tensor = try await threads.run { try program(Tensor.ones([5])) } }
    }

    /// No more calls than threads at once, and tasks of the pool go on while all of them are at work.
    @Test func callsAreAsManyAsThreadsAndLeaveThePoolFree() async throws {
        let (threads, signals) = (CallThreads(count: 3), signals)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 { group.addTask { try await threads.run { try signals.waitAtTheGate() } } }
            // Far more calls wait than the pool has threads: were they its own, this would never go on.
            group.addTask {
                while signals.running.load(ordering: .relaxed) < 3 { await Task.yield() }
                signals.open()
            }
            try await group.waitForAll()
        }
        let most: Int = signals.most.load(ordering: .relaxed)
        #expect(most == 3)
    }

    @Test func whatIsCancelledBeforeItsTurnDoesNotStart() async throws {
        let (threads, signals) = (CallThreads(count: 1), signals)
        let first = Task { try await threads.run { try signals.waitAtTheGate() } }
        await signals.waitForACall()
        let second = Task { try await threads.run { signals.hasStarted.store(true, ordering: .relaxed) } }
        second.cancel()
        signals.open()
        await #expect(throws: CancellationError.self) { try await second.value }
        try await first.value
        let hasStarted: Bool = signals.hasStarted.load(ordering: .relaxed)
        #expect(!hasStarted)
    }

    @Test func whatIsCancelledWhileItRunsEndsBetweenTwoSteps() async throws {
        let (program, signals) = (try program(), signals)
        let task = Task {
            try await CallThreads(count: 1).run {
                signals.isBusy.store(true, ordering: .releasing)
                while true { _ = try program.run([Tensor.ones([4])]) }
            }
        }
        await signals.waitForACall()
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
