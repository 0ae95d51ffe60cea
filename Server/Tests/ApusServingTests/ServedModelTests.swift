import Apus
import Testing

@testable import ApusServing

/// Sums what it was given since it began.
private final class Counter: Module {
    @Buffer var total: Tensor

    init() throws { total = try Tensor.zeros([2]) }

    func add(_ x: Tensor) throws -> Tensor {
        total = try total + x
        return total
    }
}

@Suite struct ServedModelTests {
    private func serve(_ program: ExportedProgram, _ configuration: ModelConfiguration = ModelConfiguration()) throws -> ServedModel {
        try ServedModel(
            name: "m", version: "1", format: .pt2, program: program, configuration: configuration, defaults: ServingDefaults(),
            threads: .shared)
    }

    private func counter(_ configuration: ModelConfiguration = ModelConfiguration()) throws -> ServedModel {
        let model = try Counter()
        return try serve(export(model.add, of: model, args: Tensor.ones([2])), configuration)
    }

    private func add(_ model: ServedModel, _ value: Float, _ sequence: String, start: Bool = false, end: Bool = false) async throws -> Float
    {
        let request = InferenceRequest(
            inputs: [(model.signature.inputs[0].name, try Tensor.full([2], value))],
            sequence: RequestSequence(id: sequence, isStart: start, isEnd: end))
        return try await model.infer(request).outputs[0].tensor.sum().item(Float.self) / 2
    }

