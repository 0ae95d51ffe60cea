import ApusGraph
import ApusSymbolic
import ApusTensor

// Branches and loops, as PyTorch's higher-order operators. There, sizes that bodies use are operands as well.

extension GraphWriter {
    mutating func writeCond(_ node: Node) throws {
        let condition = try CondArguments(node)
        let predicate: ProgramSchema.Argument
        switch condition.predicate {
        case .tensor(let value): predicate = try truth(try reference(value), of: value)
        case .symBool(let condition): predicate = try argument(condition)
        case .scalar(.bool(let known)): predicate = .bool(known)
        default: throw ArchiveError(.notRepresentable, "a predicate of this kind")
        }
        let symbols: [Symbol] = sizesUsed(in: [condition.whenTrue, condition.whenFalse])
        let operands: [String] = try condition.operands.map { try name($0) } + symbols.map { try symbolOperand($0) }
        let prefix: String = out.claim("cond_graph")
        let bodies: [ProgramSchema.Argument] = [
            try body(condition.whenTrue, "true_\(prefix)", symbols), try body(condition.whenFalse, "false_\(prefix)", symbols),
        ]
        try append("cond", node, [predicate] + bodies + [list(operands)])
    }

    mutating func writeWhile(_ node: Node) throws {
        let loop = try WhileArguments(node)
        let symbols: [Symbol] = sizesUsed(in: [loop.condition, loop.body])
        var given: Set<Value> = []
        let carried: [String] = try loop.carried.map { try loopOperand($0, &given) }
        let operands: [String] = try loop.operands.map { try loopOperand($0, &given) } + symbols.map { try symbolOperand($0, isLoop: true) }
        let prefix: String = out.claim("while_loop")
        let bodies: [ProgramSchema.Argument] = [
            try body(loop.condition, "\(prefix)_cond_graph", symbols, isSingle: true),
            try body(loop.body, "\(prefix)_body_graph", symbols),
        ]
        try append("while_loop", node, bodies + [list(carried), list(operands)])
    }

    /// A scan that carries nothing is a map there.
    mutating func writeScan(_ node: Node) throws {
        let scan = try ScanArguments(node)
        let symbols: [Symbol] = sizesUsed(in: [scan.body])
        var given: Set<Value> = []
        let initial: [String] = try scan.initial.map { try loopOperand($0, &given) }
        let xs: [String] = try scan.xs.map { try loopOperand($0, &given) }
        let operands: [String] = try scan.operands.map { try loopOperand($0, &given) } + symbols.map { try symbolOperand($0, isLoop: true) }
        let kind: String = initial.isEmpty ? "map_impl" : "scan"
        let body: ProgramSchema.Argument = try body(scan.body, "\(out.claim(kind))_combine_graph", symbols)
        try append(kind, node, [body] + (initial.isEmpty ? [] : [list(initial)]) + [list(xs), list(operands)])
    }

    // MARK: Parts

    private func list(_ names: [String]) -> ProgramSchema.Argument { .tensors(names.map { .init(name: $0) }) }

    /// Symbols that the bodies use and that are known here.
    private func sizesUsed(in bodies: [GraphBody]) -> [Symbol] { bodies.flatMap(\.graph.usedSymbols).unique.filter { sizes.isKnown($0) } }

    /// - Parameter isLoop: whether operands must not share memory
    private mutating func symbolOperand(_ symbol: Symbol, isLoop: Bool = false) throws -> String {
        if let source = floatSources[symbol] { return isLoop ? try copy(source).name : source }
        guard let name = try sizes.name(of: symbol, &out) else {
            throw ArchiveError(.notRepresentable, "the size \(symbol.displayName) is not at hand")
        }
        return name
    }

    /// The name of a tensor that goes into a loop. PyTorch does not let two of them share memory.
    private mutating func loopOperand(_ value: Value, _ given: inout Set<Value>) throws -> String {
        let name: String = try name(value)
        if given.insert(owners[value.index]).inserted { return name }
        return try copy(name).name
    }

    /// The node, with its results listed one by one.
    private mutating func append(_ kind: String, _ node: Node, _ arguments: [ProgramSchema.Argument]) throws {
        let outputs: [String] = try node.outputs.map { try define($0) }
        let results: [ProgramSchema.Argument] = try group(node, outputs).flatMap { argument -> [ProgramSchema.Argument] in
            if case .tensors(let references) = argument { return references.map { .tensor($0) } }
            return [argument]
        }
        out.append(
            target: "torch.ops.higher_order.\(kind)", arguments.map { .init(name: "", argument: $0, kind: .positional) }, results,
            name: out.claim(kind), metadata: NodeMetadata.metadata(node), isSingleTensorReturn: false)
    }

