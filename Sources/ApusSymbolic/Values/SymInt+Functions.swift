// Functions that stay symbolic: they build one expression instead of asking which operand is larger.

public func max(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
    if let a = lhs.constant, let b = rhs.constant { return SymInt(a < b ? b : a) }
    return SymInt.combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.maximum([p, q]) }
}

public func min(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
    if let a = lhs.constant, let b = rhs.constant { return SymInt(b < a ? b : a) }
    return SymInt.combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.minimum([p, q]) }
}

public func max(_ lhs: SymInt, _ rhs: Int) -> SymInt { max(lhs, SymInt(rhs)) }
public func max(_ lhs: Int, _ rhs: SymInt) -> SymInt { max(SymInt(lhs), rhs) }
public func min(_ lhs: SymInt, _ rhs: Int) -> SymInt { min(lhs, SymInt(rhs)) }
public func min(_ lhs: Int, _ rhs: SymInt) -> SymInt { min(SymInt(lhs), rhs) }

/// The magnitude; `abs` of `Int.min` is invalid, not a trap.
public func abs(_ value: SymInt) -> SymInt { max(value, -value) }

extension SymInt {
    /// `condition ? whenTrue : whenFalse` without asking which.
    public static func select(_ condition: SymBool, _ whenTrue: SymInt, _ whenFalse: SymInt) -> SymInt {
        switch condition.storage {
        case .plain(let value):
            return value ? whenTrue : whenFalse
        case .invalid(let fault):
            return SymInt(storage: .invalid(fault))
        case .symbolic(let expression):
            if let invalid = [whenTrue, whenFalse].first(where: \.isInvalid) { return invalid }
            switch ScopeTie.common([condition.tie, whenTrue.tie, whenFalse.tie]) {
            case .failure(let error):
                return SymInt(storage: .invalid(InvalidValue(error, scope: condition.scope)))
            case .success(let scope):
                return scope.build { state throws(SymbolicError) in
                    try state.select(
                        expression, state.expression(whenTrue.storage), state.expression(whenFalse.storage))
                }
            }
        }
    }

    /// Division that rounds up: `(self + divisor - 1) / divisor` for a positive divisor.
    public func ceilDivided(by divisor: SymInt) -> SymInt { -((-self) / divisor) }

    /// The number of elements of a tensor of these sizes: their product, of which a trace need not check that it fits.
    public static func elementCount(_ sizes: some Collection<SymInt>) -> SymInt {
        guard let scope = sizes.lazy.compactMap(\.scope).first else { return product(sizes) }
        return scope.withoutOverflowChecks { product(sizes) }
    }

    /// The product of sizes; 1 for none.
    public static func product(_ factors: some Sequence<SymInt>) -> SymInt {
        factors.reduce(SymInt(1)) { $0 * $1 }
    }
}
