import ApusGraph
import ApusSymbolic
import ApusTensor

/// What a branch gives in one place: one thing from either side, and the value that the program goes on with.
struct JoinedValue {
    let whenTrue: GraphOutput
    let whenFalse: GraphOutput
    let value: Value
}

/// Makes one tail of two: each node once, reading values that are equal on both sides, made in the tail, or joined by the branch.
///
/// Results are inferred anew by the operators' rules, without the branch's fact: where a rule needs it, the nodes can't be shared.
final class TailSharing {
    let values: MergeValues
    let scope: SymbolScope
    let rules: RuleInterpreter
    let condition: SymBool
    /// Symbols that only one of the sides knows.
    let inner: Set<Symbol>
    /// Symbols that have a value before the branch.
    let before: Set<Symbol>
    /// Symbols that have a value where the tail stands.
    var known: Set<Symbol>
    /// What the branch has to give, in order.
    private(set) var joined: [JoinedValue] = []

    /// The tail's value for a value of either side.
    private var mapA: [Value: Value] = [:]
    private var mapB: [Value: Value] = [:]
    private var joinOf: [[Value]: Value] = [:]
    /// The types of what the branch gives, by what is known where it stands: its results are read in the tail under more.
    var join: TypeJoin
    var symbolsA = SymbolNames()
    var symbolsB = SymbolNames()
    /// Symbols in types of the tail's nodes, as either side wrote them.
    var tailSymbols = Set<Symbol>()

    /// The tail's symbols for those of one side.
    struct SymbolNames {
        var integers: [Symbol: SymInt] = [:]
        var floats: [Symbol: SymFloat] = [:]

        var isEmpty: Bool { integers.isEmpty && floats.isEmpty }
    }

    init(
        _ values: MergeValues, _ scope: SymbolScope, _ rules: RuleInterpreter, condition: SymBool, inner: Set<Symbol>, known: Set<Symbol>
    ) {
        self.values = values
        self.scope = scope
        self.rules = rules
        self.condition = condition
        self.inner = inner
        before = known
        self.known = known
        join = TypeJoin(condition, inner: inner, scope)
    }

    // MARK: Nodes

    /// One node for two that correspond.
    func share(_ a: Node, _ b: Node) throws -> Node {
        guard a.operator == b.operator, a.outputs.count == b.outputs.count, a.arguments.count == b.arguments.count else {
            throw NotShared(reason: "'\(a.operator)' and '\(b.operator)'")
        }
        if let x = a.unmergedBranch {
            guard let y = b.unmergedBranch else { throw NotShared(reason: "a branch on one side") }
            return try shareBranch(a, x, b, y)
        }
        let arguments: [GraphArgument] = try zip(a.arguments, b.arguments).map { try share($0, $1) }
        let types: [ValueType] = try resultTypes(a, b, arguments)
        let node: Node = define(a, b, arguments, types)
        if let fact = node.assertedCondition { scope.assume(fact) }
        return node
    }

    private func define(_ a: Node, _ b: Node, _ arguments: [GraphArgument], _ types: [ValueType]) -> Node {
        var node: Node = a
        node.arguments = arguments
        node.outputs = zip(a.outputs, types).map { values.make(values.name($0), $1) }
        for (output, own) in zip(node.outputs, zip(a.outputs, b.outputs)) {
            mapA[own.0] = output
            mapB[own.1] = output
            tailSymbols.formUnion(values.type(own.0).freeSymbols + values.type(own.1).freeSymbols)
        }
        for type in types { known.formUnion(type.freeSymbols) }
        return node
    }

    private func shareBranch(
        _ a: Node, _ x: (condition: SymBool, whenTrue: Block, whenFalse: Block), _ b: Node,
        _ y: (condition: SymBool, whenTrue: Block, whenFalse: Block)
    ) throws -> Node {
        let predicate: SymBool = try share(x.condition, y.condition)
        let before: Set<Symbol> = known
        let whenTrue: Block = try shareBlock(x.whenTrue, y.whenTrue, under: predicate)
        let whenFalse: Block = try shareBlock(x.whenFalse, y.whenFalse, under: !predicate)
        let own: Set<Symbol> = values.newSymbols(of: whenTrue.nodes + whenFalse.nodes, beyond: before)
        var join = TypeJoin(predicate, inner: own, scope)
        let types: [ValueType] = try zip(whenTrue.outputs, whenFalse.outputs).map {
            try join.type($0.type(values.type), $1.type(values.type))
        }
        for (type, outputs) in zip(types, zip(a.outputs, b.outputs)) { renameSymbols(of: outputs, to: type) }
        return define(a, b, [.symBool(predicate), .graph(whenTrue), .graph(whenFalse), .tensors([])], types)
    }

