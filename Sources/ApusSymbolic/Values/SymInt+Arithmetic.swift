// Each operator has a fast path for two plain values that inlines into the caller; everything else goes through one
// out-of-line function per operator, which interns the result in the operands' scope.

extension SymInt {
    @inlinable
    public static func + (lhs: SymInt, rhs: SymInt) -> SymInt {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage {
            let (sum, overflow) = a.addingReportingOverflow(b)
            if !overflow { return SymInt(sum) }
        }
        return slowAdd(lhs, rhs)
    }

    @inlinable
    public static func - (lhs: SymInt, rhs: SymInt) -> SymInt {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage {
            let (difference, overflow) = a.subtractingReportingOverflow(b)
            if !overflow { return SymInt(difference) }
        }
        return slowSubtract(lhs, rhs)
    }

    @inlinable
    public static func * (lhs: SymInt, rhs: SymInt) -> SymInt {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage {
            let (product, overflow) = a.multipliedReportingOverflow(by: b)
            if !overflow { return SymInt(product) }
        }
        return slowMultiply(lhs, rhs)
    }

    /// Floor division: the quotient rounds towards negative infinity, plain or symbolic.
    @inlinable
    public static func / (lhs: SymInt, rhs: SymInt) -> SymInt {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage, a >= 0, b > 0 { return SymInt(a / b) }
        return slowDivide(lhs, rhs)
    }

    /// The remainder of floor division: it has the sign of the divisor, plain or symbolic.
    @inlinable
    public static func % (lhs: SymInt, rhs: SymInt) -> SymInt {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage, a >= 0, b > 0 { return SymInt(a % b) }
        return slowRemainder(lhs, rhs)
    }

    @inlinable
    public static prefix func - (operand: SymInt) -> SymInt { SymInt(0) - operand }

    @inlinable
    public static prefix func + (operand: SymInt) -> SymInt { operand }
}

// MARK: Int on either side

extension SymInt {
    @inlinable public static func + (lhs: SymInt, rhs: Int) -> SymInt { lhs + SymInt(rhs) }
    @inlinable public static func + (lhs: Int, rhs: SymInt) -> SymInt { SymInt(lhs) + rhs }
    @inlinable public static func - (lhs: SymInt, rhs: Int) -> SymInt { lhs - SymInt(rhs) }
    @inlinable public static func - (lhs: Int, rhs: SymInt) -> SymInt { SymInt(lhs) - rhs }
    @inlinable public static func * (lhs: SymInt, rhs: Int) -> SymInt { lhs * SymInt(rhs) }
    @inlinable public static func * (lhs: Int, rhs: SymInt) -> SymInt { SymInt(lhs) * rhs }
    @inlinable public static func / (lhs: SymInt, rhs: Int) -> SymInt { lhs / SymInt(rhs) }
    @inlinable public static func / (lhs: Int, rhs: SymInt) -> SymInt { SymInt(lhs) / rhs }
    @inlinable public static func % (lhs: SymInt, rhs: Int) -> SymInt { lhs % SymInt(rhs) }
    @inlinable public static func % (lhs: Int, rhs: SymInt) -> SymInt { SymInt(lhs) % rhs }

    @inlinable public static func += (lhs: inout SymInt, rhs: SymInt) { lhs = lhs + rhs }
    @inlinable public static func -= (lhs: inout SymInt, rhs: SymInt) { lhs = lhs - rhs }
    @inlinable public static func *= (lhs: inout SymInt, rhs: SymInt) { lhs = lhs * rhs }
    @inlinable public static func /= (lhs: inout SymInt, rhs: SymInt) { lhs = lhs / rhs }
    @inlinable public static func %= (lhs: inout SymInt, rhs: SymInt) { lhs = lhs % rhs }
    @inlinable public static func += (lhs: inout SymInt, rhs: Int) { lhs = lhs + SymInt(rhs) }
    @inlinable public static func -= (lhs: inout SymInt, rhs: Int) { lhs = lhs - SymInt(rhs) }
    @inlinable public static func *= (lhs: inout SymInt, rhs: Int) { lhs = lhs * SymInt(rhs) }
    @inlinable public static func /= (lhs: inout SymInt, rhs: Int) { lhs = lhs / SymInt(rhs) }
    @inlinable public static func %= (lhs: inout SymInt, rhs: Int) { lhs = lhs % SymInt(rhs) }
}

