import ApusRun
import Tracing

/// A request for a model, whichever protocol it came by.
public struct InferenceRequest: Sendable {
    public var inputs: [(name: String, tensor: Tensor)]
    /// The results that are wanted, in this order; nil for all.
    public var outputs: [String]?
    public var sequence: RequestSequence?
    public var deadline: ContinuousClock.Instant?
    /// When the request was there whole, and how long it took to be understood: for the statistics.
    public var arrival: ContinuousClock.Instant
    public var decoding: Duration
    /// What the request is called in traces, and the trace that it belongs to.
    public var id: String?
    public var trace: InstrumentationContext = .topLevel

    public init(
        inputs: [(name: String, tensor: Tensor)], outputs: [String]? = nil, sequence: RequestSequence? = nil,
        deadline: ContinuousClock.Instant? = nil, arrival: ContinuousClock.Instant = .now, decoding: Duration = .zero
    ) {
        (self.inputs, self.outputs, self.sequence, self.deadline) = (inputs, outputs, sequence, deadline)
        (self.arrival, self.decoding) = (arrival, decoding)
    }
}

/// What a model answers.
public struct InferenceResult: Sendable {
    public let outputs: [(entry: ModelSignature.Entry, tensor: Tensor)]
    /// How many rows ran together.
    public let rows: Int
}
