// Integer helpers that never trap.

/// Floor division; `nil` when the divisor is zero or the quotient does not fit.
func floorQuotient<Value: FixedWidthInteger & SignedInteger>(_ a: Value, _ b: Value) -> Value? {
    if b == 0 { return nil }
    let (quotient, overflow) = a.dividedReportingOverflow(by: b)
    if overflow { return nil }
    // Swift truncates: step down where the signs differ and something was cut off.
    return (a % b != 0) && ((a < 0) != (b < 0)) ? quotient - 1 : quotient
}

/// The remainder of floor division by a divisor that is not zero.
func floorRemainder<Value: FixedWidthInteger & SignedInteger>(_ a: Value, _ b: Value) -> Value {
    if b == 0 || b == -1 { return 0 }
    let remainder = a % b
    return remainder != 0 && ((remainder < 0) != (b < 0)) ? remainder + b : remainder
}

/// Floor division by a positive divisor.
func floorDiv(_ a: Int, by d: Int) -> Int {
    let quotient = a / d
    return a % d < 0 ? quotient - 1 : quotient
}

/// The residue in `0..<d` for a positive divisor.
func floorMod(_ a: Int, by d: Int) -> Int {
    let remainder = a % d
    return remainder < 0 ? remainder + d : remainder
}

/// The greatest common divisor of the magnitudes, clamped to `Int.max`.
func gcd(_ a: Int, _ b: Int) -> Int {
    var x: UInt = a.magnitude
    var y: UInt = b.magnitude
    while y != 0 { (x, y) = (y, x % y) }
    return x > UInt(Int.max) ? 1 : Int(x)
}

func checkedAdd<Value: FixedWidthInteger>(_ a: Value, _ b: Value) -> Value? {
    let (value, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : value
}

func checkedSubtract<Value: FixedWidthInteger>(_ a: Value, _ b: Value) -> Value? {
    let (value, overflow) = a.subtractingReportingOverflow(b)
    return overflow ? nil : value
}

func checkedMultiply<Value: FixedWidthInteger>(_ a: Value, _ b: Value) -> Value? {
    let (value, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? nil : value
}
