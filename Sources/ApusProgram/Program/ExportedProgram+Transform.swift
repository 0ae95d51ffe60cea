import ApusGraph
import ApusSymbolic
import ApusTensor

extension ExportedProgram {
    /// A new program whose graph went through the passes in order, verified after each. This one stays as it is; the signature follows
    /// renames.
    /// - Throws: `PassError` that names the pass.
    public func transform(_ passes: any GraphPass...) throws -> ExportedProgram { try transform(passes) }

    /// A new program whose graph went through the passes in order, verified after each.
    public func transform(_ passes: [any GraphPass]) throws -> ExportedProgram {
        let manager = PassManager(passes, verifier: Verifier(undecided: .accept))
        let result: Graph = try manager.run(graph, scope: scope)
        return try replacing(graph: result)
    }

    /// A new program whose graph went through the stages of a pipeline, each of which ends in its dialect.
    /// - Throws: `PassError` that names the pass or the stage.
    public func transform(_ pipeline: PassPipeline) throws -> ExportedProgram {
        let accepting = PassPipeline(pipeline.stages, undecided: .accept)
        let result: Graph = try accepting.run(graph, scope: scope)
        return try replacing(graph: result)
    }

    /// A new program that states its ranges and guards as assertions, nodes at the start of its graph, so that other runtimes which don't
    /// check inputs keep them too. Adding them twice changes nothing.
    public func addRuntimeAssertions() throws -> ExportedProgram {
        try transform(RuntimeAssertions(conditions: assertedConditions()))
    }

    private func assertedConditions() -> [(condition: SymBool, message: String)] {
        var found: [(SymBool, String)] = []
        for (symbol, range) in symbolToRange.sorted(by: { $0.key.index < $1.key.index }) where symbol.isBacked {
            let message = "\(symbol.displayName) must be in \(range)"
            found += scope.statements(of: symbol, in: range).map { ($0, message) }
        }
        return found + guards.map { ($0.condition, $0.message) }
    }
}

/// Puts conditions on input sizes in front of a graph.
struct RuntimeAssertions: GraphPass {
    static let provenance = "runtime assertion"

    let name = "runtime assertions"
    let conditions: [(condition: SymBool, message: String)]

    func run(_ graph: Graph) throws -> Graph {
        var result = graph
        let present: [SymBool] = graph.nodes.filter { $0.provenance == RuntimeAssertions.provenance }.compactMap {
            if case .symBool(let condition) = $0.arguments.first { condition } else { nil }
        }
        let missing = conditions.filter { entry in
            entry.condition.constant != true && !present.contains { $0.isIdentical(to: entry.condition) }
        }
        result.nodes =
            missing.map { entry in
                Node(
                    .assertScalar, [.symBool(entry.condition), .string(entry.message)], outputs: [],
                    provenance: RuntimeAssertions.provenance)
            } + result.nodes
        return result
    }
}
