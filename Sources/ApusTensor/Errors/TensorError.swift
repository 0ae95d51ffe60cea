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
        /// A value that exists only while a function is traced was used outside of that trace, or the other way round.
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
    }
}

/// Runs operations that carry out what the caller knows by another name: their errors bear that name.
func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch var error as TensorError {
        if !error.operatorName.isEmpty { error.operatorName = name }
        throw error
    }
}

extension TensorError: CustomStringConvertible {
    /// One line: operator, colon, message.
    public var description: String { operatorName.isEmpty ? message : "\(operatorName): \(message)" }
}