    private func shareBlock(_ a: Block, _ b: Block, under fact: SymBool) throws -> Block {
        guard a.nodes.count == b.nodes.count, a.outputs.count == b.outputs.count else { throw NotShared(reason: "sides of other lengths") }
        // What a body reads, only the body knows.
        let (before, namesA, namesB) = (known, symbolsA, symbolsB)
        defer { (known, symbolsA, symbolsB) = (before, namesA, namesB) }
        return try rules.scoped {
            scope.assume(fact)
            let nodes: [Node] = try zip(a.nodes, b.nodes).map { try share($0, $1) }
            return Block(nodes, try zip(a.outputs, b.outputs).map { try share($0, $1) })
        }
    }

    // MARK: Arguments

    func share(_ a: GraphArgument, _ b: GraphArgument) throws -> GraphArgument {
        switch (a, b) {
        case (.tensor(let p), .tensor(let q)): return .tensor(try share(p, q))
        case (.tensors(let p), .tensors(let q)) where p.count == q.count: return .tensors(try zip(p, q).map { try share($0, $1) })
        case (.optionalTensors(let p), .optionalTensors(let q)) where p.count == q.count:
            return .optionalTensors(
                try zip(p, q).map { x, y in
                    if let x, let y { return try share(x, y) }
                    guard x == nil, y == nil else { throw NotShared(reason: "an operand on one side") }
                    return nil
                })
        case (.scalar(.int(let p)), .scalar(.int(let q))): return .scalar(.int(try share(p, q)))
        case (.scalar(.float(let p)), .scalar(.float(let q))): return .scalar(.float(try share(p, q)))
        case (.symBool(let p), .symBool(let q)): return .symBool(try share(p, q))
        case (.ints(let p), .ints(let q)) where p.count == q.count: return .ints(try zip(p, q).map { try share($0, $1) })
        default:
            guard a.isIdentical(to: b) else { throw NotShared(reason: "arguments that differ") }
            return a
        }
    }

    /// A value of either side as one: outside of both, made in the tail, or joined by the branch.
    func share(_ p: Value, _ q: Value) throws -> Value {
        if let value = mapA[p] {
            guard mapB[q] == value else { throw NotShared(reason: "operands from other places") }
            return value
        }
        guard mapB[q] == nil else { throw NotShared(reason: "operands from other places") }
        if p == q { return p }
        if let value = joinOf[[p, q]] { return value }
        guard case .tensor(let first) = values.type(p), case .tensor(let second) = values.type(q), first.dtype == second.dtype,
            first.shape.count == second.shape.count
        else { throw NotShared(reason: "\(values.type(p)) and \(values.type(q)); results must agree in dtype and rank") }
        let sizes: [SymInt] = try zip(first.shape, second.shape).map { x, y in
            if let size = join.known(x, y) { return size }
            let size: SymInt = try join.size(x, y)
            // A symbol that stands for either side's own: what is computed from one is computed from the other alike.
            if let fresh = size.expression?.symbol, let s = x.expression?.symbol, let t = y.expression?.symbol, inner.contains(s),
                inner.contains(t), symbolsA.integers[s] == nil, symbolsB.integers[t] == nil
            {
                rename(s, t, to: fresh)
            }
            return size
        }
        return add(.value(p), .value(q), .tensor(TensorSpec(first.dtype, try Shape(sizes, in: "cond"))), key: [p, q])
    }

    func add(_ p: GraphOutput, _ q: GraphOutput, _ type: ValueType, key: [Value]? = nil) -> Value {
        let value: Value = values.make("cond", type)
        joined.append(JoinedValue(whenTrue: p, whenFalse: q, value: value))
        if let key { joinOf[key] = value }
        known.formUnion(type.freeSymbols)
        return value
    }
}

extension TypeJoin {
    /// Symbols are the scope's own; a condition that one side alone knows has none.
    fileprivate init(_ condition: SymBool, inner: Set<Symbol>, _ scope: SymbolScope) {
        self.init(condition, inner: inner, facts: scope.facts) { kind, range in
            if kind == .unbackedBool { throw NotShared(reason: "a condition that one side knows") }
            return scope.type(of: scope.makeSymbol(range: range, kind: kind))
        }
    }
}
