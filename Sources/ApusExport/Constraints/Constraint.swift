import ApusSymbolic
import ApusTensor

/// A statement about the sizes that a program must take. Dimensions that no constraint names are static.
public struct Constraint: Sendable {
    indirect enum Kind: Sendable {
        case free(DynamicDimension.Axis)
        /// Inclusive bounds.
        case range(DynamicDimension.Axis, min: Int?, max: Int?)
        case values(DynamicDimension.Axis, [Int])
        case equal(DynamicDimension.Axis, DynamicDimension.Axis)
        /// What no bound and no equality can say.
        case relation(DynamicDimension.Form, BoolExpr.Comparison, DynamicDimension.Form)
        /// Lists rather than pairs: a long `||` must not be as deep as it is long.
        case any([Kind])
        case all([Kind])
    }

    let kind: Kind
}

/// What may stand in a list of constraints: a comparison of a dimension, or a dimension by itself.
public protocol ConstraintConvertible: Sendable {
    var constraint: Constraint { get }
}

extension Constraint: ConstraintConvertible { public var constraint: Constraint { self } }

extension DynamicDimension: ConstraintConvertible {
    /// The dimension by itself: dynamic, 1 and up. Of arithmetic: every dimension in it.
    public var constraint: Constraint {
        if let axis { return Constraint(kind: .free(axis)) }
        return Constraint(kind: .relation(form, .equal, form))
    }
}

// MARK: - Comparisons

extension DynamicDimension {
    private func bounded(min: Int? = nil, max: Int? = nil) -> Constraint? { axis.map { Constraint(kind: .range($0, min: min, max: max)) } }

    private func compared(_ comparison: BoolExpr.Comparison, _ other: Form) -> Constraint {
        Constraint(kind: .relation(form, comparison, other))
    }

    public static func >= (a: DynamicDimension, b: Int) -> Constraint { a.bounded(min: b) ?? a.compared(.greaterOrEqual, .constant(b)) }
    public static func <= (a: DynamicDimension, b: Int) -> Constraint { a.bounded(max: b) ?? a.compared(.lessOrEqual, .constant(b)) }
    /// A bound beyond the range of `Int` leaves nothing: it is kept as the impossible range and reported by `export`.
    public static func > (a: DynamicDimension, b: Int) -> Constraint {
        (b == .max ? a.bounded(min: .max, max: 0) : a.bounded(min: b + 1)) ?? a.compared(.greater, .constant(b))
    }
    public static func < (a: DynamicDimension, b: Int) -> Constraint {
        (b == .min ? a.bounded(min: .max, max: 0) : a.bounded(max: b - 1)) ?? a.compared(.less, .constant(b))
    }
    public static func >= (a: Int, b: DynamicDimension) -> Constraint { b <= a }
    public static func <= (a: Int, b: DynamicDimension) -> Constraint { b >= a }
    public static func > (a: Int, b: DynamicDimension) -> Constraint { b < a }
    public static func < (a: Int, b: DynamicDimension) -> Constraint { b > a }
    public static func >= (a: DynamicDimension, b: DynamicDimension) -> Constraint { a.compared(.greaterOrEqual, b.form) }
    public static func <= (a: DynamicDimension, b: DynamicDimension) -> Constraint { a.compared(.lessOrEqual, b.form) }
    public static func > (a: DynamicDimension, b: DynamicDimension) -> Constraint { a.compared(.greater, b.form) }
    public static func < (a: DynamicDimension, b: DynamicDimension) -> Constraint { a.compared(.less, b.form) }

    /// The two dimensions are always of one size, and share one symbol.
    public static func == (a: DynamicDimension, b: DynamicDimension) -> Constraint {
        if let first = a.axis, let second = b.axis { return Constraint(kind: .equal(first, second)) }
        return a.compared(.equal, b.form)
    }
    /// The dimension has this one size.
    public static func == (a: DynamicDimension, b: Int) -> Constraint { a.bounded(min: b, max: b) ?? a.compared(.equal, .constant(b)) }
    public static func == (a: Int, b: DynamicDimension) -> Constraint { b == a }

    /// Inclusive bounds, `in(3...6)`.
    public func `in`(_ range: ClosedRange<Int>) -> Constraint { bounded(min: range.lowerBound, max: range.upperBound) ?? within(range) }
    /// The sizes of a range without its upper bound, `in(3..<7)`.
    public func `in`(_ range: Range<Int>) -> Constraint {
        range.isEmpty ? self < Int.min : self.in(range.lowerBound...range.upperBound - 1)
    }
    public func `in`(_ range: PartialRangeFrom<Int>) -> Constraint { self >= range.lowerBound }
    public func `in`(_ range: PartialRangeThrough<Int>) -> Constraint { self <= range.upperBound }
    /// Exactly these sizes.
    public func `in`(_ values: [Int]) -> Constraint {
        if let axis { return Constraint(kind: .values(axis, values)) }
        let choices: [Constraint.Kind] = values.map { (value: Int) -> Constraint.Kind in (self == value).kind }
        if choices.count == 1 { return Constraint(kind: choices[0]) }
        return choices.isEmpty ? compared(.less, form) : Constraint(kind: .any(choices))
    }

