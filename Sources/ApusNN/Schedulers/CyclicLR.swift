import ApusSymbolic
import ApusTensor
import Foundation

/// Rates that go up and down in straight lines (Smith, 2017), after `torch.optim.lr_scheduler.CyclicLR`; a momentum goes the other way.
public final class CyclicLR: LRScheduler {
    /// What becomes of the height of a cycle.
    public enum Mode: Sendable {
        /// It stays.
        case triangular
        /// Half with every cycle.
        case triangular2
        /// By `gamma` to the power of the epoch.
        case expRange
        /// By a function of the cycle, counted from 1.
        case scaledByCycle(@Sendable (Double) -> Double)
        /// By a function of the epoch.
        case scaledByEpoch(@Sendable (Double) -> Double)
    }

    public let maxLearningRate: Double
    public let stepSizeUp: Int
    public let stepSizeDown: Int
    public let mode: Mode
    public let gamma: Double
    private let momenta: MomentumRange?

    /// - Parameters:
    ///   - baseLearningRate: the lowest rate, and the first one
    ///   - stepSizeDown: by default as many epochs as `stepSizeUp`
    ///   - cycleMomentum: also sets the optimizer's momentum, or the first of its betas, from `maxMomentum` down to `baseMomentum` and up again
    /// - Throws: `TensorError` for options out of range, and for an optimizer without a momentum that is to be set.
    public init(
        _ optimizer: Optimizer, baseLearningRate: any ScalarConvertible, maxLearningRate: any ScalarConvertible,
        stepSizeUp: some SymIntConvertible = 2000, stepSizeDown: (any SymIntConvertible)? = nil, mode: Mode = .triangular,
        gamma: any ScalarConvertible = 1, cycleMomentum: Bool = true, baseMomentum: any ScalarConvertible = 0.8,
        maxMomentum: any ScalarConvertible = 0.9
    ) throws {
        let name = "CyclicLR"
        let base: Double = try baseLearningRate.option("baseLearningRate", in: name)
        self.maxLearningRate = try maxLearningRate.option("maxLearningRate", in: name)
        self.stepSizeUp = try stepSizeUp.positive("stepSizeUp", in: name)
        self.stepSizeDown = try stepSizeDown?.positive("stepSizeDown", in: name) ?? self.stepSizeUp
        self.mode = mode
        self.gamma = try gamma.option("gamma", in: name)
        momenta = try cycleMomentum ? MomentumRange(base: baseMomentum, max: maxMomentum, of: optimizer, in: name) : nil
        // First, so that what follows in a sequence starts from it.
        optimizer.learningRate = base
        super.init(optimizer)
        self.baseLearningRate = base
        try start()
    }

    /// How high an epoch is in its cycle, from 0 to 1 and scaled.
    private func height(_ epoch: Int) -> Double {
        let total: Double = Double(stepSizeUp) + Double(stepSizeDown)
        let rising: Double = Double(stepSizeUp) / total
        let cycle: Double = floor(1 + Double(epoch) / total)
        let place: Double = 1 + Double(epoch) / total - cycle
        let height: Double = place <= rising ? place / rising : (place - 1) / (rising - 1)
        switch mode {
        case .triangular: return height
        case .triangular2: return height / pow(2, cycle - 1)
        case .expRange: return height * pow(gamma, Double(epoch))
        case .scaledByCycle(let scale): return height * scale(cycle)
        case .scaledByEpoch(let scale): return height * scale(Double(epoch))
        }
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        baseLearningRate + (maxLearningRate - baseLearningRate) * height(epoch)
    }

    override func momentum(at epoch: Int) -> Double? { momenta.map { $0.max - ($0.max - $0.base) * height(epoch) } }
}

/// The momenta between which schedulers of both go.
struct MomentumRange {
    let base, max: Double

    init(base: any ScalarConvertible, max: any ScalarConvertible, of optimizer: Optimizer, in scheduler: String) throws {
        self.base = try base.option("baseMomentum", in: scheduler, below: 1)
        self.max = try max.option("maxMomentum", in: scheduler, below: 1)
        guard optimizer.scheduledMomentum != nil else {
            throw TensorError(
                .invalidArgument, in: scheduler, "\(type(of: optimizer)) has no momentum to set; say cycleMomentum: false")
        }
    }
}
