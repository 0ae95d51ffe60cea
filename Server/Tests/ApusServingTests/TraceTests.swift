import Apus
import InMemoryTracing
import Testing
import Tracing

@testable import ApusServing

/// The tracer of this process: it can be named once.
private let tracer: InMemoryTracer = {
    let tracer = InMemoryTracer()
    InstrumentationSystem.bootstrap(tracer)
    return tracer
}()

@Suite struct TraceTests {
    @Test func requestsAreTracedWithTheirQueueAndTheirRun() async throws {
        let tracer: InMemoryTracer = tracer
        let example: Tensor = try Tensor.ones([3, 2])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x * 2 }, args: example, constraints: [dynamicDim(example, 0).in(1...6)])
        let model = try ServedModel(
            name: "traced", version: "3", format: .pt2, program: program, configuration: ModelConfiguration(), defaults: ServingDefaults(),
            threads: .shared)
        let name: String = model.signature.inputs[0].name
        let parent: any Span = tracer.startSpan("client", context: .topLevel, ofKind: .client)
        var request = InferenceRequest(inputs: [(name, try Tensor.ones([2, 2]))])
        (request.id, request.trace) = ("seven", parent.context)
        _ = try await model.infer(request)
        parent.end()

        var wrong = InferenceRequest(inputs: [("nothing", example)])
        wrong.id = "eight"
        let refused = wrong
        await #expect(throws: ServingError.self) { try await model.infer(refused) }

        let spans: [FinishedInMemorySpan] = tracer.finishedSpans
        let infer = try #require(spans.first { $0.attributes.text("request.id") == "seven" })
        #expect(infer.operationName == "infer" && infer.kind == .server && infer.errors.isEmpty)
        #expect(infer.attributes.text("model.name") == "traced" && infer.attributes.text("model.version") == "3")
        #expect(infer.parentSpanID == parent.context.inMemorySpanContext?.spanID)
        let parts = spans.filter { $0.parentSpanID == infer.spanID && $0.traceID == infer.traceID }
        #expect(parts.map(\.operationName) == ["queue", "run"])
        #expect(parts[1].attributes.get("batch.rows") == SpanAttribute.int64(2))
        // One after the other, within the request.
        let times: [UInt64] = parts.flatMap { [$0.startInstant.nanosecondsSinceEpoch, $0.endInstant.nanosecondsSinceEpoch] }
        #expect(times[0] <= times[1] && times[1] == times[2] && times[2] <= times[3])

        let failed = try #require(spans.first { $0.attributes.text("request.id") == "eight" })
        #expect(failed.errors.count == 1 && !spans.contains { $0.parentSpanID == failed.spanID })
    }
}

extension SpanAttributes {
    fileprivate func text(_ key: String) -> String? {
        if case .string(let text)? = get(key) { return text }
        return nil
    }
}
