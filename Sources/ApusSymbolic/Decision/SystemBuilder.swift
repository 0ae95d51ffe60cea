/// Turns rows over monomials into a linear system: one column per monomial, with its bounds, and fresh columns for the
/// quotients of divisibility.
struct SystemBuilder {
    private let state: ScopeState
    private(set) var system = LinearSystem()
    private var columns: [Int: Int] = [:]
    private var monomials: [Monomial] = []
    private var knownProducts: Set<Int> = []

    init(_ state: ScopeState) { self.state = state }

    private mutating func column(_ monomial: Monomial) -> Int {
        if let known = columns[monomial.id] { return known }
        let column: Int = system.addColumn()
        columns[monomial.id] = column
        monomials.append(monomial)
        let bound: Interval = state.bound(monomial)
        if bound.low != .min, bound.low != Int.min + 1 {
            system.addInequality(LinearSystem.Row(entries: [(column, 1)], constant: -bound.low))
        }
        if bound.high != .max {
            system.addInequality(LinearSystem.Row(entries: [(column, -1)], constant: bound.high))
        }
        return column
    }

    /// sign * p, or `nil` where a coefficient has no opposite.
    private mutating func row(_ p: SymExpr, sign: Int = 1) -> LinearSystem.Row? {
        guard p.constant != .min, p.terms.allSatisfy({ $0.coefficient != .min }) else { return nil }
        var entries: [(column: Int, coefficient: Int)] = []
        entries.reserveCapacity(p.terms.count + 1)
        for term in p.terms { entries.append((column(term.monomial), term.coefficient * sign)) }
        return LinearSystem.Row(entries: entries, constant: p.constant * sign)
    }

    mutating func add(_ row: Row) {
        switch row.relation {
        case .atLeastZero:
            if let row = self.row(row.p) { system.addInequality(row) }
        case .equalsZero:
            if let row = self.row(row.p) { system.addEquality(row) }
        case .notZero:
            break
        case .divides(let d):
            // p = d * k
            guard var equality = self.row(row.p) else { return }
            equality.entries.append((system.addColumn(), -d))
            system.addEquality(equality)
        case .notDivides(let d):
            // d * k + 1 <= p <= d * k + d - 1
            guard var low = self.row(row.p), var high = self.row(row.p, sign: -1),
                let lowConstant = checkedSubtract(low.constant, 1), let highConstant = checkedAdd(high.constant, d - 1)
            else { return }
            let quotient: Int = system.addColumn()
            low.entries.append((quotient, -d))
            low.constant = lowConstant
            high.entries.append((quotient, d))
            high.constant = highConstant
            system.addInequality(low)
            system.addInequality(high)
        }
    }

    /// A new column that equals `p`.
    mutating func addDefinition(_ p: SymExpr) -> Int {
        let row: LinearSystem.Row? = self.row(p)
        let column: Int = system.addColumn()
        if var row {
            row.entries.append((column, -1))
            system.addEquality(row)
        }
        return column
    }

    /// Where x*y and one of the squares occur: (x - y)^2 and (x + y)^2 are not negative.
    private mutating func addSquares() {
        let squared: Set<Int> = Set(monomials.lazy.filter { $0.degree == 2 && $0.factors.count == 1 }.map { $0.factors[0].atom.id })
        if squared.isEmpty { return }
        for monomial in monomials where monomial.degree == 2 && monomial.factors.count == 2 {
            let (x, y) = (monomial.factors[0].atom, monomial.factors[1].atom)
            guard squared.contains(x.id) || squared.contains(y.id) else { continue }
            for sign in [1, -1] {
                guard let root = state.combine(state.expression(x), 1, state.expression(y), sign),
                    let square = try? state.multiply(root, root)
                else { continue }
                add(Row(.atLeastZero, square))
            }
        }
    }

    /// Adds consequences of the products among the columns; says whether there were new ones.
    mutating func addProducts(_ rows: [Row]) -> Bool {
        let products: [Monomial] = monomials.filter { $0.degree > 1 && !knownProducts.contains($0.id) }.prefix(8).map { $0 }
        if products.isEmpty { return false }
        var factors: [Atom] = []
        for product in products {
            knownProducts.insert(product.id)
            for lemma in state.productLemmas(product) { add(Row(.atLeastZero, lemma)) }
            for factor in product.factors where !factors.contains(where: { $0 === factor.atom }) { factors.append(factor.atom) }
        }
        addSquares()
        let wanted: Set<Int> = Set(monomials.lazy.filter { $0.degree > 1 }.map(\.id))
        for p in state.scaledRows(rows, by: Array(factors.prefix(8)), wanted: wanted) { add(Row(.atLeastZero, p)) }
        return true
    }
}
