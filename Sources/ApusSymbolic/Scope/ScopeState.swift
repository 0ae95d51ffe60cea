/// The tables of a scope: every node once, found by its structure.
///
/// The class is confined to its scope's lock. Nodes themselves are immutable and leave freely.
final class ScopeState {
    /// Limits that keep every operation's time bounded; beyond them an expression is kept unexpanded, or refused.
    enum Limits {
        static let terms = 64
        static let degree = 16
        static let depth = 128
        static let operands = 64
    }

    let tie: ScopeTie
    /// How many parts an expression may have.
    private let weightLimit: Int

    private var atoms: [[Int]: Atom] = [:]
    private var monomials: [[Int]: Monomial] = [:]
    private var expressions: [[Int]: SymExpr] = [:]
    private var conditions: [[Int]: BoolExpr] = [:]
    /// Opposite conditions by id.
    var opposites: [Int: BoolExpr] = [:]
    private var floats: [[Int]: FloatExpr] = [:]
    private(set) var symbols: [Symbol] = []
    /// How many symbols there are by their names' first letters.
    private var symbolCounts: [String: Int] = [:]
    /// The atoms of symbols by symbol index, where they were asked for.
    private var symbolAtoms: [Atom?] = []
    private(set) var hints: [Int: Int] = [:]

    /// A value for no symbol, to fill in and to clear again.
    var emptyPoint: [Int?] = []

    /// Facts, and what has been concluded from them.
    let knowledge = Knowledge()

    init(tie: ScopeTie, weightLimit: Int) {
        self.tie = tie
        self.weightLimit = weightLimit
    }

    // MARK: Symbols

    func makeSymbol(name: String?, origin: String, range: SymRange, kind: Symbol.Kind, hint: Int?, isSize: Bool) -> Symbol {
        let index: Int = symbols.count
        let prefix: String
        switch kind {
        case .backed: prefix = "s"
        case .unbackedFloat: prefix = "f"
        case .unbackedInt, .unbackedBool: prefix = "u"
        }
        let ordinal: Int = symbolCounts[prefix, default: 0]
        let range: SymRange = kind == .unbackedBool ? SymRange(0...1) : range
        let symbol = Symbol(
            index: index, name: name ?? "\(prefix)\(ordinal)", kind: kind, origin: origin, declaredRange: range, isSize: isSize,
            tie: tie)
        symbols.append(symbol)
        symbolCounts[prefix, default: 0] += 1
        if let hint { hints[index] = hint }
        return symbol
    }

    // MARK: Interning

    func atom(_ symbol: Symbol) throws(SymbolicError) -> Atom {
        if symbol.index < symbolAtoms.count, let known = symbolAtoms[symbol.index] { return known }
        let atom: Atom = try atom(.symbol(symbol))
        while symbolAtoms.count <= symbol.index { symbolAtoms.append(nil) }
        symbolAtoms[symbol.index] = atom
        return atom
    }

    func atom(_ kind: Atom.Kind) throws(SymbolicError) -> Atom {
        let key: [Int]
        var depth = 0
        var weight = 1
        var symbols: [Symbol] = []
        let range: Interval
        switch kind {
        case .symbol(let symbol):
            key = [0, symbol.index]
            symbols = [symbol]
            range = Interval(low: symbol.declaredRange.lowerBound, high: symbol.declaredRange.upperBound)
        case .floorDiv(let p, let q):
            key = [1, p.id, q.id]
            depth = max(p.depth, q.depth)
            weight += p.weight + q.weight
            symbols = merge(p.freeSymbols, q.freeSymbols)
            range = p.range.floorDivided(by: q.range)
        case .max(let arguments):
            key = [2] + arguments.map(\.id)
            depth = arguments.reduce(0) { max($0, $1.depth) }
            weight = arguments.reduce(1) { $0 + $1.weight }
            for argument in arguments { symbols = merge(symbols, argument.freeSymbols) }
            range = arguments.dropFirst().reduce(arguments[0].range) { bound, argument in
                Interval(low: max(bound.low, argument.range.low), high: max(bound.high, argument.range.high))
            }
        case .select(let condition, let p, let q):
            key = [3, condition.id, p.id, q.id]
            depth = max(condition.depth, p.depth, q.depth)
            weight += condition.weight + p.weight + q.weight
            symbols = merge(condition.freeSymbols, merge(p.freeSymbols, q.freeSymbols))
            range = p.range.union(q.range)
        case .rounded(let value, let rule):
            key = [4, value.id, rule.hashValueForKey]
            depth = value.depth
            weight += value.weight
            symbols = value.freeSymbols
            range = .all
        case .sum(let p, let q):
            key = [5, p.id, q.id]
            depth = max(p.depth, q.depth)
            weight += p.weight + q.weight
            symbols = merge(p.freeSymbols, q.freeSymbols)
            range = p.range + q.range
        case .product(let p, let q):
            key = [6, p.id, q.id]
            depth = max(p.depth, q.depth)
            weight += p.weight + q.weight
            symbols = merge(p.freeSymbols, q.freeSymbols)
            range = p.range * q.range
        }
        if let known = atoms[key] { return known }
        try checkSize("the size expression", depth, weight)
        let atom = Atom(id: atoms.count, kind: kind, depth: depth + 1, weight: weight, symbols: symbols, range: range)
        atoms[key] = atom
        return atom
    }

