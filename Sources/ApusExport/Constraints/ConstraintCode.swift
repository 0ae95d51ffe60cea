import ApusSymbolic

/// A constraint that makes a program exportable: a value to pass to `export`, and the Swift code to write for it.
public struct SuggestedConstraint: ConstraintConvertible, CustomStringConvertible {
    public let constraint: Constraint
    /// `dynamicDim(x, 0) == dynamicDim(y, 0)`
    public let description: String

    init(_ kind: Constraint.Kind, _ declared: DeclaredInputs) {
        constraint = Constraint(kind: kind)
        description = kind.code(declared.code)
    }
}

/// Turns conditions on input sizes back into constraints.
struct ConstraintCode {
    let declared: DeclaredInputs

    /// Constraints that together say what a condition says; nil where it speaks of more than sizes of inputs.
    func constraints(for condition: SymBool) -> [Constraint.Kind]? { condition.view.flatMap { constraints(for: $0) } }

    private func constraints(for view: BoolExpr.View) -> [Constraint.Kind]? {
        switch view {
        case .comparison(let p, let comparison, let q): return comparisonKind(p, comparison, q).map { [$0] }
        case .all(let parts):
            var found: [Constraint.Kind] = []
            for part in parts {
                guard let kinds = constraints(for: part) else { return nil }
                found += kinds
            }
            return found
        case .any(let parts):
            var choices: [Constraint.Kind] = []
            for part in parts {
                guard let kinds = constraints(for: part), let first = kinds.first else { return nil }
                choices.append(kinds.count == 1 ? first : .all(kinds))
            }
            guard let first = choices.first else { return nil }
            return [choices.count == 1 ? first : .any(choices)]
        case .constant, .floatComparison, .not: return nil
        }
    }

    private func comparisonKind(_ p: SymExpr.View, _ comparison: BoolExpr.Comparison, _ q: SymExpr.View) -> Constraint.Kind? {
        if case .symbol(let symbol) = p, case .constant(let value) = q, let bound = bound(symbol, comparison, value) { return bound }
        guard let a = form(p), let b = form(q) else { return nil }
        if comparison == .equal, case .axis(let first) = a, case .axis(let second) = b { return .equal(first, second) }
        // Constraints have no `!=`, which reads like a comparison of two dimensions.
        if comparison == .notEqual { return .any([.relation(a, .less, b), .relation(a, .greater, b)]) }
        return .relation(a, comparison, b)
    }

    /// A bound of one dimension. A single value that is excluded leaves the side on which the example lies.
    private func bound(_ symbol: Symbol, _ comparison: BoolExpr.Comparison, _ value: Int) -> Constraint.Kind? {
        guard let axis = declared.axis(of: symbol), value > .min, value < .max else { return nil }
        switch comparison {
        case .equal: return .range(axis, min: value, max: value)
        case .greaterOrEqual: return .range(axis, min: value, max: nil)
        case .greater: return .range(axis, min: value + 1, max: nil)
        case .lessOrEqual: return .range(axis, min: nil, max: value)
        case .less: return .range(axis, min: nil, max: value - 1)
        case .notEqual:
            let isAbove = (declared.scope.hint(of: symbol) ?? value) > value
            return isAbove ? .range(axis, min: value + 1, max: nil) : .range(axis, min: nil, max: value - 1)
        }
    }

    private func form(_ view: SymExpr.View) -> DynamicDimension.Form? {
        switch view {
        case .constant(let value): return .constant(value)
        case .symbol(let symbol): return declared.axis(of: symbol).map { .axis($0) }
        case .sum(let parts): return sum(parts)
        case .product(let parts): return fold(.times, parts)
        case .floorDiv(let p, let q): return fold(.dividedBy, [p, q])
        case .remainder(let p, let q): return fold(.remainder, [p, q])
        case .max(let parts): return fold(.maximum, parts)
        case .min(let parts): return fold(.minimum, parts)
        case .select, .rounded: return nil
        }
    }

    private func fold(_ operation: DynamicDimension.Operation, _ parts: [SymExpr.View]) -> DynamicDimension.Form? {
        guard let head = parts.first, var result = form(head) else { return nil }
        for part in parts.dropFirst() {
            guard let next = form(part) else { return nil }
            result = .binary(operation, result, next)
        }
        return result
    }

    /// A sum, with summands of negative factor subtracted.
    private func sum(_ parts: [SymExpr.View]) -> DynamicDimension.Form? {
        guard let head = parts.first, var result = form(head) else { return nil }
        for part in parts.dropFirst() {
            let (isNegative, magnitude) = split(part)
            guard let next = form(magnitude) else { return nil }
            result = .binary(isNegative ? .minus : .plus, result, next)
        }
        return result
    }

    private func split(_ view: SymExpr.View) -> (isNegative: Bool, magnitude: SymExpr.View) {
        switch view {
        case .constant(let value) where (Int.min + 1..<0).contains(value): return (true, .constant(-value))
        case .product(let factors):
            guard case .constant(let value)? = factors.first, (Int.min + 1..<0).contains(value) else { return (false, view) }
            let rest = Array(factors.dropFirst())
            if value == -1 { return (true, rest.count == 1 ? rest[0] : .product(rest)) }
            return (true, .product([.constant(-value)] + rest))
        default: return (false, view)
        }
    }
}
