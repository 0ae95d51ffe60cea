import ApusSymbolic

// Which sizes and conditions have a value wherever their symbols have one, whatever the questions around them say. Overflow aside, that is
// all but divisions by what may be zero.

extension SymInt {
    var alwaysHasValue: Bool { view?.alwaysHasValue ?? false }
}

extension SymBool {
    var alwaysHasValue: Bool { view?.alwaysHasValue ?? false }
}

extension SymExpr.View {
    fileprivate var alwaysHasValue: Bool {
        switch self {
        case .constant, .symbol: true
        case .sum(let parts), .product(let parts), .max(let parts), .min(let parts): parts.allSatisfy(\.alwaysHasValue)
        case .floorDiv(let a, .constant(let b)), .remainder(let a, .constant(let b)): b != 0 && a.alwaysHasValue
        case .floorDiv, .remainder: false
        case .select(let condition, let a, let b): condition.alwaysHasValue && a.alwaysHasValue && b.alwaysHasValue
        // A float may be too large, or no number.
        case .rounded: false
        }
    }
}

extension BoolExpr.View {
    fileprivate var alwaysHasValue: Bool {
        switch self {
        case .constant: true
        case .comparison(let a, _, let b): a.alwaysHasValue && b.alwaysHasValue
        case .floatComparison(let a, _, let b): a.alwaysHasValue && b.alwaysHasValue
        case .not(let inner): inner.alwaysHasValue
        case .all(let parts), .any(let parts): parts.allSatisfy(\.alwaysHasValue)
        }
    }
}

extension FloatExpr.View {
    fileprivate var alwaysHasValue: Bool {
        switch self {
        case .constant, .symbol: true
        case .integer(let inner): inner.alwaysHasValue
        case .unary(let operation, let a): operation == .negate && a.alwaysHasValue
        case .binary(let operation, let a, let b): operation != .divide && a.alwaysHasValue && b.alwaysHasValue
        }
    }
}
