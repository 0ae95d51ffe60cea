// Bounds beyond 64 bits: whether a number that is computed fits. A symbol without a declared bound is still a number that a run has read, so
// that its ends are those of `Int` and not infinities.

private typealias Wide = ClosedRange<Int128>

extension ScopeState {
    /// Bounds above this are as good as none.
    private static let horizon: Int128 = 1 << 120

    /// Whether the lower and the upper bound of an expression are known to be inside of `Int`.
    func fits(_ p: SymExpr) -> (low: Bool, high: Bool) {
        let known: Interval = bound(p)
        if known.low != .min, known.high != .max { return (true, true) }
        let wide: Wide = wideBounds(p)
        return (wide.lowerBound >= -Int128(Int.max), wide.upperBound <= Int128(Int.max))
    }

    private func wideBounds(_ p: SymExpr) -> Wide {
        var total: Wide = Int128(p.constant)...Int128(p.constant)
        for term in p.terms {
            var product: Wide = Int128(term.coefficient)...Int128(term.coefficient)
            var monomial: Wide = 1...1
            for factor in term.monomial.factors {
                let base: Wide = wideBounds(factor.atom)
                for _ in 0..<factor.exponent { monomial = monomial * base }
            }
            product = product * narrowed(monomial, knowledge.now.productBounds[term.monomial.id])
            total = total + product
        }
        return narrowed(total, bound(p))
    }

    private func wideBounds(_ atom: Atom) -> Wide {
        let own: Wide
        switch atom.kind {
        case .symbol(let symbol): own = Int128(Int.min)...Int128(symbol.isSize ? SymbolScope.largestSize : Int.max)
        case .rounded: own = Int128(Int.min)...Int128(Int.max)
        case .floorDiv(let p, let q):
            // A divisor is at least 1 or at most -1; a quotient that is not whole is rounded down.
            let bounds: Wide = wideBounds(p)
            let size: Int128 = max(bounds.lowerBound.magnitude128, bounds.upperBound.magnitude128)
            let isOfSizes: Bool = bounds.lowerBound >= 0 && bound(q).low > 0
            own = (isOfSizes ? 0 : -size)...size
        case .max(let arguments):
            let all: [Wide] = arguments.map { wideBounds($0) }
            own = (all.map(\.lowerBound).max() ?? 0)...(all.map(\.upperBound).max() ?? 0)
        case .select(_, let p, let q):
            let (a, b): (Wide, Wide) = (wideBounds(p), wideBounds(q))
            own = min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
        case .sum(let p, let q): own = wideBounds(p) + wideBounds(q)
        case .product(let p, let q): own = wideBounds(p) * wideBounds(q)
        }
        return narrowed(own, bound(atom))
    }

    /// The bounds with what the facts say besides, as far as it is finite.
    private func narrowed(_ wide: Wide, _ known: Interval) -> Wide {
        let low: Int128 = known.low == .min ? wide.lowerBound : max(wide.lowerBound, Int128(known.low))
        let high: Int128 = known.high == .max ? wide.upperBound : min(wide.upperBound, Int128(known.high))
        // Contradictory facts: nothing comes this way.
        return low <= high ? low...high : wide
    }

    /// Bounds of a float; nil where it depends on what was read as one, or a divisor may be zero.
    func wideBounds(_ f: FloatExpr) -> ClosedRange<Double>? {
        switch f.kind {
        case .constant(let value): return value.isFinite ? value...value : nil
        case .symbol: return nil
        case .integer(let p):
            let bounds: Wide = wideBounds(p)
            return Double(bounds.lowerBound)...Double(bounds.upperBound)
        case .unary(.negate, let a): return wideBounds(a).map { -$0.upperBound ... -$0.lowerBound }
        case .unary(.squareRoot, let a):
            guard let bounds = wideBounds(a), bounds.lowerBound >= 0 else { return nil }
            return 0...max(bounds.upperBound, 1)
        case .binary(let operation, let a, let b):
            guard let p = wideBounds(a), let q = wideBounds(b) else { return nil }
            if case .divide = operation, q.lowerBound <= 0, q.upperBound >= 0 { return nil }
            var corners: [Double] = []
            for x in [p.lowerBound, p.upperBound] {
                for y in [q.lowerBound, q.upperBound] { corners.append(operation.apply(x, y)) }
            }
            guard corners.allSatisfy(\.isFinite), let low = corners.min(), let high = corners.max() else { return nil }
            return low...high
        }
    }

    fileprivate static func clamped(_ value: Int128, _ overflow: Bool, isNegative: Bool) -> Int128 {
        if overflow { return isNegative ? -horizon : horizon }
        return min(max(value, -horizon), horizon)
    }
}

extension ClosedRange<Int128> {
    fileprivate static func + (a: Self, b: Self) -> Self {
        func sum(_ x: Int128, _ y: Int128) -> Int128 { ScopeState.clamped(x + y, false, isNegative: false) }
        return sum(a.lowerBound, b.lowerBound)...sum(a.upperBound, b.upperBound)
    }

    fileprivate static func * (a: Self, b: Self) -> Self {
        func product(_ x: Int128, _ y: Int128) -> Int128 {
            let (value, overflow) = x.multipliedReportingOverflow(by: y)
            return ScopeState.clamped(value, overflow, isNegative: (x < 0) != (y < 0))
        }
        let corners: [Int128] = [
            product(a.lowerBound, b.lowerBound), product(a.lowerBound, b.upperBound), product(a.upperBound, b.lowerBound),
            product(a.upperBound, b.upperBound),
        ]
        return (corners.min() ?? 0)...(corners.max() ?? 0)
    }
}

extension Int128 {
    /// The magnitude of a bound, which is far from the ends.
    fileprivate var magnitude128: Int128 { self < 0 ? -self : self }
}
