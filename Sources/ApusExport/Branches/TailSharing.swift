import ApusGraph
import ApusSymbolic
import ApusTensor

/// Why two nodes can't stand for one: the tail must start later.
struct NotShared: Error {
    let reason: String
}

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
    private let values: MergeValues
    private let scope: SymbolScope
    private let rules: RuleInterpreter
    private let condition: SymBool
    /// Symbols that only one of the sides knows.
    private let inner: Set<Symbol>
    /// Symbols that have a value before the branch.
    private let before: Set<Symbol>
    /// Symbols that have a value where the tail stands.
    private var known: Set<Symbol>
    /// What is known where the branch stands, whose results are read in the tail under more.
    private let facts: SymbolScope.Facts
    /// What the branch has to give, in order.
    private(set) var joined: [JoinedValue] = []

    /// The tail's value for a value of either side.
    private var mapA: [Value: Value] = [:]
    private var mapB: [Value: Value] = [:]
    private var joinOf: [[Value]: Value] = [:]
    /// The tail's sizes for pairs of sizes that one side knows.
    private var joinedSizes: [(whenTrue: SymInt, whenFalse: SymInt, size: SymInt)] = []
    private var symbolsA = SymbolNames()
    private var symbolsB = SymbolNames()
    /// Symbols in types of the tail's nodes, as either side wrote them.
    private var tailSymbols = Set<Symbol>()

    /// The tail's symbols for those of one side.
    private struct SymbolNames {
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
        facts = scope.facts
    }

    /// The join of what the branch's sides give.
    private var join: TypeJoin { TypeJoin(values: values, scope: scope, condition: condition, unavailable: inner, facts: facts) }

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
            tailSymbols.formUnion(values.type(own.0).symbols + values.type(own.1).symbols)
        }
        for type in types { known.formUnion(type.symbols) }
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
        let join = TypeJoin(values: values, scope: scope, condition: predicate, unavailable: own, facts: scope.facts)
        let types: [ValueType] = try zip(whenTrue.outputs, whenFalse.outputs).map { try join.type($0, $1) }
        for (type, outputs) in zip(types, zip(a.outputs, b.outputs)) { renameSymbols(of: outputs, to: type) }
        return define(a, b, [.symBool(predicate), .graph(whenTrue), .graph(whenFalse), .tensors([])], types)
    }

    private func shareBlock(_ a: Block, _ b: Block, under fact: SymBool) throws -> Block {
        guard a.nodes.count == b.nodes.count, a.outputs.count == b.outputs.count else { throw NotShared(reason: "sides of other lengths") }
        // What a body reads, only the body knows.
        let (before, namesA, namesB) = (known, symbolsA, symbolsB)
        defer { (known, symbolsA, symbolsB) = (before, namesA, namesB) }
        return try scope.scoped {
            scope.assume(fact)
            let nodes: [Node] = try zip(a.nodes, b.nodes).map { try share($0, $1) }
            return Block(nodes, try zip(a.outputs, b.outputs).map { try share($0, $1) })
        }
    }

    // MARK: Result types

    private func resultTypes(_ a: Node, _ b: Node, _ arguments: [GraphArgument]) throws -> [ValueType] {
        let (typesA, typesB) = (a.outputs.map { values.type($0) }, b.outputs.map { values.type($0) })
        // A body that a user gave is written for the sizes it was traced with, and for the numbers that were known then.
        let bodies: [GraphBody] = a.bodies
        if !bodies.isEmpty {
            try requireSameOperands(a, b, arguments)
            for body in bodies { try requireAvailable(body.graph.outerSymbols) }
            guard zip(typesA, typesB).allSatisfy({ $0.isIdentical(to: $1) }), typesA.allSatisfy({ isAvailable($0.symbols) }) else {
                throw NotShared(reason: "results of a body that differ")
            }
            return typesA
        }
        if a.operator.effects.contains(.dataDependent) { rules.unbackedSizes = try newSizes(typesA, typesB) }
        let specs: [TensorSpec] = try infer(a.operator, arguments)
        let areNumbers: Bool = typesA.contains { if case .tensor = $0 { false } else { true } }
        if areNumbers { return try zip(typesA, typesB).map { try number($0, $1) } }
        guard specs.count == typesA.count else { throw NotShared(reason: "a rule gives \(specs.count) results") }
        return specs.map { .tensor($0) }
    }

    private func infer(_ operation: Operator, _ arguments: [GraphArgument]) throws -> [TensorSpec] {
        do {
            return try rules.specs(
                operation,
                try arguments.map { argument in
                    try argument.map { value in
                        guard let spec = values.type(value).spec else { throw NotShared(reason: "a number as an operand") }
                        return Tensor(spec: spec)
                    }
                })
        } catch let error as TensorError {
            throw NotShared(reason: error.message)
        } catch let error as SymbolicError {
            throw NotShared(reason: error.message)
        }
    }

    private func requireSameOperands(_ a: Node, _ b: Node, _ arguments: [GraphArgument]) throws {
        var types: [ValueType] = []
        for argument in arguments { argument.forEachReference { types.append(values.type($0)) } }
        for node in [a, b] {
            guard zip(types, node.operands).allSatisfy({ $0.isIdentical(to: values.type($1)) }) else {
                throw NotShared(reason: "operands of a body whose sizes differ")
            }
        }
    }

    /// What a body reads by its symbol must have the value here that it has on both sides.
    private func requireAvailable(_ symbols: Set<Symbol>) throws {
        for symbol in symbols {
            let isRenamed: Bool =
                symbolsA.integers[symbol] != nil || symbolsB.integers[symbol] != nil || symbolsA.floats[symbol] != nil
                || symbolsB.floats[symbol] != nil
            guard !isRenamed, isAvailable([symbol]) else { throw NotShared(reason: "a body that reads a number which one side knows") }
        }
    }

    /// The symbols that a node whose result's sizes depend on values gives in the tail.
    private func newSizes(_ a: [ValueType], _ b: [ValueType]) throws -> [SymInt] {
        var found: [SymInt] = []
        for (p, q) in zip(a, b) {
            guard case .tensor(let first) = p, case .tensor(let second) = q, first.shape.count == second.shape.count else { continue }
            for (x, y) in zip(first.shape, second.shape) {
                guard let s = x.expression?.symbol, let t = y.expression?.symbol, !s.isBacked, !t.isBacked, symbolsA.integers[s] == nil,
                    !known.contains(s)
                else { continue }
                found.append(scope.size(try symbol(s, t)))
            }
        }
        return found
    }

    /// A number that is read in the tail.
    private func number(_ a: ValueType, _ b: ValueType) throws -> ValueType {
        switch (a, b) {
        case (.int(let p), .int(let q)):
            if let s = p.expression?.symbol, let t = q.expression?.symbol { return .int(scope.size(try symbol(s, t))) }
        case (.float(let p), .float(let q)):
            if case .symbol(let s)? = p.view, case .symbol(let t)? = q.view { return .float(scope.float(try symbol(s, t))) }
        case (.bool(let p), .bool(let q)):
            if let s = p.freeSymbols.first, let t = q.freeSymbols.first, s.kind == .unbackedBool, t.kind == .unbackedBool {
                return .bool(scope.condition(try symbol(s, t)))
            }
        case (.none, .none): return .none
        default: break
        }
        throw NotShared(reason: "numbers of other kinds")
    }

    /// The tail's symbol for a symbol that either side makes in its place.
    private func symbol(_ s: Symbol, _ t: Symbol) throws -> Symbol {
        guard s.kind == t.kind, s.declaredRange == t.declaredRange else { throw NotShared(reason: "numbers of other ranges") }
        if s == t, !inner.contains(s) { return s }
        let fresh: Symbol = scope.makeSymbol(origin: s.origin, range: s.declaredRange, kind: s.kind)
        values.note(fresh, standsFor: [s, t])
        rename(s, t, to: fresh)
        return fresh
    }

    private func rename(_ s: Symbol, _ t: Symbol, to fresh: Symbol) {
        if fresh.kind == .unbackedFloat {
            symbolsA.floats[s] = scope.float(fresh)
            symbolsB.floats[t] = scope.float(fresh)
        } else {
            symbolsA.integers[s] = scope.size(fresh)
            symbolsB.integers[t] = scope.size(fresh)
        }
    }

    /// Symbols that an inner branch made for its results have new names in the tail.
    private func renameSymbols(of outputs: (Value, Value), to type: ValueType) {
        switch (values.type(outputs.0), values.type(outputs.1), type) {
        case (.tensor(let p), .tensor(let q), .tensor(let new)):
            for ((x, y), size) in zip(zip(p.shape, q.shape), new.shape) {
                guard let fresh = size.expression?.symbol, !fresh.isBacked, let s = x.expression?.symbol, let t = y.expression?.symbol,
                    !known.contains(fresh), !known.contains(s), !known.contains(t)
                else { continue }
                if s != fresh || t != fresh { rename(s, t, to: fresh) }
            }
        case (.int(let x), .int(let y), .int(let size)):
            if let fresh = size.expression?.symbol, let s = x.expression?.symbol, let t = y.expression?.symbol { rename(s, t, to: fresh) }
        case (.float(let x), .float(let y), .float(let number)):
            if case .symbol(let fresh)? = number.view, case .symbol(let s)? = x.view, case .symbol(let t)? = y.view {
                rename(s, t, to: fresh)
            }
        default: return
        }
    }

    // MARK: Arguments

    private func share(_ a: GraphArgument, _ b: GraphArgument) throws -> GraphArgument {
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
    private func share(_ p: Value, _ q: Value) throws -> Value {
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
        let join: TypeJoin = join
        let sizes: [SymInt] = zip(first.shape, second.shape).map { x, y in
            if let size = joinedSize(x, y) { return size }
            let size: SymInt = join.size(x, y)
            joinedSizes.append((x, y, size))
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

    private func add(_ p: GraphOutput, _ q: GraphOutput, _ type: ValueType, key: [Value]? = nil) -> Value {
        let value: Value = values.make("cond", type)
        joined.append(JoinedValue(whenTrue: p, whenFalse: q, value: value))
        if let key { joinOf[key] = value }
        known.formUnion(type.symbols)
        return value
    }

    // MARK: Sizes and numbers

    /// Whether each symbol has a value where the tail stands: from before the question, from the branch's results, or from the tail.
    private func isAvailable(_ symbols: [Symbol]) -> Bool {
        symbols.allSatisfy { $0.isBacked || known.contains($0) && !inner.contains($0) }
    }

    private func joinedSize(_ p: SymInt, _ q: SymInt) -> SymInt? {
        joinedSizes.first { $0.whenTrue.isIdentical(to: p) && $0.whenFalse.isIdentical(to: q) }?.size
    }

    private func share(_ p: SymInt, _ q: SymInt) throws -> SymInt {
        if let size = joinedSize(p, q) { return size }
        let x: SymInt = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers)
        let y: SymInt = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers)
        guard isAvailable(x.freeSymbols), isAvailable(y.freeSymbols) else { throw NotShared(reason: "a number that one side knows") }
        if x.isIdentical(to: y) { return x }
        // Either side's number would be computed in any case.
        guard x.alwaysHasValue, y.alwaysHasValue else { throw NotShared(reason: "a division by a size") }
        let choice: SymInt = .select(condition, x, y)
        guard !choice.isInvalid else { throw NotShared(reason: "a size that can't be written") }
        return choice
    }

    private func share(_ p: SymFloat, _ q: SymFloat) throws -> SymFloat {
        let x: SymFloat = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers, floats: symbolsA.floats)
        let y: SymFloat = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers, floats: symbolsB.floats)
        guard x.isIdentical(to: y), isAvailable(x.freeSymbols) else { throw NotShared(reason: "numbers that differ") }
        return x
    }

    private func share(_ p: SymBool, _ q: SymBool) throws -> SymBool {
        let x: SymBool = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers, floats: symbolsA.floats)
        let y: SymBool = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers, floats: symbolsB.floats)
        guard isAvailable(x.freeSymbols), isAvailable(y.freeSymbols) else { throw NotShared(reason: "a condition that one side knows") }
        if x.isIdentical(to: y) { return x }
        guard x.alwaysHasValue, y.alwaysHasValue else { throw NotShared(reason: "a division by a size") }
        let choice: SymBool = (condition && x) || (!condition && y)
        guard choice.fault == nil else { throw NotShared(reason: "a condition that can't be written") }
        return choice
    }

    // MARK: Results

    /// What the program gives in one place, from what the sides give there.
    func share(_ a: GraphOutput, _ b: GraphOutput) throws -> GraphOutput {
        if case .value(let p) = a, case .value(let q) = b { return .value(try share(p, q)) }
        if let p = a.integer, let q = b.integer {
            if let size = try? share(p, q) { return size.constant.map { .literal(.int($0)) } ?? .int(size) }
            try requireBeforeTail(p.freeSymbols + q.freeSymbols)
            let fresh: SymInt = join.fresh(p, q)
            _ = add(.int(p), .int(q), .int(fresh))
            return .int(fresh)
        }
        if let p = a.float, let q = b.float {
            if let number = try? share(p, q) { return number.constant.map { .literal(.float($0)) } ?? .float(number) }
            try requireBeforeTail(p.freeSymbols + q.freeSymbols)
            let fresh: SymFloat = scope.float(scope.makeSymbol(range: .unbounded, kind: .unbackedFloat))
            _ = add(.float(p), .float(q), .float(fresh))
            return .float(fresh)
        }
        if let p = a.condition, let q = b.condition {
            let choice: SymBool = try share(p, q)
            return choice.constant.map { .literal(.bool($0)) } ?? .bool(choice)
        }
        guard case .literal(let p) = a, case .literal(let q) = b, p == q else {
            throw NotShared(reason: "different plain values; return tensors or numbers")
        }
        return a
    }

    /// A number that the branch gives is computed within it.
    private func requireBeforeTail(_ symbols: [Symbol]) throws {
        if symbols.contains(where: { !$0.isBacked && tailSymbols.contains($0) && !before.contains($0) }) {
            throw NotShared(reason: "numbers that differ")
        }
    }
}

extension GraphOutput {
    fileprivate var integer: SymInt? {
        switch self {
        case .int(let value): value
        case .literal(.int(let value)): SymInt(value)
        default: nil
        }
    }

    fileprivate var float: SymFloat? {
        switch self {
        case .float(let value): value
        case .literal(.float(let value)): SymFloat(value)
        default: nil
        }
    }

    fileprivate var condition: SymBool? {
        switch self {
        case .bool(let value): value
        case .literal(.bool(let value)): SymBool(value)
        default: nil
        }
    }
}
