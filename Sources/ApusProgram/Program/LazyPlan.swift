import ApusGraph
import ApusRuntime
import ApusTensor
import Synchronization

/// The plan of a graph, made when it is asked for: many programs that are loaded, saved and transformed are never called.
final class LazyPlan: Sendable {
    private let graph: Graph
    private let made = AtomicLazyReference<Plan>()

    init(_ graph: Graph) { self.graph = graph }

    /// Tasks that ask at once may each make one, of which all get the first.
    var plan: Plan {
        get throws {
            if let plan = made.load() { return plan }
            return made.storeIfNil(try withStackRoom(deepStack) { try Plan(graph) })
        }
    }

    var isMade: Bool { made.load() != nil }
}
