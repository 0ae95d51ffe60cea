import ApusTensor

// Arguments against the schema.

extension ArgumentOf {
    /// True where the argument is of the schema's kind. A plain number may stand for a tensor, as it may in eager code; a tensor of one element
    /// for a truth value or number that the operator reads itself.
    func matches(_ kind: Schema.Kind) -> Bool {
        switch kind {
        case .optional(let inner):
            if case .none = self { return true }
            return matches(inner)
        case .tensor:
            switch self {
            case .tensor, .scalar: return true
            default: return false
            }
        case .scalar, .bool:
            switch self {
            case .scalar, .symBool, .tensor: return true
            default: return false
            }
        case .int:
            switch self {
            case .scalar(.int), .scalar(.bool): return true
            default: return false
            }
        case .float:
            switch self {
            case .scalar(.int), .scalar(.float), .scalar(.bool): return true
            default: return false
            }
        case .string: if case .string = self { return true }
        case .dtype: if case .dtype = self { return true }
        case .graph: if case .graph = self { return true }
        case .layout, .device, .memoryFormat, .generator:
            switch self {
            case .none, .string, .scalar(.int): return true
            default: return false
            }
        case .list(let element, let count): return matchesList(of: element, count)
        }
        return false
    }

    private func matchesList(of element: Schema.Kind, _ count: Int?) -> Bool {
        switch self {
        case .tensors: element == .tensor || element == .optional(.tensor)
        case .optionalTensors: element == .optional(.tensor)
        case .ints: element == .int || element == .float || element == .scalar
        case .floats: element == .float || element == .scalar
        case .bools: element == .bool
        // A single number stands for a list of fixed length.
        case .scalar: count != nil && matches(element)
        default: false
        }
    }

    /// The kind of the argument in words.
    var kindText: String {
        switch self {
        case .none: "nothing"
        case .tensor: "a tensor"
        case .tensors, .optionalTensors: "a list of tensors"
        case .scalar(.bool), .symBool: "a truth value"
        case .scalar: "a number"
        case .ints: "a list of integers"
        case .floats: "a list of numbers"
        case .bools: "a list of truth values"
        case .string: "a string"
        case .dtype: "a dtype"
        case .graph: "a graph"
        }
    }
}
