import ApusGraph
import ApusSymbolic
import ApusTensor
import CApusKernels
import Testing

@testable import ApusRuntime

/// Rows of elementwise operations become one step, with the bits of the operations one by one.
@Suite struct FusionTests {
    /// How many steps of the plan are fused, and how many there are.
    private func steps(_ plan: Plan, _ inputs: [Tensor]) throws -> (fused: Int, all: Int) {
        let steps = try plan.bind(inputs).program.steps
        return (steps.count { $0 is FusedStep }, steps.count)
    }

    @Test func chainsAreOneStepWithoutMemory() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 8]), float32([8]))
        var value = program.inputs[0]
        for _ in 0..<5 {
            value = try program.add("aten::mul.Tensor", .tensor(value), .tensor(program.inputs[1]))
            value = try program.add("aten::tanh", .tensor(value))
            value = try program.add("aten::add.Tensor", .tensor(value), .tensor(program.inputs[0]), .int(2))
        }
        let graph = program.graph(value)
        let plan = try Plan(graph)
        for size in [1, 0, 7, 5000] {
            let inputs = [try ramp([size, 8]), try ramp([8], 3)]
            try expectAgrees(plan, graph, inputs)
            let bound = try plan.bind(inputs)
            #expect(bound.program.steps.count == 1)
            #expect(bound.placement.byteCount == 0, "what only the row reads has no memory")
        }
    }

    @Test func longRowsAreCutWhereRegistersEnd() throws {
        var program = try Program(float32([100]))
        var value = program.inputs[0]
        for index in 0..<200 {
            value = try program.add("aten::add.Tensor", .tensor(value), .tensor(program.inputs[0]), .int(.init(index % 3)))
        }
        let graph = program.graph(value)
        try expectPlanAgrees(graph, [try ramp([100])])
        let (fused, all) = try steps(try Plan(graph), [try ramp([100])])
        #expect(fused == all && (4...5).contains(all), "\(fused) of \(all)")
    }

    @Test func plansGiveTheSameBitsOnAnyNumberOfThreads() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 333]), float32([333, 7]))
        let exp = try program.add("aten::exp", .tensor(program.inputs[0]))
        let tanh = try program.add("aten::tanh", .tensor(try program.add("aten::mul.Tensor", .tensor(exp), .tensor(program.inputs[0]))))
        let product = try program.add("aten::mm", .tensor(tanh), .tensor(program.inputs[1]))
        let sum = try program.add("aten::sum.dim_IntList", .tensor(tanh), .ints([0]), .bool(false), .none)
        let plan = try Plan(program.graph(tanh, product, sum))
        let inputs = [try Tensor.randn([1001, 333], seed: 1), try Tensor.randn([333, 7], seed: 2)]
        let threads = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        let results = try [1, 2, 3, 8].map { (count: Int32) -> [[UInt32]] in
            apus_set_num_threads(count)
            return try plan.run(inputs).map { try $0.tensor?.array(of: Float.self).map(\.bitPattern) ?? [] }
        }
        #expect(results[0].map(\.count) == [1001 * 333, 1001 * 7, 333])
        for other in results.dropFirst() { #expect(other == results[0]) }
    }

    @Test func whatOthersReadIsWritten() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 4]))
        let cos = try program.add("aten::cos", .tensor(program.inputs[0]))
        let neg = try program.add("aten::neg", .tensor(cos))
        let turned = try program.add("aten::transpose.int", .tensor(neg), .int(0), .int(1))
        let sum = try program.add("aten::sum.dim_IntList", .tensor(turned), .ints([0]), .bool(false), .none)
        let exp = try program.add("aten::exp", .tensor(neg))
        let square = try program.add("aten::mul.Tensor", .tensor(exp), .tensor(cos))
        let graph = program.graph(sum, square, exp, exp)
        try expectPlanAgrees(graph, [try ramp([5, 4])])
        try expectPlanAgrees(graph, [try ramp([700, 4])])
    }

    /// An operand that sees an earlier result in another order ends the row.
    @Test func turnedResultsEndTheRow() throws {
        var program = try Program(float32([6, 6]))
        let cos = try program.add("aten::cos", .tensor(program.inputs[0]))
        let turned = try program.add("aten::transpose.int", .tensor(cos), .int(0), .int(1))
        let sum = try program.add("aten::add.Tensor", .tensor(cos), .tensor(turned), .int(1))
        let neg = try program.add("aten::neg", .tensor(sum))
        let graph = program.graph(neg)
        try expectPlanAgrees(graph, [try ramp([6, 6])])
        let (fused, all) = try steps(try Plan(graph), [try ramp([6, 6])])
        #expect(fused == 1 && all == 2)
    }

    /// Steps of other kinds stand between those of a row, unless they read what it gives.
    @Test func rowsReachAcrossOtherSteps() throws {
        // x * cos + rotated(x) * sin, as rotary embeddings have it.
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n, 8]), float32([n, 8]), float32([n, 8]))
        let (x, cos, sin) = (program.inputs[0], program.inputs[1], program.inputs[2])
        let straight = try program.add("aten::mul.Tensor", .tensor(x), .tensor(cos))
        let left = try program.add("aten::slice.Tensor", .tensor(x), .int(1), .int(0), .int(4), .int(1))
        let right = try program.add("aten::slice.Tensor", .tensor(x), .int(1), .int(4), .int(8), .int(1))
        let negated = try program.add("aten::neg", .tensor(right))
        let turned = try program.add("aten::cat", .tensors([negated, left]), .int(-1))
        let across = try program.add("aten::mul.Tensor", .tensor(turned), .tensor(sin))
        let sum = try program.add("aten::add.Tensor", .tensor(straight), .tensor(across), .int(1))
        let graph = program.graph(sum)
        for size in [1, 0, 7, 500] {
            let inputs = try (0..<3).map { try ramp([size, 8], $0) }
            try expectPlanAgrees(graph, inputs)
            let titles = try Plan(graph).bind(inputs).program.steps.map(\.title)
            #expect(titles.count == 3 && titles.last == "aten::mul.Tensor + aten::mul.Tensor + aten::add.Tensor", "\(titles)")
        }
        let total = try program.add("aten::sum.dim_IntList", .tensor(straight), .ints([1]), .bool(true), .none)
        let product = try program.add("aten::mul.Tensor", .tensor(sum), .tensor(total))
        let other = program.graph(product)
        try expectPlanAgrees(other, try (0..<3).map { try ramp([5, 8], $0) })
        // What a sum reads in between has to be there.
        let scaled = try program.add("aten::mul.Tensor", .tensor(straight), .tensor(total))
        let inputs = try (0..<3).map { try ramp([5, 8], $0) }
        try expectPlanAgrees(program.graph(scaled), inputs)
        #expect(try Plan(program.graph(scaled)).bind(inputs).program.steps.count == 3)
    }

    /// Random programs of rows of two sizes that feed each other through sums and transposes.
    @Test func randomRowsOfTwoSizes() throws {
        var state: UInt64 = 5
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for round in 0..<60 {
            var program = try Program(float32([4, 4]), float32([4, 1]), float32([4, 4]))
            var (wide, narrow) = ([program.inputs[0], program.inputs[2]], [program.inputs[1]])
            for _ in 0..<(4 + next(16)) {
                let (a, b) = (wide[next(wide.count)], narrow[next(narrow.count)])
                switch next(7) {
                case 0: wide.append(try program.add("aten::mul.Tensor", .tensor(a), .tensor(wide[next(wide.count)])))
                case 1: wide.append(try program.add("aten::add.Tensor", .tensor(a), .tensor(b), .int(1)))
                case 2: narrow.append(try program.add("aten::sum.dim_IntList", .tensor(a), .ints([1]), .bool(true), .none))
                case 3: narrow.append(try program.add("aten::mul.Tensor", .tensor(b), .tensor(narrow[next(narrow.count)])))
                case 4: narrow.append(try program.add("aten::tanh", .tensor(b)))
                case 5: wide.append(try program.add("aten::sin", .tensor(a)))
                default:
                    let turned = try program.add("aten::transpose.int", .tensor(a), .int(0), .int(1))
                    wide.append(try program.add("aten::add.Tensor", .tensor(turned), .tensor(wide[next(wide.count)]), .int(1)))
                }
            }
            let graph = program.graph([wide[wide.count - 1], narrow[narrow.count - 1], wide[next(wide.count)]])
            let inputs = [try ramp([4, 4], round), try ramp([4, 1], round + 1), try ramp([4, 4], round + 2)]
            for plan in try everyPlan(graph) {
                try expectAgrees(plan, graph, inputs)
                let check = ArenaCheck(try plan.bind(inputs))
                #expect(check.offences.isEmpty, "round \(round): \(check.offences.first ?? "")\n\(graph)")
            }
        }
    }

    /// Division by an integer zero is told with its own operator and place.
    @Test func whatMayFailStaysAlone() throws {
        let type = ValueType.tensor(TensorSpec(.int64, try Shape([3])))
        func integers(_ values: [Int]) throws -> Tensor { try Tensor(values, shape: [3]) }
        var program = try Program(type, type)
        let neg = try program.add("aten::neg", .tensor(program.inputs[0]))
        let quotient = try program.add("aten::floor_divide", .tensor(neg), .tensor(program.inputs[1]))
        let double = try program.add("aten::add.Tensor", .tensor(quotient), .tensor(quotient), .int(1))
        let square = try program.add("aten::mul.Tensor", .tensor(double), .tensor(double))
        let graph = program.graph(square)
        let plan = try Plan(graph)
        try expectAgrees(plan, graph, [try integers([7, -8, 9]), try integers([2, 3, -4])])
        do {
            _ = try plan.run([try integers([7, -8, 9]), try integers([2, 0, -4])])
            Issue.record("a division by zero went through")
        } catch let error as TensorError {
            #expect("\(error)".contains("floor_divide") && "\(error)".contains("by zero"), "\(error)")
        }
    }

    /// Random rows over dtypes that are rounded on the way, with comparisons, choices, repeated and turned operands.
    @Test(arguments: [DType.float32, .float64, .float16, .bfloat16, .int32, .int8, .complex64])
    func randomRows(_ dtype: DType) throws {
        var state: UInt64 = 11
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for round in 0..<40 {
            let n = Sizes(1).sizes[0]
            func type(_ sizes: [SymInt]) throws -> ValueType { .tensor(TensorSpec(dtype, try Shape(sizes))) }
            var program = try Program(type([n, 5]), type([5]), type([n, 1]), type([5, n]), type([]))
            let turned = try program.add("aten::transpose.int", .tensor(program.inputs[3]), .int(0), .int(1))
            var values = [program.inputs[0], turned]
            let any = program.inputs
            func operand() -> Value { next(3) == 0 ? [any[1], any[2], any[4]][next(3)] : values[next(values.count)] }
            for _ in 0..<(2 + next(20)) {
                let a = values[next(values.count)]
                switch next(dtype.isComplex ? 4 : 6) {
                case 0: values.append(try program.add("aten::add.Tensor", .tensor(a), .tensor(operand()), .int(2)))
                case 1: values.append(try program.add("aten::mul.Tensor", .tensor(a), .tensor(operand())))
                case 2: values.append(try program.add("aten::neg", .tensor(a)))
                case 3: values.append(try program.add("aten::sub.Tensor", .tensor(operand()), .tensor(a), .int(1)))
                case 4: values.append(try program.add("aten::maximum", .tensor(a), .tensor(operand())))
                default:
                    let test = try program.add("aten::lt.Tensor", .tensor(a), .tensor(operand()))
                    values.append(try program.add("aten::where.self", .tensor(test), .tensor(operand()), .tensor(a)))
                }
            }
            let outputs = [values[values.count - 1], values[next(values.count)], values[values.count - 2]]
            let graph = program.graph(outputs)
            let plans = try everyPlan(graph)
            for size in [3, 1, 0, 300] {
                let inputs = try [[size, 5], [5], [size, 1], [5, size], []].enumerated().map { index, sizes in
                    try ramp(sizes, round + index).to(dtype)
                }
                for plan in plans {
                    try expectAgrees(plan, graph, inputs)
                    let check = ArenaCheck(try plan.bind(inputs))
                    #expect(check.offences.isEmpty, "round \(round), \(plan.pipeline.names): \(check.offences.first ?? "")\n\(graph)")
                }
            }
        }
    }
}
