import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Loops that are laid out ahead against the same program node by node, with and without each pass.
@Suite struct LoopTests {
    /// Goes on while the sum of the first carried tensor is below the first operand.
    private func below(_ types: [ValueType], operand: Int) throws -> GraphBody {
        var condition = try Program(types)
        let sum = try condition.add("aten::sum", .tensor(condition.inputs[0]), .none)
        let holds = try condition.add("aten::lt.Tensor", .tensor(sum), .tensor(condition.inputs[operand]))
        return GraphBody(condition.graph(holds))
    }

    private func whileLoop(
        _ types: [ValueType], carried: Int, _ condition: GraphBody, _ body: GraphBody
    ) throws -> Graph {
        var program = try Program(types)
        let given: [Value] = program.inputs
        let results = program.copy.append(
            .whileLoop,
            [.graph(condition), .graph(body), .tensors(Array(given.prefix(carried))), .tensors(Array(given.dropFirst(carried)))],
            types: Array(types.prefix(carried)))
        return program.graph(results)
    }

    /// Carried tensors that change places, and one that stays: in no, one, two and more passes.
    @Test(arguments: [-9, 0, 1, 2.5, 8, 100] as [Float])
    func whatIsCarriedChangesPlaces(limit: Float) throws {
        let types = [try float32([3]), try float32([3]), try float32([3]), try float32([])]
        var body = try Program(types)
        let (a, b) = (body.inputs[0], body.inputs[1])
        let next = try body.add("aten::add.Tensor", .tensor(b), .tensor(a), .int(1))
        let graph = try whileLoop(
            types, carried: 3, try below(types, operand: 3), GraphBody(body.graph(next, a, body.inputs[2])))
        let inputs = [
            try Tensor([0.5, 0, 0.25] as [Float]), try Tensor([0, 1, 0.5] as [Float]), try ramp([3]), try Tensor([limit]).reshaped([]),
        ]
        try expectPlanAgrees(graph, inputs)
        #expect(try inputs[0].array(of: Float.self) == [0.5, 0, 0.25])
        #expect(try Plan(graph).loweredText(for: inputs).contains("while("))
    }

    /// What a pass may write over is written over in memory of the loop's own, from run to run.
    @Test func whatIsCarriedIsWrittenOver() throws {
        let types = [try float32([3]), try float32([])]
        var body = try Program(types)
        let doubled = try body.add("aten::mul.Tensor", .tensor(body.inputs[0]), .tensor(body.inputs[0]))
        let next = try body.add("aten::add.Tensor", .tensor(doubled), .tensor(body.inputs[1]), .int(1))
        let graph = try whileLoop(types, carried: 1, try below(types, operand: 1), GraphBody(body.graph(next)))
        let (x, limit) = (try Tensor([1, 2, 0] as [Float]), try Tensor([90] as [Float]).reshaped([]))
        try expectPlanAgrees(graph, [x, limit])
        let plan = try Plan(graph)
        let first = try plan.run([x, limit])
        let values = try first[0].tensor?.array(of: Float.self)
        _ = try plan.run([ramp([3], 4), limit])
        #expect(try first[0].tensor?.array(of: Float.self) == values)
        #expect(try x.array(of: Float.self) == [1, 2, 0])
    }

    /// A body that fails for these sizes fails in a pass, and not where there is none.
    @Test func bodiesThatFailFailWhereTheyRun() throws {
        let n = Sizes(1).sizes[0]
        let types = [try float32([n]), try float32([])]
        var body = try Program(types)
        let wide = try body.add("aten::expand", .tensor(body.inputs[0]), .ints([n]), .bool(false))
        let read = body.copy.append(
            try op("aten::select.int"), [.tensor(wide), .int(0), .int(3)], types: [try float32([])])
        let next = try body.add("aten::add.Tensor", .tensor(body.inputs[0]), .tensor(read[0]), .int(1))
        let graph = try whileLoop(types, carried: 1, try below(types, operand: 1), GraphBody(body.graph(next)))
        let limit = try Tensor([10] as [Float]).reshaped([])
        try expectPlanAgrees(graph, [try Tensor([1, 2, 3, 0.5] as [Float]), limit])
        try expectPlanAgrees(graph, [try Tensor([11, 2] as [Float]), limit])
        for plan in try everyPlan(graph) {
            let error = #expect(throws: TensorError.self) { try plan.run([try Tensor([1, 2] as [Float]), limit]) }
            let other = #expect(throws: TensorError.self) { try GraphExecutor(graph).run([try Tensor([1, 2] as [Float]), limit]) }
            #expect(error?.message == other?.message)
        }
    }

    /// Slices, stacked results, a result that is an operand, and an operand that is no contiguous tensor.
    @Test(arguments: [1, 2, 5]) func scans(length: Int) throws {
        let n = SymInt(length)
        let (row, xs, turned) = (try float32([1, 3]), try float32([n, 1, 3]), try float32([3, 3]))
        var body = try Program(row, row, turned)
        let product = try body.add("aten::mm", .tensor(body.inputs[0]), .tensor(body.inputs[2]))
        let sum = try body.add("aten::add.Tensor", .tensor(product), .tensor(body.inputs[1]), .int(1))
        let next = try body.add("aten::tanh", .tensor(sum))
        let part = try body.add("aten::slice.Tensor", .tensor(next), .int(1), .int(0), .int(2), .int(1))
        let results = body.graph(next, part, body.inputs[2])
        var program = try Program(row, xs, turned)
        let swapped = try program.add("aten::transpose.int", .tensor(program.inputs[2]), .int(0), .int(1))
        let types = [row, try float32([n, 1, 2]), try float32([n, 3, 3])]
        let made = program.copy.append(
            .scan,
            [.graph(GraphBody(results)), .tensors([program.inputs[0]]), .tensors([program.inputs[1]]), .tensors([swapped])], types: types)
        let graph = program.graph(made)
        try expectPlanAgrees(graph, [ramp([1, 3]), ramp([length, 1, 3], 2), ramp([3, 3], 5)])
        #expect(
            try Plan(graph).loweredText(for: [ramp([1, 3]), ramp([length, 1, 3], 2), ramp([3, 3], 5)]).contains("scan of \(length)("))
    }

    @Test func cancelledTasksLeaveTheirLoops() async throws {
        let types = [try float32([2]), try float32([])]
        var body = try Program(types)
        let next = try body.add("aten::neg", .tensor(body.inputs[0]))
        let graph = try whileLoop(types, carried: 1, try below(types, operand: 1), GraphBody(body.graph(next)))
        let plan = try Plan(graph)
        let (x, limit) = (try Tensor([1, -1] as [Float]), try Tensor([5] as [Float]).reshaped([]))
        let task = Task { try plan.run([x, limit]) }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
