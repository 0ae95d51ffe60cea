import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// What no run changes is worked on once, and found again when it has changed.
@Suite struct FrozenWeightTests {
    /// `relu(x @ transpose(w) + b)` over any number of rows, and a sum of it.
    private func program(_ n: SymInt) throws -> Graph {
        var program = try Program(float32([n, 5]), float32([3, 5]), float32([3]))
        let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .tensor(program.inputs[2]))
        let relu = try program.add("aten::relu", .tensor(linear))
        let sum = try program.add("aten::sum.dim_IntList", .tensor(relu), .ints([0]), .bool(false), .none)
        return program.graph(relu, sum)
    }

    private let roles: [Plan.Role] = [.varying, .frozen, .frozen]

    @Test func changedWeightsAreSeen() throws {
        let graph = try program(Sizes(1).sizes[0])
        let plan = try Plan(graph, roles: roles)
        var weights = try (0..<3).map { try ramp([3, 5], $0) }
        let bias = try ramp([3], 7)
        // In turns, as two sessions with weights of their own do, then one after the other.
        for round in 0..<40 {
            let weight: Tensor = round < 12 ? weights[round % 3] : try ramp([3, 5], round)
            let x = try ramp([1 + round % 4, 5], round)
            try expectClose(plan.run([x, weight, bias]), GraphExecutor(graph).run([x, weight, bias]))
        }
        // A value that is written over is another value.
        try weights[0] += 1
        let x = try ramp([2, 5])
        try expectClose(plan.run([x, weights[0], bias]), GraphExecutor(graph).run([x, weights[0], bias]))
    }

    /// New sizes first come node by node where that gives the same bits; what is taken apart while it is bound packs its weights too.
    @Test func everyCallOfASizeGivesTheSameBits() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([1, 64, n, 24]), float32([64, 64, 3, 3]))
        let y = try program.add(
            "aten::conv2d", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none, .ints([1, 1]), .ints([1, 1]), .ints([1, 1]),
            .int(1))
        let positive = try program.add("aten::relu", .tensor(y))
        let plan = try Plan(program.graph(positive), roles: [.varying, .frozen])
        let weight = try ramp([64, 64, 3, 3], 1)
        for size in [16, 20, 33] {
            let x = try ramp([1, 64, size, 24])
            let first: RuntimeValue = try #require(try plan.run([x, weight]).first)
            for _ in 0..<3 { try expectSame(try #require(try plan.run([x, weight]).first), first) }
        }
    }

    @Test func weightsArePackedOnceForAllSizes() throws {
        let plan = try Plan(program(Sizes(1).sizes[0]), roles: roles)
        let (weight, bias) = (try ramp([3, 5], 1), try ramp([3], 7))
        var packed: [Int] = []
        for size in [1, 4, 9] {
            let inputs = [try ramp([size, 5]), weight, bias]
            let steps = try plan.bind(inputs).program.steps
            #expect(steps.first is PackedLinearStep)
            packed.append(try plan.weights(among: inputs).packed.byteCount)
        }
        #expect(packed[0] > 0 && Set(packed).count == 1)
    }

    @Test func weightsThatHangOnSizesAreNotPacked() throws {
        // They would be kept for every size that is met.
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, n]), float32([1]))
        let weight = try program.add("aten::expand", .tensor(program.inputs[1]), .ints([n, n]), .bool(false))
        let plus = try program.add("aten::add.Tensor", .tensor(weight), .tensor(weight), .int(1))
        let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(plus), .none)
        let graph = program.graph(linear)
        let plan = try Plan(graph, roles: [.varying, .frozen])
        let weights = [try ramp([1], 3)]
        for size in [1, 3, 8] {
            let inputs = [try ramp([size, size])] + weights
            try expectAgrees(plan, graph, inputs)
            #expect(try plan.weights(among: inputs).packed.byteCount == 0)
        }
    }

    @Test func weightsThatComeToRestAreKnownAgain() throws {
        let plan = try Plan(program(Sizes(1).sizes[0]), roles: roles)
        let bias = try ramp([3], 7)
        func isPacked(_ weight: Tensor) throws -> Bool {
            _ = try plan.run([ramp([2, 5]), weight, bias])
            return try plan.weights(among: [ramp([2, 5]), weight, bias]).packed.byteCount > 0
        }
        for seed in 0..<40 { _ = try isPacked(ramp([3, 5], seed)) }
        #expect(try !isPacked(ramp([3, 5], 40)), "weights that change with every run are left alone")
        let weight = try ramp([3, 5], 41)
        for _ in 0..<300 { _ = try isPacked(weight) }
        #expect(try isPacked(weight))
    }

    @Test func whatFollowsFromWeightsIsComputedOnce() throws {
        var program = try Program(float32([2, 3]), float32([3]))
        let cos = try program.add("aten::cos", .tensor(program.inputs[1]))
        let exp = try program.add("aten::exp", .tensor(cos))
        let product = try program.add("aten::mul.Tensor", .tensor(program.inputs[0]), .tensor(exp))
        let graph = program.graph(product, exp)
        let plan = try Plan(graph, roles: [.varying, .frozen])
        let inputs = [try ramp([2, 3]), try ramp([3], 2)]
        #expect(try plan.bind(inputs).program.steps.map(\.title) == ["aten::mul.Tensor"])
        try expectAgrees(plan, graph, inputs)
    }

    @Test func weightsOfAnotherShapeAreRefused() throws {
        let plan = try Plan(program(Sizes(1).sizes[0]), roles: roles)
        let error = #expect(throws: TensorError.self) { try plan.run([ramp([2, 5]), ramp([3, 4]), ramp([3])]) }
        #expect(error?.message == "input 'x1' is float32[3, 4] where float32[3, 5] is expected")
    }

    // MARK: Epilogues

    /// A product with elementwise operations behind it; which steps there are, and the same results as without the pass.
    private func steps(_ graph: Graph, _ inputs: [Tensor], frozen: Set<Int>) throws -> [String] {
        let roles: [Plan.Role] = inputs.indices.map { frozen.contains($0) ? .frozen : .varying }
        let apart = try Plan(graph, roles: roles, pipeline: LoweringPipeline.standard.skipping(["attach-epilogues"]))
        let plan = try Plan(graph, roles: roles)
        for _ in 0..<2 { for (a, b) in zip(try plan.run(inputs), try apart.run(inputs)) { try expectSame(a, b) } }
        try expectClose(plan.run(inputs), GraphExecutor(graph).run(inputs))
        return try plan.bind(inputs).program.steps.map(\.title)
    }

    @Test func elementwiseStepsFollowTheProductsPieces() throws {
        let n = Sizes(1).sizes[0]
        for (rows, columns) in [(0, 5), (1, 1), (1, 40), (7, 16), (33, 17), (130, 200)] {
            var program = try Program(
                float32([n, 9]), float32([.init(columns), 9]), float32([n, .init(columns)]), float32([.init(columns)]))
            let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none)
            let scaled = try program.add("aten::mul.Tensor", .tensor(linear), .tensor(program.inputs[3]))
            let gelu = try program.add("aten::gelu", .tensor(scaled), .string("none"))
            let residual = try program.add("aten::add.Tensor", .tensor(gelu), .tensor(program.inputs[2]), .int(1))
            let graph = program.graph(residual, gelu)
            let inputs = [try ramp([rows, 9]), try ramp([columns, 9], 1), try ramp([rows, columns], 2), try ramp([columns], 3)]
            let found = try steps(graph, inputs, frozen: [1])
            if rows > 0 {
                #expect(found == ["packed aten::linear + aten::mul.Tensor + aten::gelu + aten::add.Tensor"], "\(rows) \(columns)")
            }
        }
    }

    @Test func productsWithOtherReadersStayAsTheyAre() throws {
        var program = try Program(float32([4, 3]), float32([6, 3]))
        let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none)
        let relu = try program.add("aten::relu", .tensor(linear))
        let sum = try program.add("aten::sum.dim_IntList", .tensor(linear), .ints([1]), .bool(false), .none)
        let found = try steps(program.graph(relu, sum), [ramp([4, 3]), ramp([6, 3], 1)], frozen: [1])
        #expect(found.first == "packed aten::linear" && found.count == 3)
    }

    @Test func aProductThatIsReadInTwoOrdersStaysAsItIs() throws {
        for name in ["aten::transpose.int", "aten::flip", "aten::slice.Tensor"] {
            var program = try Program(float32([6, 3]), float32([6, 3]))
            let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none)
            let other: Value =
                switch name {
                case "aten::flip": try program.add(name, .tensor(linear), .ints([1]))
                case "aten::slice.Tensor": try program.add(name, .tensor(linear), .int(1), .int(0), .int(1), .int(1))
                default: try program.add(name, .tensor(linear), .int(0), .int(1))
                }
            let sum = try program.add("aten::add.Tensor", .tensor(linear), .tensor(other), .int(1))
            let found = try steps(program.graph(sum), [ramp([6, 3]), ramp([6, 3], 1)], frozen: [1])
            #expect(found.first == "packed aten::linear", "\(name): \(found)")
        }
    }

    @Test func operandsThatLieOtherwiseAreReadBesides() throws {
        // A transposed residual has rows and columns of its own distances; one broadcast along the middle has not one distance for rows.
        var program = try Program(float32([2, 3, 4]), float32([5, 4]), float32([5, 6]), float32([2, 1, 5]))
        let linear = try program.add("aten::linear", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .none)
        let flat = try program.add("aten::reshape", .tensor(linear), .ints([6, 5]))
        let turned = try program.add("aten::transpose.int", .tensor(program.inputs[2]), .int(0), .int(1))
        let sum = try program.add("aten::add.Tensor", .tensor(flat), .tensor(turned), .int(1))
        let inputs = [try ramp([2, 3, 4]), try ramp([5, 4], 1), try ramp([5, 6], 2), try ramp([2, 1, 5], 3)]
        #expect(try steps(program.graph(sum), inputs, frozen: [1]) == ["packed aten::linear + aten::add.Tensor"])
        let other = try program.add("aten::add.Tensor", .tensor(linear), .tensor(program.inputs[3]), .int(1))
        #expect(try steps(program.graph(other), inputs, frozen: [1]).count == 2)
    }

    @Test func convolutionsHaveEpiloguesToo() throws {
        for (batch, channels, size) in [(1, 8, 6), (3, 5, 7), (2, 20, 1)] {
            let c = SymInt(channels)
            var program = try Program(float32([.init(batch), 4, .init(size), .init(size)]), float32([c, 4, 3, 3]), float32([c]))
            let types: [GraphArgument] = [.ints([1, 1]), .ints([1, 1]), .ints([1, 1]), .bool(false), .ints([0, 0]), .int(1)]
            let convolved: [Value] = try program.copy.apply(
                op("aten::convolution"), [.tensor(program.inputs[0]), .tensor(program.inputs[1]), .tensor(program.inputs[2])] + types)
            let relu = try program.add("aten::relu", .tensor(convolved[0]))
            let inputs = [try ramp([batch, 4, size, size]), try ramp([channels, 4, 3, 3], 1), try ramp([channels], 2)]
            #expect(try steps(program.graph(relu), inputs, frozen: [1, 2]) == ["packed aten::convolution + aten::relu"])
        }
    }
}

/// Expects numbers that differ by rounding alone: sums in another order.
func expectClose(_ a: [RuntimeValue], _ b: [RuntimeValue], sourceLocation: SourceLocation = #_sourceLocation) throws {
    for (a, b) in zip(a, b) {
        let (p, q) = (try #require(a.tensor), try #require(b.tensor))
        #expect(try p.dtype == q.dtype && p.sizes == q.sizes, sourceLocation: sourceLocation)
        let (x, y): ([Double], [Double]) = (try p.array(of: Double.self), try q.array(of: Double.self))
        #expect(
            zip(x, y).allSatisfy { abs($0 - $1) <= 1e-4 + 1e-5 * abs($1) || $0 == $1 || ($0.isNaN && $1.isNaN) },
            sourceLocation: sourceLocation)
    }
}
