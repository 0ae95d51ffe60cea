import ApusSymbolic
import ApusTensor
import Foundation

/// A learning rate for each step or epoch, counted from 0, as a function; an `LRScheduler` moves an optimizer's rate along.
///
///     let schedule = LearningRateSchedule.cosine(from: 0.1, steps: 1000).warmedUp(over: 100)
///     optimizer.learningRate = schedule(step)
public struct LearningRateSchedule: Sendable {
    private let rate: @Sendable (Int) -> Double

    public init(_ rate: @escaping @Sendable (Int) -> Double) { self.rate = rate }

    public func callAsFunction(_ step: Int) -> Double { rate(max(step, 0)) }

    public static func constant(_ rate: any ScalarConvertible) -> LearningRateSchedule {
        let rate = number(rate, "rate")
        return LearningRateSchedule { _ in rate }
    }

    /// Times `gamma` after every `size` steps, as `torch.optim.lr_scheduler.StepLR`. A size below 1 counts as 1.
    public static func step(
        from initial: any ScalarConvertible, every size: some SymIntConvertible, gamma: any ScalarConvertible = 0.1
    ) -> LearningRateSchedule {
        let (initial, size, gamma) = (number(initial, "initial"), Int(size.symInt), number(gamma, "gamma"))
        return LearningRateSchedule { step in initial * pow(gamma, Double(step / max(size, 1))) }
    }

    /// Half a cosine wave from `initial` down to `minimum` over `steps`, which it keeps afterwards; until there it is
    /// `torch.optim.lr_scheduler.CosineAnnealingLR`.
    public static func cosine(
        from initial: any ScalarConvertible, steps: some SymIntConvertible, minimum: any ScalarConvertible = 0
    ) -> LearningRateSchedule {
        let (initial, steps, minimum) = (number(initial, "initial"), Int(steps.symInt), number(minimum, "minimum"))
        return LearningRateSchedule { step in
            guard step < steps else { return minimum }
            return minimum + (initial - minimum) * (1 + cos(Double.pi * Double(step) / Double(steps))) / 2
        }
    }

    /// Rises in a straight line from `startFactor` of this schedule's first rate over `steps`, then follows this schedule from its
    /// beginning.
    public func warmedUp(over steps: some SymIntConvertible, startFactor: any ScalarConvertible = 0) -> LearningRateSchedule {
        let (steps, startFactor) = (Int(steps.symInt), Self.number(startFactor, "startFactor"))
        return LearningRateSchedule { step in
            guard step < steps else { return self(step - max(steps, 0)) }
            return self(0) * (startFactor + (1 - startFactor) * Double(step) / Double(steps))
        }
    }

    private static func number(_ value: any ScalarConvertible, _ name: String) -> Double {
        value.settledOption(name, in: "LearningRateSchedule")
    }
}
