import ApusSymbolic
import ApusTensor

/// Lowers an optimizer's learning rate where a number, such as the loss on held-out data, no longer gets better. Rules and defaults are those of
/// `torch.optim.lr_scheduler.ReduceLROnPlateau`.
///
///     let scheduler = try ReduceLROnPlateau(optimizer, patience: 3)
///     try scheduler.step(loss)
public final class ReduceLROnPlateau {
    public enum Mode: Sendable { case min, max }
    public enum ThresholdMode: Sendable {
        /// Better by a share of the best number.
        case rel
        /// Better by an amount.
        case abs
    }

    public let optimizer: Optimizer
    public let mode: Mode
    public let factor: Double
    public let patience: Int
    public let threshold: Double
    public let thresholdMode: ThresholdMode
    public let cooldown: Int
    public let minLearningRate: Double
    public let epsilon: Double

    public private(set) var lastEpoch = 0
    /// The best number so far.
    public private(set) var best: Double
    private var badEpochs = 0
    private var cooldownLeft = 0

    /// - Parameters:
    ///   - mode: whether smaller numbers are better, or larger ones
    ///   - factor: what the rate is multiplied by
    ///   - patience: how many epochs without a better number are let pass
    ///   - cooldown: how many epochs are let pass after the rate was lowered
    ///   - epsilon: smaller changes of the rate are left out
    public init(
        _ optimizer: Optimizer, mode: Mode = .min, factor: any ScalarConvertible = 0.1, patience: some SymIntConvertible = 10,
        threshold: any ScalarConvertible = 1e-4, thresholdMode: ThresholdMode = .rel, cooldown: some SymIntConvertible = 0,
        minLearningRate: any ScalarConvertible = 0, epsilon: any ScalarConvertible = 1e-8
    ) throws {
        let name = "ReduceLROnPlateau"
        self.optimizer = optimizer
        self.mode = mode
        self.factor = try factor.option("factor", in: name, below: 1)
        self.patience = try patience.count("patience", in: name)
        self.threshold = try threshold.option("threshold", in: name)
        self.thresholdMode = thresholdMode
        self.cooldown = try cooldown.count("cooldown", in: name)
        self.minLearningRate = try minLearningRate.option("minLearningRate", in: name)
        self.epsilon = try epsilon.option("epsilon", in: name)
        best = mode == .min ? .infinity : -.infinity
    }

    /// Tells the number of an epoch; a tensor of one element does as well, by its `item()`.
    public func step(_ metric: any ScalarConvertible) throws {
        let metric: Double = try metric.plainNumber("metric", in: "ReduceLROnPlateau")
        lastEpoch += 1
        if isBetter(metric) {
            (best, badEpochs) = (metric, 0)
        } else {
            badEpochs += 1
        }
        if cooldownLeft > 0 {
            cooldownLeft -= 1
            badEpochs = 0
        }
        guard badEpochs > patience else { return }
        let lower: Double = max(optimizer.learningRate * factor, minLearningRate)
        if optimizer.learningRate - lower > epsilon { optimizer.learningRate = lower }
        (cooldownLeft, badEpochs) = (cooldown, 0)
    }

    private func isBetter(_ metric: Double) -> Bool {
        switch (mode, thresholdMode) {
        case (.min, .rel): metric < best * (1 - threshold)
        case (.min, .abs): metric < best - threshold
        case (.max, .rel): metric > best * (1 + threshold)
        case (.max, .abs): metric > best + threshold
        }
    }

    /// What `load` needs, by PyTorch's names.
    public func stateDict() throws -> [String: Tensor] { try numbers.mapValues { try Tensor([$0], shape: []) } }

    private var numbers: [String: Double] {
        [
            "last_epoch": Double(lastEpoch), "best": best, "num_bad_epochs": Double(badEpochs), "cooldown_counter": Double(cooldownLeft),
            "_last_lr": optimizer.learningRate,
        ]
    }

    /// Takes over where another one of the same options was, and gives the optimizer the rate of then. Nothing is changed when it fails.
    ///
    /// - Throws: `StateDictMismatch` for names that are missing or not expected and for what are no numbers.
    public func load(_ stateDict: [String: Tensor]) throws {
        let numbers: [String: Double] = try schedulerNumbers(stateDict, expected: Array(numbers.keys), of: "ReduceLROnPlateau")
        func count(_ name: String) -> Int { Int(numbers[name] ?? 0) }
        (lastEpoch, badEpochs, cooldownLeft) = (count("last_epoch"), count("num_bad_epochs"), count("cooldown_counter"))
        best = numbers["best"] ?? best
        optimizer.learningRate = numbers["_last_lr"] ?? optimizer.learningRate
    }
}
