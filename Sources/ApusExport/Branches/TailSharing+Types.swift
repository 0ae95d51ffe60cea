import ApusGraph
import ApusSymbolic
import ApusTensor

// What a shared node gives: inferred anew by the operators' rules, with symbols of the tail's own for those of either side.

extension TailSharing {
    func resultTypes(_ a: Node, _ b: Node, _ arguments: [GraphArgument]) throws -> [ValueType] {
        let (typesA, typesB) = (a.outputs.map { values.type($0) }, b.outputs.map { values.type($0) })
        // A body that a user gave is written for the sizes it was traced with, and for the numbers that were known then.
        let bodies: [GraphBody] = a.bodies
        if !bodies.isEmpty {
            try requireSameOperands(a, b, arguments)
            for body in bodies { try requireAvailable(body.graph.outerSymbols) }
            guard zip(typesA, typesB).allSatisfy({ $0.isIdentical(to: $1) }), typesA.allSatisfy({ isAvailable($0.freeSymbols) }) else {
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
            return try rules.specs(operation, arguments, values.type)
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
        if case (.none, .none) = (a, b) { return .none }
        guard let s = a.symbol, let t = b.symbol else { throw NotShared(reason: "numbers of other kinds") }
        return scope.type(of: try symbol(s, t))
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

    func rename(_ s: Symbol, _ t: Symbol, to fresh: Symbol) {
        if fresh.kind == .unbackedFloat {
            symbolsA.floats[s] = scope.float(fresh)
            symbolsB.floats[t] = scope.float(fresh)
        } else {
            symbolsA.integers[s] = scope.size(fresh)
            symbolsB.integers[t] = scope.size(fresh)
        }
    }

    /// Symbols that an inner branch made for its results have new names in the tail.
    func renameSymbols(of outputs: (Value, Value), to type: ValueType) {
        switch (values.type(outputs.0), values.type(outputs.1), type) {
        case (.tensor(let p), .tensor(let q), .tensor(let new)):
            for ((x, y), size) in zip(zip(p.shape, q.shape), new.shape) {
                guard let fresh = size.expression?.symbol, !fresh.isBacked, let s = x.expression?.symbol, let t = y.expression?.symbol,
                    !known.contains(fresh), !known.contains(s), !known.contains(t)
                else { continue }
                if s != fresh || t != fresh { rename(s, t, to: fresh) }
            }
        case (let x, let y, _):
            if let fresh = type.symbol, let s = x.symbol, let t = y.symbol { rename(s, t, to: fresh) }
        }
    }
}
