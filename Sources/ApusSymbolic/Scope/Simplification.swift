// Sizes in simpler form, by what is known at the time. Unlike the canonical form, which never depends on facts, the result equals the
// original only where the facts hold.

extension SymbolScope {
    /// The size with what the facts decide put in: a size of one possible value becomes that number, a maximum loses arguments that never
    /// win, a choice on a decided condition becomes one side, and `n / d * d` becomes `n` where `d` divides it.
    ///
    /// Equal to the original wherever the facts hold: each step is proved, and what is undecided stays as it is. Cost: a few decisions for
    /// each maximum, choice and quotient in the expression.
    public func simplified(_ size: SymInt) -> SymInt {
        guard let expression = size.expression, expression.scope === self else { return size }
        var simplification = Simplification(scope: self)
        let result: SymInt = simplification.value(expression)
        // What overflows on the way is left as it was.
        return result.isInvalid ? size : result
    }
}

/// A simplification under way, which rebuilds each shared node once.
private struct Simplification {
    let scope: SymbolScope
    private var done: [Int: SymInt] = [:]

    init(scope: SymbolScope) { self.scope = scope }

    mutating func value(_ p: SymExpr) -> SymInt {
        if let known = done[p.id] { return known }
        let result: SymInt
        if let only = scope.range(of: SymInt(p)).singleValue {
            result = SymInt(only)
        } else {
            var total = SymInt(p.constant)
            for term in p.terms { total += value(term) }
            result = total
        }
        done[p.id] = result
        return result
    }

    private mutating func value(_ term: Term) -> SymInt {
        if let whole = multiple(term) { return whole }
        var product = SymInt(term.coefficient)
        for factor in term.monomial.factors {
            let base: SymInt = value(factor.atom)
            for _ in 0..<factor.exponent { product *= base }
        }
        return product
    }

    /// c * (n / d) is (c / d) * n where d divides both c and n.
    private mutating func multiple(_ term: Term) -> SymInt? {
        guard case .floorDiv(let p, let q)? = term.monomial.linearAtom?.kind, q.isConstant, q.constant > 1,
            term.coefficient % q.constant == 0
        else { return nil }
        let isMultiple: SymBool = .equal(SymInt(p) % q.constant, 0)
        guard scope.known(isMultiple) == true else { return nil }
        return value(p) * (term.coefficient / q.constant)
    }

    private mutating func value(_ atom: Atom) -> SymInt {
        switch atom.kind {
        case .symbol(let symbol): return scope.range(of: symbol).singleValue.map { SymInt($0) } ?? scope.size(symbol)
        case .floorDiv(let p, let q): return value(p) / value(q)
        case .max(let arguments): return largest(arguments)
        case .select(let condition, let p, let q):
            let condition = SymBool(condition)
            if let known = scope.known(condition) { return known ? value(p) : value(q) }
            return .select(condition, value(p), value(q))
        case .rounded(let real, let rule): return SymInt(SymFloat(real), rounding: rule)
        case .sum(let p, let q): return value(p) + value(q)
        case .product(let p, let q): return value(p) * value(q)
        }
    }

    private mutating func largest(_ arguments: [SymExpr]) -> SymInt {
        var kept: [SymInt] = []
        for argument in arguments {
            let candidate: SymInt = value(argument)
            if kept.contains(where: { isProved($0 >= candidate) }) { continue }
            kept.removeAll { isProved(candidate >= $0) }
            kept.append(candidate)
        }
        return kept.dropFirst().reduce(kept.first ?? SymInt(0)) { max($0, $1) }
    }

    private func isProved(_ condition: SymBool) -> Bool { scope.known(condition) == true }
}
