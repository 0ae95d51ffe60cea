import ApusSymbolic
import ApusTensor

extension Graph {
    /// The graph of a function of tensors: for patterns, replacements and tests. Sizes that are numbers are recorded as such; control flow of
    /// the function is not.
    ///
    ///     let pattern = try Graph.recording([spec, spec]) { [try ($0[0] + $0[1]).relu()] }
    public static func recording(_ inputs: [TensorSpec], _ function: ([Tensor]) throws -> [Tensor]) throws -> Graph {
        var source = Graph()
        for (index, spec) in inputs.enumerated() { _ = source.addInput("x\(index)", .tensor(spec)) }
        let builder = BuildingInterpreter(GraphCopy(of: source, provenance: ""), target: .aten)
        let tensors: [Tensor] = try builder.copy.graph.inputs.map { try builder.tensor($0) }
        let results: [Tensor] = try Interpreter.with(builder) { try function(tensors) }
        let values: [Value] = try results.flatMap { try builder.values(of: .tensor($0)) }
        var graph: Graph = builder.copy.graph
        graph.outputs = values.map { .value($0) }
        return graph
    }
}
