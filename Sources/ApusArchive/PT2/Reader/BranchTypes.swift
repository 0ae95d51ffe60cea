import ApusGraph
import ApusSymbolic
import ApusTensor

/// The types of a branch's results, from those of its bodies.
struct BranchTypes {
    let symbols: ImportSymbols
    /// The predicate, where it is a condition on sizes.
    let condition: SymBool?
    /// Symbols that only a body gives values to.
    let inner: Set<Symbol>

    /// Sizes and numbers that the bodies know alike, or that the predicate chooses between, are written as that; others become symbols of
    /// their own, under the file's names, which the run binds.
    func types(_ whenTrue: Graph, _ whenFalse: Graph) throws -> [ValueType] {
        // Results of the same two sizes share one new symbol.
        var made: [(first: SymInt, second: SymInt, size: SymInt)] = []
        return try zip(whenTrue.outputs, whenFalse.outputs).map { first, second in
            switch (whenTrue.type(of: first), whenFalse.type(of: second)) {
            case (.tensor(let p), .tensor(let q)):
                let sizes: [SymInt] = try zip(p.shape, q.shape).map { try join($0, $1, least: 0, &made) }
                return .tensor(TensorSpec(p.dtype, try Shape(sizes, in: "cond")))
            case (.int(let p), .int(let q)): return .int(try join(p, q, least: .min, &made))
            case (.float(let p), .float(let q)):
                if p.isIdentical(to: q), isKnown(p.freeSymbols) { return .float(p) }
                return .float(symbols.makeUnbacked(symbols.nextName(), kind: .unbackedFloat, range: .unbounded).float)
            case (.bool(let p), .bool(let q)):
                if p.isIdentical(to: q), isKnown(p.freeSymbols) { return .bool(p) }
                if let condition, isKnown(p.freeSymbols), isKnown(q.freeSymbols) { return .bool((condition && p) || (!condition && q)) }
                return .bool(symbols.makeUnbacked(symbols.nextName(), kind: .unbackedBool, range: SymRange(0...1)).bool)
            default: return .none
            }
        }
    }

    private func join(
        _ p: SymInt, _ q: SymInt, least: Int, _ made: inout [(first: SymInt, second: SymInt, size: SymInt)]
    ) throws -> SymInt {
        if let known = made.first(where: { $0.first.isIdentical(to: p) && $0.second.isIdentical(to: q) }) { return known.size }
        if isKnown(p.freeSymbols), isKnown(q.freeSymbols) {
            if p.isIdentical(to: q) { return p }
            if let condition {
                let choice: SymInt = .select(condition, p, q)
                // One that is too long for a trace was a symbol where the file was written.
                if !choice.isInvalid, choice.partCount <= SymbolScope.usualPartLimit { return choice }
            }
        }
        let either: SymRange = range(p, condition).union(range(q, condition.map { !$0 }))
        let bounded = SymRange(lowerBound: Swift.max(either.lowerBound, least), upperBound: Swift.max(either.upperBound, least))
        guard let size = symbols.makeUnbacked(symbols.nextName(), kind: .unbackedInt, range: bounded).int else {
            throw ArchiveError(.unsupported, "no symbol for a size of a branch")
        }
        made.append((p, q, size))
        return size
    }

    private func range(_ size: SymInt, _ fact: SymBool?) -> SymRange {
        symbols.scope.scoped {
            if let fact { symbols.scope.assume(fact) }
            return symbols.scope.range(of: size)
        }
    }

    private func isKnown(_ free: [Symbol]) -> Bool { !free.contains { inner.contains($0) } }
}
