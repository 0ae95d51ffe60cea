import ApusSymbolic
import ApusTensor

/// One dimension of one example input, to be declared dynamic. Made by `dynamicDim`.
public struct DynamicDimension: Sendable {
    /// The example input, told by its identity among the arguments.
    let tensor: Tensor
    /// As written; may be negative.
    let dim: Int
}

/// A statement about the sizes that a program must take. Dimensions that no constraint names are static.
public struct Constraint: Sendable {
    enum Kind: Sendable {
        case free
        /// Inclusive bounds.
        case range(min: Int?, max: Int?)
        case values([Int])
        case equal(DynamicDimension)
    }

    let dimension: DynamicDimension
    let kind: Kind
}

/// Declares dimension `dim` of an example input dynamic: 1 and up unless bounded. Negative positions count from the end.
///
///     try export(f, args: x, y, constraints: [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6, dynamicDim(y, 0) == dynamicDim(x, 0)])
public func dynamicDim(_ x: Tensor, _ dim: Int) -> DynamicDimension { DynamicDimension(tensor: x, dim: dim) }

/// What may stand in a list of constraints: a comparison of a dimension, or a dimension by itself.
public protocol ConstraintConvertible: Sendable {
    var constraint: Constraint { get }
}

extension Constraint: ConstraintConvertible { public var constraint: Constraint { self } }
extension DynamicDimension: ConstraintConvertible { public var constraint: Constraint { Constraint(dimension: self, kind: .free) } }

extension DynamicDimension {
    private func bounded(min: Int? = nil, max: Int? = nil) -> Constraint { Constraint(dimension: self, kind: .range(min: min, max: max)) }

    public static func >= (a: DynamicDimension, b: Int) -> Constraint { a.bounded(min: b) }
    public static func <= (a: DynamicDimension, b: Int) -> Constraint { a.bounded(max: b) }
    /// A bound beyond the range of `Int` leaves nothing: it is kept as the impossible range and reported by `export`.
    public static func > (a: DynamicDimension, b: Int) -> Constraint { b == .max ? a.bounded(min: .max, max: 0) : a.bounded(min: b + 1) }
    public static func < (a: DynamicDimension, b: Int) -> Constraint { b == .min ? a.bounded(min: .max, max: 0) : a.bounded(max: b - 1) }
    public static func >= (a: Int, b: DynamicDimension) -> Constraint { b <= a }
    public static func <= (a: Int, b: DynamicDimension) -> Constraint { b >= a }
    public static func > (a: Int, b: DynamicDimension) -> Constraint { b < a }
    public static func < (a: Int, b: DynamicDimension) -> Constraint { b > a }
    /// The two dimensions are always of one size, and share one symbol.
    public static func == (a: DynamicDimension, b: DynamicDimension) -> Constraint { Constraint(dimension: a, kind: .equal(b)) }
    /// The dimension has this one size.
    public static func == (a: DynamicDimension, b: Int) -> Constraint { a.bounded(min: b, max: b) }

    /// Inclusive bounds, `in(3...6)`.
    public func `in`(_ range: ClosedRange<Int>) -> Constraint { bounded(min: range.lowerBound, max: range.upperBound) }
    public func `in`(_ range: PartialRangeFrom<Int>) -> Constraint { bounded(min: range.lowerBound) }
    public func `in`(_ range: PartialRangeThrough<Int>) -> Constraint { bounded(max: range.upperBound) }
    /// Exactly these sizes.
    public func `in`(_ values: [Int]) -> Constraint { Constraint(dimension: self, kind: .values(values)) }
}
