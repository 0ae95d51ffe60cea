import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Programs that read values: numbers that the steps read as they run, and programs in pieces around sizes that values decide on.
@Suite struct ReadingTests {
    /// x * i + i as an operand, a condition on i, and i itself among the results.
    @Test func numbersAreReadByTheSteps() throws {
        let graph = try readingGraph()
        for (value, seed) in [(3, 0), (-2, 1), (0, 2), (7, 3)] {
            try expectPlanAgrees(graph, [ramp([4], seed), try Tensor([Int64(value)]).reshaped([])])
        }
        let inputs = [try ramp([4]), try Tensor([Int64(5)]).reshaped([])]
        let text = try Plan(graph).loweredText(for: inputs)
        #expect(!text.contains("node by node") && !text.contains("in pieces"), "\(text)")
        let plan = try Plan(graph)
        for value in [Int64(4), -4, 4] {
            let results = try plan.run([ramp([4]), try Tensor([value]).reshaped([])])
            #expect("\(results[1])" == "\(value * value)")
        }
    }

    /// A number that does not fit is an error of the run that reads it.
    @Test func whatOverflowsIsAnError() throws {
        let graph = try readingGraph()
        let inputs = [try ramp([4]), try Tensor([Int64.max / 2]).reshaped([])]
        let expected = #expect(throws: TensorError.self) { try GraphExecutor(graph).run(inputs) }
        for plan in try everyPlan(graph) {
            let error = #expect(throws: TensorError.self) { try plan.run(inputs) }
            #expect(error?.message == expected?.message)
        }
    }

    private func readingGraph() throws -> Graph {
        let read = numberThatIsRead()
        var program = try Program(float32([4]), .tensor(TensorSpec(.int64, .scalar)))
        _ = program.copy.append(try op("aten::item"), [.tensor(program.inputs[1])], types: [.int(read)])
        let scaled = program.copy.append(
            try op("aten::mul.Scalar"), [.tensor(program.inputs[0]), .scalar(.int(read))], types: [try float32([4])])
        let sine = try program.add("aten::sin", .tensor(scaled[0]))
        func branch(_ name: String) throws -> GraphBody {
            var body = try Program(float32([4]))
            let result = try body.add(name, .tensor(body.inputs[0]))
            return GraphBody(body.graph(result))
        }
        let chosen = program.copy.append(
            .cond,
            [.symBool(read > 0), .graph(try branch("aten::exp")), .graph(try branch("aten::neg")), .tensors([sine])],
            types: [try float32([4])])
        var graph = program.graph(chosen)
        graph.outputs.append(.int(read * read))
        return graph
    }

    /// Sizes that values decide on: for lengths that are new each time, and for those that come again.
    @Test func piecesAroundSizesThatValuesDecideOn() throws {
        let size = numberThatIsRead(isSize: true)
        var program = try Program(float32([6]), float32([1]))
        let positive = try program.add("aten::gt.Scalar", .tensor(program.inputs[0]), .int(0))
        let found = program.copy.append(
            try op("aten::nonzero"), [.tensor(positive)], types: [.tensor(TensorSpec(.int64, try Shape([size, 1])))])
        let flat = try program.add("aten::squeeze.dim", .tensor(found[0]), .int(1))
        let picked = try program.add("aten::index_select", .tensor(program.inputs[0]), .int(0), .tensor(flat))
        let scaled = try program.add("aten::mul.Tensor", .tensor(picked), .tensor(program.inputs[1]))
        let shifted = try program.add("aten::add.Tensor", .tensor(scaled), .tensor(program.inputs[1]), .int(1))
        let sum = try program.add("aten::sum", .tensor(shifted), .none)
        let graph = program.graph(shifted, sum)
        let plan = try Plan(graph, roles: [.varying, .frozen])
        let weight = try Tensor([1.5] as [Float])
        for _ in 0..<3 {
            for count in [2, 2, 5, 0, 6, 2] {
                let x = try Tensor((0..<6).map { Float($0 < count ? $0 + 1 : -1) })
                try expectAgrees(plan, graph, [x, weight])
            }
        }
        try expectPlanAgrees(graph, [ramp([6]), weight])
        let text = try plan.loweredText(for: [ramp([6]), weight])
        #expect(
            text.contains(
                """
                in pieces: 'aten::nonzero' gives what depends on values
                    0: aten::gt.Scalar(%x0) -> %gt
                    1: aten::nonzero(%gt) -> %nonzero
                    2: plan of 5 nodes(%nonzero, %x0, %x1) -> %add, %sum

                """), "\(text)")
    }
}
