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
        for symbol in fact.freeSymbols {
            knowledge.now.conditionsBySymbol[symbol.index].append(knowledge.now.conditions.count)
        }
        knowledge.now.conditions.append(fact)
        learn(fact)
        knowledge.now.open.removeAll(keepingCapacity: true)
        knowledge.now.searchesLeft = 2
        filterPool(by: fact)
    }

    /// The positions of the facts that depend on some of the symbols, oldest first.
    func conditions(over symbols: [Symbol]) -> [Int] {
        if symbols.count == 1 { return knowledge.now.conditionsBySymbol[symbols[0].index] }
        return Set(symbols.flatMap { knowledge.now.conditionsBySymbol[$0.index] }).sorted()
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
        let first: Int = knowledge.now.rows.count
        insert(row)
        addDifferences(row)
        explainAtoms(of: row.p)
        var steps: Int = ScopeState.propagationSteps
        propagate(from: Array(first..<knowledge.now.rows.count), steps: &steps)
    }

    func insert(_ row: Row) {
        let index: Int = knowledge.now.rows.count
        knowledge.now.rows.append(row)
        for term in row.p.terms {
            for factor in term.monomial.factors { knowledge.now.rowsByAtom[factor.atom.id].append(index) }
        }
    }

    /// Takes the rows from a position on back out.
    func removeRows(from first: Int) {
        while knowledge.now.rows.count > first, let row = knowledge.now.rows.popLast() {
            for term in row.p.terms {
                for factor in term.monomial.factors { knowledge.now.rowsByAtom[factor.atom.id].removeLast() }
            }
        }
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
    func explainAtoms(of p: SymExpr) {
        var pending: [SymExpr] = [p]
        var budget = 32
        while let next = pending.popLast(), budget > 0 {
            for term in next.terms {
                for factor in term.monomial.factors where !knowledge.now.explained[factor.atom.id] {
                    knowledge.now.explained[factor.atom.id] = true
                    budget -= 1
                    for row in meaning(of: factor.atom) {
                        insert(row)
                        addDifferences(row)
                        pending.append(row.p)
                    }
                }
            }
        }
    }
}
