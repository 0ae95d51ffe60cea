import ApusSymbolic
import ApusTensor

/// Sizes as nodes of a model: int64 tensors of one element, read by `Shape` from the tensors that have them. Numbers that are read from
/// tensors are float64, conditions bool.
///
/// Each expression is computed once in a graph, and in a body again where the graph around has not computed it.
struct ONNXSizeNodes {
    /// What a symbol is read from.
    private enum Source {
        case dimension(ONNXTerm, Int)
        case number(ONNXTerm)
    }

    private var sources: [Symbol: Source] = [:]
    private var integers: [SymExpr.View: ONNXTerm] = [:]
    private var floats: [FloatExpr.View: ONNXTerm] = [:]
    private var conditions: [BoolExpr.View: ONNXTerm] = [:]

    // MARK: Sources

    func isKnown(_ symbol: Symbol) -> Bool { sources[symbol] != nil }

    mutating func note(_ shape: Shape, of term: ONNXTerm) {
        for (dim, size) in shape.enumerated() {
            if let symbol = size.expression?.symbol, sources[symbol] == nil { sources[symbol] = .dimension(term, dim) }
        }
    }

    /// Notes that a tensor of one element is the value of a symbol.
    mutating func note(_ symbol: Symbol, _ term: ONNXTerm) {
        if sources[symbol] == nil { sources[symbol] = .number(term) }
    }

    // MARK: Values

    mutating func term(_ size: SymInt, _ out: ONNXNodes) throws -> ONNXTerm {
        guard let view = size.view else { throw ArchiveError(.notRepresentable, "the size \(size) has no value") }
        return try term(view, out)
    }

    mutating func term(_ number: SymFloat, _ out: ONNXNodes) throws -> ONNXTerm {
        guard let view = number.view else { throw ArchiveError(.notRepresentable, "the number \(number) has no value") }
        return try term(view, out)
    }

    mutating func term(_ condition: SymBool, _ out: ONNXNodes) throws -> ONNXTerm {
        guard let view = condition.view else { throw ArchiveError(.notRepresentable, "the condition \(condition) has no value") }
        return try term(view, out)
    }

    /// Sizes as one tensor.
    mutating func vector(_ sizes: [SymInt], _ out: ONNXNodes) throws -> ONNXTerm {
        if sizes.allSatisfy({ $0.constant != nil }) { return try out.integers(sizes.compactMap(\.constant)) }
        var parts: [ONNXTerm] = []
        var run: [Int] = []
        for size in sizes {
            if let known = size.constant {
                run.append(known)
                continue
            }
            if !run.isEmpty { parts.append(try out.integers(run)) }
            run = []
            parts.append(try term(size, out))
        }
        if !run.isEmpty { parts.append(try out.integers(run)) }
        return parts.count == 1 ? parts[0] : out.append("Concat", parts, [.int64], [.make("axis", 0)])[0]
    }

    // MARK: Integers

    private mutating func term(_ view: SymExpr.View, _ out: ONNXNodes) throws -> ONNXTerm {
        if let known = integers[view] { return known }
        let term: ONNXTerm = try compute(view, out)
        integers[view] = term
        return term
    }

    private mutating func compute(_ view: SymExpr.View, _ out: ONNXNodes) throws -> ONNXTerm {
        switch view {
        case .constant(let value): return try out.integers([value])
        case .symbol(let symbol): return out.cast(try read(symbol, out), .int64)
        case .sum(let terms): return try fold("Add", terms, out)
        case .product(let factors): return try fold("Mul", factors, out)
        case .max(let arguments): return try fold("Max", arguments, out)
        case .min(let arguments): return try fold("Min", arguments, out)
        case .floorDiv(let a, let b):
            let (p, q) = (try term(a, out), try term(b, out))
            // Division rounds towards zero there: what is negative is first made divisible.
            if Self.isNatural(a), Self.isNatural(b) { return out.append("Div", [p, q], [.int64])[0] }
            let rest: ONNXTerm = out.append("Mod", [p, q], [.int64])[0]
            return out.append("Div", [out.append("Sub", [p, rest], [.int64])[0], q], [.int64])[0]
        case .remainder(let a, let b): return out.append("Mod", [try term(a, out), try term(b, out)], [.int64])[0]
        case .select(let condition, let whenTrue, let whenFalse):
            return out.append("Where", [try term(condition, out), try term(whenTrue, out), try term(whenFalse, out)], [.int64])[0]
        case .rounded(let value, let rule):
            let x: ONNXTerm = try term(value, out)
            let type: String?
            switch rule {
            case .towardZero: type = nil
            case .down: type = "Floor"
            case .up: type = "Ceil"
            case .toNearest: type = "Round"
            }
            return out.cast(type.map { out.append($0, [x], [.float64])[0] } ?? x, .int64)
        }
    }

