import ApusGraph
import ApusSymbolic
import ApusTensor
import CApusKernels
import Testing

@testable import ApusRuntime

/// Runs that own their states and write over them.
@Suite(.serialized) struct UpdateTests {
    /// A fresh copy that nobody else holds.
    private func own(_ tensor: Tensor) throws -> Tensor { try tensor.clone() }

    /// Runs a program whose first inputs are states, whose new values are its first outputs, twice in a row, in place and as plain values.
    /// - Returns: for each state whether it was updated in place.
    @discardableResult
    private func expectAgrees(_ graph: Graph, states: Int, _ inputs: [Tensor], _ comment: String = "") throws -> [Bool] {
        var isUpdated: [Bool] = []
        for plan in try everyPlan(graph, roles: graph.inputs.indices.map { $0 < states ? .state(output: $0) : .varying }) {
            var (plain, owned): ([Tensor], [Tensor]) = (Array(inputs.prefix(states)), try inputs.prefix(states).map { try own($0) })
            let others: ArraySlice<Tensor> = inputs.dropFirst(states)
            var kept: [(RuntimeValue, RuntimeValue)] = []
            for _ in 0..<3 {
                let expected: [RuntimeValue] = try GraphExecutor(graph).run(plain + others)
                var hasWritten = false
                let results: [RuntimeValue] = try plan.update(owned + others, hasWritten: &hasWritten)
                #expect(!hasWritten)
                let names: [String] = plan.pipeline.names
                isUpdated = zip(results, owned).map { $0.tensor?.identity == $1.identity }
                if !names.contains("update-in-place") { #expect(!isUpdated.contains(true)) }
                plain = expected.prefix(states).compactMap(\.tensor)
                // What is not in place may be a view of the old value.
                owned = try zip(results.prefix(states).compactMap(\.tensor), isUpdated).map { $1 ? $0 : try own($0) }
                for (result, other) in zip(results, expected) { try expectSame(result, other) }
                kept += zip(results, expected).dropFirst(states)
            }
            // Results are values: later runs do not change them.
            for (result, other) in kept { try expectSame(result, other) }
        }
        return isUpdated
    }

    private func everyPlan(_ graph: Graph, roles: [Plan.Role]) throws -> [Plan] {
        let names = LoweringPipeline.standard.names
        return try ([names] + names.map { [$0] } + [[]]).map {
            try Plan(graph, roles: roles, pipeline: LoweringPipeline.standard.skipping($0))
        }
    }

    private func index(_ values: [Int]) throws -> Tensor { try Tensor(values, shape: [values.count]) }

    private var indices: ValueType { get throws { .tensor(TensorSpec(.int64, try Shape([2]))) } }

    // MARK: In place

    @Test func rowsAreWrittenInPlace() throws {
        for name in ["aten::index_put", "aten::index_copy", "aten::index_add", "aten::slice_scatter"] {
            var program = try Program(float32([8, 4]), try indices, float32([2, 4]))
            let (cache, rows, values) = (program.inputs[0], program.inputs[1], program.inputs[2])
            let scaled = try program.add("aten::mul.Tensor", .tensor(values), .tensor(values))
            let new: Value =
                switch name {
                case "aten::index_put": try program.add(name, .tensor(cache), .optionalTensors([rows]), .tensor(scaled), .bool(false))
                case "aten::slice_scatter":
                    try program.add(name, .tensor(cache), .tensor(scaled), .int(0), .int(3), .int(5), .int(1))
                case "aten::index_add": try program.add(name, .tensor(cache), .int(0), .tensor(rows), .tensor(scaled), .int(1))
                default: try program.add(name, .tensor(cache), .int(0), .tensor(rows), .tensor(scaled))
                }
            let sum = try program.add("aten::sum.dim_IntList", .tensor(new), .ints([0]), .bool(false), .none)
            let isUpdated = try expectAgrees(program.graph(new, sum), states: 1, [ramp([8, 4]), index([5, 2]), ramp([2, 4], 3)])
            #expect(isUpdated == [true], "\(name)")
        }
    }

    @Test func countersAndRowsOfElementwiseOperationsAreInPlace() throws {
        var program = try Program(float32([4]), float32([4]), float32([4]))
        let twice = try program.add("aten::mul.Tensor", .tensor(program.inputs[0]), .tensor(program.inputs[2]))
        let moved = try program.add("aten::add.Tensor", .tensor(twice), .tensor(program.inputs[2]), .int(1))
        let count = try program.add("aten::add.Scalar", .tensor(program.inputs[1]), .int(1), .int(1))
        #expect(try expectAgrees(program.graph(moved, count), states: 2, [ramp([4]), ramp([4], 1), ramp([4], 2)]) == [true, true])
    }

    // MARK: Where the old value is still read

    @Test func oldValuesThatAreReadLaterStay() throws {
        var program = try Program(float32([4, 4]), float32([4, 4]))
        let (cache, x) = (program.inputs[0], program.inputs[1])
        let new = try program.add("aten::add.Tensor", .tensor(cache), .tensor(x), .int(1))
        let later = try program.add("aten::mm", .tensor(cache), .tensor(new))
        #expect(try expectAgrees(program.graph(new, later), states: 1, [ramp([4, 4]), ramp([4, 4], 2)]) == [false])
        // The caller gets the old value, or a view of it.
        #expect(try expectAgrees(program.graph(new, cache), states: 1, [ramp([4, 4]), ramp([4, 4], 2)]) == [false])
        let part = try program.add("aten::select.int", .tensor(cache), .int(0), .int(1))
        #expect(try expectAgrees(program.graph(new, part), states: 1, [ramp([4, 4]), ramp([4, 4], 2)]) == [false])
        // It reads itself in another order.
        let turned = try program.add("aten::transpose.int", .tensor(cache), .int(0), .int(1))
        let sum = try program.add("aten::add.Tensor", .tensor(cache), .tensor(turned), .int(1))
        #expect(try expectAgrees(program.graph(sum), states: 1, [ramp([4, 4]), ramp([4, 4], 2)]) == [false])
    }

    @Test func statesChangePlaces() throws {
        var program = try Program(float32([4]), float32([4]))
        let first = try program.add("aten::neg", .tensor(program.inputs[1]))
        let second = try program.add("aten::cos", .tensor(program.inputs[0]))
        #expect(try expectAgrees(program.graph(first, second), states: 2, [ramp([4]), ramp([4], 2)]) == [false, false])
    }

    /// A view of the new value that the caller gets must not change with the next run; `expectAgrees` looks after three.
    @Test func resultsShareNothingWithStates() throws {
        var program = try Program(float32([4, 4]), float32([4, 4]))
        let new = try program.add("aten::add.Tensor", .tensor(program.inputs[0]), .tensor(program.inputs[1]), .int(1))
        let turned = try program.add("aten::transpose.int", .tensor(new), .int(0), .int(1))
        #expect(try expectAgrees(program.graph(new, turned), states: 1, [ramp([4, 4]), ramp([4, 4], 2)]) == [true])
    }

    // MARK: Random programs

    @Test func randomPrograms() throws {
        var state: UInt64 = 5
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var counts = [0, 0]
        for round in 0..<80 {
            var program = try Program(
                float32([5, 3]), float32([5, 3]), try indices, float32([2, 3]), .tensor(TensorSpec(.bool, .scalar)))
            let (rows, values) = (program.inputs[2], program.inputs[3])
            var found = Array(program.inputs.prefix(2))
            for _ in 0..<(1 + next(8)) {
                let (a, b) = (found[next(found.count)], found[next(found.count)])
                switch next(9) {
                case 0:
                    found.append(
                        try program.add("aten::index_put", .tensor(a), .optionalTensors([rows]), .tensor(values), .bool(next(2) == 0)))
                case 1: found.append(try program.add("aten::index_copy", .tensor(a), .int(0), .tensor(rows), .tensor(values)))
                case 2:
                    let part = try program.add("aten::slice.Tensor", .tensor(b), .int(0), .int(1), .int(3), .int(1))
                    found.append(try program.add("aten::slice_scatter", .tensor(a), .tensor(part), .int(0), .int(2), .int(4), .int(1)))
                case 3:
                    let part = try program.add("aten::select.int", .tensor(b), .int(0), .int(next(5)))
                    found.append(try program.add("aten::select_scatter", .tensor(a), .tensor(part), .int(0), .int(next(5))))
                case 4: found.append(try program.add("aten::add.Tensor", .tensor(a), .tensor(b), .int(1)))
                case 5: found.append(try program.add("aten::neg", .tensor(a)))
                case 6: found.append(try program.add("aten::flip", .tensor(a), .ints([0])))
                case 7: found.append(try program.add("aten::clone", .tensor(a), .none))
                default:
                    var bodies: [GraphArgument] = []
                    for name in ["aten::cos", "aten::neg"] {
                        var inner = try Program(float32([5, 3]))
                        let result = try inner.add(name, .tensor(inner.inputs[0]))
                        bodies.append(.graph(GraphBody(inner.graph(result))))
                    }
                    found += program.copy.append(
                        .cond, [.tensor(program.inputs[4]), bodies[0], bodies[1], .tensors([a])], types: [try float32([5, 3])])
                }
            }
            // New values of states are values of their own, as a signature has them.
            var outputs: [Value] = []
            while outputs.count < 2 {
                var value = found[next(found.count)]
                if outputs.contains(value) || program.inputs.contains(value) {
                    value = try program.add("aten::clone", .tensor(value), .none)
                }
                outputs.append(value)
            }
            let column = try program.add("aten::select.int", .tensor(found[next(found.count)]), .int(1), .int(1))
            outputs += [found[next(found.count)], column]
            let graph = program.graph(outputs)
            for choice in [true, false] {
                let inputs = [
                    try ramp([5, 3], round), try ramp([5, 3], round + 1), try index([next(5), next(5)]), try ramp([2, 3], round + 2),
                    try Tensor([choice], shape: []),
                ]
                for isUpdated in try expectAgrees(graph, states: 2, inputs, "round \(round)") { counts[isUpdated ? 1 : 0] += 1 }
            }
        }
        // The walk sees both.
        #expect(counts[0] > 20 && counts[1] > 20, "\(counts)")
    }

    // MARK: Failures

    @Test func whatFailsBeforeItsFirstWriteChangesNothing() throws {
        var program = try Program(float32([8, 4]), float32([8, 4]), try indices, float32([2, 4]))
        var new: [Value] = []
        for cache in program.inputs.prefix(2) {
            new.append(
                try program.add(
                    "aten::index_put", .tensor(cache), .optionalTensors([program.inputs[2]]), .tensor(program.inputs[3]), .bool(false)))
        }
        let plan = try Plan(program.graph(new), roles: [.state(output: 0), .state(output: 1), .varying, .varying])
        let states = [try own(ramp([8, 4])), try own(ramp([8, 4], 1))]
        var hasWritten = false
        #expect(throws: TensorError.self) {
            try plan.update(states + [index([3, 8]), ramp([2, 4], 2)], hasWritten: &hasWritten)
        }
        #expect(!hasWritten)
        try expectSame(.tensor(states[0]), .tensor(ramp([8, 4])))
        try expectSame(.tensor(states[1]), .tensor(ramp([8, 4], 1)))
    }

