import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Attention in the ways in which programs write it becomes one operator with the same numbers, NaN included.
@Suite struct AttentionPatternTests {
    private enum Mask: CaseIterable { case none, added, swapped, twice, filled, chosen }

    /// How programs write what becomes of a row that sees nothing: not at all, as PyTorch's decomposition does, or as its ONNX exporter, which
    /// makes zeros of weights that are NaN and turns the key in one batch.
    enum Blind: CaseIterable { case unsaid, decomposed, exported }

    /// The passes that lead to one operator.
    private func lowered(_ graph: Graph) throws -> Graph {
        let graph = try PatternPass.attentions.run(try CommonSubexpressionElimination().run(ViewSimplification().run(graph)))
        try Verifier().verify(graph)
        return try DeadCodeElimination().run(graph)
    }

    /// The operators after the passes; the numbers are the same.
    private func operators(_ graph: Graph, _ inputs: [[Tensor]]) throws -> [String] {
        let lowered = try lowered(graph)
        for inputs in inputs { try expectClose(GraphExecutor(lowered).run(inputs), GraphExecutor(graph).run(inputs)) }
        return lowered.nodes.map { $0.operator.name }
    }

    /// A product of batches, in one operator or in the four of PyTorch's decomposition.
    private func product(_ program: inout Program, _ a: Value, _ b: Value, _ sizes: [[SymInt]], isFlat: Bool) throws -> Value {
        guard isFlat else { return try program.add("aten::matmul", .tensor(a), .tensor(b)) }
        func flat(_ x: Value, _ sizes: [SymInt]) throws -> Value {
            let wide = try program.add("aten::expand", .tensor(x), .ints(sizes), .bool(false))
            return try program.add("aten::view", .tensor(wide), .ints([sizes[0] * sizes[1]] + sizes[2...]))
        }
        let result = try program.add("aten::bmm", .tensor(try flat(a, sizes[0])), .tensor(try flat(b, sizes[1])))
        return try program.add("aten::view", .tensor(result), .ints(sizes[0].dropLast() + [sizes[1][3]]))
    }

    private struct Form {
        var isFlat = false
        var blind = Blind.unsaid
        var mask = Mask.none
        /// Factors of query, key and scores; a quotient where negative.
        var factors: [Double] = [1, 1, 1]
        var dim = -1
        var isRead = false
        var dropout = 0.0
    }

    private let symbols = Sizes(3).sizes
    private var n: SymInt { symbols[0] }
    private var l: SymInt { symbols[1] }
    private var s: SymInt { symbols[2] }

