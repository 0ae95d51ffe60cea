import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Norms of rows and activations that programs write in parts.
@Suite struct RowPatternTests {
    private let n: SymInt = Sizes(1).sizes[0]

    /// The operators after a pass; the numbers are the same, for rows of any number, for operands that lie otherwise, NaN and infinity included.
    private func operators(_ pass: PatternPass, _ graph: Graph, _ inputs: [[Tensor]]) throws -> [String] {
        let lowered = try pass.run(graph)
        try Verifier().verify(lowered)
        for inputs in inputs { try expectClose(GraphExecutor(lowered).run(inputs), GraphExecutor(graph).run(inputs)) }
        return lowered.nodes.map { $0.operator.name }
    }

    /// Rows of 4, in turns as they come and transposed, with what is no number.
    private func cases() throws -> [[Tensor]] {
        var cases = try [0, 1, 6].map { [try ramp([$0, 4])] }
        cases.append([try ramp([4, 5]).transposed(0, 1)])
        for bad in [Float.nan, .infinity, -.infinity] {
            var numbers: [Float] = try ramp([5, 4]).array(of: Float.self)
            (numbers[5], numbers[16]) = (bad, 1e-30)
            cases.append([try Tensor(numbers, shape: [5, 4])])
        }
        return try cases.map { $0 + [try ramp([4], 3), try ramp([4], 4)] }
    }

    /// Layer norm, or RMS norm without a mean, over a dimension.
    private func norm(
        isCentred: Bool, dim: Int = -1, exponent: Double = 2, isSwapped: Bool = false, isRead: Bool = false,
        dtype: DType = .float32, parameters: [SymInt] = [4], root: String = "aten::rsqrt"
    ) throws -> Graph {
        func type(_ sizes: [SymInt]) throws -> ValueType { .tensor(TensorSpec(dtype, try Shape(sizes))) }
        var program = try Program(type([n, 4]), type(parameters), type(parameters))
        let x = program.inputs[0]
        var own = x
        if isCentred {
            let mean = try program.add("aten::mean.dim", .tensor(x), .ints([-1]), .bool(true), .none)
            own = try program.add("aten::sub.Tensor", .tensor(x), .tensor(mean), .int(1))
        }
        let square = try program.add("aten::pow.Tensor_Scalar", .tensor(own), .double(exponent))
        let variance = try program.add("aten::mean.dim", .tensor(square), .ints([.init(dim)]), .bool(true), .none)
        let sum = try program.add("aten::add.Scalar", .tensor(variance), .double(1e-3), .int(1))
        let inverse = try program.add(root, .tensor(sum))
        let normed = try program.add("aten::mul.Tensor", .tensor(isSwapped ? inverse : own), .tensor(isSwapped ? own : inverse))
        let scaled = try program.add("aten::mul.Tensor", .tensor(program.inputs[1]), .tensor(normed))
        let result = try isCentred ? program.add("aten::add.Tensor", .tensor(scaled), .tensor(program.inputs[2]), .int(1)) : scaled
        return isRead ? program.graph(result, normed) : program.graph(result)
    }

