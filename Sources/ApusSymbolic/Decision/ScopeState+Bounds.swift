// Layer 1: bounds and residues of expressions under the current facts.

extension ScopeState {
    func bound(_ monomial: Monomial) -> Interval {
        if let atom = monomial.linearAtom { return bound(atom) }
        var result = Interval(1)
        for factor in monomial.factors { result = result * bound(factor.atom).power(factor.exponent) }
        return result.intersection(knowledge.now.productBounds[monomial.id])
    }

    func bound(_ atom: Atom) -> Interval {
        ownBound(atom).intersection(knowledge.now.bounds[atom.id])
    }

    /// What an atom's operands say of it.
    private func ownBound(_ atom: Atom) -> Interval {
        switch atom.kind {
        case .symbol, .rounded:
            return atom.range
        case .floorDiv(let p, let q):
            return atom.range.intersection(bound(p).floorDivided(by: bound(q)))
        case .max(let arguments):
            var largest: Interval = bound(arguments[0])
            for argument in arguments.dropFirst() {
                let next: Interval = bound(argument)
                largest = Interval(low: max(largest.low, next.low), high: max(largest.high, next.high))
            }
            return atom.range.intersection(largest)
        case .select(let condition, let p, let q):
            if let truth = knowledge.now.truth[condition.id] { return atom.range.intersection(bound(truth ? p : q)) }
            return atom.range.intersection(bound(p).union(bound(q)))
        case .sum(let p, let q):
            return atom.range.intersection(bound(p) + bound(q))
        case .product(let p, let q):
            return atom.range.intersection(bound(p) * bound(q))
        }
    }

    func bound(_ p: SymExpr) -> Interval {
        if p.isConstant { return Interval(p.constant) }
        let restored: Interval = p.restored.bounds { (monomial: Monomial) in bound(monomial) }
        return restored.intersection(p.range)
    }

    // MARK: Residues

    func residue(_ p: SymExpr) -> Residue {
        var total = Residue(modulus: 0, remainder: 0)
        var isFirst = true
        for term in p.terms {
            let next: Residue = residue(term.monomial).scaled(by: term.coefficient)
            total = isFirst ? next : total.adding(next)
            isFirst = false
            if total.modulus == 1 { return .none }
        }
        return isFirst ? .none : total.adding(p.constant)
    }

    private func residue(_ monomial: Monomial) -> Residue {
        guard let first = monomial.factors.first else { return .none }
        if monomial.degree == 1 { return residue(first.atom) }
        // A multiple of a known multiple is one, whatever the other factors are.
        var product = Residue(modulus: 0, remainder: 0)
        var isFirst = true
        var scale = 1
        for factor in monomial.factors {
            let own: Residue = residue(factor.atom)
            if own.remainder == 0, own.modulus > 1, scale < Residue.limit / own.modulus { scale *= own.modulus }
            for _ in 0..<factor.exponent {
                product = isFirst ? own : product.multiplied(by: own)
                isFirst = false
            }
        }
        let multiple = Residue(modulus: scale, remainder: 0)
        return product.intersection(multiple) ?? multiple
    }

    func residue(_ atom: Atom) -> Residue { knowledge.now.residues[atom.id] }

    // MARK: Answers

    /// The truth of a literal by bounds and residues alone.
    func truthByBounds(_ row: Row) -> Bool? {
        switch row.relation {
        case .atLeastZero:
            let interval: Interval = bound(row.p)
            if interval.low >= 0 { return true }
            return interval.high < 0 ? false : nil
        case .equalsZero:
            return isZero(row.p)
        case .notZero:
            return isZero(row.p).map { !$0 }
        case .divides(let d):
            return divides(d, row.p)
        case .notDivides(let d):
            return divides(d, row.p).map { !$0 }
        }
    }

    private func isZero(_ p: SymExpr) -> Bool? {
        let interval: Interval = bound(p)
        if !interval.contains(0) { return false }
        if interval == Interval(0) { return true }
        let residue: Residue = residue(p)
        return residue.modulus > 1 && residue.remainder != 0 ? false : nil
    }

    private func divides(_ d: Int, _ p: SymExpr) -> Bool? {
        let known: Residue = residue(p)
        let common: Int = gcd(known.modulus, d)
        if known.remainder % common != 0 { return false }
        if known.modulus % d == 0 { return true }
        let interval: Interval = bound(p)
        if interval.low == interval.high { return floorRemainder(interval.low, d) == 0 }
        if interval.low != .min, interval.high != .max, floorMod(interval.low, by: d) != 0,
            floorDiv(interval.low, by: d) == floorDiv(interval.high, by: d)
        {
            return false
        }
        return nil
    }
}
