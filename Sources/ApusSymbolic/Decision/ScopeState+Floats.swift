// Conditions over floats are opaque: nothing is proved of them. Witnesses are looked for near the constants that they
// and the facts compare with, so that both branches can be shown.

extension ScopeState {
    func decideFloat(_ condition: BoolExpr) -> Answer {
        preparePool()
        let open = Answer.open(whenTrue: nil, whenFalse: nil)
        let unknowns: [Symbol] = condition.freeSymbols.filter { $0.kind == .unbackedFloat }
        guard unknowns.count == 1, let point = knowledge.now.pool.first else { return open }
        let unknown: Symbol = unknowns[0]
        // Facts over other floats as well are left alone: they cannot be checked by one value.
        let facts: [BoolExpr] = knowledge.now.conditions.filter { fact in
            fact.freeSymbols.contains { $0.index == unknown.index }
        }
        guard facts.allSatisfy({ fact in fact.freeSymbols.allSatisfy { $0.kind != .unbackedFloat || $0.index == unknown.index } })
        else { return open }
        var constants: Set<Double> = [0]
        for part in facts + [condition] { collectConstants(part, &constants) }
        var candidates: [Double] = []
        for constant in constants.sorted() {
            candidates += [constant, constant + 1, constant - 1, constant.nextUp, constant.nextDown, constant / 2]
        }
        var witnesses: [Bool: Answer.Point] = [:]
        for candidate in candidates where witnesses.count < 2 {
            let evaluator = Evaluator(integers: point, floats: [unknown.index: candidate])
            guard let truth = evaluator.value(condition), witnesses[truth] == nil,
                facts.allSatisfy({ evaluator.value($0) == true })
            else { continue }
            witnesses[truth] = Answer.Point(integers: point, float: (unknown, candidate))
        }
        return .open(whenTrue: witnesses[true], whenFalse: witnesses[false])
    }

    private func collectConstants(_ b: BoolExpr, _ constants: inout Set<Double>) {
        switch b.kind {
        case .float(_, let x, let y), .notFloat(_, let x, let y):
            collectConstants(x, &constants)
            collectConstants(y, &constants)
        case .all(let parts), .any(let parts):
            for part in parts { collectConstants(part, &constants) }
        default:
            break
        }
    }

    private func collectConstants(_ f: FloatExpr, _ constants: inout Set<Double>) {
        switch f.kind {
        case .constant(let value): if value.isFinite { constants.insert(value) }
        case .symbol, .integer: break
        case .unary(_, let a): collectConstants(a, &constants)
        case .binary(_, let a, let b):
            collectConstants(a, &constants)
            collectConstants(b, &constants)
        }
    }
}
