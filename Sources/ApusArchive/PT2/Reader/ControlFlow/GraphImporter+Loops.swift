import ApusGraph
import ApusSymbolic
import ApusTensor

// Loops. Numbers that a loop of the file carries are carried as tensors of one number here, and read in each pass.

extension GraphImporter {
    func importWhile(_ node: ProgramSchema.Node) throws {
        guard node.inputs.count == 4, case .graph(let condition) = node.inputs[0].argument,
            case .graph(let body) = node.inputs[1].argument
        else { throw ArchiveError(.invalidProgram, "a loop takes two graphs, what it carries, and operands") }
        let carried: [Slot] = try operandSlots(node.inputs[2].argument)
        let operands: [Slot] = try operandSlots(node.inputs[3].argument)
        let start: [Tensor] = try carried.map { try carriedTensor($0) }
        let inputs: [BodyInput] = try operands.map { try bodyInput($0) }
        // What the bodies call a size is no name of the graph around.
        let bodies = try symbols.inBody {
            try loopBodies(condition, body, try CarriedInputs(carried, start, body.graph, symbols), operands: inputs)
        }
        symbols.upcoming = []
        let results: [OperatorArgument] = try apply(
            .whileLoop, [.graph(bodies.condition), .graph(bodies.body), .tensors(start), .tensors(try tensors(operands))])
        try finishLoop(node, results, carried)
    }

    /// A loop's two bodies. A size that the file takes to stay but that can't be shown to is one that varies, with which they are read
    /// again: from the start, so that the names in them are new and what the file declares of these is looked up.
    private func loopBodies(
        _ condition: ProgramSchema.GraphArgument, _ body: ProgramSchema.GraphArgument, _ carried: CarriedInputs, operands: [BodyInput]
    ) throws -> (condition: GraphBody, body: GraphBody) {
        var loop = carried
        for _ in 0...loop.sizeCount {
            let inputs: [BodyInput] = loop.inputs + operands
            let first = try symbols.inBody {
                try importBody(condition, inputs, assuming: nil) { inner in
                    try loop.bounds(inner)
                    return try condition.graph.outputs.map { try inner.output($0) }
                }
            }
            var fact: SymBool?
            if case .bool(let holds)? = first.body.graph.outputs.first { fact = holds }
            var hasChanged = false
            let second = try symbols.inBody {
                try importBody(body, inputs, assuming: fact) { inner in
                    try loop.bounds(inner)
                    let results: [Tensor] = try body.graph.outputs.map { try inner.carriedTensor(try inner.slot(of: $0)) }
                    hasChanged = loop.learn(results, decide: { inner.interpreter.decide($0) })
                    return try results.map { .value(try inner.interpreter.value(of: $0)) }
                }
            }
            if !hasChanged { return (first.body, second.body) }
        }
        throw ArchiveError(.unsupported, "the sizes that a loop carries do not settle")
    }

    func importScan(_ node: ProgramSchema.Node, isMap: Bool) throws {
        guard node.inputs.count == (isMap ? 3 : 4), case .graph(let body) = node.inputs[0].argument else {
            throw ArchiveError(.invalidProgram, "a scan takes a graph, what it carries, what it goes over, and operands")
        }
        let carried: [Slot] = isMap ? [] : try operandSlots(node.inputs[1].argument)
        let xs: [Slot] = try operandSlots(node.inputs[isMap ? 1 : 2].argument)
        let operands: [Slot] = try operandSlots(node.inputs[isMap ? 2 : 3].argument)
        let start: [Tensor] = try carried.map { try carriedTensor($0) }
        let loop = try CarriedInputs(carried, start, body.graph, symbols, isFixed: true)
        let slices: [BodyInput] = try tensors(xs).map { .tensor(try $0.spec.slice) }
        guard slices.count == xs.count else { throw ArchiveError(.invalidProgram, "a scan goes over tensors") }
        let inputs: [BodyInput] = try loop.inputs + slices + operands.map { try bodyInput($0) }
        let inner = try symbols.inBody {
            try importBody(body, inputs, assuming: nil) { inner in
                try body.graph.outputs.map { output in
                    .value(try inner.interpreter.value(of: try inner.carriedTensor(try inner.slot(of: output))))
                }
            }
        }
        symbols.upcoming = []
        let results: [OperatorArgument] = try apply(
            .scan, [.graph(inner.body), .tensors(start), .tensors(try tensors(xs)), .tensors(try tensors(operands))])
        try finishLoop(node, results, carried)
    }

    /// Names what a loop gives; numbers are read from their tensors.
    private func finishLoop(_ node: ProgramSchema.Node, _ results: [OperatorArgument], _ carried: [Slot]) throws {
        let names: [String?] = try outputNames(node)
        var slots: [Slot] = []
        for (index, slot) in try flatten(results).enumerated() {
            guard index < carried.count, case .symbol = carried[index], case .tensor(let cell) = slot else {
                slots.append(slot)
                continue
            }
            symbols.upcoming = names.indices.contains(index) ? names[index].flatMap { upcomingSymbol($0) }.map { [$0] } ?? [] : []
            let read: [Slot] = try flatten(try apply(.named("item"), [.tensor(try aliases.read(cell))]))
            try checkDeclaredRanges(read)
            slots += read
        }
        try defineOutputs(node, slots)
        try nameSizes(node)
    }

