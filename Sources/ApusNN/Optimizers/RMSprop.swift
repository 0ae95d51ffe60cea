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
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2, alpha: any ScalarConvertible = 0.99,
        epsilon: any ScalarConvertible = 1e-8, weightDecay: any ScalarConvertible = 0,
        momentum: any ScalarConvertible = 0, centered: Bool = false
    ) throws {
        self.alpha = try alpha.plainNumber("alpha", in: "RMSprop")
        self.epsilon = try epsilon.plainNumber("epsilon", in: "RMSprop")
        self.weightDecay = try weightDecay.plainNumber("weightDecay", in: "RMSprop")
        self.momentum = try momentum.plainNumber("momentum", in: "RMSprop")
        self.centered = centered
        try super.init(model, learningRate: learningRate)
    }

    override public var memoryNames: [String] {
        ["square_avg"] + (momentum > 0 ? ["momentum_buffer"] : []) + (centered ? ["grad_avg"] : [])
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let (learningRate, weightDecay) = (learningRate * memory.learningRateScale, memory.weightDecay ?? weightDecay)
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let decayed = weightDecay == 0 ? values[1] : update.addScaled(values[1], values[0], alpha: weightDecay)
            let square = update.addcmul(update.scaled(values[2], by: alpha), decayed, decayed, value: 1 - alpha)
            var kept = [square]
            var spread = square
            var mean: [Memory.Register] = []
            if centered, let last = values.last {
                let average = update.lerp(last, decayed, weight: 1 - alpha)
                spread = update.addcmul(square, average, average, value: -1)
                mean = [average]
            }
            let divisor = update.added(update.squareRoot(spread), epsilon)
            guard momentum > 0 else { return (update.addcdiv(values[0], decayed, divisor, value: -learningRate), kept + mean) }
            let buffer = update.addcdiv(update.scaled(values[3], by: momentum), decayed, divisor, value: 1)
            kept.append(buffer)
            return (update.addScaled(values[0], buffer, alpha: -learningRate), kept + mean)
        }
    }
}
