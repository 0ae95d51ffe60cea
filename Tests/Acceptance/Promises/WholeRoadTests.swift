import Apus
import Foundation
import Synchronization
import Testing

/// The whole road in short, a promise at a time; each is tested at length where it belongs.
@Suite struct WholeRoadTests {
    private func violation(_ body: () throws -> Void) throws -> ConstraintViolationError {
        try #require(#expect(throws: ConstraintViolationError.self) { try body() })
    }

    @Test func whatCannotBeDynamicAndWhatCan() throws {
        let x = try Tensor.ones([4, 6])
        let bias = try Tensor.zeros([6])
        let error = try violation {
            _ = try export({ (x: Tensor) in try x + bias }, args: x, constraints: [dynamicDim(x, 0) <= 256, dynamicDim(x, 1)])
        }
        #expect(error.description.contains("Dimension 1 of x was specialised to 6: it cannot be dynamic."))
        #expect(
            error.description.hasSuffix("Dimensions that can be dynamic, as constraints to pass:\n    dynamicDim(x, 0) <= 256"))
        let program = try export({ (x: Tensor) in try x + bias }, args: x, constraints: error.constraints)
        #expect(program.symbolToRange.map { "\($0.value)" } == ["1...256"])
    }

    @Test func theLogTellsOfSymbolsAndGuards() throws {
        let lines = Mutex<[String]>([])
        let x = try Tensor.ones([4, 2])
        let line: Int = #line + 1
        let f = { (x: Tensor) in x.shape[0] > 3 ? try x.cos() : try x.sin() }
        _ = try export(
            f, args: x, constraints: [dynamicDim(x, 0).in(3...6)],
            options: ExportOptions(log: .lines { text in lines.withLock { $0.append(text) } }))
        let found: [String] = lines.withLock { $0 }
        #expect(found.first == "symbol          s0 = x.shape[0] in 3...6, 4 in the example")
        #expect(found.contains { $0.hasPrefix("question        x.shape[0] >= 4") && $0.hasSuffix("WholeRoadTests.swift:\(line)") })
    }

    @Test func coincidingExamplesAreNoEquality() throws {
        let (x, y) = (try vector(4), try vector(4))
        let program = try export(
            { (x: Tensor, y: Tensor) in try Tensor.cat([x, y]) }, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        #expect(program.symbolToRange.count == 2)
        let output: Tensor = try program(try vector(2), try vector(5))
        #expect(try output.sizes == [7])
        // Equal to a number; a range that is not included; an equality that is missing.
        func fixes(_ f: @escaping (Tensor, Tensor) throws -> Tensor) throws -> [String] {
            try violation { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)]) }.suggestedFixes.map(
                \.description)
        }
        let four = try vector(4)
        #expect(try fixes { x, _ in try x + four } == ["dynamicDim(x, 0) == 4"])
        #expect(try fixes { x, _ in try x.narrowed(dim: 0, from: 0, length: 3) } == ["dynamicDim(x, 0) >= 3"])
        #expect(try fixes { x, y in try x * y } == ["dynamicDim(x, 0) == dynamicDim(y, 0)"])
    }

    @Test func exportChecksItself() throws {
        nonisolated(unsafe) var runs = 0
        func f(_ x: Tensor) throws -> Tensor {
            runs += 1
            return runs > 1 ? try x + 1 : x
        }
        let error = #expect(throws: ProgramError.self) { try export(f, args: try vector(3)) }
        #expect(error?.code == .selfCheck)
    }

    @Test func condGoesEitherWay() throws {
        let x = try vector(4)
        func f(_ x: Tensor, _ flag: Tensor) throws -> Tensor {
            let scale = try x.sum()
            return try cond(flag, then: { try cond(x.shape[0] > 3, then: { try x * scale }, else: { try x - scale }) }, else: { try x + 1 })
        }
        let (yes, no) = (try Tensor([true], shape: []), try Tensor([false], shape: []))
        let program = try export(f, args: x, yes, constraints: [dynamicDim(x, 0)])
        #expect(program.graphModule.subgraphs.count == 4)
        for size in 1...5 {
            for flag in [yes, no] {
                let output: Tensor = try program(try vector(size), flag)
                #expect(try output.floats == f(vector(size), flag).floats)
            }
        }
        #expect(throws: (any Error).self) {
            try export({ (x: Tensor) in try cond(try x.sum() .> 0, then: { x }, else: { try x.to(.int64) }) }, args: x)
        }
    }

    @Test func loopsRunAtAnyLength() throws {
        let x = try vector(4)
        func f(_ x: Tensor) throws -> (Tensor, Tensor, Tensor) {
            let squares = try map(x) { try $0 * $0 }
            let (_, sums) = try scan(try Tensor.zeros([]), over: x) { total, value in (try total + value, try total + value) }
            let halved = try whileLoop(try x.sum(), while: { try $0 .> 1 }, do: { try $0 * 0.5 })
            return (squares, sums, halved)
        }
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0)])
        for size in [1, 2, 50] {
            let (squares, sums, halved): (Tensor, Tensor, Tensor) = try program(try vector(size))
            let expected = try f(vector(size))
            #expect(try squares.floats == expected.0.floats && sums.floats == expected.1.floats && halved.floats == expected.2.floats)
        }
    }

    @Test func operatorsHaveAShapeRule() throws {
        let errors = try Compiler.errors(
            """
            import Apus
            func f() throws -> Operator { Operator(try Operator.Schema("mine::twice(Tensor self) -> Tensor"), kernel: .host { _ in [] }) }
            """)
        #expect(errors.contains("missing argument for parameter 'rule' in call"))
    }

    @Test func nodesKnowWhereTheyComeFrom() throws {
        final class Block: Module {
            let layer: Linear
            init() throws { layer = try Linear(2, 2) }
            func forward(_ x: Tensor) throws -> Tensor { try layer(x).relu() }
        }
        let x = try Tensor.ones([3, 2])
        let program = try export(try Block(), args: x, constraints: [dynamicDim(x, 0)])
        #expect(program.graph.nodes.map { $0.modulePath.map(\.path) } == [["", "layer"], [""]])
        for node in program.graph.nodes {
            #expect(node.site.map { "\($0)".contains("WholeRoadTests.swift:") || "\($0)".contains("Linear.swift:") } == true)
            #expect(node.outputs.map { program.graph.type($0).description } == ["float32[s0, 2]"])
        }
    }

    @Test func stagesEndInADialect() throws {
        let program = try export({ (x: Tensor) in try Tensor.hstack([x, x]).cos() }, args: try vector(2))
        let core = try program.transform(PassPipeline([.init("core", [Decomposition()], dialect: .coreATen)]))
        #expect(core.graph.operators.map(\.name) == ["aten::cat", "aten::cos"])
        #expect(
            text { _ = try program.transform(PassPipeline([.init("core", [DeadCodeElimination()], dialect: .coreATen)])) }
                .hasPrefix("stage 'core' did not reach its dialect: invalid program: node 'hstack' (aten::hstack): "))
    }

    @Test func casesAreSavedWithTheProgram() throws {
        let path = temporaryPath(".pt2")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let program = try export({ (x: Tensor) in try x.cos() }, args: try vector(3))
        try program.save(to: path, cases: [try program.makeCase("ramp", inputs: [try vector(3)])])
        let cases = try ProgramCase.load(from: path)
        let loaded = try ExportedProgram.load(from: path)
        #expect(cases.map(\.name) == ["ramp"])
        for found in cases { #expect(try loaded.check(found).allSatisfy(\.passed)) }
    }
}
