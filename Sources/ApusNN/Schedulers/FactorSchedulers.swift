import ApusSymbolic
import ApusTensor
import Foundation

// Schedulers whose rates are the base rate by a factor. Formulas and defaults are those of `torch.optim.lr_scheduler`.

/// The base rate by a function of the epoch.
public final class LambdaLR: LRScheduler {
    private let factor: (Int) throws -> Double

    public init(_ optimizer: Optimizer, _ factor: @escaping (_ epoch: Int) throws -> Double) throws {
        self.factor = factor
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int) throws -> Double? { try baseLearningRate * factor(epoch) }
}

/// Each rate is the last one by a function of the epoch, which is asked from epoch 1 on.
public final class MultiplicativeLR: LRScheduler {
    private let factor: (Int) throws -> Double

    public init(_ optimizer: Optimizer, _ factor: @escaping (_ epoch: Int) throws -> Double) throws {
        self.factor = factor
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) throws -> Double { epoch > 0 ? try last * factor(epoch) : last }
}

/// The rate times `gamma` every `stepSize` epochs.
public final class StepLR: LRScheduler {
    public let stepSize: Int
    public let gamma: Double

    public init(_ optimizer: Optimizer, stepSize: some SymIntConvertible, gamma: any ScalarConvertible = 0.1) throws {
        self.stepSize = try stepSize.positive("stepSize", in: "StepLR")
        self.gamma = try gamma.option("gamma", in: "StepLR")
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        epoch == 0 || !epoch.isMultiple(of: stepSize) ? last : last * gamma
    }

    override public func learningRate(at epoch: Int) -> Double? { baseLearningRate * pow(gamma, Double(epoch / stepSize)) }
}

/// The rate times `gamma` at each of the milestones; at one that is named twice, twice.
public final class MultiStepLR: LRScheduler {
    public let milestones: [Int]
    public let gamma: Double

    public init(_ optimizer: Optimizer, milestones: [Int], gamma: any ScalarConvertible = 0.1) throws {
        self.milestones = milestones
        self.gamma = try gamma.option("gamma", in: "MultiStepLR")
        try requireMilestones(milestones, in: "MultiStepLR")
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        let count: Int = milestones.filter { $0 == epoch }.count
        return count == 0 ? last : last * pow(gamma, Double(count))
    }

    override public func learningRate(at epoch: Int) -> Double? {
        baseLearningRate * pow(gamma, Double(milestones.filter { $0 <= epoch }.count))
    }
}

/// The rate times `factor` until epoch `totalIterations`.
public final class ConstantLR: LRScheduler {
    public let factor: Double
    public let totalIterations: Int

    public init(
        _ optimizer: Optimizer, factor: any ScalarConvertible = 1.0 / 3, totalIterations: some SymIntConvertible = 5
    ) throws {
        self.factor = try factor.option("factor", in: "ConstantLR")
        self.totalIterations = try totalIterations.count("totalIterations", in: "ConstantLR")
        guard self.factor > 0, self.factor <= 1 else {
            throw TensorError(.invalidArgument, in: "ConstantLR", "factor must be above 0 and at most 1, not \(self.factor)")
        }
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        if epoch == 0 { return last * factor }
        return epoch == totalIterations ? last / factor : last
    }

    override public func learningRate(at epoch: Int) -> Double? { baseLearningRate * (epoch >= totalIterations ? 1 : factor) }
}

/// The rate times a factor that goes in a straight line from `startFactor` to `endFactor` over `totalIterations` epochs, and stays there.
public final class LinearLR: LRScheduler {
    public let startFactor: Double
    public let endFactor: Double
    public let totalIterations: Int

    public init(
        _ optimizer: Optimizer, startFactor: any ScalarConvertible = 1.0 / 3, endFactor: any ScalarConvertible = 1,
        totalIterations: some SymIntConvertible = 5
    ) throws {
        self.startFactor = try startFactor.option("startFactor", in: "LinearLR")
        self.endFactor = try endFactor.option("endFactor", in: "LinearLR")
        self.totalIterations = try totalIterations.positive("totalIterations", in: "LinearLR")
        guard self.startFactor > 0, self.startFactor <= 1, self.endFactor <= 1 else {
            throw TensorError(
                .invalidArgument, in: "LinearLR",
                "startFactor must be above 0, and both factors at most 1, not \(self.startFactor) and \(self.endFactor)")
        }
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        if epoch == 0 { return last * startFactor }
        guard epoch <= totalIterations else { return last }
        let rise: Double = endFactor - startFactor
        return last * (1 + rise / (Double(totalIterations) * startFactor + Double(epoch - 1) * rise))
    }

    override public func learningRate(at epoch: Int) -> Double? {
        let part: Double = Double(min(epoch, totalIterations)) / Double(totalIterations)
        return baseLearningRate * (startFactor + (endFactor - startFactor) * part)
    }
}

/// The rate times `gamma` every epoch.
public final class ExponentialLR: LRScheduler {
    public let gamma: Double

    public init(_ optimizer: Optimizer, gamma: any ScalarConvertible) throws {
        self.gamma = try gamma.option("gamma", in: "ExponentialLR")
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double { epoch == 0 ? last : last * gamma }
    override public func learningRate(at epoch: Int) -> Double? { baseLearningRate * pow(gamma, Double(epoch)) }
}

/// The rate times `(1 - epoch / totalIterations)^power`, and 0 after that.
public final class PolynomialLR: LRScheduler {
    public let totalIterations: Int
    public let power: Double

    public init(_ optimizer: Optimizer, totalIterations: some SymIntConvertible = 5, power: any ScalarConvertible = 1) throws {
        self.totalIterations = try totalIterations.positive("totalIterations", in: "PolynomialLR")
        self.power = try power.option("power", in: "PolynomialLR")
        super.init(optimizer)
        try start()
    }

    private func factor(_ epoch: Int) -> Double { 1 - Double(min(epoch, totalIterations)) / Double(totalIterations) }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        epoch == 0 || epoch > totalIterations ? last : last * pow(factor(epoch) / factor(epoch - 1), power)
    }

    override public func learningRate(at epoch: Int) -> Double? { baseLearningRate * pow(factor(epoch), power) }
}

/// Requires epochs in order, none before the first.
func requireMilestones(_ milestones: [Int], in scheduler: String) throws {
    guard milestones.allSatisfy({ $0 >= 0 }), zip(milestones, milestones.dropFirst()).allSatisfy({ $0 <= $1 }) else {
        throw TensorError(.invalidArgument, in: scheduler, "milestones must be epochs in order, from 0 on, not \(milestones)")
    }
}