    /// True for what is surely not negative.
    private static func isNatural(_ view: SymExpr.View) -> Bool {
        switch view {
        case .constant(let value): value >= 0
        case .symbol(let symbol): symbol.isBacked || symbol.isSize || symbol.kind == .unbackedBool || symbol.declaredRange.lowerBound >= 0
        case .sum(let parts), .product(let parts), .max(let parts), .min(let parts): parts.allSatisfy(isNatural)
        case .floorDiv(let a, let b): isNatural(a) && isNatural(b)
        case .remainder(_, let b): isNatural(b)
        case .select(_, let a, let b): isNatural(a) && isNatural(b)
        case .rounded: false
        }
    }

    private mutating func fold(_ type: String, _ views: [SymExpr.View], _ out: ONNXNodes) throws -> ONNXTerm {
        guard let first = views.first else { throw ArchiveError(.notRepresentable, "an empty sum, product or extremum") }
        var result: ONNXTerm = try term(first, out)
        for view in views.dropFirst() { result = out.append(type, [result, try term(view, out)], [.int64])[0] }
        return result
    }

    private mutating func read(_ symbol: Symbol, _ out: ONNXNodes) throws -> ONNXTerm {
        switch sources[symbol] {
        case .number(let term)?: return term
        case .dimension(let tensor, let dim)?:
            let term: ONNXTerm = out.append("Shape", [tensor], [.int64], [.make("start", dim), .make("end", dim + 1)])[0]
            sources[symbol] = .number(term)
            return term
        case nil: throw ArchiveError(.notRepresentable, "the size \(symbol.displayName) can't be read from any input or result")
        }
    }

    // MARK: Floats

    private mutating func term(_ view: FloatExpr.View, _ out: ONNXNodes) throws -> ONNXTerm {
        if let known = floats[view] { return known }
        let term: ONNXTerm
        switch view {
        case .constant(let value): term = try out.constant(Tensor.full([1], value, dtype: .float64))
        case .symbol(let symbol): term = out.cast(try read(symbol, out), .float64)
        case .integer(let inner): term = out.cast(try self.term(inner, out), .float64)
        case .unary(.negate, let inner): term = out.append("Neg", [try self.term(inner, out)], [.float64])[0]
        case .unary(.squareRoot, let inner): term = out.append("Sqrt", [try self.term(inner, out)], [.float64])[0]
        case .binary(let operation, let a, let b):
            let type: String
            switch operation {
            case .add: type = "Add"
            case .subtract: type = "Sub"
            case .multiply: type = "Mul"
            case .divide: type = "Div"
            }
            term = out.append(type, [try self.term(a, out), try self.term(b, out)], [.float64])[0]
        }
        floats[view] = term
        return term
    }

    // MARK: Conditions

    private mutating func term(_ view: BoolExpr.View, _ out: ONNXNodes) throws -> ONNXTerm {
        if let known = conditions[view] { return known }
        let term: ONNXTerm
        switch view {
        case .constant(let value): term = try out.constant(Tensor([value], shape: [1]))
        case .comparison(let a, let comparison, let b):
            let (p, q) = (try self.term(a, out), try self.term(b, out))
            let type: String
            switch comparison {
            case .equal, .notEqual: type = "Equal"
            case .less: type = "Less"
            case .lessOrEqual: type = "LessOrEqual"
            case .greater: type = "Greater"
            case .greaterOrEqual: type = "GreaterOrEqual"
            }
            let answer: ONNXTerm = out.append(type, [p, q], [.bool])[0]
            term = comparison == .notEqual ? out.append("Not", [answer], [.bool])[0] : answer
        case .floatComparison(let a, let relation, let b):
            let type: String
            switch relation {
            case .less: type = "Less"
            case .lessOrEqual: type = "LessOrEqual"
            case .equal: type = "Equal"
            }
            term = out.append(type, [try self.term(a, out), try self.term(b, out)], [.bool])[0]
        case .not(let inner): term = out.append("Not", [try self.term(inner, out)], [.bool])[0]
        case .all(let parts): term = try join("And", parts, out)
        case .any(let parts): term = try join("Or", parts, out)
        }
        conditions[view] = term
        return term
    }

    private mutating func join(_ type: String, _ parts: [BoolExpr.View], _ out: ONNXNodes) throws -> ONNXTerm {
        guard let first = parts.first else { throw ArchiveError(.notRepresentable, "an empty condition") }
        var result: ONNXTerm = try term(first, out)
        for part in parts.dropFirst() { result = out.append(type, [result, try term(part, out)], [.bool])[0] }
        return result
    }
}
