import ApusTensor
import Foundation

/// Resilient backpropagation (Riedmiller and Braun, 1993), by the gradient's sign alone; for whole batches. Formulas and defaults are those of
/// `torch.optim.Rprop`: each element has a step size, which begins as the learning rate and grows by `etas.1` where the sign stays, and shrinks
/// by `etas.0` where it turns, within `stepSizes`; where it turns nothing moves.
public final class Rprop: Optimizer {
    public let etas: (Double, Double)
    public let stepSizes: (Double, Double)

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2,
        etas: (some ScalarConvertible, some ScalarConvertible) = (0.5, 1.2),
        stepSizes: (some ScalarConvertible, some ScalarConvertible) = (1e-6, 50.0), maximize: Bool = false
    ) throws {
        self.etas = (try etas.0.plainNumber("etas.0", in: "Rprop"), try etas.1.plainNumber("etas.1", in: "Rprop"))
        self.stepSizes = (try stepSizes.0.option("stepSizes.0", in: "Rprop"), try stepSizes.1.option("stepSizes.1", in: "Rprop"))
        guard self.etas.0 > 0, self.etas.0 < 1, self.etas.1 > 1 else {
            throw TensorError(.invalidArgument, in: "Rprop", "etas must be between 0 and 1, and above 1, not \(self.etas)")
        }
        try super.init(model, learningRate: learningRate, maximize: maximize)
    }

    override public var memoryNames: [String] { ["prev", "step_size"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        try memory.begin("step_size", with: memory.learningRate, like: parameter)
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            // Ones where the sign stays, and where it turns.
            let sign = update.sign(update.product(values[1], values[2]))
            let stays = update.maximum(sign, 0)
            let turns = update.maximum(update.scaled(sign, by: -1), 0)
            let factor = update.addScaled(update.added(update.scaled(stays, by: etas.1 - 1), 1), turns, alpha: etas.0 - 1)
            let grown = update.product(values[3], factor)
            let size = update.minimum(update.maximum(grown, stepSizes.0), stepSizes.1)
            let followed = update.product(values[1], update.added(update.scaled(turns, by: -1), 1))
            return (update.addcmul(values[0], update.sign(followed), size, value: -1), [followed, size])
        }
    }
}

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992). Formulas and defaults are those of `torch.optim.ASGD`:
/// `p = (1 - lambda * eta) * p - eta * g` with `eta = learningRate / (1 + lambda * learningRate * t)^alpha`, and from step `t0` on `ax` is the
/// mean of the parameters; `stateDict()` has it.
public final class ASGD: Optimizer {
    public let lambda: Double
    public let alpha: Double
    public let t0: Double

    /// - Parameter t0: the step at which averaging begins
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2, lambda: any ScalarConvertible = 1e-4,
        alpha: any ScalarConvertible = 0.75, t0: any ScalarConvertible = 1e6, weightDecay: any ScalarConvertible = 0,
        maximize: Bool = false
    ) throws {
        self.lambda = try lambda.plainNumber("lambda", in: "ASGD")
        self.alpha = try alpha.plainNumber("alpha", in: "ASGD")
        self.t0 = try t0.plainNumber("t0", in: "ASGD")
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["ax"] }
    override public var numberNames: [String] { ["eta", "mu"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let learningRate: Double = memory.learningRate
        let eta: Double = memory.numbers["eta"] ?? learningRate
        let mu: Double = memory.numbers["mu"] ?? 1
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let moved = update.addScaled(update.scaled(values[0], by: 1 - lambda * eta), values[1], alpha: -eta)
            return (moved, [update.lerp(values[2], moved, weight: mu)])
        }
        let steps = Double(memory.steps)
        memory.numbers["eta"] = learningRate / pow(1 + lambda * learningRate * steps, alpha)
        memory.numbers["mu"] = 1 / max(1, steps - t0)
    }
}
