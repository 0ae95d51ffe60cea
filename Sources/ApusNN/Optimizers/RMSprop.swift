import ApusTensor

/// RMSprop (Hinton). Formulas and defaults are those of `torch.optim.RMSprop`: `v = alpha * v + (1 - alpha) * g * g`,
/// `p -= learningRate * g / (sqrt(v) + epsilon)`; centred, the square of the gradient's running mean is taken off `v`.
public final class RMSprop: Optimizer {
    public let alpha: Double
    public let epsilon: Double
    public let weightDecay: Double
    public let momentum: Double
    public let centered: Bool

    public init(
        _ model: some Module, learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8, weightDecay: Double = 0,
        momentum: Double = 0, centered: Bool = false
    ) throws {
        self.alpha = alpha
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.momentum = momentum
        self.centered = centered
        try super.init(model, learningRate: learningRate)
    }

    override public var memoryNames: [String] {
        ["square_avg"] + (momentum > 0 ? ["momentum_buffer"] : []) + (centered ? ["grad_avg"] : [])
    }

    override public func update(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor {
        let gradient = weightDecay == 0 ? gradient : try gradient.add(parameter, alpha: Scalar(weightDecay))
        let square = try (memory.tensor("square_avg", like: parameter) * alpha).addcmul(gradient, gradient, value: Scalar(1 - alpha))
        memory.tensors["square_avg"] = square
        var spread = square
        if centered {
            let mean = try memory.tensor("grad_avg", like: parameter).lerp(gradient, weight: 1 - alpha)
            memory.tensors["grad_avg"] = mean
            spread = try square.addcmul(mean, mean, value: -1)
        }
        let divisor = try spread.sqrt() + epsilon
        guard momentum > 0 else { return try parameter.addcdiv(gradient, divisor, value: Scalar(-learningRate)) }
        let buffer = try (memory.tensor("momentum_buffer", like: parameter) * momentum).addcdiv(gradient, divisor)
        memory.tensors["momentum_buffer"] = buffer
        return try parameter.sub(buffer, alpha: Scalar(learningRate))
    }
}
