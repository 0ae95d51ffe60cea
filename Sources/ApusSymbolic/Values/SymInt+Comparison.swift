// Every comparison comes twice. The one that gives a `Bool` is what `if`, `while` and `? :` choose: for a symbolic
// operand it puts the question to the oracle of the trace, which answers and records it with its site. The one that
// gives a `SymBool` asks nothing; it is disfavoured, so that it is chosen only where a `SymBool` is expected:
// `check(n % 2 == 0)`.

extension SymInt: Equatable {
    @inlinable
    public static func == (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a == b }
        return SymBool.equal(lhs, rhs).asked()
    }

    @inlinable
    public static func != (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a != b }
        return SymBool.notEqual(lhs, rhs).asked()
    }

    @inlinable
    public static func < (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a < b }
        return SymBool.less(lhs, rhs).asked()
    }

    @inlinable
    public static func <= (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a <= b }
        return SymBool.lessOrEqual(lhs, rhs).asked()
    }

    @inlinable
    public static func > (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a > b }
        return SymBool.less(rhs, lhs).asked()
    }

    @inlinable
    public static func >= (lhs: SymInt, rhs: SymInt) -> Bool {
        if case .plain(let a) = lhs.storage, case .plain(let b) = rhs.storage { return a >= b }
        return SymBool.lessOrEqual(rhs, lhs).asked()
    }
}

// MARK: Int on either side

extension SymInt {
    @inlinable public static func == (lhs: SymInt, rhs: Int) -> Bool { lhs == SymInt(rhs) }
    @inlinable public static func == (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) == rhs }
    @inlinable public static func != (lhs: SymInt, rhs: Int) -> Bool { lhs != SymInt(rhs) }
    @inlinable public static func != (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) != rhs }
    @inlinable public static func < (lhs: SymInt, rhs: Int) -> Bool { lhs < SymInt(rhs) }
    @inlinable public static func < (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) < rhs }
    @inlinable public static func <= (lhs: SymInt, rhs: Int) -> Bool { lhs <= SymInt(rhs) }
    @inlinable public static func <= (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) <= rhs }
    @inlinable public static func > (lhs: SymInt, rhs: Int) -> Bool { lhs > SymInt(rhs) }
    @inlinable public static func > (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) > rhs }
    @inlinable public static func >= (lhs: SymInt, rhs: Int) -> Bool { lhs >= SymInt(rhs) }
    @inlinable public static func >= (lhs: Int, rhs: SymInt) -> Bool { SymInt(lhs) >= rhs }
}

// MARK: Conditions

extension SymInt {
    @_disfavoredOverload
    public static func == (lhs: SymInt, rhs: SymInt) -> SymBool { .equal(lhs, rhs) }
    @_disfavoredOverload
    public static func == (lhs: SymInt, rhs: Int) -> SymBool { .equal(lhs, SymInt(rhs)) }
    @_disfavoredOverload
    public static func == (lhs: Int, rhs: SymInt) -> SymBool { .equal(SymInt(lhs), rhs) }
    @_disfavoredOverload
    public static func != (lhs: SymInt, rhs: SymInt) -> SymBool { .notEqual(lhs, rhs) }
    @_disfavoredOverload
    public static func != (lhs: SymInt, rhs: Int) -> SymBool { .notEqual(lhs, SymInt(rhs)) }
    @_disfavoredOverload
    public static func != (lhs: Int, rhs: SymInt) -> SymBool { .notEqual(SymInt(lhs), rhs) }
    @_disfavoredOverload
    public static func < (lhs: SymInt, rhs: SymInt) -> SymBool { .less(lhs, rhs) }
    @_disfavoredOverload
    public static func < (lhs: SymInt, rhs: Int) -> SymBool { .less(lhs, SymInt(rhs)) }
    @_disfavoredOverload
    public static func < (lhs: Int, rhs: SymInt) -> SymBool { .less(SymInt(lhs), rhs) }
    @_disfavoredOverload
    public static func <= (lhs: SymInt, rhs: SymInt) -> SymBool { .lessOrEqual(lhs, rhs) }
    @_disfavoredOverload
    public static func <= (lhs: SymInt, rhs: Int) -> SymBool { .lessOrEqual(lhs, SymInt(rhs)) }
    @_disfavoredOverload
    public static func <= (lhs: Int, rhs: SymInt) -> SymBool { .lessOrEqual(SymInt(lhs), rhs) }
    @_disfavoredOverload
    public static func > (lhs: SymInt, rhs: SymInt) -> SymBool { .less(rhs, lhs) }
    @_disfavoredOverload
    public static func > (lhs: SymInt, rhs: Int) -> SymBool { .less(SymInt(rhs), lhs) }
    @_disfavoredOverload
    public static func > (lhs: Int, rhs: SymInt) -> SymBool { .less(rhs, SymInt(lhs)) }
    @_disfavoredOverload
    public static func >= (lhs: SymInt, rhs: SymInt) -> SymBool { .lessOrEqual(rhs, lhs) }
    @_disfavoredOverload
    public static func >= (lhs: SymInt, rhs: Int) -> SymBool { .lessOrEqual(SymInt(rhs), lhs) }
    @_disfavoredOverload
    public static func >= (lhs: Int, rhs: SymInt) -> SymBool { .lessOrEqual(rhs, SymInt(lhs)) }
}
