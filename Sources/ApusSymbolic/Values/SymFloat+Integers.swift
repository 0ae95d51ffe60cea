// Integers beside symbolic floats. Without the comparisons a literal such as the 0 in `v > 0` could be read as a `Double` and as a
// `SymFloat`, and the compiler would call it ambiguous; the arithmetic is disfavoured for the same reason, as that with `Double` is.

extension SymFloat {
    public init(_ value: Int) { self.init(Double(value)) }

    @_disfavoredOverload
    public static func + (lhs: SymFloat, rhs: Int) -> SymFloat { lhs + SymFloat(Double(rhs)) }
    @_disfavoredOverload
    public static func + (lhs: Int, rhs: SymFloat) -> SymFloat { SymFloat(Double(lhs)) + rhs }
    @_disfavoredOverload
    public static func - (lhs: SymFloat, rhs: Int) -> SymFloat { lhs - SymFloat(Double(rhs)) }
    @_disfavoredOverload
    public static func - (lhs: Int, rhs: SymFloat) -> SymFloat { SymFloat(Double(lhs)) - rhs }
    @_disfavoredOverload
    public static func * (lhs: SymFloat, rhs: Int) -> SymFloat { lhs * SymFloat(Double(rhs)) }
    @_disfavoredOverload
    public static func * (lhs: Int, rhs: SymFloat) -> SymFloat { SymFloat(Double(lhs)) * rhs }
    @_disfavoredOverload
    public static func / (lhs: SymFloat, rhs: Int) -> SymFloat { lhs / SymFloat(Double(rhs)) }
    @_disfavoredOverload
    public static func / (lhs: Int, rhs: SymFloat) -> SymFloat { SymFloat(Double(lhs)) / rhs }
}

// MARK: Comparisons, as a Bool that asks and as a condition that does not

extension SymFloat {
    public static func == (lhs: SymFloat, rhs: Int) -> Bool { compare(.equal, lhs, SymFloat(Double(rhs))).value }
    public static func != (lhs: SymFloat, rhs: Int) -> Bool { compare(.equal, lhs, SymFloat(Double(rhs))).negated().value }
    public static func < (lhs: SymFloat, rhs: Int) -> Bool { compare(.less, lhs, SymFloat(Double(rhs))).value }
    public static func <= (lhs: SymFloat, rhs: Int) -> Bool { compare(.lessOrEqual, lhs, SymFloat(Double(rhs))).value }
    public static func > (lhs: SymFloat, rhs: Int) -> Bool { compare(.less, SymFloat(Double(rhs)), lhs).value }
    public static func >= (lhs: SymFloat, rhs: Int) -> Bool { compare(.lessOrEqual, SymFloat(Double(rhs)), lhs).value }
}

extension SymFloat {
    @_disfavoredOverload
    public static func == (lhs: SymFloat, rhs: Int) -> SymBool { compare(.equal, lhs, SymFloat(Double(rhs))) }
    @_disfavoredOverload
    public static func != (lhs: SymFloat, rhs: Int) -> SymBool { compare(.equal, lhs, SymFloat(Double(rhs))).negated() }
    @_disfavoredOverload
    public static func < (lhs: SymFloat, rhs: Int) -> SymBool { compare(.less, lhs, SymFloat(Double(rhs))) }
    @_disfavoredOverload
    public static func <= (lhs: SymFloat, rhs: Int) -> SymBool { compare(.lessOrEqual, lhs, SymFloat(Double(rhs))) }
    @_disfavoredOverload
    public static func > (lhs: SymFloat, rhs: Int) -> SymBool { compare(.less, SymFloat(Double(rhs)), lhs) }
    @_disfavoredOverload
    public static func >= (lhs: SymFloat, rhs: Int) -> SymBool { compare(.lessOrEqual, SymFloat(Double(rhs)), lhs) }
}
