// Sums and products of normal forms. A coefficient that would overflow, or an expansion past the limits, leaves the
// operation unexpanded as an atom: its value is still exact, only less is known of it.

extension ScopeState {
    func add(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        if p.isConstant && p.constant == 0 { return q }
        if q.isConstant && q.constant == 0 { return p }
        if let sum = combine(p, 1, q, 1) { return sum }
        return try unexpandedSum(p, q)
    }

    func subtract(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        if q.isConstant && q.constant == 0 { return p }
        if p === q { return constant(0) }
        if let difference = combine(p, 1, q, -1) { return difference }
        return try unexpandedSum(p, scale(q, by: -1))
    }

    /// `p` times a plain factor.
    func scale(_ p: SymExpr, by factor: Int) throws(SymbolicError) -> SymExpr {
        if factor == 1 { return p }
        if factor == 0 { return constant(0) }
        if let scaled = combine(p, factor, constant(0), 0) { return scaled }
        return expression(try atom(.product(constant(factor), p)))
    }

    func multiply(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        if p.isConstant { return try scale(q, by: p.constant) }
        if q.isConstant { return try scale(p, by: q.constant) }
        if let product = expandedProduct(p, q) { return product }
        let (first, second) = p.id <= q.id ? (p, q) : (q, p)
        return expression(try atom(.product(first, second)))
    }

    /// `a * p + b * q` by merging the sorted terms; `nil` on overflow or when there are too many terms.
    func combine(_ p: SymExpr, _ a: Int, _ q: SymExpr, _ b: Int) -> SymExpr? {
        guard let pc = checkedMultiply(p.constant, a), let qc = checkedMultiply(q.constant, b),
            let constant = checkedAdd(pc, qc)
        else { return nil }
        var terms: [Term] = []
        terms.reserveCapacity(p.terms.count + q.terms.count)
        var i = 0
        var j = 0
        while i < p.terms.count || j < q.terms.count {
            let takeP: Bool
            let takeQ: Bool
            if i == p.terms.count {
                (takeP, takeQ) = (false, true)
            } else if j == q.terms.count {
                (takeP, takeQ) = (true, false)
            } else if p.terms[i].monomial === q.terms[j].monomial {
                (takeP, takeQ) = (true, true)
            } else {
                takeP = Monomial.precedes(p.terms[i].monomial, q.terms[j].monomial)
                takeQ = !takeP
            }
            let left: Int? = takeP ? checkedMultiply(p.terms[i].coefficient, a) : 0
            let right: Int? = takeQ ? checkedMultiply(q.terms[j].coefficient, b) : 0
            guard let left, let right, let coefficient = checkedAdd(left, right) else { return nil }
            if coefficient != 0 {
                let monomial: Monomial = takeP ? p.terms[i].monomial : q.terms[j].monomial
                terms.append(Term(monomial: monomial, coefficient: coefficient))
            }
            if takeP { i += 1 }
            if takeQ { j += 1 }
        }
        if terms.count > Limits.terms { return nil }
        return expression(constant: constant, terms: terms)
    }

    private func unexpandedSum(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        let (first, second) = p.id <= q.id ? (p, q) : (q, p)
        return expression(try atom(.sum(first, second)))
    }

    private func expandedProduct(_ p: SymExpr, _ q: SymExpr) -> SymExpr? {
        guard (p.terms.count + 1) * (q.terms.count + 1) <= Limits.terms * 4 else { return nil }
        var coefficients: [Int: (monomial: Monomial, coefficient: Int)] = [:]
        func accumulate(_ monomial: Monomial, _ coefficient: Int) -> Bool {
            let known: Int = coefficients[monomial.id]?.coefficient ?? 0
            guard let sum = checkedAdd(known, coefficient) else { return false }
            coefficients[monomial.id] = (monomial, sum)
            return true
        }
        for s in p.terms {
            for t in q.terms {
                guard let monomial = multiply(s.monomial, t.monomial),
                    let coefficient = checkedMultiply(s.coefficient, t.coefficient), accumulate(monomial, coefficient)
                else { return nil }
            }
            guard let coefficient = checkedMultiply(s.coefficient, q.constant), accumulate(s.monomial, coefficient)
            else { return nil }
        }
        for t in q.terms {
            guard let coefficient = checkedMultiply(t.coefficient, p.constant), accumulate(t.monomial, coefficient)
            else { return nil }
        }
        guard let constant = checkedMultiply(p.constant, q.constant) else { return nil }
        return sorted(constant: constant, coefficients.values.map { Term(monomial: $0.monomial, coefficient: $0.coefficient) })
    }

    /// An expression of distinct terms in any order, of which zeros are dropped.
    func sorted(constant: Int, _ terms: [Term]) -> SymExpr? {
        let present: [Term] = terms.filter { $0.coefficient != 0 }
        if present.count > Limits.terms { return nil }
        return expression(
            constant: constant, terms: present.sorted { Monomial.precedes($0.monomial, $1.monomial) })
    }

    func multiply(_ a: Monomial, _ b: Monomial) -> Monomial? {
        guard a.degree + b.degree <= Limits.degree else { return nil }
        var factors: [Monomial.Factor] = []
        factors.reserveCapacity(a.factors.count + b.factors.count)
        var i = 0
        var j = 0
        while i < a.factors.count || j < b.factors.count {
            if j == b.factors.count || (i < a.factors.count && a.factors[i].atom.id < b.factors[j].atom.id) {
                factors.append(a.factors[i])
                i += 1
            } else if i == a.factors.count || b.factors[j].atom.id < a.factors[i].atom.id {
                factors.append(b.factors[j])
                j += 1
            } else {
                let exponent: Int = a.factors[i].exponent + b.factors[j].exponent
                factors.append(Monomial.Factor(atom: a.factors[i].atom, exponent: exponent))
                i += 1
                j += 1
            }
        }
        return monomial(factors)
    }

    /// `a / b` when `b` divides it; `nil` otherwise. The unit monomial is an empty product.
    func quotient(_ a: Monomial, _ b: Monomial) -> [Monomial.Factor]? {
        var factors: [Monomial.Factor] = []
        var j = 0
        for factor in a.factors {
            guard j < b.factors.count, b.factors[j].atom === factor.atom else {
                factors.append(factor)
                continue
            }
            let exponent: Int = factor.exponent - b.factors[j].exponent
            if exponent < 0 { return nil }
            if exponent > 0 { factors.append(Monomial.Factor(atom: factor.atom, exponent: exponent)) }
            j += 1
        }
        return j == b.factors.count ? factors : nil
    }
}
