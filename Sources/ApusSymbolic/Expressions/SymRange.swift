/// The closed range of an integer, possibly without an end: `3...6`, `1...max`.
///
/// `Int.min` and `Int.max` as bounds are sentinels that mean 'unbounded'.
public struct SymRange: Sendable, Hashable, CustomStringConvertible {
    public let lowerBound: Int
    public let upperBound: Int

    /// The sentinel upper bound.
    public static let max = Int.max
    /// Every integer.
    public static let unbounded = SymRange(lowerBound: .min, upperBound: .max)
    /// The range of a dimension that nothing more is said about.
    public static let size = SymRange(lowerBound: 1, upperBound: .max)

    /// A range; it is empty when the lower bound is above the upper one.
    public init(lowerBound: Int, upperBound: Int) {
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    public init(_ range: ClosedRange<Int>) { self.init(lowerBound: range.lowerBound, upperBound: range.upperBound) }

    public var isEmpty: Bool { lowerBound > upperBound }
    public var hasLowerBound: Bool { lowerBound != .min }
    public var hasUpperBound: Bool { upperBound != .max }

    /// The bounds as conditions on a number.
    package func bounds(of number: SymInt) -> [SymBool] {
        var conditions: [SymBool] = []
        if hasLowerBound { conditions.append(number >= lowerBound) }
        if hasUpperBound { conditions.append(number <= upperBound) }
        return conditions
    }

    /// The only value, when there is just one.
    public var singleValue: Int? { lowerBound == upperBound ? lowerBound : nil }

    /// The number of values; `nil` when unbounded or too many to count.
    public var count: Int? {
        if isEmpty { return 0 }
        guard hasLowerBound, hasUpperBound, let span = checkedSubtract(upperBound, lowerBound) else { return nil }
        return checkedAdd(span, 1)
    }

    public func contains(_ value: Int) -> Bool { value >= lowerBound && value <= upperBound }

    public func contains(_ other: SymRange) -> Bool {
        other.isEmpty || (other.lowerBound >= lowerBound && other.upperBound <= upperBound)
    }

    public func intersection(_ other: SymRange) -> SymRange {
        SymRange(
            lowerBound: Swift.max(lowerBound, other.lowerBound), upperBound: Swift.min(upperBound, other.upperBound))
    }

    /// The smallest range that holds both.
    public func union(_ other: SymRange) -> SymRange {
        if isEmpty { return other }
        if other.isEmpty { return self }
        return SymRange(
            lowerBound: Swift.min(lowerBound, other.lowerBound), upperBound: Swift.max(upperBound, other.upperBound))
    }

    /// The bounds as a standard range, with the sentinels kept; `nil` when empty.
    public var closedRange: ClosedRange<Int>? { isEmpty ? nil : lowerBound...upperBound }

    public var description: String {
        "\(hasLowerBound ? String(lowerBound) : "min")...\(hasUpperBound ? String(upperBound) : "max")"
    }
}
