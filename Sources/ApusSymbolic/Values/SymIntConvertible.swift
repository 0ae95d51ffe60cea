/// A Swift integer that may stand where a size, a count or a position is expected: `Int` and `SymInt`, in any mix.
///
///     try x.reshaped([x.shape[0], 2 * heads, -1])  // `heads` is an Int
///
/// A literal among them is an `Int`, as everywhere in Swift.
public protocol SymIntConvertible: Sendable {
    var symInt: SymInt { get }
}

extension Int: SymIntConvertible {
    @inlinable public var symInt: SymInt { SymInt(self) }
}

extension SymInt: SymIntConvertible {
    @inlinable public var symInt: SymInt { self }
}

// So that `.select(condition, n, 3)` may be written where any size is taken.
extension SymIntConvertible where Self == SymInt {
    /// `condition ? whenTrue : whenFalse` without asking which.
    @_disfavoredOverload
    public static func select(_ condition: SymBool, _ whenTrue: SymInt, _ whenFalse: SymInt) -> SymInt {
        SymInt.select(condition, whenTrue, whenFalse)
    }
}
