// Layer W: points that satisfy all facts. A condition that is true at one and false at another is open, at the cost of
// two evaluations; such points are also what the tracer and the errors show.

extension ScopeState {
    static let poolLimit = 32

    func holds(_ condition: BoolExpr, at point: [Int?]) -> Bool? { Evaluator(integers: point).value(condition) }

    /// Whether a point satisfies a fact. Facts over floats say nothing of integers.
    private func admits(_ fact: BoolExpr, _ point: [Int?]) -> Bool {
        if let truth = holds(fact, at: point) { return truth }
        return fact.freeSymbols.contains { $0.kind == .unbackedFloat }
    }

    func filterPool(by fact: BoolExpr) { knowledge.now.pool.removeAll { !admits(fact, $0) } }

    private func isAdmitted(_ point: [Int?], touching symbols: [Symbol]? = nil) -> Bool {
        guard let symbols else { return knowledge.now.conditions.allSatisfy { admits($0, point) } }
        // Only facts over what changed need another look.
        return knowledge.now.conditions.allSatisfy { fact in
            !fact.freeSymbols.contains { symbol in symbols.contains { $0.index == symbol.index } } || admits(fact, point)
        }
    }

    /// Makes the pool's points give a value to every symbol, and seeds an empty pool.
    func preparePool() {
        if knowledge.now.poolSymbols < symbols.count {
            let fresh: ArraySlice<Symbol> = symbols[knowledge.now.poolSymbols...]
            for index in knowledge.now.pool.indices {
                for symbol in fresh { knowledge.now.pool[index].append(defaultValue(symbol, variant: index)) }
            }
            let start: Bool = knowledge.now.poolSymbols == 0
            knowledge.now.poolSymbols = symbols.count
            if start { seedPool() }
        }
        if knowledge.now.pool.isEmpty, knowledge.now.searchesLeft > 0 {
            seedPool()
            if knowledge.now.pool.isEmpty {
                knowledge.now.searchesLeft -= 1
                if let point = searchPoint(assuming: nil) { remember(point) }
            }
        }
    }

    private func seedPool() {
        for variant in 0..<12 {
            let point: [Int?] = symbols.map { defaultValue($0, variant: variant) }
            if isAdmitted(point), !knowledge.now.pool.contains(point) { knowledge.now.pool.append(point) }
        }
    }

    func remember(_ point: [Int?]) {
        if knowledge.now.pool.count >= ScopeState.poolLimit {
            // The first is the example, or what comes nearest to it.
            knowledge.now.pool.remove(at: 1 + floorMod((point.last ?? nil) ?? 0, by: ScopeState.poolLimit - 1))
        }
        knowledge.now.pool.append(point)
    }

    /// Values to start from: the example, the corners, and a few that differ between symbols.
    private func defaultValue(_ symbol: Symbol, variant: Int) -> Int? {
        if symbol.kind == .unbackedFloat { return nil }
        guard let atom = try? atom(.symbol(symbol)) else { return nil }
        let interval: Interval = bound(atom)
        if interval.isEmpty { return nil }
        let low: Int = interval.low != .min ? interval.low : min(interval.high, 0)
        let index: Int = symbol.index
        let wanted: Int
        switch variant {
        case 0: wanted = hints[index] ?? low
        case 1: wanted = low
        case 2: wanted = interval.high != .max ? interval.high : low &+ 97 &+ 2 &* index
        case 3: wanted = low &+ 1
        case 4: wanted = low &+ index % 17
        case 5: wanted = low &+ 16 &- index % 17
        default:
            // A fixed scramble: the same in every run.
            var bits: UInt64 = UInt64(truncatingIfNeeded: index &* 31 &+ variant) &* 0x9e37_79b9_7f4a_7c15
            bits ^= bits >> 29
            wanted = low &+ Int(bits % (variant % 2 == 0 ? 9 : 60))
        }
        let clamped: Int = max(low, min(wanted, interval.high))
        let fitted: Interval = residue(atom).tightened(Interval(low: clamped, high: .max))
        return interval.contains(fitted.low) ? fitted.low : clamped
    }

