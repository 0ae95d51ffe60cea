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
        _ model: some Module, learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: Double = 0, amsgrad: Bool = false
    ) throws {
        self.betas = betas
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.amsgrad = amsgrad
        try super.init(model, learningRate: learningRate)
    }

    override public var memoryNames: [String] { ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []) }

    override public func update(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor {
        let decayed = weightDecay == 0 ? gradient : try gradient.add(parameter, alpha: Scalar(weightDecay))
        return try adapt(parameter, decayed, &memory)
    }

    /// The step that Adam and AdamW share.
    final func adapt(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor {
        let mean = try memory.tensor("exp_avg", like: parameter).lerp(gradient, weight: 1 - betas.0)
        let square = try (memory.tensor("exp_avg_sq", like: parameter) * betas.1).addcmul(gradient, gradient, value: Scalar(1 - betas.1))
        memory.tensors["exp_avg"] = mean
        memory.tensors["exp_avg_sq"] = square
        var scale = square
        if amsgrad {
            scale = try memory.tensor("max_exp_avg_sq", like: parameter).maximum(square)
            memory.tensors["max_exp_avg_sq"] = scale
        }
        let steps = Double(memory.steps)
        let meanCorrection: Double = 1 - pow(betas.0, steps)
        let squareCorrection: Double = (1 - pow(betas.1, steps)).squareRoot()
        let divisor = try scale.sqrt() / squareCorrection + epsilon
        return try parameter.addcdiv(mean, divisor, value: Scalar(-learningRate / meanCorrection))
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), after `torch.optim.AdamW`: `p *= 1 - learningRate * weightDecay` before
/// Adam's step.
public final class AdamW: Adam {
    override public init(
        _ model: some Module, learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: Double = 1e-2, amsgrad: Bool = false
    ) throws {
        try super.init(
            model, learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay, amsgrad: amsgrad)
    }

    override public func update(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor {
        let decayed = weightDecay == 0 ? parameter : try parameter * (1 - learningRate * weightDecay)
        return try adapt(decayed, gradient, &memory)
    }
}
