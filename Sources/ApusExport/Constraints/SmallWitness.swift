import ApusSymbolic

extension Assignment {
    /// The point with these symbols alone.
    func restricted(to symbols: [Symbol]) -> Assignment {
        let kept = Set(symbols)
        return Assignment(integers.filter { kept.contains($0.key) }, floats: floats.filter { kept.contains($0.key) })
    }
}

extension SymbolScope {
    /// A point with small sizes that satisfies all facts and breaks a condition, for people to read: the given point where none smaller is
    /// found near the lower bounds. Reduced to the symbols asked for.
    func smallest(near point: Assignment, breaking condition: SymBool, in symbols: [Symbol]) -> Assignment {
        var seen = Set<Symbol>()
        let sizes = symbols.filter { $0.isBacked && seen.insert($0).inserted }
        guard !sizes.isEmpty, sizes.count <= 3 else { return point.restricted(to: symbols) }
        let facts = declaredFacts + pathFacts
        func breaks(_ candidate: Assignment) -> Bool {
            evaluate(condition, at: candidate) == false && facts.allSatisfy { evaluate($0, at: candidate) == true }
        }
        var candidates = [point]
        for symbol in sizes {
            let range = range(of: symbol)
            let near = (0..<4).map { range.lowerBound &+ $0 } + [hint(of: symbol), point[symbol]].compactMap { $0 }
            let values = Set(near.filter { range.contains($0) && symbol.declaredRange.contains($0) })
            candidates = candidates.flatMap { candidate in
                values.map { value in
                    var next = candidate
                    next[symbol] = value
                    return next
                }
            }
        }
        func size(_ candidate: Assignment) -> [Int] { [sizes.reduce(0) { $0 &+ (candidate[$1] ?? 0) }] + sizes.map { candidate[$0] ?? 0 } }
        let best = candidates.filter { breaks($0) }.min { size($0).lexicographicallyPrecedes(size($1)) }
        return (best ?? point).restricted(to: symbols)
    }
}
