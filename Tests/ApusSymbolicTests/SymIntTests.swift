import Testing

@testable import ApusSymbolic

/// Chooses the overload that asks nothing.
func condition(_ condition: SymBool) -> SymBool { condition }

/// A scope with a few positive symbols.
struct Fixture {
    let scope = SymbolScope()
    let a: SymInt
    let b: SymInt
    let c: SymInt

    init(_ range: SymRange = .size) {
        a = scope.size(scope.makeSymbol(name: "a", range: range))
        b = scope.size(scope.makeSymbol(name: "b", range: range))
        c = scope.size(scope.makeSymbol(name: "c", range: range))
    }

    func symbol(_ n: SymInt) -> Symbol { n.freeSymbols[0] }
}

@Suite struct PlainValues {
    @Test func arithmeticIsIntegers() {
        let n: SymInt = 7
        let k = 2
        #expect((n + k).constant == 9)
        #expect((k - n).constant == -5)
        #expect((n * 3).constant == 21)
        #expect((n / 2).constant == 3)
        #expect((n % k).constant == 1)
        #expect(n > 3)
        #expect(min(n, 3).constant == 3)
        #expect(max(3, n).constant == 7)
        #expect(n.isMultiple(of: 7))
        #expect(Int(n) == 7)
    }

    @Test(arguments: [-7, -1, 0, 1, 7, Int.max, Int.min], [-3, -1, 1, 3, Int.max])
    func divisionFloors(_ x: Int, _ y: Int) {
        let quotient: SymInt = SymInt(x) / y
        let remainder: SymInt = SymInt(x) % y
        guard let q = quotient.constant, let r = remainder.constant else {
            #expect(x == .min && y == -1)
            return
        }
        let (low, overflow) = q.multipliedReportingOverflow(by: y)
        if !overflow { #expect(low &+ r == x) }
        #expect(y > 0 ? (0..<y).contains(r) : (r <= 0 && r > y))
    }

    @Test func overflowAndZeroDivisionAreValuesNotTraps() {
        let huge = SymInt(Int.max)
        for bad in [huge + 1, SymInt(Int.min) - 1, huge * 2, -SymInt(Int.min), SymInt(3) / 0, SymInt(3) % 0, abs(SymInt(.min))] {
            #expect(bad.constant == nil)
            #expect(bad.isInvalid)
            #expect(throws: SymbolicError.self) { try bad.requireValid() }
            #expect((bad + 1).isInvalid)
            #expect(!(bad > 0))
            #expect(PendingFault.take()?.error == bad.fault)
            #expect(!(bad <= 0))
            #expect(PendingFault.take() != nil)
            #expect(Int(bad) == 0)
            #expect(PendingFault.take() != nil)
            #expect(PendingFault.take() == nil)
        }
        #expect((huge + 1).description == "<integer overflow in 9223372036854775807 + 1>")
    }

    @Test func loopsOverPlainRanges() {
        let n: SymInt = 4
        var seen: [Int] = []
        for i in 1..<n { seen.append(i) }
        #expect(seen == [1, 2, 3])
        #expect((0..<n).size.constant == 4)
    }
}

@Suite struct NormalForms {
    let f = Fixture()

    @Test func equalPolynomialsAreOneObject() {
        let (a, b) = (f.a, f.b)
        #expect(((a + b) * (a - b)).isIdentical(to: a * a - b * b))
        #expect((a * b).isIdentical(to: b * a))
        #expect((a - a).constant == 0)
        #expect((2 * a + 4).isIdentical(to: (a + 2) * 2))
        #expect((a / 2 / 3).isIdentical(to: a / 6))
        #expect(((4 * a + 6) / 2).isIdentical(to: 2 * a + 3))
        #expect((2 * ((a + b) / 2) + (a + b) % 2).isIdentical(to: a + b))
        #expect((min(a, b) + max(a, b)).isIdentical(to: a + b))
        #expect((-(a) % 2).isIdentical(to: a % 2))
        #expect((a / -2).isIdentical(to: -a / 2))
        #expect((a * b / a).isIdentical(to: b))
        #expect((((a + 1) * b * c) / (a + 1)).isIdentical(to: b * c))
        #expect(max(a, max(b, c)).isIdentical(to: max(max(c, a), b)))
        #expect(max(a, 1).isIdentical(to: a))
        #expect(abs(a).isIdentical(to: a))
    }
    private var c: SymInt { f.c }

    @Test func textRestoresRemaindersAndMinima() {
        let (a, b) = (f.a, f.b)
        #expect((a + 1).description == "a + 1")
        #expect((2 * a).description == "2*a")
        #expect((b - a).description == "b - a")
        #expect((1 - a).description == "1 - a")
        #expect((a / 2).description == "a // 2")
        #expect((a % 2).description == "a % 2")
        #expect(((a + 1) % 4 * 3).description == "3*((a + 1) % 4)")
        #expect((a % b).description == "a % b")
        #expect(max(a, 8).description == "max(a, 8)")
        #expect(min(a, b).description == "min(a, b)")
        #expect(min(a, 8).description == "min(a, 8)")
        #expect((min(a, 8) - 1).description == "min(a, 8) - 1")
        #expect(condition(a > 3).description == "a >= 4")
        #expect(condition(a <= 6).description == "a <= 6")
        #expect(condition(a < b).description == "b > a")
        #expect(condition(2 * a == 64).description == "a == 32")
        #expect(condition(a % 2 == 0).description == "a % 2 == 0")
        #expect(condition(a % 4 == 1).description == "a % 4 == 1")
        #expect(condition(a % 4 != 1).description == "a % 4 != 1")
    }

    @Test func foldsBySymbolRanges() {
        let a = f.a
        #expect(condition(a >= 1).constant == true)
        #expect(condition(a > 0).constant == true)
        #expect(condition(a == 0).constant == false)
        #expect(condition(2 * a == 7).constant == false)
        #expect(condition(a > 1).constant == nil)
    }

    @Test func scopesDoNotMix() {
        let other = Fixture()
        let mixed: SymInt = f.a + other.a
        #expect(mixed.fault?.code == .mixedScopes)
        #expect(condition(f.a < other.a).fault?.code == .mixedScopes)
    }

    @Test func valuesOutliveTheirScopeWithoutTraps() {
        var scope: SymbolScope? = SymbolScope()
        let n: SymInt = scope.map { $0.size($0.makeSymbol()) } ?? 0
        scope = nil
        #expect((n + 1).fault?.code == .scopeEnded)
        #expect(n.description == "s0")
        #expect(!(n > 3))
        #expect(PendingFault.take()?.error.code == .scopeEnded)
    }
}
