import ApusTensor

/// Sets an optimizer's learning rate from step to step, after the schedulers of `torch.optim.lr_scheduler`: a batch or an epoch is a step, as the
/// program likes.
///
///     let scheduler = try OneCycleLR(optimizer, maxLearningRate: 0.1, totalSteps: 1000)
///     for batch in batches {
///         try optimizer.step(gradients(batch))
///         try scheduler.step()
///     }
///
/// A scheduler gives the optimizer its first rate when it is made. Most compute each rate from the one that the optimizer has, so that several
/// work together (`ChainedScheduler`). The rates of `ParameterGroup`s follow. Where the rate is wanted as a function of the step,
/// `LearningRateSchedule` is that.
open class LRScheduler {
    public final let optimizer: Optimizer
    /// The steps so far, which number the present rate; 0 for a new scheduler.
    public internal(set) final var lastEpoch = 0
    /// The learning rate that the optimizer had before any scheduler.
    public internal(set) final var baseLearningRate: Double
    /// The rate that was set last.
    public internal(set) final var lastLearningRate: Double

    /// A subclass calls `start()` once it is whole.
    public init(_ optimizer: Optimizer) {
        self.optimizer = optimizer
        baseLearningRate = optimizer.initialLearningRate ?? optimizer.learningRate
        optimizer.initialLearningRate = baseLearningRate
        lastLearningRate = optimizer.learningRate
    }

    /// The rate of an epoch, counted from 0, from the rate that the optimizer has at the one before.
    open func learningRate(at epoch: Int, after last: Double) throws -> Double { try learningRate(at: epoch) ?? last }

    /// The rate of an epoch where it can be told without the one before; nil where not.
    open func learningRate(at epoch: Int) throws -> Double? { nil }

    /// The momentum of an epoch, where the scheduler sets that too.
    func momentum(at epoch: Int) throws -> Double? { nil }

    /// Sets the rate of epoch 0, from the one that the optimizer has.
    public final func start() throws { try move(to: 0, learningRate(at: 0, after: optimizer.learningRate)) }

    /// Sets the next rate.
    ///
    /// - Throws: `TensorError` where the schedule has ended, what a function of the user's throws.
    open func step() throws { try move(to: lastEpoch + 1, learningRate(at: lastEpoch + 1, after: optimizer.learningRate)) }

    /// Begins again while others have worked meanwhile.
    func restart() throws {
        try move(to: 0, learningRate(at: 0) ?? learningRate(at: 0, after: optimizer.learningRate))
    }

    private func move(to epoch: Int, _ rate: Double) throws {
        let momentum: Double? = try momentum(at: epoch)
        lastEpoch = epoch
        optimizer.learningRate = rate
        lastLearningRate = rate
        if let momentum { optimizer.scheduledMomentum = momentum }
    }

    // MARK: - Saving and loading

    /// What a scheduler remembers besides the epoch and the rates, by PyTorch's names.
    var remembered: [String: Double] {
        get { [:] }
        set {}
    }

    /// The schedulers that this one is made of.
    var parts: [LRScheduler] { [] }

    /// What `load` needs, by PyTorch's names: `last_epoch`, `base_lrs`, `_last_lr`; those of a scheduler's parts under `_schedulers.0` and so on.
    /// What the scheduler was made with is not among them.
    public final func stateDict() throws -> [String: Tensor] {
        try numbers().mapValues { try Tensor([$0], shape: []) }
    }

    private func numbers() -> [String: Double] {
        var result: [String: Double] = ["last_epoch": Double(lastEpoch), "base_lrs": baseLearningRate, "_last_lr": lastLearningRate]
        result.merge(remembered) { _, own in own }
        for (index, part) in parts.enumerated() {
            for (name, number) in part.numbers() { result["_schedulers.\(index).\(name)"] = number }
        }
        return result
    }

    /// Takes over where another scheduler of the same options was, and gives the optimizer the rate of then. Nothing is changed when it fails.
    ///
    /// - Throws: `StateDictMismatch` for names that are missing or not expected and for what are no numbers.
    public final func load(_ stateDict: [String: Tensor]) throws {
        set(try schedulerNumbers(stateDict, expected: Array(numbers().keys), of: "\(type(of: self))"))
        optimizer.learningRate = lastLearningRate
        if let momentum = try momentum(at: lastEpoch) { optimizer.scheduledMomentum = momentum }
    }

    private func set(_ numbers: [String: Double]) {
        for (index, part) in parts.enumerated() {
            let prefix = "_schedulers.\(index)."
            let own: [(String, Double)] = numbers.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            }
            part.set(Dictionary(uniqueKeysWithValues: own))
        }
        lastEpoch = Int(numbers["last_epoch"] ?? 0)
        (baseLearningRate, lastLearningRate) = (numbers["base_lrs"] ?? 0, numbers["_last_lr"] ?? 0)
        remembered = numbers.filter { remembered[$0.key] != nil }
    }
}

/// The numbers of a scheduler's state.
func schedulerNumbers(_ stateDict: [String: Tensor], expected: [String], of type: String) throws -> [String: Double] {
    var report = StateDictMismatch(moduleType: type)
    report.missing = expected.filter { stateDict[$0] == nil }.sorted()
    report.unexpected = stateDict.keys.filter { !expected.contains($0) }.sorted()
    let scalar = TensorSpec(.float64, .scalar)
    report.mismatched = stateDict.filter { $0.value.dtype != .float64 || !$0.value.shape.isEmpty }.sorted { $0.key < $1.key }
        .map { .init(name: $0.key, expected: scalar, found: $0.value.spec) }
    guard report.missing.isEmpty, report.unexpected.isEmpty, report.mismatched.isEmpty else { throw report }
    let numbers: [String: Double] = try stateDict.mapValues { try $0.array(of: Double.self)[0] }
    // Counts, which are computed with.
    for (name, number) in numbers where countsSteps(name) {
        guard number >= -1, number <= 0x1p53, number == number.rounded() else {
            throw TensorError(.invalidArgument, in: type, "'\(name)' is \(number), which counts no steps")
        }
    }
    return numbers
}

/// Whether a name of a state, behind those of the schedulers that it is part of, is that of a count.
private func countsSteps(_ name: String) -> Bool {
    let last: Substring = name.split(separator: ".").last ?? ""
    return last.hasSuffix("epoch") || last.hasPrefix("T_") || last.hasPrefix("num_") || last == "cooldown_counter"
}
