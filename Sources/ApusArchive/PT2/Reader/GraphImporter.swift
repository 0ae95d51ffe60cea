import ApusGraph
import ApusSymbolic
import ApusTensor

/// Reads the nodes of one graph: the whole program's, or a body's.
final class GraphImporter {
    let symbols: ImportSymbols
    let interpreter: ImportInterpreter
    var aliases = AliasTracker()
    private var names: [String: Slot] = [:]
    /// What the file says of the tensors, for strides and for names of sizes that depend on data.
    var tables: ProgramSchema.Graph
    /// Where this graph stands in the document.
    let path: String
    /// What targets are looked up in.
    let operators: OperatorTable
    /// Whether the graph is a side of a branch, which may fail whenever it is taken.
    private let isBranch: Bool
    /// The casts of the region that is being read.
    var autocast: Autocast?

    enum Slot {
        case tensor(AliasTracker.Cell)
        case symbol(SymValue)
        case none
    }

    init(
        _ graph: ProgramSchema.Graph, operators: OperatorTable, symbols: ImportSymbols, isBody: Bool, isBranch: Bool = false, path: String
    ) {
        self.operators = operators
        self.symbols = symbols
        interpreter = ImportInterpreter(symbols: symbols, isBody: isBody)
        tables = graph
        self.path = path
        self.isBranch = isBranch
    }

    // MARK: Names

    func define(_ name: String, _ slot: Slot) throws {
        guard names.updateValue(slot, forKey: name) == nil else {
            throw ArchiveError(.invalidProgram, "the name '\(name)' is defined twice")
        }
    }

    /// Puts other names in the place of these, which are given back.
    func swapNames(_ other: [String: Slot]) -> [String: Slot] {
        defer { names = other }
        return names
    }

    func slot(_ name: String) throws -> Slot {
        guard let slot = names[name] else { throw ArchiveError(.invalidProgram, "the name '\(name)' is used before it is defined") }
        return slot
    }

    func cell(_ name: String) throws -> AliasTracker.Cell {
        guard case .tensor(let cell) = try slot(name) else { throw ArchiveError(.invalidProgram, "'\(name)' is not a tensor") }
        return cell
    }

    func tensor(_ name: String) throws -> Tensor { try aliases.read(try cell(name)) }

    func symbol(_ name: String) throws -> SymValue {
        guard case .symbol(let value) = try slot(name) else { throw ArchiveError(.invalidProgram, "'\(name)' is not a size or a number") }
        return value
    }

    var arguments: ArgumentImporter {
        ArgumentImporter(tensor: { [self] in try tensor($0) }, symbol: { [self] in try symbol($0) })
    }

