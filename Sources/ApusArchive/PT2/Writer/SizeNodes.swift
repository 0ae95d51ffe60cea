import ApusSymbolic

/// Turns sizes into nodes of a program file: there, arithmetic on sizes is part of the graph (`sym_size`, `_operator.add`, ...).
///
/// Each expression is computed once per graph. The nodes are appended where they are first needed, which is after everything that they
/// depend on.
struct SizeNodes {
    /// What a size or number is read from.
    enum Source {
        case dimension(tensor: String, Int)
        case name(String)
        /// A truth value, which as an integer is 1 or 0.
        case truth(String)
    }

    private(set) var sources: [Symbol: Source] = [:]
    private var known: [String: String] = [:]

    /// Notes that a symbol can be read from here on. The first source is kept.
    mutating func note(_ symbol: Symbol, _ source: Source) {
        if sources[symbol] == nil { sources[symbol] = source }
    }

    /// Notes the name of a condition that a node gave.
    mutating func note(_ condition: SymBool, name: String, _ names: SymbolNames) throws {
        guard let view = condition.view else { return }
        known[try text(view, names)] = name
    }

    // MARK: Arguments

    func isKnown(_ symbol: Symbol) -> Bool { sources[symbol] != nil }

    mutating func argument(_ size: SymInt, _ graph: inout GraphTables) throws -> ProgramSchema.SymIntArgument {
        guard let view = size.view else { throw ArchiveError(.notRepresentable, "the size \(size) has no value") }
        switch try operand(view, &graph) {
        case .int(let value): return .known(value)
        case .symInt(let argument): return argument
        default: throw ArchiveError(.notRepresentable, "the size \(size) is no integer")
        }
    }

    mutating func argument(_ number: SymFloat, _ graph: inout GraphTables) throws -> ProgramSchema.SymFloatArgument {
        guard let view = number.view else { throw ArchiveError(.notRepresentable, "the number \(number) has no value") }
        switch try operand(view, &graph) {
        case .float(let value): return .known(value)
        case .symFloat(let argument): return argument
        default: throw ArchiveError(.notRepresentable, "the number \(number) is no float")
        }
    }

    mutating func argument(_ condition: SymBool, _ graph: inout GraphTables) throws -> ProgramSchema.SymBoolArgument {
        guard let view = condition.view else { throw ArchiveError(.notRepresentable, "the condition \(condition) has no value") }
        return try argument(view, &graph)
    }

    mutating func argument(_ condition: BoolExpr.View, _ graph: inout GraphTables) throws -> ProgramSchema.SymBoolArgument {
        switch try operand(condition, &graph) {
        case .bool(let value): return .known(value)
        case .symBool(let argument): return argument
        default: throw ArchiveError(.notRepresentable, "a condition is no truth value")
        }
    }

    /// The name of a node that gives a symbol's value.
    mutating func name(of symbol: Symbol, _ graph: inout GraphTables) throws -> String? {
        switch try read(symbol, &graph) {
        case .symInt(.name(let name)), .symFloat(.name(let name)): name
        default: nil
        }
    }

    // MARK: Integers

    private mutating func operand(_ view: SymExpr.View, _ graph: inout GraphTables) throws -> ProgramSchema.Argument {
        switch view {
        case .constant(let value): return .int(value)
        case .symbol(let symbol): return try read(symbol, &graph)
        case .sum(let terms): return try fold("_operator.add", terms, view, &graph)
        case .product(let factors): return try fold("_operator.mul", factors, view, &graph)
        case .max(let arguments): return try fold("torch.sym_max", arguments, view, &graph)
        case .min(let arguments): return try fold("torch.sym_min", arguments, view, &graph)
        case .floorDiv(let a, let b):
            return try integer("_operator.floordiv", [try operand(a, &graph), try operand(b, &graph)], view, &graph)
        case .remainder(let a, let b): return try integer("_operator.mod", [try operand(a, &graph), try operand(b, &graph)], view, &graph)
        case .select(let condition, let whenTrue, let whenFalse):
            let operands = [try operand(condition, &graph), try operand(whenTrue, &graph), try operand(whenFalse, &graph)]
            return try integer("torch.sym_ite", operands, view, &graph)
        case .rounded(let value, .towardZero): return try integer("math.trunc", [try operand(value, &graph)], view, &graph)
        case .rounded(let value, let rule):
            let choice = Self.choice(of: value, rule)
            let operands = [
                try operand(choice.condition, &graph), try operand(choice.whenTrue, &graph), try operand(choice.whenFalse, &graph),
            ]
            return try integer("torch.sym_ite", operands, view, &graph)
        }
    }

