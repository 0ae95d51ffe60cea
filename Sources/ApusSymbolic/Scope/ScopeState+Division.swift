// The normal form of floor division. Remainders have no form of their own: P mod d is P - d * floorDiv(P, d), so that
// what is known of the quotient is known of the remainder.

extension ScopeState {
    func remainder(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        if q.isConstant, q.constant == 0 {
            throw SymbolicError(.divisionByZero, "division by zero in \(p.description(naming: \.displayName)) % 0")
        }
        return try subtract(p, multiply(q, floorDivide(p, q)))
    }

    func floorDivide(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        guard q.isConstant else { return try floorDivide(p, bySymbolic: q) }
        let d: Int = q.constant
        if d == 0 { throw SymbolicError(.divisionByZero, "division by zero in \(p.description(naming: \.displayName)) / 0") }
        if d == 1 { return p }
        if d > 0 { return try floorDivide(p, by: d) }
        // floor(P / -d) = floor(-P / d): both are negated, so that the rounding keeps its direction.
        guard d != .min, let negated = combine(p, -1, constant(0), 0) else {
            return expression(try atom(.floorDiv(p, q)))
        }
        return try floorDivide(negated, by: -d)
    }

    /// Division by a plain positive divisor.
    func floorDivide(_ p: SymExpr, by divisor: Int) throws(SymbolicError) -> SymExpr {
        if divisor == 1 { return p }
        if p.isConstant { return constant(floorDiv(p.constant, by: divisor)) }
        // Split each coefficient into a multiple of the divisor, which leaves the division exactly, and a residue.
        var quotientTerms: [Term] = []
        var residueTerms: [Term] = []
        for term in p.terms {
            let quotient: Int = floorDiv(term.coefficient, by: divisor)
            let residue: Int = floorMod(term.coefficient, by: divisor)
            if quotient != 0 { quotientTerms.append(Term(monomial: term.monomial, coefficient: quotient)) }
            if residue != 0 { residueTerms.append(Term(monomial: term.monomial, coefficient: residue)) }
        }
        let whole: SymExpr = expression(constant: floorDiv(p.constant, by: divisor), terms: quotientTerms)
        if residueTerms.isEmpty { return whole }
        // Cancel what divides all residues and the divisor: floor((g*R + k) / (g*d)) = floor((R + floor(k / g)) / d).
        let common: Int = residueTerms.reduce(divisor) { gcd($0, $1.coefficient) }
        if common > 1 {
            residueTerms = residueTerms.map { Term(monomial: $0.monomial, coefficient: $0.coefficient / common) }
        }
        let offset: Int = floorDiv(floorMod(p.constant, by: divisor), by: common)
        let rest: SymExpr = expression(constant: offset, terms: residueTerms)
        return try add(whole, reducedQuotient(rest, by: divisor / common))
    }

    /// The quotient of an expression whose coefficients are residues already.
    private func reducedQuotient(_ rest: SymExpr, by divisor: Int) throws(SymbolicError) -> SymExpr {
        if divisor == 1 { return rest }
        let low: Int = rest.range.low
        let high: Int = rest.range.high
        if low != .min, high != .max, floorDiv(low, by: divisor) == floorDiv(high, by: divisor) {
            return constant(floorDiv(low, by: divisor))
        }
        if let collapsed = try collapsedDivision(rest, by: divisor) { return collapsed }
        return expression(try atom(.floorDiv(rest, constant(divisor))))
    }

    /// floor((floor(P / c) + X) / d) = floor((P + c*X) / (c*d)) for whatever integer X.
    private func collapsedDivision(_ rest: SymExpr, by divisor: Int) throws(SymbolicError) -> SymExpr? {
        for term in rest.terms where term.coefficient == 1 {
            guard case .floorDiv(let inner, let innerDivisor)? = term.monomial.linearAtom?.kind,
                innerDivisor.isConstant, innerDivisor.constant > 1,
                let product = checkedMultiply(innerDivisor.constant, divisor)
            else { continue }
            let others: SymExpr = expression(
                constant: rest.constant, terms: rest.terms.filter { $0.monomial !== term.monomial })
            guard let numerator = combine(inner, 1, others, innerDivisor.constant) else { continue }
            return try floorDivide(numerator, by: product)
        }
        return nil
    }

    // MARK: Symbolic divisors

    private func floorDivide(_ p: SymExpr, bySymbolic q: SymExpr) throws(SymbolicError) -> SymExpr {
        if let known = q.range.low == q.range.high ? q.range.low : nil, known != 0 {
            return try floorDivide(p, constant(known))
        }
        // The divisor's sign: negative by its range, else by its leading coefficient, negates both sides.
        if q.range.high < 0 || (q.range.low <= 0 && q.terms[0].coefficient < 0) {
            if let negatedP = combine(p, -1, constant(0), 0), let negatedQ = combine(q, -1, constant(0), 0) {
                return try floorDivide(negatedP, bySymbolicNormalised: negatedQ)
            }
        }
        return try floorDivide(p, bySymbolicNormalised: q)
    }

