import ApusTensor

/// Stochastic gradient descent, with momentum where it is asked for. Formulas and defaults are those of `torch.optim.SGD`:
/// `g += weightDecay * p`, `b = momentum * b + (1 - dampening) * g` (`b = g` at the first step), `p -= learningRate * b`; with Nesterov's
/// form `g + momentum * b` in place of `b`.
public final class SGD: Optimizer {
    public let momentum: Double
    public let dampening: Double
    public let weightDecay: Double
    public let nesterov: Bool

    /// - Throws: `TensorError` where Nesterov momentum is asked for without momentum or with dampening.
    public init(
        _ model: some Module, learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
        nesterov: Bool = false
    ) throws {
        guard !nesterov || (momentum > 0 && dampening == 0) else {
            throw TensorError(.invalidArgument, in: "SGD", "Nesterov momentum needs a momentum above 0 and no dampening")
        }
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        self.nesterov = nesterov
        try super.init(model, learningRate: learningRate)
    }

    override public var memoryNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

    override public func update(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor {
        var gradient = weightDecay == 0 ? gradient : try gradient.add(parameter, alpha: Scalar(weightDecay))
        if momentum != 0 {
            var buffer = gradient
            if let previous = memory.tensors["momentum_buffer"] {
                buffer = try (previous * momentum).add(gradient, alpha: Scalar(1 - dampening))
            }
            memory.tensors["momentum_buffer"] = buffer
            gradient = nesterov ? try gradient.add(buffer, alpha: Scalar(momentum)) : buffer
        }
        return try parameter.sub(gradient, alpha: Scalar(learningRate))
    }
}
