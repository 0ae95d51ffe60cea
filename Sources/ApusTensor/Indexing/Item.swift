import ApusSymbolic

// A tensor's one element as a number.

extension Operator {
    static let item: Operator = item("aten::item(Tensor self) -> Scalar")
    static let localScalar: Operator = item("aten::_local_scalar_dense(Tensor self) -> Scalar")

    static let items: [Operator] = [item, localScalar]

    private static func item(_ schema: String) -> Operator {
        Operator(
            schema,
            "The one element of a tensor as a number: a truth value, an integer, a float or a complex number after the dtype. While tracing, it is a "
                + "fresh symbol, of which nothing is assumed.",
            effects: .dataDependent,
            rule: { call in
                try call.requireOneElement()
                return []
            },
            kernel: .host { call in
                try call.requireOneElement()
                let x = try call.tensor(0)
                switch x.dtype {
                case .bool: return [.bool(try x.array(of: Bool.self)[0])]
                case .complex64, .complex128:
                    let parts = try Interpreter.with(nil) { try x.to(.complex128).reshaped([1] as [Int]).viewAsReal() }.array(
                        of: Double.self)
                    return [.scalar(.complex(.init(parts[0], parts[1])))]
                case let dtype where dtype.isFloatingPoint: return [.double(try x.array(of: Double.self)[0])]
                default: return [.int(try x.array(of: Int.self)[0])]
                }
            }, samples: { [[.tensor(try .sample([1]))], [.tensor(try .sample([], dtype: .int64))]] })
    }
}

extension Call {
    fileprivate func requireOneElement() throws {
        let x = try tensor(0)
        try require(
            x.count == 1,
            error(.shapeMismatch, "a tensor of shape \(x.shape) has \(x.count) elements; only one element can become a number"))
    }
}

/// A number that a tensor's one element can become.
public protocol TensorItem {
    /// The number, from what the operator gave: a scalar, or a condition of a trace.
    static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Self
}

extension Tensor {
    /// The one element of an integer or bool tensor. While tracing, a fresh symbol, of which nothing is assumed.
    public func item() throws -> SymInt { try item(SymInt.self) }

    /// The one element as a number of the given type: `SymInt`, `SymFloat`, `Bool`, or a Swift number. Floats are rounded to the
    /// type; an integer that the type does not hold is an error.
    public func item<Item: TensorItem>(_ type: Item.Type) throws -> Item {
        let results = try apply(.item, [.tensor(self)])
        guard let result = results.first else { throw TensorError(.unsupported, in: "item", "gave no number") }
        return try Item.item(result, of: dtype)
    }
}

extension SymInt: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> SymInt {
        switch argument {
        case .scalar(.int(let value)): return value
        case .scalar(.bool(let value)): return SymInt(value ? 1 : 0)
        case .symBool(let value): return SymInt.select(value, 1, 0)
        default:
            throw TensorError(
                .dtypeMismatch, in: "item",
                "the element is of \(dtype), no integer: ask for item(SymFloat.self) or item(Float.self), or convert with to(.int64) first")
        }
    }
}

extension TensorItem where Self: FixedWidthInteger {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Self {
        let value = Int(try SymInt.item(argument, of: dtype))
        guard let item = Self(exactly: value) else {
            throw TensorError(.overflow, in: "item", "the element is \(value), which no \(Self.self) holds: ask for item(Int.self)")
        }
        return item
    }
}

extension Int: TensorItem {}
extension Int8: TensorItem {}
extension Int16: TensorItem {}
extension Int32: TensorItem {}
extension Int64: TensorItem {}
extension UInt8: TensorItem {}

extension SymFloat: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> SymFloat {
        switch argument {
        case .scalar(.float(let value)): return value
        case .scalar(.int(let value)): return SymFloat(value)
        case .scalar(.bool(let value)): return SymFloat(value ? 1.0 : 0.0)
        case .symBool(let value): return SymFloat(SymInt.select(value, 1, 0))
        default:
            throw TensorError(
                .dtypeMismatch, in: "item", "the element is of \(dtype), no real number: take its parts with viewAsReal() first")
        }
    }
}

extension Double: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Double {
        let value = try SymFloat.item(argument, of: dtype)
        guard let known = value.constant else {
            throw TensorError(
                .tracing, in: "item",
                "the element \(value) has no value while it is traced; ask for item(SymFloat.self), which stays symbolic")
        }
        return known
    }
}

extension Float16: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Float16 {
        Float16(try Double.item(argument, of: dtype))
    }
}

extension Float: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Float { Float(try Double.item(argument, of: dtype)) }
}

extension Bool: TensorItem {
    public static func item(_ argument: OperatorArgument, of dtype: DType) throws -> Bool {
        switch argument {
        case .scalar(.bool(let value)): return value
        case .symBool(let value): return value.value
        case .scalar(.int(let value)): return value != 0
        default:
            throw TensorError(.dtypeMismatch, in: "item", "the element is of \(dtype), no truth value: compare it first, as in x > 0")
        }
    }
}
