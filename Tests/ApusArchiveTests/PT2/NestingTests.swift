import ApusExport
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Bodies in bodies and expressions in expressions: as deep as they are admitted, everything works on a small stack; deeper ones are errors.
@Suite("Deep nesting")
struct NestingTests {
    private static let deepest: Int = Graph.maximumNesting

    /// Runs the closure on a thread with the stack that threads of Swift's pool have.
    private func onSmallStack(_ body: @escaping @Sendable () throws -> Void) throws {
        let outcome = Outcome()
        let thread = Thread {
            outcome.result = Result { try body() }
            outcome.done.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        outcome.done.wait()
        try outcome.result?.get()
    }

    private final class Outcome: @unchecked Sendable {
        let done = DispatchSemaphore(value: 0)
        var result: Result<Void, any Error>?
    }

    // MARK: Programs

    /// `cond` in the closure of `cond`.
    @Sendable private static func branches(_ x: Tensor, _ depth: Int) throws -> Tensor {
        if depth == 0 { return try x.sin() }
        return try cond(try x.sum() .> Float(depth)) {
            try branches(try x + 0.5, depth - 1)
        } else: {
            try x.cos()
        }
    }

    /// Questions one after the other, each of which may return: merged, they nest.
    @Sendable private static func questions(_ x: Tensor, _ count: Int) throws -> Tensor {
        for index in 0..<count where try !(x.sum() .> Float(index)).item(Bool.self) { return try x.cos() + Float(index) }
        return try x.sin()
    }

    /// `whileLoop` in the body of `whileLoop`.
    @Sendable private static func loops(_ x: Tensor, _ depth: Int) throws -> Tensor {
        if depth == 0 { return try x.sin() }
        return try whileLoop(x) { x in
            try x.sum() .< Float(depth)
        } do: { x in
            try loops(x, depth - 1) + 10
        }
    }

    /// `scan` in the step of `scan`.
    @Sendable private static func scans(_ x: Tensor, _ depth: Int) throws -> Tensor {
        if depth == 0 { return try x.sin() }
        return try scan(x, over: x[..<1]) { h, y in (try scans(h, depth - 1) + y, y) }.0
    }

    private typealias Program = @Sendable (Tensor, Int) throws -> Tensor

    private func checkDeepest(_ function: @escaping Program) throws {
        let folder = try TemporaryFolder()
        let path: String = folder.file("nested.pt2")
        try onSmallStack {
            let x = try numbers([3], seed: 1)
            let program = try export(
                { (x: Tensor) in try function(x, NestingTests.deepest) }, args: x, options: ExportOptions(branches: .explore(limit: 100)))
            #expect(program.graph.nesting == NestingTests.deepest)
            try Verifier().verify(program.graph, scope: program.scope)
            #expect(program.description.split(separator: "\n").count > NestingTests.deepest)
            let passes: [any GraphPass] = [
                DeadCodeElimination(), CommonSubexpressionElimination(), SizeSimplification(), ProvedAssertions(),
            ]
            let transformed: ExportedProgram = try program.transform(passes)
            try program.save(to: path)
            let loaded: ExportedProgram = try .load(from: path)
            #expect(loaded.graph.nesting == NestingTests.deepest)
            for number in [-1.0, 0.5, 11, 100] as [Float] {
                let input = try Tensor.full([3], number)
                let expected: Tensor = try function(input, NestingTests.deepest)
                for program in [program, transformed, loaded] {
                    #expect(try difference(try program(input), expected, rtol: 0, atol: 0) == nil, "\(number)")
                }
            }
        }
    }

    private func message(_ body: @escaping @Sendable () throws -> Void) -> String {
        do { try onSmallStack(body) } catch { return error.unplaced }
        return "no error"
    }

    @Test func branchesInBranches() throws { try checkDeepest(NestingTests.branches) }
    @Test func questionsAfterQuestions() throws { try checkDeepest(NestingTests.questions) }
    @Test(.timeLimit(.minutes(20))) func loopsInLoops() throws { try checkDeepest(NestingTests.loops) }
    @Test(.timeLimit(.minutes(20))) func scansInScans() throws { try checkDeepest(NestingTests.scans) }

    @Test func deeperIsRefused() throws {
        let remedy = "put questions that follow one another into a loop (whileLoop, scan), or ask them of numbers with Tensor.where"
        func refusal(_ function: @escaping Program, _ depth: Int) -> String {
            message {
                let x = try numbers([3], seed: 1)
                _ = try export({ (x: Tensor) in try function(x, depth) }, args: x, options: ExportOptions(branches: .explore(limit: 1000)))
            }
        }
        #expect(refusal(NestingTests.branches, 65) == "branches and loops nest 65 deep, and a program keeps 64 levels; \(remedy)")
        #expect(refusal(NestingTests.branches, 1000) == "branches and loops nest 65 deep, and a program keeps 64 levels; \(remedy)")
        #expect(refusal(NestingTests.questions, 65) == "branches and loops nest 65 deep, and a program keeps 64 levels; \(remedy)")
        #expect(refusal(NestingTests.questions, 120) == "branches and loops nest 120 deep, and a program keeps 64 levels; \(remedy)")
    }

    @Test func filesThatAreDeeperAreRefused() throws {
        let folder = try TemporaryFolder()
        let x = try numbers([3], seed: 1)
        func refusal(_ depth: Int) throws -> String {
            let path: String = folder.file("nested\(depth).pt2")
            try export({ (x: Tensor) in try NestingTests.branches(x, 1) }, args: x).save(to: path)
            try editProgram(
                path,
                """
                import copy
                index = next(i for i, node in enumerate(graph["nodes"]) if "cond" in node["target"])
                inner = plain = graph["nodes"][index]
                for _ in range(\(depth - 1)):
                    outer = copy.deepcopy(plain)
                    outer["inputs"][1]["arg"]["as_graph"]["graph"]["nodes"].append(inner)
                    inner = outer
                graph["nodes"][index] = inner
                """)
            return message { _ = try ExportedProgram.load(from: path) }.replacingOccurrences(of: path, with: "FILE")
        }
        #expect(
            try refusal(65)
                == "FILE: models/model.json: graph_module.graph: branches and loops nest deeper than the 64 levels that a program keeps; export the program with fewer levels"
        )
        #expect(try refusal(100).contains("nested deeper than 512 levels"))
    }

