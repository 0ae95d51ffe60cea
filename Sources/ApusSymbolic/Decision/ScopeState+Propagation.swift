// Propagation: rows narrow the bounds and residues of their atoms, and what was narrowed wakes the rows that it occurs in.

extension ScopeState {
    /// How many rows are looked at after a new fact. Stopping early leaves bounds wider than they could be, never wrong.
    static let propagationSteps = 256

    /// Takes an atom to have a value, and draws the conclusions.
    func settle(_ atom: Atom, _ value: Int, steps: inout Int) {
        var changed: [Int] = []
        meet(atom, Interval(value), &changed)
        if !changed.isEmpty { propagate(from: knowledge.now.rowsByAtom[atom.id], steps: &steps) }
    }

    /// Narrows by the rows at some positions, and by those that this wakes.
    func propagate(from rows: [Int], steps: inout Int) {
        var queue: [Int] = rows
        var head = 0
        var isWaiting = [Bool](repeating: false, count: knowledge.now.rows.count)
        for index in rows { isWaiting[index] = true }
        var changed: [Int] = []
        while head < queue.count, steps > 0, !knowledge.now.isContradictory {
            let index: Int = queue[head]
            head += 1
            isWaiting[index] = false
            steps -= 1
            changed.removeAll(keepingCapacity: true)
            narrow(by: knowledge.now.rows[index], &changed)
            for atom in changed {
                for other in knowledge.now.rowsByAtom[atom] where !isWaiting[other] {
                    isWaiting[other] = true
                    queue.append(other)
                }
            }
        }
    }

    /// What `body` finds while a condition is taken to hold as well, as far as bounds and residues tell; `nil` when they
    /// show that it can't hold. All is as before afterwards.
    func supposing<Result>(
        _ assumption: BoolExpr?, steps: inout Int, _ body: (inout Int) -> Result?
    ) -> (result: Result?, isImpossible: Bool) {
        if knowledge.now.isContradictory { return (nil, true) }
        let rows: [Row] = (assumption?.conjuncts ?? []).compactMap { Row($0) }
        // What atoms mean holds with and without the assumption.
        for row in rows { explainAtoms(of: row.p) }
        let first: Int = knowledge.now.rows.count
        let bounds: NodeTable<Interval> = knowledge.now.bounds
        let productBounds: NodeTable<Interval> = knowledge.now.productBounds
        let residues: NodeTable<Residue> = knowledge.now.residues
        let definitions: [Int: SymExpr] = knowledge.now.definitions
        for row in rows { insert(row) }
        propagate(from: Array(first..<knowledge.now.rows.count), steps: &steps)
        let isImpossible: Bool = knowledge.now.isContradictory
        let result: Result? = isImpossible ? nil : body(&steps)
        removeRows(from: first)
        knowledge.now.bounds = bounds
        knowledge.now.productBounds = productBounds
        knowledge.now.residues = residues
        knowledge.now.definitions = definitions
        knowledge.now.isContradictory = false
        return (result, isImpossible)
    }

    /// Narrows bounds and residues by one row; notes the atoms that it narrowed.
    private func narrow(by row: Row, _ changed: inout [Int]) {
        switch row.relation {
        case .atLeastZero:
            narrowAtLeastZero(row.p, sign: 1, &changed)
        case .equalsZero:
            narrowAtLeastZero(row.p, sign: 1, &changed)
            narrowAtLeastZero(row.p, sign: -1, &changed)
            narrowResidues(row.p, &changed)
        case .notZero:
            guard row.p.terms.count == 1, row.p.terms[0].coefficient == 1, row.p.constant != .min,
                let atom = row.p.terms[0].monomial.linearAtom
            else { return }
            let interval: Interval = bound(atom)
            let excluded: Int = -row.p.constant
            if interval.low == excluded, excluded != .max { meet(atom, Interval(low: excluded + 1, high: .max), &changed) }
            if interval.high == excluded { meet(atom, Interval(low: .min, high: excluded - 1), &changed) }
        case .divides(let d):
            guard d < Residue.limit, let lead = row.p.terms.first, lead.coefficient == 1,
                let atom = lead.monomial.linearAtom, let rest = combine(row.p, -1, expression(atom), 1)
            else { return }
            // atom = -(the others), modulo d
            let others: Residue =
                rest.isConstant
                ? Residue(modulus: d, remainder: floorMod(rest.constant, by: d)) : residue(rest)
            let known: Residue = others.adding(Residue(modulus: d, remainder: 0))
            if known.modulus > 1 { meet(atom, known, &changed) }
        case .notDivides(let d):
            guard row.p.terms.count == 1, row.p.terms[0].coefficient == 1, let atom = row.p.terms[0].monomial.linearAtom
            else { return }
            if d == 2 { meet(atom, Residue(modulus: 2, remainder: floorMod(row.p.constant &+ 1, by: 2)), &changed) }
            guard d < Residue.limit else { return }
            // A bound that the row rules out is no value of the atom.
            func isExcluded(_ value: Int) -> Bool { (floorMod(value, by: d) + floorMod(row.p.constant, by: d)) % d == 0 }
            let interval: Interval = bound(atom)
            if interval.low != .min, interval.low != .max, isExcluded(interval.low) {
                meet(atom, Interval(low: interval.low + 1, high: .max), &changed)
            }
            if interval.high != .min, interval.high != .max, isExcluded(interval.high) {
                meet(atom, Interval(low: .min, high: interval.high - 1), &changed)
            }
        }
    }

