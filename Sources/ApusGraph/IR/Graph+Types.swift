import ApusSymbolic
import ApusTensor

// The types of what graphs take and give, as an operator's rule and the graph around them see them.

extension GraphOutput {
    /// The same output with another value in the place of its own.
    package func map(_ transform: (Value) throws -> Value) rethrows -> GraphOutput {
        guard case .value(let value) = self else { return self }
        return .value(try transform(value))
    }

    /// The output's type.
    /// - Parameter type: the type of a value.
    package func type(_ type: (Value) -> ValueType) -> ValueType {
        switch self {
        case .value(let value): type(value)
        case .int(let size): .int(size)
        case .float(let number): .float(number)
        case .bool(let condition): .bool(condition)
        case .literal(.int(let value)): .int(SymInt(value))
        case .literal(.float(let value)): .float(SymFloat(value))
        case .literal(.bool(let value)): .bool(SymBool(value))
        case .literal(.none), .literal(.string): .none
        }
    }
}

extension Graph {
    /// The type of what the graph returns in one place.
    public func type(of output: GraphOutput) -> ValueType { output.type(type) }

    func spec(of output: GraphOutput) -> TensorSpec? { type(of: output).spec }
}

extension [GraphArgument] {
    /// The arguments as an operator's rule takes them: tensors without data in the place of values, numbers where a value is one.
    /// - Parameters:
    ///   - type: the type of a value.
    ///   - failure: the error for a value that is neither.
    package func described(_ type: (Value) -> ValueType, orThrow failure: (Value) -> any Error) throws -> [OperatorArgument] {
        try map { argument in
            if case .tensor(let value) = argument, let number = type(value).number { return number }
            return try argument.map { value in
                guard let spec = type(value).spec else { throw failure(value) }
                return Tensor(spec: spec)
            }
        }
    }
}