    @Test func normsOfRowsAreOneOperator() throws {
        for isSwapped in [false, true] {
            #expect(
                try operators(.rowNorms, norm(isCentred: true, isSwapped: isSwapped), cases()) == ["aten::native_layer_norm"])
            #expect(try operators(.rowNorms, norm(isCentred: false, dim: 1, isSwapped: isSwapped), cases()) == ["aten::rms_norm"])
        }
        // What is read on the way stays; what is before becomes one all the same.
        let read = try operators(.rowNorms, norm(isCentred: true, isRead: true), cases())
        #expect(read == ["aten::native_layer_norm", "aten::mul.Tensor", "aten::add.Tensor"])
        // Parameters of another shape are no parameters of the norm.
        let wide = try operators(.rowNorms, norm(isCentred: false, parameters: [1, 4]), [])
        #expect(wide == ["aten::rms_norm", "aten::mul.Tensor"])
    }

    @Test func variancesAreOneOperatorToo() throws {
        for name in ["aten::var.correction", "aten::var_mean.correction"] {
            for correction in [0, 1] {
                var program = try Program(float32([n, 4]), float32([4]), float32([4]))
                let x = program.inputs[0]
                let results: [Value] = try program.copy.apply(op(name), [.tensor(x), .ints([1]), .int(.init(correction)), .bool(true)])
                let mean = try results.count == 2 ? results[1] : program.add("aten::mean.dim", .tensor(x), .ints([-1]), .bool(true), .none)
                let own = try program.add("aten::sub.Tensor", .tensor(x), .tensor(mean), .int(1))
                let sum = try program.add("aten::add.Scalar", .tensor(results[0]), .double(1e-3), .int(1))
                let root = try program.add("aten::sqrt", .tensor(sum))
                let quotient = try program.add("aten::div.Tensor", .tensor(own), .tensor(root))
                let graph = program.graph(quotient)
                let found = try operators(.rowNorms, graph, cases())
                #expect((found == ["aten::native_layer_norm"]) == (correction == 0), "\(found)")
            }
        }
    }

    @Test(arguments: ["aten::layer_norm", "aten::native_layer_norm"], [0, 1, 2])
    func normsOfChannelsAreNotPermuted(_ name: String, _ parameters: Int) throws {
        func graph(_ there: [SymInt] = [0, 2, 3, 1], _ back: [SymInt] = [0, -1, 1, 2], over sizes: [SymInt] = [4]) throws -> Graph {
            var program = try Program(float32([n, 4, 3, 3]), float32(sizes), float32(sizes))
            let rows = try program.add("aten::permute", .tensor(program.inputs[0]), .ints(there))
            let affine: [GraphArgument] = (1...2).map { $0 <= parameters ? .tensor(program.inputs[$0]) : .none }
            let further: [GraphArgument] = name == "aten::layer_norm" ? [.double(1e-3), .bool(true)] : [.double(1e-3)]
            let normed: [Value] = try program.copy.apply(op(name), [.tensor(rows), .ints(sizes)] + affine + further)
            let result = try program.add("aten::permute", .tensor(normed[0]), .ints(back))
            return program.graph(result)
        }
        var inputs: [[Tensor]] = try [0, 1, 5].map { [try ramp([$0, 4, 3, 3]), try ramp([4], 3), try ramp([4], 4)] }
        inputs.append([try ramp([2, 3, 3, 4]).transposed(1, 3)] + inputs[0].dropFirst())
        #expect(try operators(.rowNorms, graph(), inputs) == ["apus::channel_norm"])
        #expect(try operators(.rowNorms, graph([0, 3, 2, 1], [0, 3, 1, 2], over: [4]), inputs).count == 3)
        #expect(try operators(.rowNorms, graph([0, 2, 3, 1], [0, 3, 2, 1]), inputs).count == 3)
        #expect(try operators(.rowNorms, graph([0, 2, 3, 1], [0, 3, 1, 2], over: [3, 4]), []).count == 3)
    }

    @Test func whatOnlyLooksLikeANormStays() throws {
        func isFound(_ graph: Graph, _ inputs: [[Tensor]]) throws -> Bool {
            try operators(.rowNorms, graph, inputs).contains { $0 == "aten::rms_norm" || $0 == "aten::native_layer_norm" }
        }
        let square = [[try ramp([4, 4]), try ramp([4], 1), try ramp([4], 2)]]
        for isCentred in [false, true] {
            #expect(try !isFound(norm(isCentred: isCentred, dim: 0), square))
            #expect(try !isFound(norm(isCentred: isCentred, exponent: 4), square))
            #expect(try !isFound(norm(isCentred: isCentred, root: "aten::sqrt"), square))
            #expect(try !isFound(norm(isCentred: isCentred, dtype: .float16), []))
        }
    }

    // MARK: Activations

    /// 0.5 * x * (1 + tanh(c * (x + b * x^3))), as GPT-2 has it.
    private func gelu(_ exponent: Double = 3, _ half: Double = 0.5, isRead: Bool = false, isSubtracted: Bool = false) throws -> Graph {
        var program = try Program(float32([n, 4]), float32([4]), float32([4]))
        let x = program.inputs[0]
        let halved = try program.add("aten::mul.Scalar", .tensor(x), .double(half))
        let cube = try program.add("aten::pow.Tensor_Scalar", .tensor(x), .double(exponent))
        let bent = try program.add("aten::mul.Scalar", .tensor(cube), .double(0.044715))
        let sum = try program.add(isSubtracted ? "aten::sub.Tensor" : "aten::add.Tensor", .tensor(x), .tensor(bent), .int(1))
        let scaled = try program.add("aten::mul.Scalar", .tensor(sum), .double(0.79788456))
        let tanh = try program.add("aten::tanh", .tensor(scaled))
        let factor = try program.add("aten::add.Scalar", .tensor(tanh), .double(1), .int(1))
        let result = try program.add("aten::mul.Tensor", .tensor(halved), .tensor(factor))
        return isRead ? program.graph(result, tanh) : program.graph(result)
    }

    @Test func activationsAreOneOperator() throws {
        #expect(try operators(.activations, gelu(), cases()) == ["aten::gelu"])
        for graph in [try gelu(2), try gelu(3, 0.4), try gelu(isRead: true), try gelu(isSubtracted: true)] {
            #expect(try !operators(.activations, graph, cases()).contains("aten::gelu"))
        }
        var program = try Program(float32([n, 4]), float32([4]), float32([4]))
        let x = program.inputs[0]
        let sigmoid = try program.add("aten::sigmoid", .tensor(x))
        let product = try program.add("aten::mul.Tensor", .tensor(sigmoid), .tensor(x))
        let silu = program.graph(product)
        #expect(try operators(.activations, silu, cases()) == ["aten::silu"])
        program = try Program(float32([n, 4]), float32([4]), float32([4]))
        let gate = try program.add("aten::sigmoid", .tensor(program.inputs[0]))
        let other = try program.add("aten::mul.Tensor", .tensor(gate), .tensor(program.inputs[1]))
        #expect(try operators(.activations, program.graph(other), cases()) == ["aten::sigmoid", "aten::mul.Tensor"])
    }

    @Test func clampsAreSigmoidsOnlyWithTheirNumbers() throws {
        for (low, high, shift, sixth) in [(0, 6, 3, 6), (0, 6, 3, 5), (0, 5, 3, 6), (-1, 6, 3, 6), (0, 6, 2, 6)]
            as [(SymInt, SymInt, Double, Double)]
        {
            var program = try Program(float32([n, 4]), float32([4]), float32([4]))
            let x = program.inputs[0]
            let sum = try program.add("aten::add.Scalar", .tensor(x), .double(shift), .int(1))
            let above = try program.add("aten::clamp", .tensor(sum), .int(low), .none)
            let below = try program.add("aten::clamp", .tensor(above), .none, .int(high))
            let product = try program.add("aten::mul.Tensor", .tensor(x), .tensor(below))
            let quotient = try program.add("aten::div.Scalar", .tensor(product), .double(sixth))
            let graph = program.graph(quotient)
            let found = try operators(.activations, graph, cases())
            #expect((found == ["aten::hardswish"]) == ([low, high] == [0, 6] && shift == 3 && sixth == 6), "\(found)")
        }
    }

    /// Halves are rounded after each operation, and stay so.
    @Test func halvesStay() throws {
        let type = ValueType.tensor(TensorSpec(.bfloat16, try Shape([n, 4])))
        var program = try Program(type)
        let sigmoid = try program.add("aten::sigmoid", .tensor(program.inputs[0]))
        let product = try program.add("aten::mul.Tensor", .tensor(program.inputs[0]), .tensor(sigmoid))
        let silu = program.graph(product)
        #expect(try PatternPass.activations.run(silu).nodes.count == 2)
    }
}