    /// A row of eight megabytes, in and out: four of them are as much as weights of few bytes leave room for.
    @Test func largeRowsRunInSmallBatches() throws {
        let x: Tensor = try Tensor.ones([2, 1 << 20])
        let program: ExportedProgram = try export({ (x: Tensor) in try x * 2 }, args: x, constraints: [dynamicDim(x, 0).in(1...64)])
        #expect(try serve(program).batching.get().largest == 4)
        var configuration = ModelConfiguration()
        configuration.maxBatchSize = 16
        #expect(try serve(program, configuration).batching.get().largest == 16)
        let larger: Tensor = try Tensor.ones([2, 1 << 22])
        let alone: ServedModel = try serve(
            export({ (x: Tensor) in try x * 2 }, args: larger, constraints: [dynamicDim(larger, 0).in(1...64)]))
        guard case .failure(let refusal) = alone.batching else { return #expect(Bool(false)) }
        #expect(refusal.reason == "each row takes 33554432 bytes on the way, which leaves no room for others")
    }

    @Test func sequencesKeepTheirOwnState() async throws {
        let model: ServedModel = try counter()
        #expect(try await add(model, 1, "a", start: true) == 1)
        #expect(try await add(model, 10, "b", start: true) == 10)
        #expect(try await add(model, 2, "a") == 3)
        #expect(try await add(model, 20, "b") == 30)
        #expect(model.load.sequences == 2)
        #expect(try await add(model, 3, "a", end: true) == 6)
        #expect(model.load.sequences == 1)
        await #expect(throws: ServingError.self) { try await add(model, 1, "a") }
        // Begun anew where it is.
        #expect(try await add(model, 5, "b", start: true) == 5)
        let without = await #expect(throws: ServingError.self) {
            try await model.infer(InferenceRequest(inputs: [(model.signature.inputs[0].name, Tensor.ones([2]))]))
        }
        #expect(without?.code == .invalidRequest)
        guard case .failure(let refusal) = model.batching else { return #expect(Bool(false)) }
        #expect(refusal.reason == "the program changes its buffers")
    }

    @Test func sequencesAreBoundedAndForgotten() async throws {
        var configuration = ModelConfiguration()
        (configuration.maxSequences, configuration.sequenceIdle) = (2, 3)
        let model: ServedModel = try counter(configuration)
        for name in ["a", "b"] { _ = try await add(model, 1, name, start: true) }
        let error = await #expect(throws: ServingError.self) { try await add(model, 1, "c", start: true) }
        #expect(error?.code == .overloaded)
        try await Task.sleep(for: .milliseconds(3100))
        #expect(try await add(model, 1, "c", start: true) == 1)
        #expect(model.load.sequences == 1)
        await #expect(throws: ServingError.self) { try await add(model, 1, "a") }
    }

    @Test func sequencesWhoseFirstRequestDoesNotRunTakeNoPlace() async throws {
        let model: ServedModel = try counter()
        var request = InferenceRequest(
            inputs: [(model.signature.inputs[0].name, try Tensor.ones([2]))],
            sequence: RequestSequence(id: "a", isStart: true, isEnd: false))
        request.deadline = .now - .seconds(1)
        await #expect(throws: ServingError.self) { try await model.infer(request) }
        #expect(model.load.sequences == 0)
    }

    @Test func requestsWithoutRowsRunAlone() async throws {
        let example: Tensor = try Tensor.randn([3, 4])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x * 2 }, args: example, constraints: [dynamicDim(example, 0).in(0...16)])
        let model: ServedModel = try serve(program)
        let request = InferenceRequest(inputs: [(model.signature.inputs[0].name, try Tensor.zeros([0, 4]))])
        async let other: InferenceResult = model.infer(request)
        for result in [try await model.infer(request), try await other] {
            #expect(try result.outputs[0].tensor.sizes == [0, 4])
        }
    }

    @Test func requestsAreCheckedBeforeTheyWait() async throws {
        let (x, y): (Tensor, Tensor) = (try Tensor.randn([3, 2]), try Tensor.randint(0, 9, [3]))
        let program: ExportedProgram = try export(
            { (x: Tensor, y: Tensor) in (try x * 2, try y + 1, x.shape[0]) }, args: x, y,
            constraints: [dynamicDim(x, 0).in(1...8), dynamicDim(x, 0) == dynamicDim(y, 0)])
        let model: ServedModel = try serve(program)
        let (inputs, outputs) = (model.signature.inputs, model.signature.outputs)
        #expect(inputs.map(\.datatype) == [.float32, .int64] && inputs.map(\.shape) == [[-1, 2], [-1]])
        #expect(outputs.map(\.datatype) == [.float32, .int64, .int64] && outputs.map(\.shape) == [[-1, 2], [-1], []])
        let (a, b): (String, String) = (inputs[0].name, inputs[1].name)
        let good: [(name: String, tensor: Tensor)] = [(b, y), (a, x)]
        let all: InferenceResult = try await model.infer(InferenceRequest(inputs: good))
        #expect(all.outputs.map { $0.entry.name } == outputs.map(\.name))
        #expect(try all.outputs[2].tensor.item(Int.self) == 3)
        let last: InferenceResult = try await model.infer(InferenceRequest(inputs: good, outputs: [outputs[1].name]))
        #expect(last.outputs.count == 1 && last.outputs[0].tensor.dtype == .int64)
        let bad: [([(name: String, tensor: Tensor)], [String]?)] = [
            ([], nil), ([(a, x)], nil), ([(a, x), (a, x), (b, y)], nil), (good + [("z", x)], nil), ([(a, y), (b, y)], nil),
            ([(a, try Tensor.ones([3, 3])), (b, y)], nil), ([(a, try Tensor.ones([2, 2])), (b, y)], nil),
            ([(a, try Tensor.ones([2])), (b, y)], nil),
            ([(a, try Tensor.ones([9, 2])), (b, try Tensor.zeros([9], dtype: .int64))], nil), (good, ["nothing"]),
            (good, [outputs[0].name, outputs[0].name]),
        ]
        for (inputs, outputs) in bad {
            let error = await #expect(throws: ServingError.self) {
                try await model.infer(InferenceRequest(inputs: inputs, outputs: outputs))
            }
            #expect(error?.code == .invalidRequest, "\(error?.message ?? "")")
        }
        let values: ModelStatistics.Values = model.statistics.values
        #expect(values.success.count == 2 && values.failures[.invalidRequest]?.count == bad.count && values.executions == 2)
    }

    @Test func programsThatTheProtocolCanNotCarryAreRefused() throws {
        let x: Tensor = try Tensor.complex(Tensor.ones([2]), Tensor.ones([2]))
        let program: ExportedProgram = try export({ (x: Tensor) in try x * 2 }, args: x)
        #expect(throws: ServingError.self) { try serve(program) }
    }

    /// Many at once through the whole of it: each gets its own.
    @Test func manyRequestsAtOnceEachGetTheirOwn() async throws {
        let example: Tensor = try Tensor.randn([3, 4])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x.cumsum(dim: 1) }, args: example, constraints: [dynamicDim(example, 0).in(1...16)])
        let model: ServedModel = try serve(program)
        let name: String = model.signature.inputs[0].name
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let rows: Int = index % 5 + 1
                    let result: InferenceResult = try await model.infer(
                        InferenceRequest(inputs: [(name, Tensor.full([rows, 4], Float(index)))]))
                    let expected: [Float] = (0..<rows).flatMap { _ in (1...4).map { Float($0 * index) } }
                    #expect(try result.outputs[0].tensor.array(of: Float.self) == expected)
                }
            }
            try await group.waitForAll()
        }
        let values: ModelStatistics.Values = model.statistics.values
        #expect(values.success.count == 200 && values.inferences == 600)
        #expect(values.batches.reduce(0) { $0 + $1.key * $1.value.count } == 600)
        #expect(values.executions < 200)
    }
}
