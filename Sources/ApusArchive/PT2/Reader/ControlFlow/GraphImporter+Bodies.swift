import ApusGraph
import ApusSymbolic
import ApusTensor

// Branches, and what they share with loops: a body is a graph of its own, whose sizes are those of the graph around.

/// A side of a branch that fails whenever it is taken: what is put together from a file may show it where the function's trace did not.
struct RefusedBranch: Error {
    let error: TensorError
    let located: ArchiveError
}

extension TensorError {
    /// Whether the error says that shapes don't fit or a condition can't hold, which a run of the node would say.
    var isRefusal: Bool { [.shapeMismatch, .indexOutOfRange, .invalidArgument, .checkFailed].contains(code) }
}

/// What a body's input stands for.
enum BodyInput {
    /// A tensor of the given dtype and shape.
    case tensor(TensorSpec)
    /// A number that differs from pass to pass: a tensor of one number here, from which it is read.
    case number(DType, SymValue)
    /// A size or number of the graph around. It needs no input: its symbols are known inside.
    case known(SymValue)
    case nothing
}

extension GraphImporter {
    func importCond(_ node: ProgramSchema.Node) throws {
        guard node.inputs.count == 4, case .graph(let whenTrue) = node.inputs[1].argument,
            case .graph(let whenFalse) = node.inputs[2].argument
        else { throw ArchiveError(.invalidProgram, "a branch takes a predicate, two graphs and operands") }
        let predicate: OperatorArgument
        var condition: SymBool?
        switch node.inputs[0].argument {
        case .tensor(let reference): predicate = .tensor(try tensor(reference.name))
        default:
            let value: SymBool = try symValue(node.inputs[0].argument).bool
            condition = value
            predicate = value.constant.map { .bool($0) } ?? .symBool(value)
        }
        let operands: [Slot] = try operandSlots(node.inputs[3].argument)
        let inputs: [BodyInput] = try operands.map { try bodyInput($0) }
        let known = symbols.symbols.count
        let first: (body: GraphBody, importer: GraphImporter)
        let second: (body: GraphBody, importer: GraphImporter)
        do { first = try symbols.inBody { try importBody(whenTrue, inputs, assuming: condition, isBranch: true) } } catch let refused
            as RefusedBranch
        {
            return try leave(refused, predicate, is: false, whenFalse, operands, node)
        }
        do {
            second = try symbols.inBody { try importBody(whenFalse, inputs, assuming: condition.map { $0.negated() }, isBranch: true) }
        } catch let refused as RefusedBranch { return try leave(refused, predicate, is: true, whenTrue, operands, node) }
        let inner = Set(symbols.symbols[known...])
        symbols.upcoming = try upcomingSymbols(node)
        interpreter.branchTypes = TypeJoin(condition, inner: inner) { [symbols] kind, range in
            symbols.makeUnbacked(symbols.nextName(), kind: kind, range: range).type
        }
        let results: [OperatorArgument] = try apply(
            .cond, [predicate, .graph(first.body), .graph(second.body), .tensors(try tensors(operands))])
        try defineOutputs(node, try flatten(results))
        try nameSizes(node)
    }

    /// A branch of which one side fails whenever it is taken: the other one, behind a check.
    private func leave(
        _ refused: RefusedBranch, _ predicate: OperatorArgument, is answer: Bool, _ other: ProgramSchema.GraphArgument, _ operands: [Slot],
        _ node: ProgramSchema.Node
    ) throws {
        switch predicate {
        case .symBool(let condition): try interpreter.check(answer ? condition : condition.negated(), "\(refused.error)")
        case .tensor(let tensor):
            let holds: Tensor = answer ? tensor : try Interpreter.with(interpreter) { try tensor.logicalNot() }
            _ = try apply(.assertAsync, [.tensor(holds), .string("\(refused.error)")])
        case .scalar(.bool(answer)): break
        default: throw refused
        }
        try define(node, try inline(other, operands))
        try nameSizes(node)
    }

    // MARK: Operands

    /// Operands are named as tensors even where a name is a size's.
    func operandSlots(_ argument: ProgramSchema.Argument) throws -> [Slot] {
        switch argument {
        case .tensors(let references): return try references.map { try slot($0.name) }
        case .symInts(let values):
            return try values.map { value in
                switch value {
                case .known(let number): return .symbol(.int(SymInt(number)))
                case .name(let name): return try slot(name)
                }
            }
        case .ints(let values): return values.map { .symbol(.int(SymInt($0))) }
        default: throw ArchiveError(.invalidProgram, "the operands are '\(argument.variant)', a list is expected")
        }
    }

