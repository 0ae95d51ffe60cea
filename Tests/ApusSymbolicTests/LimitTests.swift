import Testing

@testable import ApusSymbolic

/// Expressions that grow without bound: bounded time, no trap, and never a wrong fact.
@Suite struct Limits {
    /// Facts that contradict each other leave intervals whose bounds are the wrong way round.
    @Test func arithmeticOfEmptyIntervals() {
        let bounds: [Int] = [.min, .min + 1, -3, -1, 0, 1, 3, .max - 1, .max]
        let intervals: [Interval] = bounds.flatMap { low in bounds.map { Interval(low: low, high: $0) } }
        for a in intervals {
            for factor in bounds { _ = a.scaled(by: factor) }
            for exponent in [1, 2, 3, 64, 65] { _ = a.power(exponent) }
            for b in intervals {
                for result in [a + b, a * b, a.floorDivided(by: b)] where !a.isEmpty && !b.isEmpty { #expect(!result.isEmpty) }
            }
        }
    }

    @Test func hugeExponents() {
        let f = Fixture(SymRange(2...3))
        var power: SymInt = f.a
        for _ in 0..<200 { power = power * power }
        #expect(power.isSymbolic || power.isInvalid)
        #expect(f.scope.decide(power >= 1) != .refuted)
        #expect(f.scope.evaluate(power, at: Assignment([f.symbol(f.a): 2])) == nil)
    }

    @Test func thousandTermSums() {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<1000).map { _ in scope.size(scope.makeSymbol()) }
        var sum: SymInt = 0
        for size in n { sum = sum + size }
        if sum.isSymbolic {
            #expect(scope.decide(sum >= 0) != .refuted)
            #expect(scope.decide(sum < 0) != .proved)
            let ones = Assignment(Dictionary(uniqueKeysWithValues: n.map { ($0.freeSymbols[0], 1) }))
            #expect(scope.evaluate(sum, at: ones) == 1000)
        } else {
            #expect(sum.fault?.code == .tooComplex)
        }
    }

    @Test func coefficientsThatOverflow() {
        let f = Fixture()
        var n: SymInt = f.a + 1
        for _ in 0..<80 { n = n * 1_000_003 + f.b }
        #expect(f.scope.decide(n >= 0) != .refuted)
        let big: SymInt = f.a * Int.max
        for other in [big + big, big - Int.min * f.b, big * big, big / -1, -big, big % Int.max, big / Int.min] {
            #expect(f.scope.decide(other == 3) != .proved)
            _ = other.description
            _ = f.scope.range(of: other)
        }
        let smallest: SymInt = f.a * Int.min
        for other in [smallest + Int.min, -smallest, smallest / -1, smallest % -1, abs(smallest), max(smallest, f.b), smallest - f.b] {
            _ = f.scope.decide(other <= Int.min)
            _ = f.scope.decide(other % 3 == 1)
            _ = f.scope.range(of: other)
            _ = other.description
        }
    }

    @Test func boundsAtTheEdgesOfInt() {
        let scope = SymbolScope()
        let n: SymInt = scope.size(scope.makeSymbol(range: .unbounded, kind: .unbackedInt))
        for edge in [Int.max, Int.max - 1, Int.min, Int.min + 1] {
            for fact: SymBool in [n >= edge, n <= edge, n == edge, n != edge] {
                scope.push()
                scope.assume(fact)
                for goal: SymBool in [n > 0, n + n >= edge, n * n >= n, n / 2 <= n, n % 7 == 3, max(n, 0) >= n] {
                    guard case .undecided(let yes, let no) = scope.decide(goal) else { continue }
                    if let yes { #expect(scope.evaluate(goal, at: yes) == true) }
                    if let no { #expect(scope.evaluate(goal, at: no) == false) }
                }
                scope.pop()
            }
        }
    }

    /// Shared nodes make a small graph an enormous tree; both its depth and its size are limited.
    @Test func deepAndSharedExpressions() {
        let f = Fixture()
        var deep: SymInt = f.a
        for i in 0..<1000 { deep = max(deep / 2 + f.b, f.c + i % 5) }
        #expect(deep.fault?.code == .tooComplex)
        var shared: SymInt = f.a
        for _ in 0..<60 { shared = max(shared / 2 + f.b, shared / 3 + f.c) }
        #expect(shared.fault?.code == .tooComplex)
        var condition: SymBool = f.a > 3
        for i in 0..<10_000 { condition = condition && (f.a * f.b != i + 5) || f.c == i }
        _ = f.scope.decide(condition)
    }

    @Test func contradictoryFactsAreNoticed() throws {
        let f = Fixture()
        #expect(throws: SymbolicError.self) {
            try f.scope.declare(f.a > 5)
            try f.scope.declare(f.a < 3)
        }
    }
}
