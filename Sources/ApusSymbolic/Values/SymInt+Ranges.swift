// Symbolic integers in ranges of plain ones, and steps up to a symbolic end. Each asks what a comparison in an `if` asks, so that a trace
// follows both answers.

/// A set of integers that a `switch` over a size may name: `case 1...8`, `case 0..<n`, `case n...`.
public protocol SymIntPattern: Sendable {
    /// Whether the value is in the set, asked of the trace where it is symbolic.
    func contains(_ value: SymInt) -> Bool
}

extension Range: SymIntPattern where Bound == Int {
    public func contains(_ value: SymInt) -> Bool { value >= lowerBound && value < upperBound }
}

extension ClosedRange: SymIntPattern where Bound == Int {
    public func contains(_ value: SymInt) -> Bool { value >= lowerBound && value <= upperBound }
}

extension PartialRangeFrom: SymIntPattern where Bound == Int {
    public func contains(_ value: SymInt) -> Bool { value >= lowerBound }
}

extension PartialRangeUpTo: SymIntPattern where Bound == Int {
    public func contains(_ value: SymInt) -> Bool { value < upperBound }
}

extension PartialRangeThrough: SymIntPattern where Bound == Int {
    public func contains(_ value: SymInt) -> Bool { value <= upperBound }
}

extension SymIntRange: SymIntPattern {
    public func contains(_ value: SymInt) -> Bool { value >= lowerBound && value < upperBound }
    public func contains(_ value: Int) -> Bool { contains(SymInt(value)) }
}

extension SymIntPartialRange: SymIntPattern {
    public func contains(_ value: SymInt) -> Bool {
        if let lowerBound, value < lowerBound { return false }
        if let upperBound, value >= upperBound { return false }
        return true
    }
}

/// `switch x.shape[0] { case 1...8: ... case n...: ... }`
public func ~= (pattern: some SymIntPattern, value: SymInt) -> Bool { pattern.contains(value) }

/// `switch i { case 0..<n: ... }` of a plain integer and a symbolic bound. Disfavoured, so that patterns of plain integers stay Swift's own.
@_disfavoredOverload
public func ~= (pattern: some SymIntPattern, value: Int) -> Bool { pattern.contains(SymInt(value)) }

/// Every `step`-th position from a start up to a symbolic end: what `stride(from:to:by:)` gives for sizes.
///
/// Iterating it gives plain `Int`s and asks before each whether the end is reached, as ``SymIntRange`` does.
public struct SymIntStride: Sendable, Sequence {
    let start: SymInt
    /// The first position that is none.
    let end: SymInt
    let step: Int

    public struct Iterator: IteratorProtocol {
        var position: Int?
        let end: SymInt
        let step: Int

        public mutating func next() -> Int? {
            guard let current = position, step > 0 ? current < end : current > end else { return nil }
            position = checkedAdd(current, step)
            return current
        }
    }

    /// A step of 0 has no positions, and is an error of the next operation that can throw.
    public func makeIterator() -> Iterator {
        if step == 0 { _ = Int(SymInt.invalid(SymbolicError(.divisionByZero, "a stride from \(start) has the step 0"))) }
        return Iterator(position: step == 0 ? nil : Int(start), end: end, step: step)
    }
}

// Disfavoured, so that strides of plain integers stay Swift's own.

/// Every `step`-th position from `start` up to, not including, `end`. A symbolic step is taken as the number that `Int(step)` gives.
@_disfavoredOverload
public func stride(from start: some SymIntConvertible, to end: some SymIntConvertible, by step: some SymIntConvertible) -> SymIntStride {
    SymIntStride(start: start.symInt, end: end.symInt, step: Int(step.symInt))
}

/// Every `step`-th position from `start` up to `last`.
@_disfavoredOverload
public func stride(from start: some SymIntConvertible, through last: some SymIntConvertible, by step: some SymIntConvertible)
    -> SymIntStride
{
    let step = Int(step.symInt)
    return SymIntStride(start: start.symInt, end: last.symInt + step.signum(), step: step)
}
