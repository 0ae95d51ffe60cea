import ApusSymbolic

/// An operator with its arguments in schema order, every default filled in: what rules, kernels and gradients read.
public struct Call {
    public let `operator`: Operator
    public let arguments: [OperatorArgument]

    @inlinable
    public init(_ operation: Operator, _ arguments: [OperatorArgument]) {
        self.operator = operation
        self.arguments = arguments
    }

    /// The operator's name for messages.
    public var name: String { self.operator.schema.name }

    public subscript(index: Int) -> OperatorArgument { index < arguments.count ? arguments[index] : .none }

    /// An error of this operator.
    public func error(_ code: TensorError.Code, _ message: String) -> TensorError {
        TensorError(code, in: name, message)
    }

    private func wrong(_ index: Int, _ expected: String) -> TensorError {
        let parameter = index < self.operator.schema.parameters.count ? self.operator.schema.parameters[index].name : "\(index)"
        return error(.invalidArgument, "argument '\(parameter)' must be \(expected)")
    }

    /// A tensor that must be there. A plain number in its place becomes a zero-dimensional tensor.
    public func tensor(_ index: Int) throws -> Tensor {
        switch self[index] {
        case .tensor(let tensor): return tensor
        case .scalar(let scalar): return try Tensor.scalar(scalar, dtype: scalar.defaultDType)
        default: throw wrong(index, "a tensor")
        }
    }

    public func optionalTensor(_ index: Int) throws -> Tensor? {
        if case .none = self[index] { return nil }
        return try tensor(index)
    }

    public func tensors(_ index: Int) throws -> [Tensor] {
        switch self[index] {
        case .tensors(let tensors): return tensors
        case .optionalTensors(let tensors) where tensors.allSatisfy({ $0 != nil }): return tensors.compactMap { $0 }
        default: throw wrong(index, "a list of tensors")
        }
    }

    public func optionalTensors(_ index: Int) throws -> [Tensor?] {
        switch self[index] {
        case .tensors(let tensors): return tensors
        case .optionalTensors(let tensors): return tensors
        case .none: return []
        default: throw wrong(index, "a list of optional tensors")
        }
    }

    public func scalar(_ index: Int) throws -> Scalar {
        if case .scalar(let scalar) = self[index] { return scalar }
        throw wrong(index, "a number")
    }

    public func optionalScalar(_ index: Int) throws -> Scalar? {
        if case .none = self[index] { return nil }
        return try scalar(index)
    }

    /// A number whose value the kernel needs now.
    public func double(_ index: Int) throws -> Double {
        guard let value = try scalar(index).doubleValue else { throw wrong(index, "a number known at run time") }
        return value
    }

    public func optionalDouble(_ index: Int) throws -> Double? {
        if case .none = self[index] { return nil }
        return try double(index)
    }

    public func int(_ index: Int) throws -> SymInt {
        switch try scalar(index) {
        case .int(let value): return value
        case .bool(let value): return SymInt(value ? 1 : 0)
        default: throw wrong(index, "an integer")
        }
    }

    public func optionalInt(_ index: Int) throws -> SymInt? {
        if case .none = self[index] { return nil }
        return try int(index)
    }

    /// An integer that must be known even while tracing, such as a dimension.
    public func constant(_ index: Int) throws -> Int {
        guard let value = try int(index).constant else { throw wrong(index, "an integer that is known while tracing") }
        return value
    }

    public func bool(_ index: Int) throws -> Bool {
        switch self[index] {
        case .scalar(.bool(let value)): return value
        case .scalar(.int(let value)): if let known = value.constant { return known != 0 }
        default: break
        }
        throw wrong(index, "true or false")
    }

    public func ints(_ index: Int) throws -> [SymInt] {
        switch self[index] {
        case .ints(let values): return values
        case .scalar(.int(let value)): return [value]
        default: throw wrong(index, "a list of integers")
        }
    }

    public func optionalInts(_ index: Int) throws -> [SymInt]? {
        if case .none = self[index] { return nil }
        return try ints(index)
    }

    /// A list of integers that must be known even while tracing, such as dimensions; a single number stands for `count` equal ones.
    public func constants(_ index: Int, count: Int? = nil) throws -> [Int] {
        let values: [Int] = try ints(index).map {
            guard let value = $0.constant else { throw wrong(index, "integers that are known while tracing") }
            return value
        }
        guard let count, values.count != count else { return values }
        guard values.count == 1 else { throw wrong(index, "one integer or \(count)") }
        return Array(repeating: values[0], count: count)
    }

    public func floats(_ index: Int) throws -> [Double] {
        switch self[index] {
        case .floats(let values): return values
        case .ints: return try constants(index).map { Double($0) }
        default: throw wrong(index, "a list of numbers")
        }
    }

    public func string(_ index: Int) throws -> String {
        if case .string(let value) = self[index] { return value }
        throw wrong(index, "a string")
    }

    public func optionalString(_ index: Int) throws -> String? {
        if case .none = self[index] { return nil }
        return try string(index)
    }

    public func dtype(_ index: Int) throws -> DType? {
        switch self[index] {
        case .none: return nil
        case .dtype(let value): return value
        default: throw wrong(index, "a dtype")
        }
    }
}
