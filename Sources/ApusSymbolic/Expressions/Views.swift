// What other modules read of expressions: plain trees, with remainders and minima restored. They need no scope.

extension SymExpr {
    /// The structure of an integer expression.
    public indirect enum View: Sendable, Hashable {
        case constant(Int)
        case symbol(SymInt.Symbol)
        /// Two or more summands.
        case sum([View])
        /// Two or more factors; a constant factor comes first.
        case product([View])
        /// Division that rounds towards negative infinity.
        case floorDiv(View, View)
        /// The remainder of floor division.
        case remainder(View, View)
        case max([View])
        case min([View])
        case select(BoolExpr.View, View, View)
        case rounded(FloatExpr.View, FloatRounding)
    }

    /// The structure to read. Cost: proportional to the size of the expression.
    public var view: View { restored.view }
}

extension BoolExpr {
    public enum Comparison: String, Sendable, Hashable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    /// The structure of a condition.
    public indirect enum View: Sendable, Hashable {
        case constant(Bool)
        case comparison(SymExpr.View, Comparison, SymExpr.View)
        case floatComparison(FloatExpr.View, FloatExpr.Relation, FloatExpr.View)
        case not(View)
        case all([View])
        case any([View])
    }

    public var view: View {
        switch kind {
        case .constant(let value): .constant(value)
        case .atLeastZero(let p): BoolExpr.inequality(p)
        case .equalsZero(let p): BoolExpr.equation(p, .equal)
        case .notZero(let p): BoolExpr.equation(p, .notEqual)
        case .divides(let d, let p): BoolExpr.divisibility(d, p, .equal)
        case .notDivides(let d, let p): BoolExpr.divisibility(d, p, .notEqual)
        case .float(let relation, let a, let b): .floatComparison(a.view, relation, b.view)
        case .notFloat(let relation, let a, let b): .not(.floatComparison(a.view, relation, b.view))
        case .all(let parts): .all(parts.map(\.view))
        case .any(let parts): .any(parts.map(\.view))
        }
    }

    private static func inequality(_ p: SymExpr) -> View {
        var (left, right) = p.restored.sides
        if right.parts.isEmpty { return .comparison(left.view, .greaterOrEqual, right.view) }
        if left.parts.isEmpty { return .comparison(right.view, .lessOrEqual, left.view) }
        // a - b - 1 >= 0 reads a > b.
        if right.constant == 1, left.constant == 0 {
            right.constant = 0
            return .comparison(left.view, .greater, right.view)
        }
        return .comparison(left.view, .greaterOrEqual, right.view)
    }

    private static func equation(_ p: SymExpr, _ comparison: Comparison) -> View {
        let (left, right) = p.restored.sides
        if left.parts.isEmpty { return .comparison(right.view, comparison, left.view) }
        return .comparison(left.view, comparison, right.view)
    }

    private static func divisibility(_ d: Int, _ p: SymExpr, _ comparison: Comparison) -> View {
        let dividend: SymExpr.View = Restored(constant: 0, terms: p.terms).view
        let residue: Int = p.constant == 0 ? 0 : d - p.constant
        return .comparison(.remainder(dividend, .constant(d)), comparison, .constant(residue))
    }
}

extension FloatExpr {
    /// The structure of a float expression.
    public indirect enum View: Sendable, Hashable {
        case constant(Double)
        case symbol(SymInt.Symbol)
        case integer(SymExpr.View)
        case unary(Unary, View)
        case binary(Binary, View, View)
    }

    public var view: View {
        switch kind {
        case .constant(let value): .constant(value)
        case .symbol(let symbol): .symbol(symbol)
        case .integer(let p): .integer(p.view)
        case .unary(let operation, let a): .unary(operation, a.view)
        case .binary(let operation, let a, let b): .binary(operation, a.view, b.view)
        }
    }
}

extension Restored {
    init(constant: Int, parts: [Part]) {
        self.constant = constant
        self.parts = parts
    }

    /// Splits P into L - R where neither has a negative coefficient, so that P >= 0 reads L >= R.
    var sides: (left: Restored, right: Restored) {
        var left = Restored(constant: 0, parts: [])
        var right = Restored(constant: 0, parts: [])
        for part in parts {
            if part.coefficient > 0 || part.coefficient == .min {
                left.parts.append(part)
            } else {
                right.parts.append(Part(coefficient: -part.coefficient, kind: part.kind))
            }
        }
        // The constant goes where it is positive, except that a side without terms is the one that takes it.
        if constant == .min || left.parts.isEmpty || (constant > 0 && !right.parts.isEmpty) {
            left.constant = constant
        } else {
            right.constant = -constant
        }
        return (left, right)
    }

    var view: SymExpr.View {
        var summands: [SymExpr.View] = []
        // What is positive leads, so that nothing starts with a sign that need not.
        for part in parts where part.coefficient > 0 { summands.append(part.view) }
        if constant > 0, summands.isEmpty { summands.append(.constant(constant)) }
        let constantLeads: Bool = !summands.isEmpty && constant > 0 && parts.allSatisfy { $0.coefficient <= 0 }
        for part in parts where part.coefficient < 0 { summands.append(part.view) }
        if constant != 0, !constantLeads { summands.append(.constant(constant)) }
        if summands.isEmpty { return .constant(constant) }
        return summands.count == 1 ? summands[0] : .sum(summands)
    }
}

extension Restored.Part {
    var view: SymExpr.View {
        var factors: [SymExpr.View] = coefficient == 1 ? [] : [.constant(coefficient)]
        switch kind {
        case .monomial(let monomial):
            for factor in monomial.factors {
                for _ in 0..<factor.exponent { factors.append(factor.atom.view) }
            }
        case .remainder(let p, let q):
            factors.append(.remainder(p.view, q.view))
        case .minimum(let arguments, let negated):
            factors.append(
                .min(
                    arguments.map { argument in
                        guard negated else { return argument.view }
                        let opposite: [Term] = argument.terms.map {
                            Term(monomial: $0.monomial, coefficient: 0 &- $0.coefficient)
                        }
                        return Restored(constant: 0 &- argument.constant, terms: opposite).view
                    }))
        }
        return factors.count == 1 ? factors[0] : .product(factors)
    }
}

extension Atom {
    var view: SymExpr.View {
        switch kind {
        case .symbol(let symbol): .symbol(symbol)
        case .floorDiv(let p, let q): .floorDiv(p.view, q.view)
        case .max(let arguments): .max(arguments.map(\.view))
        case .select(let condition, let p, let q): .select(condition.view, p.view, q.view)
        case .rounded(let value, let rule): .rounded(value.view, rule)
        case .sum(let p, let q): .sum([p.view, q.view])
        case .product(let p, let q): .product([p.view, q.view])
        }
    }
}
