/// Evaluates nodes at a point, exactly: `nil` when a value is missing, a division is by zero, or a result leaves `Int`.
struct Evaluator {
    /// Values by symbol index; `nil` where none is given.
    var integers: [Int?]
    var floats: [Int: Double] = [:]

    func value(_ p: SymExpr) -> Int? {
        // Where no step overflows, plain arithmetic has the same result sooner.
        var total: Int = p.constant
        for term in p.terms {
            guard let atom = term.monomial.linearAtom else { return wideValue(p) }
            guard let factor = value(atom) else { return nil }
            let (product, overflow) = term.coefficient.multipliedReportingOverflow(by: factor)
            let (sum, carry) = total.addingReportingOverflow(product)
            if overflow || carry { return wideValue(p) }
            total = sum
        }
        return total
    }

    private func wideValue(_ p: SymExpr) -> Int? {
        var total = Int128(p.constant)
        for term in p.terms {
            guard let factor = value(term.monomial) else { return nil }
            let (product, overflow) = Int128(term.coefficient).multipliedReportingOverflow(by: factor)
            if overflow { return nil }
            let (sum, carry) = total.addingReportingOverflow(product)
            if carry { return nil }
            total = sum
        }
        return Int(exactly: total)
    }

    private func value(_ monomial: Monomial) -> Int128? {
        var product: Int128 = 1
        for factor in monomial.factors {
            guard let base = value(factor.atom) else { return nil }
            for _ in 0..<factor.exponent {
                let (next, overflow) = product.multipliedReportingOverflow(by: Int128(base))
                if overflow { return nil }
                product = next
            }
        }
        return product
    }

    func value(_ atom: Atom) -> Int? {
        switch atom.kind {
        case .symbol(let symbol):
            return symbol.index < integers.count ? integers[symbol.index] : nil
        case .floorDiv(let p, let q):
            guard let a = value(p), let b = value(q) else { return nil }
            return floorQuotient(a, b)
        case .max(let arguments):
            var largest: Int?
            for argument in arguments {
                guard let candidate = value(argument) else { return nil }
                largest = max(largest ?? candidate, candidate)
            }
            return largest
        case .select(let condition, let p, let q):
            guard let choice = value(condition) else { return nil }
            return value(choice ? p : q)
        case .rounded(let inner, let rule):
            guard let real = value(inner) else { return nil }
            return Int(exactly: rule.apply(real))
        case .sum(let p, let q):
            guard let a = value(p), let b = value(q) else { return nil }
            return checkedAdd(a, b)
        case .product(let p, let q):
            guard let a = value(p), let b = value(q) else { return nil }
            return checkedMultiply(a, b)
        }
    }

    func value(_ b: BoolExpr) -> Bool? {
        switch b.kind {
        case .constant(let value): return value
        case .atLeastZero(let p): return value(p).map { $0 >= 0 }
        case .equalsZero(let p): return value(p).map { $0 == 0 }
        case .notZero(let p): return value(p).map { $0 != 0 }
        case .divides(let d, let p): return value(p).map { floorRemainder($0, d) == 0 }
        case .notDivides(let d, let p): return value(p).map { floorRemainder($0, d) != 0 }
        case .float(let relation, let x, let y):
            guard let a = value(x), let b = value(y) else { return nil }
            return relation.holds(a, b)
        case .notFloat(let relation, let x, let y):
            guard let a = value(x), let b = value(y) else { return nil }
            return !relation.holds(a, b)
        case .all(let parts): return connective(parts, decisive: false)
        case .any(let parts): return connective(parts, decisive: true)
        }
    }

    private func connective(_ parts: [BoolExpr], decisive: Bool) -> Bool? {
        var unknown = false
        for part in parts {
            guard let known = value(part) else {
                unknown = true
                continue
            }
            if known == decisive { return decisive }
        }
        return unknown ? nil : !decisive
    }

    func value(_ f: FloatExpr) -> Double? {
        switch f.kind {
        case .constant(let value): return value
        case .symbol(let symbol): return floats[symbol.index]
        case .integer(let p): return value(p).map { Double($0) }
        case .unary(let operation, let a): return value(a).map { operation.apply($0) }
        case .binary(let operation, let a, let b):
            guard let x = value(a), let y = value(b) else { return nil }
            return operation.apply(x, y)
        }
    }
}
