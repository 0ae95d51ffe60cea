@testable import ApusSymbolic

/// Rounds of random conditions over a small box, with facts: some to begin with, and later what a path would learn. The same seed gives the
/// same conditions, so that several judges see the same.
struct ConditionRounds {
    static let rounds = 500
    static let perRound = 30

    /// A condition where it is asked.
    struct Question {
        let tree: ConditionTree
        let condition: SymBool
        let scope: SymbolScope
        let symbols: [Symbol]
        let box: TestBox
        let seed: UInt64
        /// Whether the solver may try points itself.
        let enumerates: Bool
    }

    let seed: Int
    /// Odd seeds draw everything, even ones what is linear.
    var kind: Generator.Kind { seed % 2 == 0 ? .linear : .any }

    /// All questions, with what becomes of facts that some point satisfies.
    func ask(_ body: (Question) throws -> Void, assumed: (Bool, SymBool) -> Void = { _, _ in }) throws {
        for round in 0..<ConditionRounds.rounds {
            try ask(in: UInt64(seed * 1_000_003 + round), enumerates: round % 2 == 0, body, assumed)
        }
    }

    private func ask(
        in seed: UInt64, enumerates: Bool, _ body: (Question) throws -> Void, _ assumed: (Bool, SymBool) -> Void
    ) throws {
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
        func assume() {
            let fact: ConditionTree = generator.condition(1)
            let kept: [[Int]] = box.points.filter { fact.value($0) == true }
            let condition: SymBool = fact.condition(sizes)
            if kept.isEmpty || condition.isInvalidForTests { return }
            assumed(scope.assume(condition), condition)
            box.points = kept
            box.facts.append(fact)
        }
        for _ in 0..<generator.random.below(4) { assume() }
        for step in 0..<ConditionRounds.perRound {
            if step % 8 == 7 { assume() }
            let tree: ConditionTree = generator.condition(2)
            try body(
                Question(
                    tree: tree, condition: tree.condition(sizes), scope: scope, symbols: symbols, box: box, seed: seed,
                    enumerates: enumerates))
        }
    }
}

/// All points of a box, and those that satisfy the facts so far.
struct TestBox {
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