    /// Rounding other than towards zero, which alone a program file has, as a choice. All of it is exact: a float and its integer part differ by
    /// a float, but for negative ones above -1/2, whose distance from -1 rounds to at least 1/2 and leads up to 0 as it should.
    static func choice(of value: FloatExpr.View, _ rule: FloatRounding)
        -> (condition: BoolExpr.View, whenTrue: SymExpr.View, whenFalse: SymExpr.View)
    {
        let base: SymExpr.View = .rounded(value, rule == .toNearest ? .down : .towardZero)
        switch rule {
        case .towardZero, .down: return (.floatComparison(value, .less, .integer(base)), .sum([base, .constant(-1)]), base)
        case .up: return (.floatComparison(.integer(base), .less, value), .sum([base, .constant(1)]), base)
        case .toNearest:
            let rest: FloatExpr.View = .binary(.subtract, value, .integer(base))
            let isOdd: BoolExpr.View = .comparison(.remainder(base, .constant(2)), .equal, .constant(1))
            let isHalf: BoolExpr.View = .floatComparison(rest, .equal, .constant(0.5))
            return (.any([.floatComparison(.constant(0.5), .less, rest), .all([isHalf, isOdd])]), .sum([base, .constant(1)]), base)
        }
    }

    private mutating func read(_ symbol: Symbol, _ graph: inout GraphTables) throws -> ProgramSchema.Argument {
        guard let source = sources[symbol] else {
            throw ArchiveError(.notRepresentable, "the size \(symbol.displayName) cannot be read from any input or result")
        }
        let isFloat = symbol.kind == .unbackedFloat
        switch source {
        case .name(let name): return isFloat ? .symFloat(.name(name)) : .symInt(.name(name))
        case .truth(let name):
            return try integer("torch.sym_ite", [.symBool(.name(name)), .int(1), .int(0)], .symbol(symbol), &graph)
        case .dimension(let tensor, let dim):
            let name = graph.claim("sym_size_int")
            let inputs: [ProgramSchema.NamedArgument] = [
                .init(name: "self", argument: .tensor(.init(name: tensor)), kind: .positional),
                .init(name: "dim", argument: .int(dim), kind: .positional),
            ]
            graph.append(target: "torch.ops.aten.sym_size.int", inputs, [.symInt(.name(name))], name: name)
            graph.tables.symIntValues[name] = try graph.symbols.value(.symbol(symbol))
            sources[symbol] = .name(name)
            return .symInt(.name(name))
        }
    }

    /// A chain of binary nodes.
    private mutating func fold(_ target: String, _ views: [SymExpr.View], _ whole: SymExpr.View, _ graph: inout GraphTables) throws
        -> ProgramSchema.Argument
    {
        if let name = known[try text(whole, graph.symbols)] { return .symInt(.name(name)) }
        guard let first = views.first else { throw ArchiveError(.notRepresentable, "an empty sum, product or extremum") }
        var result = try operand(first, &graph)
        for (position, view) in views.enumerated().dropFirst() {
            let next = try operand(view, &graph)
            let part = Array(views[...position])
            let partial: SymExpr.View
            switch whole {
            case .sum: partial = .sum(part)
            case .product: partial = .product(part)
            case .max: partial = .max(part)
            default: partial = .min(part)
            }
            result = try integer(target, [result, next], partial, &graph)
        }
        return result
    }

    private mutating func integer(
        _ target: String, _ operands: [ProgramSchema.Argument], _ view: SymExpr.View, _ graph: inout GraphTables
    ) throws -> ProgramSchema.Argument {
        let text = try text(view, graph.symbols)
        if let name = known[text] { return .symInt(.name(name)) }
        let name = node(target, operands, &graph) { .symInt(.name($0)) }
        graph.tables.symIntValues[name] = .expression(.init(text: text))
        known[text] = name
        return .symInt(.name(name))
    }

    // MARK: Floats

    private mutating func operand(_ view: FloatExpr.View, _ graph: inout GraphTables) throws -> ProgramSchema.Argument {
        switch view {
        case .constant(let value): return .float(value)
        case .symbol(let symbol): return try read(symbol, &graph)
        case .integer(let inner):
            let value = try operand(inner, &graph)
            if case .int(let constant) = value { return .float(Double(constant)) }
            return try float("torch.sym_float", [value], view, &graph)
        case .unary(.negate, let inner): return try float("_operator.neg", [try operand(inner, &graph)], view, &graph)
        case .unary(.squareRoot, let inner): return try float("torch._sym_sqrt", [try operand(inner, &graph)], view, &graph)
        case .binary(let operation, let a, let b):
            let target: String
            switch operation {
            case .add: target = "_operator.add"
            case .subtract: target = "_operator.sub"
            case .multiply: target = "_operator.mul"
            case .divide: target = "_operator.truediv"
            }
            return try float(target, [try operand(a, &graph), try operand(b, &graph)], view, &graph)
        }
    }

    private mutating func float(
        _ target: String, _ operands: [ProgramSchema.Argument], _ view: FloatExpr.View, _ graph: inout GraphTables
    ) throws -> ProgramSchema.Argument {
        let text = try ExpressionWriter.text(view) { graph.symbols.name($0) }
        if let name = known[text] { return .symFloat(.name(name)) }
        let name = node(target, operands, &graph) { .symFloat(.name($0)) }
        graph.tables.symFloatValues[name] = .expression(.init(text: text))
        known[text] = name
        return .symFloat(.name(name))
    }

