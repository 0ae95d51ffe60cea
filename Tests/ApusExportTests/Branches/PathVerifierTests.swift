import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@testable import ApusExport

/// The check that paths are disjoint and cover the domain, on paths that are not.
@Suite("Verifying paths") struct PathVerifierTests {
    private func scope(_ range: SymRange) -> (scope: SymbolScope, n: SymInt) {
        let scope = SymbolScope()
        let n = scope.size(scope.makeSymbol(origin: "x.shape[0]", range: range, hint: 4))
        scope.freeze()
        return (scope, n)
    }

    private func path(_ conditions: SymBool...) -> ExploredPath { ExploredPath(conditions: conditions, sites: [], rejection: nil) }

    private func offence(_ paths: [ExploredPath], _ scope: SymbolScope) -> String? {
        do {
            try PathVerifier().verify(paths, scope: scope)
            return nil
        } catch let error as VerificationError {
            #expect(error.code == .paths)
            return error.message
        } catch { return error.unplaced }
    }

    @Test("Small domains are gone through, large ones decided", arguments: [SymRange(1...9), SymRange(lowerBound: 1, upperBound: .max)])
    func good(_ range: SymRange) {
        let (scope, n) = scope(range)
        #expect(offence([path()], scope) == nil)
        #expect(offence([path(n > 3), path(n <= 3)], scope) == nil)
        #expect(offence([path(n > 3, n % 2 == 0), path(n > 3, n % 2 != 0), path(n <= 3)], scope) == nil)
        // What the declared range leaves out needs no path.
        #expect(offence([path(n > 3), path(n <= 3, n >= 1)], scope) == nil)
    }

    @Test("Inputs that no path takes are named", arguments: [SymRange(1...9), SymRange(lowerBound: 1, upperBound: .max)])
    func hole(_ range: SymRange) {
        let (scope, n) = scope(range)
        #expect(offence([path(n > 4), path(n < 4)], scope) == "no path is taken at x.shape[0] = 4")
        #expect(offence([path(n > 3, n % 2 == 0), path(n <= 3)], scope) == "no path is taken at x.shape[0] = 5")
    }

    @Test("Two paths for one input are named", arguments: [SymRange(1...9), SymRange(lowerBound: 1, upperBound: .max)])
    func overlap(_ range: SymRange) {
        let (scope, n) = scope(range)
        #expect(
            offence([path(n >= 4), path(n <= 4)], scope)
                == "two paths are taken at x.shape[0] = 4: 'x.shape[0] >= 4' and 'x.shape[0] <= 4'")
    }

    @Test("What no point shows is found by the decision procedure") func farAway() throws {
        let (scope, n) = scope(SymRange(lowerBound: 1, upperBound: .max))
        let message = try #require(offence([path(n > 1_000_003), path(n < 1_000_003)], scope))
        #expect(message.hasPrefix("no path is taken"))
        let other = try #require(offence([path(n >= 1_000_003), path(n <= 1_000_003)], scope))
        #expect(other.hasPrefix("two paths are taken"))
    }

    @Test("A program's own paths are right, and a tampered list is not") func program() throws {
        let x = try numbers([4])
        let program = try export(
            { (x: Tensor) in
                let n = x.shape[0]
                if n * n > 30 { return n % 3 == 1 ? try x.sin() : try x.cos() }
                return n > 2 ? try x.exp() : x
            }, args: x, constraints: [dynamicDim(x, 0) <= 1 << 40])
        #expect(program.paths.count == 4)
        try program.verifyPaths()
        for index in program.paths.indices {
            var paths = program.paths
            paths.remove(at: index)
            #expect(offence(paths, program.scope) != nil)
        }
        #expect(offence(program.paths + [program.paths[1]], program.scope) != nil)
    }
}
