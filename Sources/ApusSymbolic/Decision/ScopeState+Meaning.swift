// What holds by the meaning of atoms: the bounds between a quotient and its dividend, a maximum and its arguments, a
// product and its factors. The layers that look for proofs treat monomials as plain unknowns and need these rows.

extension ScopeState {
    /// Rows that hold by an atom's definition.
    func meaning(of atom: Atom) -> [Row] {
        var rows: [Row] = []
        let value: SymExpr = expression(atom)
        func atLeastZero(_ p: SymExpr?) {
            if let p, !p.isConstant { rows.append(Row(.atLeastZero, p)) }
        }
        switch atom.kind {
        case .symbol, .rounded, .sum, .product:
            break
        case .floorDiv(let p, let q):
            // q * value <= p <= q * value + q - 1 for a positive q.
            guard q.isConstant ? q.constant > 0 : bound(q).low > 0, let product = try? multiply(q, value),
                let remainder = combine(p, 1, product, -1)
            else { break }
            atLeastZero(remainder)
            if let gap = combine(q, 1, remainder, -1) { atLeastZero(combine(gap, 1, constant(1), -1)) }
        case .max(let arguments):
            for argument in arguments { atLeastZero(combine(value, 1, argument, -1)) }
            // The smaller of two is at least both lower bounds' minimum: max(u, v) <= u + v - min(low u, low v).
            if arguments.count == 2, let sum = combine(arguments[0], 1, arguments[1], 1) {
                let low: Int = min(bound(arguments[0]).low, bound(arguments[1]).low)
                if low != .min, let gap = combine(sum, 1, value, -1) { atLeastZero(combine(gap, 1, constant(low), -1)) }
            }
        case .select(let condition, let p, let q):
            if let truth = knowledge.now.truth[condition.id] {
                if let gap = combine(value, 1, truth ? p : q, -1), !gap.isConstant { rows.append(Row(.equalsZero, gap)) }
            } else if let difference = combine(p, 1, q, -1) {
                let sign: Interval = bound(difference)
                if sign.low >= 0 {
                    atLeastZero(combine(p, 1, value, -1))
                    atLeastZero(combine(value, 1, q, -1))
                } else if sign.high <= 0 {
                    atLeastZero(combine(q, 1, value, -1))
                    atLeastZero(combine(value, 1, p, -1))
                }
            }
        }
        return rows
    }

    /// Linear consequences of the bounds of a product's two parts x and y: (x - low x)(y - low y) >= 0 and its kin.
    func productLemmas(_ monomial: Monomial) -> [SymExpr] {
        guard monomial.degree > 1, monomial.degree <= 4 else { return [] }
        var lemmas: [SymExpr] = []
        let whole: SymExpr = expression(constant: 0, terms: [Term(monomial: monomial, coefficient: 1)])
        for factor in monomial.factors {
            let x: SymExpr = expression(factor.atom)
            guard let rest = quotient(monomial, self.monomial([Monomial.Factor(atom: factor.atom, exponent: 1)])) else {
                continue
            }
            let restMonomial: Monomial = self.monomial(rest)
            let y: SymExpr = expression(constant: 0, terms: [Term(monomial: restMonomial, coefficient: 1)])
            let (bx, by) = (bound(factor.atom), bound(restMonomial))
            // (x - a)(y - b) = xy - b x - a y + ab, with the sign of the two sides of the bounds.
            func lemma(_ a: Int, _ b: Int, _ sign: Int) {
                guard a != .min, a != .max, b != .min, b != .max, let ab = checkedMultiply(a, b), b != .min, a != .min,
                    let first = combine(whole, 1, x, -b), let second = combine(first, 1, y, -a),
                    let third = combine(second, 1, constant(ab), 1), let signed = combine(third, sign, constant(0), 0)
                else { return }
                if !signed.isConstant { lemmas.append(signed) }
            }
            lemma(bx.low, by.low, 1)
            lemma(bx.high, by.high, 1)
            lemma(bx.low, by.high, -1)
            lemma(bx.high, by.low, -1)
            // A square is not negative, and lies above each of its tangents.
            if factor.exponent == 2, rest.count == 1, rest[0].atom === factor.atom {
                if bx.low < 0, bx.high > 0 { lemmas.append(whole) }
            }
            if monomial.factors.count == 2, monomial.degree == 2, factor.atom === monomial.factors[0].atom { break }
        }
        return lemmas
    }

    /// Products of a known row with a factor that is not negative, where all products that come out are wanted anyway:
    /// a <= b gives a*c <= b*c.
    func scaledRows(_ rows: [Row], by atoms: [Atom], wanted: Set<Int>) -> [SymExpr] {
        var result: [SymExpr] = []
        for row in rows {
            let isEquality: Bool
            switch row.relation {
            case .atLeastZero: isEquality = false
            case .equalsZero: isEquality = true
            default: continue
            }
            guard row.p.terms.count <= 4 else { continue }
            for atom in atoms {
                let low: Int = bound(atom).low
                guard low != .min, low != .max, let shifted = combine(expression(atom), 1, constant(low), -1),
                    let product = try? multiply(row.p, shifted),
                    product.terms.allSatisfy({ $0.monomial.degree == 1 || wanted.contains($0.monomial.id) })
                else { continue }
                result.append(product)
                if isEquality, let opposite = combine(product, -1, constant(0), 0) { result.append(opposite) }
                if result.count >= 48 { return result }
            }
        }
        return result
    }
}
