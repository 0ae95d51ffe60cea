import ApusGraph
import ApusSymbolic

// Numbers that a function asks for, and numbers that it reads.

extension PathRecorder {
    func specialize(_ n: SymInt, site: CallSite) -> Int {
        let range: SymRange = scope.range(of: n)
        if let only = range.singleValue { return only }
        // Every value that is left is a path of its own, asked for one by one. A declared set leaves fewer than its range.
        if case .explore = policy, let left = candidates(n, range), let last = left.last {
            for candidate in left.dropLast() {
                let isCandidate: SymBool = n == candidate
                if decide(isCandidate, site: site) { return candidate }
            }
            return last
        }
        let value = assumedValue(of: n, in: range)
        if failure != nil || errorOfTracing != nil {
            assume(n == value)
            return value
        }
        log?.write(.specialization(n, value, site: site))
        let isValue: SymBool = n == value
        let advice =
            n.freeSymbols.allSatisfy(\.isBacked)
            ? "declare at most 16 values" : "bound what is read by constrainAsValue(_:min:max:) to at most 16 values"
        violate(
            ConstraintViolation(
                condition: isValue, specialized: n,
                message:
                    "Int(_:) asks for one number where any in \(range) is possible; keep a SymInt, or \(advice), each of which is then tried",
                site: site, scope: scope))
        return value
    }

    func canSpecialize(_ n: SymInt) -> Bool {
        if case .guardExample = policy { return scope.hint(of: n) != nil }
        return candidates(n, scope.range(of: n)) != nil
    }

    /// The number that a run goes on with where it can't try all: the example's where the path admits it.
    private func assumedValue(of n: SymInt, in range: SymRange) -> Int {
        func isPossible(_ value: Int) -> Bool {
            let isValue: SymBool = n == value
            return scope.known(isValue) != false
        }
        let candidates = [scope.hint(of: n), 1, 0, range.lowerBound].compactMap { $0 }
        return candidates.first { range.contains($0) && isPossible($0) } ?? range.lowerBound
    }

    /// The values that a size may have, where they are few enough to be tried.
    private func candidates(_ n: SymInt, _ range: SymRange) -> [Int]? {
        guard let count = range.count, count <= 1024 else { return nil }
        let left: [Int] = (range.lowerBound...range.upperBound).filter { (candidate: Int) -> Bool in
            let isCandidate: SymBool = n == candidate
            return scope.known(isCandidate) != false
        }
        guard left.count <= PathRecorder.choiceLimit else { return nil }
        // What contradicts the facts, if only on second thoughts, is no path.
        let possible: [Int] = left.filter { candidate in
            let isCandidate: SymBool = n == candidate
            return scope.scoped { scope.assume(isCandidate) }
        }
        return possible.isEmpty ? left : possible
    }

    // MARK: Values read while tracing

    /// What is known at the end of the run of each value that it read.
    func finalRanges() -> [Symbol: SymRange] {
        var ranges: [Symbol: SymRange] = [:]
        for symbol in reads where symbol.kind != .unbackedFloat { ranges[symbol] = scope.range(of: symbol) }
        return ranges
    }

    /// The n-th read of a run has one symbol in all runs that read the same kind of number there, so that what follows a branch looks alike
    /// on both sides. A symbol is a name for what a run finds; nothing that one path knows of it holds on another.
    func freshSymbol(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) -> Symbol {
        let key = "\(reads.count) \(origin) \(kind) \(range) \(isSize)"
        let symbol: Symbol
        if let known = symbols.known[key] {
            symbol = known
        } else {
            symbol = scope.makeSymbol(origin: origin, range: range, kind: kind, isSize: isSize)
            symbols.known[key] = symbol
            log?.write(.symbol(symbol, scope, site: site))
        }
        reads.append(symbol)
        return symbol
    }
}
