import Apus
import Testing

/// The four examples of the seeds, each from one artifact.
@Suite struct SeedExamplesTests {
    static func branching(x: Tensor) throws -> Tensor {
        if x.shape[0] > 3 { return try x.cos() }
        return try x.sin()
    }

    @Test(arguments: [3, 4, 6]) func k7BothBranchesFromOneArtifact(example: Int) throws {
        let x = try Tensor.ones([SymInt(example), 2])
        let program = try export(Self.branching, args: x, constraints: [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6])
        for n in 3...6 {
            let input = try Tensor((0..<(2 * n)).map { Float($0) }, shape: [n, 2])
            let output: Tensor = try program(input)
            #expect(try output.array(of: Float.self) == Self.branching(x: input).array(of: Float.self))
        }
        for n in [2, 7] {
            let input = try Tensor.ones([SymInt(n), 2])
            let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(input) }
            #expect(error?.description == "x.shape[0] must be in 3...6, got \(n)")
        }
    }

    @Test func k8DecidedBranchesLeaveNoTrace() throws {
        let x = try Tensor.ones([4, 2])
        let cos = try export(Self.branching, args: x, constraints: [dynamicDim(x, 0).in(4...6)])
        #expect(cos.graph.operators.map(\.name) == ["aten::cos"])
        let small = try Tensor.ones([2, 2])
        let sin = try export(Self.branching, args: small, constraints: [dynamicDim(small, 0).in(2...3)])
        #expect(sin.graph.operators.map(\.name) == ["aten::sin"])
    }

    @Test func k10EqualDimensions() throws {
        let x = try Tensor.ones([4])
        let y = try Tensor.ones([4])
        let program = try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0) == dynamicDim(y, 0)])
        let output: Tensor = try program(try Tensor.ones([7]), try Tensor.ones([7]))
        #expect(try output.array(of: Float.self) == Array(repeating: 2, count: 7))
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(try Tensor.ones([5]), try Tensor.ones([1])) }
        #expect(error?.description == "y: dimension 0 must be 5, equal to x.shape[0], got 1")
    }

    @Test func k10SuggestsTheEquality() throws {
        let x = try Tensor.ones([4])
        let y = try Tensor.ones([4])
        let error = #expect(throws: ConstraintViolationError.self) {
            try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
        }
        #expect(error?.suggestedFixes.map(\.description) == ["dynamicDim(x, 0) == dynamicDim(y, 0)"])
    }
}

final class Counter: Module {
    @Parameter var scale: Tensor
    @Buffer var count: Tensor

    init() throws {
        scale = try Tensor.full([1], 2.0)
        count = try Tensor.zeros([1])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        count = try count + 1
        return try x * scale + count
    }
}

@Suite struct ArtifactTests {
    @Test func s24BuffersCount() throws {
        let model = try Counter()
        let x = try Tensor.ones([3])
        let program = try export(model, args: x)
        #expect(try model.count.array(of: Float.self) == [0])
        #expect(program.graphSignature.parameters == ["scale"])
        #expect(program.graphSignature.buffers == ["count"])
        #expect(Set(program.graphSignature.buffersToMutate.values) == ["count"])
        let first: Tensor = try program(x)
        let second: Tensor = try program(x)
        #expect(try first.array(of: Float.self) == [3, 3, 3])
        #expect(try second.array(of: Float.self) == [4, 4, 4])
        #expect(try program.stateDict["count"]?.array(of: Float.self) == [2])
        #expect(try model.count.array(of: Float.self) == [0])
    }

    @Test func s5EntryPointsShareState() throws {
        let model = try Counter()
        let x = try Tensor.ones([3])
        let programs = try export(
            [
                "once": EntryPoint({ (x: Tensor) in try model(x) }, args: x),
                "scaled": EntryPoint({ (x: Tensor) in try x * model.scale }, args: x),
            ],
            of: model)
        let once = try programs.program(named: "once")
        let _: Tensor = try once(x)
        #expect(try programs.program(named: "scaled").stateDict["count"]?.array(of: Float.self) == [1])
        #expect(programs["unknown"] == nil)
        let none: EntryPoints = [:]
        let error = #expect(throws: ProgramError.self) { try export(none, of: model) }
        #expect(error?.description == "no entry point is given; name at least one")
        let twice = #expect(throws: ProgramError.self) {
            try export(["a": EntryPoint({ (x: Tensor) in x }, args: x), "a": EntryPoint({ (x: Tensor) in x }, args: x)])
        }
        #expect(twice?.description == "the entry point 'a' is given twice")
    }

    @Test func s16s17TransformAndAssertions() throws {
        let x = try Tensor.ones([4])
        let program = try export({ (x: Tensor) in try x.cos() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        let asserted = try program.addRuntimeAssertions()
        let names = asserted.graph.nodes.map(\.operator.name)
        #expect(names.contains("aten::_assert_scalar"))
        #expect(try asserted.addRuntimeAssertions().graph.nodes.count == asserted.graph.nodes.count)
        #expect(program.graph.nodes.count == 1)
        #expect(throws: ProgramError.self) { let _: Tensor = try asserted(try Tensor.ones([7])) }
        #expect(try program.transform().graph.description == program.graph.description)
        print(asserted)
    }
}
