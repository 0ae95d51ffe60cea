/// A literal over integers, taken from a condition: what the layers of the decision procedure work on.
struct Row: Sendable {
    enum Relation: Sendable {
        case atLeastZero
        case equalsZero
        case notZero
        case divides(Int)
        case notDivides(Int)
    }

    let relation: Relation
    let p: SymExpr

    init(_ relation: Relation, _ p: SymExpr) {
        self.relation = relation
        self.p = p
    }

    /// The literal of a condition that is one; `nil` for connectives, floats and constants.
    init?(_ condition: BoolExpr) {
        switch condition.kind {
        case .atLeastZero(let p): self.init(.atLeastZero, p)
        case .equalsZero(let p): self.init(.equalsZero, p)
        case .notZero(let p): self.init(.notZero, p)
        case .divides(let d, let p): self.init(.divides(d), p)
        case .notDivides(let d, let p): self.init(.notDivides(d), p)
        case .constant, .float, .notFloat, .all, .any: return nil
        }
    }

    /// x - y + constant, when the expression is one; the ids are of monomials.
    var difference: (x: Int, y: Int, constant: Int)? {
        guard p.terms.count == 2, p.constant != .min else { return nil }
        let (s, t) = (p.terms[0], p.terms[1])
        if s.coefficient == 1, t.coefficient == -1 { return (s.monomial.id, t.monomial.id, p.constant) }
        if s.coefficient == -1, t.coefficient == 1 { return (t.monomial.id, s.monomial.id, p.constant) }
        return nil
    }
}

/// x = remainder (mod modulus), with modulus >= 1.
struct Residue: Sendable, Hashable {
    let modulus: Int
    let remainder: Int

    static let none = Residue(modulus: 1, remainder: 0)
    /// Larger moduli are forgotten, so that products of two never overflow.
    static let limit = 1 << 30

    init(modulus: Int, remainder: Int) {
        self.modulus = modulus
        self.remainder = remainder
    }

    /// The residue of a sum.
    func adding(_ other: Residue) -> Residue {
        let common: Int = gcd(modulus, other.modulus)
        return Residue(modulus: common, remainder: (remainder % common + other.remainder % common) % common)
    }

    func adding(_ value: Int) -> Residue {
        Residue(modulus: modulus, remainder: (remainder + floorMod(value, by: modulus)) % modulus)
    }

    func scaled(by factor: Int) -> Residue {
        if factor == 0 || factor.magnitude >= Residue.limit || modulus >= Residue.limit { return reducedScale(factor) }
        let scale: Int = Int(factor.magnitude)
        let product: Int = modulus * scale
        if product >= Residue.limit { return reducedScale(factor) }
        return Residue(modulus: product, remainder: floorMod(remainder * factor, by: product))
    }

    /// The residue of a multiple with the modulus kept: always right, if weaker.
    private func reducedScale(_ factor: Int) -> Residue {
        if modulus >= Residue.limit { return .none }
        return Residue(modulus: modulus, remainder: remainder * floorMod(factor, by: modulus) % modulus)
    }

    func multiplied(by other: Residue) -> Residue {
        let common: Int = gcd(modulus, other.modulus)
        if common >= Residue.limit { return .none }
        return Residue(modulus: common, remainder: (remainder % common) * (other.remainder % common) % common)
    }

    /// Both hold; `nil` when they exclude each other. When the joint modulus is too large the first is kept.
    func intersection(_ other: Residue) -> Residue? {
        let common: Int = gcd(modulus, other.modulus)
        if remainder % common != other.remainder % common { return nil }
        if other.modulus == common { return self }
        if modulus == common { return other }
        let (joint, overflow) = (modulus / common).multipliedReportingOverflow(by: other.modulus)
        if overflow || joint >= Residue.limit { return self }
        // x = remainder + modulus * t with modulus * t = other.remainder - remainder (mod other.modulus).
        let reduced: Int = other.modulus / common
        guard let inverse = modularInverse(modulus / common % reduced, reduced) else { return self }
        let delta: Int = floorMod((other.remainder - remainder) / common, by: reduced)
        let t: Int = delta * inverse % reduced
        return Residue(modulus: joint, remainder: (remainder + modulus * t) % joint)
    }

    /// The smallest member at or above, and the largest at or below, of an interval's bounds.
    func tightened(_ interval: Interval) -> Interval {
        if modulus == 1 { return interval }
        var result: Interval = interval
        if interval.low != .min,
            let next = checkedAdd(
                interval.low, floorMod(floorMod(remainder, by: modulus) &- floorMod(interval.low, by: modulus), by: modulus))
        {
            result.low = next
        }
        if interval.high != .max,
            let last = checkedSubtract(interval.high, floorMod(floorMod(interval.high, by: modulus) &- remainder, by: modulus))
        {
            result.high = last
        }
        return result
    }
}
