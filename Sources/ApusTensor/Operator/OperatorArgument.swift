import ApusSymbolic

/// One argument of an operator. In eager code and while tracing, tensors are `Tensor`s; in a graph they are references to its values.
public enum ArgumentOf<Reference: Sendable>: Sendable {
    case none
    case tensor(Reference)
    case tensors([Reference])
    case optionalTensors([Reference?])
    /// Any plain number or truth value; integers and floats may be symbolic.
    case scalar(Scalar)
    case symBool(SymBool)
    case ints([SymInt])
    case floats([Double])
    case bools([Bool])
    case string(String)
    case dtype(DType)
    /// The body of a branch or loop.
    case graph(any Subgraph)
}

/// What an operator of control flow takes as a body. The graph module's own type conforms.
public protocol Subgraph: AnyObject, Sendable {}

public typealias OperatorArgument = ArgumentOf<Tensor>

extension ArgumentOf {
    public static func int(_ value: Int) -> Self { .scalar(.int(SymInt(value))) }
    public static func int(_ value: some SymIntConvertible) -> Self { .scalar(.int(value.symInt)) }
    public static func bool(_ value: Bool) -> Self { .scalar(.bool(value)) }
    public static func double(_ value: Double) -> Self { .scalar(.float(SymFloat(value))) }
    /// What a schema calls `float`, of any number: integers and truth values become floating-point numbers.
    static func float(_ value: some ScalarConvertible) -> Self { .scalar(value.scalar.floating) }
    public static func ints(_ values: [Int]) -> Self { .ints(values.map { SymInt($0) }) }
    public static func ints(_ values: [any SymIntConvertible]) -> Self { .ints(values.map { $0.symInt }) }
    public static func optional(_ value: Reference?) -> Self { value.map { .tensor($0) } ?? .none }
    public static func optional(_ value: DType?) -> Self { value.map { .dtype($0) } ?? .none }

    /// The same argument with every tensor reference replaced.
    @inlinable public func map<Other>(_ transform: (Reference) throws -> Other) rethrows -> ArgumentOf<Other> {
        switch self {
        case .none: .none
        case .tensor(let value): .tensor(try transform(value))
        case .tensors(let values): .tensors(try values.map(transform))
        case .optionalTensors(let values): .optionalTensors(try values.map { try $0.map(transform) })
        case .scalar(let value): .scalar(value)
        case .symBool(let value): .symBool(value)
        case .ints(let values): .ints(values)
        case .floats(let values): .floats(values)
        case .bools(let values): .bools(values)
        case .string(let value): .string(value)
        case .dtype(let value): .dtype(value)
        case .graph(let value): .graph(value)
        }
    }

    /// Calls the closure for every tensor reference, in order.
    @inlinable public func forEachReference(_ body: (Reference) throws -> Void) rethrows {
        switch self {
        case .tensor(let value): try body(value)
        case .tensors(let values): try values.forEach(body)
        case .optionalTensors(let values): for case let value? in values { try body(value) }
        default: break
        }
    }
}
