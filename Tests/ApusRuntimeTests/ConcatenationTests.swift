import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// What is joined is written where the result has it.
struct ConcatenationTests {
    private func kinds(_ bound: BoundPlan, named name: String) -> [Block.Kind] {
        bound.program.steps.filter { $0.operators.contains { $0.name == name } }.flatMap(\.outputs).compactMap { tensor in
            bound.blocks.first { $0.storage === tensor.storage }?.kind
        }
    }

    private func sums(_ program: inout Program, _ value: Value) throws -> Value {
        try program.add("aten::cumsum", .tensor(value), .int(1), .none)
    }

    @Test func partsOfAResultAreWrittenThere() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 4]), float32([2, 4]))
        let first = try sums(&program, program.inputs[0])
        let second = try sums(&program, first)
        let joined = try program.add("aten::cat", .tensors([second, program.inputs[1], first]), .int(0))
        let after = try program.add("aten::neg", .tensor(first))
        let graph = program.graph(joined, after)
        let bound = try Plan(graph).bind([ramp([3, 4]), ramp([2, 4])])
        let host = bound.resultBlocks[0]
        #expect(kinds(bound, named: "aten::cumsum") == [.part(of: host, byteOffset: 80), .part(of: host, byteOffset: 0)])
        #expect(bound.placement.byteCount == 0)
        #expect(ArenaCheck(bound).offences.isEmpty)
        for size in [3, 1, 40] { try expectPlanAgrees(graph, [ramp([size, 4], 1), ramp([2, 4], 2)]) }
    }

    @Test func partsOfPartsAreWrittenThere() throws {
        var program = try Program(float32([8, 4]))
        let a = try sums(&program, program.inputs[0])
        let b = try program.add("aten::cos", .tensor(program.inputs[0]))
        let stacked = try program.add("aten::stack", .tensors([b, a]), .int(0))
        let flat = try program.add("aten::reshape", .tensor(stacked), .ints([16, 4]))
        let joined = try program.add("aten::cat", .tensors([program.inputs[0], flat]), .int(0))
        let total = try program.add("aten::sum.dim_IntList", .tensor(joined), .ints([0]), .bool(false), .none)
        let bound = try Plan(program.graph(total)).bind([ramp([8, 4])])
        guard case .part(let host, let byteOffset)? = kinds(bound, named: "aten::cumsum").first else {
            Issue.record("the sums lie elsewhere")
            return
        }
        #expect(byteOffset == 256 && bound.blocks[host].byteCount == 384)
        #expect(bound.placement.byteCount == 384)
        #expect(ArenaCheck(bound).offences.isEmpty)
        try expectPlanAgrees(program.graph(total), [ramp([8, 4])])
        try expectPlanAgrees(program.graph(joined, a, total), [ramp([8, 4])])
    }

    @Test func partsThatCannotStay() throws {
        var program = try Program(float32([1, 4]), float32([4, 4]))
        let a = try sums(&program, program.inputs[0])
        // Twice the same, of another dtype, along an inner dimension, returned itself.
        let twice = try program.add("aten::cat", .tensors([a, a]), .int(0))
        let wide = try program.add("aten::_to_copy", .tensor(a), .dtype(.float64))
        let mixed = try program.add("aten::cat", .tensors([wide, a]), .int(0))
        let b = try sums(&program, program.inputs[1])
        let inner = try program.add("aten::cat", .tensors([b, b]), .int(-1))
        try expectPlanAgrees(program.graph(twice, mixed, inner, a), [ramp([1, 4]), ramp([4, 4], 3)])
        // Behind a part that widens as it is copied, and behind one that narrows.
        let wider = try sums(&program, wide)
        let behind = try program.add("aten::cat", .tensors([program.inputs[0], wider]), .int(0))
        let whole = try program.add("aten::_to_copy", .tensor(program.inputs[1]), .dtype(.int64))
        let narrowed = try program.add("aten::cat", .tensors([whole, b]), .int(0))
        let nested = try program.add("aten::cat", .tensors([whole, narrowed]), .int(0))
        try expectPlanAgrees(program.graph(behind, narrowed, nested), [ramp([1, 4]), ramp([4, 4], 3)])
    }

    /// A large result is not there for all the time that a small early part of it is.
    @Test func memoryDoesNotGrow() throws {
        var program = try Program(float32([4, 4]), float32([4096, 4]))
        let early = try sums(&program, program.inputs[0])
        var value = try sums(&program, program.inputs[1])
        for _ in 0..<3 { value = try sums(&program, value) }
        let row = try program.add("aten::sum.dim_IntList", .tensor(value), .ints([0]), .bool(true), .none)
        let late = try program.add("aten::expand", .tensor(row), .ints([4096, 4]))
        let sum = try sums(&program, late)
        let joined = try program.add("aten::cat", .tensors([sum, early]), .int(0))
        let total = try program.add("aten::sum.dim_IntList", .tensor(joined), .ints([0]), .bool(false), .none)
        let graph = program.graph(total)
        let inputs = [try ramp([4, 4]), try ramp([4096, 4])]
        let bound = try Plan(graph).bind(inputs)
        let plain = try Plan(graph, pipeline: .standard.skipping(["concatenate-in-place"])).bind(inputs)
        #expect(kinds(bound, named: "aten::cumsum").count { if case .part = $0 { true } else { false } } == 1)
        #expect(bound.placement.byteCount <= plain.placement.byteCount)
        try expectPlanAgrees(graph, inputs)
    }

    @Test func oneTensorAmongEmptyOnesIsNotCopied() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 4]), float32([0]), float32([0, 4]), .tensor(TensorSpec(.float64, try Shape([0]))))
        let x = program.inputs
        let cos = try program.add("aten::cos", .tensor(x[0]))
        let joined = try program.add("aten::cat", .tensors([x[1], cos, x[2]]), .int(0))
        let same = try program.add("aten::cat", .tensors([x[0]]), .int(1))
        let wide = try program.add("aten::cat", .tensors([x[3], x[0]]), .int(0))
        let sum = try sums(&program, joined)
        let graph = program.graph(sum, same, wide)
        func inputs(_ size: Int) throws -> [Tensor] {
            [try ramp([size, 4]), try Tensor.zeros([0]), try Tensor.zeros([0, 4]), try Tensor.zeros([0], dtype: .float64)]
        }
        let bound = try Plan(graph).bind(inputs(3))
        // Another dtype is a copy all the same.
        #expect(bound.program.steps.flatMap(\.operators).count { $0 == .cat } == 1)
        for size in [3, 0, 1] { try expectPlanAgrees(graph, inputs(size)) }
        let given = try inputs(3)
        guard case .tensor(let result) = try Plan(graph).run(given)[1] else { return }
        #expect(result.baseAddress == given[0].baseAddress)
    }

    /// Loops have results, and arenas, of their own.
    @Test func loopsJoinInPlace() throws {
        var body = try Program(float32([2, 4]), float32([1, 4]))
        let next = try body.add("aten::cos", .tensor(body.inputs[0]))
        let sum = try body.add("aten::cumsum", .tensor(body.inputs[1]), .int(1), .none)
        let column = try body.add("aten::cat", .tensors([sum, body.inputs[0]]), .int(0))
        let inner = body.graph(next, column)
        var program = try Program(float32([2, 4]), float32([5, 1, 4]))
        let results = program.copy.append(
            .scan, [.graph(GraphBody(inner)), .tensors([program.inputs[0]]), .tensors([program.inputs[1]]), .tensors([])],
            types: [try float32([2, 4]), try float32([5, 3, 4])])
        try expectPlanAgrees(program.graph(results), [ramp([2, 4]), ramp([5, 1, 4], 2)])
    }
}
