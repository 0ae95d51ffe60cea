/// Evaluates nodes at a point, exactly: `nil` when a value is missing, a division is by zero, or a result leaves `Int`.
///
/// A normal form may pass through numbers that eager arithmetic does not: `(a - b) % 2` is kept as a remainder of `a + b`. So what does not
/// come out in 64 bits is computed once more in 128.
struct Evaluator {
    /// Values by symbol index; `nil` where none is given.
    var integers: [Int?]
    var floats: [Int: Double] = [:]

    func value(_ p: SymExpr) -> Int? { sized(p) ?? sized(p).flatMap { (wide: Int128) in Int(exactly: wide) } }

    func value(_ b: BoolExpr) -> Bool? { holds(b, in: Int.self) ?? holds(b, in: Int128.self) }

    func value(_ f: FloatExpr) -> Double? { real(f, in: Int.self) ?? real(f, in: Int128.self) }

    private func sized<Size: FixedWidthInteger & SignedInteger>(_ p: SymExpr) -> Size? {
        var total = Size(p.constant)
        for term in p.terms {
            guard let factor: Size = sized(term.monomial) else { return nil }
            let (product, overflow) = Size(term.coefficient).multipliedReportingOverflow(by: factor)
            let (sum, carry) = total.addingReportingOverflow(product)
            if overflow || carry { return nil }
            total = sum
        }
        return total
    }

    private func sized<Size: FixedWidthInteger & SignedInteger>(_ monomial: Monomial) -> Size? {
        if let atom = monomial.linearAtom { return sized(atom) }
        var product: Size = 1
        for factor in monomial.factors {
            guard let base: Size = sized(factor.atom) else { return nil }
            for _ in 0..<factor.exponent {
                guard let next = checkedMultiply(product, base) else { return nil }
                product = next
            }
        }
        return product
    }

    private func sized<Size: FixedWidthInteger & SignedInteger>(_ atom: Atom) -> Size? {
        switch atom.kind {
        case .symbol(let symbol):
            return symbol.index < integers.count ? integers[symbol.index].map { Size($0) } : nil
        case .floorDiv(let p, let q):
            guard let a: Size = sized(p), let b: Size = sized(q) else { return nil }
            return floorQuotient(a, b)
        case .max(let arguments):
            var largest: Size?
            for argument in arguments {
                guard let candidate: Size = sized(argument) else { return nil }
                largest = max(largest ?? candidate, candidate)
            }
            return largest
        case .select(let condition, let p, let q):
            guard let choice = holds(condition, in: Size.self) else { return nil }
            return sized(choice ? p : q)
        case .rounded(let inner, let rule):
            guard let real = real(inner, in: Size.self) else { return nil }
            return Int(exactly: rule.apply(real)).map { Size($0) }
        case .sum(let p, let q):
            guard let a: Size = sized(p), let b: Size = sized(q) else { return nil }
            return checkedAdd(a, b)
        case .product(let p, let q):
            guard let a: Size = sized(p), let b: Size = sized(q) else { return nil }
            return checkedMultiply(a, b)
        }
    }

    private func holds<Size: FixedWidthInteger & SignedInteger>(_ b: BoolExpr, in size: Size.Type) -> Bool? {
        func sized(_ p: SymExpr) -> Size? { self.sized(p) }
        switch b.kind {
        case .constant(let value): return value
        case .atLeastZero(let p): return sized(p).map { $0 >= 0 }
        case .equalsZero(let p): return sized(p).map { $0 == 0 }
        case .notZero(let p): return sized(p).map { $0 != 0 }
        case .divides(let d, let p): return sized(p).map { floorRemainder($0, Size(d)) == 0 }
        case .notDivides(let d, let p): return sized(p).map { floorRemainder($0, Size(d)) != 0 }
        case .float(let relation, let x, let y):
            guard let a = real(x, in: size), let b = real(y, in: size) else { return nil }
            return relation.holds(a, b)
        case .notFloat(let relation, let x, let y):
            guard let a = real(x, in: size), let b = real(y, in: size) else { return nil }
            return !relation.holds(a, b)
        case .all(let parts): return connective(parts, decisive: false, in: size)
        case .any(let parts): return connective(parts, decisive: true, in: size)
        }
    }

    private func connective<Size: FixedWidthInteger & SignedInteger>(_ parts: [BoolExpr], decisive: Bool, in size: Size.Type) -> Bool? {
        var unknown = false
        for part in parts {
            guard let known = holds(part, in: size) else {
                unknown = true
                continue
            }
            if known == decisive { return decisive }
        }
        return unknown ? nil : !decisive
    }

    private func real<Size: FixedWidthInteger & SignedInteger>(_ f: FloatExpr, in size: Size.Type) -> Double? {
        switch f.kind {
        case .constant(let value): return value
        case .symbol(let symbol): return floats[symbol.index]
        case .integer(let p): return (sized(p) as Size?).map { Double($0) }
        case .unary(let operation, let a): return real(a, in: size).map { operation.apply($0) }
        case .binary(let operation, let a, let b):
            guard let x = real(a, in: size), let y = real(b, in: size) else { return nil }
            return operation.apply(x, y)
        }
    }
}
