/// A walk from a point towards one that satisfies all facts and a goal: as long as something is violated, one of its
/// symbols gets the value that leaves the fewest violations.
///
/// The order is fixed, so that the same facts always give the same point.
struct PointWalk {
    private let state: ScopeState
    private let facts: [BoolExpr]
    private let goal: BoolExpr
    /// How many facts may still be looked at.
    private var evaluations: Int

    private static let moves = 24

    init(_ state: ScopeState, goal: BoolExpr, evaluations: Int) {
        self.state = state
        self.goal = goal
        self.evaluations = evaluations
        facts = state.knowledge.now.conditions
    }

    /// - Parameter changed: the symbols in which `start` differs from a point that satisfies all facts, if it is near one.
    mutating func walk(from start: [Int?], changedIn changed: [Symbol]?) -> [Int?]? {
        var point: [Int?] = start
        var violated: [BoolExpr] = []
        if state.holds(goal, at: point) != true { violated.append(goal) }
        if let changed {
            for index in state.conditions(over: changed) where !state.admits(facts[index], point) { violated.append(facts[index]) }
        } else {
            for fact in facts where !state.admits(fact, point) { violated.append(fact) }
        }
        var visited: [Int: Set<Int>] = [:]
        for _ in 0..<PointWalk.moves {
            guard let first = violated.first else { return point }
            guard let move = bestMove(for: first, point, violated, visited) else { return nil }
            point[move.symbol.index] = move.value
            visited[move.symbol.index, default: []].insert(move.value)
            violated = violations(after: move.symbol, point, violated)
        }
        return violated.isEmpty ? point : nil
    }

    private func concerns(_ condition: BoolExpr, _ symbol: Symbol) -> Bool {
        condition.freeSymbols.contains { $0.index == symbol.index }
    }

    /// What is violated after a change of one symbol; the goal leads.
    private func violations(after symbol: Symbol, _ point: [Int?], _ before: [BoolExpr]) -> [BoolExpr] {
        var result: [BoolExpr] = state.holds(goal, at: point) == true ? [] : [goal]
        for index in state.knowledge.now.conditionsBySymbol[symbol.index] where !state.admits(facts[index], point) {
            result.append(facts[index])
        }
        for other in before where other !== goal && !concerns(other, symbol) { result.append(other) }
        return result
    }

    /// The change of one symbol of a violated condition that mends it and leaves the fewest others violated.
    private mutating func bestMove(
        for condition: BoolExpr, _ start: [Int?], _ violated: [BoolExpr], _ visited: [Int: Set<Int>]
    ) -> (symbol: Symbol, value: Int)? {
        var best: (symbol: Symbol, value: Int)?
        var fewest = Int.max
        var point: [Int?] = start
        for symbol in condition.freeSymbols.prefix(6) where symbol.kind != .unbackedFloat && symbol.index < point.count {
            guard let atom = try? state.atom(symbol), let value = start[symbol.index] else { continue }
            let interval: Interval = state.bound(atom)
            let unconcerned: Int = violated.reduce(0) { $0 + (concerns($1, symbol) ? 0 : 1) }
            let concerned: [Int] = state.knowledge.now.conditionsBySymbol[symbol.index]
            var tried: Set<Int> = [value]
            for next in state.trialValues(condition, symbol, value, interval, start)
            where interval.contains(next) && tried.insert(next).inserted && visited[symbol.index]?.contains(next) != true {
                point[symbol.index] = next
                guard state.holds(condition, at: point) == true else { continue }
                var count: Int = unconcerned
                if concerns(goal, symbol), state.holds(goal, at: point) != true { count += 1 }
                for index in concerned where count < fewest {
                    evaluations -= 1
                    if !state.admits(facts[index], point) { count += 1 }
                }
                if evaluations < 0 { return nil }
                if count < fewest {
                    best = (symbol, next)
                    fewest = count
                }
            }
            point[symbol.index] = value
        }
        return best
    }
}