    /// Attention of query [n, 3, l, 5], key [n, 3, s, 5] and value [n, 3, s, 6], with a mask [n, 1, l, s].
    private func graph(_ form: Form) throws -> Graph {
        let isTruth = [.filled, .chosen].contains(form.mask)
        let masks: ValueType = isTruth ? .tensor(TensorSpec(.bool, try Shape([n, 1, l, s]))) : try float32([n, 1, l, s])
        var program = try Program(float32([n, 3, l, 5]), float32([n, 3, s, 5]), float32([n, 3, s, 6]), masks, float32([3, 1, 1]))
        let inputs = program.inputs
        func scaled(_ x: Value, _ factor: Double) throws -> Value {
            if factor == 1 { return x }
            return try program.add(factor < 0 ? "aten::div.Scalar" : "aten::mul.Scalar", .tensor(x), .double(abs(factor)))
        }
        let q = try scaled(inputs[0], form.factors[0])
        var turned = inputs[1]
        if form.blind == .exported {
            let flat = try program.add("aten::view", .tensor(turned), .ints([n * 3, s, 5]))
            let flatTurned = try program.add("aten::permute", .tensor(flat), .ints([0, 2, 1]))
            turned = try program.add("aten::view", .tensor(flatTurned), .ints([n, 3, 5, s]))
        } else {
            turned = try program.add("aten::transpose.int", .tensor(turned), .int(-2), .int(-1))
        }
        let k = try scaled(turned, form.factors[1])
        var scores = try product(&program, q, k, [[n, 3, l, 5], [n, 3, 5, s]], isFlat: form.isFlat)
        scores = try scaled(scores, form.factors[2])
        let mask = inputs[3]
        switch form.mask {
        case .none: break
        case .added: scores = try program.add("aten::add.Tensor", .tensor(scores), .tensor(mask), .int(1))
        case .swapped: scores = try program.add("aten::add.Tensor", .tensor(mask), .tensor(scores), .int(1))
        case .twice:
            scores = try program.add("aten::add.Tensor", .tensor(scores), .tensor(inputs[4]), .int(1))
            scores = try program.add("aten::add.Tensor", .tensor(scores), .tensor(mask), .int(1))
        case .filled: scores = try program.add("aten::masked_fill.Scalar", .tensor(scores), .tensor(mask), .double(-.infinity))
        case .chosen:
            let low = try program.add("aten::scalar_tensor", .double(-.infinity), .dtype(.float32), .none, .none, .none)
            scores = try program.add("aten::where.self", .tensor(mask), .tensor(scores), .tensor(low))
        }
        var weights = try program.add("aten::_softmax", .tensor(scores), .int(.init(form.dim)), .bool(false))
        if form.blind == .decomposed {
            let hidden = try program.add("aten::eq.Scalar", .tensor(scores), .double(-.infinity))
            let seen = try program.add("aten::logical_not", .tensor(hidden))
            let any = try program.add("aten::any.dim", .tensor(seen), .int(-1), .bool(true))
            let isBlind = try program.add("aten::logical_not", .tensor(any))
            let zeros = try program.add("aten::full_like", .tensor(weights), .int(0), .none, .none, .none, .bool(false), .none)
            weights = try program.add("aten::where.self", .tensor(isBlind), .tensor(zeros), .tensor(weights))
        } else if form.blind == .exported {
            let isNaN = try program.add("aten::isnan", .tensor(weights))
            weights = try program.add("aten::where.ScalarSelf", .tensor(isNaN), .double(0), .tensor(weights))
        } else {
            weights = try program.add("aten::dropout", .tensor(weights), .double(form.dropout), .bool(form.dropout > 0))
        }
        let result = try product(&program, weights, inputs[2], [[n, 3, l, s], [n, 3, s, 6]], isFlat: form.isFlat)
        let rows = try program.add("aten::permute", .tensor(result), .ints([0, 2, 1, 3]))
        let copy = try program.add("aten::clone", .tensor(rows), .none)
        let joined = try program.add("aten::view", .tensor(copy), .ints([n, l, 18]))
        return form.isRead ? program.graph(joined, weights) : program.graph(joined)
    }

    private func inputs(_ n: Int, _ l: Int, _ s: Int, _ mask: Mask, _ change: (inout [Float], Int) -> Void = { _, _ in }) throws -> [Tensor]
    {
        func changed(_ sizes: [Int], _ seed: Int) throws -> Tensor {
            var numbers: [Float] = try ramp(sizes, seed).array(of: Float.self)
            if !numbers.isEmpty { change(&numbers, seed) }
            return try Tensor(numbers, shape: sizes)
        }
        let own = try [[n, 3, l, 5], [n, 3, s, 5], [n, 3, s, 6]].enumerated().map { try changed($1, $0) }
        var numbers: [Float] = try ramp([n, 1, l, s], 3).array(of: Float.self)
        if [.filled, .chosen].contains(mask) {
            return own + [try Tensor(numbers, shape: [n, 1, l, s]) .> 0.5, try ramp([3, 1, 1], 4)]
        }
        // The first row sees nothing, the others not all.
        for index in numbers.indices where index < s || index % 5 == 1 { numbers[index] = -.infinity }
        return own + [try Tensor(numbers, shape: [n, 1, l, s]), try ramp([3, 1, 1], 4)]
    }

    private let sizes = [(2, 4, 6), (1, 1, 1), (1, 1, 9), (2, 3, 1), (0, 3, 4), (2, 0, 4), (2, 3, 0), (1, 70, 300)]

    @Test(arguments: [false, true], Blind.allCases)
    func everyFormIsOneOperator(_ isFlat: Bool, _ blind: Blind) throws {
        // ONNX multiplies matrices of any rank.
        if isFlat, blind == .exported { return }
        for mask in Mask.allCases {
            for factors in [[1, 1, 1], [0.4, 1, 1], [0.6, 0.6, 1], [1, 1, 0.4], [1, 1, -3], [-2, 1, 1], [1, 0.3, 1]] as [[Double]] {
                // Where scales go does not depend on the mask.
                if factors != [1, 1, 1], mask != .none, mask != .added { continue }
                let form = Form(isFlat: isFlat, blind: blind, mask: mask, factors: factors)
                let cases = try factors[0] == 1 ? sizes.map { try inputs($0.0, $0.1, $0.2, mask) } : [inputs(2, 4, 6, mask)]
                let found = try operators(graph(form), cases)
                #expect(found.contains("apus::attention") && !found.contains("aten::_softmax"), "\(form): \(found)")
                #expect(!found.contains("aten::clone") && !found.contains("aten::permute"), "\(form): \(found)")
                #expect(!found.contains("aten::mul.Scalar") && !found.contains("aten::div.Scalar"), "\(form): \(found)")
            }
        }
    }

