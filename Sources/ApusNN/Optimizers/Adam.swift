import ApusTensor
import Foundation

/// Adam (Kingma and Ba, 2015). Formulas and defaults are those of `torch.optim.Adam`; `weightDecay` is added to the gradient.
///
/// `m += (1 - b1) * (g - m)`, `v = b2 * v + (1 - b2) * g * g`, and with both divided by `1 - b^t`: `p -= learningRate * m / (sqrt(v) + epsilon)`.
public class Adam: Optimizer {
    public let betas: (Double, Double)
    public let epsilon: Double
    public let weightDecay: Double
    /// Divides by the largest `v` so far rather than by the present one.
    public let amsgrad: Bool

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 0, amsgrad: Bool = false
    ) throws {
        self.betas = betas
        self.epsilon = try epsilon.plainNumber("epsilon", in: "Adam")
        self.weightDecay = try weightDecay.plainNumber("weightDecay", in: "Adam")
        self.amsgrad = amsgrad
        try super.init(model, learningRate: learningRate)
    }

    override public var memoryNames: [String] { ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []) }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let weightDecay = memory.weightDecay ?? weightDecay
        try adapt(&parameter, gradient, &memory) { update, parameter, gradient in
            (parameter, weightDecay == 0 ? gradient : update.addScaled(gradient, parameter, alpha: weightDecay))
        }
    }

    /// The step that Adam and AdamW share, after what each makes of weight decay.
    final func adapt(
        _ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory,
        _ decay: (inout ElementwiseUpdate, Memory.Register, Memory.Register) -> (parameter: Memory.Register, gradient: Memory.Register)
    ) throws {
        let steps = Double(memory.steps)
        let learningRate = learningRate * memory.learningRateScale
        let meanCorrection: Double = 1 - pow(betas.0, steps)
        let squareCorrection: Double = (1 - pow(betas.1, steps)).squareRoot()
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let (parameter, gradient) = decay(&update, values[0], values[1])
            let mean = update.lerp(values[2], gradient, weight: 1 - betas.0)
            let square = update.addcmul(update.scaled(values[3], by: betas.1), gradient, gradient, value: 1 - betas.1)
            let scale = amsgrad ? update.maximum(values[4], square) : square
            let divisor = update.added(update.divided(update.squareRoot(scale), by: squareCorrection), epsilon)
            let moved = update.addcdiv(parameter, mean, divisor, value: -learningRate / meanCorrection)
            return (moved, amsgrad ? [mean, square, scale] : [mean, square])
        }
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), after `torch.optim.AdamW`: `p *= 1 - learningRate * weightDecay` before
/// Adam's step.
public final class AdamW: Adam {
    override public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: any ScalarConvertible = 1e-8,
        weightDecay: any ScalarConvertible = 1e-2, amsgrad: Bool = false
    ) throws {
        try super.init(
            model, learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay, amsgrad: amsgrad)
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let (learningRate, weightDecay) = (learningRate * memory.learningRateScale, memory.weightDecay ?? weightDecay)
        try adapt(&parameter, gradient, &memory) { update, parameter, gradient in
            (weightDecay == 0 ? parameter : update.scaled(parameter, by: 1 - learningRate * weightDecay), gradient)
        }
    }
}
