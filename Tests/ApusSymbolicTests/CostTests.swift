import Testing

@testable import ApusSymbolic

/// What decisions cost. The numbers are printed; the limits are wide, so that a busy machine does not fail them.
@Suite(.serialized) struct Costs {
    #if DEBUG
    static let slack = 200.0
    #else
    static let slack = 10.0
    #endif

    /// Microseconds per call.
    private func microseconds(_ count: Int, _ body: () -> Void) -> Double {
        let elapsed: Duration = ContinuousClock().measure(body)
        return elapsed / .microseconds(count)
    }

    private func report(_ what: String, _ value: Double, limit: Double, unit: String = "us") {
        let rounded: Double = (value * 1000).rounded() / 1000
        print("cost: \(what): \(rounded) \(unit)")
        #expect(value < limit * Costs.slack, "\(what)")
    }

    @Test func plainArithmetic() {
        var total: SymInt = 0
        let count = 1_000_000
        let time: Double = microseconds(count) {
            for i in 0..<count { total = (total + i) % 1009 * 3 }
        }
        #expect(total.constant != nil)
        report("three plain operations", time, limit: 0.03)
    }

    @Test func quickDecisions() {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<20).map { _ in scope.size(scope.makeSymbol(range: SymRange(2...1000), hint: 8)) }
        for i in 1..<20 { scope.assume(n[i - 1] <= n[i]) }
        scope.assume(n[0] % 4 == 0)
        let known: SymBool = n[3] <= n[4]
        let bounded: SymBool = n[1] + n[2] <= 2500
        let residue: SymBool = n[0] % 2 == 0
        let difference: SymBool = n[2] <= n[17]
        let open: SymBool = n[2] < n[3]
        #expect(scope.decide(open).known == nil)
        for (name, question) in [
            ("a known fact", known), ("bounds", bounded), ("a residue", residue),
            ("a difference", difference), ("cached open", open),
        ] {
            let time: Double = microseconds(2000) { for _ in 0..<2000 { _ = scope.decide(question) } }
            report("decision by \(name)", time, limit: 5)
        }
        let building: Double = microseconds(2000) { for _ in 0..<2000 { _ = condition(n[2] + 1 <= n[3] * 2) } }
        report("building a condition", building, limit: 5)
    }

    @Test func aThousandGuardsOverFiftySymbols() {
        let scope = SymbolScope()
        var random = SplitMix(seed: 11)
        let n: [SymInt] = (0..<50).map { _ in
            scope.size(scope.makeSymbol(range: .size, hint: random.within(2...64)))
        }
        let hints: Assignment = scope.hints
        var counts: [Int] = [0, 0, 0]
        let time: Double = microseconds(1) {
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
                switch scope.decide(guardCondition) {
                case .proved: counts[0] += 1
                case .refuted: counts[1] += 1
                case .undecided:
                    counts[2] += 1
                    let truth: Bool = scope.evaluate(guardCondition, at: hints) ?? false
                    scope.assume(truth ? guardCondition : !guardCondition)
                }
            }
        }
        print("guards: \(counts[0]) proved, \(counts[1]) refuted, \(counts[2]) open")
        report("1000 guards over 50 symbols", time / 1000, limit: 100, unit: "ms")
    }

    @Test(arguments: [25, 50, 100])
    func chainsOfOrderedSymbols(_ length: Int) {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<length).map { _ in scope.size(scope.makeSymbol(range: .size)) }
        let time: Double = microseconds(1) {
            for i in 1..<length {
                #expect(scope.decide(n[i - 1] <= n[i]).known == nil)
                scope.assume(n[i - 1] <= n[i])
            }
            #expect(scope.decide(n[0] <= n[length - 1]) == .proved)
            #expect(scope.decide(n[length - 1] < n[0]) == .refuted)
        }
        report("a chain of \(length) ordered symbols", time / 1000, limit: 50, unit: "ms")
    }

    @Test func captureOfACallSite() {
        var sites: Set<CallSite> = []
        let time: Double = microseconds(1000) { for _ in 0..<1000 { sites.insert(CallSite.capture()) } }
        #expect(sites.count == 1)
        report("capturing a call site", time, limit: 5)
    }
}
