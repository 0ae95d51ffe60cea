import ApusGraph
import ApusSymbolic
import ApusTensor

/// Writes one graph, the whole program's or a body's, in terms of a program file.
struct GraphWriter {
    let graph: Graph
    var out: GraphTables
    var sizes = SizeNodes()
    private var names: [Value: String] = [:]
    /// The tensors that float symbols are read from.
    var floatSources: [Symbol: String] = [:]
    /// For each value, whose memory it may share.
    let owners: [Value]

    init(_ graph: Graph, symbols: SymbolNames) {
        self.graph = graph
        owners = graph.memoryOwners()
        out = GraphTables(symbols: symbols)
    }

    // MARK: Values

    func name(_ value: Value) throws -> String {
        guard let name = names[value] else {
            throw ArchiveError(.invalidProgram, "the value '\(graph.name(value))' is used before it is computed")
        }
        return name
    }

    /// Gives a value its name in the file, describes it there, and notes the sizes that can be read from it.
    @discardableResult
    mutating func define(_ value: Value, requiresGrad: Bool = false, isInput: Bool = false) throws -> String {
        let name = out.claim(isInput ? PythonNames.parameter(graph.name(value)) : graph.name(value))
        names[value] = name
        switch graph.type(value) {
        case .tensor(let spec): try describe(spec, name, requiresGrad: requiresGrad)
        case .int(let size):
            out.tables.symIntValues[name] = try out.symbols.value(size)
            if let symbol = size.expression?.symbol { sizes.note(symbol, .name(name)) }
        case .float(let number):
            out.tables.symFloatValues[name] = try out.symbols.value(number)
            if case .symbol(let symbol)? = number.view { sizes.note(symbol, .name(name)) }
        case .bool(let condition):
            out.tables.symBoolValues[name] = try out.symbols.value(condition)
            try sizes.note(condition, name: name, out.symbols)
            for symbol in condition.freeSymbols where symbol.kind == .unbackedBool { sizes.note(symbol, .truth(name)) }
        case .none: break
        }
        return name
    }

    private mutating func describe(_ spec: TensorSpec, _ name: String, requiresGrad: Bool) throws {
        out.tables.tensorValues[name] = try TensorDescription.meta(spec, requiresGrad: requiresGrad, symbols: out.symbols)
        for (dim, size) in spec.shape.enumerated() {
            if let symbol = size.expression?.symbol { sizes.note(symbol, .dimension(tensor: name, dim)) }
        }
    }

    // MARK: Inputs

    /// The next tensor input of the graph. Inputs are written before the nodes, in the file's order.
    mutating func addInput(_ value: Value, requiresGrad: Bool = false) throws -> String {
        let name = try define(value, requiresGrad: requiresGrad, isInput: true)
        out.tables.inputs.append(.tensor(.init(name: name)))
        return name
    }

    /// A float that a body takes from the graph around it. PyTorch opens no branch with a float among its operands: the body takes
    /// the tensor, and reads it again.
    mutating func addInput(_ symbol: Symbol, readFrom source: ProgramSchema.TensorMeta?) {
        let name = out.claim("source")
        out.tables.inputs.append(.tensor(.init(name: name)))
        out.tables.tensorValues[name] = source
        floatSources[symbol] = name
    }

    mutating func readFloat(_ symbol: Symbol) {
        guard let source = floatSources[symbol] else { return }
        let name = out.claim("item")
        out.append(
            target: "torch.ops.aten.item.default", [.init(name: "self", argument: .tensor(.init(name: source)), kind: .positional)],
            [.symFloat(.name(name))], name: name)
        out.tables.symFloatValues[name] = .expression(.init(text: "Symbol('\(out.symbols.name(symbol))')"))
        sizes.note(symbol, .name(name))
    }

    /// A size that a body takes from the graph around it.
    mutating func addInput(_ symbol: Symbol) throws {
        let name = out.claim(out.symbols.name(symbol))
        sizes.note(symbol, .name(name))
        if symbol.kind == .unbackedFloat {
            out.tables.inputs.append(.symFloat(.name(name)))
            out.tables.symFloatValues[name] = .expression(.init(text: "Symbol('\(out.symbols.name(symbol))')"))
        } else {
            out.tables.inputs.append(.symInt(.name(name)))
            out.tables.symIntValues[name] = try out.symbols.value(SymExpr.View.symbol(symbol))
        }
    }

    // MARK: Nodes

    mutating func writeNodes() throws {
        for node in graph.nodes {
            do { try write(node) } catch {
                let name = node.outputs.first.map { graph.name($0) } ?? node.operator.schema.name
                throw GraphImporter.located(error, "node '\(name)' (\(node.operator.name))")
            }
        }
    }

