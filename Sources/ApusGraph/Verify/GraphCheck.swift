import ApusSymbolic
import ApusTensor

/// The check of one graph or body.
struct GraphCheck {
    let graph: Graph
    let dialect: Dialect
    let rules: RuleInterpreter
    /// Symbols that have a value where the check stands.
    private(set) var bound: Set<Symbol>
    private var isDefined: [Bool]
    private var names = Set<String>()
    /// The node that is being checked.
    private var position = -1

    init(_ graph: Graph, _ dialect: Dialect, _ rules: RuleInterpreter, bound: Set<Symbol>) {
        self.graph = graph
        self.dialect = dialect
        self.rules = rules
        self.bound = bound
        isDefined = Array(repeating: false, count: graph.values.count)
    }

    mutating func run() throws {
        for input in graph.inputs {
            try define(input)
            bound.formUnion(graph.type(input).freeSymbols)
        }
        try withStackRoom {
            for (index, node) in graph.nodes.enumerated() {
                position = index
                try check(node)
            }
        }
        position = -1
        for output in graph.outputs {
            if let value = output.value { try requireDefined(value) }
            try requireBound(graph.type(of: output).freeSymbols)
        }
    }

    // MARK: One node

    private mutating func check(_ node: Node) throws {
        guard dialect.contains(node.operator) else {
            throw offence(.dialect, "the operator does not belong to the dialect '\(dialect.name)'")
        }
        for operand in node.operands { try requireDefined(operand) }
        try checkArguments(node)
        if node.operator == .cond { try checkBranch(node) } else { try checkResults(node) }
        if node.operator == .call { try checkPart(node) }
        if node.operator == .whileLoop || node.operator == .scan { try checkLoop(node) }
        for output in node.outputs { try define(output) }
        if node.operator == .assertScalar, case .symBool(let condition)? = node.arguments.first { rules.assume(condition) }
    }

    private func checkArguments(_ node: Node) throws {
        let parameters: [Schema.Parameter] = node.operator.schema.parameters
        guard node.arguments.count == parameters.count else {
            throw offence(.argument, "\(node.arguments.count) arguments where the schema has \(parameters.count)")
        }
        for (argument, parameter) in zip(node.arguments, parameters) {
            guard argument.matches(parameter.kind) else {
                throw offence(
                    .argument, "argument '\(parameter.name)' is not of the schema's kind", expected: "\(parameter.kind)",
                    found: argument.kindText)
            }
            try requireBound(argument.freeSymbols)
        }
    }

    private mutating func checkResults(_ node: Node) throws {
        do { try checkTypes(node) } catch let error as VerificationError where error.code == .type {
            guard rules.findsByLess({ (try? checkTypes(node)) != nil }) else { throw error }
        }
    }

    private mutating func checkTypes(_ node: Node) throws {
        let stored: [ValueType] = node.outputs.map { graph.type($0) }
        rules.unbackedSizes = stored.newSizes(beyond: bound.contains)
        let specs: [TensorSpec] = try apply(node)
        let kinds: [Schema.Kind] = node.operator.schema.results
        if !kinds.isEmpty, kinds.allSatisfy({ $0 != .tensor && !$0.isList }) {
            try checkNumbers(node, stored)
            return
        }
        guard specs.count == stored.count else {
            throw offence(.type, "\(stored.count) results where the rule gives \(specs.count)")
        }
        for (spec, type) in zip(specs, stored) {
            guard case .tensor(let found) = type else {
                if case .none = type { continue }
                throw offence(.type, "a result's type is wrong", expected: "\(ValueType.tensor(spec))", found: "\(type)")
            }
            try compare(found, with: spec)
        }
    }

    /// Numbers read from tensors: each is a symbol that gets its value here, or a constant.
    private mutating func checkNumbers(_ node: Node, _ stored: [ValueType]) throws {
        guard stored.count == node.operator.schema.results.count else {
            throw offence(.type, "\(stored.count) results where the schema has \(node.operator.schema.results.count)")
        }
        for type in stored {
            switch type {
            case .tensor, .none: throw offence(.type, "a result's type is wrong", expected: "a number", found: "\(type)")
            default: bound.formUnion(type.freeSymbols)
            }
        }
    }

