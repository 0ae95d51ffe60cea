import ApusGraph
import ApusSymbolic
import ApusTensor

/// What exporting, loading and running a program throws for a caller's mistake.
public struct ProgramError: Error, Sendable {
    public enum Code: String, Sendable, Hashable {
        /// Arguments or results do not have the nesting that the program has.
        case structureMismatch
        /// A value of a type that a program can't take or return.
        case unsupportedValue
        /// An input's rank, size or dtype is not what the program takes.
        case inputMismatch
        /// A plain value at call time differs from the one the program was traced with.
        case constantMismatch
        /// An input admitted by dtype and rank breaks a declared constraint or a recorded guard.
        case constraintViolated
        /// No entry point of this name, or two of the same.
        case entryPoint
        /// A constraint that names no argument, contradicts another, or does not fit the example.
        case invalidConstraint
        /// A function that can't be traced the way it is written.
        case untraceable
        /// The exported program does not give what the function gives: found by the check at the end of an export.
        case selfCheck
        /// Two runs of a function that is traced asked different questions, or ran different operations before one.
        case notDeterministic
        /// A function with more paths, or more questions on one path, than were allowed for.
        case overBudget
        /// A tensor of a trace was kept by the function, where a program can't keep it.
        case leakedValue
        /// Gradients asked of a program that computes none.
        case notJoint
        /// A session whose buffers an earlier call left half written.
        case brokenSession
        /// A graph that breaks its own rules.
        case invalidGraph
    }

    public var code: Code
    public var message: String
    /// The line that the message speaks of, else where the program was called or the function exported.
    public var site: CallSite?

    public init(_ code: Code, _ message: String, site: CallSite? = nil) {
        self.code = code
        self.message = message
        self.site = site ?? CallSite.capture()
    }
}

extension ProgramError {
    /// For bodies in bodies beyond `Graph.maximumNesting`.
    package static func tooDeep(_ depth: Int) -> ProgramError {
        ProgramError(
            .overBudget,
            "branches and loops nest \(depth) deep, and a program keeps \(Graph.maximumNesting) levels; put questions that follow one another into a loop (whileLoop, scan), or ask them of numbers with Tensor.where"
        )
    }
}

extension ProgramError: CustomStringConvertible, PlacedError {
    package var statement: String { message }
    /// The message, with its place in the user's source where that is known.
    public var description: String { placed }
}
