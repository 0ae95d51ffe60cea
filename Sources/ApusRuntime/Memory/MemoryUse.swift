import ApusGraph
import ApusTensor

/// How much memory a program's tensors take while it runs for inputs of certain sizes, in bytes: known before it runs. Kernels may ask for
/// some more while they work.
public struct MemoryUse: Sendable, Hashable, Codable {
    /// Weights that are read from a mapped file: the system takes their memory back when it needs it.
    public internal(set) var mappedWeights = 0
    /// Weights, buffers and constants in memory of their own.
    public internal(set) var ownedWeights = 0
    /// Weights in the form that kernels read fastest, beside the others.
    public internal(set) var packedWeights = 0
    public internal(set) var inputs = 0
    /// What is computed on the way, loops' bodies included; all of it lies in places that values share. It is kept from call to call.
    public internal(set) var intermediates = 0
    public internal(set) var results = 0

    /// What a run needs at most, but for mapped weights.
    public var peak: Int { ownedWeights + packedWeights + inputs + intermediates + results }
}

extension Plan {
    /// What a run for inputs like these takes. It is laid out for them, and its weights packed, as by a run.
    /// - Throws: what binding throws for these sizes, and `TensorError` for a program whose sizes depend on values.
    package func memoryUse(for inputs: [Tensor]) throws -> MemoryUse {
        let weights: FrozenWeights = try weights(among: inputs)
        func unknown(_ reason: String) -> TensorError {
            TensorError(.unsupported, "how much memory a run takes is not known before: \(reason)")
        }
        if weights.pieces != nil { throw unknown(obstacle ?? "sizes depend on values") }
        let bound: BoundPlan
        do { bound = try bind(inputs, weights, isUpdating: false) } catch let error as NotPlannable { throw unknown(error.reason) }
        var use = MemoryUse()
        var seen = Set<ObjectIdentifier>()
        for (tensor, role) in zip(inputs, roles) where seen.insert(ObjectIdentifier(tensor.storage)).inserted {
            if role == .varying {
                use.inputs += tensor.storage.byteCount
            } else if tensor.storage.isMapped {
                use.mappedWeights += tensor.storage.byteCount
            } else {
                use.ownedWeights += tensor.storage.byteCount
            }
        }
        use.packedWeights = weights.packed.byteCount
        let computed: [Tensor] = weights.computed.filter { !weights.packed.isPackedAlone($0) }
        seen.formUnion(weights.computed.filter { weights.packed.isPackedAlone($0) }.map { ObjectIdentifier($0.storage) })
        for tensor in computed + bound.constants where seen.insert(ObjectIdentifier(tensor.storage)).inserted {
            use.ownedWeights += tensor.storage.byteCount
        }
        use.intermediates = bound.arenaByteCount
        use.results = bound.resultBlocks.reduce(0) { $0 + bound.blocks[$1].byteCount }
        return use
    }
}

extension BoundPlan {
    /// The bodies of its loops.
    private var bodies: [BoundPlan] { program.steps.flatMap { ($0 as? LoopStep)?.bodies ?? [] }.map(\.plan) }

    /// What the arena takes, and those of loops' bodies.
    var arenaByteCount: Int { placement.byteCount + bodies.reduce(0) { $0 + $1.arenaByteCount } }

    /// What steps read that lies in no block, weights among it.
    fileprivate var constants: [Tensor] {
        let own = Set(blocks.map { ObjectIdentifier($0.storage) })
        let read: [Tensor] = program.steps.flatMap { $0.operands.compactMap(\.self) }
        return read.filter { !own.contains(ObjectIdentifier($0.storage)) } + bodies.flatMap(\.constants)
    }
}
