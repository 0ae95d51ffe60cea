extension SymBool {
    @_disfavoredOverload
    public static prefix func ! (operand: SymBool) -> SymBool { operand.negated() }

    /// Both conditions hold. Neither side is asked, so there is no short circuit to speak of.
    @_disfavoredOverload
    public static func && (lhs: SymBool, rhs: SymBool) -> SymBool { all([lhs, rhs]) }

    @_disfavoredOverload
    public static func || (lhs: SymBool, rhs: SymBool) -> SymBool { any([lhs, rhs]) }

    /// The opposite condition.
    public func negated() -> SymBool {
        switch storage {
        case .plain(let value): return SymBool(!value)
        case .invalid: return self
        case .symbolic(let expression):
            return SymBool.build([self]) { state throws(SymbolicError) in try state.negate(expression) }
        }
    }

    /// The conjunction; true for none.
    public static func all(_ conditions: [SymBool]) -> SymBool {
        if conditions.contains(where: { $0.constant == false }) { return false }
        let conditions: [SymBool] = conditions.filter { $0.constant == nil }
        if conditions.isEmpty { return true }
        return build(conditions) { state throws(SymbolicError) in
            try state.conjunction(state.expressions(conditions))
        }
    }

    /// The disjunction; false for none.
    public static func any(_ conditions: [SymBool]) -> SymBool {
        if conditions.contains(where: { $0.constant == true }) { return true }
        let conditions: [SymBool] = conditions.filter { $0.constant == nil }
        if conditions.isEmpty { return false }
        return build(conditions) { state throws(SymbolicError) in
            try state.disjunction(state.expressions(conditions))
        }
    }

    /// Builds a condition out of conditions inside their common scope; plain ones are folded without any scope.
    private static func build(
        _ operands: [SymBool], _ make: (ScopeState) throws(SymbolicError) -> BoolExpr
    ) -> SymBool {
        if let invalid = operands.first(where: { $0.fault != nil }) { return invalid }
        switch ScopeTie.common(operands.map(\.tie)) {
        case .failure(let error):
            return SymBool(storage: .invalid(InvalidValue(error, scope: operands.lazy.compactMap(\.scope).first)))
        case .success(let scope):
            return scope.buildCondition(make)
        }
    }
}

// MARK: Conditions over integers

extension SymBool {
    @usableFromInline
    static func equal(_ lhs: SymInt, _ rhs: SymInt) -> SymBool {
        if let a = lhs.constant, let b = rhs.constant { return SymBool(a == b) }
        return build(lhs, rhs) { state, p, q throws(SymbolicError) in try state.equalsZero(state.subtract(p, q)) }
    }

    @usableFromInline
    static func notEqual(_ lhs: SymInt, _ rhs: SymInt) -> SymBool { equal(lhs, rhs).negated() }

    @usableFromInline
    static func lessOrEqual(_ lhs: SymInt, _ rhs: SymInt) -> SymBool {
        if let a = lhs.constant, let b = rhs.constant { return SymBool(a <= b) }
        return build(lhs, rhs) { state, p, q throws(SymbolicError) in try state.atLeastZero(state.subtract(q, p)) }
    }

    @usableFromInline
    static func less(_ lhs: SymInt, _ rhs: SymInt) -> SymBool {
        if let a = lhs.constant, let b = rhs.constant { return SymBool(a < b) }
        return build(lhs, rhs) { state, p, q throws(SymbolicError) in
            try state.atLeastZero(state.subtract(state.subtract(q, p), state.constant(1)))
        }
    }

    static func build(
        _ lhs: SymInt, _ rhs: SymInt,
        _ make: (ScopeState, SymExpr, SymExpr) throws(SymbolicError) -> BoolExpr
    ) -> SymBool {
        if case .invalid(let fault) = lhs.storage { return SymBool(storage: .invalid(fault)) }
        if case .invalid(let fault) = rhs.storage { return SymBool(storage: .invalid(fault)) }
        switch ScopeTie.common(lhs.tie, rhs.tie) {
        case .failure(let error):
            return SymBool(storage: .invalid(InvalidValue(error, scope: lhs.scope ?? rhs.scope)))
        case .success(let scope):
            return scope.buildCondition { state throws(SymbolicError) in
                try make(state, state.expression(lhs.storage), state.expression(rhs.storage))
            }
        }
    }
}

extension SymInt {
    /// Whether `divisor` divides the value; asks the oracle when symbolic. Zero divides only zero.
    public func isMultiple(of divisor: some SymIntConvertible) -> Bool { multiple(of: divisor.symInt).value }

    /// The condition that `divisor` divides the value; asks nothing.
    @_disfavoredOverload
    public func isMultiple(of divisor: some SymIntConvertible) -> SymBool { multiple(of: divisor.symInt) }

    private func multiple(of divisor: SymInt) -> SymBool {
        let isZero: SymBool = .equal(divisor, 0)
        switch isZero.constant ?? isZero.scope?.known(isZero) {
        case true?: return .equal(self, 0)
        case false?: return .equal(self % divisor, 0)
        case nil:
            let divides: SymBool = .equal(self % SymInt.select(isZero, 1, divisor), 0)
            return .any([.all([isZero, .equal(self, 0)]), .all([!isZero, divides])])
        }
    }
}