    /// From sign * p >= 0: each term is at least minus the most that the others can be.
    private func narrowAtLeastZero(_ p: SymExpr, sign: Int, _ changed: inout [Int]) {
        var total = Int128(p.constant) * Int128(sign)
        var unbounded = 0
        for term in p.terms {
            if term.coefficient == .min { return }
            let high: Int = bound(term.monomial).scaled(by: term.coefficient * sign).high
            if high == .max { unbounded += 1 } else { total += Int128(high) }
        }
        if unbounded == 0, total < 0 {
            knowledge.now.isContradictory = true
            return
        }
        if unbounded > 1 { return }
        for term in p.terms {
            let c: Int = term.coefficient * sign
            // Read again: an earlier term may have narrowed it, which leaves `total` only larger than it need be.
            let interval: Interval = bound(term.monomial)
            let high: Int = interval.scaled(by: c).high
            if unbounded == 1, high != .max { continue }
            let others: Int128 = high == .max ? total : total - Int128(high)
            // coefficient * m >= -others
            guard let room = Int(exactly: others), room != .min else { continue }
            let limit: Interval =
                c > 0 ? Interval(low: 0 &- floorDiv(room, by: c), high: .max) : Interval(low: .min, high: floorDiv(room, by: -c))
            if interval.low >= limit.low, interval.high <= limit.high { continue }
            meet(term.monomial, limit, &changed)
        }
    }

    private func meet(_ monomial: Monomial, _ limit: Interval, _ changed: inout [Int]) {
        if let atom = monomial.linearAtom { return meet(atom, limit, &changed) }
        let current: Interval = bound(monomial)
        let narrowed: Interval = current.intersection(limit)
        if narrowed == current { return }
        knowledge.now.productBounds[monomial.id] = narrowed
        if narrowed.isEmpty { knowledge.now.isContradictory = true }
        if narrowed.high != .max {
            // x * y <= h with y >= l > 0 bounds x.
            for factor in monomial.factors where factor.exponent == 1 {
                var others = Interval(1)
                for other in monomial.factors where other.atom !== factor.atom {
                    others = others * bound(other.atom).power(other.exponent)
                }
                if others.low > 0, others.low != .max, narrowed.high >= 0 {
                    meet(factor.atom, Interval(low: .min, high: floorDiv(narrowed.high, by: others.low)), &changed)
                }
            }
        }
        for factor in monomial.factors { changed.append(factor.atom.id) }
    }

    private func meet(_ atom: Atom, _ limit: Interval, _ changed: inout [Int]) {
        let current: Interval = bound(atom)
        let narrowed: Interval = residue(atom).tightened(current.intersection(limit))
        if narrowed == current { return }
        knowledge.now.bounds[atom.id] = narrowed
        if narrowed.isEmpty { knowledge.now.isContradictory = true }
        changed.append(atom.id)
    }

    private func meet(_ atom: Atom, _ other: Residue, _ changed: inout [Int]) {
        let current: Residue = residue(atom)
        guard let joint = current.intersection(other) else {
            knowledge.now.isContradictory = true
            return
        }
        if joint == current { return }
        knowledge.now.residues[atom.id] = joint
        define(atom, by: joint)
        meet(atom, .all, &changed)
        changed.append(atom.id)
    }

    /// From p == 0: a term with a unit coefficient has the residue of what it equals.
    private func narrowResidues(_ p: SymExpr, _ changed: inout [Int]) {
        if p.terms.count > 1, p.terms.allSatisfy({ $0.coefficient.magnitude == 1 }), !hasResidues(p) { return }
        for term in p.terms where term.coefficient.magnitude == 1 {
            guard let atom = term.monomial.linearAtom, let rest = combine(p, -term.coefficient, expression(atom), 1) else {
                continue
            }
            if rest.isConstant { continue }
            let known: Residue = residue(rest)
            if known.modulus > 1 { meet(atom, known, &changed) }
        }
    }

    /// Whether anything is known of a residue in an expression.
    private func hasResidues(_ p: SymExpr) -> Bool {
        p.terms.contains { term in term.monomial.factors.contains { residue($0.atom).modulus > 1 } }
    }
}
