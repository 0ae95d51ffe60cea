/// A normal form with its remainders and minima restored: what people read, and what has the tighter bounds.
///
/// The normal form writes `n % 2` as `n - 2*(n // 2)` and `min(a, b)` as `a + b - max(a, b)`; both are found again here.
struct Restored: Sendable {
    enum Kind: Sendable {
        case monomial(Monomial)
        /// P mod d, with the quotient's factor that it was found by
        case remainder(SymExpr, SymExpr)
        /// The smallest of the arguments, or of their opposites.
        case minimum([SymExpr], negated: Bool)
    }

    struct Part: Sendable {
        var coefficient: Int
        let kind: Kind
    }

    var constant: Int
    var parts: [Part]

    init(constant: Int, terms: [Term]) {
        self.constant = constant
        parts = terms.map { Part(coefficient: $0.coefficient, kind: .monomial($0.monomial)) }
        for index in parts.indices {
            guard case .monomial(let monomial) = parts[index].kind, parts[index].coefficient != 0 else { continue }
            restore(at: index, monomial)
        }
        parts.removeAll { $0.coefficient == 0 }
    }

    private mutating func restore(at index: Int, _ monomial: Monomial) {
        let coefficient: Int = parts[index].coefficient
        if coefficient == .min { return }
        for factor in monomial.factors {
            switch factor.atom.kind {
            case .floorDiv(let p, let q):
                guard let k = quotientFactor(coefficient, monomial, factor, q) else { continue }
                if subtract([p], times: k) {
                    parts[index] = Part(coefficient: k, kind: .remainder(p, q))
                    return
                }
            case .max(let arguments) where monomial.degree == 1 && coefficient < 0:
                if arguments.count == 2, subtract(arguments, times: -coefficient) {
                    parts[index] = Part(coefficient: -coefficient, kind: .minimum(arguments, negated: false))
                } else if arguments.allSatisfy({ $0.constant <= 0 && $0.terms.allSatisfy { $0.coefficient < 0 } }) {
                    parts[index] = Part(coefficient: -coefficient, kind: .minimum(arguments, negated: true))
                }
                return
            default:
                continue
            }
        }
    }

    /// The k with coefficient * monomial = -k * q * floorDiv(p, q).
    private func quotientFactor(
        _ coefficient: Int, _ monomial: Monomial, _ factor: Monomial.Factor, _ q: SymExpr
    ) -> Int? {
        guard factor.exponent == 1 else { return nil }
        if q.isConstant {
            guard monomial.degree == 1, q.constant > 1, coefficient % q.constant == 0 else { return nil }
            return -(coefficient / q.constant)
        }
        guard q.constant == 0, q.terms.count == 1, monomial.degree == q.terms[0].monomial.degree + 1 else { return nil }
        let unit: Int = q.terms[0].coefficient
        guard unit > 0, coefficient % unit == 0 else { return nil }
        let others: [Monomial.Factor] = monomial.factors.filter { $0.atom !== factor.atom }
        let wanted: [Monomial.Factor] = q.terms[0].monomial.factors
        guard others.count == wanted.count,
            zip(others, wanted).allSatisfy({ $0.atom === $1.atom && $0.exponent == $1.exponent })
        else { return nil }
        return -(coefficient / unit)
    }

    /// Takes `k` times the expressions off, if every term of theirs is there in that measure; says whether it did.
    private mutating func subtract(_ expressions: [SymExpr], times k: Int) -> Bool {
        var changed: [Part] = parts
        var offset: Int = constant
        for expression in expressions {
            for term in expression.terms {
                guard let amount = checkedMultiply(term.coefficient, k),
                    let index = changed.firstIndex(where: { part in
                        if case .monomial(let monomial) = part.kind { return monomial === term.monomial }
                        return false
                    }),
                    (changed[index].coefficient < 0) == (amount < 0),
                    changed[index].coefficient.magnitude >= amount.magnitude
                else { return false }
                changed[index].coefficient -= amount
            }
            guard let amount = checkedMultiply(expression.constant, k), let rest = checkedSubtract(offset, amount) else {
                return false
            }
            offset = rest
        }
        parts = changed
        constant = offset
        return true
    }

    /// Bounds, from bounds of monomials.
    func bounds(_ bound: (Monomial) -> Interval) -> Interval {
        var total = Interval(constant)
        for part in parts { total = total + part.bounds(bound).scaled(by: part.coefficient) }
        return total
    }

    /// Bounds by the atoms' own ranges or whatever else is known of atoms.
    func boundsByAtom(_ bound: (Atom) -> Interval) -> Interval {
        bounds { $0.boundsByAtom(bound) }
    }
}

extension Monomial {
    func boundsByAtom(_ bound: (Atom) -> Interval) -> Interval {
        if let atom = linearAtom { return bound(atom) }
        var product = Interval(1)
        for factor in factors { product = product * bound(factor.atom).power(factor.exponent) }
        return product
    }
}

extension Restored.Part {
    func bounds(_ bound: (Monomial) -> Interval) -> Interval {
        switch kind {
        case .monomial(let monomial):
            return bound(monomial)
        case .remainder(let p, let q):
            let divisor: Interval = q.restored.bounds(bound)
            guard divisor.low > 0 else { return .all }
            var result = Interval(low: 0, high: divisor.high == .max ? .max : divisor.high - 1)
            let dividend: Interval = p.restored.bounds(bound)
            if dividend.low >= 0 { result.high = min(result.high, dividend.high) }
            if dividend.low >= 0, dividend.high < divisor.low { result.low = dividend.low }
            return result
        case .minimum(let arguments, let negated):
            var result = Interval(low: .max, high: .max)
            for argument in arguments {
                var bounds: Interval = argument.restored.bounds(bound)
                if negated { bounds = bounds.scaled(by: -1) }
                result = Interval(low: min(result.low, bounds.low), high: min(result.high, bounds.high))
            }
            return result
        }
    }
}
