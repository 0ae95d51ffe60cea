// The decision procedure: layers from cheap to costly, each of which may only say what is certain.

extension ScopeState {
    func decide(_ condition: BoolExpr) -> Answer {
        // Nothing satisfies contradictory facts, so everything holds for what does.
        if knowledge.now.isContradictory { return .proved }
        if let truth = quickTruth(condition) { return truth ? .proved : .refuted }
        if let known = knowledge.now.open[condition.id] { return known }
        let answer: Answer = decideSlowly(condition)
        switch answer {
        case .proved: record(condition, true)
        case .refuted: record(condition, false)
        case .open: knowledge.now.open[condition.id] = answer
        }
        return answer
    }

    /// Layers 0 to 2: known truths, bounds and residues, differences.
    func quickTruth(_ condition: BoolExpr) -> Bool? {
        if let truth = knowledge.now.truth[condition.id] { return truth }
        if case .constant(let value) = condition.kind { return value }
        if let row = Row(condition) { return truthByBounds(row) ?? truthByDifferences(row) }
        switch condition.kind {
        case .all(let parts): return quickTruth(parts, decisive: false)
        case .any(let parts): return quickTruth(parts, decisive: true)
        default: return nil
        }
    }

    private func quickTruth(_ parts: [BoolExpr], decisive: Bool) -> Bool? {
        var isOpen = false
        for part in parts {
            switch quickTruth(part) {
            case decisive?: return decisive
            case nil: isOpen = true
            default: continue
            }
        }
        return isOpen ? nil : !decisive
    }

    /// Layer 2: for x - y + c the known bounds of both differences.
    private func truthByDifferences(_ row: Row) -> Bool? {
        guard let (x, y, c) = row.difference else { return nil }
        let high: Int? = knowledge.now.differences.upperBound(x, y).flatMap { checkedAdd($0, c) }
        let low: Int? = knowledge.now.differences.upperBound(y, x).flatMap { checkedSubtract(c, $0) }
        switch row.relation {
        case .atLeastZero:
            if let low, low >= 0 { return true }
            if let high, high < 0 { return false }
            return nil
        case .equalsZero, .notZero:
            let isEqual: Bool
            if case .equalsZero = row.relation { isEqual = true } else { isEqual = false }
            if let low, low > 0 { return !isEqual }
            if let high, high < 0 { return !isEqual }
            if let low, let high, low == 0, high == 0 { return isEqual }
            return nil
        case .divides, .notDivides:
            return nil
        }
    }

    private func decideSlowly(_ condition: BoolExpr) -> Answer {
        if condition.freeSymbols.contains(where: { $0.kind == .unbackedFloat }) { return decideFloat(condition) }
        preparePool()
        var truePoint: [Int?]?
        var falsePoint: [Int?]?
        for point in knowledge.now.pool where truePoint == nil || falsePoint == nil {
            switch holds(condition, at: point) {
            case true?: truePoint = truePoint ?? point
            case false?: falsePoint = falsePoint ?? point
            case nil: continue
            }
        }
        if let truth = rewrittenTruth(condition) { return truth ? .proved : .refuted }
        func improve(_ find: (Bool) -> [Int?]?) {
            if truePoint == nil, let point = find(true) {
                truePoint = point
                remember(point)
            }
            if falsePoint == nil, let point = find(false) {
                falsePoint = point
                remember(point)
            }
        }
        improve { repairedPoint(condition, wanted: $0) }
        if truePoint == nil || falsePoint == nil, let opposite = try? negate(condition) {
            if let answer = enumerated(condition, limit: 64) { return answer }
            // Bounds under an assumption may show that it can't hold, and lead to where it does.
            for (wanted, assumption) in [(false, opposite), (true, condition)] where (wanted ? truePoint : falsePoint) == nil {
                var steps: Int = knowledge.now.conditions.count > ScopeState.crowd ? 96 : ScopeState.propagationSteps
                let (point, isImpossible) = supposing(assumption, steps: &steps) { _ in walkedPoint(assumption) }
                if isImpossible { return wanted ? .refuted : .proved }
                improve { $0 == wanted ? point : nil }
            }
            var proof = Refutation(self)
            if falsePoint == nil, proof.refutes(opposite) { return .proved }
            var disproof = Refutation(self)
            if truePoint == nil, disproof.refutes(condition) { return .refuted }
            if truePoint == nil || falsePoint == nil {
                if let answer = enumerated(condition, limit: 4096) { return answer }
                improve { searchPoint(assuming: $0 ? condition : opposite) }
            }
        }
        return .open(
            whenTrue: truePoint.map { Answer.Point(integers: $0) }, whenFalse: falsePoint.map { Answer.Point(integers: $0) })
    }

    /// The truth of the condition with known equalities put in.
    private func rewrittenTruth(_ condition: BoolExpr) -> Bool? {
        guard let rewritten = rewriting(condition), rewritten !== condition else { return nil }
        return quickTruth(rewritten)
    }

    // MARK: Small boxes

    /// Tries every point of a small box: the condition's symbols, and those that facts tie to them, as long as the box stays
    /// within the limit. Facts over other symbols are ignored, which can hide an answer but not make one up.
    private func enumerated(_ condition: BoolExpr, limit: Int) -> Answer? {
        guard let box = Box(self, around: condition, limit: limit) else { return nil }
        var sawTrue = false
        var sawFalse = false
        var isComplete = true
        box.forEachPoint { point in
            switch holds(condition, at: point) {
            case true?: sawTrue = true
            case false?: sawFalse = true
            case nil: isComplete = false
            }
            return isComplete && !(sawTrue && sawFalse)
        }
        if !isComplete || sawTrue == sawFalse { return nil }
        return sawTrue ? .proved : .refuted
    }

    // MARK: Ranges

    /// Bounds of an expression, as tight as a little effort makes them.
    func tightRange(_ p: SymExpr) -> Interval {
        let known: Interval = bound(p)
        if known.low >= known.high { return known }
        if let box = Box(self, around: p.freeSymbols, limit: 256), let exact = box.range(of: p) {
            return exact.intersection(known)
        }
        var result: Interval = known
        if let rewritten = rewriting(p), rewritten !== p { result = result.intersection(bound(rewritten)) }
        if p.terms.count > 1 || p.singleAtom?.isSymbol != true {
            var projection = Refutation(self)
            result = result.intersection(projection.bounds(of: p))
        }
        return result.isEmpty ? known : result
    }
}

extension Atom {
    var isSymbol: Bool {
        if case .symbol = kind { return true }
        return false
    }
}
