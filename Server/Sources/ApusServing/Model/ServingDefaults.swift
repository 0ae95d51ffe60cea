/// What counts for models whose configuration doesn't say.
public struct ServingDefaults: Sendable {
    public var concurrency = 1
    public var queue = 256
    public var batchWait: Duration = .zero
    public var maxSequences = 64
    public var sequenceIdle: Duration = .seconds(60)
    /// How many threads one run may use; nil for all.
    public var threads: Int?

    public init() {}
}