    /// Refuses what would make a walk over the tree long, or its recursion deep: sharing can make a small graph of nodes an
    /// enormous tree.
    private func checkSize(_ what: String, _ depth: Int, _ weight: Int) throws(SymbolicError) {
        if depth >= Limits.depth {
            throw SymbolicError(.tooComplex, "\(what) nests deeper than \(Limits.depth) levels")
        }
        if weight > weightLimit {
            throw SymbolicError(.tooComplex, "\(what) has more than \(weightLimit) parts")
        }
    }

    /// A product of atoms; `factors` ascend by atom id.
    func monomial(_ factors: [Monomial.Factor]) -> Monomial {
        var key: [Int] = []
        key.reserveCapacity(factors.count * 2)
        var degree = 0
        for factor in factors {
            key.append(factor.atom.id)
            key.append(factor.exponent)
            degree += factor.exponent
        }
        if let known = monomials[key] { return known }
        let monomial = Monomial(id: monomials.count, factors: factors, degree: degree)
        monomials[key] = monomial
        return monomial
    }

    func constant(_ value: Int) -> SymExpr { expression(constant: value, terms: []) }

    /// An expression of terms that are sorted, distinct and not zero.
    func expression(constant: Int, terms: [Term]) -> SymExpr {
        var key: [Int] = []
        key.reserveCapacity(terms.count * 2 + 1)
        key.append(constant)
        for term in terms {
            key.append(term.monomial.id)
            key.append(term.coefficient)
        }
        if let known = expressions[key] { return known }
        var depth = 0
        var weight = 1
        var symbols: [Symbol] = []
        for term in terms {
            for factor in term.monomial.factors {
                depth = max(depth, factor.atom.depth)
                weight += factor.atom.weight * factor.exponent
                symbols = merge(symbols, factor.atom.symbols)
            }
        }
        let expression = SymExpr(
            id: expressions.count, tie: tie, constant: constant, terms: terms, depth: depth, weight: weight, symbols: symbols)
        expressions[key] = expression
        return expression
    }

    func expression(_ atom: Atom) -> SymExpr {
        let monomial: Monomial = monomial([Monomial.Factor(atom: atom, exponent: 1)])
        return expression(constant: 0, terms: [Term(monomial: monomial, coefficient: 1)])
    }

    func expression(_ symbol: Symbol) throws(SymbolicError) -> SymExpr {
        if symbol.kind == .unbackedFloat {
            throw SymbolicError(.symbolic, "\(symbol.displayName) is a float, not an integer")
        }
        return expression(try atom(symbol))
    }

    /// The node of an operand; invalid operands never get here.
    func expression(_ storage: SymInt.Storage) -> SymExpr {
        switch storage {
        case .plain(let value): constant(value)
        case .symbolic(let expression): expression
        case .invalid: constant(0)
        }
    }

