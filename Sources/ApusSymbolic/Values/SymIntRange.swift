/// `0..<n` with symbolic ends.
///
/// As a value it is a pair of bounds, for slicing. Iterating it gives plain `Int`s and asks before each whether the end is
/// reached, so that a loop over a small declared range explores each trip count.
public struct SymIntRange: Sendable, Sequence {
    /// The first position.
    public let lowerBound: SymInt
    /// The position after the last.
    public let upperBound: SymInt

    public init(lowerBound: SymInt, upperBound: SymInt) {
        self.lowerBound = lowerBound
        self.upperBound = upperBound
    }

    public struct Iterator: IteratorProtocol {
        var position: Int?
        let end: SymInt

        public mutating func next() -> Int? {
            guard let current = position, current < end else { return nil }
            position = checkedAdd(current, 1)
            return current
        }
    }

    public func makeIterator() -> Iterator { Iterator(position: Int(lowerBound), end: upperBound) }

    /// The number of positions: `max(upperBound - lowerBound, 0)`.
    public var size: SymInt { ApusSymbolic.max(upperBound - lowerBound, 0) }
}

extension SymIntRange: CustomStringConvertible {
    public var description: String { "\(lowerBound)..<\(upperBound)" }
}

// Disfavoured, so that a range of two literals stays a range of integers.
extension SymInt {
    @_disfavoredOverload
    public static func ..< (lhs: SymInt, rhs: SymInt) -> SymIntRange { SymIntRange(lowerBound: lhs, upperBound: rhs) }
    @_disfavoredOverload
    public static func ..< (lhs: Int, rhs: SymInt) -> SymIntRange { SymInt(lhs)..<rhs }
    @_disfavoredOverload
    public static func ..< (lhs: SymInt, rhs: Int) -> SymIntRange { lhs..<SymInt(rhs) }
    @_disfavoredOverload
    public static func ... (lhs: SymInt, rhs: SymInt) -> SymIntRange { lhs..<(rhs + 1) }
    @_disfavoredOverload
    public static func ... (lhs: Int, rhs: SymInt) -> SymIntRange { SymInt(lhs)...rhs }
    @_disfavoredOverload
    public static func ... (lhs: SymInt, rhs: Int) -> SymIntRange { lhs...SymInt(rhs) }
}

/// `n...` or `..<n` with a symbolic bound: positions for slicing, or a pattern of a `switch`.
public struct SymIntPartialRange: Sendable {
    /// The first position; nil where every position before the end is meant.
    public let lowerBound: SymInt?
    /// The position after the last; nil where every position from the start on is meant.
    public let upperBound: SymInt?
}

extension SymInt {
    /// The positions from a size on.
    public static postfix func ... (start: SymInt) -> SymIntPartialRange { SymIntPartialRange(lowerBound: start, upperBound: nil) }
    /// The positions before a size.
    public static prefix func ..< (end: SymInt) -> SymIntPartialRange { SymIntPartialRange(lowerBound: nil, upperBound: end) }
}
