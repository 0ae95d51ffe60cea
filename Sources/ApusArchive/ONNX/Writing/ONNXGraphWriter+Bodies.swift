import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

// Branches and loops. Bodies read what is around them by its name, so that operands are no inputs of theirs.

extension ONNXGraphWriter {
    func writeCond(_ node: Node) throws {
        let condition = try CondArguments(node)
        let predicate: ONNXTerm
        switch condition.predicate {
        case .tensor(let value):
            let truth: ONNXTerm = out.cast(try term(value), .bool)
            predicate = graph.spec(value)?.shape.count == 0 ? truth : scalar(truth)
        case .symBool(let symBool): predicate = scalar(try sizes.term(symBool, out))
        case .scalar(.bool(let known)): predicate = try out.constant(Tensor([known], shape: []))
        default: throw ArchiveError(.notRepresentable, "a predicate of this kind")
        }
        let operands: [ONNXTerm] = try condition.operands.map { try term($0) }
        let bodies: [Onnx_AttributeProto] = try [("then_branch", condition.whenTrue), ("else_branch", condition.whenFalse)].map {
            name, body in
            .make(name, try self.body(name) { try self.carryOut(body.graph, operands).named() })
        }
        // Without results it would be there for its checks only, which are noted by now; ONNX has no such node.
        if node.outputs.isEmpty { return }
        try finish(node, out.append("If", [predicate], node.outputs.map { dtype(of: $0) }, bodies))
    }

    /// A loop whose condition is computed once before it, and at the end of each pass.
    func writeWhile(_ node: Node) throws {
        let loop = try WhileArguments(node)
        let (carried, operands) = (try loop.carried.map { try term($0) }, try loop.operands.map { try term($0) })
        let holds: ONNXTerm = try condition(loop, carried + operands)
        let body: Onnx_GraphProto = try self.body("loop") {
            let number = ONNXTerm(name: self.out.claim("iteration"), dtype: .int64)
            let goesOn = ONNXTerm(name: self.out.claim("condition"), dtype: .bool)
            let given: [ONNXTerm] = carried.map { ONNXTerm(name: self.out.claim("carried"), dtype: $0.dtype) }
            var results: [ONNXTerm] = try self.carryOut(loop.body.graph, given + operands).results
            results.insert(try self.condition(loop, results + operands), at: 0)
            let types: [ValueType?] = loop.body.graph.inputs.map { loop.body.graph.type($0) }
            let inputs: [Onnx_ValueInfoProto] =
                [.make(number, sizes: []), .make(goesOn, sizes: [])]
                + zip(given, types).map { .make($0, sizes: $1?.spec?.shape.fixed) }
            return (inputs, results.map { .make(self.out.append("Identity", [$0], [$0.dtype])[0], sizes: nil) })
        }
        try finish(node, Array(out.append("Loop", [nil, holds] + carried, carried.map(\.dtype), [.make("body", body)])))
    }

    private func condition(_ loop: WhileArguments<Value>, _ inputs: [ONNXTerm]) throws -> ONNXTerm {
        let result: ONNXTerm = try carryOut(loop.condition.graph, inputs).results[0]
        return scalar(out.cast(result, .bool))
    }

    func writeScan(_ node: Node) throws {
        let scan = try ScanArguments(node)
        let (initial, xs) = (try scan.initial.map { try term($0) }, try scan.xs.map { try term($0) })
        let operands: [ONNXTerm] = try scan.operands.map { try term($0) }
        let graph: Graph = scan.body.graph
        let body: Onnx_GraphProto = try self.body("scan") {
            let given: [ONNXTerm] = (initial + xs).map { ONNXTerm(name: self.out.claim("slice"), dtype: $0.dtype) }
            let inputs: [Onnx_ValueInfoProto] = zip(given, graph.inputs).map { .make($0, sizes: graph.spec($1)?.shape.fixed) }
            return (inputs, try self.carryOut(graph, given + operands).named().outputs)
        }
        let results: [DType] = node.outputs.map { dtype(of: $0) }
        try finish(node, out.append("Scan", initial + xs, results, [.make("body", body), .make("num_scan_inputs", xs.count)]))
    }

    // MARK: Parts

    private func dtype(of value: Value) -> DType {
        switch graph.type(value) {
        case .tensor(let spec): spec.dtype
        case .int: .int64
        case .float: .float64
        case .bool, .none: .bool
        }
    }

    private func finish(_ node: Node, _ results: [ONNXTerm]) throws {
        for (output, term) in zip(node.outputs, results) {
            define(output, graph.spec(output) == nil ? out.append("Reshape", [term, try out.integers([1])], [term.dtype])[0] : term)
        }
    }

    private func body(
        _ name: String, _ write: () throws -> (inputs: [Onnx_ValueInfoProto], outputs: [Onnx_ValueInfoProto])
    ) throws -> Onnx_GraphProto { try out.body(name, write) }

    /// What a body gives, in terms of the graph that is open.
    private struct Given {
        let results: [ONNXTerm]
        let shapes: [Shape?]
        let out: ONNXNodes

        /// The results under names of the body's own, which it must have made itself.
        func named() -> (inputs: [Onnx_ValueInfoProto], outputs: [Onnx_ValueInfoProto]) {
            ([], zip(results, shapes).map { .make(out.append("Identity", [$0], [$0.dtype])[0], sizes: $1?.fixed) })
        }
    }

    /// Writes the nodes of a body where its inputs are known. Sizes that are the body's own are read from these.
    private func carryOut(_ body: Graph, _ inputs: [ONNXTerm]) throws -> Given {
        let writer = ONNXGraphWriter(body, out, sizes: sizes)
        for (input, term) in zip(body.inputs, inputs) { writer.define(input, term) }
        try writer.writeNodes()
        add(checks: writer.checks)
        let results: [ONNXTerm] = try body.outputs.map { try writer.output($0) }
        return Given(results: results, shapes: body.outputs.map { body.type(of: $0).spec?.shape ?? .scalar }, out: out)
    }
}

extension Shape {
    /// The sizes that are numbers; nil for the others.
    var fixed: [Int?] { map(\.constant) }
}

extension Onnx_ValueInfoProto {
    /// - Parameter sizes: nil where the rank is not said, and for a size that is not.
    static func make(_ term: ONNXTerm, sizes: [Int?]?) -> Self {
        let dims: [Onnx_TensorShapeProto.Dimension]? = sizes?.map { size in
            var dim = Onnx_TensorShapeProto.Dimension()
            if let size { dim.dimValue = Int64(size) }
            return dim
        }
        return make(term, dims: dims)
    }

    static func make(_ term: ONNXTerm, dims: [Onnx_TensorShapeProto.Dimension]?) -> Self {
        var info = Self()
        info.name = term.name
        info.type.tensorType.elemType = Int32(ONNXElement(term.dtype).rawValue)
        if let dims { info.type.tensorType.shape.dim = dims }
        return info
    }
}
