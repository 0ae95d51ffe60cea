import ApusSymbolic
import ApusTensor

/// Expressions over sizes as text that depends on what they compute: not on the names of symbols, nor on the order in which they were made.
struct CanonicalText {
    /// What a symbol is, wherever it is read.
    let name: (Symbol) -> String

    func text(_ size: SymInt) -> String { size.view.map(text) ?? "invalid" }
    func text(_ number: SymFloat) -> String { number.view.map(text) ?? "invalid" }
    func text(_ condition: SymBool) -> String { condition.view.map(text) ?? "invalid" }

    func text(_ shape: Shape) -> String { "[" + shape.map(text).joined(separator: ",") + "]" }

    func text(_ scalar: Scalar) -> String {
        switch scalar {
        case .bool(let value): "\(value)"
        case .int(let size): text(size)
        case .float(let number): text(number)
        case .complex(let value): "(\(bits(value.real)) \(bits(value.imaginary)))"
        }
    }

    /// A number by its bits: zeros of either sign are two.
    func bits(_ number: Double) -> String { "f" + String(number.bitPattern, radix: 16) }

    private func text(_ view: SymExpr.View) -> String {
        switch view {
        case .constant(let value): "\(value)"
        case .symbol(let symbol): name(symbol)
        case .sum(let parts): unordered("+", parts.map(text))
        case .product(let parts): unordered("*", parts.map(text))
        case .floorDiv(let a, let b): "(\(text(a))//\(text(b)))"
        case .remainder(let a, let b): "(\(text(a))%\(text(b)))"
        case .max(let parts): unordered("max", parts.map(text))
        case .min(let parts): unordered("min", parts.map(text))
        case .select(let condition, let a, let b): "(\(text(condition))?\(text(a)):\(text(b)))"
        case .rounded(let number, let rounding): "\(rounding.rawValue)(\(text(number)))"
        }
    }

    private func text(_ view: FloatExpr.View) -> String {
        switch view {
        case .constant(let value): bits(value)
        case .symbol(let symbol): name(symbol)
        case .integer(let size): "float(\(text(size)))"
        case .unary(let operation, let a): "\(operation.rawValue)(\(text(a)))"
        case .binary(let operation, let a, let b): "(\(text(a))\(operation.rawValue)\(text(b)))"
        }
    }

    private func text(_ view: BoolExpr.View) -> String {
        switch view {
        case .constant(let value): "\(value)"
        case .comparison(let a, let relation, let b):
            switch relation {
            case .equal, .notEqual: unordered(relation.rawValue, [text(a), text(b)])
            case .less, .lessOrEqual: "(\(text(a))\(relation.rawValue)\(text(b)))"
            case .greater: "(\(text(b))<\(text(a)))"
            case .greaterOrEqual: "(\(text(b))<=\(text(a)))"
            }
        case .floatComparison(let a, let relation, let b): "(\(text(a))\(relation.rawValue)\(text(b)))"
        case .not(let inner): "!\(text(inner))"
        case .all(let parts): unordered("all", parts.map(text))
        case .any(let parts): unordered("any", parts.map(text))
        }
    }

    private func unordered(_ operation: String, _ parts: [String]) -> String {
        "\(operation)(" + parts.sorted().joined(separator: ",") + ")"
    }
}
