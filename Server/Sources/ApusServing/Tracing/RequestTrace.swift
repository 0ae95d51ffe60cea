import Tracing

/// The spans of a request: `infer`, and in it `queue`, the time that it waited, and `run`, the time that its program ran, alone or with others.
/// Without a tracer (`InstrumentationSystem.bootstrap`) they cost next to nothing.
enum RequestTrace {
    static func infer(
        _ model: ServedModel, _ request: InferenceRequest, _ body: () async throws -> (RequestQueue.Outcome, InferenceResult)
    ) async throws -> InferenceResult {
        try await withSpan("infer", context: request.trace, ofKind: .server) { span in
            span.attributes["model.name"] = model.name
            span.attributes["model.version"] = model.version
            if let id = request.id { span.attributes["request.id"] = id }
            if let sequence = request.sequence?.id { span.attributes["sequence.id"] = sequence }
            let (outcome, result) = try await body()
            if span.isRecording { write(outcome, in: span) }
            return result
        }
    }

    /// Writes down what has been. Batches run on other threads and for several requests: each request gets spans of its own, when all is known.
    private static func write(_ outcome: RequestQueue.Outcome, in span: any Span) {
        let (wall, now) = (DefaultTracerClock.now.nanosecondsSinceEpoch, ContinuousClock.now)
        func instant(_ time: ContinuousClock.Instant) -> DefaultTracerClock.Timestamp {
            DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: wall - UInt64(clamping: (now - time).nanoseconds))
        }
        let queue: any Span = startSpan("queue", context: span.context, at: instant(outcome.arrival))
        queue.end(at: instant(outcome.start))
        let run: any Span = startSpan("run", context: span.context, at: instant(outcome.start))
        run.attributes["batch.rows"] = outcome.rows
        run.end(at: instant(outcome.end))
    }
}