    // MARK: Finding a point

    /// A point of the pool changed in one symbol so that the condition gets the wanted truth.
    func repairedPoint(_ condition: BoolExpr, wanted: Bool) -> [Int?]? {
        let candidates: [Symbol] = condition.freeSymbols.filter { $0.kind != .unbackedFloat }.prefix(6).map { $0 }
        for start in knowledge.now.pool.prefix(4) {
            for symbol in candidates {
                guard let atom = try? atom(.symbol(symbol)), symbol.index < start.count, let value = start[symbol.index] else {
                    continue
                }
                let interval: Interval = bound(atom)
                var point: [Int?] = start
                for next in trialValues(condition, symbol, value, interval, start) where interval.contains(next) {
                    point[symbol.index] = next
                    if holds(condition, at: point) == wanted, isAdmitted(point, touching: [symbol]) { return point }
                }
            }
        }
        return nil
    }

    private func trialValues(
        _ condition: BoolExpr, _ symbol: Symbol, _ value: Int, _ interval: Interval, _ start: [Int?]
    ) -> [Int] {
        var values: [Int] = [value &+ 1, value &- 1]
        if let row = Row(condition) {
            // Where the expression is linear in the symbol, two evaluations tell where it is zero.
            var evaluator = Evaluator(integers: start)
            let here: Int? = evaluator.value(row.p)
            evaluator.integers[symbol.index] = value &+ 1
            let step: Int? = evaluator.value(row.p)
            if let here, let step, let slope = checkedSubtract(step, here), slope != 0, let root = floorQuotient(here, slope) {
                let zero: Int = value &- root
                values += [zero, zero &- 1, zero &+ 1]
            }
            switch row.relation {
            case .divides(let d), .notDivides(let d):
                for offset in 2..<max(2, min(d, 10)) { values.append(value &+ offset) }
            default:
                break
            }
        }
        if interval.low != .min { values += [interval.low, interval.low &+ 1] }
        if interval.high != .max { values.append(interval.high) }
        return values + [value &+ 2, value &+ 3, value &* 2]
    }

    /// Looks for a point that satisfies all facts and an assumption, by fixing one symbol after the other and propagating.
    func searchPoint(assuming assumption: BoolExpr?) -> [Int?]? {
        knowledge.push()
        defer { _ = knowledge.pop() }
        knowledge.now.pool = []
        if let assumption {
            for part in assumption.conjuncts { learn(part) }
            if knowledge.now.isContradictory { return nil }
        }
        var point = [Int?](repeating: nil, count: symbols.count)
        var budget = 24 + 2 * symbols.count
        return fix(0, &point, assumption, &budget)
    }

    private func fix(_ index: Int, _ point: inout [Int?], _ assumption: BoolExpr?, _ budget: inout Int) -> [Int?]? {
        if index == symbols.count {
            guard isAdmitted(point), assumption.map({ holds($0, at: point) == true }) ?? true else { return nil }
            return point
        }
        let symbol: Symbol = symbols[index]
        if symbol.kind == .unbackedFloat { return fix(index + 1, &point, assumption, &budget) }
        guard let atom = try? atom(.symbol(symbol)) else { return nil }
        var tried: Set<Int> = []
        for variant in [0, 1, 3, 2, 4, 6, 7] {
            guard let value = defaultValue(symbol, variant: variant), tried.insert(value).inserted else { continue }
            budget -= 1
            if budget < 0 { return nil }
            let before: Knowledge.Facts = knowledge.now
            settle(atom, value)
            if !knowledge.now.isContradictory {
                point[index] = value
                if let found = fix(index + 1, &point, assumption, &budget) { return found }
            }
            knowledge.now = before
        }
        return nil
    }

    func anyWitness() -> Assignment? {
        preparePool()
        return knowledge.now.pool.first.map { assignment($0, of: symbols) }
    }

    func assignment(_ point: [Int?], of symbols: [Symbol]) -> Assignment {
        var result = Assignment()
        for symbol in symbols where symbol.index < point.count { result[symbol] = point[symbol.index] }
        return result
    }
}
