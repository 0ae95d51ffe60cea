import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

/// Writes one graph, the whole program's or a body's, as nodes of a model.
final class ONNXGraphWriter {
    let graph: Graph
    let out: ONNXNodes
    var sizes: ONNXSizeNodes
    /// What is checked while the program runs, which a model has no nodes for.
    private(set) var checks: [String] = []
    private var terms: [Value: ONNXTerm] = [:]

    /// - Parameter sizes: what is known of sizes around.
    init(_ graph: Graph, _ out: ONNXNodes, sizes: ONNXSizeNodes = ONNXSizeNodes()) {
        (self.graph, self.out, self.sizes) = (graph, out, sizes)
    }

    // MARK: Values

    func term(_ value: Value) throws -> ONNXTerm {
        guard let term = terms[value] else {
            throw ArchiveError(.invalidProgram, "the value '\(graph.name(value))' is used before it is computed")
        }
        return term
    }

    /// Says what a value is, and notes the sizes that can be read from it.
    func define(_ value: Value, _ term: ONNXTerm) {
        switch graph.type(value) {
        case .tensor(let spec):
            let term: ONNXTerm = out.cast(term, spec.dtype)
            terms[value] = term
            sizes.note(spec.shape, of: term)
        case .int(let size):
            terms[value] = term
            if let symbol = size.expression?.symbol { sizes.note(symbol, term) }
        case .float(let number):
            terms[value] = term
            if case .symbol(let symbol)? = number.view { sizes.note(symbol, term) }
        case .bool(let condition):
            terms[value] = term
            for symbol in condition.freeSymbols where symbol.kind == .unbackedBool { sizes.note(symbol, term) }
        case .none: break
        }
    }

    /// What the graph gives in one place, numbers as tensors without dimensions.
    func output(_ output: GraphOutput) throws -> ONNXTerm {
        switch output {
        case .value(let value): graph.spec(value) == nil ? scalar(try term(value)) : try term(value)
        case .literal(.bool(let value)): try out.constant(Tensor([value], shape: []))
        case .literal(.int(let value)): try out.constant(Tensor([value], shape: []))
        case .literal(.float(let value)): try out.constant(Tensor.full([], value, dtype: .float64))
        case .literal(.none), .literal(.string): throw ArchiveError(.notRepresentable, "gives \(output), which is no tensor")
        case .int(let size): scalar(try sizes.term(size, out))
        case .float(let number): scalar(try sizes.term(number, out))
        case .bool(let condition): scalar(try sizes.term(condition, out))
        }
    }

    /// One element as a tensor without dimensions.
    func scalar(_ term: ONNXTerm) -> ONNXTerm { out.append("Squeeze", [term], [term.dtype])[0] }

    // MARK: Nodes

    func writeNodes() throws {
        for node in graph.nodes {
            let name: String = node.outputs.first.map { graph.name($0) } ?? node.operator.schema.name
            out.prefix = name
            do { try write(node) } catch {
                // A rule that asks for a number which is a size says so.
                let reason: any Error = error is TensorError ? ArchiveError(.notRepresentable, error.unplaced) : error
                throw GraphImporter.located(reason, "node '\(name)' (\(node.operator.name))")
            }
        }
    }

    private func write(_ node: Node) throws {
        for value in node.operands + node.outputs {
            if let dtype = graph.spec(value)?.dtype, dtype.isComplex {
                throw ArchiveError(.notRepresentable, "computes with \(dtype), which no operator of ONNX does")
            }
        }
        switch node.operator {
        case .cond: return try writeCond(node)
        case .whileLoop: return try writeWhile(node)
        case .scan: return try writeScan(node)
        default: break
        }
        if node.effects.contains(.check) {
            for case .string(let message) in node.arguments { checks.append(message) }
            return
        }
        if node.effects.contains(.random) {
            throw ArchiveError(.notRepresentable, "draws random numbers, of which no two runtimes give the same")
        }
        let call = try ONNXNodeWriter(node, self)
        let results: [ONNXTerm]
        if let rule = ONNXRules.find(node.operator.name) {
            results = try rule.body(call)
        } else if let known = try call.computed() {
            results = known
        } else {
            let dtypes: [String] = node.operands.compactMap { graph.spec($0).map { "\($0.dtype)" } }
            throw ArchiveError(
                .notRepresentable,
                "has no counterpart in ONNX for (\(dtypes.joined(separator: ", "))), and can't be taken apart into operators that have")
        }
        guard results.count >= node.outputs.count else {
            throw ArchiveError(.invalidProgram, "\(results.count) results were written where the program has \(node.outputs.count)")
        }
        for (output, term) in zip(node.outputs, results) { define(output, term) }
    }

    /// A body's checks are those of the program.
    func add(checks: [String]) { self.checks += checks }
}
