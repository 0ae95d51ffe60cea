extension SymFloat {
    public static func + (lhs: SymFloat, rhs: SymFloat) -> SymFloat { binary(.add, lhs, rhs) }
    public static func - (lhs: SymFloat, rhs: SymFloat) -> SymFloat { binary(.subtract, lhs, rhs) }
    public static func * (lhs: SymFloat, rhs: SymFloat) -> SymFloat { binary(.multiply, lhs, rhs) }
    /// As IEEE 754 has it: divided by zero an infinity or a NaN, where a saved program is an error in PyTorch.
    public static func / (lhs: SymFloat, rhs: SymFloat) -> SymFloat { binary(.divide, lhs, rhs) }
    public static prefix func - (operand: SymFloat) -> SymFloat { unary(.negate, operand) }

    // Numbers beside symbolic ones. Disfavoured, so that none of them competes for an expression of literals, such as `1 - 0.9`.
    @_disfavoredOverload
    public static func + (lhs: SymFloat, rhs: Double) -> SymFloat { lhs + SymFloat(rhs) }
    @_disfavoredOverload
    public static func + (lhs: Double, rhs: SymFloat) -> SymFloat { SymFloat(lhs) + rhs }
    @_disfavoredOverload
    public static func - (lhs: SymFloat, rhs: Double) -> SymFloat { lhs - SymFloat(rhs) }
    @_disfavoredOverload
    public static func - (lhs: Double, rhs: SymFloat) -> SymFloat { SymFloat(lhs) - rhs }
    @_disfavoredOverload
    public static func * (lhs: SymFloat, rhs: Double) -> SymFloat { lhs * SymFloat(rhs) }
    @_disfavoredOverload
    public static func * (lhs: Double, rhs: SymFloat) -> SymFloat { SymFloat(lhs) * rhs }
    @_disfavoredOverload
    public static func / (lhs: SymFloat, rhs: Double) -> SymFloat { lhs / SymFloat(rhs) }
    @_disfavoredOverload
    public static func / (lhs: Double, rhs: SymFloat) -> SymFloat { SymFloat(lhs) / rhs }

    public static func += (lhs: inout SymFloat, rhs: SymFloat) { lhs = lhs + rhs }
    public static func -= (lhs: inout SymFloat, rhs: SymFloat) { lhs = lhs - rhs }
    public static func *= (lhs: inout SymFloat, rhs: SymFloat) { lhs = lhs * rhs }
    public static func /= (lhs: inout SymFloat, rhs: SymFloat) { lhs = lhs / rhs }

    /// The square root, as an opaque operation when symbolic. Of a negative number it is a NaN, where a saved program is an error in PyTorch.
    public func squareRoot() -> SymFloat { SymFloat.unary(.squareRoot, self) }

    static func binary(_ operation: FloatExpr.Binary, _ lhs: SymFloat, _ rhs: SymFloat) -> SymFloat {
        if let a = lhs.constant, let b = rhs.constant { return SymFloat(operation.apply(a, b)) }
        if lhs.fault != nil { return lhs }
        if rhs.fault != nil { return rhs }
        return build([lhs.tie, rhs.tie]) { state throws(SymbolicError) in
            try state.float(.binary(operation, state.expression(lhs.storage), state.expression(rhs.storage)))
        }
    }

    static func unary(_ operation: FloatExpr.Unary, _ operand: SymFloat) -> SymFloat {
        if let value = operand.constant { return SymFloat(operation.apply(value)) }
        if operand.fault != nil { return operand }
        return build([operand.tie]) { state throws(SymbolicError) in
            try state.float(.unary(operation, state.expression(operand.storage)))
        }
    }

    static func build(
        _ ties: [ScopeTie?], _ make: (ScopeState) throws(SymbolicError) -> FloatExpr
    ) -> SymFloat {
        switch ScopeTie.common(ties) {
        case .failure(let error):
            return SymFloat(storage: .invalid(InvalidValue(error, scope: ties.lazy.compactMap { $0?.scope }.first)))
        case .success(let scope):
            return scope.buildFloat(make)
        }
    }

    static func compare(_ relation: FloatExpr.Relation, _ lhs: SymFloat, _ rhs: SymFloat) -> SymBool {
        if let a = lhs.constant, let b = rhs.constant { return SymBool(relation.holds(a, b)) }
        if case .invalid(let fault) = lhs.storage { return SymBool(storage: .invalid(fault)) }
        if case .invalid(let fault) = rhs.storage { return SymBool(storage: .invalid(fault)) }
        switch ScopeTie.common(lhs.tie, rhs.tie) {
        case .failure(let error):
            return SymBool(storage: .invalid(InvalidValue(error, scope: lhs.scope ?? rhs.scope)))
        case .success(let scope):
            return scope.buildCondition { state throws(SymbolicError) in
                try state.compare(relation, state.expression(lhs.storage), state.expression(rhs.storage))
            }
        }
    }
}

