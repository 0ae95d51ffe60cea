/// Layers 3 to 5: a search for a proof that the facts and some assumed conditions have no integer point in common.
///
/// It gathers the facts that the assumptions touch, treats every monomial as an unknown of its own, and asks
/// ``LinearSystem``; then again with consequences of products, and with case splits on maxima, choices, disjunctions and
/// inequations.
struct Refutation {
    /// What may be spent. Running out is 'not shown'.
    struct Effort {
        var combinations: Int
        var splits: Int
        var rows: Int
        var atoms: Int

        /// The more is known, the less is spent on each question, so that a thousand guards stay affordable. It depends on
        /// nothing but the number of facts: the same question on the same path always gets the same answer.
        init(facts: Int) {
            let isCrowded: Bool = facts > ScopeState.crowd
            combinations = isCrowded ? 64 : max(400, 160_000 / (facts + 20))
            splits = isCrowded ? 0 : 3
            rows = isCrowded ? 16 : 96
            atoms = isCrowded ? 8 : 40
        }
    }

    /// Two or more cases, of which one must hold.
    private struct Split {
        let cases: [[Row]]
    }

    private let state: ScopeState
    private var effort: Effort
    private var rows: [Row] = []
    private var splits: [Split] = []
    private var laterSplits: [Split] = []
    private var reached: Set<Int> = []
    private var included: Set<Int> = []

    init(_ state: ScopeState) {
        self.state = state
        effort = Effort(facts: state.knowledge.now.conditions.count)
    }

    /// Whether facts and assumptions are shown to have no common integer point.
    mutating func refutes(_ assumption: BoolExpr) -> Bool {
        for assumption in assumption.conjuncts {
            guard let cases = cases(of: assumption) else { continue }
            if cases.isEmpty { return true }
            if cases.count == 1 { rows += cases[0] } else { splits.append(Split(cases: cases)) }
        }
        gather()
        var builder = SystemBuilder(state)
        for row in rows { builder.add(row) }
        if builder.system.isInfeasible(budget: &effort.combinations) { return true }
        if builder.addProducts(rows), builder.system.isInfeasible(budget: &effort.combinations) { return true }
        return isRefuted(builder, splits + laterSplits, depth: effort.splits)
    }

    /// Bounds of an expression over the facts that touch it.
    mutating func bounds(of p: SymExpr) -> Interval {
        rows = [Row(.atLeastZero, p)]
        gather()
        var builder = SystemBuilder(state)
        for row in rows.dropFirst() { builder.add(row) }
        let column: Int = builder.addDefinition(p)
        return builder.system.bounds(of: column, budget: &effort.combinations)
    }

    private mutating func isRefuted(_ builder: SystemBuilder, _ splits: [Split], depth: Int) -> Bool {
        guard depth > 0, effort.combinations > 0, let split = splits.first(where: { $0.cases.count <= 4 }) else { return false }
        let rest: [Split] = Array(splits.drop { $0.cases.count > 4 }.dropFirst())
        for alternative in split.cases {
            var branch: SystemBuilder = builder
            for row in alternative { branch.add(row) }
            if branch.system.isInfeasible(budget: &effort.combinations) { continue }
            if branch.addProducts(rows + alternative), branch.system.isInfeasible(budget: &effort.combinations) { continue }
            if !isRefuted(branch, rest, depth: depth - 1) { return false }
        }
        return true
    }

    // MARK: Cases

    /// The cases of a condition: lists of literals, one of which must hold; `nil` when it says nothing over integers.
    private func cases(of condition: BoolExpr) -> [[Row]]? {
        switch condition.kind {
        case .constant(let value):
            return value ? nil : []
        case .notZero(let p):
            return inequationCases(p)
        case .all(let parts):
            // Parts that are choices themselves are left out, which only weakens what is assumed.
            return [parts.compactMap { Row($0) }]
        case .any(let parts):
            var alternatives: [[Row]] = []
            for part in parts where state.knowledge.now.truth[part.id] != false {
                guard let inner = cases(of: part) else { return nil }
                alternatives += inner
            }
            return alternatives
        default:
            return Row(condition).map { [[$0]] }
        }
    }

    /// p != 0 is p >= 1 or p <= -1.
    private func inequationCases(_ p: SymExpr) -> [[Row]]? {
        guard let above = state.combine(p, 1, state.constant(1), -1),
            let below = state.combine(state.constant(-1), 1, p, -1)
        else { return nil }
        return [[Row(.atLeastZero, above)], [Row(.atLeastZero, below)]]
    }

    private mutating func addSplit(_ cases: [[Row]]) {
        if cases.count > 1, effort.splits > 0 { laterSplits.append(Split(cases: cases)) }
    }

    // MARK: Gathering

    /// Adds the facts that share an atom with the rows so far, nearest first.
    private mutating func gather() {
        var frontier: [Atom] = atoms(of: rows)
        for split in splits { frontier += atoms(of: split.cases.flatMap { $0 }) }
        let facts: Knowledge.Facts = state.knowledge.now
        while !frontier.isEmpty, rows.count < effort.rows, reached.count < effort.atoms {
            var found: [Row] = []
            for atom in frontier where reached.insert(atom.id).inserted {
                for index in facts.rowsByAtom[atom.id] where included.insert(index).inserted {
                    found.append(facts.rows[index])
                }
                if !facts.explained[atom.id] { found += state.meaning(of: atom) }
                found += addSplit(on: atom)
            }
            for row in found where rows.count < effort.rows {
                rows.append(row)
                if case .notZero = row.relation, let cases = inequationCases(row.p) { addSplit(cases) }
            }
            frontier = atoms(of: found)
        }
        for disjunction in facts.disjunctions.prefix(8) {
            guard let cases = cases(of: disjunction), !cases.isEmpty,
                atoms(of: cases.flatMap { $0 }).contains(where: { reached.contains($0.id) })
            else { continue }
            addSplit(cases)
        }
    }

    private func atoms(of rows: [Row]) -> [Atom] {
        rows.flatMap { $0.p.terms.flatMap { $0.monomial.factors.map(\.atom) } }
    }

    /// Notes the cases of a maximum or a choice; gives rows whose atoms should be gathered too.
    private mutating func addSplit(on atom: Atom) -> [Row] {
        let value: SymExpr = state.expression(atom)
        switch atom.kind {
        case .max(let arguments):
            let cases: [[Row]] = arguments.compactMap { argument in
                state.combine(value, 1, argument, -1).map { [Row(.equalsZero, $0)] }
            }
            if cases.count == arguments.count { addSplit(cases) }
            return []
        case .select(let condition, let p, let q):
            guard let isP = state.combine(value, 1, p, -1), let isQ = state.combine(value, 1, q, -1),
                let opposite = try? state.negate(condition)
            else { return [] }
            let whenTrue: [[Row]] = cases(of: condition) ?? [[]]
            let whenFalse: [[Row]] = cases(of: opposite) ?? [[]]
            addSplit(
                whenTrue.map { $0 + [Row(.equalsZero, isP)] } + whenFalse.map { $0 + [Row(.equalsZero, isQ)] })
            return []
        default:
            return []
        }
    }
}

extension BoolExpr {
    /// The parts of a conjunction; any other condition is its own only part.
    var conjuncts: [BoolExpr] {
        if case .all(let parts) = kind { return parts }
        return [self]
    }
}