    private func upcomingSymbol(_ name: String) -> String? {
        guard case .expression(let expression)? = tables.symIntValues[name], let symbol = expression.loneSymbol,
            symbols.value(symbol) == nil
        else { return nil }
        return symbol
    }

    /// What a graph's output stands for.
    fileprivate func slot(of output: ProgramSchema.Argument) throws -> Slot {
        if case .tensor(let reference) = output { return try slot(reference.name) }
        return .symbol(try symValue(output))
    }

    /// What is carried as a tensor.
    fileprivate func carriedTensor(_ slot: Slot) throws -> Tensor {
        switch slot {
        case .tensor(let cell): return try aliases.read(cell)
        case .symbol(.int(let number)): return try Interpreter.with(interpreter) { try Tensor.scalar(.int(number), dtype: .int64) }
        case .symbol(.float(let number)): return try Interpreter.with(interpreter) { try Tensor.scalar(.float(number), dtype: .float64) }
        case .symbol(.bool), .none: throw ArchiveError(.unsupported, "a loop that carries a truth value or nothing is not supported")
        }
    }
}

/// What the bodies of a loop get of what it carries.
private struct CarriedInputs {
    private(set) var inputs: [BodyInput] = []
    private let symbols: ImportSymbols
    /// Symbols whose declared bounds are checked in each pass.
    private var made: [SymInt] = []

    /// Sizes differ from pass to pass where the body's own description names a symbol that nothing around does.
    init(_ carried: [GraphImporter.Slot], _ start: [Tensor], _ body: ProgramSchema.Graph, _ symbols: ImportSymbols, isFixed: Bool = false)
        throws
    {
        self.symbols = symbols
        var own: [String: SymInt] = [:]
        for (index, (slot, tensor)) in zip(carried, start).enumerated() {
            guard body.inputs.indices.contains(index) else { throw ArchiveError(.invalidProgram, "a loop's body takes too few inputs") }
            if case .symbol(let number) = slot {
                if case .float = number {
                    inputs.append(.number(.float64, symbols.makeUnbacked(nil, kind: .unbackedFloat, range: .unbounded)))
                } else {
                    inputs.append(.number(.int64, .int(try make(nil, .unbounded))))
                }
                continue
            }
            var sizes: [SymInt] = tensor.shape.sizes
            if !isFixed, case .tensor(let reference) = body.inputs[index], let meta = body.tensorValues[reference.name]?.sizes {
                for (dim, size) in meta.enumerated() where sizes.indices.contains(dim) {
                    guard case .expression(let expression) = size, let name = expression.loneSymbol, symbols.value(name) == nil else {
                        continue
                    }
                    let symbol: SymInt = try own[name] ?? make(name, SymRange(lowerBound: 0, upperBound: .max))
                    own[name] = symbol
                    sizes[dim] = symbol
                }
            }
            inputs.append(.tensor(TensorSpec(tensor.dtype, try Shape(sizes))))
        }
    }

    /// The number of sizes that may turn out to vary.
    var sizeCount: Int {
        inputs.reduce(0) { count, input in
            if case .tensor(let spec) = input { return count + spec.shape.count }
            return count
        }
    }

    private mutating func make(_ name: String?, _ range: SymRange) throws -> SymInt {
        guard let size = symbols.makeUnbacked(name, kind: .unbackedInt, range: range).int else {
            throw ArchiveError(.unsupported, "a size of a loop has no symbol")
        }
        made.append(size)
        return size
    }

    /// What the file declares of the sizes holds in each pass, or the run ends.
    func bounds(_ body: GraphImporter) throws {
        try body.checkDeclaredRanges(made.map { .symbol(.int($0)) })
    }

    /// Compares what a pass gives with what it got. Returns true where a size does not stay: it has a symbol of its own from here on.
    mutating func learn(_ results: [Tensor], decide: (SymBool) -> Bool?) -> Bool {
        var hasChanged = false
        for (index, (input, result)) in zip(inputs, results).enumerated() {
            guard case .tensor(let spec) = input, spec.shape.count == result.rank else { continue }
            var sizes: [SymInt] = spec.shape.sizes
            for (dim, after) in result.shape.enumerated() where !made.contains(where: { $0.isIdentical(to: sizes[dim]) }) {
                let stays: SymBool = sizes[dim] == after
                if sizes[dim].isIdentical(to: after) || decide(stays) == true { continue }
                guard let size = try? make(nil, SymRange(lowerBound: 0, upperBound: .max)) else { continue }
                sizes[dim] = size
                hasChanged = true
            }
            if let shape = try? Shape(sizes) { inputs[index] = .tensor(TensorSpec(spec.dtype, shape)) }
        }
        return hasChanged
    }
}
