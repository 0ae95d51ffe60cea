import ApusExport
import ApusNN
import ApusSymbolic
import ApusTensor
import Foundation
import ProgramExpectations
import Testing

/// Counts its calls, in a loop that only its task can end.
private final class Endless: Module {
    @Buffer var count: Tensor

    init() throws { count = try Tensor.zeros([]) }

    func forward(_ x: Tensor) throws -> Tensor {
        count = try count + 1
        return try whileLoop(x) { x in
            try x.sum() .>= 0
        } do: { x in
            try (x * 0.5 + 1).sin().abs()
        }
    }
}

/// Programs end when their task is cancelled.
@Suite(.timeLimit(.minutes(20))) struct CancellationTests {
    /// Runs work in a task of its own that is cancelled a moment after it has begun, and gives the error that it ended with. A thread does it:
    /// where there is one core, the work leaves no other to tasks.
    private func cancelled(_ work: @escaping @Sendable () throws -> Void) async -> (any Error)? {
        let hasBegun = DispatchSemaphore(value: 0)
        let task = Task.detached { () -> (any Error)? in
            hasBegun.signal()
            do { try work() } catch { return error }
            return nil
        }
        Thread.detachNewThread {
            hasBegun.wait()
            Thread.sleep(forTimeInterval: 0.03)
            task.cancel()
        }
        return await task.value
    }

    @Test func anEndlessLoopEndsAndLeavesTheStateAsItWas() async throws {
        let x = try Tensor.ones([3])
        let program = try export(Endless(), args: x, options: ExportOptions(selfCheck: false))
        let error = await cancelled { let _: Tensor = try program(x) }
        #expect(error is CancellationError, "\(String(describing: error))")
        #expect(try #require(program.stateDict["count"]).item(Float.self) == 0)
    }

    @Test func loopsInEagerCodeEnd() async throws {
        let x = try Tensor.ones([3])
        let error = await cancelled {
            _ = try whileLoop(x) { x in
                try x.sum() .>= 0
            } do: { x in
                try x * 1
            }
        }
        #expect(error is CancellationError)
        let long = try Tensor.ones([1]).expanded([50_000_000])
        let scanned = await cancelled { _ = try scan(Tensor.zeros([]), over: long) { sum, x in (try sum + x, x) } }
        #expect(scanned is CancellationError)
    }

    @Test func loopsWithoutANodeEnd() async throws {
        let x = try Tensor.ones([3])
        let program = try export(
            { (x: Tensor) in
                try whileLoop(x) { x in
                    try x.sum() .>= 0
                } do: { x in
                    x
                }
            }, args: x, options: ExportOptions(selfCheck: false))
        let error = await cancelled { let _: Tensor = try program(x) }
        #expect(error is CancellationError)
    }

    @Test func scansEnd() async throws {
        let x = try Tensor.ones([4])
        let program = try export(
            { (x: Tensor) in try scan(x[0], over: x) { h, x in (try (h + x).sin(), x) }.0 }, args: x, constraints: [dynamicDim(x, 0)],
            options: ExportOptions(selfCheck: false))
        let long = try Tensor.ones([1]).expanded([50_000_000])
        let error = await cancelled { let _: Tensor = try program(long) }
        #expect(error is CancellationError)
    }

    @Test func stepsOfAPlanDoNotBeginInACancelledTask() async throws {
        let x = try Tensor.ones([64, 64])
        let program = try export({ (x: Tensor) in try x.matmul(x).sin().matmul(x) }, args: x)
        let before: Tensor = try program(x)
        let error = await Task.detached { () -> (any Error)? in
            withUnsafeCurrentTask { $0?.cancel() }
            do { let _: Tensor = try program(x) } catch { return error }
            return nil
        }.value
        #expect(error is CancellationError)
        // The plan is as good as before.
        let after: Tensor = try program(x)
        try expectClose(after, before)
    }

    // MARK: Deadlines

    private func expectLate(_ work: () throws -> Void) throws {
        let begin: ContinuousClock.Instant = .now
        #expect(throws: DeadlineExceededError.self) { try withDeadline(in: .milliseconds(30), work) }
        #expect(.now - begin < .seconds(30))
    }

    @Test func programsAndLoopsEndWhenTheirTimeIsUp() throws {
        let x = try Tensor.ones([3])
        let program = try export(Endless(), args: x, options: ExportOptions(selfCheck: false))
        try expectLate { let _: Tensor = try program(x) }
        #expect(try #require(program.stateDict["count"]).item(Float.self) == 0)
        try expectLate { _ = try whileLoop(x, while: { try $0.sum() .>= 0 }, do: { try $0 * 1 }) }
        let long = try Tensor.ones([1]).expanded([50_000_000])
        try expectLate { _ = try scan(Tensor.zeros([]), over: long) { sum, x in (try sum + x, x) } }
    }

    @Test func theEarliestDeadlineCounts() throws {
        let x = try Tensor.ones([8])
        let program = try export({ (x: Tensor) in try x.sin().sum() }, args: x)
        let past: ContinuousClock.Instant = .now - .seconds(1)
        let error = #expect(throws: DeadlineExceededError.self) {
            try withDeadline(past) { try withDeadline(in: .seconds(1000)) { let _: Tensor = try program(x) } }
        }
        #expect(error?.deadline == past)
        // What is in time, and what comes after, runs.
        let y: Tensor = try withDeadline(in: .seconds(1000)) { try program(x) }
        let z: Tensor = try program(x)
        try expectClose(y, z)
    }
}
