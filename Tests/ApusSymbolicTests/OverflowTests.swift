import Testing

@testable import ApusSymbolic

/// Takes note of what it is told to require.
private final class RequiringOracle: Oracle, @unchecked Sendable {
    let scope: SymbolScope
    var required: [String] = []

    init(_ scope: SymbolScope) { self.scope = scope }

    func decide(_ condition: SymBool, site: CallSite) -> Bool { true }
    func specialize(_ size: SymInt, site: CallSite) -> Int { 0 }

    func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite) {
        required.append("\(condition): \(failure.message)")
        scope.assume(condition)
    }
}

/// What a trace has checked so that integers without bounds give what 64 bits give.
@Suite struct OverflowTests {
    private let scope = SymbolScope()
    private let oracle: RequiringOracle
    /// Any number, as `item()` of an int64 tensor reads it.
    private let k: SymInt
    private let small: SymInt
    /// Sizes of an input, without an upper bound.
    private let n: SymInt
    private let m: SymInt

    init() {
        k = scope.size(scope.makeSymbol(name: "k", range: .unbounded, kind: .unbackedInt))
        small = scope.size(scope.makeSymbol(name: "small", range: SymRange(-100...100), kind: .unbackedInt))
        n = scope.size(scope.makeSymbol(name: "n"))
        m = scope.size(scope.makeSymbol(name: "m"))
        oracle = RequiringOracle(scope)
        scope.oracle = oracle
    }

    private func requirements(of arithmetic: () -> SymInt) -> [String] {
        oracle.required = []
        scope.push()
        defer { scope.pop() }
        _ = arithmetic()
        return oracle.required
    }

