// The text that people read: `s0 + 1`, `2*s0`, `s0 // 2`, `s0 % 2`, `max(s0, 1)`, `s0 % 4 == 0`.

/// How tightly an operation binds; a weaker operand gets parentheses.
private enum Precedence: Int {
    case sum = 1
    case product = 2
    case atom = 3
}

extension SymExpr: CustomStringConvertible {
    public var description: String { view.description(naming: \.name) }

    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String { view.description(naming: name) }
}

extension BoolExpr: CustomStringConvertible {
    public var description: String { view.description(naming: \.name) }

    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String { view.description(naming: name) }
}

extension FloatExpr: CustomStringConvertible {
    public var description: String { view.description(naming: \.name) }

    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String { view.description(naming: name) }
}

extension SymExpr.View {
    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String { text(name).0 }

    private func text(_ name: (Symbol) -> String) -> (String, Precedence) {
        func wrapped(_ view: SymExpr.View, above limit: Precedence) -> String {
            let (text, precedence) = view.text(name)
            return precedence.rawValue < limit.rawValue ? "(\(text))" : text
        }
        func call(_ function: String, _ arguments: [SymExpr.View]) -> String {
            "\(function)(\(arguments.map { $0.text(name).0 }.joined(separator: ", ")))"
        }
        switch self {
        case .constant(let value):
            return (String(value), value < 0 ? .sum : .atom)
        case .symbol(let symbol):
            return (name(symbol), .atom)
        case .sum(let summands):
            var text = ""
            for (index, summand) in summands.enumerated() {
                let part: String = wrapped(summand, above: .sum)
                if index == 0 {
                    text = part
                } else if part.hasPrefix("-") {
                    text += " - " + part.dropFirst()
                } else {
                    text += " + " + part
                }
            }
            return (text, .sum)
        case .product(let factors):
            if case .constant(-1)? = factors.first {
                let rest: SymExpr.View = factors.count == 2 ? factors[1] : .product(Array(factors.dropFirst()))
                return ("-" + wrapped(rest, above: .product), .sum)
            }
            let text: String = factors.enumerated().map { index, factor in
                if case .constant(let value) = factor, index == 0 { return String(value) }
                return wrapped(factor, above: index == 0 ? .product : .atom)
            }.joined(separator: "*")
            return (text, text.hasPrefix("-") ? .sum : .product)
        case .floorDiv(let p, let q):
            return ("\(wrapped(p, above: .atom)) // \(wrapped(q, above: .atom))", .product)
        case .remainder(let p, let q):
            return ("\(wrapped(p, above: .atom)) % \(wrapped(q, above: .atom))", .product)
        case .max(let arguments):
            return (call("max", arguments), .atom)
        case .min(let arguments):
            return (call("min", arguments), .atom)
        case .select(let condition, let p, let q):
            let parts: [String] = [condition.description(naming: name), p.text(name).0, q.text(name).0]
            return ("select(\(parts.joined(separator: ", ")))", .atom)
        case .rounded(let value, let rule):
            return ("\(rule.rawValue)(\(value.description(naming: name)))", .atom)
        }
    }
}

extension BoolExpr.View {
    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String {
        func nested(_ parts: [BoolExpr.View], _ separator: String) -> String {
            parts.map { part in
                let text: String = part.description(naming: name)
                switch part {
                case .all, .any: return "(\(text))"
                default: return text
                }
            }.joined(separator: separator)
        }
        switch self {
        case .constant(let value):
            return String(value)
        case .comparison(let p, let comparison, let q):
            return "\(p.description(naming: name)) \(comparison.rawValue) \(q.description(naming: name))"
        case .floatComparison(let a, let relation, let b):
            return "\(a.description(naming: name)) \(relation.rawValue) \(b.description(naming: name))"
        case .not(let part):
            return "!(\(part.description(naming: name)))"
        case .all(let parts):
            return nested(parts, " && ")
        case .any(let parts):
            return nested(parts, " || ")
        }
    }
}

extension FloatExpr.View {
    /// The text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String {
        func operand(_ view: FloatExpr.View) -> String {
            let text: String = view.description(naming: name)
            if case .binary = view { return "(\(text))" }
            return text
        }
        switch self {
        case .constant(let value): return String(value)
        case .symbol(let symbol): return name(symbol)
        case .integer(let p): return "float(\(p.description(naming: name)))"
        case .unary(.negate, let a): return "-\(operand(a))"
        case .unary(let operation, let a): return "\(operation.rawValue)(\(a.description(naming: name)))"
        case .binary(let operation, let a, let b): return "\(operand(a)) \(operation.rawValue) \(operand(b))"
        }
    }
}