// MARK: Symbolic operands and plain failures

extension SymInt {
    @usableFromInline
    static func slowAdd(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
        if let (a, b) = plainPair(lhs, rhs) { return overflowed("\(a) + \(b)") }
        return combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.add(p, q) }.fitting
    }

    @usableFromInline
    static func slowSubtract(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
        if let (a, b) = plainPair(lhs, rhs) { return overflowed("\(a) - \(b)") }
        return combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.subtract(p, q) }.fitting
    }

    @usableFromInline
    static func slowMultiply(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
        if let (a, b) = plainPair(lhs, rhs) { return overflowed("\(a) * \(b)") }
        return combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.multiply(p, q) }.fitting
    }

    @usableFromInline
    static func slowDivide(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
        if let (a, b) = plainPair(lhs, rhs) {
            if b == 0 { return dividedByZero("\(a) / 0") }
            guard let quotient = floorQuotient(a, b) else { return overflowed("\(a) / \(b)") }
            return SymInt(quotient)
        }
        let quotient: SymInt = combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.floorDivide(p, q) }
        return commonScope(lhs, rhs)?.fitting(quotient, dividing: lhs, by: rhs, isRemainder: false) ?? quotient
    }

    @usableFromInline
    static func slowRemainder(_ lhs: SymInt, _ rhs: SymInt) -> SymInt {
        if let (a, b) = plainPair(lhs, rhs) {
            return b == 0 ? dividedByZero("\(a) % 0") : SymInt(floorRemainder(a, b))
        }
        let remainder: SymInt = combine(lhs, rhs) { state, p, q throws(SymbolicError) in try state.remainder(p, q) }
        return commonScope(lhs, rhs)?.fitting(remainder, dividing: lhs, by: rhs, isRemainder: true) ?? remainder
    }

    private static func plainPair(_ lhs: SymInt, _ rhs: SymInt) -> (Int, Int)? {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return (a, b) }
        return nil
    }

    static func overflowed(_ operation: String) -> SymInt {
        invalid(SymbolicError(.overflow, "integer overflow in \(operation)"))
    }

    static func dividedByZero(_ operation: String) -> SymInt {
        invalid(SymbolicError(.divisionByZero, "division by zero in \(operation)"))
    }

    /// A value that carries an error, which its users report through ``requireValid()``.
    public static func invalid(_ error: SymbolicError) -> SymInt {
        SymInt(storage: .invalid(InvalidValue(error)))
    }

    private static func commonScope(_ lhs: SymInt, _ rhs: SymInt) -> SymbolScope? { (lhs.tie ?? rhs.tie)?.scope }

    /// The result of an operation, for which a trace has been told what must hold for it to fit.
    private var fitting: SymInt { expression?.scope?.fitting(self) ?? self }

    /// Runs `operation` on the operands' expressions inside their common scope.
    static func combine(
        _ lhs: SymInt, _ rhs: SymInt,
        _ operation: (ScopeState, SymExpr, SymExpr) throws(SymbolicError) -> SymExpr
    ) -> SymInt {
        if case .invalid = lhs.storage { return lhs }
        if case .invalid = rhs.storage { return rhs }
        let scope: SymbolScope
        switch ScopeTie.common(lhs.tie, rhs.tie) {
        case .failure(let error): return SymInt(storage: .invalid(InvalidValue(error, scope: lhs.scope ?? rhs.scope)))
        case .success(let found): scope = found
        }
        return scope.build { state throws(SymbolicError) in
            try operation(state, state.expression(lhs.storage), state.expression(rhs.storage))
        }
    }
}
