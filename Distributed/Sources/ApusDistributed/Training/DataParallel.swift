import Apus

/// Trains one model in several processes, each on samples of its own: gradients are the means over all of them, after PyTorch's
/// `DistributedDataParallel`.
///
///     let parallel = try DataParallel(model, in: world)
///     let (loss, gradients) = try parallel.valueAndGradient { try crossEntropy($0(images), digits) }
///     try optimizer.step(gradients)
///
/// Making it gives all processes the first one's parameters and buffers. As long as every process then takes the same steps, their parameters stay
/// the same to the last bit. Where each process has equally many samples and the loss is their mean, the steps are those of one process with
/// all samples, but for rounding.
///
/// Gradients are reduced in buckets while others are still being computed. A process may leave parameters unused that others use,
/// except inside of `synchronizingBatchNorm`.
public final class DataParallel<Model: Module> {
    public struct Options: Sendable, Hashable {
        /// About how many bytes of gradients are reduced together.
        public var bucketBytes: Int
        /// The same of the gradients that come first, so that communication begins early.
        public var firstBucketBytes: Int
        /// Whether each call of `valueAndGradient` begins with the first process's buffers, such as running statistics, in all of them.
        public var broadcastsBuffers: Bool

        public init(bucketBytes: Int = 25 << 20, firstBucketBytes: Int = 1 << 20, broadcastsBuffers: Bool = true) {
            (self.bucketBytes, self.firstBucketBytes) = (bucketBytes, firstBucketBytes)
            self.broadcastsBuffers = broadcastsBuffers
        }
    }

    public let model: Model
    public let group: ProcessGroup
    public let options: Options
    private let layout: GradientBuckets.Layout
    private var synchronizes = true

    /// Called by all processes of the group. Which parameters take gradients is looked up here.
    ///
    /// - Throws: `DistributedError` (`.mismatch`) in all processes where their models differ in names, shapes or dtypes; `ModuleError` for a model that
    ///   can't be walked.
    public init(_ model: Model, in group: ProcessGroup, options: Options = Options()) throws {
        (self.model, self.group, self.options) = (model, group, options)
        layout = GradientBuckets.Layout(
            try model.trainableParameters(), bytes: options.bucketBytes, firstBytes: options.firstBucketBytes)
        let state: [(name: String, tensor: Tensor)] = model.namedState()
        try group.requireSame(state, for: "DataParallel")
        try model.load(try group.broadcast(state))
    }

    /// The value of a function of the model in this process, and the mean over the processes of its gradients with respect to the parameters.
    ///
    /// - Parameters:
    ///   - accumulated: gradients of earlier batches, computed under ``noSync(_:)``, that are added before the mean is taken
    ///   - loss: as for `valueAndGradient(of:)`
    /// - Throws: what the function throws, `DistributedError`. Where one process throws, the others wait for it: end it, as `ProcessGroup.run` does.
    public func valueAndGradient(
        adding accumulated: ModuleGradients? = nil, _ loss: (Model) throws -> Tensor
    ) throws -> (value: Tensor, gradients: ModuleGradients) {
        guard synchronizes else {
            let (value, gradients) = try Apus.valueAndGradient(of: model, loss)
            return (value, try accumulated.map { try $0 + gradients } ?? gradients)
        }
        if options.broadcastsBuffers { try broadcastBuffers() }
        let buckets = GradientBuckets(layout, group)
        let earlier: [String: Tensor] = accumulated?.named ?? [:]
        let (value, _) = try Apus.valueAndGradient(
            of: model,
            onGradient: { entry in
                var entry: ModuleGradients.Entry = entry
                if let more = earlier[entry.names[0]] { entry.gradient = try entry.gradient.map { try $0 + more } ?? more }
                try buckets.add(entry)
            }, loss)
        return (value, try buckets.finish())
    }

    /// Runs the body with gradients left as each process has computed them, to accumulate several batches before one exchange:
    ///
    ///     let first = try parallel.noSync { try parallel.valueAndGradient(lossOfFirst).gradients }
    ///     let (loss, gradients) = try parallel.valueAndGradient(adding: first, lossOfSecond)
    public func noSync<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before: Bool = synchronizes
        synchronizes = false
        defer { synchronizes = before }
        return try body()
    }

    /// The means over the processes of gradients that were computed in another way, by a joint program for instance.
    public func synchronized(_ gradients: ModuleGradients) throws -> ModuleGradients {
        let buckets = GradientBuckets(layout, group)
        for entry in gradients.entries.reversed() { try buckets.add(entry) }
        return try buckets.finish()
    }

    private func broadcastBuffers() throws {
        let state: [String: Tensor] = model.stateDict()
        let buffers = model.namedBuffers().filter { state[$0.name] != nil }
        if !buffers.isEmpty { try model.load(try group.broadcast(buffers), strict: false) }
    }
}

extension Module {
    /// The parameters that take gradients, each once.
    func trainableParameters() throws -> [(names: [String], spec: TensorSpec)] {
        // Of a value that depends on none of them the gradients are none, but they are told by name.
        let gradients: ModuleGradients = try gradient(of: self) { _ in try Tensor([Float(0)], shape: []) }
        let tensors: [String: Tensor] = Dictionary(namedParameters().map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        return gradients.entries.compactMap { entry in tensors[entry.names[0]].map { (entry.names, $0.spec) } }
    }
}
