import ApusGraph
import ApusTensor

/// The memory behind some of a bound program's tensors: the input, one computed value, or a result with everything that views it.
struct Block {
    enum Kind: Equatable {
        /// The caller's memory, which is written where the run updates a buffer in place.
        case input(Int)
        /// A place in the arena.
        case temporary
        /// Memory that the caller gets, fresh for each run.
        case result
        /// A piece of another block, which is no part itself.
        case part(of: Int, byteOffset: Int)
    }

    let storage: Storage
    var kind: Kind

    var byteCount: Int { storage.byteCount }
}

/// Where one of a program's results comes from.
enum ResultSource {
    case plain(RuntimeValue)
    /// What follows from numbers that the run reads.
    case number(RunNumber)
    case input(Int)
    /// A view of an input.
    case inputView(Int, DType, Layout, offset: Int)
    /// A view of a block whose memory is fresh for each run.
    case block(Int, DType, Layout, offset: Int)
}

/// Why a program can't be planned: a size or a number depends on values.
struct NotPlannable: Error {
    let reason: String
}
