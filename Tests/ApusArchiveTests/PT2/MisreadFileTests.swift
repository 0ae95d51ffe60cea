import ApusSymbolic
import Testing

@testable import ApusArchive

/// What a file says and this library would otherwise pass over.
@Suite("Files that must not be misread")
struct MisreadFileTests {
    @Test("The bits of numbers are not their truth")
    func bits() throws {
        func evaluate(_ target: String, _ a: SymValue, _ b: SymValue) throws -> SymValue { try SymArithmetic.evaluate(target, [a, b]) }
        #expect(try evaluate("_operator.and_", .int(12), .int(6)).int?.constant == 4)
        #expect(try evaluate("_operator.or_", .int(12), .int(6)).int?.constant == 14)
        #expect(try evaluate("_operator.and_", .bool(true), .int(6)).int?.constant == 0)
        let scope = SymbolScope()
        let symbol: Symbol = scope.makeSymbol(name: "s0")
        let n: SymInt = scope.size(symbol)
        let error = archiveError(.unsupported) { _ = try evaluate("_operator.and_", .int(n), .int(6)) }
        #expect(error?.reason == "'_operator.and_' on the bits of a number that varies is not supported")
        let isLarge: SymBool = n > 3
        guard case .bool(let both) = try evaluate("_operator.and_", .bool(isLarge), .bool(n < 9)) else {
            Issue.record("two conditions give no condition")
            return
        }
        for value in [3, 4, 8, 9] { #expect(scope.evaluate(both, at: Assignment([symbol: value])) == (4...8).contains(value)) }
    }
}
