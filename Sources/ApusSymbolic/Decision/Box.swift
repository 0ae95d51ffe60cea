/// All points of a few symbols with few values each, filtered by the facts over them.
struct Box {
    private let state: ScopeState
    private let symbols: [Symbol]
    private let ranges: [Interval]
    private let facts: [BoolExpr]

    init?(_ state: ScopeState, around condition: BoolExpr, limit: Int) {
        self.init(state, around: condition.freeSymbols, limit: limit)
    }

    init?(_ state: ScopeState, around seeds: [Symbol], limit: Int) {
        if !state.knowledge.enumerates { return nil }
        self.state = state
        var symbols: [Symbol] = []
        var ranges: [Interval] = []
        var size = 1
        func include(_ symbol: Symbol) -> Bool {
            if symbols.contains(where: { $0.index == symbol.index }) { return true }
            guard symbol.kind != .unbackedFloat, let atom = try? state.atom(symbol) else { return false }
            let range: Interval = state.bound(atom)
            guard range.low != .min, range.high != .max, !range.isEmpty, let span = checkedSubtract(range.high, range.low),
                span < limit, size <= limit / (span + 1)
            else { return false }
            size *= span + 1
            symbols.append(symbol)
            ranges.append(range)
            return true
        }
        for seed in seeds where !include(seed) { return nil }
        // Facts over the box's symbols filter its points; one more round takes in what they are tied to, if it is small.
        let conditions: [BoolExpr] = state.knowledge.now.conditions
        for position in state.conditions(over: seeds) where position >= conditions.count - 64 {
            for symbol in conditions[position].freeSymbols { _ = include(symbol) }
        }
        let inside: Set<Int> = Set(symbols.map(\.index))
        facts = state.conditions(over: symbols).map { conditions[$0] }
            .filter { fact in fact.freeSymbols.allSatisfy { inside.contains($0.index) } }
        self.symbols = symbols
        self.ranges = ranges
    }

    /// Calls `body` with each admitted point until it says to stop.
    func forEachPoint(_ body: ([Int?]) -> Bool) {
        // One array serves all boxes: a scope may have very many symbols.
        var point: [Int?] = []
        swap(&point, &state.emptyPoint)
        if point.count < state.symbols.count { point += [Int?](repeating: nil, count: state.symbols.count - point.count) }
        defer {
            for symbol in symbols { point[symbol.index] = nil }
            swap(&point, &state.emptyPoint)
        }
        for (symbol, range) in zip(symbols, ranges) { point[symbol.index] = range.low }
        while true {
            if facts.allSatisfy({ state.holds($0, at: point) != false }), !body(point) { return }
            var position = 0
            while position < symbols.count {
                let index: Int = symbols[position].index
                let value: Int = point[index] ?? 0
                if value < ranges[position].high {
                    point[index] = value + 1
                    break
                }
                point[index] = ranges[position].low
                position += 1
            }
            if position == symbols.count { return }
        }
    }

    /// The exact range of an expression over the box; `nil` when it has no value at some point, or the box is empty.
    func range(of p: SymExpr) -> Interval? {
        var result: Interval?
        var isComplete = true
        forEachPoint { point in
            guard let value = Evaluator(integers: point).value(p) else {
                isComplete = false
                return false
            }
            result = result.map { Interval(low: min($0.low, value), high: max($0.high, value)) } ?? Interval(value)
            return true
        }
        return isComplete ? result : nil
    }
}
