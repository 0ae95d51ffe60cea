/// Bounds of an integer with infinities: `Int.min` is minus infinity, `Int.max` plus infinity.
///
/// Arithmetic rounds outwards: a bound that does not fit becomes an infinity, so that an interval always holds at least
/// the mathematical result.
struct Interval: Sendable, Hashable {
    var low: Int
    var high: Int

    static let all = Interval(low: .min, high: .max)

    init(low: Int, high: Int) {
        self.low = low
        self.high = high
    }

    init(_ value: Int) { self.init(low: value, high: value) }

    var isEmpty: Bool { low > high }

    func contains(_ value: Int) -> Bool { low <= value && value <= high }

    func intersection(_ other: Interval) -> Interval {
        Interval(low: max(low, other.low), high: min(high, other.high))
    }

    func union(_ other: Interval) -> Interval { Interval(low: min(low, other.low), high: max(high, other.high)) }

    /// Converts an exact bound: too low is minus infinity; too high for a lower bound stays the largest finite value.
    private static func lowBound(_ value: Int128) -> Int {
        value <= Int128(Int.min) ? .min : (value >= Int128(Int.max) ? Int.max - 1 : Int(value))
    }

    private static func highBound(_ value: Int128) -> Int {
        value >= Int128(Int.max) ? .max : (value <= Int128(Int.min) ? Int.min + 1 : Int(value))
    }

    static func + (a: Interval, b: Interval) -> Interval {
        Interval(
            low: a.low == .min || b.low == .min ? .min : lowBound(Int128(a.low) + Int128(b.low)),
            high: a.high == .max || b.high == .max ? .max : highBound(Int128(a.high) + Int128(b.high)))
    }

    func scaled(by factor: Int) -> Interval {
        if factor == 0 { return Interval(0) }
        let wide = Int128(factor)
        if factor > 0 {
            return Interval(
                low: low == .min ? .min : Interval.lowBound(Int128(low) * wide),
                high: high == .max ? .max : Interval.highBound(Int128(high) * wide))
        }
        return Interval(
            low: high == .max ? .min : Interval.lowBound(Int128(high) * wide),
            high: low == .min ? .max : Interval.highBound(Int128(low) * wide))
    }

    /// The product of two bounds, of which infinite ones are marked; zero times infinity is zero, as bounds need it.
    private static func multiply(_ a: Int, _ b: Int) -> Int128 {
        if a == 0 || b == 0 { return 0 }
        if a == .min || a == .max || b == .min || b == .max { return (a < 0) == (b < 0) ? Int128.max : Int128.min }
        return Int128(a) * Int128(b)
    }

    static func * (a: Interval, b: Interval) -> Interval {
        let corners: [Int128] = [
            multiply(a.low, b.low), multiply(a.low, b.high), multiply(a.high, b.low), multiply(a.high, b.high),
        ]
        var low: Int128 = corners[0]
        var high: Int128 = corners[0]
        for corner in corners.dropFirst() {
            low = min(low, corner)
            high = max(high, corner)
        }
        return Interval(low: lowBound(low), high: highBound(high))
    }

    /// The interval raised to a power of at least one.
    func power(_ exponent: Int) -> Interval {
        if exponent == 1 { return self }
        var result: Interval = self
        for _ in 1..<min(exponent, 64) { result = result * self }
        if exponent > 64 { return exponent % 2 == 0 || low >= 0 ? Interval(low: low > 0 ? low : 0, high: .max) : .all }
        guard exponent % 2 == 0 else { return result }
        // An even power is not negative, and zero only where the base may be.
        if low <= 0 && high >= 0 { return Interval(low: 0, high: result.high) }
        let nearest: Int = low > 0 ? low : (high == .min ? .max : (high == Int.min + 1 ? .max : -high))
        return Interval(low: Interval(nearest).finitePower(exponent), high: result.high)
    }

    private func finitePower(_ exponent: Int) -> Int {
        var value: Int128 = 1
        for _ in 0..<exponent {
            value *= Int128(low)
            if value > Int128(Int.max - 1) { return Int.max - 1 }
        }
        return Int(value)
    }

    /// Floor division by a divisor interval; all integers when the divisor may be zero, changes sign or is empty.
    func floorDivided(by d: Interval) -> Interval {
        if d.low < 0 && d.high < 0 { return scaled(by: -1).floorDivided(by: d.scaled(by: -1)) }
        // Facts that contradict each other leave nothing: an interval whose bounds are the wrong way round.
        guard d.low > 0, d.high >= d.low else { return .all }
        func quotient(_ a: Int, _ b: Int) -> Int {
            if a == .min || a == .max { return a }
            if b == .max { return a < 0 ? -1 : 0 }
            return floorDiv(a, by: b)
        }
        if low == .min && high == .max { return .all }
        return Interval(
            low: low == .min ? .min : min(quotient(low, d.low), quotient(low, d.high)),
            high: high == .max ? .max : max(quotient(high, d.low), quotient(high, d.high)))
    }

    var publicRange: SymRange { SymRange(lowerBound: low, upperBound: high) }
}
