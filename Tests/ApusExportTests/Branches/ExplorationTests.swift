import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// What happens around the runs of one export: policies, budgets, errors, and state that must not leak from run to run.
@Suite("Exploring paths") struct ExplorationTests {
    private func vector(_ count: Int) throws -> Tensor { try Tensor((0..<count).map { Float($0) - 1 }, shape: [count]) }

    private static func branching(_ x: Tensor) throws -> Tensor { x.shape[0] > 3 ? try x.cos() : try x.sin() }

    @Test("guardExample keeps the example's path and demands what it takes", arguments: [(2, "<= 3"), (5, ">= 4")])
    func guardExample(size: Int, fix: String) throws {
        let x = try vector(size)
        let error = #expect(throws: ConstraintViolationError.self) {
            try export(Self.branching, args: x, constraints: [dynamicDim(x, 0).in(1...6)], options: ExportOptions(branches: .guardExample))
        }
        #expect(error?.suggestedFixes.map(\.description) == ["dynamicDim(x, 0) \(fix)"])
        let program = try export(
            Self.branching, args: x, constraints: [size > 3 ? dynamicDim(x, 0).in(4...6) : dynamicDim(x, 0).in(1...3)],
            options: ExportOptions(branches: .guardExample))
        #expect(program.graph.nodes.count == 1)
    }

    @Test("guardExample can't follow an example into a value") func guardExampleOnValues() throws {
        let x = try vector(3)
        let error = #expect(throws: ProgramError.self) {
            try export(
                { (x: Tensor) in try x.sum().item(SymFloat.self) > 0 ? try x.sin() : try x.cos() }, args: x,
                options: ExportOptions(branches: .guardExample))
        }
        #expect(error?.message.contains("depends on a value that only a run knows") == true)
    }

    @Test("A requirement on sizes is a branch where the function catches its error, and the caller's to declare where it does not")
    func swallowed() throws {
        let x = try vector(4)
        let program = try export(
            { (x: Tensor) in (try? x.reshaped([-1, 2]).sum(dim: 1)) ?? x }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(program.paths.map { "\($0)" } == ["x.shape[0] % 2 == 0", "x.shape[0] % 2 != 0"])
        // Of two requirements in a row each is one or the other.
        let error = #expect(throws: ConstraintViolationError.self) {
            try export(
                { (x: Tensor) in try ((try? x.reshaped([-1, 2]).sum(dim: 1)) ?? x).narrowed(dim: 0, from: 0, length: 2) }, args: x,
                constraints: [dynamicDim(x, 0)])
        }
        #expect(error?.violations.isEmpty == false)
        #expect(throws: ConstraintViolationError.self) {
            try export(
                { (x: Tensor) in (try? x.reshaped([-1, 2]).sum(dim: 1)) ?? x }, args: x, constraints: [dynamicDim(x, 0)],
                options: ExportOptions(branches: .guardExample))
        }
    }

    @Test("Over the budget of paths, the error names the busiest line and what to do") func tooManyPaths() throws {
        let x = try vector(7)
        // Outside of the macro, which would give the line a name of its own.
        func f(_ x: Tensor) throws -> Tensor {
            var y = x
            for i in 0..<7 { if try x[i].item(SymFloat.self) > 0 { y = try y.sin() } }
            return y
        }
        let error = #expect(throws: ProgramError.self) { try export(f, args: x) }
        #expect(error?.message.hasPrefix("the function has more than 64 paths. The questions asked most:") == true)
        #expect(error?.message.contains("ExplorationTests.swift:") == true)
        #expect(error?.message.contains("use cond or whileLoop") == true)
        #expect(error?.message.hasSuffix("Or raise the limit: ExportOptions(branches: .explore(limit: 256)).") == true)
    }

    @Test("A loop that nothing bounds ends in an error that says so") func unboundedLoop() throws {
        let x = try vector(4)
        let error = #expect(throws: ProgramError.self) {
            try export(
                { (x: Tensor) in
                    var y = try x.sum()
                    while try y.item(SymFloat.self) < 100 { y = try y + 1 }
                    return y
                }, args: x)
        }
        #expect(error?.message.contains("more than 128 questions on one path") == true)
    }

    @Test("A function that asks something else on its second run is an error") func notDeterministic() throws {
        let x = try vector(4)
        nonisolated(unsafe) var runs = 0
        let error = #expect(throws: ProgramError.self) {
            try export(
                { (x: Tensor) in
                    runs += 1
                    return x.shape[0] > SymInt(1 + runs) ? try x.sin() : try x.cos()
                }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        }
        #expect(
            error?.message.contains("is not deterministic: a run asked 'x.shape[0] >= 4' where an earlier one asked 'x.shape[0] >= 3'")
                == true)
    }

    @Test("A function that computes something else on its second run is an error") func notDeterministicNodes() throws {
        let x = try vector(4)
        nonisolated(unsafe) var runs = 0
        let error = #expect(throws: ProgramError.self) {
            try export(
                { (x: Tensor) in
                    runs += 1
                    let y = try x * Double(runs)
                    return x.shape[0] > 3 ? try y.sin() : try y.cos()
                }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        }
        #expect(error?.message.contains("'mul' runs here on other arguments than in an earlier run") == true)
    }

    @Test("Runs see the same random state, and the caller's stays where it is") func randomState() throws {
        let x = try vector(4)
        nonisolated(unsafe) var seen: [RandomGenerator.State] = []
        _ = try export(
            { (x: Tensor) in
                seen.append(RandomGenerator.default.state)
                RandomGenerator.default.seed(UInt64(seen.count) + 12345)
                return x.shape[0] > 3 ? try x.sin() : try x.cos()
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        // Two runs that trace, two that compare.
        #expect(seen.count == 4)
        #expect(![12346, 12347, 12348].contains(RandomGenerator.default.state.seed))
        #expect(seen.allSatisfy { ![12346, 12347, 12348].contains($0.seed) })
    }

    @Test("A function that gives something else once it has been traced fails the check at the end") func selfCheck() throws {
        let x = try vector(3)
        nonisolated(unsafe) var runs = 0
        func f(_ x: Tensor) throws -> Tensor {
            runs += 1
            return runs > 1 ? try x + 1 : x
        }
        let error = #expect(throws: ProgramError.self) { try export(f, args: x) }
        #expect(error?.code == .selfCheck)
        #expect(error?.message.hasPrefix("the program differs from the function on inputs float32[3], path 'always': ") == true)
        runs = 0
        let program = try export(f, args: x, options: ExportOptions(selfCheck: false))
        #expect(runs == 1 && program.paths.count == 1)
    }

    @Test("The check at the end tries an input of each path that sizes and numbers tell apart") func selfCheckWitnesses() throws {
        let (x, k) = (try vector(4), try Tensor([1] as [Int], shape: []))
        nonisolated(unsafe) var seen: [String] = []
        _ = try export(
            { (x: Tensor, k: Tensor) in
                let isLong: Bool = x.shape[0] > 3
                let isSeven: Bool = try k.item() == 7
                if !x.isTraced { seen.append("\(isLong) \(isSeven)") }
                return isLong ? (isSeven ? try x + 1 : x) : try x * 2
            }, args: x, k, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(Set(seen) == ["true true", "true false", "false true", "false false"])
    }

    @Test("The range of a value that only one path bounds is not the bound") func rangesOfReads() throws {
        let k = try Tensor([4] as [Int], shape: [])
        let x = try vector(4)
        let program = try export(
            { (x: Tensor, k: Tensor) in
                let b = try k.item()
                if x.shape[0] > 3 { try constrainAsValue(b, min: 3, max: 5) }
                return try x * b
            }, args: x, k, constraints: [dynamicDim(x, 0).in(1...6)])
        #expect(program.symbolToRange.first { !$0.key.isBacked }?.value.upperBound != 5)
    }

    @Test("Path conditions are disjoint and cover the domain, at every point") func partition() throws {
        let x = try Tensor.ones([4, 5])
        let program = try export(
            { (x: Tensor) in
                let (n, m) = (x.shape[0], x.shape[1])
                if n * m > 12 { return n % 3 == 1 ? try x.sin() : try x.cos() }
                if min(n, m) == 2 { throw TensorError(.checkFailed, "two") }
                return n > m ? try x.exp() : x
            }, args: x, constraints: [dynamicDim(x, 0).in(1...8), dynamicDim(x, 1).in(1...8)])
        let symbols = program.symbolToRange.keys.sorted { $0.index < $1.index }
        for n in 1...8 {
            for m in 1...8 {
                var point = Assignment()
                point[symbols[0]] = n
                point[symbols[1]] = m
                let taken = program.paths.filter { path in path.conditions.allSatisfy { program.scope.evaluate($0, at: point) == true } }
                #expect(taken.count == 1, "\(n), \(m): \(taken)")
            }
        }
    }
}
