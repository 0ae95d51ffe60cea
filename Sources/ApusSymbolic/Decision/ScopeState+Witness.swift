// Layer W: points that satisfy all facts. A condition that is true at one and false at another is open, at the cost of
// two evaluations; such points are also what the tracer and the errors show.

extension ScopeState {
    static let poolLimit = 32

    func holds(_ condition: BoolExpr, at point: [Int?]) -> Bool? { Evaluator(integers: point).value(condition) }

    /// Whether a point satisfies a fact. Facts over floats say nothing of integers.
    func admits(_ fact: BoolExpr, _ point: [Int?]) -> Bool {
        if let truth = holds(fact, at: point) { return truth }
        return fact.freeSymbols.contains { $0.kind == .unbackedFloat }
    }

    func filterPool(by fact: BoolExpr) { knowledge.now.pool.removeAll { !admits(fact, $0) } }

    func isAdmitted(_ point: [Int?]) -> Bool { knowledge.now.conditions.allSatisfy { admits($0, point) } }

    /// Whether the facts over one symbol admit a point, the others being known to.
    func isAdmitted(_ point: [Int?], changedIn symbol: Symbol) -> Bool {
        let facts: [BoolExpr] = knowledge.now.conditions
        return knowledge.now.conditionsBySymbol[symbol.index].allSatisfy { admits(facts[$0], point) }
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
    func defaultValue(_ symbol: Symbol, variant: Int) -> Int? {
        if symbol.kind == .unbackedFloat { return nil }
        guard let atom = try? atom(symbol) else { return nil }
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

    func anyWitness() -> Assignment? {
        preparePool()
        return knowledge.now.pool.first.map { assignment($0, of: symbols) }
    }

    func assignment(_ point: Answer.Point) -> Assignment {
        var result: Assignment = assignment(point.integers, of: symbols)
        if let (symbol, value) = point.float { result.floats[symbol] = value }
        return result
    }

    func assignment(_ point: [Int?], of symbols: [Symbol]) -> Assignment {
        var result = Assignment()
        result.integers.reserveCapacity(symbols.count)
        for symbol in symbols where symbol.index < point.count { result[symbol] = point[symbol.index] }
        return result
    }
}