    @Test func numbersThatAreNoneReachTheSameResults() throws {
        for mask in Mask.allCases {
            for bad in [Float.nan, .infinity, -.infinity] {
                for place in 0..<3 {
                    let cases = [try inputs(2, 4, 6, mask) { if $1 == place { $0[7] = bad } }]
                    for blind in [Blind.unsaid, .exported] {
                        #expect(try operators(graph(Form(blind: blind, mask: mask)), cases).contains("apus::attention"))
                    }
                }
            }
        }
    }

    @Test func whatOnlyLooksLikeAttentionStays() throws {
        let cases = [try inputs(2, 4, 4, .added)]
        // Along another dimension, weights that are read elsewhere, dropout in training.
        #expect(try operators(graph(Form(dim: -2)), cases).contains("aten::_softmax"))
        #expect(try operators(graph(Form(isRead: true)), cases).contains("aten::_softmax"))
        #expect(try lowered(graph(Form(dropout: 0.5))).nodes.contains { $0.operator.name == "aten::_softmax" })
        for (name, arguments) in [
            ("aten::masked_fill.Scalar", [GraphArgument.double(-1e9)]), ("aten::add.Tensor", [.int(2)]),
        ] {
            let isFill = name.contains("fill")
            let type: ValueType = isFill ? .tensor(TensorSpec(.bool, try Shape([2, 1, 4, 6]))) : try float32([2, 1, 4, 6])
            var program = try Program(float32([2, 3, 4, 5]), float32([2, 3, 5, 6]), float32([2, 3, 6, 6]), type)
            let scores = try program.add("aten::matmul", .tensor(program.inputs[0]), .tensor(program.inputs[1]))
            let masked = try program.add(name, [.tensor(scores), .tensor(program.inputs[3])] + arguments)
            let weights = try program.add("aten::_softmax", .tensor(masked), .int(-1), .bool(false))
            let product = try program.add("aten::matmul", .tensor(weights), .tensor(program.inputs[2]))
            let graph = program.graph(product)
            let mask = try ramp([2, 1, 4, 6], 3)
            let own = try [ramp([2, 3, 4, 5]), ramp([2, 3, 5, 6], 1), ramp([2, 3, 6, 6], 2), isFill ? mask .> 0 : mask]
            #expect(try operators(graph, [own]).contains("aten::_softmax"), "\(name)")
        }
    }

    /// Other dtypes have no kernel for attention.
    @Test func otherDTypesStay() throws {
        func type(_ sizes: [SymInt]) throws -> ValueType { .tensor(TensorSpec(.float64, try Shape(sizes))) }
        var program = try Program(type([2, 3, 4, 5]), type([2, 3, 5, 6]), type([2, 3, 6, 7]))
        let scores = try program.add("aten::matmul", .tensor(program.inputs[0]), .tensor(program.inputs[1]))
        let weights = try program.add("aten::_softmax", .tensor(scores), .int(-1), .bool(false))
        let result = try program.add("aten::matmul", .tensor(weights), .tensor(program.inputs[2]))
        let graph = program.graph(result)
        #expect(try lowered(graph).nodes.map(\.operator.name) == ["aten::matmul", "aten::_softmax", "aten::matmul"])
    }

