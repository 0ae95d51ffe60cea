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
    let packed: PackedWeights
    /// The program around what depends on values; nil where nothing does.
    let pieces: Pieces?
    let cache: PlanCache
    /// For runs that write over their states.
    let updatingCache: PlanCache

    /// - Parameter positions: those of the frozen inputs
    init(_ graph: Graph, _ inputs: [Tensor], at positions: [Int], _ pipeline: LoweringPipeline, cacheSize: Int) throws {
        tensors = positions.map { inputs[$0] }
        (cache, updatingCache) = (PlanCache(capacity: cacheSize), PlanCache(capacity: cacheSize))
        var lowered: Graph = graph
        var computed: [Tensor] = []
        if !positions.isEmpty {
            let frozen: [Value: Tensor] = Dictionary(
                positions.map { (graph.inputs[$0], inputs[$0]) }, uniquingKeysWith: { first, _ in first })
            let folded: ConstantFolding.Result = try ConstantFolding(keepsViews: true)
                .fold(graph, insertingAt: graph.inputs.count) { frozen[$0] }
            (lowered, computed) = (folded.graph, folded.constants)
        }
        packed = PackedWeights(of: tensors + computed)
        let known = Set(positions.map { lowered.inputs[$0] } + lowered.inputs.suffix(computed.count))
        pieces = Obstacles(lowered).first(in: lowered) == nil ? nil : try Pieces(lowered, frozen: known, pipeline, cacheSize: cacheSize)
        if pieces == nil, !computed.isEmpty {
            let uses: (linearWeights: Set<Value>, others: Set<Value>) = lowered.uses
            for (number, value) in lowered.inputs.suffix(computed.count).enumerated() {
                guard pipeline.packsWeights, uses.linearWeights.contains(value), !uses.others.contains(value),
                    // Views of others' memory take none.
                    computed[number].storage.isWritable, let place = try packed.packedAlone(computed[number])
                else { continue }
                computed[number] = place
            }
            // What is computed was made of these.
            let read: Set<Value> = uses.others.union(uses.linearWeights)
            for position in positions where !read.contains(lowered.inputs[position]) {
                inputs[position].storage.giveBackPages()
            }
        }
        (self.graph, self.computed) = (lowered, computed)
    }

    /// Whether nothing is known to stay the same.
    var isEmpty: Bool { tensors.isEmpty }

    /// Whether these are the tensors among the inputs.
    func match(_ inputs: [Tensor], at positions: [Int]) -> Bool {
        for (index, position) in positions.enumerated() where inputs[position].identity != tensors[index].identity { return false }
        return true
    }
}

extension Graph {
    /// The values that are weights of products of rows, and those that are read otherwise.
    fileprivate var uses: (linearWeights: Set<Value>, others: Set<Value>) {
        var (weights, others): (Set<Value>, Set<Value>) = ([], Set(outputs.compactMap(\.value)))
        for node in nodes {
            for (position, operand) in node.operands.enumerated() {
                if node.operator == .linear, position == 1 { weights.insert(operand) } else { others.insert(operand) }
            }
        }
        return (weights, others)
    }
}

/// The weights that a plan has met last: those of a program and of its sessions, which may have others.
final class FrozenCache: Sendable {
    private struct Entry {
        let weights: FrozenWeights
        var lastRun: Int
    }

    private struct State {
        var entries: [Entry] = []
        /// Runs so far.
        var run = 0
        /// The last run that found its weights unknown.
        var lastChange = -FrozenCache.fewRuns
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
        let (found, isWorthIt): (FrozenWeights?, Bool) = state.withLock { state in
            state.run += 1
            if let index = state.entries.lastIndex(where: { $0.weights.match(inputs, at: positions) }) {
                state.entries[index].lastRun = state.run
                let weights: FrozenWeights = state.entries[index].weights
                // Others that have not been met for long are let go, with the memory that they hold.
                if state.entries.count > 1 { state.entries.removeAll { state.run - $0.lastRun > FrozenCache.fewRuns } }
                return (weights, true)
            }
            state.changes = state.run - state.lastChange < FrozenCache.fewRuns ? state.changes + 1 : 0
            state.lastChange = state.run
            // Every so often it is tried whether weights have come to rest.
            let isWorthIt: Bool = state.changes < FrozenCache.patience || state.changes % (FrozenCache.patience * FrozenCache.fewRuns) == 0
            if !isWorthIt { state.entries = [] }
            return (nil, isWorthIt)
        }
        if found != nil || !isWorthIt { return found }
        // Without the lock: tasks that come at once may each make one, of which the last stays.
        let made: FrozenWeights = try make()
        state.withLock { state in
            state.entries.append(Entry(weights: made, lastRun: state.run))
            if state.entries.count > FrozenCache.capacity { state.entries.removeFirst() }
        }
        return made
    }
}
