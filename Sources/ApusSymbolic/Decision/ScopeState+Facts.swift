// Taking in facts: literals become rows, rows narrow bounds, and narrower bounds wake the rows that they concern.

extension ScopeState {
    /// Adds a fact to the path.
    func assume(_ fact: BoolExpr) {
        if case .all(let parts) = fact.kind {
            for part in parts { assume(part) }
            return
        }
        if case .constant(let value) = fact.kind {
            if !value { knowledge.now.isContradictory = true }
            return
        }
        knowledge.now.conditions.append(fact)
        learn(fact)
        knowledge.now.open.removeAll(keepingCapacity: true)
        knowledge.now.searchesLeft = 2
        filterPool(by: fact)
    }

    /// Draws the direct conclusions of a condition that holds.
    func learn(_ fact: BoolExpr) {
        if knowledge.now.truth[fact.id] == false { knowledge.now.isContradictory = true }
        record(fact, true)
        if let row = Row(fact) {
            add(row)
            switch row.relation {
            case .equalsZero: define(byZero: row.p)
            case .divides(let d): define(byMultiple: row.p, of: d)
            default: break
            }
        } else if case .any(let parts) = fact.kind {
            // What is left of a disjunction when all but one of its parts are known to fail is a fact.
            var left: [BoolExpr] = []
            for part in parts where quickTruth(part) != false { left.append(part) }
            if left.isEmpty { knowledge.now.isContradictory = true }
            if left.count == 1 { return learnParts(left[0]) }
            knowledge.now.disjunctions.append(fact)
        }
    }

    private func learnParts(_ fact: BoolExpr) {
        guard case .all(let parts) = fact.kind else { return learn(fact) }
        for part in parts { learn(part) }
    }

    /// Notes the truth of a condition and of its opposite.
    func record(_ condition: BoolExpr, _ value: Bool) {
        knowledge.now.truth[condition.id] = value
        if let opposite = try? negate(condition) { knowledge.now.truth[opposite.id] = !value }
    }

    private func add(_ row: Row) {
        let first: Int = insert(row)
        explainAtoms(of: row.p)
        propagate(from: Array(first..<knowledge.now.rows.count))
    }

    private func insert(_ row: Row) -> Int {
        let index: Int = knowledge.now.rows.count
        knowledge.now.rows.append(row)
        for term in row.p.terms {
            for factor in term.monomial.factors { knowledge.now.rowsByAtom[factor.atom.id, default: []].append(index) }
        }
        addDifferences(row)
        return index
    }

    private func addDifferences(_ row: Row) {
        guard let (x, y, c) = row.difference else { return }
        switch row.relation {
        case .atLeastZero:
            // x - y + c >= 0
            if knowledge.now.differences.add(y, x, c) { knowledge.now.isContradictory = true }
        case .equalsZero:
            if knowledge.now.differences.add(y, x, c) || knowledge.now.differences.add(x, y, 0 &- c) {
                knowledge.now.isContradictory = true
            }
        default:
            break
        }
    }

    /// Adds the rows that hold by the meaning of the atoms in an expression, and of the atoms in those.
    private func explainAtoms(of p: SymExpr) {
        var pending: [SymExpr] = [p]
        var budget = 32
        while let next = pending.popLast(), budget > 0 {
            for term in next.terms {
                for factor in term.monomial.factors where knowledge.now.explained.insert(factor.atom.id).inserted {
                    budget -= 1
                    for row in meaning(of: factor.atom) {
                        _ = insert(row)
                        pending.append(row.p)
                    }
                }
            }
        }
    }

    // MARK: Propagation

    /// Takes an atom to have a value, and draws the conclusions.
    func settle(_ atom: Atom, _ value: Int) {
        let changed: [Int] = meet(atom, Interval(value))
        if !changed.isEmpty { propagate(from: knowledge.now.rowsByAtom[atom.id] ?? []) }
    }

    private func propagate(from rows: [Int]) {
        var queue: [Int] = rows
        var head = 0
        var waiting: Set<Int> = Set(rows)
        var budget = 256
        while head < queue.count, budget > 0, !knowledge.now.isContradictory {
            let index: Int = queue[head]
            head += 1
            waiting.remove(index)
            budget -= 1
            for atom in narrow(by: knowledge.now.rows[index]) {
                for other in knowledge.now.rowsByAtom[atom] ?? [] where waiting.insert(other).inserted { queue.append(other) }
            }
        }
    }