    /// A check before anything is computed.
    mutating func assert(_ condition: SymBool, _ message: String) throws {
        if condition.constant == true { return }
        guard let view = condition.view, condition.freeSymbols.contains(where: { !$0.isBacked }) else {
            return try assert(try sizes.argument(condition, &out), message)
        }
        // An equation makes PyTorch put one side for the other, and then miss the number that an operator reads: two bounds say the same.
        try assert(try sizes.argument(Self.asBounds(view), &out), message)
    }

    /// A check of a declared bound. The program's scope knows it as a fact, by which the condition would be no condition at all; the file's
    /// reader knows it by this check alone.
    mutating func assert(_ symbol: Symbol, isAtLeast bound: Int) throws {
        try assert(
            try sizes.argument(.comparison(.symbol(symbol), .greaterOrEqual, .constant(bound)), &out),
            "\(symbol.displayName) must be at least \(bound)")
    }

    private static func asBounds(_ condition: BoolExpr.View) -> BoolExpr.View {
        switch condition {
        case .comparison(let a, .equal, let b): .all([.comparison(a, .lessOrEqual, b), .comparison(a, .greaterOrEqual, b)])
        case .floatComparison(let a, .equal, let b): .all([.floatComparison(a, .lessOrEqual, b), .floatComparison(b, .lessOrEqual, a)])
        case .all(let parts): .all(parts.map { asBounds($0) })
        default: condition
        }
    }

    private mutating func assert(_ argument: ProgramSchema.SymBoolArgument, _ message: String) throws {
        let inputs: [ProgramSchema.NamedArgument] = [
            .init(name: "self", argument: .symBool(argument), kind: .positional),
            .init(name: "assert_msg", argument: .string(message), kind: .positional),
        ]
        out.append(target: "torch.ops.aten._assert_scalar.default", inputs, [], name: out.claim("_assert_scalar"))
    }

    private mutating func write(_ node: Node) throws {
        if node.operator == .cond { return try writeCond(node) }
        if node.operator == .whileLoop { return try writeWhile(node) }
        if node.operator == .scan { return try writeScan(node) }
        if node.operator == .assertScalar, case .symBool(let condition) = node.arguments[0], case .string(let message) = node.arguments[1] {
            return try assert(condition, message)
        }
        let schema = node.operator.schema
        guard schema.namespace != "apus" else {
            throw ArchiveError(.notRepresentable, "the operator has no counterpart in PyTorch; decompose the program before it is saved")
        }
        guard node.arguments.count == schema.parameters.count else {
            throw ArchiveError(.invalidProgram, "\(node.arguments.count) arguments where the operator takes \(schema.parameters.count)")
        }
        let inputs = try inputs(node)
        let outputs = try node.outputs.map { try define($0) }
        if let output = node.outputs.first, case .float(let number) = graph.type(output), case .symbol(let symbol)? = number.view,
            let operand = node.operands.first
        {
            floatSources[symbol] = try name(operand)
        }
        // A node with several results has a name beside theirs.
        let single = outputs.count == 1 && schema.results.count == 1 && schema.results[0] == .tensor
        out.append(
            target: "torch.ops.\(schema.namespace).\(schema.name).\(schema.overload.isEmpty ? "default" : schema.overload)", inputs,
            try group(node, outputs), name: single ? outputs[0] : out.claim(schema.name), metadata: NodeMetadata.metadata(node))
    }

    /// Outputs as the schema has them: a list is one entry.
    func group(_ node: Node, _ outputs: [String]) throws -> [ProgramSchema.Argument] {
        let results: [Schema.Kind] = node.operator.schema.results
        if let place = results.firstIndex(of: .list(.tensor, count: nil)), outputs.count >= results.count - 1 {
            let single: ([String]) -> [ProgramSchema.Argument] = { $0.map { .tensor(.init(name: $0)) } }
            let behind: Int = outputs.count - (results.count - 1 - place)
            return single(Array(outputs[..<place])) + [.tensors(outputs[place..<behind].map { .init(name: $0) })]
                + single(Array(outputs[behind...]))
        }
        return zip(node.outputs, outputs).map { value, name in
            switch graph.type(value) {
            case .tensor: .tensor(.init(name: name))
            case .int: .symInt(.name(name))
            case .float: .symFloat(.name(name))
            case .bool: .symBool(.name(name))
            case .none: .none
            }
        }
    }

    // MARK: Arguments

    /// The arguments as PyTorch binds them, which reads positional ones by their places: one that is not given is written as its default,
    /// which is none, as long as one behind it is given. What then is left out, PyTorch fills in itself.
    private mutating func inputs(_ node: Node) throws -> [ProgramSchema.NamedArgument] {
        let parameters = Array(zip(node.operator.schema.parameters, node.arguments))
        let count = parameters.lastIndex { !$0.isKeywordOnly && !$0.isLeftOut($1) }.map { $0 + 1 } ?? 0
        var inputs: [ProgramSchema.NamedArgument] = []
        for (position, (parameter, argument)) in parameters.enumerated() {
            if parameter.isLeftOut(argument) {
                if parameter.isKeywordOnly || position >= count { continue }
                guard parameter.defaultText == "None" else {
                    throw ArchiveError(
                        .notRepresentable,
                        "the argument '\(parameter.name)' is left out in front of others, and its default cannot be written: "
                            + (parameter.defaultText ?? ""))
                }
            }
            inputs.append(
                .init(
                    name: parameter.name, argument: try self.argument(argument, parameter.kind),
                    kind: parameter.isKeywordOnly ? .keyword : .positional))
        }
        return inputs
    }

