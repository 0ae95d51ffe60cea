// Looking for points that satisfy all facts and give a condition a wanted truth, from cheap to costly: change a known
// point in one symbol; walk from a known point, mending what each change breaks; fix one symbol after the other.

extension ScopeState {
    /// With more facts than this a question gets the least effort, so that a thousand guards stay affordable.
    static let crowd = 100

    /// A point of the pool changed in one symbol so that the condition gets the wanted truth.
    func repairedPoint(_ condition: BoolExpr, wanted: Bool) -> [Int?]? {
        let candidates: [Symbol] = condition.freeSymbols.filter { $0.kind != .unbackedFloat }.prefix(6).map { $0 }
        for start in knowledge.now.pool.prefix(4) {
            for symbol in candidates {
                guard let atom = try? atom(symbol), symbol.index < start.count, let value = start[symbol.index] else {
                    continue
                }
                let interval: Interval = bound(atom)
                var point: [Int?] = start
                for next in trialValues(condition, symbol, value, interval, start) where interval.contains(next) {
                    point[symbol.index] = next
                    if holds(condition, at: point) == wanted, isAdmitted(point, changedIn: symbol) { return point }
                }
            }
        }
        return nil
    }

    /// Values of a symbol that may change the truth of a condition at a point.
    func trialValues(
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

    // MARK: Walking

    /// A point at which an assumption holds, near known ones. Bounds and residues are those under the assumption.
    func walkedPoint(_ assumption: BoolExpr) -> [Int?]? {
        let facts: Int = knowledge.now.conditions.count
        var walk = PointWalk(self, goal: assumption, evaluations: facts > ScopeState.crowd ? 60 : 60_000 / (facts + 20))
        if let first = knowledge.now.pool.first {
            let (start, moved) = fitted(first)
            if let found = walk.walk(from: start, changedIn: moved) { return found }
            if facts > ScopeState.crowd { return nil }
        }
        // The least values that propagation leaves satisfy all differences.
        return walk.walk(from: symbols.map { defaultValue($0, variant: 1) }, changedIn: nil)
    }

    /// A point moved to within the bounds, and the symbols that this changed.
    private func fitted(_ point: [Int?]) -> (point: [Int?], moved: [Symbol]) {
        var result: [Int?] = point
        var moved: [Symbol] = []
        for symbol in symbols where symbol.index < point.count {
            guard let value = point[symbol.index], let atom = try? atom(symbol) else { continue }
            let interval: Interval = bound(atom)
            if !interval.contains(value), !interval.isEmpty {
                result[symbol.index] = max(interval.low, min(value, interval.high))
                moved.append(symbol)
            }
        }
        return (result, moved)
    }

    // MARK: Fixing symbols in turn

    /// Looks for a point that satisfies all facts and an assumption, by fixing one symbol after the other and propagating.
    func searchPoint(assuming assumption: BoolExpr?) -> [Int?]? {
        let facts: Int = knowledge.now.conditions.count
        // Where there is a point, a walk from it has been tried.
        if facts > ScopeState.crowd, !knowledge.now.pool.isEmpty { return nil }
        var steps: Int = 200_000 / (facts + 20)
        return supposing(assumption, steps: &steps) { steps in
            var point = [Int?](repeating: nil, count: symbols.count)
            var order: [Symbol] = symbols
            if let assumption, let known = knowledge.now.pool.first {
                // What no fact ties to the assumption may stay as it is.
                order = tied(to: assumption.freeSymbols)
                point = known
            }
            var trials: Int = 24 + 2 * order.count
            return fix(order[...], &point, assumption, &trials, &steps)
        }.result
    }

    /// The symbols that facts tie to some, over any number of facts, in the order of their creation.
    func tied(to seeds: [Symbol]) -> [Symbol] {
        var reached: Set<Int> = Set(seeds.map(\.index))
        var found: [Symbol] = seeds
        var next = 0
        while next < found.count {
            for index in knowledge.now.conditionsBySymbol[found[next].index] {
                for symbol in knowledge.now.conditions[index].freeSymbols where reached.insert(symbol.index).inserted {
                    found.append(symbol)
                }
            }
            next += 1
        }
        return found.sorted { $0.index < $1.index }
    }

    private func fix(
        _ order: ArraySlice<Symbol>, _ point: inout [Int?], _ assumption: BoolExpr?, _ trials: inout Int, _ steps: inout Int
    ) -> [Int?]? {
        guard let symbol = order.first else {
            guard isAdmitted(point), assumption.map({ holds($0, at: point) == true }) ?? true else { return nil }
            return point
        }
        if symbol.kind == .unbackedFloat { return fix(order.dropFirst(), &point, assumption, &trials, &steps) }
        guard let atom = try? atom(symbol) else { return nil }
        var tried: Set<Int> = []
        for variant in [0, 1, 3, 2, 4, 6, 7] {
            guard let value = defaultValue(symbol, variant: variant), tried.insert(value).inserted else { continue }
            trials -= 1
            if trials < 0 || steps <= 0 { return nil }
            let found: [Int?]? = supposing(nil, steps: &steps) { steps in
                settle(atom, value, steps: &steps)
                if knowledge.now.isContradictory { return nil }
                point[symbol.index] = value
                return fix(order.dropFirst(), &point, assumption, &trials, &steps)
            }.result
            if let found { return found }
        }
        return nil
    }
}
