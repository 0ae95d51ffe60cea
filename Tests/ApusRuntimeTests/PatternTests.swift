import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Patterns give what they replace, but for the order of sums.
@Suite struct PatternTests {
    /// The operators after a pass, and the same numbers as before on inputs of these sizes.
    private func operators(_ pass: PatternPass, _ graph: Graph, _ inputs: [Tensor], frozen: Set<Int>) throws -> [String] {
        let lowered = try pass.run(graph, frozenInputs: frozen)
        try Verifier().verify(lowered)
        try expectClose(GraphExecutor(lowered).run(inputs), GraphExecutor(graph).run(inputs))
        // Without the knowledge nothing is replaced.
        #expect(try frozen.isEmpty || pass.run(graph, frozenInputs: []).nodes.map(\.operator) == graph.nodes.map(\.operator))
        return lowered.nodes.map { $0.operator.name }
    }

    /// Each pattern finds its own first form, and gives the same numbers in its second.
    @Test(arguments: LoweringPipeline.standard.graphPasses.compactMap { $0 as? PatternPass })
    func everyPatternFindsWhatItLooksFor(_ pass: PatternPass) throws {
        for (number, pattern) in pass.patterns.enumerated() {
            let graph = try pattern.before()
            // Where a number lies in a tensor, the example does not have it.
            if graph.inputs.count == 5, graph.spec(graph.inputs[4])?.shape.isEmpty == true { continue }
            let inputs: [Tensor] = try graph.inputs.enumerated().map { index, input in
                let spec = try #require(graph.spec(input))
                let numbers = try ramp(spec.shape.map { $0.constant ?? 0 }, index)
                return spec.dtype == .bool ? try numbers .> 0 : pass.name == "fold batch norms" ? try numbers.abs() : numbers
            }
            let lowered = try PatternPass(name: pattern.name, patterns: [pattern]).run(graph, frozenInputs: pattern.frozen)
            #expect(
                lowered.nodes.map(\.operator) != graph.nodes.map(\.operator) || lowered.nodes.map(\.arguments.count).isEmpty,
                "\(number), \(pattern.name):\n\(graph)")
            try Verifier().verify(lowered)
            try expectClose(GraphExecutor(lowered).run(inputs), GraphExecutor(graph).run(inputs))
        }
    }

    @Test(arguments: [0, 1, 6]) func productsWithWeightsAreLinears(_ rows: Int) throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 4]), float32([4, 3]), float32([3]))
        let (x, w, b) = (program.inputs[0], program.inputs[1], program.inputs[2])
        let inputs = [try ramp([rows, 4]), try ramp([4, 3], 1), try ramp([3], 2)]
        let addmm = try program.add("aten::addmm", .tensor(b), .tensor(x), .tensor(w), .int(1), .int(1))
        #expect(try operators(.linears, program.graph(addmm), inputs, frozen: [1]) == ["aten::t", "aten::linear"])
        program = try Program(float32([n, 4]), float32([4, 3]), float32([3]))
        let product = try program.add("aten::mm", .tensor(x), .tensor(w))
        let sum = try program.add("aten::add.Tensor", .tensor(product), .tensor(b), .int(1))
        #expect(try operators(.linears, program.graph(sum), inputs, frozen: [1]).last == "aten::linear")
        program = try Program(float32([2, n, 4]), float32([4, 3]), float32([3]))
        let matmul = try program.add("aten::matmul", .tensor(x), .tensor(w))
        let batch = [try ramp([2, rows, 4])] + inputs[1...]
        #expect(try operators(.linears, program.graph(matmul), batch, frozen: [1]).last == "aten::linear")
    }

    @Test func whatIsNoLinearStays() throws {
        var program = try Program(float32([2, 4]), float32([4, 3]), float32([2, 3]), float32([2, 4, 3]))
        let (x, w) = (program.inputs[0], program.inputs[1])
        let inputs = [try ramp([2, 4]), try ramp([4, 3], 1), try ramp([2, 3], 2), try ramp([2, 4, 3], 3)]
        // Scaled, with a matrix to be added, with a batch of weights.
        let scaled = try program.add("aten::addmm", .tensor(program.inputs[2]), .tensor(x), .tensor(w), .int(1), .int(2))
        let matrix = try program.add("aten::addmm", .tensor(program.inputs[2]), .tensor(x), .tensor(w), .int(1), .int(1))
        let batch = try program.add("aten::matmul", .tensor(x), .tensor(program.inputs[3]))
        let found = try operators(.linears, program.graph(scaled, matrix, batch), inputs, frozen: [1, 2, 3])
        #expect(found == ["aten::addmm", "aten::addmm", "aten::matmul"])
    }

    @Test(
        arguments: ["_native_batch_norm_legit_no_training", "native_batch_norm", "batch_norm"],
        ["convolution", "conv1d", "conv2d", "conv2d.padding", "conv3d"])
    func batchNormsBecomePartOfTheConvolution(_ norm: String, _ convolution: String) throws {
        let n = Sizes(1).sizes[0]
        let dims: Int = convolution.contains("1d") ? 1 : convolution.contains("3d") ? 3 : 2
        let (ones, spatial): ([SymInt], [Int]) = (Array(repeating: 1, count: dims), Array([5, 4, 3].prefix(dims)))
        for (batch, hasBias, isAffine) in [(0, true, true), (1, false, true), (3, true, false), (2, false, false)] {
            let vector: ValueType = try float32([6])
            var program = try Program([
                float32([n, 2] + spatial.map { SymInt($0) }), float32([6, 2] + ones.map { _ in 3 }), vector, vector, vector, vector, vector,
            ])
            let values = program.inputs
            func optional(_ index: Int, _ isThere: Bool) -> GraphArgument { isThere ? .tensor(values[index]) : .none }
            let further: [GraphArgument] =
                switch convolution {
                case "convolution":
                    [.ints([2, 1]), .ints([1, 1]), .ints([1, 1]), .bool(false), .ints([0, 0]), .int(1)]
                case "conv2d.padding": [.ints([1, 1]), .string("same"), .ints([1, 1]), .int(1)]
                default: [.ints(ones), .ints(ones), .ints(ones), .int(1)]
                }
            let convolved: [Value] = try program.copy.apply(
                op("aten::" + convolution), [.tensor(values[0]), .tensor(values[1]), optional(2, hasBias)] + further)
            var arguments: [GraphArgument] = [
                .tensor(convolved[0]), optional(3, isAffine), optional(4, isAffine), .tensor(values[5]), .tensor(values[6]),
            ]
            if norm != "_native_batch_norm_legit_no_training" { arguments.append(.bool(false)) }
            arguments += [.double(0.1), .double(1e-3)] + (norm == "batch_norm" ? [.bool(false)] : [])
            let normed: [Value] = try program.copy.apply(op("aten::" + norm), arguments)
            var inputs = [try ramp([batch, 2] + spatial), try ramp([6, 2] + ones.map { _ in 3 }, 1)]
            for seed in 2..<6 { inputs.append(try ramp([6], seed)) }
            inputs.append(try ramp([6], 6).abs() + 0.5)
            let found = try operators(.foldBatchNorms, program.graph(normed[0]), inputs, frozen: Set(1..<7))
            #expect(found.last == "aten::" + convolution && !found.contains("aten::" + norm))
        }
    }

    @Test(arguments: ["convolution", "conv1d", "conv2d", "conv3d"], [true, false])
    func factorsOfChannelsBecomePartOfTheConvolution(_ convolution: String, _ hasBias: Bool) throws {
        let n = Sizes(1).sizes[0]
        let dims: Int = convolution.contains("1d") ? 1 : convolution.contains("3d") ? 3 : 2
        let (ones, spatial): ([SymInt], [Int]) = (Array(repeating: 1, count: dims), Array([5, 4, 3].prefix(dims)))
        func found(_ factor: [SymInt], isTransposed: Bool = false) throws -> [String] {
            let further: [GraphArgument] =
                convolution == "convolution"
                ? [.ints(ones), .ints(ones), .ints(ones), .bool(isTransposed), .ints(ones.map { _ in 0 }), .int(1)]
                : [.ints(ones), .ints(ones), .ints(ones), .int(1)]
            var program = try Program(
                float32([n, 6] + spatial.map { SymInt($0) }), float32([6, 6] + ones.map { _ in 3 }), float32([6]), float32(factor))
            let values = program.inputs
            let y = try program.copy.apply(
                op("aten::" + convolution), [.tensor(values[0]), .tensor(values[1]), hasBias ? .tensor(values[2]) : .none] + further)
            let result = try program.add("aten::mul.Tensor", .tensor(values[3]), .tensor(y[0]))
            let inputs = [
                try ramp([2, 6] + spatial), try ramp([6, 6] + ones.map { _ in 3 }, 1), try ramp([6], 2),
                try ramp(factor.map { $0.constant ?? 0 }, 3),
            ]
            return try operators(.foldBatchNorms, program.graph(result), inputs, frozen: Set(1..<4))
        }
        for factor in [[6] + ones, [1, 6] + ones] { #expect(try found(factor).last == "aten::" + convolution) }
        // Of other numbers than one for each channel.
        for factor in [ones, [1, 1] + ones, Array(ones.dropLast()) + [SymInt(spatial[dims - 1])]] {
            #expect(try found(factor).last == "aten::mul.Tensor", "\(factor)")
        }
        if convolution == "convolution" { #expect(try found([6] + ones, isTransposed: true).last == "aten::mul.Tensor") }
    }

    /// `aten::convolution` is of any number of dimensions: a factor along the depth of volumes is none of their channels, though it is as long.
    @Test func factorsAlongDepthStay() throws {
        let n = Sizes(1).sizes[0]
        let inputs = [try ramp([2, 4, 4, 4, 4]), try ramp([4, 4, 1, 1, 1], 1)]
        for (factor, last) in [([4, 1, 1], "aten::mul.Tensor"), ([4, 1, 1, 1], "aten::convolution")] {
            var program = try Program(
                float32([n, 4, 4, 4, 4]), float32([4, 4, 1, 1, 1]), float32(factor.map { SymInt($0) }))
            let y = try program.add(
                "aten::convolution", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none, .ints([1, 1, 1]), .ints([0, 0, 0]),
                .ints([1, 1, 1]), .bool(false), .ints([0, 0, 0]), .int(1))
            let result = try program.add("aten::mul.Tensor", .tensor(y), .tensor(program.inputs[2]))
            #expect(try operators(.foldBatchNorms, program.graph(result), inputs + [ramp(factor, 2)], frozen: [1, 2]).last == last)
        }
    }

    @Test func valuesOfBodiesAreNotTakenForWeights() throws {
        // In the body the product's right operand is no weight, though it has the number that one has outside.
        let n = Sizes(1).sizes[0]
        var body = Graph()
        let (a, b) = (body.addInput("a", try float32([2, 4])), body.addInput("b", try float32([4, 3])))
        body.outputs = [.value(body.append(try op("aten::mm"), [.tensor(a), .tensor(b)], types: [try float32([2, 3])])[0])]
        var program = try Program(float32([2, 4]), float32([4, 3]), float32([n]))
        let (x, w) = (program.inputs[0], program.inputs[1])
        let outer = try program.add("aten::mm", .tensor(x), .tensor(w))
        let twice = try program.add("aten::add.Tensor", .tensor(w), .tensor(w), .int(1))
        let branch: GraphArgument = .graph(GraphBody(body))
        let taken: [Value] = program.copy.append(
            .cond, [.symBool(n > 3), branch, branch, .tensors([x, twice])], types: [try float32([2, 3])])
        let lowered = try PatternPass.linears.run(program.graph(outer, taken[0]), frozenInputs: [1])
        #expect(lowered.nodes.contains { $0.operator.name == "aten::linear" })
        #expect(lowered.nodes.flatMap(\.bodies).allSatisfy { $0.graph.nodes.map(\.operator.name) == ["aten::mm"] })
    }
}
