import Testing

@testable import ApusSymbolic

/// One line of the acceptance battery: facts, and what must be said of a condition. a, b, c are at least 1.
struct BatteryLine: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable { case proved, open }

    let text: String
    let expected: Expected
    var range: SymRange = .size
    var facts: @Sendable (Fixture) -> [SymBool] = { _ in [] }
    let goal: @Sendable (Fixture) -> SymBool

    var testDescription: String { text }
}

@Suite struct AcceptanceBattery {
    static let lines: [BatteryLine] = [
        BatteryLine(text: "a*b >= a", expected: .proved) { $0.a * $0.b >= $0.a },
        BatteryLine(text: "a+b >= a", expected: .proved) { $0.a + $0.b >= $0.a },
        BatteryLine(text: "(a//2)*2 <= a", expected: .proved) { ($0.a / 2) * 2 <= $0.a },
        BatteryLine(text: "(a+1)//2 >= a//2", expected: .proved) { ($0.a + 1) / 2 >= $0.a / 2 },
        BatteryLine(text: "2*((a+b)//2) + (a+b)%2 == a+b", expected: .proved) {
            2 * (($0.a + $0.b) / 2) + ($0.a + $0.b) % 2 == $0.a + $0.b
        },
        BatteryLine(text: "a//2//3 == a//6", expected: .proved) { $0.a / 2 / 3 == $0.a / 6 },
        BatteryLine(text: "2a+4b != 7", expected: .proved) { 2 * $0.a + 4 * $0.b != 7 },
        BatteryLine(text: "max(a,b) >= a", expected: .proved) { max($0.a, $0.b) >= $0.a },
        BatteryLine(text: "a<=b, b<=c |- a<=c", expected: .proved, facts: { [$0.a <= $0.b, $0.b <= $0.c] }) { $0.a <= $0.c },
        BatteryLine(text: "4|a |- a%2 == 0", expected: .proved, facts: { [$0.a.isMultiple(of: 4)] }) { $0.a % 2 == 0 },
        BatteryLine(text: "4|a |- (a//2)*2 == a", expected: .proved, facts: { [$0.a % 4 == 0] }) { ($0.a / 2) * 2 == $0.a },
        BatteryLine(text: "4|a |- (a//4)*4 == a", expected: .proved, facts: { [$0.a % 4 == 0] }) { ($0.a / 4) * 4 == $0.a },
        BatteryLine(text: "2a == 4", expected: .open) { 2 * $0.a == 4 },
        BatteryLine(text: "((a-5)//2)^2 >= 4", expected: .open) { (($0.a - 5) / 2) * (($0.a - 5) / 2) >= 4 },
        BatteryLine(text: "(a+b)%2 == 0", expected: .open) { ($0.a + $0.b) % 2 == 0 },
        BatteryLine(text: "a*b == b*a", expected: .proved) { $0.a * $0.b == $0.b * $0.a },
        BatteryLine(text: "min(a,b)+max(a,b) == a+b", expected: .proved) { min($0.a, $0.b) + max($0.a, $0.b) == $0.a + $0.b },
        BatteryLine(text: "a >= 2 |- a != 1", expected: .proved, facts: { [$0.a >= 2] }) { $0.a != 1 },
        BatteryLine(text: "a in 3...6 |- a > 3", expected: .open, range: SymRange(3...6)) { $0.a > 3 },
        BatteryLine(text: "a//-2 nests with the right sign", expected: .proved) { $0.a / -2 / 3 == $0.a / -6 },
        // Beyond the list: what programs over sizes ask most.
        BatteryLine(text: "a<=b |- a*c <= b*c", expected: .proved, facts: { [$0.a <= $0.b] }) { $0.a * $0.c <= $0.b * $0.c },
        BatteryLine(text: "a==b |- (a*c)//b == c", expected: .proved, facts: { [$0.a == $0.b] }) { $0.a * $0.c / $0.b == $0.c },
        BatteryLine(text: "a==b |- max(a,b) == a", expected: .proved, facts: { [$0.a == $0.b] }) { max($0.a, $0.b) == $0.a },
        BatteryLine(text: "2|a |- (a//2)*b*2 == a*b", expected: .proved, facts: { [$0.a % 2 == 0] }) {
            ($0.a / 2) * $0.b * 2 == $0.a * $0.b
        },
        BatteryLine(text: "2|a, 3|a |- 6|a", expected: .proved, facts: { [$0.a % 2 == 0, $0.a % 3 == 0] }) { $0.a % 6 == 0 },
        BatteryLine(text: "a//2 >= 3 |- a >= 6", expected: .proved, facts: { [$0.a / 2 >= 3] }) { $0.a >= 6 },
        BatteryLine(text: "min(a,8) <= 8", expected: .proved) { min($0.a, 8) <= 8 },
        BatteryLine(text: "min(a,b) <= max(b,c)", expected: .proved) { min($0.a, $0.b) <= max($0.b, $0.c) },
        BatteryLine(text: "(a-1)//2+1 == (a+1)//2", expected: .proved) { ($0.a - 1) / 2 + 1 == ($0.a + 1) / 2 },
        BatteryLine(text: "a%b < b", expected: .proved) { $0.a % $0.b < $0.b },
        BatteryLine(text: "a != 1, a != 2 |- a >= 3", expected: .proved, facts: { [$0.a != 1, $0.a != 2] }) { $0.a >= 3 },
        BatteryLine(text: "a == b or a == c |- a <= b + c", expected: .proved, facts: { [$0.a == $0.b || $0.a == $0.c] }) {
            $0.a <= $0.b + $0.c
        },
        BatteryLine(text: "a*a >= a", expected: .proved) { $0.a * $0.a >= $0.a },
        BatteryLine(text: "(a-b)^2 >= 0", expected: .proved) { ($0.a - $0.b) * ($0.a - $0.b) >= 0 },
        BatteryLine(text: "3a+5b == 4c+1 is possible", expected: .open) { 3 * $0.a + 5 * $0.b == 4 * $0.c + 1 },
    ]

    @Test(arguments: lines, [true, false])
    func line(_ line: BatteryLine, enumerates: Bool) throws {
        let f = Fixture(line.range)
        try f.scope.withState { state throws(SymbolicError) in state.knowledge.enumerates = enumerates }
        for fact in line.facts(f) { try f.scope.declare(fact) }
        let goal: SymBool = line.goal(f)
        switch line.expected {
        case .proved:
            #expect(f.scope.decide(goal) == .proved)
            #expect(f.scope.decide(!goal) == .refuted)
        case .open:
            guard case .undecided(let yes?, let no?) = f.scope.decide(goal) else {
                Issue.record("expected both witnesses: \(f.scope.decide(goal))")
                return
            }
            #expect(f.scope.evaluate(goal, at: yes) == true)
            #expect(f.scope.evaluate(goal, at: no) == false)
        }
    }

    /// PyTorch's nesting of divisions loses the sign of a negative divisor; ours must agree with arithmetic.
    @Test(arguments: Array(-13...13), [-3, -2, 2, 3])
    func nestedDivisionsBySignedDivisors(_ value: Int, _ divisor: Int) {
        let f = Fixture(SymRange(-20...20))
        let nested: SymInt = (f.a / divisor + 1) / -2
        let plain: SymInt = (SymInt(value) / divisor + 1) / -2
        #expect(f.scope.evaluate(nested, at: Assignment([f.symbol(f.a): value])) == plain.constant)
    }
}
