import Testing

@testable import ApusSymbolic

/// 120,000 random conditions over small boxes, compared with every point of the box: a condition that is proved must hold
/// everywhere, one that is refuted nowhere, and a witness must be one.
@Suite struct BruteForce {
    static let rounds = 500
    static let perRound = 30

    struct Counts {
        var proved = 0
        var refuted = 0
        var open = 0
        var openButOneSided = 0
        var invalid = 0
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func decisionsAgreeWithEnumeration(_ seed: Int) throws {
        var counts = Counts()
        for round in 0..<BruteForce.rounds {
            // Half of the rounds without the layer that tries points itself.
            try tryRound(UInt64(seed * 1_000_003 + round), seed % 2 == 0 ? .linear : .any, round % 2 == 0, &counts)
        }
        let total: Int = counts.proved + counts.refuted + counts.open
        print(
            "brute force, seed \(seed): \(total) conditions, \(counts.proved) proved, \(counts.refuted) refuted, "
                + "\(counts.open) open of which \(counts.openButOneSided) have one value only, \(counts.invalid) without value")
        #expect(total + counts.invalid == BruteForce.rounds * BruteForce.perRound)
        #expect(counts.proved > total / 50 && counts.refuted > total / 50 && counts.open > total / 50)
    }

    private func tryRound(_ seed: UInt64, _ kind: Generator.Kind, _ enumerates: Bool, _ counts: inout Counts) throws {
        var generator = Generator(random: SplitMix(seed: seed), variables: 3, kind: kind)
        let scope = SymbolScope()
        try scope.withState { state throws(SymbolicError) in state.knowledge.enumerates = enumerates }
        var ranges: [ClosedRange<Int>] = []
        for _ in 0..<3 {
            let low: Int = generator.random.within(-2...3)
            ranges.append(low...(low + generator.random.within(1...4)))
        }
        let symbols: [Symbol] = ranges.map { scope.makeSymbol(range: SymRange($0)) }
        let sizes: [SymInt] = symbols.map { scope.size($0) }
        var box = TestBox(ranges: ranges)
        // Facts: some to begin with, and later what a path would learn.
        for _ in 0..<generator.random.below(4) { assume(&generator, scope, sizes, &box) }
        for step in 0..<BruteForce.perRound {
            if step % 8 == 7 { assume(&generator, scope, sizes, &box) }
            check(generator.condition(2), scope, symbols, sizes, box, seed, &counts)
        }
    }

    /// Adds a fact that some point satisfies.
    private func assume(_ generator: inout Generator, _ scope: SymbolScope, _ sizes: [SymInt], _ box: inout TestBox) {
        let fact: ConditionTree = generator.condition(1)
        let kept: [[Int]] = box.points.filter { fact.value($0) == true }
        let condition: SymBool = fact.condition(sizes)
        if kept.isEmpty || condition.isInvalidForTests { return }
        #expect(scope.assume(condition), "a fact that points satisfy: \(condition)")
        box.points = kept
        box.facts.append(fact)
    }

    private func check(
        _ tree: ConditionTree, _ scope: SymbolScope, _ symbols: [Symbol], _ sizes: [SymInt], _ box: TestBox,
        _ seed: UInt64, _ counts: inout Counts
    ) {
        let condition: SymBool = tree.condition(sizes)
        let values: [Bool] = box.points.compactMap { tree.value($0) }
        if condition.isInvalidForTests || values.isEmpty {
            counts.invalid += 1
            return
        }
        // The normal form has the tree's value wherever that has one.
        for point in box.points.prefix(3) {
            guard let expected = tree.value(point) else { continue }
            let actual: Bool? = scope.evaluate(condition, at: Assignment(Dictionary(uniqueKeysWithValues: zip(symbols, point))))
            if actual != expected { Issue.record("seed \(seed): \(condition) is \(String(describing: actual)) at \(point)") }
        }
        switch scope.decide(condition) {
        case .proved:
            counts.proved += 1
            if values.contains(false) { Issue.record("seed \(seed): proved, but false somewhere: \(condition)") }
        case .refuted:
            counts.refuted += 1
            if values.contains(true) { Issue.record("seed \(seed): refuted, but true somewhere: \(condition)") }
        case .undecided(let yes, let no):
            counts.open += 1
            if !values.contains(true) || !values.contains(false) { counts.openButOneSided += 1 }
            for (witness, wanted) in [(yes, true), (no, false)] {
                guard let witness else { continue }
                let point: [Int] = symbols.compactMap { witness[$0] }
                // A division by zero that the normal form cancelled leaves the tree without a value there: no contradiction.
                let isInside: Bool = zip(point, box.ranges).allSatisfy { $1.contains($0) }
                if !isInside || box.facts.contains(where: { $0.value(point) == false }) || tree.value(point) == !wanted {
                    Issue.record("seed \(seed): \(witness) is no witness that \(condition) is \(wanted)")
                }
            }
        }
    }
}

/// All points of a box, and those that satisfy the facts so far.
private struct TestBox {
    let ranges: [ClosedRange<Int>]
    var facts: [ConditionTree] = []
    var points: [[Int]] = []

    init(ranges: [ClosedRange<Int>]) {
        self.ranges = ranges
        for a in ranges[0] { for b in ranges[1] { for c in ranges[2] { points.append([a, b, c]) } } }
    }
}

extension SymBool {
    var isInvalidForTests: Bool { fault != nil }
}