    private mutating func argument(_ argument: GraphArgument, _ kind: Schema.Kind) throws -> ProgramSchema.Argument {
        if case .optional(let inner) = kind {
            if case .none = argument { return .none }
            return try self.argument(argument, inner)
        }
        switch argument {
        case .none: return .none
        case .tensor(let value): return try reference(value)
        case .tensors(let values): return .tensors(try values.map { .init(name: try name($0)) })
        case .optionalTensors(let values):
            let named = try values.map { try $0.map { ProgramSchema.TensorArgument(name: try name($0)) } }
            if named.allSatisfy({ $0 != nil }) { return .tensors(named.compactMap { $0 }) }
            return .optionalTensors(named.map { $0.map { .tensor($0) } ?? .none })
        case .scalar(let scalar): return try number(scalar, kind)
        case .symBool(let condition): return try self.argument(condition)
        case .ints(let values): return try integers(values, kind)
        case .floats(let values): return .floats(values)
        case .bools(let values): return .bools(values)
        case .string(let text): return .string(text)
        case .dtype(let dtype): return .scalarType(.init(dtype))
        case .graph: throw ArchiveError(.notRepresentable, "a body as an argument of this operator has no counterpart in PyTorch")
        }
    }

    /// A value of the graph: a tensor, or a number that was read from one.
    func reference(_ value: Value) throws -> ProgramSchema.Argument {
        let name = try name(value)
        switch graph.type(value) {
        case .tensor, .none: return .tensor(.init(name: name))
        case .int: return .symInt(.name(name))
        case .float: return .symFloat(.name(name))
        case .bool: return .symBool(.name(name))
        }
    }

    private mutating func number(_ scalar: Scalar, _ kind: Schema.Kind) throws -> ProgramSchema.Argument {
        switch scalar {
        case .bool(let value): return .bool(value)
        case .int(let size):
            if case .list = kind { return try integers([size], kind) }
            if kind == .float, let known = size.constant { return .float(Double(known)) }
            return try argument(size)
        case .float(let number): return try argument(number)
        case .complex(let value): return .complex(.init(real: value.real, imaginary: value.imaginary))
        }
    }

    private mutating func argument(_ size: SymInt) throws -> ProgramSchema.Argument {
        let argument = try sizes.argument(size, &out)
        if case .known(let known) = argument { return .int(known) }
        return .symInt(argument)
    }

    private mutating func argument(_ number: SymFloat) throws -> ProgramSchema.Argument {
        let argument = try sizes.argument(number, &out)
        if case .known(let known) = argument { return .float(known) }
        return .symFloat(argument)
    }

    mutating func argument(_ condition: SymBool) throws -> ProgramSchema.Argument {
        let argument = try sizes.argument(condition, &out)
        if case .known(let known) = argument { return .bool(known) }
        return .symBool(argument)
    }

    private mutating func integers(_ values: [SymInt], _ kind: Schema.Kind) throws -> ProgramSchema.Argument {
        let arguments = try values.map { try sizes.argument($0, &out) }
        let known = arguments.compactMap { argument -> Int? in if case .known(let value) = argument { value } else { nil } }
        if known.count == arguments.count {
            if case .int = kind, let only = known.first, known.count == 1 { return .int(only) }
            return .ints(known)
        }
        return .symInts(arguments)
    }

    // MARK: Outputs

    /// What the graph returns in one place.
    mutating func output(_ output: GraphOutput) throws -> ProgramSchema.Argument {
        switch output {
        case .value(let value): return try reference(value)
        case .literal(.none): return .none
        case .literal(.bool(let value)): return .bool(value)
        case .literal(.int(let value)): return .int(value)
        case .literal(.float(let value)): return .float(value)
        case .literal(.string(let text)): return .string(text)
        case .int(let size): return try argument(size)
        case .float(let number): return try argument(number)
        case .bool(let condition): return try argument(condition)
        }
    }
}

extension Schema.Parameter {
    /// Whether the argument stands for the parameter's default. Layouts, devices and memory formats have no other form here; elsewhere nothing
    /// is a value of its own, and the default only where the schema says so.
    fileprivate func isLeftOut(_ argument: GraphArgument) -> Bool {
        guard case .none = argument, let defaultText else { return false }
        if case .optional = kind { return defaultText == "None" }
        return true
    }
}
