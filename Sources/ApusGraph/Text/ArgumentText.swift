import ApusSymbolic
import ApusTensor

// Arguments as text: by position, those that equal their default left out.

extension Node {
    /// `%x, %w, alpha=2`: the arguments as a reader needs them.
    func argumentText(_ name: (Value) -> String) -> String {
        var parts: [String] = []
        var mayBePositional = true
        for (index, argument) in arguments.enumerated() {
            guard index < self.operator.schema.parameters.count else {
                parts.append(argument.text(name))
                continue
            }
            let parameter: Schema.Parameter = self.operator.schema.parameters[index]
            if parameter.isKeywordOnly { mayBePositional = false }
            if argument.isDefault(of: parameter) {
                mayBePositional = false
                continue
            }
            // A body is printed below the node, under the parameter's name.
            if case .graph = argument {
                mayBePositional = false
                continue
            }
            let text: String = argument.text(name)
            parts.append(mayBePositional ? text : "\(parameter.name)=\(text)")
        }
        return parts.joined(separator: ", ")
    }
}

extension ArgumentOf {
    /// The argument as program text; `name` gives references their names.
    func text(_ name: (Reference) -> String) -> String {
        switch self {
        case .none: "nil"
        case .tensor(let value): "%\(name(value))"
        case .tensors(let values): "[" + values.map { "%\(name($0))" }.joined(separator: ", ") + "]"
        case .optionalTensors(let values): "[" + values.map { $0.map { "%\(name($0))" } ?? "nil" }.joined(separator: ", ") + "]"
        case .scalar(.int(let value)): value.description(naming: \.name)
        case .scalar(.float(let value)): value.description(naming: \.name)
        case .scalar(let value): "\(value)"
        case .symBool(let value): value.description(naming: \.name)
        case .ints(let values): "[" + values.map { $0.description(naming: \.name) }.joined(separator: ", ") + "]"
        case .floats(let values): "\(values)"
        case .bools(let values): "\(values)"
        case .string(let value): "\"\(value.escapedForText)\""
        case .dtype(let value): "\(value)"
        case .graph: "graph"
        }
    }

    /// True where the schema's default means the same.
    func isDefault(of parameter: Schema.Parameter) -> Bool {
        guard let text = parameter.defaultText else { return false }
        switch self {
        case .none: return text == "None" || parameter.kind == .memoryFormat
        case .scalar(.bool(let value)): return text == (value ? "True" : "False")
        case .scalar(.int(let value)): return value.constant.map { Int(text) == $0 } ?? false
        case .scalar(.float(let value)): return value.constant.map { Double(text) == $0 } ?? false
        case .ints(let values):
            let known: [Int] = values.compactMap(\.constant)
            guard known.count == values.count else { return false }
            if let single = Int(text) { return !known.isEmpty && known.allSatisfy { $0 == single } }
            return text == "[" + known.map { "\($0)" }.joined(separator: ", ") + "]"
                || text == "[" + known.map { "\($0)" }.joined(separator: ",") + "]"
        case .string(let value): return text == "\"\(value)\"" || text == "'\(value)'" || text == value
        default: return false
        }
    }
}

extension String {
    /// The text with quotes, backslashes and control characters escaped.
    var escapedForText: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    result += "\\u{" + String(scalar.value, radix: 16) + "}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