    // MARK: Conditions

    private mutating func operand(_ view: BoolExpr.View, _ graph: inout GraphTables) throws -> ProgramSchema.Argument {
        if let name = known[try text(view, graph.symbols)] { return .symBool(.name(name)) }
        switch view {
        case .constant(let value): return .bool(value)
        case .comparison(let a, let comparison, let b):
            return try condition(target(comparison), [try operand(a, &graph), try operand(b, &graph)], view, &graph)
        case .floatComparison(let a, let relation, let b):
            let target: String
            switch relation {
            case .less: target = "_operator.lt"
            case .lessOrEqual: target = "_operator.le"
            case .equal: target = "_operator.eq"
            }
            return try condition(target, [try operand(a, &graph), try operand(b, &graph)], view, &graph)
        case .not(let inner): return try condition("torch.sym_not", [try operand(inner, &graph)], view, &graph)
        case .all(let parts): return try fold("_operator.and_", parts, view, &graph) { .all($0) }
        case .any(let parts): return try fold("_operator.or_", parts, view, &graph) { .any($0) }
        }
    }

    private func target(_ comparison: BoolExpr.Comparison) -> String {
        switch comparison {
        case .equal: "_operator.eq"
        case .notEqual: "_operator.ne"
        case .less: "_operator.lt"
        case .lessOrEqual: "_operator.le"
        case .greater: "_operator.gt"
        case .greaterOrEqual: "_operator.ge"
        }
    }

    private mutating func fold(
        _ target: String, _ parts: [BoolExpr.View], _ whole: BoolExpr.View, _ graph: inout GraphTables,
        _ join: ([BoolExpr.View]) -> BoolExpr.View
    ) throws -> ProgramSchema.Argument {
        guard let first = parts.first else { throw ArchiveError(.notRepresentable, "an empty condition") }
        var result = try operand(first, &graph)
        for (position, part) in parts.enumerated().dropFirst() {
            result = try condition(target, [result, try operand(part, &graph)], join(Array(parts[...position])), &graph)
        }
        return result
    }

    private mutating func condition(
        _ target: String, _ operands: [ProgramSchema.Argument], _ view: BoolExpr.View, _ graph: inout GraphTables
    ) throws -> ProgramSchema.Argument {
        let text = try text(view, graph.symbols)
        if let name = known[text] { return .symBool(.name(name)) }
        let name = node(target, operands, &graph) { .symBool(.name($0)) }
        graph.tables.symBoolValues[name] = .expression(.init(text: text))
        known[text] = name
        return .symBool(.name(name))
    }

    // MARK: Shared

    private func text(_ view: SymExpr.View, _ names: SymbolNames) throws -> String { try ExpressionWriter.text(view) { names.name($0) } }
    private func text(_ view: BoolExpr.View, _ names: SymbolNames) throws -> String { try ExpressionWriter.text(view) { names.name($0) } }

    /// Appends a node of size arithmetic and gives its name.
    private func node(
        _ target: String, _ operands: [ProgramSchema.Argument], _ graph: inout GraphTables, output: (String) -> ProgramSchema.Argument
    ) -> String {
        let parameters: [String]
        switch target {
        case "math.trunc": parameters = ["x"]
        case "torch.sym_ite": parameters = ["b", "t", "f"]
        default: parameters = ["a", "b"]
        }
        let name = graph.claim(target.split(separator: ".").last.map(String.init) ?? "size")
        let inputs = zip(parameters, operands).map { ProgramSchema.NamedArgument(name: $0, argument: $1, kind: .positional) }
        graph.append(target: target, inputs, [output(name)], name: name)
        return name
    }
}

/// A graph of a program file while it is written.
struct GraphTables {
    var tables = ProgramSchema.Graph(inputs: [], outputs: [], nodes: [])
    let symbols: SymbolNames
    private var names = PythonNames()

    init(symbols: SymbolNames) { self.symbols = symbols }

    mutating func claim(_ wished: String) -> String { names.claim(wished) }

    mutating func append(
        target: String, _ inputs: [ProgramSchema.NamedArgument], _ outputs: [ProgramSchema.Argument], name: String?,
        metadata: JSONTable<String> = [:], isSingleTensorReturn: Bool? = nil
    ) {
        tables.nodes.append(
            .init(
                target: target, inputs: inputs, outputs: outputs, metadata: metadata, isHopSingleTensorReturn: isSingleTensorReturn,
                name: name))
    }
}

extension SymbolNames {
    /// The description of a lone symbol.
    func value(_ view: SymExpr.View) throws -> ProgramSchema.SymIntValue {
        .expression(.init(text: try ExpressionWriter.text(view) { self.name($0) }))
    }
}
