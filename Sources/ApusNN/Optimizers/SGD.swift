import ApusTensor

/// Stochastic gradient descent, with momentum where it is asked for. Formulas and defaults are those of `torch.optim.SGD`:
/// `g += weightDecay * p`, `b = momentum * b + (1 - dampening) * g` (`b = g` at the first step), `p -= learningRate * b`; with Nesterov's
/// form `g + momentum * b` in place of `b`.
public final class SGD: Optimizer {
    public internal(set) var momentum: Double
    public let dampening: Double
    public let nesterov: Bool

    /// - Throws: `TensorError` where Nesterov momentum is asked for without momentum or with dampening.
    public init(
        _ model: some Module, learningRate: any ScalarConvertible = 1e-3, momentum: any ScalarConvertible = 0,
        dampening: any ScalarConvertible = 0, weightDecay: any ScalarConvertible = 0,
        nesterov: Bool = false, maximize: Bool = false
    ) throws {
        self.momentum = try momentum.option("momentum", in: "SGD")
        self.dampening = try dampening.plainNumber("dampening", in: "SGD")
        self.nesterov = nesterov
        guard !nesterov || (self.momentum > 0 && self.dampening == 0) else {
            throw TensorError(.invalidArgument, in: "SGD", "Nesterov momentum needs a momentum above 0 and no dampening")
        }
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

    override var needsSteps: Bool { false }

    override var scheduledMomentum: Double? {
        get { momentum }
        set { momentum = newValue ?? momentum }
    }

    override public func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {
        // The first buffer is the gradient itself, which a buffer of zeros and no dampening give.
        let dampening = memory.tensors.isEmpty ? 0 : dampening
        let learningRate: Double = memory.learningRate
        try memory.run(&parameter, gradient, memoryNames) { update, values in
            guard momentum != 0 else { return (update.addScaled(values[0], values[1], alpha: -learningRate), []) }
            let buffer = update.addScaled(update.scaled(values[2], by: momentum), values[1], alpha: 1 - dampening)
            let direction = nesterov ? update.addScaled(values[1], buffer, alpha: momentum) : buffer
            return (update.addScaled(values[0], direction, alpha: -learningRate), [buffer])
        }
    }
}
