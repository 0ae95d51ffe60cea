import ApusGraph
import ApusRuntime
import ApusTensor
import Synchronization

/// The plan of a graph, made when it is asked for: many programs that are loaded, saved and transformed are never called.
final class LazyPlan: Sendable {
    private let graph: Graph
    private let roles: [Plan.Role]
    private let pipeline: LoweringPipeline
    private let made = AtomicLazyReference<Plan>()

    init(_ parts: ProgramParts) {
        graph = parts.graph
        roles = planRoles(parts.inputRoles, parts.outputRoles)
        pipeline = .standard
    }

    /// The plan of the same graph by other passes.
    init(_ other: LazyPlan, _ pipeline: LoweringPipeline) {
        (graph, roles) = (other.graph, other.roles)
        self.pipeline = pipeline
    }

    /// Tasks that ask at once may each make one, of which all get the first.
    var plan: Plan {
        get throws {
            if let plan = made.load() { return plan }
            return made.storeIfNil(try withStackRoom(deepStack) { try Plan(graph, roles: roles, pipeline: pipeline) })
        }
    }

    var isMade: Bool { made.load() != nil }
}
