import ApusGraph
import ApusTensor
import Synchronization

/// A plan for certain weights: the tensors that no run changes, and what follows from them alone, computed once for all sizes and all callers.
///
/// It holds on to the tensors, so that nobody can write over them: who changes a weight makes another tensor, and the next run finds that.
final class FrozenWeights: Sendable {
    /// The tensors of the plan's frozen inputs, in order.
    private let tensors: [Tensor]
    /// The program without what has been computed; the results are inputs behind its own.
    let graph: Graph
    /// The tensors of the inputs behind the program's own.
    let computed: [Tensor]
    let packed = PackedWeights()
    let cache: PlanCache
    /// For runs that write over their states.
    let updatingCache: PlanCache

    /// - Parameters:
    ///   - positions: those of the frozen inputs
    ///   - folds: whether what follows from the weights alone is computed now
    init(_ graph: Graph, _ inputs: [Tensor], at positions: [Int], folds: Bool, cacheSize: Int) throws {
        tensors = positions.map { inputs[$0] }
        (cache, updatingCache) = (PlanCache(capacity: cacheSize), PlanCache(capacity: cacheSize))
        guard folds, !positions.isEmpty else {
            (self.graph, computed) = (graph, [])
            return
        }
        let frozen: [Value: Tensor] = Dictionary(
            positions.map { (graph.inputs[$0], inputs[$0]) }, uniquingKeysWith: { first, _ in first })
        let folded: ConstantFolding.Result = try ConstantFolding(keepsViews: true)
            .fold(graph, insertingAt: graph.inputs.count) { frozen[$0] }
        (self.graph, computed) = (folded.graph, folded.constants)
    }

    /// Whether these are the tensors among the inputs.
    func match(_ inputs: [Tensor], at positions: [Int]) -> Bool {
        for (index, position) in positions.enumerated() where inputs[position].identity != tensors[index].identity { return false }
        return true
    }
}

/// The weights that a plan has met last: those of a program and of its sessions, which may have others.
final class FrozenCache: Sendable {
    private struct State {
        /// The most recently made last.
        var known: [FrozenWeights] = []
        /// Runs since weights were last made ready.
        var runs = FrozenCache.fewRuns
        /// How often in a row weights served few runs.
        var changes = 0
    }

    /// Weights that serve fewer runs than this were not worth the work.
    private static let fewRuns = 32
    private static let patience = 8
    private static let capacity = 4

    private let state = Mutex(State())

    /// The entry for the inputs, made where there is none; nil where weights change so often that nothing is to be gained by knowing them.
    func entry(_ inputs: [Tensor], at positions: [Int], make: () throws -> FrozenWeights) rethrows -> FrozenWeights? {
        let known: (FrozenWeights?, isTired: Bool) = state.withLock { state in
            state.runs &+= 1
            let found: FrozenWeights? = state.known.last { $0.match(inputs, at: positions) }
            if found == nil {
                state.changes = state.runs < FrozenCache.fewRuns ? state.changes + 1 : 0
                state.runs = 0
            }
            if state.changes >= FrozenCache.patience { state.known = [] }
            return (found, state.changes >= FrozenCache.patience)
        }
        if known.isTired { return nil }
        if let found = known.0 { return found }
        // Without the lock: tasks that come at once may each make one, of which the last stays.
        let made: FrozenWeights = try make()
        state.withLock { state in
            state.known.append(made)
            if state.known.count > FrozenCache.capacity { state.known.removeFirst() }
        }
        return made
    }
}
