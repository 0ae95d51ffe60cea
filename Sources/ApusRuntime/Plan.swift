import ApusGraph
import ApusTensor

/// A graph made ready to run: what `ExportedProgram` calls.
public final class Plan: Sendable {
    public let graph: Graph
    private let executor: GraphExecutor

    /// Prepares a graph whose inputs are all tensors.
    public init(_ graph: Graph) throws {
        self.graph = graph
        executor = GraphExecutor(graph)
    }

    /// Runs the program. The caller has checked the inputs against the program's constraints.
    public func run(_ inputs: [Tensor]) throws -> [RuntimeValue] { try executor.run(inputs) }
}