    /// What an operand is inside of a body that runs once, or gets the same in each pass.
    func bodyInput(_ operand: Slot) throws -> BodyInput {
        switch operand {
        case .tensor(let cell): .tensor(try aliases.read(cell).spec)
        case .symbol(let value): .known(value)
        case .none: .nothing
        }
    }

    /// The tensors among operands.
    func tensors(_ operands: [Slot]) throws -> [Tensor] {
        try operands.compactMap { slot in
            guard case .tensor(let cell) = slot else { return nil }
            return try aliases.read(cell)
        }
    }

    // MARK: Bodies

    /// A body as a graph of its own.
    /// - Parameter finish: gives the graph's outputs; by default what the file lists.
    func importBody(
        _ argument: ProgramSchema.GraphArgument, _ inputs: [BodyInput], assuming fact: SymBool?, isBranch: Bool = false,
        outputs: ((GraphImporter) throws -> [GraphOutput])? = nil
    ) throws -> (body: GraphBody, importer: GraphImporter) {
        let runs: Bool = fact.map { interpreter.decide($0) != false } ?? true
        return try symbols.scope.scoped {
            if let fact { symbols.scope.assume(fact) }
            let inner = GraphImporter(
                argument.graph, operators: operators, symbols: symbols, isBody: true, isBranch: isBranch, path: "\(path).\(argument.name)")
            inner.interpreter.isVacuous = interpreter.isVacuous || !runs
            try Interpreter.with(inner.interpreter) { try inner.bind(inputs) }
            try inner.importNodes()
            guard inner.aliases.writtenInputs.isEmpty else {
                throw ArchiveError(.unsupported, "a body that changes its inputs in place is not supported")
            }
            inner.interpreter.graph.outputs = try Interpreter.with(inner.interpreter) {
                try outputs?(inner) ?? argument.graph.outputs.map { try inner.output($0) }
            }
            return (GraphBody(inner.interpreter.graph), inner)
        }
    }

    private func bind(_ inputs: [BodyInput]) throws {
        guard tables.inputs.count == inputs.count else {
            throw ArchiveError(.invalidProgram, "a body takes \(tables.inputs.count) inputs, \(inputs.count) operands are given")
        }
        var numbers: [(name: String, tensor: Tensor, symbol: SymValue)] = []
        for (input, given) in zip(tables.inputs, inputs) {
            switch (input, given) {
            case (.tensor(let reference), .tensor(let spec)):
                let value: Value = interpreter.graph.addInput(reference.name, .tensor(spec))
                try define(
                    reference.name, .tensor(aliases.fresh(interpreter.tensor(value, spec), input: interpreter.graph.inputs.count - 1)))
            case (.symInt(.name(let name)), .known(let value)), (.symFloat(.name(let name)), .known(let value)),
                (.symBool(.name(let name)), .known(let value)):
                try define(name, .symbol(value))
            case (.symInt(.name(let name)), .number(let dtype, let symbol)), (.symFloat(.name(let name)), .number(let dtype, let symbol)),
                (.symBool(.name(let name)), .number(let dtype, let symbol)):
                let spec = TensorSpec(dtype, .scalar)
                numbers.append((name, interpreter.tensor(interpreter.graph.addInput(name, .tensor(spec)), spec), symbol))
            case (.int, .known), (.float, .known), (.bool, .known), (.none, .nothing): continue
            default: throw ArchiveError(.invalidProgram, "a body's input '\(input.variant)' does not fit its operand")
            }
        }
        for number in numbers {
            try interpreter.read(number.tensor, as: number.symbol.type, site: interpreter.site)
            try define(number.name, .symbol(number.symbol))
        }
    }

    /// Notes what the file's names for sizes of a node's results stand for.
    func nameSizes(_ node: ProgramSchema.Node) throws {
        for case let name? in try outputNames(node) {
            guard case .tensor(let cell) = try slot(name), let sizes = tables.tensorValues[name]?.sizes else { continue }
            for (size, found) in zip(sizes, try aliases.read(cell).shape) {
                guard case .expression(let expression) = size, let symbol = expression.loneSymbol else { continue }
                symbols.define(symbol, .int(found))
            }
        }
    }
}

extension ProgramSchema.Expression {
    /// The name where the text is one symbol alone.
    var loneSymbol: String? { (try? ExpressionSyntax(parsing: text))?.symbol }
}

extension ExpressionSyntax {
    /// The name of a symbol.
    var symbol: String? {
        switch self {
        case .call("Symbol", let arguments, _): if case .text(let name)? = arguments.first { name } else { nil }
        case .name(let name): ["true", "false", "oo", "-oo", "nan", "int_oo", "-int_oo"].contains(name) ? nil : name
        default: nil
        }
    }
}
