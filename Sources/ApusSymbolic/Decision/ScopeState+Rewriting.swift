// Known equalities, put into expressions when a question is asked: with a == b, (a*c) // b is c. The canonical forms
// themselves never depend on facts.

extension ScopeState {
    /// Takes p == 0 as a definition of one of its symbols, if it has one with a unit coefficient that occurs nowhere else in
    /// it.
    func define(byZero p: SymExpr) {
        guard let p = rewriting(p) else { return }
        // The youngest symbol is replaced, so that what is left are the symbols of inputs.
        var best: (symbol: Symbol, value: SymExpr)?
        for term in p.terms where term.coefficient.magnitude == 1 {
            guard let atom = term.monomial.linearAtom, case .symbol(let symbol) = atom.kind,
                symbol.index > best?.symbol.index ?? -1, let rest = combine(p, -term.coefficient, expression(atom), 1),
                !rest.freeSymbols.contains(where: { $0.index == symbol.index })
            else { continue }
            best = (symbol, rest)
        }
        guard let best else { return }
        var definitions: [Int: SymExpr] = knowledge.now.definitions
        for (index, value) in definitions where value.freeSymbols.contains(where: { $0.index == best.symbol.index }) {
            var rewriter = Rewriter(self, [best.symbol.index: best.value])
            guard let updated = try? rewriter.value(value) else { return }
            definitions[index] = updated
        }
        definitions[best.symbol.index] = best.value
        knowledge.now.definitions = definitions
    }

    /// x = r (mod m) makes x the same as m * floorDiv(x, m) + r, from which x // d and x % d fall out for divisors d of m.
    ///
    /// The quotient contains x itself: definitions are put in once, never again in what they put in.
    func define(_ atom: Atom, by residue: Residue) {
        guard case .symbol(let symbol) = atom.kind, residue.modulus > 1 else { return }
        let known: SymExpr? = knowledge.now.definitions[symbol.index]
        // What an equality says is worth more.
        if let known, !known.freeSymbols.contains(where: { $0.index == symbol.index }) { return }
        guard let quotient = try? floorDivide(expression(atom), by: residue.modulus),
            let value = combine(quotient, residue.modulus, constant(residue.remainder), 1)
        else { return }
        knowledge.now.definitions[symbol.index] = value
    }

    /// d | x + rest makes x the same as d * floorDiv(x + rest, d) - rest.
    func define(byMultiple p: SymExpr, of d: Int) {
        guard p.terms.count > 1, let lead = p.terms.first(where: { $0.coefficient == 1 && $0.monomial.linearAtom?.isSymbol == true }),
            case .symbol(let symbol)? = lead.monomial.linearAtom?.kind, knowledge.now.definitions[symbol.index] == nil,
            let rest = combine(p, 1, expression(constant: 0, terms: [lead]), -1),
            let quotient = try? floorDivide(p, by: d), let value = combine(quotient, d, rest, -1)
        else { return }
        knowledge.now.definitions[symbol.index] = value
    }

    private func concerns(_ symbols: [Symbol]) -> Bool {
        if knowledge.now.definitions.isEmpty { return false }
        return symbols.contains { knowledge.now.definitions[$0.index] != nil }
    }

    /// The expression with defined symbols replaced; itself when none occurs, `nil` when the result would be too large.
    func rewriting(_ p: SymExpr) -> SymExpr? {
        guard concerns(p.freeSymbols) else { return p }
        var rewriter = Rewriter(self, knowledge.now.definitions)
        return try? rewriter.value(p)
    }

    func rewriting(_ b: BoolExpr) -> BoolExpr? {
        guard concerns(b.freeSymbols) else { return b }
        var rewriter = Rewriter(self, knowledge.now.definitions)
        return try? rewriter.value(b)
    }
}

/// Rebuilds nodes inside a scope with some symbols replaced.
private struct Rewriter {
    let state: ScopeState
    let definitions: [Int: SymExpr]
    private var done: [Int: SymExpr] = [:]

    init(_ state: ScopeState, _ definitions: [Int: SymExpr]) {
        self.state = state
        self.definitions = definitions
    }

    mutating func value(_ p: SymExpr) throws(SymbolicError) -> SymExpr {
        if !p.freeSymbols.contains(where: { definitions[$0.index] != nil }) { return p }
        if let known = done[p.id] { return known }
        var total: SymExpr = state.constant(p.constant)
        for term in p.terms {
            var product: SymExpr = state.constant(term.coefficient)
            for factor in term.monomial.factors {
                let base: SymExpr = try value(factor.atom)
                for _ in 0..<factor.exponent { product = try state.multiply(product, base) }
            }
            total = try state.add(total, product)
        }
        done[p.id] = total
        return total
    }

    private mutating func value(_ atom: Atom) throws(SymbolicError) -> SymExpr {
        switch atom.kind {
        case .symbol(let symbol): return definitions[symbol.index] ?? state.expression(atom)
        case .floorDiv(let p, let q): return try state.floorDivide(value(p), value(q))
        case .max(let arguments):
            var values: [SymExpr] = []
            for argument in arguments { values.append(try value(argument)) }
            return try state.maximum(values)
        case .select(let condition, let p, let q): return try state.select(value(condition), value(p), value(q))
        case .rounded: return state.expression(atom)
        case .sum(let p, let q): return try state.add(value(p), value(q))
        case .product(let p, let q): return try state.multiply(value(p), value(q))
        }
    }

    mutating func value(_ b: BoolExpr) throws(SymbolicError) -> BoolExpr {
        switch b.kind {
        case .constant, .float, .notFloat: return b
        case .atLeastZero(let p): return try state.atLeastZero(value(p))
        case .equalsZero(let p): return try state.equalsZero(value(p))
        case .notZero(let p): return try state.negate(state.equalsZero(value(p)))
        case .divides(let d, let p): return try state.divides(d, value(p))
        case .notDivides(let d, let p): return try state.negate(state.divides(d, value(p)))
        case .all(let parts):
            var values: [BoolExpr] = []
            for part in parts { values.append(try value(part)) }
            return try state.conjunction(values)
        case .any(let parts):
            var values: [BoolExpr] = []
            for part in parts { values.append(try value(part)) }
            return try state.disjunction(values)
        }
    }
}
