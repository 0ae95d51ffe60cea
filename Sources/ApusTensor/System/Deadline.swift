/// A time was up before a computation had ended; see ``withDeadline(_:_:)``.
public struct DeadlineExceededError: Error, Sendable, CustomStringConvertible {
    /// The time that was up.
    public let deadline: ContinuousClock.Instant

    public var description: String { "the deadline passed before the computation ended" }
}

/// Runs a closure whose computation ends with `DeadlineExceededError` once the time is up.
///
/// Programs ask between their steps, and loops between their passes, as they ask whether their task has been cancelled; a single operation is
/// not interrupted. Of deadlines around one another the earliest counts. Child tasks that start inside have the deadline too.
/// Cost: some nanoseconds at each question.
public func withDeadline<Result>(_ deadline: ContinuousClock.Instant, _ body: () throws -> Result) rethrows -> Result {
    try Deadline.$current.withValue(min(deadline, Deadline.current ?? deadline), operation: body)
}

/// Runs a closure whose computation ends with `DeadlineExceededError` after so much time; see ``withDeadline(_:_:)``.
///
///     let y: Tensor = try withDeadline(in: .seconds(2)) { try program(x) }
public func withDeadline<Result>(in duration: Duration, _ body: () throws -> Result) rethrows -> Result {
    try withDeadline(.now + duration, body)
}

/// When what is being computed is to end.
package enum Deadline {
    @TaskLocal static var current: ContinuousClock.Instant?

    /// Throws where the task has been cancelled, or its time is up.
    package static func check() throws {
        try Task.checkCancellation()
        if let deadline = current, deadline <= .now { throw DeadlineExceededError(deadline: deadline) }
    }
}
