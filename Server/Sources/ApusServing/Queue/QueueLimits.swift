/// How much of a model runs and waits at once.
public struct QueueLimits: Sendable, Hashable {
    /// Runs at once: of single requests, or of batches of them.
    public var concurrency: Int
    /// Requests that wait; more are refused at once.
    public var waiting: Int
    /// How long the first request of a batch waits for others while the model could run.
    public var batchWait: Duration

    public init(concurrency: Int = 1, waiting: Int = 256, batchWait: Duration = .zero) {
        (self.concurrency, self.waiting, self.batchWait) = (concurrency, waiting, batchWait)
    }
}
