import ApusGraph
import ApusSymbolic
import ApusTensor

/// The type of what is one thing or another by a condition.
struct TypeJoin {
    let values: MergeValues
    let scope: SymbolScope
    let condition: SymBool
    /// Symbols that have a value in one of the sides only.
    let unavailable: Set<Symbol>
    /// What is known where the choice is made, before what is said here may be assumed.
    let facts: SymbolScope.Facts

    /// The join of two results. Sizes that differ are a choice by the condition; those that only a side knows become a symbol of their own.
    func type(_ a: GraphOutput, _ b: GraphOutput) throws -> ValueType {
        switch (a.type(values.type), b.type(values.type)) {
        case (.tensor(let p), .tensor(let q)):
            guard p.dtype == q.dtype, p.shape.count == q.shape.count else { throw NotShared(reason: "results of other dtypes or ranks") }
            return .tensor(TensorSpec(p.dtype, try Shape(zip(p.shape, q.shape).map { size($0, $1) }, in: "cond")))
        case (.int(let p), .int(let q)): return .int(size(p, q))
        case (.float(let p), .float(let q)):
            if p.isIdentical(to: q), isAvailable(p.freeSymbols) { return .float(p) }
            return .float(scope.float(scope.makeSymbol(range: .unbounded, kind: .unbackedFloat)))
        case (.bool(let p), .bool(let q)):
            guard isAvailable(p.freeSymbols), isAvailable(q.freeSymbols) else { throw NotShared(reason: "a condition that one side knows") }
            return .bool((condition && p) || (!condition && q))
        case (.none, .none): return .none
        default: throw NotShared(reason: "results of other kinds")
        }
    }

    func size(_ p: SymInt, _ q: SymInt) -> SymInt {
        guard isAvailable(p.freeSymbols), isAvailable(q.freeSymbols) else { return fresh(p, q) }
        if p.isIdentical(to: q) { return p }
        let choice: SymInt = .select(condition, p, q)
        return choice.isInvalid ? fresh(p, q) : choice
    }

    /// A symbol for a size that is one or the other, with the tightest range that holds for both.
    func fresh(_ p: SymInt, _ q: SymInt) -> SymInt {
        func range(_ size: SymInt, _ fact: SymBool) -> SymRange {
            scope.with(facts) {
                scope.assume(fact)
                return scope.range(of: size)
            }
        }
        let either: SymRange = range(p, condition).union(range(q, !condition))
        return scope.size(scope.makeSymbol(range: either, kind: .unbackedInt))
    }

    private func isAvailable(_ symbols: [Symbol]) -> Bool { unavailable.isEmpty || !symbols.contains { unavailable.contains($0) } }
}
