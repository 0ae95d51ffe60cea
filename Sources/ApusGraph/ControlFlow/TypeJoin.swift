import ApusSymbolic
import ApusTensor

/// Why two things can't stand for one.
package struct NotShared: Error {
    package let reason: String

    package init(reason: String) { self.reason = reason }
}

/// The types of what is one thing or another by a condition: of a branch's results, whether it is traced, merged or read from a file.
///
/// A size that is the same either way stays; where it differs, it is a choice by the condition. What only one of the sides knows, or what the
/// condition, a tensor, does not tell before the run, is a symbol of its own, one for each pair.
package struct TypeJoin {
    /// The condition, where it is one on sizes.
    let condition: SymBool?
    /// Symbols that have a value in one of the sides only.
    let inner: Set<Symbol>
    /// What is known where the choice is made; nil for what is known now.
    let facts: SymbolScope.Facts?
    private let fresh: (Symbol.Kind, SymRange) throws -> ValueType
    /// The size for each pair of sizes that was asked for.
    private var joined: [(first: SymInt, second: SymInt, size: SymInt)] = []

    /// - Parameter fresh: makes a symbol of a kind that lies in a range.
    package init(
        _ condition: SymBool?, inner: Set<Symbol>, facts: SymbolScope.Facts? = nil,
        fresh: @escaping (Symbol.Kind, SymRange) throws -> ValueType = { _, range in throw TypeJoin.failure(range) }
    ) {
        (self.condition, self.inner, self.facts, self.fresh) = (condition, inner, facts, fresh)
    }

    static func failure(_ range: SymRange) -> TensorError {
        TensorError(.shapeMismatch, in: "cond", "the branches give sizes in \(range), which can't be joined here")
    }

    /// The join of two types. Throws `NotShared` where the kinds, dtypes or ranks differ.
    package mutating func type(_ a: ValueType, _ b: ValueType) throws -> ValueType {
        switch (a, b) {
        case (.tensor(let p), .tensor(let q)):
            guard p.dtype == q.dtype, p.shape.count == q.shape.count else { throw NotShared(reason: "results of other dtypes or ranks") }
            var sizes: [SymInt] = []
            for (first, second) in zip(p.shape, q.shape) { sizes.append(try size(first, second)) }
            return .tensor(TensorSpec(p.dtype, try Shape(sizes, in: "cond")))
        case (.int(let p), .int(let q)): return .int(try size(p, q, least: .min))
        case (.float(let p), .float(let q)):
            return p.isIdentical(to: q) && isKnown(p.freeSymbols) ? a : try fresh(.unbackedFloat, .unbounded)
        case (.bool(let p), .bool(let q)):
            guard isKnown(p.freeSymbols), isKnown(q.freeSymbols) else { return try fresh(.unbackedBool, SymRange(0...1)) }
            if p.isIdentical(to: q) { return a }
            return try condition.map { .bool(($0 && p) || (!$0 && q)) } ?? fresh(.unbackedBool, SymRange(0...1))
        case (.none, .none): return .none
        default: throw NotShared(reason: "results of other kinds")
        }
    }

    /// The join of two sizes.
    /// - Parameter least: what they are at least, whatever is known of them.
    package mutating func size(_ p: SymInt, _ q: SymInt, least: Int = 0) throws -> SymInt {
        if let known = known(p, q) { return known }
        let size: SymInt = try choice(p, q) ?? symbol(p, q, least: least)
        joined.append((p, q, size))
        return size
    }

    /// The size that stands for a pair already.
    package func known(_ p: SymInt, _ q: SymInt) -> SymInt? {
        joined.first { $0.first.isIdentical(to: p) && $0.second.isIdentical(to: q) }?.size
    }

    /// The size that is one or the other without a symbol of its own; nil where there is none, or it is too long to write.
    package func choice(_ p: SymInt, _ q: SymInt) -> SymInt? {
        guard isKnown(p.freeSymbols), isKnown(q.freeSymbols) else { return nil }
        if p.isIdentical(to: q) { return p }
        guard let condition else { return nil }
        let choice: SymInt = .select(condition, p, q)
        return choice.isInvalid || choice.partCount > SymbolScope.usualPartLimit ? nil : choice
    }

    /// A symbol for a size that is one or the other, with the tightest range that holds for both.
    package func symbol(_ p: SymInt, _ q: SymInt, least: Int = .min) throws -> SymInt {
        let either: SymRange = range(p, q)
        let bounds = SymRange(lowerBound: Swift.max(either.lowerBound, least), upperBound: Swift.max(either.upperBound, least))
        guard case .int(let size) = try fresh(.unbackedInt, bounds) else { throw NotShared(reason: "a size that is no integer") }
        return size
    }

    /// The tightest range that holds for both.
    package func range(_ p: SymInt, _ q: SymInt) -> SymRange { range(p, condition).union(range(q, condition.map { !$0 })) }

    private func range(_ size: SymInt, _ fact: SymBool?) -> SymRange {
        guard let scope = size.scope else { return SymRange(lowerBound: size.constant ?? .min, upperBound: size.constant ?? .max) }
        return scope.with(facts ?? scope.facts) {
            if let fact { scope.assume(fact) }
            return scope.range(of: size)
        }
    }

    private func isKnown(_ symbols: [Symbol]) -> Bool { !symbols.contains { inner.contains($0) } }
}
