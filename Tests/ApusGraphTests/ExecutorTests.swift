import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@Suite struct ExecutorTests {
    @Test func runsNodesInOrder() throws {
        let type = try float32([2, 3])
        var graph = Graph()
        let (x, y) = (graph.addInput("x", type), graph.addInput("y", type))
        let sum = try graph.add("aten::add.Tensor", .tensor(x), .tensor(y), .int(1), type: type)
        let cos = try graph.add("aten::cos", .tensor(sum), type: type)
        graph.outputs = [.value(cos), .value(x), .literal(.int(7))]
        let (a, b) = (try ramp([2, 3]), try ramp([2, 3]).cos())
        let results = try GraphExecutor(graph).run([a, b])
        #expect(try results[0].tensor?.array(of: Float.self) == (a + b).cos().array(of: Float.self))
        #expect(results[1].tensor?.identity == a.identity)
        #expect("\(results[2])" == "7")
    }

    @Test func bindsSymbolsFromShapes() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([one.size, 4]))
        let flat = try graph.add("aten::reshape", .tensor(x), .ints([one.size * 2, 2]), type: try float32([one.size * 2, 2]))
        graph.outputs = [.value(flat), .int(one.size * one.size + 1)]
        for size in [0, 1, 2, 7, 100] {
            let results = try GraphExecutor(graph).run([try ramp([size, 4])])
            #expect(try results[0].tensor?.sizes == [size * 2, 2])
            #expect("\(results[1])" == "\(size * size + 1)")
        }
    }

    @Test func solvesLinearSizes() throws {
        let one = OneSize()
        var graph = Graph()
        _ = graph.addInput("x", try float32([one.size * 3 + 2]))
        graph.outputs = [.int(one.size)]
        #expect(try "\(GraphExecutor(graph).run([ramp([14])])[0])" == "4")
        #expect(throws: TensorError.self) { try GraphExecutor(graph).run([ramp([15])]) }
    }

    @Test func picksTheBranchBySize() throws {
        let graph = try branchGraph(OneSize())
        for size in 1...6 {
            let x = try ramp([size])
            let results = try GraphExecutor(graph).run([x])
            let expected = try (size > 3 ? x.cos() : x.sin()) * 2
            #expect(try results[0].tensor?.array(of: Float.self) == expected.array(of: Float.self))
            #expect("\(results[1])" == "\(size * 2)")
            #expect("\(results[2])" == "\"done\"")
        }
    }

    @Test func picksTheBranchByValue() throws {
        let type = try float32([2])
        var graph = Graph()
        let x = graph.addInput("x", type)
        let predicate = graph.addInput("p", .tensor(TensorSpec(.bool, .scalar)))
        let branch = graph.append(
            .cond,
            [
                .tensor(predicate), .graph(GraphBody(try .elementwise("aten::cos", type))),
                .graph(GraphBody(try .elementwise("aten::neg", type))), .tensors([x]),
            ], types: [type])
        graph.outputs = branch.map { .value($0) }
        try verify(graph)
        let a = try ramp([2])
        for value in [true, false] {
            let result = try GraphExecutor(graph).run([a, try Tensor([value], shape: [])])[0].tensor
            #expect(try result?.array(of: Float.self) == (value ? a.cos() : a.neg()).array(of: Float.self))
        }
        let error = #expect(throws: TensorError.self) {
            try GraphExecutor(graph).run([a, try Tensor([true, true], shape: [2])])
        }
        #expect(error?.message == "input 'p' is bool[2] where the program has bool[]")
    }

    @Test func assertionsThrowTheirMessageAndPlace() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([one.size]))
        let condition: SymBool = one.size % 2 == 0
        graph.append(.assertScalar, [.symBool(condition), .string("even sizes only")], types: [], site: .text("Model.swift:3"))
        graph.outputs = [.value(x)]
        _ = try GraphExecutor(graph).run([try ramp([4])])
        let error = #expect(throws: TensorError.self) { try GraphExecutor(graph).run([ramp([3])]) }
        #expect(error?.code == .checkFailed)
        #expect(error?.description == "even sizes only (at Model.swift:3)")
    }

    @Test func refusesInputsThatDoNotFit() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([one.size, 3]))
        let y = graph.addInput("y", try float32([one.size]))
        graph.outputs = [.value(x), .value(y)]
        let executor = GraphExecutor(graph)
        func message(_ inputs: [Tensor]) -> String? {
            do { _ = try executor.run(inputs) } catch { return error.unplaced }
            return nil
        }
        #expect(try message([ramp([2, 3])]) == "the program takes 2 inputs, not 1")
        #expect(
            try message([ramp([2, 4]), ramp([2])])
                == "input 'x' is float32[2, 4] where the program has float32[s0, 3]: dimension 1 does not fit")
        #expect(
            try message([ramp([2, 3]), ramp([5])]) == "input 'y' is float32[5] where the program has float32[s0]: dimension 0 does not fit")
        #expect(
            try message([ramp([2, 3], dtype: .float64), ramp([2])]) == "input 'x' is float64[2, 3] where the program has float32[s0, 3]")
        #expect(try message([ramp([2]), ramp([2])]) == "input 'x' is float32[2] where the program has float32[s0, 3]")
    }

    @Test func errorsOfNodesCarryTheirPlace() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([one.size]))
        // The type is wrong on purpose: the executor finds out.
        let bad = try graph.add("aten::reshape", .tensor(x), .ints([3]), type: try float32([3]), site: "Model.swift:9")
        graph.outputs = [.value(bad)]
        let error = #expect(throws: TensorError.self) { try GraphExecutor(graph).run([ramp([4])]) }
        #expect(error?.description.hasSuffix("(at Model.swift:9)") == true)
    }

    @Test func controlOperatorsWorkEagerly() throws {
        for operation in Operator.control {
            for sample in try operation.samples() {
                let results = try apply(operation, sample)
                let specs = try operation.rule(Call(operation, sample))
                #expect(results.count == specs.count, "\(operation)")
            }
        }
        #expect(throws: TensorError.self) { try apply(.assertScalar, [.bool(false), .string("no")]) }
        #expect(throws: TensorError.self) { try apply(.constrainRange, [.int(1), .int(2), .none]) }
        #expect(throws: TensorError.self) { try apply(.constrainRangeForSize, [.int(-1), .none, .none]) }
        #expect(throws: TensorError.self) { try apply(.assertAsync, [.tensor(Tensor([false], shape: [1])), .string("no")]) }
        #expect(throws: TensorError.self) {
            try apply(.assertTensorMetadata, [.tensor(ramp([2])), .none, .none, .dtype(.int64), .none, .none])
        }
    }
}
