import ApusSymbolic
import ApusTensor
import Foundation

/// One rise of the rate and one fall far below where it began (Smith and Topin, 2018), after `torch.optim.lr_scheduler.OneCycleLR`; a momentum
/// goes the other way.
public final class OneCycleLR: LRScheduler {
    public enum AnnealStrategy: Sendable { case cos, linear }

    /// A stretch of the schedule, up to an epoch.
    private struct Phase {
        let end: Double
        let rates: (start: Double, end: Double)
        let momenta: (start: Double, end: Double)
    }

    public let totalSteps: Int
    public let annealStrategy: AnnealStrategy
    private let phases: [Phase]
    private let setsMomentum: Bool

    /// - Parameters:
    ///   - totalSteps: after which `step` throws
    ///   - pctStart: the share of the steps in which the rate rises
    ///   - cycleMomentum: also sets the optimizer's momentum, or the first of its betas, from `maxMomentum` down to `baseMomentum` and up again
    ///   - divFactor: the first rate is `maxLearningRate / divFactor`
    ///   - finalDivFactor: the last rate is the first one over this
    ///   - threePhase: falls to the first rate as fast as it rose, and from there to the last rate
    /// - Throws: `TensorError` for options out of range, and for an optimizer without a momentum that is to be set.
    public init(
        _ optimizer: Optimizer, maxLearningRate: any ScalarConvertible, totalSteps: some SymIntConvertible,
        pctStart: any ScalarConvertible = 0.3, annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true,
        baseMomentum: any ScalarConvertible = 0.85, maxMomentum: any ScalarConvertible = 0.95, divFactor: any ScalarConvertible = 25,
        finalDivFactor: any ScalarConvertible = 1e4, threePhase: Bool = false
    ) throws {
        let name = "OneCycleLR"
        let steps: Int = try totalSteps.positive("totalSteps", in: name)
        let (highest, share): (Double, Double) = (
            try maxLearningRate.option("maxLearningRate", in: name), try pctStart.option("pctStart", in: name)
        )
        let (first, last): (Double, Double) = (
            try divFactor.option("divFactor", in: name), try finalDivFactor.option("finalDivFactor", in: name)
        )
        guard share <= 1, first > 0, last > 0 else {
            throw TensorError(
                .invalidArgument, in: name,
                "pctStart must be between 0 and 1, and the factors above 0, not \(share), \(first) and \(last)")
        }
        let momenta: MomentumRange? = try cycleMomentum ? MomentumRange(base: baseMomentum, max: maxMomentum, of: optimizer, in: name) : nil
        let (low, high): (Double, Double) = (momenta?.base ?? 0, momenta?.max ?? 0)
        let start: Double = highest / first
        let rise = Phase(end: share * Double(steps) - 1, rates: (start, highest), momenta: (high, low))
        let end = Double(steps - 1)
        phases =
            threePhase
            ? [
                rise, Phase(end: 2 * share * Double(steps) - 2, rates: (highest, start), momenta: (low, high)),
                Phase(end: end, rates: (start, start / last), momenta: (high, high)),
            ] : [rise, Phase(end: end, rates: (highest, start / last), momenta: (low, high))]
        self.totalSteps = steps
        self.annealStrategy = annealStrategy
        setsMomentum = momenta != nil
        super.init(optimizer)
        baseLearningRate = start
        optimizer.initialLearningRate = start
        try self.start()
    }

    /// For so many epochs of so many steps.
    public convenience init(
        _ optimizer: Optimizer, maxLearningRate: any ScalarConvertible, epochs: some SymIntConvertible,
        stepsPerEpoch: some SymIntConvertible, pctStart: any ScalarConvertible = 0.3, annealStrategy: AnnealStrategy = .cos,
        cycleMomentum: Bool = true, baseMomentum: any ScalarConvertible = 0.85, maxMomentum: any ScalarConvertible = 0.95,
        divFactor: any ScalarConvertible = 25, finalDivFactor: any ScalarConvertible = 1e4, threePhase: Bool = false
    ) throws {
        let (epochs, steps): (Int, Int) = (
            try epochs.positive("epochs", in: "OneCycleLR"), try stepsPerEpoch.positive("stepsPerEpoch", in: "OneCycleLR")
        )
        try self.init(
            optimizer, maxLearningRate: maxLearningRate, totalSteps: SymInt(epochs) * steps, pctStart: pctStart,
            annealStrategy: annealStrategy, cycleMomentum: cycleMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum,
            divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase)
    }

    /// The number of an epoch that lies between two, in its phase.
    private func value(_ epoch: Int, _ ends: (Phase) -> (start: Double, end: Double)) -> Double {
        var start = 0.0
        let index: Int = phases.firstIndex { Double(epoch) <= $0.end } ?? phases.count - 1
        if index > 0 { start = phases[index - 1].end }
        let length: Double = phases[index].end - start
        let share: Double = length == 0 ? 1 : (Double(epoch) - start) / length
        let (from, to): (Double, Double) = ends(phases[index])
        switch annealStrategy {
        case .cos: return to + (from - to) / 2 * (cos(Double.pi * share) + 1)
        case .linear: return from + (to - from) * share
        }
    }

    override public func learningRate(at epoch: Int, after last: Double) throws -> Double {
        guard epoch <= totalSteps else {
            throw TensorError(.invalidArgument, in: "OneCycleLR", "step \(epoch) is beyond the \(totalSteps) that the schedule has")
        }
        return value(epoch) { $0.rates }
    }

    override func momentum(at epoch: Int) -> Double? { setsMomentum ? value(epoch) { $0.momenta } : nil }
}
