import ApusGraph
import ApusSymbolic
import ApusTensor

// Sizes, numbers and conditions of either side as those of the tail, and what the program gives in the end.

extension TailSharing {
    /// Whether each symbol has a value where the tail stands: from before the question, from the branch's results, or from the tail.
    func isAvailable(_ symbols: [Symbol]) -> Bool {
        symbols.allSatisfy { $0.isBacked || known.contains($0) && !inner.contains($0) }
    }

    func share(_ p: SymInt, _ q: SymInt) throws -> SymInt {
        if let size = join.known(p, q) { return size }
        let x: SymInt = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers)
        let y: SymInt = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers)
        guard isAvailable(x.freeSymbols), isAvailable(y.freeSymbols) else { throw NotShared(reason: "a number that one side knows") }
        if x.isIdentical(to: y) { return x }
        // Either side's number would be computed in any case.
        guard x.alwaysHasValue, y.alwaysHasValue else { throw NotShared(reason: "a division by a size") }
        let choice: SymInt = .select(condition, x, y)
        guard !choice.isInvalid else { throw NotShared(reason: "a size that can't be written") }
        return choice
    }

    func share(_ p: SymFloat, _ q: SymFloat) throws -> SymFloat {
        let x: SymFloat = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers, floats: symbolsA.floats)
        let y: SymFloat = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers, floats: symbolsB.floats)
        guard x.isIdentical(to: y), isAvailable(x.freeSymbols) else { throw NotShared(reason: "numbers that differ") }
        return x
    }

    func share(_ p: SymBool, _ q: SymBool) throws -> SymBool {
        let x: SymBool = symbolsA.isEmpty ? p : p.substituting(symbolsA.integers, floats: symbolsA.floats)
        let y: SymBool = symbolsB.isEmpty ? q : q.substituting(symbolsB.integers, floats: symbolsB.floats)
        guard isAvailable(x.freeSymbols), isAvailable(y.freeSymbols) else { throw NotShared(reason: "a condition that one side knows") }
        if x.isIdentical(to: y) { return x }
        guard x.alwaysHasValue, y.alwaysHasValue else { throw NotShared(reason: "a division by a size") }
        let choice: SymBool = (condition && x) || (!condition && y)
        guard choice.fault == nil else { throw NotShared(reason: "a condition that can't be written") }
        return choice
    }

    // MARK: Results

    /// What the program gives in one place, from what the sides give there.
    func share(_ a: GraphOutput, _ b: GraphOutput) throws -> GraphOutput {
        if case .value(let p) = a, case .value(let q) = b { return .value(try share(p, q)) }
        if let p = a.integer, let q = b.integer {
            if let size = try? share(p, q) { return size.constant.map { .literal(.int($0)) } ?? .int(size) }
            try requireBeforeTail(p.freeSymbols + q.freeSymbols)
            let fresh: SymInt = try join.symbol(p, q)
            _ = add(.int(p), .int(q), .int(fresh))
            return .int(fresh)
        }
        if let p = a.float, let q = b.float {
            if let number = try? share(p, q) { return number.constant.map { .literal(.float($0)) } ?? .float(number) }
            try requireBeforeTail(p.freeSymbols + q.freeSymbols)
            let fresh: SymFloat = scope.float(scope.makeSymbol(range: .unbounded, kind: .unbackedFloat))
            _ = add(.float(p), .float(q), .float(fresh))
            return .float(fresh)
        }
        if let p = a.condition, let q = b.condition {
            let choice: SymBool = try share(p, q)
            return choice.constant.map { .literal(.bool($0)) } ?? .bool(choice)
        }
        guard case .literal(let p) = a, case .literal(let q) = b, p == q else {
            throw NotShared(reason: "different plain values; return tensors or numbers")
        }
        return a
    }

    /// A number that the branch gives is computed within it.
    private func requireBeforeTail(_ symbols: [Symbol]) throws {
        if symbols.contains(where: { !$0.isBacked && tailSymbols.contains($0) && !before.contains($0) }) {
            throw NotShared(reason: "numbers that differ")
        }
    }
}

extension GraphOutput {
    fileprivate var integer: SymInt? {
        switch self {
        case .int(let value): value
        case .literal(.int(let value)): SymInt(value)
        default: nil
        }
    }

    fileprivate var float: SymFloat? {
        switch self {
        case .float(let value): value
        case .literal(.float(let value)): SymFloat(value)
        default: nil
        }
    }

    fileprivate var condition: SymBool? {
        switch self {
        case .bool(let value): value
        case .literal(.bool(let value)): SymBool(value)
        default: nil
        }
    }
}
