import ApusTensor

/// Adagrad (Duchi et al., 2011). Formulas and defaults are those of `torch.optim.Adagrad`: `s += g * g`,
/// `p -= learningRate / (1 + (t - 1) * learningRateDecay) * g / (sqrt(s) + epsilon)`.
public final class Adagrad: Optimizer {
    public let learningRateDecay: Double
    public let initialAccumulatorValue: Double
    public let epsilon: Double

    /// - Parameter initialAccumulatorValue: what `s` begins with
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-2, learningRateDecay: any ScalarConvertible = 0,
        weightDecay: any ScalarConvertible = 0, initialAccumulatorValue: any ScalarConvertible = 0,
        epsilon: any ScalarConvertible = 1e-10, maximize: Bool = false
    ) throws {
        self.learningRateDecay = try learningRateDecay.option("learningRateDecay", in: "Adagrad")
        self.initialAccumulatorValue = try initialAccumulatorValue.option("initialAccumulatorValue", in: "Adagrad")
        self.epsilon = try epsilon.option("epsilon", in: "Adagrad")
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["sum"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let size: Double = memory.learningRate / (1 + Double(memory.steps - 1) * learningRateDecay)
        try memory.begin("sum", with: initialAccumulatorValue, like: parameter)
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let sum = update.addcmul(values[2], values[1], values[1], value: 1)
            return (update.addcdiv(values[0], values[1], update.added(update.squareRoot(sum), epsilon), value: -size), [sum])
        }
    }
}

/// Adadelta (Zeiler, 2012). Formulas and defaults are those of `torch.optim.Adadelta`: `v = rho * v + (1 - rho) * g * g`,
/// `d = sqrt(u + epsilon) / sqrt(v + epsilon) * g`, `u = rho * u + (1 - rho) * d * d`, `p -= learningRate * d`.
public final class Adadelta: Optimizer {
    public let rho: Double
    public let epsilon: Double

    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1, rho: any ScalarConvertible = 0.9,
        epsilon: any ScalarConvertible = 1e-6, weightDecay: any ScalarConvertible = 0, maximize: Bool = false
    ) throws {
        self.rho = try rho.option("rho", in: "Adadelta")
        self.epsilon = try epsilon.option("epsilon", in: "Adadelta")
        guard self.rho <= 1 else {
            throw TensorError(.invalidArgument, in: "Adadelta", "rho must be between 0 and 1, not \(self.rho)")
        }
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["square_avg", "acc_delta"] }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        let learningRate: Double = memory.learningRate
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            let square = update.addcmul(update.scaled(values[2], by: rho), values[1], values[1], value: 1 - rho)
            let root = update.squareRoot(update.added(values[3], epsilon))
            let ratio = update.quotient(root, update.squareRoot(update.added(square, epsilon)))
            let delta = update.product(ratio, values[1])
            let deltas = update.addcmul(update.scaled(values[3], by: rho), delta, delta, value: 1 - rho)
            return (update.addScaled(values[0], delta, alpha: -learningRate), [square, deltas])
        }
    }
}