    private func floorDivide(_ p: SymExpr, bySymbolicNormalised q: SymExpr) throws(SymbolicError) -> SymExpr {
        let mayBeZero: Bool = q.range.contains(0)
        if p.isConstant, p.constant == 0, !mayBeZero { return p }
        // Cancelling needs a divisor that is known not to be zero: otherwise the division itself is in doubt.
        if !mayBeZero {
            if let exact = exactQuotient(p, q) { return exact }
            if let (whole, rest) = splitByMonomial(p, q) {
                return try add(whole, floorDivide(rest, bySymbolicNormalised: q))
            }
            if q.range.low > 0, p.range.low >= 0, p.range.high != .max, p.range.high < q.range.low { return constant(0) }
        }
        let (reducedP, reducedQ) = withoutCommonContent(p, q)
        if reducedQ.isConstant { return try floorDivide(reducedP, reducedQ) }
        return expression(try atom(.floorDiv(reducedP, reducedQ)))
    }

    /// Divides both by the greatest common divisor of all their coefficients.
    private func withoutCommonContent(_ p: SymExpr, _ q: SymExpr) -> (SymExpr, SymExpr) {
        var common: Int = gcd(p.constant, q.constant)
        for term in p.terms { common = gcd(common, term.coefficient) }
        for term in q.terms { common = gcd(common, term.coefficient) }
        if common <= 1 { return (p, q) }
        func divided(_ e: SymExpr) -> SymExpr {
            expression(
                constant: e.constant / common,
                terms: e.terms.map { Term(monomial: $0.monomial, coefficient: $0.coefficient / common) })
        }
        return (divided(p), divided(q))
    }

    /// Splits `p` into multiples of a one-term divisor with coefficient one, and a rest; `nil` when nothing splits off.
    private func splitByMonomial(_ p: SymExpr, _ q: SymExpr) -> (whole: SymExpr, rest: SymExpr)? {
        guard q.constant == 0, q.terms.count == 1, q.terms[0].coefficient == 1 else { return nil }
        var wholeConstant = 0
        var whole: [Term] = []
        var rest: [Term] = []
        for term in p.terms {
            if let factors = quotient(term.monomial, q.terms[0].monomial) {
                if factors.isEmpty {
                    wholeConstant = term.coefficient
                } else {
                    whole.append(Term(monomial: monomial(factors), coefficient: term.coefficient))
                }
            } else {
                rest.append(term)
            }
        }
        if rest.count == p.terms.count { return nil }
        guard let split = sorted(constant: wholeConstant, whole) else { return nil }
        return (split, expression(constant: p.constant, terms: rest))
    }

    /// `p / q` when `q` divides `p` as a polynomial: long division by the leading term in a graded order.
    func exactQuotient(_ p: SymExpr, _ q: SymExpr) -> SymExpr? {
        if p === q { return constant(1) }
        guard let lead = q.terms.max(by: { gradedPrecedes($0.monomial, $1.monomial) }) else { return nil }
        var rest: SymExpr = p
        var result: SymExpr = constant(0)
        for _ in 0..<Limits.terms {
            guard let head = rest.terms.max(by: { gradedPrecedes($0.monomial, $1.monomial) }) else {
                return rest.constant == 0 ? result : nil
            }
            guard floorRemainder(head.coefficient, lead.coefficient) == 0, let factors = quotient(head.monomial, lead.monomial) else {
                return nil
            }
            let (coefficient, overflow) = head.coefficient.dividedReportingOverflow(by: lead.coefficient)
            if overflow { return nil }
            let step: SymExpr =
                factors.isEmpty
                ? constant(coefficient)
                : expression(constant: 0, terms: [Term(monomial: monomial(factors), coefficient: coefficient)])
            guard let product = try? multiply(step, q), let next = combine(rest, 1, product, -1),
                let sum = combine(result, 1, step, 1)
            else { return nil }
            rest = next
            result = sum
        }
        return nil
    }

    /// A monomial order that multiplication respects, which the interning order is not: degree, then lexicographic.
    private func gradedPrecedes(_ a: Monomial, _ b: Monomial) -> Bool {
        if a.degree != b.degree { return a.degree < b.degree }
        var i = 0
        while i < a.factors.count, i < b.factors.count {
            let (x, y) = (a.factors[i], b.factors[i])
            // The smaller atom id is the more significant variable.
            if x.atom !== y.atom { return x.atom.id > y.atom.id }
            if x.exponent != y.exponent { return x.exponent < y.exponent }
            i += 1
        }
        return a.factors.count < b.factors.count
    }
}
