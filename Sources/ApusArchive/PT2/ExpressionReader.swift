import ApusGraph
import ApusSymbolic

/// A symbolic value of one of the three kinds that programs compute beside tensors.
enum SymValue: Sendable {
    case int(SymInt)
    case float(SymFloat)
    case bool(SymBool)

    /// The value as an integer, where it is one; a condition counts as 1 or 0, as in Python.
    var int: SymInt? {
        switch self {
        case .int(let value): value
        case .bool(let value): SymInt.select(value, 1, 0)
        case .float: nil
        }
    }

    /// The value as a float; integers are converted.
    var float: SymFloat {
        switch self {
        case .float(let value): value
        case .int(let value): SymFloat(value)
        case .bool(let value): SymFloat(SymInt.select(value, 1, 0))
        }
    }

    /// The value as a condition; numbers are true where they are not zero.
    var bool: SymBool {
        switch self {
        case .bool(let value): value
        case .int(let value): (value != SymInt(0)) as SymBool
        case .float(let value): (value != SymFloat(0)) as SymBool
        }
    }

    /// The value as the type of a graph's number.
    var type: ValueType {
        switch self {
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        case .bool(let value): .bool(value)
        }
    }

    /// What kept the value from being built (overflow, division by zero), if anything.
    var fault: SymbolicError? {
        switch self {
        case .int(let value): value.fault
        case .float(let value): value.fault
        case .bool(let value): value.fault
        }
    }
}

/// Turns expression texts of a program file into sizes and conditions over a scope's symbols.
///
/// Integers are exact and floats IEEE doubles, as PyTorch evaluates them. The functions are those that PyTorch's own printer is known to
/// write; another one is an error that names it.
struct ExpressionReader {
    /// The value of a named symbol; throws for a name that the program does not define.
    let symbol: (String) throws -> SymValue

    /// - Throws: `ArchiveError` (`.invalidExpression` or `.limit`).
    func value(of text: String) throws -> SymValue {
        let syntax = try ExpressionSyntax(parsing: text)
        let value = try evaluate(syntax)
        if let fault = value.fault { throw ArchiveError(.invalidExpression, "the expression \"\(syntax)\" has no value: \(fault)") }
        return value
    }

    func size(of text: String) throws -> SymInt {
        guard let size = try value(of: text).int else { throw ArchiveError(.invalidExpression, "the size \"\(text)\" is not an integer") }
        return size
    }

    private func evaluate(_ syntax: ExpressionSyntax) throws -> SymValue {
        switch syntax {
        case .integer(let value): return .int(SymInt(value))
        case .float(let value): return .float(SymFloat(value))
        case .name("true"), .name("True"): return .bool(true)
        case .name("false"), .name("False"): return .bool(false)
        case .name("oo"): return .float(SymFloat(.infinity))
        case .name("-oo"): return .float(SymFloat(-.infinity))
        case .name("nan"): return .float(SymFloat(.nan))
        case .name("int_oo"), .name("-int_oo"):
            throw ArchiveError(.invalidExpression, "an infinite integer cannot be a size")
        case .name(let name): return try symbol(name)
        case .text(let text): throw ArchiveError(.invalidExpression, "the text '\(text)' stands where a value should be")
        case .call(let head, let arguments, _): return try call(head, arguments)
        }
    }

    private func call(_ head: String, _ arguments: [ExpressionSyntax]) throws -> SymValue {
        // These take names and literals rather than values.
        switch (head, arguments.first) {
        case ("Symbol", .text(let name)?) where arguments.count == 1: return try symbol(name)
        case ("Integer", .integer(let value)?) where arguments.count == 1: return .int(SymInt(value))
        case ("Float", .text(let text)?) where arguments.count == 1:
            guard let value = Double(text) else { throw ArchiveError(.invalidExpression, "'\(text)' is not a number") }
            return .float(SymFloat(value))
        case ("Rational", .integer(let numerator)?):
            guard arguments.count == 2, case .integer(let denominator) = arguments[1], denominator != 0 else {
                throw malformed(head, arguments.count)
            }
            return .float(SymFloat(Double(numerator) / Double(denominator)))
        case ("Piecewise", _): return try piecewise(arguments)
        default: break
        }
        let values = try arguments.map(evaluate)
        if let value = try boolean(head, values) ?? integer(head, values) ?? float(head, values) { return value }
        throw ArchiveError(.invalidExpression, "the function '\(head)' is not known")
    }

    private func malformed(_ head: String, _ count: Int) -> ArchiveError {
        ArchiveError(.invalidExpression, "'\(head)' with \(count) arguments of these kinds has no meaning")
    }

    private func piecewise(_ arguments: [ExpressionSyntax]) throws -> SymValue {
        var result: SymInt?
        for argument in arguments.reversed() {
            guard case .call("ExprCondPair", let pair, _) = argument, pair.count == 2 else { throw malformed("Piecewise", arguments.count) }
            guard let value = try evaluate(pair[0]).int else { throw malformed("Piecewise", arguments.count) }
            let condition = try evaluate(pair[1]).bool
            if let other = result {
                result = SymInt.select(condition, value, other)
            } else {
                // The last case must always apply: a piecewise value without one could be undefined.
                guard condition.constant == true else { throw malformed("Piecewise", arguments.count) }
                result = value
            }
        }
        guard let result else { throw malformed("Piecewise", 0) }
        return .int(result)
    }

