/// What can go wrong with symbolic values: data first, with one rendered text.
public struct SymbolicError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// An integer operation left the range of `Int`.
        case overflow
        /// A division or remainder by zero.
        case divisionByZero
        /// The size of a dimension that a shape does not have.
        case noDimension
        /// Values of two scopes (two traces) were combined.
        case mixedScopes
        /// The scope of a symbolic value is gone: its trace has ended.
        case scopeEnded
        /// An expression outgrew the limits on depth or size.
        case tooComplex
        /// A plain value was required of a symbolic one.
        case symbolic
        /// A fact contradicts the facts that are already known.
        case contradiction
        /// A declaration came after the declared facts were frozen.
        case frozen
        /// A question was put to a scope that has no oracle, and its facts do not decide it.
        case noOracle
    }

    public let code: Code
    public let message: String

    /// Whether it is a fault of the numbers themselves, which eager code finds as well; else it comes of tracing.
    public var isOfNumbers: Bool { code == .overflow || code == .divisionByZero || code == .noDimension }

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// The reason why a value is invalid, shared by all values that derive from it.
@usableFromInline
final class InvalidValue: Sendable {
    let error: SymbolicError
    weak let scope: SymbolScope?

    init(_ error: SymbolicError, scope: SymbolScope? = nil) {
        self.error = error
        self.scope = scope
    }

    /// Notes the fault where nothing can be thrown.
    func report(at site: CallSite) {
        if let scope { scope.report(error, site: site) } else { PendingFault.leave(error, site: site) }
    }

    /// The error to throw. A trace is told of what comes of tracing, so that a function that catches it is not taken to do without.
    func thrown() -> SymbolicError {
        if !error.isOfNumbers { scope?.report(error, site: CallSite.capture()) }
        return error
    }
}