    @Test func numbersWithoutBounds() {
        #expect(requirements { k + 1 } == ["k <= 9223372036854775806: integer overflow: 'k + 1' does not fit in 64 bits"])
        #expect(requirements { k - 1 } == ["k >= -9223372036854775806: integer overflow: 'k - 1' does not fit in 64 bits"])
        #expect(requirements { -k } == ["k >= -9223372036854775807: integer overflow: '-k' does not fit in 64 bits"])
        #expect(
            requirements { k * 3 } == [
                "k <= 3074457345618258602 && k >= -3074457345618258602: integer overflow: '3*k' does not fit in 64 bits"
            ])
        #expect(requirements { k * k }.count == 1)
        #expect(requirements { k + n }.count == 1)
        // Told once: it is a fact from there on.
        #expect(requirements { (k + 1) + (k + 1) - (k + 1) }.count == 2)
    }

    @Test func whatTheNormalFormCancels() {
        #expect(requirements { k + 1 - 1 }.count == 1)
        #expect(requirements { k * 2_654_435_761 % 8 }.count == 1)
        #expect(requirements { (k + 1) * 0 }.count == 1)
    }

    @Test func numbersThatFit() {
        let arithmetic: [() -> SymInt] = [
            { k / 2 }, { k % 8 }, { k - k }, { k * 1 }, { k + 0 }, { k * 0 }, { max(k, 0) }, { min(k, n) }, { small * 1_000_000 + 7 },
            { small * small }, { n + m + 1 }, { n * 1000 - m * 7 }, { (n + 1) / 2 * 2 }, { n / m }, { n % m }, { k % 8 * 1000 },
            { SymInt.elementCount([n, m, n]) }, { SymInt(SymFloat(n) * 0.5, rounding: .down) },
        ]
        for (index, arithmetic) in arithmetic.enumerated() { #expect(requirements(of: arithmetic) == [], "\(index)") }
    }

    @Test func factsAreMindful() {
        #expect(
            scope.scoped { () -> [String] in
                scope.assume(condition(k <= 1000))
                scope.assume(condition(k >= -5))
                return requirements { k * k + n * k }
            } == [])
        // A counter below a size.
        #expect(
            scope.scoped { () -> [String] in
                scope.assume(condition(k >= 0))
                scope.assume(condition(k < n))
                return requirements { k + 1 }
            } == [])
    }

    @Test func divisions() {
        #expect(requirements { n / small } == ["small != 0: division by zero: 'small' is 0"])
        #expect(requirements { n % small } == ["small != 0: division by zero: 'small' is 0"])
        #expect(requirements { k / small }.count == 2)
        #expect(
            requirements { k / -1 } == ["k >= -9223372036854775807: integer overflow: 'k' divided by '-1' does not fit in 64 bits"])
        #expect(requirements { (n / small) - (n / small) }.count == 1)
    }

    @Test func numbersThatNeverFit() {
        scope.push()
        scope.assume(condition(k >= Int.max - 5))
        let sum: SymInt = k + 10
        #expect(sum.fault?.code == .overflow)
        #expect(sum.scope == nil)
        scope.assume(condition(small == 0))
        #expect((n / small).fault?.code == .divisionByZero)
        scope.pop()
        #expect(oracle.required == [])
    }

    @Test func floatsThatAreRounded() {
        let f: SymFloat = scope.float(scope.makeSymbol(range: .unbounded, kind: .unbackedFloat))
        #expect(
            requirements { SymInt(f, rounding: .down) } == [
                "-9.223372036854776e+18 <= f0 && f0 < 9.223372036854776e+18: 'f0' rounded to an integer does not fit in 64 bits"
            ])
    }

    @Test func withoutATraceNothingIsRequired() {
        scope.oracle = nil
        #expect((k * k).isSymbolic)
        #expect(oracle.required == [])
    }

    /// Against enumeration over numbers at the ends of 64 bits: where the requirements hold, each step of the arithmetic fits.
    @Test func requirementsSuffice() throws {
        let edges: [Int] = [
            .min, .min + 1, .min / 2, .min / 3, -3_037_000_500, -2, -1, 0, 1, 2, 7, 3_037_000_500, .max / 3, .max / 2, .max - 1, .max,
        ]
        typealias Step = (SymInt, SymInt) -> SymInt
        let steps: [Step] = [
            { $0 + $1 }, { $0 - $1 }, { $0 * $1 }, { $0 / $1 }, { $0 % $1 }, { $0 * 3 - $1 }, { ($0 + 1) * ($1 - 1) }, { -$0 * $1 },
            { $0 * $0 - $1 * $1 }, { ($0 + 5) / $1 - $0 }, { ($0 - $1) * 0 }, { $0 % 7 * 1_000_000_007 + $1 }, { abs($0) + abs($1) },
            // Normal forms that pass through more than 64 bits where the arithmetic does not.
            { ($0 - $1) % 2 }, { max($0, -9) / 4 * 4 - $1 / 4 }, { ($0 - $1) * ($0 - $1) - ($0 + 1) }, { max($0, $1) - min($0, $1) },
        ]
        for (number, step) in steps.enumerated() {
            let scope = SymbolScope()
            let symbols: [Symbol] = ["p", "q"].map { scope.makeSymbol(name: $0, range: .unbounded, kind: .unbackedInt) }
            let collector = Collector(scope)
            scope.oracle = collector
            let size: SymInt = step(scope.size(symbols[0]), scope.size(symbols[1]))
            let result = try CompiledExpression(size, symbols: symbols)
            let conditions: [CompiledCondition] = try collector.conditions.map { try CompiledCondition($0, symbols: symbols) }
            var (admitted, valid) = (0, 0)
            for a in edges {
                for b in edges {
                    let eager: Int? = step(SymInt(a), SymInt(b)).constant
                    if eager != nil { valid += 1 }
                    guard conditions.allSatisfy({ $0.evaluate([a, b]) == true }) else { continue }
                    admitted += 1
                    #expect(eager != nil, "step \(number) at \(a), \(b)")
                    #expect(eager == result.evaluate([a, b]), "step \(number) at \(a), \(b)")
                    #expect(eager == scope.evaluate(size, at: Assignment([symbols[0]: a, symbols[1]: b])), "step \(number) at \(a), \(b)")
                }
            }
            // Little more is rejected than what overflows: the least integer.
            #expect(admitted * 10 >= valid * 9, "step \(number) admits \(admitted) of \(valid)")
        }
    }

    private final class Collector: Oracle, @unchecked Sendable {
        let scope: SymbolScope
        var conditions: [SymBool] = []

        init(_ scope: SymbolScope) { self.scope = scope }

        func decide(_ condition: SymBool, site: CallSite) -> Bool { true }
        func specialize(_ size: SymInt, site: CallSite) -> Int { 0 }

        func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite) {
            conditions.append(condition)
            scope.assume(condition)
        }
    }
}

/// Questions that have no answer, and can't throw.
@Suite struct PendingFaultTests {
    @Test func theFirstStaysUntilItIsTaken() {
        #expect(PendingFault.take() == nil)
        let huge: SymInt = SymInt(Int.max) + 1
        let line: Int = #line + 1
        if huge > 3 { Issue.record("it has no answer") }
        if SymInt(1) / 0 > 3 { Issue.record("it has no answer") }
        let fault = PendingFault.take()
        #expect(fault?.error.message == "integer overflow in 9223372036854775807 + 1")
        #expect(fault?.site.location?.line == line)
        #expect(PendingFault.take() == nil)
    }

    @Test func eachTaskHasItsOwn() async {
        async let other: Bool = {
            _ = SymInt(Int.max) + 1 > 3
            await Task.yield()
            return PendingFault.take() != nil
        }()
        #expect(PendingFault.take() == nil)
        #expect(await other)
    }

    @Test func symbolsOfATraceThatHasEnded() {
        var scope: SymbolScope? = SymbolScope()
        let n: SymInt = scope.map { $0.size($0.makeSymbol()) } ?? 0
        // Without an oracle nobody can answer.
        #expect(!(n > 3))
        #expect(PendingFault.take()?.error.code == .noOracle)
        scope = nil
        #expect(!(n > 3))
        #expect(PendingFault.take()?.error.code == .scopeEnded)
        #expect(Int(n) == 0)
        #expect(PendingFault.take()?.error.code == .scopeEnded)
    }
}
