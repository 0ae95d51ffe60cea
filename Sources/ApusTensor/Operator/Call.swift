import ApusSymbolic

extension Operator {
    /// An operator with its arguments in schema order, every default filled in: what rules, kernels and gradients read.
    public struct Call {
        public let `operator`: Operator
        public let arguments: [OperatorArgument]

        @inlinable
        public init(_ operation: Operator, _ arguments: [OperatorArgument]) {
            self.operator = operation
            self.arguments = arguments
        }
    }
}

// The short name stands inside of the package only, and leaves a program that uses Apus its own.
package typealias Call = Operator.Call

extension Operator.Call {
    /// The operator's name for messages.
    public var name: String { self.operator.schema.name }

    public subscript(index: Int) -> OperatorArgument { index < arguments.count ? arguments[index] : .none }

    /// An error of this operator.
    public func error(_ code: TensorError.Code, _ message: String) -> TensorError {
        TensorError(code, in: name, message)
    }

    private func parameterName(_ index: Int) -> String {
        index < self.operator.schema.parameters.count ? self.operator.schema.parameters[index].name : "\(index)"
    }

    private func wrong(_ index: Int, _ expected: String) -> TensorError {
        error(.invalidArgument, "argument '\(parameterName(index))' must be \(expected)")
    }

    /// The error for a number whose value is needed and not there: a trace has none, and an invalid number neither.
    func unknown(_ scalar: Scalar, _ message: String? = nil) -> TensorError {
        if let (fault, scope) = scalar.fault { return TensorError(fault, ofTrace: scope != nil, in: name) }
        return error(.tracing, message ?? "the number \(scalar) is symbolic outside of its trace")
    }

    /// Throws the reason of the first invalid number among the arguments, whether or not the operator comes to read it: eager code and
    /// traces alike, so that they fail alike.
    package func requireValidNumbers() throws {
        for argument in arguments {
            switch argument {
            case .scalar(let number): if number.fault != nil { throw unknown(number) }
            case .ints(let sizes): for size in sizes where size.isInvalid { throw unknown(.int(size)) }
            case .symBool(let condition):
                if let fault = condition.fault { throw TensorError(fault, ofTrace: condition.scope != nil, in: name) }
            default: continue
            }
        }
    }

    private func unknown(_ index: Int, _ scalar: Scalar, _ expected: String) -> TensorError {
        unknown(scalar, "argument '\(parameterName(index))' must be \(expected)")
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
        let number = try scalar(index)
        if case .complex(let value) = number, value.imaginary != 0 { throw wrong(index, "a real number, not \(number)") }
        guard let value = number.doubleValue else { throw unknown(index, number, "a number known at run time") }
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
        let number = try int(index)
        guard let value = number.constant else { throw unknown(index, .int(number), "an integer that is known while tracing") }
        return value
    }

    public func bool(_ index: Int) throws -> Bool {
        switch self[index] {
        case .scalar(.bool(let value)): return value
        case .scalar(.int(let value)):
            guard let known = value.constant else { throw unknown(index, .int(value), "true or false") }
            return known != 0
        default: throw wrong(index, "true or false")
        }
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
            guard let value = $0.constant else { throw unknown(index, .int($0), "integers that are known while tracing") }
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
