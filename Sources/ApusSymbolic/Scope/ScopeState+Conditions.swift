// Normal forms of conditions. Facts that path or declaration add later never enter here: only the ranges that symbols
// were made with do, so that a condition keeps its identity for the life of the scope.

extension ScopeState {
    func plain(_ value: Bool) throws(SymbolicError) -> BoolExpr { try condition(.constant(value)) }

    /// P >= 0.
    func atLeastZero(_ p: SymExpr) throws(SymbolicError) -> BoolExpr {
        if p.isConstant { return try plain(p.constant >= 0) }
        if p.range.low >= 0 { return try plain(true) }
        if p.range.high < 0 { return try plain(false) }
        let divisor: Int = content(p)
        let tight: SymExpr = divided(p, by: divisor, constant: floorDiv(p.constant, by: divisor))
        if let (inner, modulus, sign, rest) = remainderForm(tight) {
            // sign * (inner mod modulus) + rest >= 0, where the remainder lies in 0..<modulus.
            if sign > 0, rest == -1 { return try negate(divides(modulus, inner)) }
            if sign > 0, rest == 1 - modulus { return try divides(modulus, add(inner, constant(rest))) }
            if sign < 0, rest == 0 { return try divides(modulus, inner) }
            if sign < 0, rest == modulus - 2 { return try negate(divides(modulus, add(inner, constant(1 - modulus)))) }
        }
        return try condition(.atLeastZero(tight))
    }

    /// P == 0.
    func equalsZero(_ p: SymExpr) throws(SymbolicError) -> BoolExpr {
        if p.isConstant { return try plain(p.constant == 0) }
        if !p.range.contains(0) { return try plain(false) }
        let divisor: Int = content(p)
        if p.constant % divisor != 0 { return try plain(false) }
        var tight: SymExpr = divided(p, by: divisor, constant: p.constant / divisor)
        if tight.terms[0].coefficient < 0, let opposite = combine(tight, -1, constant(0), 0) { tight = opposite }
        if let (inner, modulus, sign, rest) = remainderForm(tight) {
            // inner mod modulus == -sign * rest
            let residue: Int = sign > 0 ? 0 &- rest : rest
            if residue < 0 || residue >= modulus { return try plain(false) }
            return try divides(modulus, subtract(inner, constant(residue)))
        }
        if tight.constant == 0, tight.terms.count == 1, tight.terms[0].monomial.degree > 1 {
            // A product is zero where one of its factors is.
            var parts: [BoolExpr] = []
            for factor in tight.terms[0].monomial.factors { parts.append(try equalsZero(expression(factor.atom))) }
            return try disjunction(parts)
        }
        return try condition(.equalsZero(tight))
    }

    /// d | P for d >= 1.
    func divides(_ d: Int, _ p: SymExpr) throws(SymbolicError) -> BoolExpr {
        if d <= 1 { return try plain(true) }
        // Only residues of the coefficients matter.
        var modulus: Int = d
        var terms: [Term] = p.terms.compactMap { term in
            let residue: Int = floorMod(term.coefficient, by: d)
            return residue == 0 ? nil : Term(monomial: term.monomial, coefficient: residue)
        }
        var offset: Int = floorMod(p.constant, by: d)
        if terms.isEmpty { return try plain(offset == 0) }
        let shared: Int = terms.reduce(d) { gcd($0, $1.coefficient) }
        if shared > 1 {
            if offset % shared != 0 { return try plain(false) }
            modulus = d / shared
            if modulus == 1 { return try plain(true) }
            terms = terms.map { Term(monomial: $0.monomial, coefficient: $0.coefficient / shared) }
            offset = (offset / shared) % modulus
            return try divides(modulus, expression(constant: offset, terms: terms))
        }
        // A unit times the expression has the same multiples: make the leading coefficient one where it is a unit.
        if terms[0].coefficient != 1, let inverse = modularInverse(terms[0].coefficient, modulus) {
            var scaled: [Term] = []
            for term in terms {
                guard let product = checkedMultiply(term.coefficient, inverse) else {
                    return try condition(.divides(modulus, expression(constant: offset, terms: terms)))
                }
                scaled.append(Term(monomial: term.monomial, coefficient: floorMod(product, by: modulus)))
            }
            if let product = checkedMultiply(offset, inverse) {
                terms = scaled
                offset = floorMod(product, by: modulus)
            }
        }
        return try condition(.divides(modulus, expression(constant: offset, terms: terms)))
    }

    func compare(_ relation: FloatExpr.Relation, _ a: FloatExpr, _ b: FloatExpr) throws(SymbolicError) -> BoolExpr {
        if case .constant(let x) = a.kind, case .constant(let y) = b.kind { return try plain(relation.holds(x, y)) }
        if relation == .equal, b.id < a.id { return try condition(.float(relation, b, a)) }
        return try condition(.float(relation, a, b))
    }

    // MARK: Logic

    /// The opposite condition. Opposites are kept: connectives look for them at every level, and finding them afresh each
    /// time would take time exponential in the depth.
    func negate(_ b: BoolExpr) throws(SymbolicError) -> BoolExpr {
        if let known = opposites[b.id] { return known }
        let opposite: BoolExpr = try freshOpposite(b)
        opposites[b.id] = opposite
        return opposite
    }

