/// Facts, and what has been concluded from them so far.
///
/// A mark on the trail is a copy of the whole: its tables share their storage until one side changes.
final class Knowledge {
    struct Facts: Sendable {
        /// Known conditions, conjunctions taken apart, oldest first.
        var conditions: [BoolExpr] = []
        /// The literals among them, and those that hold by the meaning of the atoms in them.
        var rows: [Row] = []
        /// Positions in `rows` by the atoms that a row's monomials contain.
        var rowsByAtom = NodeTable<[Int]>([])
        /// Positions in `conditions` by the symbols that a condition depends on.
        var conditionsBySymbol = NodeTable<[Int]>([])
        /// Disjunctions that are known to hold.
        var disjunctions: [BoolExpr] = []
        /// Atoms whose meaning is in `rows` already.
        var explained = NodeTable(false)
        /// Truth by condition id: facts, their opposites, and conclusions. More facts never change it.
        var truth = NodeTable<Bool?>(nil)
        /// Conditions found undecided; forgotten with every new fact.
        var open: [Int: Answer] = [:]
        /// Bounds that facts made narrower than an atom's own, by atom id.
        var bounds = NodeTable(Interval.all)
        /// The same for products, by monomial id.
        var productBounds = NodeTable(Interval.all)
        /// Residues of atoms, by atom id.
        var residues = NodeTable(Residue.none)
        var differences = Differences()
        /// What known equalities and residues say that a symbol is, by symbol index. A value by residues may contain the symbol itself:
        /// definitions are put in once.
        var definitions: [Int: SymExpr] = [:]
        var isContradictory = false
        /// Points that satisfy all facts, as values by symbol index.
        var pool: [[Int?]] = []
        /// The number of symbols that the pool's points give values to.
        var poolSymbols = 0
        /// How many more searches for a first point are worth the effort before the next fact.
        var searchesLeft = 2
    }

    var now = Facts()
    /// Whether small boxes may be tried point by point; tests of the other layers turn it off.
    var enumerates = true
    private var trail: [Facts] = []
    private(set) var isFrozen = false
    private var declaredCount = 0

    func freeze() {
        if isFrozen { return }
        isFrozen = true
        declaredCount = now.conditions.count
    }

    func push() { trail.append(now) }

    func pop() -> Bool {
        guard let last = trail.popLast() else { return false }
        now = last
        return true
    }

    var declaredFacts: [BoolExpr] { Array(now.conditions.prefix(isFrozen ? declaredCount : now.conditions.count)) }
    var pathFacts: [BoolExpr] { isFrozen ? Array(now.conditions.dropFirst(declaredCount)) : [] }
}
