import ApusSymbolic

/// Writes sizes and conditions as sympy's `srepr` text, for the descriptions of values in a program file.
enum ExpressionWriter {
    static func text(_ size: SymInt, naming name: (Symbol) -> String) throws -> String {
        guard let view = size.view else { throw invalid(size) }
        return try text(view, naming: name)
    }

    static func text(_ number: SymFloat, naming name: (Symbol) -> String) throws -> String {
        guard let view = number.view else { throw invalid(number) }
        return try text(view, naming: name)
    }

    static func text(_ condition: SymBool, naming name: (Symbol) -> String) throws -> String {
        guard let view = condition.view else { throw invalid(condition) }
        return try text(view, naming: name)
    }

    private static func invalid(_ value: some CustomStringConvertible) -> ArchiveError {
        ArchiveError(.notRepresentable, "the size \(value) has no value")
    }

    private static func call(_ head: String, _ arguments: [String]) -> String { "\(head)(\(arguments.joined(separator: ", ")))" }

    private static func symbol(_ symbol: Symbol, _ name: (Symbol) -> String) -> String {
        // The assumptions steer sympy's simplifications; they must match what PyTorch assumes of a symbol of this kind.
        switch symbol.kind {
        case .backed: "Symbol('\(name(symbol))', positive=True, integer=True)"
        case .unbackedInt, .unbackedBool: "Symbol('\(name(symbol))', integer=True)"
        case .unbackedFloat: "Symbol('\(name(symbol))')"
        }
    }

    static func text(_ view: SymExpr.View, naming name: (Symbol) -> String) throws -> String {
        func list(_ views: [SymExpr.View]) throws -> [String] { try views.map { try text($0, naming: name) } }
        switch view {
        case .constant(let value): return "Integer(\(value))"
        case .symbol(let symbol): return self.symbol(symbol, name)
        case .sum(let terms): return call("Add", try list(terms))
        case .product(let factors): return call("Mul", try list(factors))
        case .floorDiv(let a, let b): return call("FloorDiv", try list([a, b]))
        case .remainder(let a, let b): return call("PythonMod", try list([a, b]))
        case .max(let arguments): return call("Max", try list(arguments))
        case .min(let arguments): return call("Min", try list(arguments))
        case .select(let condition, let whenTrue, let whenFalse):
            let first = call("ExprCondPair", [try text(whenTrue, naming: name), try text(condition, naming: name)])
            return call("Piecewise", [first, call("ExprCondPair", [try text(whenFalse, naming: name), "true"])])
        case .rounded(let value, .towardZero): return call("TruncToInt", [try text(value, naming: name)])
        case .rounded(let value, .down): return call("FloorToInt", [try text(value, naming: name)])
        case .rounded(let value, .up): return call("CeilToInt", [try text(value, naming: name)])
        case .rounded(let value, .toNearest):
            // As its nodes compute it: PyTorch has RoundToInt, and fails to bound it for a float that has no bounds.
            let choice = SizeNodes.choice(of: value, .toNearest)
            return try text(.select(choice.condition, choice.whenTrue, choice.whenFalse), naming: name)
        }
    }

    static func text(_ view: FloatExpr.View, naming name: (Symbol) -> String) throws -> String {
        switch view {
        case .constant(let value):
            if value.isNaN { return "nan" }
            if value.isInfinite { return value < 0 ? "-oo" : "oo" }
            return "Float('\(value)', precision=53)"
        case .symbol(let symbol): return self.symbol(symbol, name)
        case .integer(let inner): return call("ToFloat", [try text(inner, naming: name)])
        case .unary(.negate, let operand): return call("Mul", ["Integer(-1)", try text(operand, naming: name)])
        // PyTorch itself writes OpaqueUnaryFn_sqrt, which it fails to open where the root is of a size.
        case .unary(.squareRoot, let operand): return call("FloatPow", [try text(operand, naming: name), "Float('0.5', precision=53)"])
        case .binary(let operation, let a, let b):
            let (x, y) = (try text(a, naming: name), try text(b, naming: name))
            switch operation {
            case .add: return call("Add", [x, y])
            case .subtract: return call("Add", [x, call("Mul", ["Integer(-1)", y])])
            case .multiply: return call("Mul", [x, y])
            case .divide: return call("FloatTrueDiv", [x, y])
            }
        }
    }

    static func text(_ view: BoolExpr.View, naming name: (Symbol) -> String) throws -> String {
        switch view {
        case .constant(let value): return value ? "true" : "false"
        case .comparison(let a, let comparison, let b):
            return call(head(comparison), [try text(a, naming: name), try text(b, naming: name)])
        case .floatComparison(let a, let relation, let b):
            let comparison: BoolExpr.Comparison
            switch relation {
            case .less: comparison = .less
            case .lessOrEqual: comparison = .lessOrEqual
            case .equal: comparison = .equal
            }
            return call(head(comparison), [try text(a, naming: name), try text(b, naming: name)])
        case .not(let inner): return call("Not", [try text(inner, naming: name)])
        case .all(let parts): return call("And", try parts.map { try text($0, naming: name) })
        case .any(let parts): return call("Or", try parts.map { try text($0, naming: name) })
        }
    }

    private static func head(_ comparison: BoolExpr.Comparison) -> String {
        switch comparison {
        case .equal: "Equality"
        case .notEqual: "Unequality"
        case .less: "StrictLessThan"
        case .lessOrEqual: "LessThan"
        case .greater: "StrictGreaterThan"
        case .greaterOrEqual: "GreaterThan"
        }
    }
}