    private func apply(_ node: Node) throws -> [TensorSpec] {
        do {
            return try rules.specs(node.operator, node.arguments, graph.type) { value in
                offence(.argument, "'%\(graph.name(value))' is no tensor", found: "\(graph.type(value))")
            }
        } catch let error as TensorError {
            if let condition = rules.unproved {
                throw offence(.unproved, error.statement, expected: "a proof of \(condition.description(naming: \.name))")
            }
            throw offence(.refused, error.statement)
        }
    }

    // MARK: Types

    private mutating func compare(_ found: TensorSpec, with expected: TensorSpec) throws {
        guard found.dtype == expected.dtype, found.shape.count == expected.shape.count else {
            throw offence(.type, "a result's type is wrong", expected: "\(ValueType.tensor(expected))", found: "\(ValueType.tensor(found))")
        }
        for (dim, (a, b)) in zip(found.shape, expected.shape).enumerated() {
            if let symbol = a.expression?.symbol, !bound.contains(symbol), a.isIdentical(to: b) {
                bound.insert(symbol)
                continue
            }
            try requireBound(a.freeSymbols)
            guard isEqual(a, b) else {
                throw offence(
                    .type, "dimension \(dim) of a result is wrong", expected: "\(ValueType.tensor(expected))",
                    found: "\(ValueType.tensor(found))")
            }
        }
    }

    func isEqual(_ a: SymInt, _ b: SymInt) -> Bool {
        if rules.isVacuous || a.isIdentical(to: b) { return true }
        let equality: SymBool = a == b
        return rules.decide(equality) == true
    }

    mutating func bindNew(_ symbols: [Symbol]) { bound.formUnion(symbols) }

    // MARK: Definitions

    private mutating func define(_ value: Value) throws {
        guard isDefined.indices.contains(value.index) else {
            throw offence(.definition, "a value with the number \(value.index) is not in the graph")
        }
        let name: String = graph.name(value)
        guard !isDefined[value.index] else { throw offence(.definition, "'%\(name)' is made twice") }
        guard !name.isEmpty else { throw offence(.name, "a value has no name") }
        guard names.insert(name).inserted else { throw offence(.name, "two values are named '\(name)'") }
        isDefined[value.index] = true
    }

    private func requireDefined(_ value: Value) throws {
        guard isDefined.indices.contains(value.index) else {
            throw offence(.definition, "a value with the number \(value.index) is not in the graph")
        }
        guard isDefined[value.index] else { throw offence(.definition, "'%\(graph.name(value))' is read before it is made") }
    }

    func requireBound(_ symbols: [Symbol]) throws {
        guard let unknown = symbols.first(where: { !bound.contains($0) }) else { return }
        throw offence(.symbol, "nothing before gives the symbol '\(unknown)' a value")
    }

    /// An error at the node that is being checked.
    func offence(
        _ code: VerificationError.Code, _ message: String, expected: String? = nil, found: String? = nil
    ) -> VerificationError {
        guard graph.nodes.indices.contains(position) else {
            return VerificationError(code, message, expected: expected, found: found)
        }
        let node: Node = graph.nodes[position]
        var name: String = node.operator.schema.name
        if let first = node.outputs.first, isDefined.indices.contains(first.index) { name = graph.name(first) }
        let canPrint: Bool = graph.nodes.allSatisfy { ($0.operands + $0.outputs).allSatisfy { isDefined.indices.contains($0.index) } }
        return VerificationError(
            code, message, node: name, operatorName: node.operator.name, expected: expected, found: found, site: node.site,
            window: canPrint ? graph.window(around: position) : "")
    }
}

extension Schema.Kind {
    var isList: Bool {
        if case .list = self { return true }
        return false
    }
}
