import ApusSymbolic

/// Checks a condition that the caller's inputs must meet.
///
/// In eager code it is checked at once. While tracing it is proved from what is declared, or becomes a check of the program where it
/// depends on values; where it depends on sizes that are not declared to meet it, `export` throws and says what to declare.
/// - Throws: `TensorError` with code `checkFailed` and the message.
public func check(_ condition: SymBool, _ message: String) throws {
    try TensorError.throwPendingFault()
    try require(condition, TensorError(.checkFailed, message))
}

/// Declares that a number read from a tensor lies between two bounds, both included; nil for none.
///
/// In eager code and at run time a number outside is an error; while tracing, branches may rely on the range.
/// - Returns: the number.
@discardableResult
public func constrainAsValue(
    _ symbol: some SymIntConvertible, min: (any SymIntConvertible)? = nil, max: (any SymIntConvertible)? = nil
) throws -> SymInt {
    try constrain(symbol.symInt, min: min?.symInt, max: max?.symInt, in: "constrainAsValue")
}

/// Declares that a number read from a tensor is a size between two bounds, both included.
///
/// - Parameters:
///   - min: at least 2, and 2 when omitted: programs may treat sizes 0 and 1 apart. To admit those, say `try check(b >= 0, ...)` instead.
///   - max: nil for no bound.
/// - Returns: the number.
@discardableResult
public func constrainAsSize(
    _ symbol: some SymIntConvertible, min: (any SymIntConvertible)? = nil, max: (any SymIntConvertible)? = nil
) throws -> SymInt {
    if let min = min?.symInt.constant, min < 2 {
        throw TensorError(
            .invalidArgument, in: "constrainAsSize",
            "min is \(min), but sizes of 0 and 1 may be treated apart, so it must be at least 2; to admit them use check(b >= \(min), ...) instead"
        )
    }
    // Of a symbolic bound nobody knows yet whether it is less.
    let least: SymInt = min.map { ApusSymbolic.max($0.symInt, 2) } ?? 2
    return try constrain(symbol.symInt, min: least, max: max?.symInt, in: "constrainAsSize")
}

/// A float is no size: an error that says so.
@discardableResult
public func constrainAsValue(_ symbol: SymFloat, min: Int? = nil, max: Int? = nil) throws -> SymInt {
    throw notInteger(symbol, in: "constrainAsValue")
}

/// A float is no size: an error that says so.
@discardableResult
public func constrainAsSize(_ symbol: SymFloat, min: Int? = nil, max: Int? = nil) throws -> SymInt {
    throw notInteger(symbol, in: "constrainAsSize")
}

private func notInteger(_ symbol: SymFloat, in name: String) -> TensorError {
    TensorError(.dtypeMismatch, in: name, "\(symbol) is a floating-point number; only integers can be constrained")
}

private func constrain(_ symbol: SymInt, min: SymInt?, max: SymInt?, in name: String) throws -> SymInt {
    if let min = min?.constant, let max = max?.constant, min > max {
        throw TensorError(.invalidArgument, in: name, "min is \(min), which is more than max, \(max)")
    }
    try TensorError.throwPendingFault()
    for number in [symbol, min, max].compactMap({ $0 }) {
        do { try number.requireValid() } catch { throw TensorError(error, ofTrace: number.scope != nil, in: name) }
    }
    func outside() -> TensorError {
        let bounds = "\(min.map { "\($0)" } ?? "")...\(max.map { "\($0)" } ?? "")"
        return TensorError(.checkFailed, in: name, "\(symbol) is outside of \(bounds)")
    }
    if let min { try require(symbol >= min, outside()) }
    if let max { try require(symbol <= max, outside()) }
    return symbol
}
