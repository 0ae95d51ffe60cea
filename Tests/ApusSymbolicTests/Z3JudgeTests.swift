import JudgeSupport
import Testing

@testable import ApusSymbolic

/// Conditions given to Z3: linear ones, with floor division and remainder by constants, minimum and maximum, over
/// sizes that have no upper bound or a high one.
@Suite(.serialized) struct Z3Judge {
    struct Request: Encodable {
        let seconds: Double?
        let entries: [Entry]
    }

    struct Entry: Encodable {
        var declarations: [String] = []
        var facts: [String] = []
        var goal = ""
    }

    @Test(arguments: [1, 2])
    func decisionsAgreeWithZ3(_ seed: Int) throws {
        var entries: [Entry] = []
        var answers: [(decision: Decision, text: String)] = []
        for round in 0..<300 {
            var generator = Generator(
                random: SplitMix(seed: UInt64(seed * 77_003 + round)), variables: 3, kind: .linear)
            let scope = SymbolScope()
            // What the points of a box can tell is for the brute force to judge.
            try scope.withState { state throws(SymbolicError) in state.knowledge.enumerates = false }
            var sizes: [SymInt] = []
            var setting = Entry()
            for index in 0..<3 {
                let low: Int = generator.random.below(3) == 0 ? 0 : 1
                let high: Int = generator.random.below(2) == 0 ? .max : generator.random.within(6...500)
                sizes.append(scope.size(scope.makeSymbol(range: SymRange(lowerBound: low, upperBound: high))))
                setting.declarations.append("(declare-const x\(index) Int)")
                setting.facts.append("(>= x\(index) \(low))")
                if high != .max { setting.facts.append("(<= x\(index) \(high))") }
            }
            for _ in 0..<generator.random.below(4) {
                let fact: ConditionTree = generator.condition(1)
                let condition: SymBool = fact.condition(sizes)
                guard case .undecided(.some, _) = scope.decide(condition) else { continue }
                scope.assume(condition)
                setting.facts.append(fact.smt)
            }
            for _ in 0..<4 {
                let goal: ConditionTree = generator.condition(2)
                let condition: SymBool = goal.condition(sizes)
                setting.goal = goal.smt
                entries.append(setting)
                answers.append((scope.decide(condition), "\(scope.pathFacts + scope.declaredFacts) |- \(condition)"))
            }
        }
        try compare(entries, answers, seed)
    }

    /// The linear conditions of the brute force, the same ones, as many as Z3 judges within a time.
    @Test(arguments: BruteForce.seeds.filter { $0 % 2 == 0 })
    func decisionsOfTheBruteForceAgreeWithZ3(_ seed: Int) throws {
        var entries: [Entry] = []
        var answers: [(decision: Decision, text: String)] = []
        try ConditionRounds(seed: seed).ask { question in
            // Where the solver tries all points itself there is nothing left to miss.
            guard !question.enumerates, !question.condition.isInvalidForTests else { return }
            var entry = Entry()
            for (index, range) in question.box.ranges.enumerated() {
                entry.declarations.append("(declare-const x\(index) Int)")
                let (low, high): (Tree, Tree) = (.constant(range.lowerBound), .constant(range.upperBound))
                entry.facts += ["(<= \(low.smt) x\(index) \(high.smt))"]
            }
            entry.facts += question.box.facts.map(\.smt)
            entry.goal = question.tree.smt
            entries.append(entry)
            answers.append((question.scope.decide(question.condition), "seed \(question.seed): \(question.condition)"))
        }
        // All of them in an order that mixes rounds, so that a slow judge sees some of each.
        let order: [Int] = (0..<entries.count).map { $0 * 7919 % entries.count }
        try #require(Set(order).count == entries.count)
        try compare(order.map { entries[$0] }, order.map { answers[$0] }, seed, seconds: 6)
    }

    private func compare(
        _ entries: [Entry], _ answers: [(decision: Decision, text: String)], _ seed: Int, seconds: Double? = nil
    ) throws {
        let verdicts: [String] = try Python.judge("z3_judge.py", Request(seconds: seconds, entries: entries))
        // Those that the time allowed for; without a limit all.
        try #require(seconds == nil ? verdicts.count == entries.count : verdicts.count > 500 && verdicts.count <= entries.count)
        var decidedByZ3 = 0
        var decidedByBoth = 0
        var open = 0
        var bothWitnesses = 0
        var missed: [String] = []
        for (verdict, answer) in zip(verdicts, answers) {
            switch (verdict, answer.decision) {
            case ("proved", .proved), ("refuted", .refuted):
                decidedByZ3 += 1
                decidedByBoth += 1
            case ("proved", .undecided(_, nil)), ("refuted", .undecided(nil, _)):
                decidedByZ3 += 1
                missed.append("\(verdict): \(answer.text)")
            case ("open", .undecided(let yes, let no)):
                open += 1
                if yes != nil, no != nil { bothWitnesses += 1 }
            case ("unknown", _), ("empty", _):
                continue
            default:
                Issue.record("Z3 says \(verdict), we say \(answer.decision): \(answer.text)")
            }
        }
        let share: Double = Double(decidedByBoth) / Double(max(decidedByZ3, 1))
        print(
            "Z3, seed \(seed): \(verdicts.count) of \(entries.count) conditions, \(decidedByZ3) decided by Z3, \(decidedByBoth) of them by us "
                + "(\(Double(Int(share * 1000)) / 10)%); \(open) open, \(bothWitnesses) of them with both witnesses")
        for text in missed.prefix(12) { print("  missed: \(text)") }
        #expect(decidedByZ3 > 100)
        #expect(share >= 0.95)
        #expect(Double(bothWitnesses) >= 0.9 * Double(open))
    }
}
