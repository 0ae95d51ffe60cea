// Normal forms of maximum, minimum and choice.

extension ScopeState {
    func minimum(_ arguments: [SymExpr]) throws(SymbolicError) -> SymExpr {
        var negated: [SymExpr] = []
        for argument in arguments { negated.append(try scale(argument, by: -1)) }
        return try scale(maximum(negated), by: -1)
    }

    func maximum(_ arguments: [SymExpr]) throws(SymbolicError) -> SymExpr {
        var flat: [SymExpr] = []
        for argument in arguments {
            for part in flattened(argument) where !flat.contains(where: { $0 === part }) { flat.append(part) }
        }
        flat = undominated(flat)
        if flat.count == 1 { return flat[0] }
        if flat.count == 2, let pair = try maximum(flat[0], flat[1]) { return pair }
        return try maximumOfMany(flat)
    }

    /// max(P, Q) over the difference of its arguments: with P - Q = g * (U - V), where neither U nor V has a negative
    /// coefficient, it is g * max(U, V) + (P - g * U). Then min(a, b) + max(a, b) is a + b by cancellation.
    private func maximum(_ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr? {
        guard let difference = combine(p, 1, q, -1), difference.constant != .min else { return nil }
        if difference.range.low >= 0 { return p }
        if difference.range.high <= 0 { return q }
        var common: Int = gcd(difference.constant, 0)
        for term in difference.terms {
            if term.coefficient == .min { return nil }
            common = gcd(common, term.coefficient)
        }
        func part(_ sign: Int) -> SymExpr {
            var terms: [Term] = []
            for term in difference.terms where (term.coefficient > 0) == (sign > 0) {
                terms.append(Term(monomial: term.monomial, coefficient: term.coefficient / common * sign))
            }
            let constant: Int = (difference.constant > 0) == (sign > 0) ? difference.constant / common * sign : 0
            return expression(constant: constant, terms: terms)
        }
        let positive: SymExpr = part(1)
        let negative: SymExpr = part(-1)
        let pair: [SymExpr] = positive.id < negative.id ? [positive, negative] : [negative, positive]
        let largest: SymExpr = expression(try atom(.max(pair)))
        guard let rest = combine(p, 1, positive, -common), let scaled = combine(largest, common, rest, 1) else { return nil }
        return scaled
    }

    private func maximumOfMany(_ arguments: [SymExpr]) throws(SymbolicError) -> SymExpr {
        let (shared, remaining) = pullingCommonPart(arguments)
        let sorted: [SymExpr] = remaining.sorted { $0.id < $1.id }
        return try add(shared, expression(atom(.max(sorted))))
    }

    /// The arguments of a maximum inside an argument: max(max(a, b) + k, c) = max(a + k, b + k, c).
    private func flattened(_ argument: SymExpr) -> [SymExpr] {
        for term in argument.terms where term.coefficient == 1 {
            guard case .max(let inner)? = term.monomial.linearAtom?.kind, inner.count <= 8 else { continue }
            let rest: SymExpr = expression(
                constant: argument.constant, terms: argument.terms.filter { $0.monomial !== term.monomial })
            let parts: [SymExpr] = inner.compactMap { combine($0, 1, rest, 1) }
            if parts.count == inner.count { return parts }
        }
        return [argument]
    }

    /// Drops arguments that another one is never below, by declared ranges.
    private func undominated(_ arguments: [SymExpr]) -> [SymExpr] {
        if arguments.count > 16 { return arguments }
        var kept: [SymExpr] = []
        for (i, candidate) in arguments.enumerated() {
            let dominated: Bool = arguments.enumerated().contains { j, other in
                guard i != j, let difference = combine(other, 1, candidate, -1) else { return false }
                // Equal ones are distinct objects never, so 'not below' is strict for one of the two.
                return difference.range.low >= 0 && !(difference.range.high <= 0 && j > i)
            }
            if !dominated { kept.append(candidate) }
        }
        return kept.isEmpty ? arguments : kept
    }

    /// Splits off the terms that all arguments share, and the smallest constant.
    private func pullingCommonPart(_ arguments: [SymExpr]) -> (shared: SymExpr, rest: [SymExpr]) {
        let terms: [Term] = arguments[0].terms.filter { term in
            arguments.dropFirst().allSatisfy { argument in
                argument.terms.contains { $0.monomial === term.monomial && $0.coefficient == term.coefficient }
            }
        }
        let smallest: Int = arguments.map(\.constant).min() ?? 0
        let shared: SymExpr = expression(constant: smallest, terms: terms)
        let rest: [SymExpr] = arguments.compactMap { combine($0, 1, shared, -1) }
        return rest.count == arguments.count ? (shared, rest) : (constant(0), arguments)
    }

    /// `condition ? p : q`.
    func select(_ condition: BoolExpr, _ p: SymExpr, _ q: SymExpr) throws(SymbolicError) -> SymExpr {
        if case .constant(let value) = condition.kind { return value ? p : q }
        if p === q { return p }
        switch condition.kind {
        case .notZero, .notDivides, .notFloat, .any:
            return try select(negate(condition), q, p)
        case .atLeastZero(let e) where e.terms[0].coefficient < 0:
            let opposite: BoolExpr = try negate(condition)
            if case .atLeastZero(let f) = opposite.kind, f.terms[0].coefficient > 0 { return try select(opposite, q, p) }
        default:
            break
        }
        let (shared, rest) = pullingCommonPart([p, q])
        return try add(shared, expression(atom(.select(condition, rest[0], rest[1]))))
    }

    func rounded(_ value: FloatExpr, _ rule: FloatRounding) throws(SymbolicError) -> SymExpr {
        if case .integer(let integer) = value.kind, integer.range.low > -(1 << 53), integer.range.high < 1 << 53 {
            return integer
        }
        return expression(try atom(.rounded(value, rule)))
    }
}
