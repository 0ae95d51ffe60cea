// The larger, the smaller and the magnitude of symbolic floats. Unlike those of `SymInt` they ask which operand is larger: the expressions
// of floats have no choice in them. A plain number gives what Swift gives.

public func max(_ lhs: SymFloat, _ rhs: SymFloat) -> SymFloat { rhs >= lhs ? rhs : lhs }
public func min(_ lhs: SymFloat, _ rhs: SymFloat) -> SymFloat { rhs < lhs ? rhs : lhs }

@_disfavoredOverload
public func max(_ lhs: SymFloat, _ rhs: Double) -> SymFloat { max(lhs, SymFloat(rhs)) }
@_disfavoredOverload
public func max(_ lhs: Double, _ rhs: SymFloat) -> SymFloat { max(SymFloat(lhs), rhs) }
@_disfavoredOverload
public func min(_ lhs: SymFloat, _ rhs: Double) -> SymFloat { min(lhs, SymFloat(rhs)) }
@_disfavoredOverload
public func min(_ lhs: Double, _ rhs: SymFloat) -> SymFloat { min(SymFloat(lhs), rhs) }

public func abs(_ value: SymFloat) -> SymFloat {
    if let plain = value.constant { return SymFloat(plain.magnitude) }
    return value < 0 ? -value : value
}
