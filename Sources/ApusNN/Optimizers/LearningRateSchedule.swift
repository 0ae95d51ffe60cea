import Foundation

/// A learning rate for each step or epoch, counted from 0.
///
///     let schedule = LearningRateSchedule.cosine(from: 0.1, steps: 1000).warmedUp(over: 100)
///     optimizer.learningRate = schedule(step)
public struct LearningRateSchedule: Sendable {
    private let rate: @Sendable (Int) -> Double

    public init(_ rate: @escaping @Sendable (Int) -> Double) { self.rate = rate }

    public func callAsFunction(_ step: Int) -> Double { rate(max(step, 0)) }

    public static func constant(_ rate: Double) -> LearningRateSchedule { LearningRateSchedule { _ in rate } }

    /// Times `gamma` after every `size` steps, as `torch.optim.lr_scheduler.StepLR`. A size below 1 counts as 1.
    public static func step(from initial: Double, every size: Int, gamma: Double = 0.1) -> LearningRateSchedule {
        LearningRateSchedule { step in initial * pow(gamma, Double(step / max(size, 1))) }
    }

    /// Half a cosine wave from `initial` down to `minimum` over `steps`, which it keeps afterwards; until there it is
    /// `torch.optim.lr_scheduler.CosineAnnealingLR`.
    public static func cosine(from initial: Double, steps: Int, minimum: Double = 0) -> LearningRateSchedule {
        LearningRateSchedule { step in
            guard step < steps else { return minimum }
            return minimum + (initial - minimum) * (1 + cos(Double.pi * Double(step) / Double(steps))) / 2
        }
    }

    /// Rises in a straight line from `startFactor` of this schedule's first rate over `steps`, then follows this schedule from its
    /// beginning.
    public func warmedUp(over steps: Int, startFactor: Double = 0) -> LearningRateSchedule {
        LearningRateSchedule { step in
            guard step < steps else { return self(step - max(steps, 0)) }
            return self(0) * (startFactor + (1 - startFactor) * Double(step) / Double(steps))
        }
    }
}
