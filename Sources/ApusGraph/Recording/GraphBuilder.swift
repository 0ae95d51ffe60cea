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
        let builder = GraphBuilder(source, scope: source.scope, provenance: "", target: .aten)
        let tensors: [Tensor] = try source.inputs.map { try builder.tensor($0) }
        let results: [Tensor] = try Interpreter.with(builder) { try function(tensors) }
        builder.graph.outputs = try results.map { .value(try builder.value(of: $0)) }
        return builder.graph
    }
}

/// Writes operations behind those of a graph; takes apart on the way what the target does not know.
final class GraphBuilder: Interpreter, Recorder {
    var graph: Graph
    let scope: SymbolScope
    let provenance: String?
    private let target: Dialect
    private let parts: OperatorParts

    /// - Parameter scope: what is known of the symbols, where there are any.
    init(_ graph: Graph, scope: SymbolScope?, provenance: String, target: Dialect, parts: OperatorParts = [:]) {
        self.graph = graph
        self.scope = scope ?? SymbolScope()
        self.provenance = provenance
        self.target = target
        self.parts = parts
        super.init(outer: nil)
    }

    func tensor(_ value: Value) throws -> Tensor {
        guard let spec = graph.spec(value) else {
            throw TensorError(.invalidArgument, "'%\(graph.name(value))' is no tensor")
        }
        return tensor(value, spec)
    }

    func capture(_ tensor: Tensor, in operation: Operator?) throws -> Value {
        throw TensorError(.tracing, "a decomposition uses the tensor \(tensor.spec) from outside; it must make what it needs")
    }

    func fresh(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) throws -> ValueType {
        throw TensorError(.tracing, "the number \(origin) depends on values that are not there")
    }

    func values(of result: OperatorArgument) throws -> [Value] {
        switch result {
        case .tensor(let tensor): return [try value(of: tensor)]
        case .tensors(let tensors): return try tensors.map { try value(of: $0) }
        default: throw TensorError(.unsupported, "a decomposition gave a result that is no tensor")
        }
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        if operation.isDecomposable(for: target, parts) {
            let before: Graph.Mark = graph.mark
            // An operator's list of tensors comes out of `apply` one by one.
            let apart: [OperatorArgument]? = try Interpreter.with(self) { try Call(operation, arguments).decomposed(for: target, parts) }
            if let apart { return apart.flatMap(\.elements) }
            // What was written before the call turned out not to be taken apart is taken back.
            graph.takeBack(to: before)
        }
        return try record(operation, arguments, site: nil)
    }

    override func decide(_ condition: SymBool) -> Bool? { condition.constant ?? scope.known(condition) }

    /// The operator's own rule has required what its parts require: what is not proved here was asserted before.
    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        if decide(condition) == false { throw failure() }
    }
}
