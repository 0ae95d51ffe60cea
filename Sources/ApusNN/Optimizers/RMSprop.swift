import ApusTensor

/// RMSprop (Hinton). Formulas and defaults are those of `torch.optim.RMSprop`: `v = alpha * v + (1 - alpha) * g * g`,
/// `p -= learningRate * g / (sqrt(v) + epsilon)`; centred, the square of the gradient's running mean is taken off `v`.
public final class RMSprop: Optimizer {
    public let alpha: Double
    public let epsilon: Double
    public internal(set) var momentum: Double
    public let centered: Bool

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2, alpha: any ScalarConvertible = 0.99,
        epsilon: any ScalarConvertible = 1e-8, weightDecay: any ScalarConvertible = 0,
        momentum: any ScalarConvertible = 0, centered: Bool = false, maximize: Bool = false
    ) throws {
        self.alpha = try alpha.option("alpha", in: "RMSprop")
        self.epsilon = try epsilon.option("epsilon", in: "RMSprop")
        self.momentum = try momentum.option("momentum", in: "RMSprop")
        self.centered = centered
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] {
        ["square_avg"] + (momentum > 0 ? ["momentum_buffer"] : []) + (centered ? ["grad_avg"] : [])
    }

    override var scheduledMomentum: Double? {
        get { momentum }
        set { momentum = newValue ?? momentum }
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let learningRate: Double = memory.learningRate
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let square = update.addcmul(update.scaled(values[2], by: alpha), values[1], values[1], value: 1 - alpha)
            var kept = [square]
            var spread = square
            var mean: [Memory.Register] = []
            if centered, let last = values.last {
                let average = update.lerp(last, values[1], weight: 1 - alpha)
                spread = update.addcmul(square, average, average, value: -1)
                mean = [average]
            }
            let divisor = update.added(update.squareRoot(spread), epsilon)
            guard momentum > 0 else { return (update.addcdiv(values[0], values[1], divisor, value: -learningRate), kept + mean) }
            let buffer = update.addcdiv(update.scaled(values[3], by: momentum), values[1], divisor, value: 1)
            kept.append(buffer)
            return (update.addScaled(values[0], buffer, alpha: -learningRate), kept + mean)
        }
    }
}