// MARK: Comparisons, as a Bool that asks and as a condition that does not

extension SymFloat: Equatable {
    public static func == (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.equal, lhs, rhs).value }
    public static func != (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.equal, lhs, rhs).negated().value }
    public static func < (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.less, lhs, rhs).value }
    public static func <= (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.lessOrEqual, lhs, rhs).value }
    public static func > (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.less, rhs, lhs).value }
    public static func >= (lhs: SymFloat, rhs: SymFloat) -> Bool { compare(.lessOrEqual, rhs, lhs).value }

    public static func == (lhs: SymFloat, rhs: Double) -> Bool { lhs == SymFloat(rhs) }
    public static func != (lhs: SymFloat, rhs: Double) -> Bool { lhs != SymFloat(rhs) }
    public static func < (lhs: SymFloat, rhs: Double) -> Bool { lhs < SymFloat(rhs) }
    public static func <= (lhs: SymFloat, rhs: Double) -> Bool { lhs <= SymFloat(rhs) }
    public static func > (lhs: SymFloat, rhs: Double) -> Bool { lhs > SymFloat(rhs) }
    public static func >= (lhs: SymFloat, rhs: Double) -> Bool { lhs >= SymFloat(rhs) }
}

extension SymFloat {
    @_disfavoredOverload
    public static func == (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.equal, lhs, rhs) }
    @_disfavoredOverload
    public static func != (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.equal, lhs, rhs).negated() }
    @_disfavoredOverload
    public static func < (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.less, lhs, rhs) }
    @_disfavoredOverload
    public static func <= (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.lessOrEqual, lhs, rhs) }
    @_disfavoredOverload
    public static func > (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.less, rhs, lhs) }
    @_disfavoredOverload
    public static func >= (lhs: SymFloat, rhs: SymFloat) -> SymBool { compare(.lessOrEqual, rhs, lhs) }

    @_disfavoredOverload
    public static func == (lhs: SymFloat, rhs: Double) -> SymBool { compare(.equal, lhs, SymFloat(rhs)) }
    @_disfavoredOverload
    public static func != (lhs: SymFloat, rhs: Double) -> SymBool { compare(.equal, lhs, SymFloat(rhs)).negated() }
    @_disfavoredOverload
    public static func < (lhs: SymFloat, rhs: Double) -> SymBool { compare(.less, lhs, SymFloat(rhs)) }
    @_disfavoredOverload
    public static func <= (lhs: SymFloat, rhs: Double) -> SymBool { compare(.lessOrEqual, lhs, SymFloat(rhs)) }
    @_disfavoredOverload
    public static func > (lhs: SymFloat, rhs: Double) -> SymBool { compare(.less, SymFloat(rhs), lhs) }
    @_disfavoredOverload
    public static func >= (lhs: SymFloat, rhs: Double) -> SymBool { compare(.lessOrEqual, SymFloat(rhs), lhs) }
}
