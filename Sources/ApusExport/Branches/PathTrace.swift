import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// One run of a function, recorded.
struct PathTrace {
    enum Outcome {
        /// Buffers that hold other values than before, by name, and the leaves of the result.
        case returned(mutations: [String: Value], leaves: [GraphOutput], spec: TreeSpec)
        /// The run ended in an error: the program rejects the inputs of this path with its text.
        case threw(message: String, site: CallSite?)

        var hasThrown: Bool {
            if case .threw = self { return true }
            return false
        }
    }

    let graph: Graph
    let captured: [(value: Value, tensor: Tensor)]
    let decisions: [PathDecision]
    /// The ranges that the path required of values it read.
    let readRanges: [Symbol: SymRange]
    let outcome: Outcome

    var hasThrown: Bool { outcome.hasThrown }
}

extension ExploredPath {
    init(_ trace: PathTrace) {
        var rejection: String?
        if case .threw(let message, _) = trace.outcome { rejection = message }
        self.init(
            conditions: trace.decisions.map { $0.choice ? $0.condition : !$0.condition }, sites: trace.decisions.map(\.site),
            rejection: rejection)
    }
}
