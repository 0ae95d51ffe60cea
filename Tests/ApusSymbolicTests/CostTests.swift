import Testing

@testable import ApusSymbolic

/// What decisions cost, in counts that no busy machine changes: which layer answers, and how many questions reach the slow ones. The times
/// are measured by `make bench ARGS="--filter symbolic"`.
@Suite struct Costs {
    /// What the procedure says without its slow layers: a known fact, bounds, residues and differences, or an answer that it keeps.
    private func quickAnswer(_ condition: SymBool, in scope: SymbolScope) throws -> Bool {
        guard let expression = condition.expression else { return condition.constant != nil }
        return try scope.withState { state throws(SymbolicError) in
            state.quickTruth(expression) != nil || state.knowledge.now.open[expression.id] != nil
        }
    }

    @Test func layersZeroToTwo() throws {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<20).map { _ in scope.size(scope.makeSymbol(range: SymRange(2...1000), hint: 8)) }
        for i in 1..<20 { scope.assume(n[i - 1] <= n[i]) }
        scope.assume(n[0] % 4 == 0)
        let quick: [(String, SymBool)] = [
            ("a known fact", n[3] <= n[4]), ("bounds", n[1] + n[2] <= 2500), ("a residue", n[0] % 2 == 0), ("a difference", n[2] <= n[17]),
            ("the other way round", n[17] < n[2]),
        ]
        for (name, question) in quick { #expect(try quickAnswer(question, in: scope), "\(name)") }
        let open: SymBool = n[2] < n[3]
        #expect(try !quickAnswer(open, in: scope))
        #expect(scope.decide(open).known == nil)
        #expect(try quickAnswer(open, in: scope), "an open answer is kept")
        scope.assume(n[2] + 1 <= n[3])
        #expect(scope.decide(open) == .proved, "until a fact changes it")
    }

    @Test func aThousandGuardsOverFiftySymbols() throws {
        let scope = SymbolScope()
        var random = SplitMix(seed: 11)
        let n: [SymInt] = (0..<50).map { _ in
            scope.size(scope.makeSymbol(range: .size, hint: random.within(2...64)))
        }
        let hints: Assignment = scope.hints
        var counts: [Int] = [0, 0, 0]
        var quick = 0
        for _ in 0..<1000 {
            let (a, b, c) = (n[random.below(50)], n[random.below(50)], n[random.below(50)])
            let k: Int = random.within(1...8)
            let guardCondition: SymBool
            switch random.below(6) {
            case 0: guardCondition = a == b
            case 1: guardCondition = a % k == 0
            case 2: guardCondition = a + b >= c * k
            case 3: guardCondition = a / 2 > b
            case 4: guardCondition = a > k
            default: guardCondition = a <= b + k
            }
            if try quickAnswer(guardCondition, in: scope) { quick += 1 }
            switch scope.decide(guardCondition) {
            case .proved: counts[0] += 1
            case .refuted: counts[1] += 1
            case .undecided:
                counts[2] += 1
                let truth: Bool = scope.evaluate(guardCondition, at: hints) ?? false
                scope.assume(truth ? guardCondition : !guardCondition)
            }
        }
        print("guards: \(counts[0]) proved, \(counts[1]) refuted, \(counts[2]) open; \(quick) without the slow layers")
        #expect(counts == [205, 137, 658] && quick == 322)
    }

    /// The chain's own questions are open and need the slow layers, one each; what follows from all of it is a difference.
    @Test(arguments: [25, 50, 100])
    func chainsOfOrderedSymbols(_ length: Int) throws {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<length).map { _ in scope.size(scope.makeSymbol(range: .size)) }
        var slow = 0
        for i in 1..<length {
            if try !quickAnswer(n[i - 1] <= n[i], in: scope) { slow += 1 }
            #expect(scope.decide(n[i - 1] <= n[i]).known == nil)
            scope.assume(n[i - 1] <= n[i])
        }
        #expect(slow == length - 1)
        for (first, last) in [(0, length - 1), (length / 3, length / 2), (0, 1)] {
            #expect(try quickAnswer(n[first] <= n[last], in: scope))
            #expect(scope.decide(n[first] <= n[last]) == .proved)
            #expect(try quickAnswer(n[last] < n[first], in: scope))
            #expect(scope.decide(n[last] < n[first]) == .refuted)
        }
    }

    @Test func captureOfACallSite() {
        var sites: Set<CallSite> = []
        for _ in 0..<1000 { sites.insert(CallSite.capture()) }
        #expect(sites.count == 1)
    }
}
