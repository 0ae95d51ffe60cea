import ApusSymbolic
import ApusTensor

/// What a running program takes and gives in one place: a tensor, or something plain.
public enum RuntimeValue: Sendable {
    case none
    case tensor(Tensor)
    case int(Int)
    case float(Double)
    case bool(Bool)
    case string(String)

    public init(_ literal: Graph.Literal) {
        switch literal {
        case .none: self = .none
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .float(let value): self = .float(value)
        case .string(let value): self = .string(value)
        }
    }

    /// The value that an argument or a result is, which has to be plain.
    package init(_ argument: OperatorArgument) throws {
        switch argument {
        case .none: self = .none
        case .tensor(let tensor): self = .tensor(tensor)
        case .scalar(.bool(let value)): self = .bool(value)
        case .scalar(.int(let size)) where size.constant != nil: self = .int(size.constant ?? 0)
        case .scalar(.float(let number)) where number.constant != nil: self = .float(number.constant ?? 0)
        case .symBool(let condition) where condition.constant != nil: self = .bool(condition.constant ?? false)
        case .string(let value): self = .string(value)
        default: throw TensorError(.unsupported, "\(argument.kindText) is no value that a graph can hold")
        }
    }

    public var tensor: Tensor? {
        if case .tensor(let tensor) = self { return tensor }
        return nil
    }

    /// The value as an operator's argument.
    package var argument: OperatorArgument {
        switch self {
        case .none: .none
        case .tensor(let tensor): .tensor(tensor)
        case .int(let value): .int(value)
        case .float(let value): .double(value)
        case .bool(let value): .bool(value)
        case .string(let value): .string(value)
        }
    }
}

extension RuntimeValue: CustomStringConvertible {
    /// `float32[2, 3]` for a tensor, the value itself for what is plain.
    public var description: String {
        switch self {
        case .none: "nil"
        case .tensor(let tensor): "\(tensor.spec)"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        }
    }
}
