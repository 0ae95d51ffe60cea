import ApusSymbolic

/// What a tensor operation throws for a caller's mistake. It never traps instead.
public struct TensorError: Error, Sendable {
    /// The kind of mistake, for programs that react to it.
    public enum Code: String, Sendable, Hashable {
        /// Shapes that do not fit together, or do not fit what the operator takes.
        case shapeMismatch
        /// A dtype that the operator does not take, or two that do not go together.
        case dtypeMismatch
        /// A dimension, index or position outside its range.
        case indexOutOfRange
        /// Any other argument that the operator does not take.
        case invalidArgument
        /// A size or an element count that does not fit in 63 bits.
        case overflow
        /// The maximum, minimum or position of nothing.
        case emptyReduction
        /// A matrix that has no inverse or no factorisation of the kind asked for.
        case singular
        /// The memory for a result could not be had.
        case outOfMemory
        /// A value that exists only while a function is traced was used outside of that trace, or the other way round: eager code would go
        /// on. The trace ends with this error even where the function catches it.
        case tracing
        /// A gradient was asked for that is not defined.
        case notDifferentiable
        /// An operator, or a case of it, that Apus does not have.
        case unsupported
        /// A condition that the program or its author checks did not hold.
        case checkFailed
    }

    public var code: Code
    /// The operator's name (`add`, `matmul`) or the public function's, empty when there is none.
    public var operatorName: String
    /// What is wrong, with shapes, dtypes and the fix where it is known. Without the operator's name.
    public var message: String
    /// Where the operation was called.
    public var site: CallSite?

    public init(_ code: Code, in operatorName: String = "", _ message: String, site: CallSite? = nil) {
        self.code = code
        self.operatorName = operatorName
        self.message = message
        self.site = site ?? CallSite.capture()
        // Told here, where such an error comes into being: who catches it must not be taken to do in eager code what it does then.
        if code == .tracing { Interpreter.current?.fail(self) }
    }

    /// The error for a number that can't be computed. Tracing is at fault where a trace's own symbols can't be written down.
    package init(_ fault: SymbolicError, ofTrace: Bool = false, in operatorName: String = "", _ text: String = "", site: CallSite? = nil) {
        let code: Code =
            switch fault.code {
            case _ where ofTrace: .tracing
            case .overflow: .overflow
            case .divisionByZero: .invalidArgument
            case .noDimension: .indexOutOfRange
            default: .tracing
            }
        self.init(code, in: operatorName, text + fault.message, site: site)
    }

    /// Throws the fault that a comparison of an invalid number has left, if there is one.
    @inline(__always)
    package static func throwPendingFault() throws {
        if PendingFault.exists { try throwOwnFault() }
    }

    @inline(never)
    private static func throwOwnFault() throws {
        guard let fault = PendingFault.take() else { return }
        throw TensorError(fault.error, "a comparison has no answer: ", site: fault.site)
    }
}

/// Runs operations that carry out what the caller knows by another name: their errors bear that name.
package func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch var error as TensorError {
        if !error.operatorName.isEmpty { error.operatorName = name }
        throw error
    }
}

extension TensorError: CustomStringConvertible, PlacedError {
    package var statement: String { operatorName.isEmpty ? message : "\(operatorName): \(message)" }

    /// One line: operator, colon, message, and the line of the user's program where it is known. The first look at a line reads debug
    /// information (see `CallSite`): a program that only reacts reads ``code`` instead.
    public var description: String { placed }
}
