// The nodes of expressions: immutable, interned by their scope (equal structure means the same object), and readable
// from any thread for as long as anyone holds them.

/// A factor that the normal form does not look into: a symbol, a division, a maximum, a choice.
final class Atom: Sendable {
    enum Kind: Sendable {
        case symbol(SymInt.Symbol)
        /// Floor division by a divisor that may be an expression.
        case floorDiv(SymExpr, SymExpr)
        /// The largest of two or more; where there are two, neither has a negative coefficient.
        case max([SymExpr])
        case select(BoolExpr, SymExpr, SymExpr)
        /// A float rounded to an integer.
        case rounded(FloatExpr, FloatRounding)
        /// A sum or product left as it is: expanding it would overflow a coefficient or exceed the limit on terms.
        case sum(SymExpr, SymExpr)
        case product(SymExpr, SymExpr)
    }

    let id: Int
    let kind: Kind
    let depth: Int
    /// The number of nodes below when nothing is shared: what a walk over the tree costs.
    let weight: Int
    /// The symbols below, in the order of their creation.
    let symbols: [Symbol]
    /// Bounds that follow from the symbols' declared ranges alone.
    let range: Interval

    init(id: Int, kind: Kind, depth: Int, weight: Int, symbols: [Symbol], range: Interval) {
        self.id = id
        self.kind = kind
        self.depth = depth
        self.weight = weight
        self.symbols = symbols
        self.range = range
    }
}

/// A product of atoms, ascending by id, each with an exponent of at least one.
final class Monomial: Sendable {
    struct Factor: Sendable {
        let atom: Atom
        let exponent: Int
    }

    let id: Int
    let factors: [Factor]
    let degree: Int

    init(id: Int, factors: [Factor], degree: Int) {
        self.id = id
        self.factors = factors
        self.degree = degree
    }

    /// The atom of a monomial that is just one.
    var linearAtom: Atom? { degree == 1 ? factors.first?.atom : nil }

    /// The order of terms: by degree, then by age. It is total, and cheap to compare.
    static func precedes(_ a: Monomial, _ b: Monomial) -> Bool {
        a.degree != b.degree ? a.degree > b.degree : a.id < b.id
    }
}

/// A monomial with its coefficient, which is never zero.
struct Term: Sendable {
    let monomial: Monomial
    let coefficient: Int
}

/// An integer expression in normal form: a sum of products of atoms with integer coefficients, plus a constant.
///
/// Two expressions of one scope that have the same normal form are the same object, so that identity is equality of
/// polynomials. What no polynomial can express is an atom. Read the structure through ``view``.
public final class SymExpr: Sendable {
    /// A number unique in the scope, in the order of creation.
    public let id: Int
    let tie: ScopeTie
    let constant: Int
    let terms: [Term]
    let depth: Int
    let weight: Int
    /// The symbols the expression depends on, in the order of their creation.
    public let freeSymbols: [SymInt.Symbol]
    /// Bounds that follow from the symbols' declared ranges alone.
    let range: Interval

    /// The same with remainders and minima found again.
    let restored: Restored

    init(id: Int, tie: ScopeTie, constant: Int, terms: [Term], depth: Int, weight: Int, symbols: [Symbol]) {
        self.id = id
        self.tie = tie
        self.constant = constant
        self.terms = terms
        self.depth = depth
        self.weight = weight
        self.freeSymbols = symbols
        restored = Restored(constant: constant, terms: terms)
        range = restored.boundsByAtom { $0.range }
    }

    /// The scope that owns the expression, while it lives.
    public var scope: SymbolScope? { tie.scope }

    /// The symbol when the expression is just one.
    public var symbol: SymInt.Symbol? {
        if case .symbol(let symbol)? = singleAtom?.kind { return symbol }
        return nil
    }

    /// The atom when the expression is one atom with coefficient one and nothing else.
    var singleAtom: Atom? {
        guard constant == 0, terms.count == 1, terms[0].coefficient == 1 else { return nil }
        return terms[0].monomial.linearAtom
    }

    var isConstant: Bool { terms.isEmpty }
}

extension SymExpr: Hashable {
    public static func == (a: SymExpr, b: SymExpr) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A condition in normal form, tightened by the greatest common divisor of its coefficients.
public final class BoolExpr: Sendable {
    indirect enum Kind: Sendable {
        case constant(Bool)
        /// P >= 0
        case atLeastZero(SymExpr)
        /// P == 0
        case equalsZero(SymExpr)
        /// P != 0
        case notZero(SymExpr)
        /// d | P with d > 1
        case divides(Int, SymExpr)
        case notDivides(Int, SymExpr)
        case float(FloatExpr.Relation, FloatExpr, FloatExpr)
        /// The negation of a float comparison, which NaN keeps apart from the opposite comparison.
        case notFloat(FloatExpr.Relation, FloatExpr, FloatExpr)
        case all([BoolExpr])
        case any([BoolExpr])
    }

    /// A number unique in the scope, in the order of creation.
    public let id: Int
    let tie: ScopeTie
    let kind: Kind
    let depth: Int
    let weight: Int
    /// The symbols the condition depends on, in the order of their creation.
    public let freeSymbols: [SymInt.Symbol]

    init(id: Int, tie: ScopeTie, kind: Kind, depth: Int, weight: Int, symbols: [Symbol]) {
        self.id = id
        self.tie = tie
        self.kind = kind
        self.depth = depth
        self.weight = weight
        self.freeSymbols = symbols
    }

    public var scope: SymbolScope? { tie.scope }
}

extension BoolExpr: Hashable {
    public static func == (a: BoolExpr, b: BoolExpr) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A floating-point expression: kept as written, since floating point has no normal form.
public final class FloatExpr: Sendable {
    enum Kind: Sendable {
        case constant(Double)
        case symbol(SymInt.Symbol)
        case integer(SymExpr)
        case unary(Unary, FloatExpr)
        case binary(Binary, FloatExpr, FloatExpr)
    }

    public let id: Int
    let tie: ScopeTie
    let kind: Kind
    let depth: Int
    let weight: Int
    public let freeSymbols: [SymInt.Symbol]

    init(id: Int, tie: ScopeTie, kind: Kind, depth: Int, weight: Int, symbols: [Symbol]) {
        self.id = id
        self.tie = tie
        self.kind = kind
        self.depth = depth
        self.weight = weight
        self.freeSymbols = symbols
    }

    public var scope: SymbolScope? { tie.scope }
}

extension FloatExpr: Hashable {
    public static func == (a: FloatExpr, b: FloatExpr) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