    /// Bounds on arithmetic: the distance from the lower one, cut off at the ends, is the value itself.
    private func within(_ range: ClosedRange<Int>) -> Constraint {
        let clamped = Form.binary(.minimum, .binary(.maximum, form, .constant(range.lowerBound)), .constant(range.upperBound))
        return compared(.equal, clamped)
    }
}

// A bound may be a size, `dynamicDim(x, 0) <= y.shape[0]`: outside of traces, where constraints are written, it is a plain number. Disfavoured,
// so that a literal stays an `Int`.
extension DynamicDimension {
    @_disfavoredOverload
    public static func >= (a: DynamicDimension, b: SymInt) -> Constraint { a >= Int(b) }
    @_disfavoredOverload
    public static func >= (a: SymInt, b: DynamicDimension) -> Constraint { Int(a) >= b }
    @_disfavoredOverload
    public static func <= (a: DynamicDimension, b: SymInt) -> Constraint { a <= Int(b) }
    @_disfavoredOverload
    public static func <= (a: SymInt, b: DynamicDimension) -> Constraint { Int(a) <= b }
    @_disfavoredOverload
    public static func > (a: DynamicDimension, b: SymInt) -> Constraint { a > Int(b) }
    @_disfavoredOverload
    public static func > (a: SymInt, b: DynamicDimension) -> Constraint { Int(a) > b }
    @_disfavoredOverload
    public static func < (a: DynamicDimension, b: SymInt) -> Constraint { a < Int(b) }
    @_disfavoredOverload
    public static func < (a: SymInt, b: DynamicDimension) -> Constraint { Int(a) < b }
    @_disfavoredOverload
    public static func == (a: DynamicDimension, b: SymInt) -> Constraint { a == Int(b) }
    @_disfavoredOverload
    public static func == (a: SymInt, b: DynamicDimension) -> Constraint { b == Int(a) }
}

/// At least one of two constraints holds. The dimensions of both become dynamic.
public func || (a: Constraint, b: Constraint) -> Constraint {
    func parts(_ kind: Constraint.Kind) -> [Constraint.Kind] { if case .any(let parts) = kind { parts } else { [kind] } }
    return Constraint(kind: .any(parts(a.kind) + parts(b.kind)))
}

/// Both constraints hold, for a part of an `||`. By themselves two constraints are two elements of the list.
public func && (a: Constraint, b: Constraint) -> Constraint {
    func parts(_ kind: Constraint.Kind) -> [Constraint.Kind] { if case .all(let parts) = kind { parts } else { [kind] } }
    return Constraint(kind: .all(parts(a.kind) + parts(b.kind)))
}

// MARK: - Reading

extension Constraint.Kind {
    var axes: [DynamicDimension.Axis] {
        switch self {
        case .free(let axis), .range(let axis, _, _), .values(let axis, _): [axis]
        case .equal(let a, let b): [a, b]
        case .relation(let a, _, let b): a.axes + b.axes
        case .any(let parts), .all(let parts): parts.flatMap(\.axes)
        }
    }

    /// The statement as a condition on sizes.
    func condition(_ axis: (DynamicDimension.Axis) throws -> SymInt) rethrows -> SymBool {
        switch self {
        case .free: return true
        case .range(let known, let min, let max):
            let size = try axis(known)
            return .all([holds(SymInt(min ?? .min), .lessOrEqual, size), holds(size, .lessOrEqual, SymInt(max ?? .max))])
        case .values(let known, let values):
            let size = try axis(known)
            return .any(values.map { holds(size, .equal, SymInt($0)) })
        case .equal(let a, let b): return holds(try axis(a), .equal, try axis(b))
        case .relation(let a, let comparison, let b): return holds(try a.size(axis), comparison, try b.size(axis))
        case .any(let parts): return .any(try parts.map { try $0.condition(axis) })
        case .all(let parts): return .all(try parts.map { try $0.condition(axis) })
        }
    }

    /// As Swift code, as it stands in a list of constraints; `name` gives the argument of an axis.
    func code(_ name: (DynamicDimension.Axis) -> String) -> String {
        func dimension(_ axis: DynamicDimension.Axis) -> String { DynamicDimension.Form.axis(axis).code(name) }
        switch self {
        case .free(let axis): return dimension(axis)
        case .range(let axis, let min?, let max?):
            return min == max ? "\(dimension(axis)) == \(min)" : "\(dimension(axis)).in(\(min)...\(max))"
        case .range(let axis, let min?, nil): return "\(dimension(axis)) >= \(min)"
        case .range(let axis, nil, let max?): return "\(dimension(axis)) <= \(max)"
        case .range(let axis, nil, nil): return dimension(axis)
        case .values(let axis, let values): return "\(dimension(axis)).in(\(values))"
        case .equal(let a, let b): return "\(dimension(a)) == \(dimension(b))"
        case .relation(let a, let comparison, let b): return "\(a.code(name)) \(comparison.rawValue) \(b.code(name))"
        case .any(let parts): return parts.map { $0.code(name) }.joined(separator: " || ")
        case .all(let parts):
            return parts.map { part in
                if case .any = part { "(\(part.code(name)))" } else { part.code(name) }
            }.joined(separator: " && ")
        }
    }
}

private func holds(_ a: SymInt, _ comparison: BoolExpr.Comparison, _ b: SymInt) -> SymBool {
    switch comparison {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
}
