import ApusSymbolic

/// Python's arithmetic on sizes, as the nodes of a program file name it (`_operator.add`, `torch.sym_max`, ...).
///
/// Such nodes need no counterpart in a graph, where sizes are expressions: they are folded on reading.
enum SymArithmetic {
    static func compare(_ comparison: BoolExpr.Comparison, _ a: SymValue, _ b: SymValue) -> SymBool {
        if let x = a.int, let y = b.int {
            switch comparison {
            case .equal: return x == y
            case .notEqual: return x != y
            case .less: return x < y
            case .lessOrEqual: return x <= y
            case .greater: return x > y
            case .greaterOrEqual: return x >= y
            }
        }
        let (x, y) = (a.float, b.float)
        switch comparison {
        case .equal: return x == y
        case .notEqual: return x != y
        case .less: return x < y
        case .lessOrEqual: return x <= y
        case .greater: return x > y
        case .greaterOrEqual: return x >= y
        }
    }

    /// Whether a node with this target is arithmetic on sizes.
    static func knows(_ target: String) -> Bool { arities[target] != nil }

    private static let arities: [String: Int] = [
        "_operator.add": 2, "_operator.sub": 2, "_operator.mul": 2, "_operator.floordiv": 2, "_operator.truediv": 2, "_operator.mod": 2,
        "_operator.pow": 2, "_operator.neg": 1, "_operator.pos": 1, "_operator.eq": 2, "_operator.ne": 2, "_operator.lt": 2,
        "_operator.le": 2, "_operator.gt": 2, "_operator.ge": 2, "_operator.and_": 2, "_operator.or_": 2, "_operator.lshift": 2,
        "_operator.rshift": 2, "math.trunc": 1, "torch.sym_max": 2, "torch.sym_min": 2, "torch.sym_float": 1, "torch.sym_int": 1,
        "torch.sym_not": 1, "torch.sym_ite": 3, "torch._sym_sqrt": 1,
    ]

    /// The value of such a node.
    /// - Throws: `ArchiveError` for operand kinds without a meaning, and for arithmetic that overflows or divides by zero.
    static func evaluate(_ target: String, _ operands: [SymValue]) throws -> SymValue {
        guard let arity = arities[target] else { throw ArchiveError(.invalidExpression, "'\(target)' is not arithmetic on sizes") }
        guard operands.count == arity, let first = operands.first else {
            throw ArchiveError(.invalidProgram, "'\(target)' has \(operands.count) arguments, \(arity) are expected")
        }
        let value = arity == 1 ? try unary(target, first) : try binary(target, operands)
        if let fault = value.fault { throw ArchiveError(.invalidExpression, "the result of '\(target)' has no value: \(fault)") }
        return value
    }

    private static func unary(_ target: String, _ operand: SymValue) throws -> SymValue {
        switch target {
        case "_operator.neg": return operand.int.map { .int(-$0) } ?? .float(-operand.float)
        case "_operator.pos": return operand
        case "torch.sym_float": return .float(operand.float)
        case "torch.sym_not": return .bool(operand.bool.negated())
        case "torch._sym_sqrt": return .float(operand.float.squareRoot())
        default:  // math.trunc, torch.sym_int
            if let size = operand.int { return .int(size) }
            return .int(SymInt(operand.float, rounding: .towardZero))
        }
    }

    private static func binary(_ target: String, _ operands: [SymValue]) throws -> SymValue {
        let (a, b) = (operands[0], operands[1])
        switch target {
        case "_operator.eq": return .bool(compare(.equal, a, b))
        case "_operator.ne": return .bool(compare(.notEqual, a, b))
        case "_operator.lt": return .bool(compare(.less, a, b))
        case "_operator.le": return .bool(compare(.lessOrEqual, a, b))
        case "_operator.gt": return .bool(compare(.greater, a, b))
        case "_operator.ge": return .bool(compare(.greaterOrEqual, a, b))
        case "_operator.and_", "_operator.or_": return try bits(target, a, b)
        case "_operator.truediv": return .float(a.float / b.float)
        case "torch.sym_ite":
            let other = operands[2]
            guard let whenTrue = b.int, let whenFalse = other.int else { throw meaningless(target) }
            return .int(SymInt.select(a.bool, whenTrue, whenFalse))
        default: break
        }
        if let x = a.int, let y = b.int { return .int(try integer(target, x, y)) }
        let (x, y) = (a.float, b.float)
        switch target {
        case "_operator.add": return .float(x + y)
        case "_operator.sub": return .float(x - y)
        case "_operator.mul": return .float(x * y)
        default: throw meaningless(target)
        }
    }

    /// Python's `&` and `|`: logic of two truth values, and the bits of everything else, which symbols have no expression for.
    private static func bits(_ target: String, _ a: SymValue, _ b: SymValue) throws -> SymValue {
        let isAnd: Bool = target == "_operator.and_"
        if case .bool(let p) = a, case .bool(let q) = b { return isAnd ? .bool(p && q) : .bool(p || q) }
        guard let x = a.int, let y = b.int else { throw meaningless(target) }
        guard let first = x.constant, let second = y.constant else {
            throw ArchiveError(.unsupported, "'\(target)' on the bits of a number that varies is not supported")
        }
        return .int(SymInt(isAnd ? first & second : first | second))
    }

    private static func integer(_ target: String, _ x: SymInt, _ y: SymInt) throws -> SymInt {
        switch target {
        case "_operator.add": return x + y
        case "_operator.sub": return x - y
        case "_operator.mul": return x * y
        case "_operator.floordiv": return x / y
        case "_operator.mod": return x % y
        case "torch.sym_max": return max(x, y)
        case "torch.sym_min": return min(x, y)
        case "_operator.pow":
            guard let exponent = y.constant, exponent >= 0, exponent <= 64 else { throw meaningless(target) }
            return (0..<exponent).reduce(SymInt(1)) { product, _ in product * x }
        case "_operator.lshift", "_operator.rshift":
            guard let distance = y.constant, distance >= 0, distance <= 62 else { throw meaningless(target) }
            return target == "_operator.lshift" ? x * (1 << distance) : x / (1 << distance)
        default: throw meaningless(target)
        }
    }

    private static func meaningless(_ target: String) -> ArchiveError {
        ArchiveError(.unsupported, "'\(target)' on values of these kinds is not supported")
    }
}
