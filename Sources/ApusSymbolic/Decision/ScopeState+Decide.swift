extension ScopeState {
    /// Adds a fact to the path.
    func assume(_ fact: BoolExpr) {
        if case .all(let parts) = fact.kind {
            for part in parts { assume(part) }
            return
        }
        if knowledge.now.truth[fact.id] == true { return }
        if knowledge.now.truth[fact.id] == false { knowledge.now.isContradictory = true }
        knowledge.now.conditions.append(fact)
        knowledge.now.truth[fact.id] = true
        if let opposite = try? negate(fact) { knowledge.now.truth[opposite.id] = false }
        knowledge.now.cache.removeAll(keepingCapacity: true)
        narrow(fact)
    }

    /// Bounds that a fact over one linear atom gives.
    private func narrow(_ fact: BoolExpr) {
        func bound(_ p: SymExpr) -> (atom: Atom, coefficient: Int)? {
            guard p.terms.count == 1, let atom = p.terms[0].monomial.linearAtom else { return nil }
            return (atom, p.terms[0].coefficient)
        }
        func meet(_ atom: Atom, _ interval: Interval) {
            let narrowed: Interval = self.bound(atom).intersection(interval)
            knowledge.now.bounds[atom.id] = narrowed
            if narrowed.isEmpty { knowledge.now.isContradictory = true }
        }
        switch fact.kind {
        case .atLeastZero(let p):
            guard let (atom, c) = bound(p), c == 1 || c == -1, p.constant != .min else { return }
            meet(atom, c == 1 ? Interval(low: -p.constant, high: .max) : Interval(low: .min, high: p.constant))
        case .equalsZero(let p):
            guard let (atom, c) = bound(p), c == 1, p.constant != .min else { return }
            meet(atom, Interval(-p.constant))
        default:
            return
        }
    }

    func bound(_ atom: Atom) -> Interval {
        var result: Interval = atom.range
        if let learned = knowledge.now.bounds[atom.id] { result = result.intersection(learned) }
        switch atom.kind {
        case .floorDiv(let p, let q):
            result = result.intersection(range(p).floorDivided(by: range(q)))
        case .max(let arguments):
            var largest: Interval = range(arguments[0])
            for argument in arguments.dropFirst() {
                let next: Interval = range(argument)
                largest = Interval(low: max(largest.low, next.low), high: max(largest.high, next.high))
            }
            result = result.intersection(largest)
        default:
            break
        }
        return result
    }

    func range(_ p: SymExpr) -> Interval { p.restored.boundsByAtom { bound($0) } }

    func tightRange(_ p: SymExpr) -> Interval { range(p) }

    func decide(_ condition: BoolExpr) -> Decision {
        if knowledge.now.isContradictory { return .proved }
        if let known = quickly(condition) { return known ? .proved : .refuted }
        if let cached = knowledge.now.cache[condition.id] { return cached }
        return .undecided(trueWitness: nil, falseWitness: nil)
    }

    private func quickly(_ condition: BoolExpr) -> Bool? {
        if let truth = knowledge.now.truth[condition.id] { return truth }
        switch condition.kind {
        case .constant(let value): return value
        case .atLeastZero(let p):
            let interval: Interval = range(p)
            return interval.low >= 0 ? true : (interval.high < 0 ? false : nil)
        case .equalsZero(let p):
            let interval: Interval = range(p)
            return interval.contains(0) ? (interval == Interval(0) ? true : nil) : false
        case .notZero(let p):
            let interval: Interval = range(p)
            return interval.contains(0) ? (interval == Interval(0) ? false : nil) : true
        case .all(let parts):
            let answers: [Bool?] = parts.map { quickly($0) }
            return answers.contains(false) ? false : (answers.contains(nil) ? nil : true)
        case .any(let parts):
            let answers: [Bool?] = parts.map { quickly($0) }
            return answers.contains(true) ? true : (answers.contains(nil) ? nil : false)
        default:
            return nil
        }
    }

    func anyWitness() -> Assignment? { nil }
}