    private func freshOpposite(_ b: BoolExpr) throws(SymbolicError) -> BoolExpr {
        switch b.kind {
        case .constant(let value): return try plain(!value)
        case .atLeastZero(let p):
            guard let opposite = complement(p) else {
                throw SymbolicError(.tooComplex, "the opposite of \(b.description) has coefficients that overflow")
            }
            return try atLeastZero(opposite)
        case .equalsZero(let p): return try condition(.notZero(p))
        case .notZero(let p): return try condition(.equalsZero(p))
        case .divides(let d, let p): return try condition(.notDivides(d, p))
        case .notDivides(let d, let p): return try condition(.divides(d, p))
        case .float(let relation, let x, let y): return try condition(.notFloat(relation, x, y))
        case .notFloat(let relation, let x, let y): return try condition(.float(relation, x, y))
        case .all(let parts): return try disjunction(negated(parts))
        case .any(let parts): return try conjunction(negated(parts))
        }
    }

    /// -1 - P, whose constant always fits; `nil` where a coefficient does not.
    private func complement(_ p: SymExpr) -> SymExpr? {
        if p.terms.contains(where: { $0.coefficient == .min }) { return nil }
        return expression(constant: ~p.constant, terms: p.terms.map { Term(monomial: $0.monomial, coefficient: -$0.coefficient) })
    }

    private func negated(_ parts: [BoolExpr]) throws(SymbolicError) -> [BoolExpr] {
        var result: [BoolExpr] = []
        for part in parts { result.append(try negate(part)) }
        return result
    }

    func conjunction(_ parts: [BoolExpr]) throws(SymbolicError) -> BoolExpr {
        var flat: [BoolExpr] = []
        for part in parts {
            switch part.kind {
            case .constant(true): continue
            case .constant(false): return part
            case .all(let inner): flat.append(contentsOf: inner)
            default: flat.append(part)
            }
        }
        guard let distinct = try distinct(flat) else { return try plain(false) }
        if distinct.isEmpty { return try plain(true) }
        return try distinct.count == 1 ? distinct[0] : condition(.all(distinct))
    }

    func disjunction(_ parts: [BoolExpr]) throws(SymbolicError) -> BoolExpr {
        var flat: [BoolExpr] = []
        for part in parts {
            switch part.kind {
            case .constant(false): continue
            case .constant(true): return part
            case .any(let inner): flat.append(contentsOf: inner)
            default: flat.append(part)
            }
        }
        guard let distinct = try distinct(flat) else { return try plain(true) }
        if distinct.isEmpty { return try plain(false) }
        return try distinct.count == 1 ? distinct[0] : condition(.any(distinct))
    }

    /// Sorted without repetitions; `nil` when a condition and its opposite are both there.
    private func distinct(_ parts: [BoolExpr]) throws(SymbolicError) -> [BoolExpr]? {
        if parts.count > Limits.operands * 16 {
            throw SymbolicError(.tooComplex, "the condition has more than \(Limits.operands * 16) parts")
        }
        var seen: Set<Int> = []
        var unique: [BoolExpr] = []
        for part in parts where seen.insert(part.id).inserted { unique.append(part) }
        if unique.count <= Limits.operands {
            for part in unique where seen.contains(try negate(part).id) { return nil }
        }
        return unique.sorted { $0.id < $1.id }
    }

    // MARK: Parts

    /// The greatest common divisor of the coefficients.
    private func content(_ p: SymExpr) -> Int { max(1, p.terms.reduce(0) { gcd($0, $1.coefficient) }) }

    private func divided(_ p: SymExpr, by divisor: Int, constant: Int) -> SymExpr {
        if divisor == 1 { return p }
        return expression(
            constant: constant,
            terms: p.terms.map { Term(monomial: $0.monomial, coefficient: $0.coefficient / divisor) })
    }

    /// Reads an expression as `sign * (inner mod modulus) + rest` with a plain modulus, if it has that form.
    private func remainderForm(_ p: SymExpr) -> (inner: SymExpr, modulus: Int, sign: Int, rest: Int)? {
        for term in p.terms {
            guard case .floorDiv(let inner, let divisor)? = term.monomial.linearAtom?.kind, divisor.isConstant,
                divisor.constant > 1, term.coefficient.magnitude == divisor.constant.magnitude
            else { continue }
            let sign: Int = term.coefficient < 0 ? 1 : -1
            guard let rest = combine(p, 1, inner, -sign), rest.terms.count == 1, rest.constant != .min else { continue }
            return (inner, divisor.constant, sign, rest.constant)
        }
        return nil
    }
}

/// The inverse of `a` modulo `m`, when they have no common divisor.
func modularInverse(_ a: Int, _ m: Int) -> Int? {
    var (r0, r1) = (m, floorMod(a, by: m))
    var (t0, t1) = (0, 1)
    while r1 != 0 {
        let quotient: Int = r0 / r1
        (r0, r1) = (r1, r0 - quotient * r1)
        guard let step = checkedMultiply(quotient, t1), let next = checkedSubtract(t0, step) else { return nil }
        (t0, t1) = (t1, next)
    }
    return r0 == 1 ? floorMod(t0, by: m) : nil
}
