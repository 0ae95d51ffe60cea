import ApusGraph
import ApusTensor

/// One step of a program whose sizes are all known: a kernel with its arguments and results, or a jump.
struct BoundStep {
    typealias Kernel = @Sendable (Call, [Tensor]) throws -> Void
    typealias HostKernel = @Sendable (Call) throws -> [OperatorArgument]

    enum Action {
        case compute(Kernel)
        /// An elementwise operation, with the tensor that each operand reads; the kernel finds the words when it fails.
        case pointwise(PreparedPointwise, operands: [Tensor?], Kernel)
        /// Elementwise operations as one pass over memory.
        case fused(PreparedFusion)
        /// A kernel that makes its results itself; they are copied to where they were planned.
        case host(HostKernel)
        /// Goes on at the step `otherwise` where the one element of the tensor is false.
        case branch(Tensor, otherwise: Int)
        case jump(Int)
        /// What the program does here for these sizes.
        case fail(TensorError)
    }

    var action: Action
    let call: Call
    let outputs: [Tensor]
    let site: NodeSite?
    /// What the step computes, in order: one operator, or those of a row.
    let operators: [Operator]

    init(action: Action, call: Call, outputs: [Tensor], site: NodeSite?, operators: [Operator]? = nil) {
        self.action = action
        self.call = call
        self.outputs = outputs
        self.site = site
        self.operators = operators ?? [call.operator]
    }

    /// The tensors that the step reads.
    var inputs: [Tensor] {
        switch action {
        case .branch(let predicate, _): return [predicate]
        case .fused(let fusion): return fusion.inputs.compactMap(\.self)
        default: break
        }
        var found: [Tensor] = []
        for argument in call.arguments { argument.forEachReference { found.append($0) } }
        return found
    }
}

/// The memory behind some of a bound program's tensors: the input, one computed value, or a result with everything that views it.
struct Block {
    enum Kind: Equatable {
        /// The caller's memory.
        case input(Int)
        /// A place in the arena.
        case temporary
        /// Memory that the caller gets, fresh for each run.
        case result
    }

    let storage: Storage
    var kind: Kind

    var byteCount: Int { storage.byteCount }
}

/// Where one of a program's results comes from.
enum ResultSource {
    case plain(RuntimeValue)
    case input(Int)
    /// A view of an input.
    case inputView(Int, DType, Layout, offset: Int)
    /// A view of a block that is fresh for each run.
    case block(Int, DType, Layout, offset: Int)
}

/// Why a program can't be planned: a size or a number depends on values.
struct NotPlannable: Error {
    let reason: String
}