    /// - Parameter isSingle: whether the body gives its one result bare, as a loop's condition does.
    private func body(
        _ body: GraphBody, _ name: String, _ symbols: [Symbol], isSingle: Bool = false
    ) throws -> ProgramSchema.Argument {
        let graph: Graph = body.graph
        var writer = GraphWriter(graph, symbols: out.symbols)
        for input in graph.inputs { _ = try writer.addInput(input) }
        for symbol in symbols {
            if let source = floatSources[symbol] {
                writer.addInput(symbol, readFrom: out.tables.tensorValues[source])
            } else {
                try writer.addInput(symbol)
            }
        }
        for symbol in symbols where floatSources[symbol] != nil { writer.readFloat(symbol) }
        try writer.writeNodes()
        let owners: [Value] = writer.owners
        var returned: Set<Value> = []
        for output in graph.outputs {
            var argument: ProgramSchema.Argument = try writer.output(output)
            if isSingle { argument = try writer.truth(argument, of: output.value) }
            // PyTorch does not let a body return its operand, a view of it, or one tensor twice: their memory would be shared.
            if case .tensor(let reference) = argument, case .value(let value) = output {
                let owner: Value = owners[value.index]
                if graph.inputs.contains(owner) || !returned.insert(owner).inserted {
                    argument = .tensor(try writer.copy(reference.name))
                }
            }
            writer.out.tables.outputs.append(argument)
        }
        writer.out.tables.isSingleTensorReturn = isSingle
        return .graph(.init(name: name, graph: writer.out.tables))
    }

    /// An output of the whole program. PyTorch writes the buffers' new values into their memory before it returns, so an output that lies in
    /// that memory is copied first.
    mutating func output(_ output: GraphOutput, apartFrom written: Set<Value>) throws -> ProgramSchema.Argument {
        let argument: ProgramSchema.Argument = try self.output(output)
        guard case .tensor(let reference) = argument, case .value(let value) = output, written.contains(owners[value.index]) else {
            return argument
        }
        return .tensor(try copy(reference.name))
    }

    /// The answer of a question as PyTorch takes it: a tensor without dimensions, or a condition that is not known beforehand.
    private mutating func truth(_ argument: ProgramSchema.Argument, of value: Value?) throws -> ProgramSchema.Argument {
        let inputs: [ProgramSchema.NamedArgument]
        let target: String
        switch argument {
        case .tensor(let reference):
            guard let value, case .tensor(let spec) = graph.type(value), spec.shape.count > 0 else { return argument }
            target = "reshape"
            inputs = [
                .init(name: "self", argument: .tensor(reference), kind: .positional),
                .init(name: "shape", argument: .ints([]), kind: .positional),
            ]
        case .bool(let known):
            target = "full"
            inputs = [
                .init(name: "size", argument: .ints([]), kind: .positional),
                .init(name: "fill_value", argument: .bool(known), kind: .positional),
                .init(name: "dtype", argument: .scalarType(.init(.bool)), kind: .keyword),
            ]
        default: return argument
        }
        let name: String = out.claim(target)
        out.tables.tensorValues[name] = try TensorDescription.meta(TensorSpec(.bool, .scalar), requiresGrad: false, symbols: out.symbols)
        out.append(target: "torch.ops.aten.\(target).default", inputs, [.tensor(.init(name: name))], name: name)
        return .tensor(.init(name: name))
    }

    private mutating func copy(_ source: String) throws -> ProgramSchema.TensorArgument {
        let name: String = out.claim("clone")
        out.tables.tensorValues[name] = out.tables.tensorValues[source]
        out.append(
            target: "torch.ops.aten.clone.default",
            [.init(name: "self", argument: .tensor(.init(name: source)), kind: .positional)], [.tensor(.init(name: name))], name: name)
        return .init(name: name)
    }
}

extension Graph {
    /// For each value, by its index, the value whose memory it may share: itself, or what it is a view of.
    func memoryOwners() -> [Value] {
        var owners: [Value] = values.indices.map { Value(index: $0) }
        for node in nodes {
            guard let base = node.operands.first, node.operator.mayView else { continue }
            for output in node.outputs { owners[output.index] = owners[base.index] }
        }
        return owners
    }
}

extension Operator {
    /// True for operators whose results may lie in the first operand's memory. Composites may end in a view.
    fileprivate var mayView: Bool {
        switch kernel {
        case .view, .composite: true
        // These copy here and may give the tensor itself in PyTorch.
        case .compute, .host: ["contiguous", "lift_fresh_copy", "reshape", "to", "_to_copy"].contains(schema.name)
        }
    }
}
