// Integers beside symbolic floats. Without the comparisons a literal such as the 0 in `v > 0` could be read as a `Double` and as a
// `SymFloat`, and the compiler would call it ambiguous; the arithmetic is disfavoured for the same reason, as that with `Double` is.

extension SymFloat {
    public init(_ value: Int) { self.init(Double(value)) }

    @_disfavoredOverload
    public static func + (lhs: SymFloat, rhs: some SymIntConvertible) -> SymFloat { lhs + SymFloat(rhs.symInt) }
    @_disfavoredOverload
    public static func + (lhs: some SymIntConvertible, rhs: SymFloat) -> SymFloat { SymFloat(lhs.symInt) + rhs }
    @_disfavoredOverload
    public static func - (lhs: SymFloat, rhs: some SymIntConvertible) -> SymFloat { lhs - SymFloat(rhs.symInt) }
    @_disfavoredOverload
    public static func - (lhs: some SymIntConvertible, rhs: SymFloat) -> SymFloat { SymFloat(lhs.symInt) - rhs }
    @_disfavoredOverload
    public static func * (lhs: SymFloat, rhs: some SymIntConvertible) -> SymFloat { lhs * SymFloat(rhs.symInt) }
    @_disfavoredOverload
    public static func * (lhs: some SymIntConvertible, rhs: SymFloat) -> SymFloat { SymFloat(lhs.symInt) * rhs }
    @_disfavoredOverload
    public static func / (lhs: SymFloat, rhs: some SymIntConvertible) -> SymFloat { lhs / SymFloat(rhs.symInt) }
    @_disfavoredOverload
    public static func / (lhs: some SymIntConvertible, rhs: SymFloat) -> SymFloat { SymFloat(lhs.symInt) / rhs }
}

// A size beside a number: `n * 0.5`.
extension SymInt {
    @_disfavoredOverload
    public static func + (lhs: SymInt, rhs: Double) -> SymFloat { SymFloat(lhs) + SymFloat(rhs) }
    @_disfavoredOverload
    public static func + (lhs: Double, rhs: SymInt) -> SymFloat { SymFloat(lhs) + SymFloat(rhs) }
    @_disfavoredOverload
    public static func - (lhs: SymInt, rhs: Double) -> SymFloat { SymFloat(lhs) - SymFloat(rhs) }
    @_disfavoredOverload
    public static func - (lhs: Double, rhs: SymInt) -> SymFloat { SymFloat(lhs) - SymFloat(rhs) }
    @_disfavoredOverload
    public static func * (lhs: SymInt, rhs: Double) -> SymFloat { SymFloat(lhs) * SymFloat(rhs) }
    @_disfavoredOverload
    public static func * (lhs: Double, rhs: SymInt) -> SymFloat { SymFloat(lhs) * SymFloat(rhs) }
    @_disfavoredOverload
    public static func / (lhs: SymInt, rhs: Double) -> SymFloat { SymFloat(lhs) / SymFloat(rhs) }
    @_disfavoredOverload
    public static func / (lhs: Double, rhs: SymInt) -> SymFloat { SymFloat(lhs) / SymFloat(rhs) }
}

extension Double {
    @available(
        *, unavailable, message: "a size may be symbolic: write SymFloat(n), or Double(Int(n)) for the number that it has in the example"
    )
    public init(_ size: SymInt) { self = .nan }
}

extension Float {
    @available(
        *, unavailable, message: "a size may be symbolic: write SymFloat(n), or Float(Int(n)) for the number that it has in the example"
    )
    public init(_ size: SymInt) { self = .nan }
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
