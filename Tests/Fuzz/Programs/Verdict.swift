/// What came of one program.
public enum Verdict: Sendable {
    /// The program agrees with eager at every point.
    case agrees(points: Int)
    /// Export refused, for one of the reasons that it may have.
    case refused(Refused, String)
    /// Eager refuses every input that was tried.
    case pointless
    case finding(Finding)
}

/// Why export may refuse a program that eager runs.
public enum Refused: String, Sendable {
    /// A condition on sizes that the constraints do not imply.
    case constraints
    /// More paths or questions than the budget allows for.
    case overBudget
    /// A plain number was asked for where there is none while tracing.
    case plainValue
    /// A body asks what only the body knows when it runs.
    case questionInBody
    /// A size that has no value: a division by zero, or a number beyond `Int`.
    case invalidSize
    /// A loop whose sizes do not settle, or an expression that outgrows its limits.
    case tooComplex
    /// A gradient where there is none.
    case notDifferentiable
}

/// A disagreement: a bug.
public struct Finding: Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// An error of a type that users are not told of, or from within.
        case untypedError
        case brokenGraph
        case wrongValue
        /// The program refuses what eager takes.
        case rejectsAdmitted
        /// The program takes what eager refuses.
        case acceptsRejected
        case wrongMemory
        case notSaved
        case notLoaded
        /// Export refuses without one of the reasons that it may have.
        case unexpectedRefusal
    }
    public let kind: Kind
    /// Which way of running the program it was.
    public let runner: String
    public let detail: String

    public var description: String { "\(kind.rawValue) (\(runner)): \(detail)" }
}
