import ApusSymbolic
import ApusTensor

/// Passes in stages, each of which ends in a dialect: how a program is brought down to what a back end knows.
///
///     let pipeline = PassPipeline([
///         .init("clean", [DeadCodeElimination(), CommonSubexpressionElimination()]),
///         .init("core", [Decomposition()], dialect: .coreATen),
///     ])
///
/// Within a stage the verifier checks each pass's result as ``PassManager`` does; at its end every operator must be in the stage's dialect.
public struct PassPipeline: Sendable {
    public struct Stage: Sendable {
        /// For messages.
        public let name: String
        public let passes: [any GraphPass]
        /// What the program may hold when the stage is done.
        public let dialect: Graph.Dialect

        public init(_ name: String, _ passes: [any GraphPass], dialect: Graph.Dialect = .aten) {
            (self.name, self.passes, self.dialect) = (name, passes, dialect)
        }
    }

    public let stages: [Stage]
    public let undecided: Graph.Verifier.Undecided

    /// - Parameter undecided: what an unproved condition of a rule means to the verifier.
    public init(_ stages: [Stage], undecided: Graph.Verifier.Undecided = .refuse) {
        self.stages = stages
        self.undecided = undecided
    }

    /// Throws `PassError`, which names the pass, or the stage whose dialect the program is not in and the offending node.
    /// - Parameter scope: what is known of the symbols; that of the graph's sizes by default.
    public func run(_ graph: Graph, scope: SymbolScope? = nil) throws -> Graph {
        var graph: Graph = graph
        for stage in stages {
            graph = try PassManager(stage.passes, verifier: Verifier(undecided: undecided)).run(graph, scope: scope)
            do {
                try Verifier(dialect: stage.dialect, undecided: undecided).verify(graph, scope: scope)
            } catch {
                throw PassError(pass: stage.name, stage: .dialect, underlying: error)
            }
        }
        return graph
    }
}