    func condition(_ kind: BoolExpr.Kind) throws(SymbolicError) -> BoolExpr {
        let key: [Int]
        var depth = 0
        var weight = 1
        var symbols: [Symbol] = []
        switch kind {
        case .constant(let value): key = [0, value ? 1 : 0]
        case .atLeastZero(let p): (key, depth, weight, symbols) = ([1, p.id], p.depth, p.weight, p.freeSymbols)
        case .equalsZero(let p): (key, depth, weight, symbols) = ([2, p.id], p.depth, p.weight, p.freeSymbols)
        case .notZero(let p): (key, depth, weight, symbols) = ([3, p.id], p.depth, p.weight, p.freeSymbols)
        case .divides(let d, let p): (key, depth, weight, symbols) = ([4, d, p.id], p.depth, p.weight, p.freeSymbols)
        case .notDivides(let d, let p): (key, depth, weight, symbols) = ([5, d, p.id], p.depth, p.weight, p.freeSymbols)
        case .float(let relation, let a, let b), .notFloat(let relation, let a, let b):
            let tag: Int
            if case .float = kind { tag = 6 } else { tag = 7 }
            key = [tag, relation == .less ? 0 : (relation == .equal ? 1 : 2), a.id, b.id]
            depth = max(a.depth, b.depth)
            weight += a.weight + b.weight
            symbols = merge(a.freeSymbols, b.freeSymbols)
        case .all(let parts), .any(let parts):
            let tag: Int
            if case .all = kind { tag = 8 } else { tag = 9 }
            key = [tag] + parts.map(\.id)
            depth = parts.reduce(0) { max($0, $1.depth) } + 1
            weight = parts.reduce(1) { $0 + $1.weight }
            for part in parts { symbols = merge(symbols, part.freeSymbols) }
        }
        if let known = conditions[key] { return known }
        try checkSize("the condition", depth - 1, weight / 64)
        let condition = BoolExpr(id: conditions.count, tie: tie, kind: kind, depth: depth, weight: weight, symbols: symbols)
        conditions[key] = condition
        return condition
    }

    func expression(_ storage: SymBool.Storage) throws(SymbolicError) -> BoolExpr {
        switch storage {
        case .plain(let value): try condition(.constant(value))
        case .symbolic(let expression): expression
        case .invalid(let fault): throw fault.error
        }
    }

    func expressions(_ conditions: [SymBool]) throws(SymbolicError) -> [BoolExpr] {
        var nodes: [BoolExpr] = []
        for condition in conditions { nodes.append(try expression(condition.storage)) }
        return nodes
    }

    func float(_ kind: FloatExpr.Kind) throws(SymbolicError) -> FloatExpr {
        let key: [Int]
        var depth = 0
        var weight = 1
        var symbols: [Symbol] = []
        switch kind {
        case .constant(let value): key = [0, Int(bitPattern: UInt(value.bitPattern))]
        case .symbol(let symbol): (key, symbols) = ([1, symbol.index], [symbol])
        case .integer(let p):
            (key, depth, symbols) = ([2, p.id], p.depth, p.freeSymbols)
            weight += p.weight
        case .unary(let operation, let a):
            (key, depth, symbols) = ([3, operation == .negate ? 0 : 1, a.id], a.depth, a.freeSymbols)
            weight += a.weight
        case .binary(let operation, let a, let b):
            let code: Int
            switch operation {
            case .add: code = 0
            case .subtract: code = 1
            case .multiply: code = 2
            case .divide: code = 3
            }
            (key, depth) = ([4, code, a.id, b.id], max(a.depth, b.depth))
            weight += a.weight + b.weight
            symbols = merge(a.freeSymbols, b.freeSymbols)
        }
        if let known = floats[key] { return known }
        try checkSize("the float expression", depth, weight)
        let float = FloatExpr(id: floats.count, tie: tie, kind: kind, depth: depth + 1, weight: weight, symbols: symbols)
        floats[key] = float
        return float
    }

    func expression(_ storage: SymFloat.Storage) throws(SymbolicError) -> FloatExpr {
        switch storage {
        case .plain(let value): try float(.constant(value))
        case .symbolic(let expression): expression
        case .invalid(let fault): throw fault.error
        }
    }
}

extension FloatRounding {
    fileprivate var hashValueForKey: Int {
        switch self {
        case .towardZero: 0
        case .down: 1
        case .up: 2
        case .toNearest: 3
        }
    }
}

/// The union of two lists of symbols, each ascending by index.
func merge(_ a: [Symbol], _ b: [Symbol]) -> [Symbol] {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    if a.count == b.count, zip(a, b).allSatisfy({ $0.index == $1.index }) { return a }
    var merged: [Symbol] = []
    merged.reserveCapacity(a.count + b.count)
    var i = 0
    var j = 0
    while i < a.count, j < b.count {
        if a[i].index == b[j].index {
            merged.append(a[i])
            i += 1
            j += 1
        } else if a[i].index < b[j].index {
            merged.append(a[i])
            i += 1
        } else {
            merged.append(b[j])
            j += 1
        }
    }
    merged.append(contentsOf: a[i...])
    merged.append(contentsOf: b[j...])
    return merged
}
