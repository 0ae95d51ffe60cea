// Substitution rebuilds an expression with other values for its symbols, possibly in another scope.

extension SymInt {
    /// The value with symbols replaced. A symbol that `replacements` leaves out stays, unless the others move the
    /// expression to another scope, which makes the result invalid.
    public func substituting(_ replacements: [SymInt.Symbol: SymInt]) -> SymInt {
        substituting(Replacements(integers: replacements))
    }

    func substituting(_ replacements: Replacements) -> SymInt {
        guard let expression else { return self }
        var replacements: Replacements = replacements
        return replacements.value(expression)
    }
}

extension SymBool {
    /// The condition with symbols replaced; see ``SymInt/substituting(_:)``.
    public func substituting(_ replacements: [SymInt.Symbol: SymInt], floats: [SymInt.Symbol: SymFloat] = [:]) -> SymBool {
        guard let expression else { return self }
        var replacements = Replacements(integers: replacements, floats: floats)
        return replacements.value(expression)
    }
}

extension SymFloat {
    /// The value with symbols replaced; see ``SymInt/substituting(_:)``.
    public func substituting(_ replacements: [SymInt.Symbol: SymInt], floats: [SymInt.Symbol: SymFloat] = [:]) -> SymFloat {
        guard let expression else { return self }
        var replacements = Replacements(integers: replacements, floats: floats)
        return replacements.value(expression)
    }
}

/// A substitution under way, which rebuilds each shared node once.
struct Replacements {
    let integers: [Symbol: SymInt]
    var floats: [Symbol: SymFloat] = [:]
    private var done: [Int: SymInt] = [:]

    init(integers: [Symbol: SymInt], floats: [Symbol: SymFloat] = [:]) {
        self.integers = integers
        self.floats = floats
    }

    mutating func value(_ p: SymExpr) -> SymInt {
        if let known = done[p.id] { return known }
        var total = SymInt(p.constant)
        for term in p.terms {
            var product = SymInt(term.coefficient)
            for factor in term.monomial.factors {
                let base: SymInt = value(factor.atom)
                for _ in 0..<factor.exponent { product *= base }
            }
            total += product
        }
        done[p.id] = total
        return total
    }

    private mutating func value(_ atom: Atom) -> SymInt {
        switch atom.kind {
        case .symbol(let symbol):
            return integers[symbol] ?? symbol.tie.scope?.size(symbol)
                ?? .invalid(SymbolicError(.scopeEnded, "the trace of \(symbol.displayName) has ended"))
        case .floorDiv(let p, let q): return value(p) / value(q)
        case .max(let arguments):
            var largest: SymInt = value(arguments[0])
            for argument in arguments.dropFirst() { largest = max(largest, value(argument)) }
            return largest
        case .select(let condition, let p, let q): return .select(value(condition), value(p), value(q))
        case .rounded(let real, let rule): return SymInt(value(real), rounding: rule)
        case .sum(let p, let q): return value(p) + value(q)
        case .product(let p, let q): return value(p) * value(q)
        }
    }

    mutating func value(_ b: BoolExpr) -> SymBool {
        switch b.kind {
        case .constant(let value): return SymBool(value)
        case .atLeastZero(let p): return .lessOrEqual(0, value(p))
        case .equalsZero(let p): return .equal(value(p), 0)
        case .notZero(let p): return .notEqual(value(p), 0)
        case .divides(let d, let p): return .equal(value(p) % d, 0)
        case .notDivides(let d, let p): return .notEqual(value(p) % d, 0)
        case .float(let relation, let x, let y): return SymFloat.compare(relation, value(x), value(y))
        case .notFloat(let relation, let x, let y): return SymFloat.compare(relation, value(x), value(y)).negated()
        case .all(let parts):
            var values: [SymBool] = []
            for part in parts { values.append(value(part)) }
            return .all(values)
        case .any(let parts):
            var values: [SymBool] = []
            for part in parts { values.append(value(part)) }
            return .any(values)
        }
    }

    mutating func value(_ f: FloatExpr) -> SymFloat {
        switch f.kind {
        case .constant(let value): return SymFloat(value)
        case .symbol(let symbol):
            return floats[symbol] ?? symbol.tie.scope?.float(symbol)
                ?? SymFloat(
                    storage: .invalid(
                        InvalidValue(SymbolicError(.scopeEnded, "the trace of \(symbol.displayName) has ended"))))
        case .integer(let p): return SymFloat(value(p))
        case .unary(let operation, let a): return SymFloat.unary(operation, value(a))
        case .binary(let operation, let a, let b): return SymFloat.binary(operation, value(a), value(b))
        }
    }
}
