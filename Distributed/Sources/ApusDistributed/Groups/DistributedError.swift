/// What goes wrong between processes.
///
/// The error is data first; `description` puts it into one line:
///
///     rank 1: all_reduce: the processes call different operations: rank 0 all_reduce sum float32[2, 3], rank 1 all_reduce sum float32[3, 2]
public struct DistributedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure, stable enough to switch over.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// No process group was made, or the process has left it.
        case notInitialized
        /// There is no group of this name in this process.
        case unknownGroup
        /// The processes of a group call different operations, or with shapes, dtypes or other arguments that don't go together. Thrown by all of
        /// them; the group is as good as before.
        case mismatch
        /// An argument that the operation does not take.
        case invalidArgument
        /// A dtype that the operation does not take.
        case unsupported
        /// More elements in one part than MPI's counts tell, 2^31.
        case tooLarge
        /// Another process did not come in time, or ended. Nothing can be done with any group any more.
        case timeout
        /// MPI reports an error.
        case failed
    }

    public var code: Code
    /// The rank of the process that throws, in the group; nil where there is none.
    public var rank: Int?
    /// The operation's name, `all_reduce`; empty where there is none.
    public var operation: String
    /// What is wrong, with shapes and dtypes.
    public var message: String

    public init(_ code: Code, rank: Int? = nil, in operation: String = "", _ message: String) {
        (self.code, self.rank, self.operation, self.message) = (code, rank, operation, message)
    }

    public var description: String {
        (rank.map { "rank \($0): " } ?? "") + (operation.isEmpty ? "" : "\(operation): ") + message
    }
}