    // MARK: Expressions

    @Sendable private static func size(_ n: SymInt, _ depth: Int) -> SymInt {
        (0..<depth).reduce(n) { size, _ in (size * 4 + 9) / 5 }
    }

    @Sendable private static func choice(_ n: SymInt, _ depth: Int) -> SymInt {
        var size: SymInt = n
        for level in 0..<depth {
            let isLarge: SymBool = size * 2 + 1 > level % 7 + 40
            size = SymInt.select(isLarge, n * 3 - level, n + level)
        }
        return size
    }

    private func checkExpression(_ function: @escaping @Sendable (SymInt, Int) -> SymInt, deepest: Int) throws {
        let folder = try TemporaryFolder()
        let path: String = folder.file("expression.pt2")
        try onSmallStack {
            let x = try numbers([3], seed: 1)
            let program = try export(
                { (x: Tensor) in function(x.shape[0], deepest) }, args: x, constraints: [dynamicDim(x, 0) <= 64])
            #expect(!program.description.isEmpty)
            try program.save(to: path, pyTorch: .notNeeded)
            let loaded: ExportedProgram = try .load(from: path)
            for rows in [1, 3, 40] {
                let expected: SymInt = function(SymInt(rows), deepest)
                for program in [program, loaded] {
                    let found: SymInt = try program(try numbers([rows], seed: 2))
                    #expect(found.constant == expected.constant, "\(rows)")
                }
            }
        }
        #expect(
            message {
                let x = try numbers([3], seed: 1)
                _ = try export({ (x: Tensor) in function(x.shape[0], 130) }, args: x, constraints: [dynamicDim(x, 0) <= 64])
            }.contains("the size expression nests deeper than 128 levels"))
    }

    @Test func sizesOfSizes() throws { try checkExpression(NestingTests.size, deepest: 127) }
    @Test func choicesOfChoices() throws { try checkExpression(NestingTests.choice, deepest: 42) }
}
