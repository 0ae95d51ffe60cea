import ApusGraph
import ApusRuntime
import ApusTensor
import Synchronization

/// The plan of a graph, made when it is asked for: many programs that are loaded, saved and transformed are never called.
final class LazyPlan: Sendable {
    private let graph: Graph
    private let roles: [Plan.Role]
    private let pipeline: LoweringPipeline
    /// How many threads runs may use; nil for all.
    private let threads: Int?
    let made = AtomicLazyReference<Plan>()

    init(_ parts: ProgramParts) {
        graph = parts.graph
        roles = planRoles(parts.inputRoles, parts.outputRoles)
        (pipeline, threads) = (.standard, nil)
    }

    /// The plan of the same graph by other passes, or on other threads.
    init(_ other: LazyPlan, pipeline: LoweringPipeline? = nil, threads: Int? = nil) {
        (graph, roles) = (other.graph, other.roles)
        self.pipeline = pipeline ?? other.pipeline
        self.threads = threads ?? other.threads
    }

    /// Tasks that ask at once may each make one, of which all get the first.
    var plan: Plan {
        get throws {
            if let plan = made.load() { return plan }
            return made.storeIfNil(try withStackRoom(deepStack) { try Plan(graph, roles: roles, pipeline: pipeline) })
        }
    }

    /// Runs the plan, on as many threads as it may use.
    func run<Result>(_ body: (Plan) throws -> Result) throws -> Result {
        let plan: Plan = try plan
        return try Threads.limited(to: threads) { try body(plan) }
    }
}