    @Test(arguments: [false, true]) func headsThatAreRepeatedAreShared(_ isExpanded: Bool) throws {
        for copies in [2, 3] {
            var program = try Program(float32([n, 6, l, 5]), float32([n, 2, s, 5]), float32([n, 2, s, 4]))
            func spread(_ x: Value, _ width: SymInt) throws -> Value {
                if !isExpanded {
                    return try program.add("aten::repeat_interleave.self_int", .tensor(x), .int(.init(copies)), .int(1), .none)
                }
                let wide = try program.add("aten::unsqueeze", .tensor(x), .int(2))
                let expanded = try program.add("aten::expand", .tensor(wide), .ints([n, 2, .init(copies), s, width]), .bool(false))
                let copy = try program.add("aten::clone", .tensor(expanded), .none)
                return try program.add("aten::view", .tensor(copy), .ints([n, .init(2 * copies), s, width]))
            }
            let (k, v) = (try spread(program.inputs[1], 5), try spread(program.inputs[2], 4))
            // Heads that are two of six would be broadcast, which is an error.
            guard copies == 3 else { continue }
            let turned = try program.add("aten::transpose.int", .tensor(k), .int(2), .int(3))
            let scores = try program.add("aten::matmul", .tensor(program.inputs[0]), .tensor(turned))
            let scaled = try program.add("aten::mul.Scalar", .tensor(scores), .double(0.3))
            let weights = try program.add("aten::_softmax", .tensor(scaled), .int(3), .bool(false))
            let result = try program.add("aten::matmul", .tensor(weights), .tensor(v))
            let graph = program.graph(result)
            let cases = try [(2, 4, 6), (1, 1, 1), (1, 1, 40), (2, 3, 0)].map { n, l, s in
                [try ramp([n, 6, l, 5]), try ramp([n, 2, s, 5], 1), try ramp([n, 2, s, 4], 2)]
            }
            let found = try operators(graph, cases)
            #expect(found.contains("apus::attention") && !found.contains { $0.contains("repeat") || $0.contains("expand") }, "\(found)")
        }
    }

    @Test(arguments: [1, 3]) func windowsHaveMasksOfTheirOwn(_ images: Int) throws {
        let (b, w) = (SymInt(images), 4)
        var program = try Program(
            float32([b * 4, 2, 5, 3]), float32([b * 4, 2, 3, 5]), float32([b * 4, 2, 5, 6]), float32([1, 2, 5, 5]),
            float32([1, 4, 1, 5, 5]))
        let product = try program.add("aten::matmul", .tensor(program.inputs[0]), .tensor(program.inputs[1]))
        let biased = try program.add("aten::add.Tensor", .tensor(product), .tensor(program.inputs[3]), .int(1))
        let split = try program.add("aten::view", .tensor(biased), .ints([b, 4, 2, 5, 5]))
        let masked = try program.add("aten::add.Tensor", .tensor(split), .tensor(program.inputs[4]), .int(1))
        let joined = try program.add("aten::view", .tensor(masked), .ints([-1, 2, 5, 5]))
        let weights = try program.add("aten::softmax.int", .tensor(joined), .int(-1), .none)
        let result = try program.add("aten::matmul", .tensor(weights), .tensor(program.inputs[2]))
        let turned = try program.add("aten::transpose.int", .tensor(result), .int(1), .int(2))
        let inputs = try [
            ramp([images * w, 2, 5, 3]), ramp([images * w, 2, 3, 5], 1), ramp([images * w, 2, 5, 6], 2), ramp([1, 2, 5, 5], 3),
            ramp([1, 4, 1, 5, 5], 4),
        ]
        let rows = try program.add("aten::reshape", .tensor(turned), .ints([b * 4, 5, 12]))
        for graph in [program.graph(result), program.graph(rows)] {
            let found = try operators(graph, [inputs])
            #expect(found.contains("apus::attention") && !found.contains("aten::_softmax"), "\(found)")
            try expectClose(Plan(graph).run(inputs), GraphExecutor(graph).run(inputs))
        }
    }

    /// What eager code calls attention writes its heads behind the rows as well.
    @Test func attentionItselfWritesRowsFirst() throws {
        var program = try Program(float32([n, 3, l, 5]), float32([n, 3, s, 5]), float32([n, 3, s, 6]))
        let result = try program.add(
            "aten::scaled_dot_product_attention", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .tensor(program.inputs[2]), .none,
            .double(0), .bool(true), .none, .bool(false))
        let turned = try program.add("aten::transpose.int", .tensor(result), .int(1), .int(2))
        let rows = try program.add("aten::reshape", .tensor(turned), .ints([n, l, 18]))
        let graph = program.graph(rows)
        let cases = try sizes.map { [try ramp([$0.0, 3, $0.1, 5]), try ramp([$0.0, 3, $0.2, 5], 1), try ramp([$0.0, 3, $0.2, 6], 2)] }
        #expect(try operators(graph, cases) == ["apus::attention", "aten::reshape"])
        let steps = try Plan(graph).bind(cases[0]).program.steps.map(\.title)
        #expect(steps == ["apus::attention"], "\(steps)")
    }
}