    /// Narrows bounds and residues by one row; gives the atoms that it narrowed.
    private func narrow(by row: Row) -> [Int] {
        switch row.relation {
        case .atLeastZero:
            return narrowAtLeastZero(row.p, sign: 1)
        case .equalsZero:
            return narrowAtLeastZero(row.p, sign: 1) + narrowAtLeastZero(row.p, sign: -1) + narrowResidues(row.p)
        case .notZero:
            guard row.p.terms.count == 1, row.p.terms[0].coefficient == 1, row.p.constant != .min,
                let atom = row.p.terms[0].monomial.linearAtom
            else { return [] }
            let interval: Interval = bound(atom)
            let excluded: Int = -row.p.constant
            if interval.low == excluded, excluded != .max { return meet(atom, Interval(low: excluded + 1, high: .max)) }
            if interval.high == excluded { return meet(atom, Interval(low: .min, high: excluded - 1)) }
            return []
        case .divides(let d):
            guard d < Residue.limit, let lead = row.p.terms.first, lead.coefficient == 1,
                let atom = lead.monomial.linearAtom, let rest = combine(row.p, -1, expression(atom), 1)
            else { return [] }
            // atom = -(the others), modulo d
            let others: Residue =
                rest.isConstant
                ? Residue(modulus: d, remainder: floorMod(rest.constant, by: d)) : residue(rest)
            let known: Residue = others.adding(Residue(modulus: d, remainder: 0))
            return known.modulus > 1 ? meet(atom, known) : []
        case .notDivides(2):
            guard row.p.terms.count == 1, row.p.terms[0].coefficient == 1, let atom = row.p.terms[0].monomial.linearAtom
            else { return [] }
            return meet(atom, Residue(modulus: 2, remainder: floorMod(row.p.constant &+ 1, by: 2)))
        case .notDivides:
            return []
        }
    }

    /// From sign * p >= 0: each term is at least minus the most that the others can be.
    private func narrowAtLeastZero(_ p: SymExpr, sign: Int) -> [Int] {
        let terms: [(interval: Interval, term: Term)] = p.terms.compactMap { term in
            guard term.coefficient != .min else { return nil }
            return (bound(term.monomial).scaled(by: term.coefficient * sign), term)
        }
        if terms.count != p.terms.count { return [] }
        var total = Int128(p.constant) * Int128(sign)
        var unbounded = 0
        for (interval, _) in terms {
            if interval.high == .max { unbounded += 1 } else { total += Int128(interval.high) }
        }
        if unbounded == 0, total < 0 {
            knowledge.now.isContradictory = true
            return []
        }
        if unbounded > 1 { return [] }
        var changed: [Int] = []
        for (interval, term) in terms {
            if unbounded == 1, interval.high != .max { continue }
            let others: Int128 = interval.high == .max ? total : total - Int128(interval.high)
            // coefficient * m >= -others
            guard let room = Int(exactly: others), room != .min else { continue }
            let c: Int = term.coefficient * sign
            let limit: Interval =
                c > 0 ? Interval(low: 0 &- floorDiv(room, by: c), high: .max) : Interval(low: .min, high: floorDiv(room, by: -c))
            changed += meet(term.monomial, limit)
        }
        return changed
    }

    private func meet(_ monomial: Monomial, _ limit: Interval) -> [Int] {
        if let atom = monomial.linearAtom { return meet(atom, limit) }
        let current: Interval = bound(monomial)
        let narrowed: Interval = current.intersection(limit)
        if narrowed == current { return [] }
        knowledge.now.productBounds[monomial.id] = narrowed
        if narrowed.isEmpty { knowledge.now.isContradictory = true }
        var changed: [Int] = []
        if narrowed.high != .max {
            // x * y <= h with y >= l > 0 bounds x.
            for factor in monomial.factors where factor.exponent == 1 {
                var others = Interval(1)
                for other in monomial.factors where other.atom !== factor.atom {
                    others = others * bound(other.atom).power(other.exponent)
                }
                if others.low > 0, others.low != .max, narrowed.high >= 0 {
                    changed += meet(factor.atom, Interval(low: .min, high: floorDiv(narrowed.high, by: others.low)))
                }
            }
        }
        return changed + monomial.factors.map(\.atom.id)
    }

    private func meet(_ atom: Atom, _ limit: Interval) -> [Int] {
        let current: Interval = bound(atom)
        let narrowed: Interval = residue(atom).tightened(current.intersection(limit))
        if narrowed == current { return [] }
        knowledge.now.bounds[atom.id] = narrowed
        if narrowed.isEmpty { knowledge.now.isContradictory = true }
        return [atom.id]
    }

    private func meet(_ atom: Atom, _ other: Residue) -> [Int] {
        let current: Residue = residue(atom)
        guard let joint = current.intersection(other) else {
            knowledge.now.isContradictory = true
            return []
        }
        if joint == current { return [] }
        knowledge.now.residues[atom.id] = joint
        define(atom, by: joint)
        _ = meet(atom, .all)
        return [atom.id]
    }

    /// From p == 0: a term with a unit coefficient has the residue of what it equals.
    private func narrowResidues(_ p: SymExpr) -> [Int] {
        var changed: [Int] = []
        for term in p.terms where term.coefficient.magnitude == 1 {
            guard let atom = term.monomial.linearAtom, let rest = combine(p, -term.coefficient, expression(atom), 1) else {
                continue
            }
            if rest.isConstant { continue }
            let known: Residue = residue(rest)
            if known.modulus > 1 { changed += meet(atom, known) }
        }
        return changed
    }
}