    /// A value of three kinds out of an argument of size arithmetic.
    func symValue(_ argument: ProgramSchema.Argument) throws -> SymValue {
        switch argument {
        case .int(let value), .symInt(.known(let value)): return .int(SymInt(value))
        case .float(let value), .symFloat(.known(let value)): return .float(SymFloat(value))
        case .bool(let value), .symBool(.known(let value)): return .bool(SymBool(value))
        case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)): return try symbol(name)
        default: throw ArchiveError(.invalidProgram, "'\(argument.variant)' is not a size or a number")
        }
    }

    // MARK: Nodes

    /// Reads all nodes in order.
    func importNodes() throws { try importNodes(tables.nodes, path: path) }

    /// Reads nodes into this graph, whichever graph of the file they stand in.
    func importNodes(_ nodes: [ProgramSchema.Node], path: String) throws {
        for (index, node) in nodes.enumerated() {
            do {
                interpreter.site = NodeMetadata.site(node)
                interpreter.modulePath = NodeMetadata.modulePath(node)
                try Interpreter.with(interpreter) { try importNode(node) }
            } catch let refused as RefusedBranch {
                // Neither side of a branch goes on: the body around does not either.
                throw isBranch ? refused : refused.located
            } catch {
                let located: ArchiveError = Self.located(error, "\(path).nodes[\(index)] (\(node.target))")
                if isBranch, let error = error as? TensorError, error.isRefusal { throw RefusedBranch(error: error, located: located) }
                throw located
            }
        }
    }

    /// Any error of a node as one that names the place.
    static func located(_ error: any Error, _ place: String) -> ArchiveError {
        guard var located = error as? ArchiveError else { return ArchiveError(.invalidProgram, at: place, error.unplaced) }
        if let inner = located.location {
            if !inner.contains(".nodes[") { located.location = "\(place): \(inner)" }
        } else {
            located.location = place
        }
        return located
    }

    private func importNode(_ node: ProgramSchema.Node) throws {
        guard let target = ImportTarget(node.target, operators) else { throw ArchiveError(.unknownOperators, "the operator is not known") }
        if autocast != nil, target.hasBodies {
            throw ArchiveError(.unsupported, "a branch or loop under autocast, whose casts the file does not hold")
        }
        switch target {
        case .arithmetic:
            try defineSymbol(node, try SymArithmetic.evaluate(node.target, node.inputs.map { try symValue($0.argument) }))
        case .shapeQuery(let query): try defineSymbol(node, try answer(query, node))
        case .check(let check): try importCheck(check, node)
        case .plain(let operation): try importPlain(operation, node)
        case .inPlace(let operation): try importInPlace(operation, node)
        case .overwrite(let kind): try importOverwrite(kind, node)
        case .copied: try importCopied(node)
        case .tensorSplit: try importTensorSplit(node)
        case .restride(let operation): try importRestride(operation, node)
        case .identity: try defineTensor(node, try firstCell(node))
        case .conversion: try importConversion(node)
        case .dropout(let operation): try importDropout(operation, node)
        case .batchNorm(let operation): try importBatchNorm(operation, node)
        case .cond: try importCond(node)
        case .whileLoop: try importWhile(node)
        case .scan(let isMap): try importScan(node, isMap: isMap)
        case .inlined(let settings): try importInlined(node, settings: settings)
        }
    }

    func argument(_ node: ProgramSchema.Node, _ name: String) -> ProgramSchema.Argument? {
        node.inputs.first { $0.name == name }?.argument
    }

    /// The tensor that a node's first argument names.
    func firstCell(_ node: ProgramSchema.Node) throws -> AliasTracker.Cell {
        guard case .tensor(let reference)? = node.inputs.first?.argument else {
            throw ArchiveError(.invalidProgram, "the first argument is not a tensor")
        }
        return try cell(reference.name)
    }

    // MARK: Results

    func defineSymbol(_ node: ProgramSchema.Node, _ value: SymValue) throws {
        guard node.outputs.count == 1 else { throw ArchiveError(.invalidProgram, "\(node.outputs.count) outputs, one is expected") }
        switch node.outputs[0] {
        case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)): try define(name, .symbol(value))
        default: throw ArchiveError(.invalidProgram, "the output is '\(node.outputs[0].variant)', a size or number is expected")
        }
    }

    func defineTensor(_ node: ProgramSchema.Node, _ cell: AliasTracker.Cell) throws {
        let names = try outputNames(node)
        guard names.count == 1, let name = names[0] else {
            throw ArchiveError(.invalidProgram, "\(names.count) outputs, one tensor is expected")
        }
        try define(name, .tensor(cell))
    }

    /// Names of the outputs, lists flattened; nil for one that is not named.
    func outputNames(_ node: ProgramSchema.Node) throws -> [String?] {
        try node.outputs.flatMap { output -> [String?] in
            switch output {
            case .tensor(let reference), .optionalTensor(.tensor(let reference)): return [reference.name]
            case .tensors(let references): return references.map(\.name)
            case .none, .optionalTensor(.none): return [nil]
            case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)): return [name]
            case .optionalTensors(let references):
                return references.map { if case .tensor(let reference) = $0 { reference.name } else { nil } }
            default: throw ArchiveError(.invalidProgram, "an output is '\(output.variant)', which no operator gives")
            }
        }
    }

    /// Results of an operator as the graph counts them: a list gives one for each element.
    func flatten(_ results: [OperatorArgument]) throws -> [Slot] {
        try results.flatMap { result -> [Slot] in
            switch result {
            case .tensor(let tensor): return [.tensor(aliases.fresh(tensor))]
            case .tensors(let tensors): return tensors.map { .tensor(aliases.fresh($0)) }
            case .scalar(.int(let size)): return [.symbol(.int(size))]
            case .scalar(.float(let number)): return [.symbol(.float(number))]
            case .scalar(.bool(let flag)): return [.symbol(.bool(SymBool(flag)))]
            case .symBool(let condition): return [.symbol(.bool(condition))]
            case .none: return [.none]
            default: throw ArchiveError(.unsupported, "a result of this kind is not supported")
            }
        }
    }

    /// Binds the outputs' names, and gives the graph's values the same names.
    func defineOutputs(_ node: ProgramSchema.Node, _ slots: [Slot]) throws {
        let names = try outputNames(node)
        guard names.count == slots.count else {
            throw ArchiveError(.invalidProgram, "the file names \(names.count) outputs, the operator has \(slots.count)")
        }
        for case (let name?, let slot) in zip(names, slots) {
            try define(name, slot)
            if case .tensor(let cell) = slot, let value = try? interpreter.value(of: try aliases.read(cell)) {
                interpreter.graph.rename(value, to: name)
            }
        }
    }

    /// Symbol names that the file gives to sizes or numbers of a node's outputs, and that nothing has defined yet.
    func upcomingSymbols(_ node: ProgramSchema.Node) throws -> [String] {
        var texts: [String] = []
        for case let name? in try outputNames(node) {
            if case .expression(let expression)? = tables.symIntValues[name] { texts.append(expression.text) }
            if case .expression(let expression)? = tables.symFloatValues[name] { texts.append(expression.text) }
            if case .expression(let expression)? = tables.symBoolValues[name] { texts.append(expression.text) }
            for case .expression(let expression) in tables.tensorValues[name]?.sizes ?? [] { texts.append(expression.text) }
        }
        var found: [String] = []
        for name in texts.flatMap(ImportSymbols.names) where symbols.value(name) == nil && !found.contains(name) { found.append(name) }
        return found
    }
}
