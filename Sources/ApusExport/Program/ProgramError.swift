import ApusSymbolic

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
        /// Gradients asked of a program that computes none.
        case notJoint
        /// A graph that breaks its own rules.
        case invalidGraph
    }

    public var code: Code
    public var message: String
    public var site: CallSite?

    public init(_ code: Code, _ message: String, site: CallSite? = nil) {
        self.code = code
        self.message = message
        self.site = site
    }
}

extension ProgramError: CustomStringConvertible {
    public var description: String { message }
}
