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
        #expect(error?.suggestedFixes == ["dynamicDim(x, 0) == dynamicDim(y, 0)"])
    }
}
