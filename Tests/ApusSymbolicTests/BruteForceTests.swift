import Testing

@testable import ApusSymbolic

/// 120,000 random conditions over small boxes, compared with every point of the box: a condition that is proved must hold
/// everywhere, one that is refuted nowhere, and a witness must be one.
@Suite struct BruteForce {
    struct Counts {
        var proved = 0
        var refuted = 0
        var open = 0
        var openButOneSided = 0
        var invalid = 0
    }

    static let seeds: [Int] = [1, 2, 3, 4, 5, 6, 7, 8]

    @Test(arguments: seeds)
    func decisionsAgreeWithEnumeration(_ seed: Int) throws {
        var counts = Counts()
        try ConditionRounds(seed: seed).ask {
            check($0, &counts)
        } assumed: { isTaken, fact in
            #expect(isTaken, "a fact that points satisfy: \(fact)")
        }
        let total: Int = counts.proved + counts.refuted + counts.open
        print(
            "brute force, seed \(seed): \(total) conditions, \(counts.proved) proved, \(counts.refuted) refuted, "
                + "\(counts.open) open of which \(counts.openButOneSided) have one value only, \(counts.invalid) without value")
        #expect(total + counts.invalid == ConditionRounds.rounds * ConditionRounds.perRound)
        // At least 100,000 in all are judged.
        #expect(total * BruteForce.seeds.count >= 100_000)
        #expect(counts.proved > total / 50 && counts.refuted > total / 50 && counts.open > total / 50)
    }

    private func check(_ question: ConditionRounds.Question, _ counts: inout Counts) {
        let condition: SymBool = question.condition
        let points: [[Int]] = question.box.points
        let values: [Bool] = points.compactMap { question.tree.value($0) }
        if condition.isInvalidForTests || values.isEmpty {
            counts.invalid += 1
            return
        }
        // The normal form has the tree's value wherever that has one.
        for index in stride(from: 0, to: points.count, by: max(1, points.count / 12)) {
            let point: [Int] = points[index]
            guard let expected = question.tree.value(point) else { continue }
            let place = Assignment(Dictionary(uniqueKeysWithValues: zip(question.symbols, point)))
            let actual: Bool? = question.scope.evaluate(condition, at: place)
            if actual != expected { Issue.record("seed \(question.seed): \(condition) is \(String(describing: actual)) at \(point)") }
        }
        switch question.scope.decide(condition) {
        case .proved:
            counts.proved += 1
            if values.contains(false) { Issue.record("seed \(question.seed): proved, but false somewhere: \(condition)") }
        case .refuted:
            counts.refuted += 1
            if values.contains(true) { Issue.record("seed \(question.seed): refuted, but true somewhere: \(condition)") }
        case .undecided(let yes, let no):
            counts.open += 1
            if !values.contains(true) || !values.contains(false) { counts.openButOneSided += 1 }
            for (witness, wanted) in [(yes, true), (no, false)] {
                guard let witness else { continue }
                let point: [Int] = question.symbols.compactMap { witness[$0] }
                // A division by zero that the normal form cancelled leaves the tree without a value there: no contradiction.
                let isInside: Bool = zip(point, question.box.ranges).allSatisfy { $1.contains($0) }
                if !isInside || question.box.facts.contains(where: { $0.value(point) == false }) || question.tree.value(point) == !wanted {
                    Issue.record("seed \(question.seed): \(witness) is no witness that \(condition) is \(wanted)")
                }
            }
        }
    }
}
