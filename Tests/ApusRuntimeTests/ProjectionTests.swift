import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// Products of one input with several weights become one.
@Suite struct ProjectionTests {
    private let n: SymInt = Sizes(1).sizes[0]

    /// Three products of one input with weights of 4, 6 and 2 rows; what is read of them.
    private func graph(hasBias: [Bool] = [true, true, true], readsPlain: Bool = false, isResult: Bool = false) throws -> Graph {
        var program = try Program(
            float32([n, 3]), float32([4, 3]), float32([6, 3]), float32([3, 2]), float32([4]), float32([6]), float32([2]))
        let x = program.inputs[0]
        var results: [Value] = []
        for index in 0..<3 {
            // One weight is made of another, behind the first product.
            let weight = try index == 2 ? program.add("aten::t", .tensor(program.inputs[3])) : program.inputs[1 + index]
            let bias: GraphArgument = hasBias[index] ? .tensor(program.inputs[4 + index]) : .none
            let linear = try program.add("aten::linear", .tensor(x), .tensor(weight), bias)
            if isResult, index == 1 {
                results.append(linear)
                continue
            }
            if readsPlain, index == 1 {
                results.append(try program.add("aten::relu", .tensor(linear)))
                continue
            }
            let split = try program.add("aten::view", .tensor(linear), .ints([n, 2, [2, 3, 1][index]]))
            let turned = try program.add("aten::transpose.int", .tensor(split), .int(0), .int(1))
            results.append(try program.add("aten::sum.dim_IntList", .tensor(turned), .ints([0]), .bool(false), .none))
        }
        return program.graph(results)
    }

    private func linears(_ graph: Graph, frozen: Set<Int> = Set(1..<7)) throws -> Int {
        let lowered = try JoinProjections().run(graph, frozenInputs: frozen)
        try Verifier().verify(lowered)
        for size in [0, 1, 5] {
            let inputs = try [[size, 3], [4, 3], [6, 3], [3, 2], [4], [6], [2]].enumerated().map { try ramp($1, $0) }
            try expectClose(GraphExecutor(lowered).run(inputs), GraphExecutor(graph).run(inputs))
            let roles: [Plan.Role] = inputs.indices.map { frozen.contains($0) ? .frozen : .varying }
            try expectClose(Plan(graph, roles: roles).run(inputs), GraphExecutor(graph).run(inputs))
        }
        return lowered.nodes.count { $0.operator.name == "aten::linear" }
    }

    @Test func productsOfOneInputAreOne() throws {
        #expect(try linears(graph()) == 1)
        #expect(try linears(graph(hasBias: [false, false, false])) == 1)
        #expect(try linears(graph(hasBias: [true, false, true])) == 2)
        // Read by what could follow it in the cache, a result of the program, weights that change.
        #expect(try linears(graph(readsPlain: true)) == 2)
        #expect(try linears(graph(isResult: true)) == 2)
        #expect(try linears(graph(), frozen: [1, 2, 4, 5]) == 2)
        #expect(try linears(graph(), frozen: []) == 3)
    }

    /// The joined weights are there once, packed, however the input and the bias lie.
    @Test func joinedWeightsAreThereOnce() throws {
        let sizes = [[3, 5], [4, 3], [6, 3], [3, 2], [4], [6], [2]]
        let inputs = try sizes.enumerated().map { try ramp($1, $0) }
        let roles: [Plan.Role] = [.varying] + Array(repeating: .frozen, count: 6)
        var program = try Program([try float32([3, n])] + sizes.dropFirst().map { try float32($0.map { SymInt($0) }) })
        let turned = try program.add("aten::transpose.int", .tensor(program.inputs[0]), .int(0), .int(1))
        // Known while binding, though no weight: its product must not read the weight's elements either.
        let known = try program.add("aten::full", .ints([n, 3]), .double(0.5), .dtype(.float32), .none, .none, .none)
        var results: [Value] = []
        for x in [turned, known] {
            for index in 1...2 {
                let linear = try program.add("aten::linear", .tensor(x), .tensor(program.inputs[index]), .tensor(program.inputs[3 + index]))
                results.append(try program.add("aten::t", .tensor(linear)))
            }
        }
        let (graph, plan) = (program.graph(results), try Plan(program.graph(results), roles: roles))
        for _ in 0..<2 { try expectClose(plan.run(inputs), GraphExecutor(graph).run(inputs)) }
        let weights: FrozenWeights = try plan.weights(among: inputs)
        let joined: [Tensor] = weights.computed.filter { $0.layout.count == 30 }
        #expect(!joined.isEmpty && joined.allSatisfy { weights.packed.isPackedAlone($0) })
        let use: MemoryUse = try plan.memoryUse(for: inputs)
        #expect(use.packedWeights == weights.packed.byteCount && use.packedWeights > 0)
        let unpacked = try Plan(graph, roles: roles, pipeline: .standard.skipping(["pack-weights"])).memoryUse(for: inputs)
        #expect(unpacked.packedWeights == 0 && unpacked.ownedWeights - use.ownedWeights >= 30 * 4)
    }

    /// The parts are read where they lie: no step copies them.
    @Test func partsAreViews() throws {
        let inputs = try [[5, 3], [4, 3], [6, 3], [3, 2], [4], [6], [2]].enumerated().map { try ramp($1, $0) }
        let plan = try Plan(graph(), roles: [.varying] + Array(repeating: .frozen, count: 6))
        let titles = try plan.bind(inputs).program.steps.map(\.title)
        #expect(titles == ["packed aten::linear"] + Array(repeating: "aten::sum.dim_IntList", count: 3), "\(titles)")
    }
}