    @Test func whatFailsLaterSaysThatItHasWritten() throws {
        var program = try Program(float32([8, 4]), try indices, float32([2, 4]), try indices)
        let new = try program.add(
            "aten::index_put", .tensor(program.inputs[0]), .optionalTensors([program.inputs[1]]), .tensor(program.inputs[2]), .bool(false))
        let read = try program.add("aten::index_select", .tensor(new), .int(0), .tensor(program.inputs[3]))
        let plan = try Plan(program.graph(new, read), roles: [.state(output: 0), .varying, .varying, .varying])
        let state = try own(ramp([8, 4]))
        var hasWritten = false
        #expect(throws: TensorError.self) {
            try plan.update([state, index([3, 7]), ramp([2, 4], 2), index([0, 9])], hasWritten: &hasWritten)
        }
        #expect(hasWritten)
    }

    // MARK: Kernels

    /// Every operator that says so may be given its first argument's memory for its result.
    @Test func updatingOperatorsTakeTheirFirstArgumentsMemory() throws {
        var names: [String] = []
        for operation in OperatorTable.all where operation.isUpdate {
            guard case .compute(let kernel) = operation.kernel else {
                Issue.record("\(operation) has no kernel that writes")
                continue
            }
            names.append(operation.name)
            for dtype in [DType.float32, .float16, .int64, .complex64] {
                for sample in try operation.samples() {
                    var arguments: [OperatorArgument] = try sample.map { argument in
                        guard case .tensor(let tensor) = argument, tensor.dtype == .float32 else { return argument }
                        return .tensor(try tensor.to(dtype))
                    }
                    guard let plain = try? applySingle(operation, arguments) else { continue }
                    let place = try own(Call(operation, arguments).tensor(0))
                    arguments[0] = .tensor(place)
                    try kernel(Call(operation, arguments), [place])
                    try expectSame(.tensor(place), .tensor(plain))
                }
            }
        }
        #expect(
            names.sorted() == [
                "aten::clone", "aten::diagonal_scatter", "aten::index_add", "aten::index_copy", "aten::index_put", "aten::scatter.reduce",
                "aten::scatter.src", "aten::scatter.value", "aten::scatter.value_reduce", "aten::scatter_add", "aten::scatter_reduce.two",
                "aten::select_scatter", "aten::slice_scatter",
            ])
    }

    @Test func positionsAreCheckedBeforeAnyIsWritten() throws {
        let calls: [(String, [OperatorArgument])] = [
            ("aten::index_put", [.optionalTensors([try index([0, 8])]), .tensor(try ramp([2, 4], 2)), .bool(false)]),
            ("aten::index_copy", [.int(0), .tensor(try index([0, 8])), .tensor(try ramp([2, 4], 2))]),
            ("aten::index_add", [.int(0), .tensor(try index([0, 8])), .tensor(try ramp([2, 4], 2)), .int(1)]),
            ("aten::scatter.value", [.int(0), .tensor(try index([0, 8]).reshaped([2, 1])), .double(9)]),
        ]
        for (name, rest) in calls {
            let operation = try op(name)
            guard case .compute(let kernel) = operation.kernel else { continue }
            let place = try own(ramp([8, 4]))
            let error = #expect(throws: TensorError.self) { try kernel(Call(operation, [.tensor(place)] + rest), [place]) }
            #expect(error?.code == .indexOutOfRange, "\(name)")
            try expectSame(.tensor(place), .tensor(ramp([8, 4])))
        }
    }
}