    private func boolean(_ head: String, _ values: [SymValue]) throws -> SymValue? {
        switch head {
        case "And": return .bool(SymBool.all(values.map(\.bool)))
        case "Or": return .bool(SymBool.any(values.map(\.bool)))
        case "Not":
            guard values.count == 1 else { throw malformed(head, values.count) }
            return .bool(values[0].bool.negated())
        case "Equality", "Eq": return .bool(try compare(.equal, head, values))
        case "Unequality", "Ne": return .bool(try compare(.notEqual, head, values))
        case "StrictLessThan", "Lt": return .bool(try compare(.less, head, values))
        case "StrictGreaterThan", "Gt": return .bool(try compare(.greater, head, values))
        case "LessThan", "Le": return .bool(try compare(.lessOrEqual, head, values))
        case "GreaterThan", "Ge": return .bool(try compare(.greaterOrEqual, head, values))
        default: return nil
        }
    }

    private func compare(_ comparison: BoolExpr.Comparison, _ head: String, _ values: [SymValue]) throws -> SymBool {
        guard values.count == 2 else { throw malformed(head, values.count) }
        return SymArithmetic.compare(comparison, values[0], values[1])
    }

    private func integer(_ head: String, _ values: [SymValue]) throws -> SymValue? {
        func integers(_ count: Int) throws -> [SymInt] {
            let sizes = values.compactMap(\.int)
            guard sizes.count == count, values.count == count else { throw malformed(head, values.count) }
            return sizes
        }
        switch head {
        case "FloorDiv", "CleanDiv":
            let sizes = try integers(2)
            return .int(sizes[0] / sizes[1])
        case "Mod", "PythonMod":
            let sizes = try integers(2)
            return .int(sizes[0] % sizes[1])
        case "ModularIndexing":
            let sizes = try integers(3)
            return .int(sizes[0] / sizes[1] % sizes[2])
        case "CeilDiv":
            let sizes = try integers(2)
            return .int(sizes[0].ceilDivided(by: sizes[1]))
        case "PowByNatural": return try power(head, values)
        case "TruncToInt": return try rounded(.towardZero, head, values)
        case "FloorToInt": return try rounded(.down, head, values)
        case "CeilToInt": return try rounded(.up, head, values)
        case "RoundToInt": return try rounded(.toNearest, head, values)
        case "Where":
            guard values.count == 3, let whenTrue = values[1].int, let whenFalse = values[2].int else {
                throw malformed(head, values.count)
            }
            return .int(SymInt.select(values[0].bool, whenTrue, whenFalse))
        case "Identity":
            guard values.count == 1 else { throw malformed(head, values.count) }
            return values[0]
        default: return nil
        }
    }

    private func rounded(_ rule: FloatRounding, _ head: String, _ values: [SymValue]) throws -> SymValue {
        guard values.count == 1 else { throw malformed(head, values.count) }
        if case .int = values[0] { return values[0] }
        return .int(SymInt(values[0].float, rounding: rule))
    }

    /// Sums, products, extrema and powers, of integers where all operands are, else of floats; and the purely float functions.
    private func float(_ head: String, _ values: [SymValue]) throws -> SymValue? {
        switch head {
        case "Add":
            if let sizes = allIntegers(values) { return .int(sizes.reduce(SymInt(0)) { $0 + $1 }) }
            return .float(values.reduce(SymFloat(0)) { $0 + $1.float })
        case "Mul":
            if let sizes = allIntegers(values) { return .int(sizes.reduce(SymInt(1)) { $0 * $1 }) }
            return .float(values.reduce(SymFloat(1)) { $0 * $1.float })
        case "Max", "Min":
            guard let sizes = allIntegers(values), let first = sizes.first else { throw malformed(head, values.count) }
            return .int(sizes.dropFirst().reduce(first) { head == "Max" ? max($0, $1) : min($0, $1) })
        case "Pow": return try power(head, values)
        case "ToFloat":
            guard values.count == 1 else { throw malformed(head, values.count) }
            return .float(values[0].float)
        case "IntTrueDiv", "FloatTrueDiv":
            guard values.count == 2 else { throw malformed(head, values.count) }
            return .float(values[0].float / values[1].float)
        case "FloatPow" where values.count == 2 && values[1].float.constant == 0.5: return .float(values[0].float.squareRoot())
        case "OpaqueUnaryFn_sqrt":
            guard values.count == 1 else { throw malformed(head, values.count) }
            return .float(values[0].float.squareRoot())
        default: return nil
        }
    }

    private func allIntegers(_ values: [SymValue]) -> [SymInt]? {
        let sizes = values.compactMap(\.int)
        return sizes.count == values.count ? sizes : nil
    }

    private func power(_ head: String, _ values: [SymValue]) throws -> SymValue {
        guard values.count == 2, let base = values[0].int, let exponent = values[1].int?.constant, exponent >= 0, exponent <= 64 else {
            throw malformed(head, values.count)
        }
        return .int((0..<exponent).reduce(SymInt(1)) { product, _ in product * base })
    }
}
