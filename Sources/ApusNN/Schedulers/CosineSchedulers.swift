import ApusSymbolic
import ApusTensor
import Foundation

// Rates along half cosine waves (Loshchilov and Hutter, "SGDR", 2017). Formulas and defaults are those of `torch.optim.lr_scheduler`.

/// Half a cosine wave from the base rate down to `etaMin` over `tMax` epochs, and the same way up again.
public final class CosineAnnealingLR: LRScheduler {
    public let tMax: Int
    public let etaMin: Double

    public init(_ optimizer: Optimizer, tMax: some SymIntConvertible, etaMin: any ScalarConvertible = 0) throws {
        self.tMax = try tMax.positive("tMax", in: "CosineAnnealingLR")
        self.etaMin = try etaMin.option("etaMin", in: "CosineAnnealingLR")
        super.init(optimizer)
        try start()
    }

    /// Twice the height of the wave, from 2 to 0.
    private func height(_ epoch: Int) -> Double { 1 + cos(Double.pi * Double(epoch) / Double(tMax)) }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        if epoch == 0 { return last }
        // The step up from the lowest rate, which tells nothing of the height to come.
        let (waves, place): (Int, Int) = (epoch - 1).quotientAndRemainder(dividingBy: tMax)
        if place == 0, !waves.isMultiple(of: 2) {
            return last + (baseLearningRate - etaMin) * (1 - cos(Double.pi / Double(tMax))) / 2
        }
        return height(epoch) / height(epoch - 1) * (last - etaMin) + etaMin
    }

    override public func learningRate(at epoch: Int) -> Double? { etaMin + (baseLearningRate - etaMin) * height(epoch) / 2 }
}

/// Half cosine waves from the base rate down to `etaMin`, the first over `t0` epochs, each further one `tMult` times as long.
public final class CosineAnnealingWarmRestarts: LRScheduler {
    public let t0: Int
    public let tMult: Int
    public let etaMin: Double
    /// The length of the present wave.
    private var length: Int
    private var place = 0

    public init(
        _ optimizer: Optimizer, t0: some SymIntConvertible, tMult: some SymIntConvertible = 1, etaMin: any ScalarConvertible = 0
    ) throws {
        self.t0 = try t0.positive("t0", in: "CosineAnnealingWarmRestarts")
        self.tMult = try tMult.positive("tMult", in: "CosineAnnealingWarmRestarts")
        self.etaMin = try etaMin.option("etaMin", in: "CosineAnnealingWarmRestarts")
        length = self.t0
        super.init(optimizer)
        try start()
    }

    override public func learningRate(at epoch: Int, after last: Double) -> Double {
        etaMin + (baseLearningRate - etaMin) * (1 + cos(Double.pi * Double(place) / Double(length))) / 2
    }

    override public func step() throws {
        place += 1
        if place >= length {
            place -= length
            let (longer, overflows) = length.multipliedReportingOverflow(by: tMult)
            length = overflows ? Int.max : longer
        }
        try super.step()
    }

    override func restart() throws {
        (length, place) = (t0, 0)
        try super.restart()
    }

    override var remembered: [String: Double] {
        get { ["T_i": Double(length), "T_cur": Double(place)] }
        set { (length, place) = (max(1, Int(newValue["T_i"] ?? Double(length))), Int(newValue["T_cur"] ?? Double(place))) }
    }
}
