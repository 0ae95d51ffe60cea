import ApusTensor

/// What the kin of Adam have in common: running averages of the gradient and of what scales it, both told how fast they forget, and weight
/// decay that is part of the gradient or apart from it.
public class AdamBase: Optimizer {
    /// How much of the averages a step keeps: of the gradient's, and of its square's.
    public internal(set) final var betas: (Double, Double)
    public final let epsilon: Double
    /// Whether weight decay shrinks the parameters rather than being added to the gradient (Loshchilov and Hutter, 2019).
    public final let decoupledWeightDecay: Bool

    init(
        _ model: some Module, learningRate: any ScalarConvertible, betas: (any ScalarConvertible, any ScalarConvertible),
        epsilon: any ScalarConvertible, weightDecay: any ScalarConvertible, decoupledWeightDecay: Bool = false, maximize: Bool
    ) throws {
        let name = "\(Self.self)"
        self.betas = (try betas.0.option("betas.0", in: name, below: 1), try betas.1.option("betas.1", in: name, below: 1))
        self.epsilon = try epsilon.option("epsilon", in: name)
        self.decoupledWeightDecay = decoupledWeightDecay
        try super.init(model, learningRate: learningRate, weightDecay: weightDecay, maximize: maximize)
    }

    override public var memoryNames: [String] { ["exp_avg", "exp_avg_sq"] }

    override final var scheduledMomentum: Double? {
        get { betas.0 }
        set { betas.0 = newValue ?? betas.0 }
    }

    /// The registers of a step, with both averages at their new values.
    struct Averages {
        let parameter, gradient, mean, square: Memory.Register
        /// What is remembered besides.
        let others: ArraySlice<Memory.Register>
    }

    /// Runs a step whose averages are those of the gradient and of its square.
    ///
    /// - Parameter move: returns the parameter's new value, and those of what is remembered besides the averages
    final func average(
        _ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory,
        _ move: (inout ElementwiseUpdate, Averages) -> (parameter: Memory.Register, others: [Memory.Register])
    ) throws {
        try memory.run(&parameter, gradient, memoryNames, decay: decoupledWeightDecay ? .decoupled : .coupled) { update, values in
            let mean = update.lerp(values[2], values[1], weight: 1 - betas.0)
            let square = update.addcmul(update.scaled(values[3], by: betas.1), values[1], values[1], value: 1 - betas.1)
            let (moved, others) = move(
                &update,
                Averages(parameter: values[0], gradient: values[1], mean: mean, square: square, others: values.dropFirst(4)))
            return (moved, [mean, square] + others)
        }
    }
}
