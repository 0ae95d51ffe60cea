import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusTensor
import ApusView
import Testing

@Suite("Differences of programs") struct DifferenceTests {
    private let x: Tensor

    init() throws { x = try Tensor([0.5, -1, 2], shape: [3]).to(.float32) }

    private func made(_ function: @escaping (Tensor) throws -> Tensor) throws -> ExportedProgram {
        try export(function, args: x, options: ExportOptions(names: ["x"]))
    }

    @Test("A program is the same as itself, whatever it is called") func same() throws {
        let program = try made { try $0.sin() * 2 }
        var parts: ProgramParts = program.parts
        for index in parts.graph.values.indices { parts.graph.rename(Graph.Value(index: index), to: "other\(index)") }
        let difference = try ProgramDifference(program, ExportedProgram(parts), inputs: [x])
        #expect(difference.verdict == .same && difference.entries.isEmpty && difference.differingNodes.isEmpty)
        #expect(difference.sameNodeCount == 2 && difference.results.map(\.passed) == [true] && difference.note == nil)
    }

    @Test("The first node that differs is named, and what it changes") func numbers() throws {
        let (a, b) = (try made { try ($0.sin() * 2).exp() }, try made { try ($0.sin() * 3).exp() })
        let difference = try ProgramDifference(a, b, inputs: [x])
        #expect(difference.verdict == .different)
        #expect(difference.entries.map(\.subject) == ["node"])
        #expect(difference.entries.first?.first?.contains("2") == true && difference.entries.first?.second?.contains("3") == true)
        #expect(difference.sameNodeCount == 1)
        #expect(difference.differingNodes.map(\.operator) == ["aten::mul.Tensor", "aten::exp"])
        let first = try #require(difference.firstDifference)
        let expected: Double = try Double((x.sin().abs().max()).item(Float.self))
        #expect(abs(first.largestDifference - expected) < 1e-6 && first.site?.hasPrefix("DifferenceTests.swift") == true)
        #expect(difference.results.map(\.passed) == [false])
        // Within wide tolerances no result differs: whether the programs do, nobody can tell.
        #expect(try ProgramDifference(a, b, inputs: [x], absoluteTolerance: 1000).verdict == .undecided)
        #expect(try ProgramDifference(a, b).verdict == .undecided)
    }

    @Test("Nodes that are added stand out, and the rest stays matched") func structure() throws {
        let a = try made { try ($0.sin() * 2).exp().tanh() }
        let b = try made { try ($0.sin() * 2).abs().exp().tanh() }
        let difference = try ProgramDifference(a, b, inputs: [x])
        #expect(difference.entries.compactMap(\.second).map { $0.contains("aten::abs") } == [true])
        #expect(difference.entries.allSatisfy { $0.first == nil })
        #expect(difference.firstDifference?.operator == "aten::exp")
        let back = try ProgramDifference(b, a, inputs: [x])
        #expect(back.entries.compactMap(\.first).map { $0.contains("aten::abs") } == [true] && back.verdict == .different)
        // Written otherwise, with the same results.
        let other = try made { try ($0.sin() * 2).exp().tanh().abs() }
        #expect(try ProgramDifference(a, other, inputs: [x]).verdict == .undecided)
    }

    @Test("Weights are told apart to the last bit") func weights() throws {
        let (a, b) = (try Programs.layers(), try Programs.layers())
        #expect(try ProgramDifference(a, a, inputs: [Tensor.ones([2, 3])]).verdict == .same)
        var state: [String: Tensor] = a.stateDict
        let name: String = try #require(state.keys.sorted().first)
        let old: Tensor = try #require(state[name])
        var numbers: [Float] = try old.array(of: Float.self)
        numbers[1] = numbers[1].nextUp
        state[name] = try Tensor(numbers, shape: old.sizes)
        try b.load(state)
        let difference = try ProgramDifference(a, b, inputs: [Tensor.zeros([2, 3])])
        #expect(difference.verdict == .different && difference.entries.map(\.name) == [name])
        #expect(difference.sameNodeCount == a.graph.nodes.count)
    }

    @Test("Signatures, ranges and inputs that one does not take") func signatures() throws {
        let a = try Programs.layers()
        let other = try Programs.layers(upTo: 32)
        try other.load(a.stateDict)
        let difference = try ProgramDifference(a, other, inputs: [Tensor.ones([40, 3])])
        #expect(difference.entries.map(\.subject) == ["range", "range"] && difference.verdict == .different)
        #expect(difference.note?.contains("must be in 1...32, got 40") == true)
        let shapes = try ProgramDifference(try made { try $0.sin() }, try export({ (x: Tensor) in try x.sin() }, args: Tensor.ones([4])))
        #expect(Set(shapes.entries.map(\.subject)) == ["input", "output", "node"] && shapes.verdict == .different)
    }

    @Test("A body that was changed is a node that was changed") func bodies() throws {
        func program(_ factor: Float) throws -> ExportedProgram {
            try made { x in
                try cond(x.sum() .> 0) {
                    try x * factor
                } else: {
                    try x.cos()
                }
            }
        }
        let difference = try ProgramDifference(program(2), program(3), inputs: [x])
        #expect(difference.entries.count == 1 && difference.verdict == .different, "\(difference.entries)")
    }

    @Test("Thousands of nodes are matched soon") func long() throws {
        let a = try Programs.long(5000)
        var parts: ProgramParts = a.parts
        parts.graph.nodes[2500].arguments[2] = .scalar(.int(2))
        let b = try ExportedProgram(parts)
        let clock = ContinuousClock()
        let duration: Duration = try clock.measure {
            let difference = try ProgramDifference(a, b)
            #expect(
                difference.sameNodeCount == 2500 && difference.entries.count == 1, "\(difference.sameNodeCount) \(difference.entries.count)"
            )
        }
        #expect(duration < .seconds(30), "\(duration)")
    }
}
