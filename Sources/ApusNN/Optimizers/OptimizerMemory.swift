import ApusTensor

extension Optimizer {
    /// What an optimizer remembers of one parameter, and what this step asks for.
    public struct Memory: Sendable {
        /// The number of steps that this parameter has taken.
        public internal(set) var steps = 0
        /// Running averages and the like, under PyTorch's names for them.
        public var tensors: [String: Tensor] = [:]
        /// The same of plain numbers.
        public var numbers: [String: Double] = [:]
        /// The learning rate of this step: the optimizer's by the scale of the parameter's group.
        public internal(set) var learningRate = 0.0
        /// The weight decay of this step: the group's or else the optimizer's.
        public internal(set) var weightDecay = 0.0
        /// True where the gradient is followed upwards.
        public internal(set) var maximize = false
    }

    /// What weight decay does to a step.
    enum Decay {
        /// Adds `weightDecay * p` to the gradient.
        case coupled
        /// Multiplies the parameter by `1 - learningRate * weightDecay`.
        case decoupled
    }
}

extension Optimizer.Memory {
    typealias Register = ElementwiseUpdate.Register

    /// Gives the parameter and the remembered tensors of these names new values in one pass, in place where nobody else holds them.
    /// Remembered tensors are zeros before the first step.
    ///
    /// - Parameter program: gets the parameter and the gradient, with the direction and the weight decay of the step in them, then the
    ///   remembered tensors as registers; returns the parameter's and the remembered tensors' new values.
    mutating func run(
        _ parameter: inout Tensor, _ gradient: Tensor, _ names: [String], decay: Optimizer.Decay = .coupled,
        _ program: (inout ElementwiseUpdate, [Register]) -> (parameter: Register, memory: [Register])
    ) throws {
        var operands: [Tensor] = [parameter, gradient]
        for name in names {
            operands.append(try tensors[name] ?? parameter.zerosLike())
        }
        // `operands` must be the only place that holds them while the program runs.
        for name in names { tensors[name] = nil }
        parameter = Tensor(spec: parameter.spec)
        defer {
            parameter = operands[0]
            for (index, name) in names.enumerated() { tensors[name] = operands[2 + index] }
        }
        var update = ElementwiseUpdate(tensorCount: operands.count)
        var values: [Register] = operands.indices.map(update.tensor)
        if maximize { values[1] = update.scaled(values[1], by: -1) }
        if weightDecay != 0 {
            switch decay {
            case .coupled: values[1] = update.addScaled(values[1], values[0], alpha: weightDecay)
            case .decoupled: values[0] = update.scaled(values[0], by: 1 - learningRate * weightDecay)
            }
        }
        let results = program(&update, values)
        let assignments = results.memory.enumerated().map { (register: $0.element, tensor: 2 + $0.offset) }
        try update.run(&operands, assigning: [(register: results.parameter, tensor: 0)] + assignments)
    }

    /// Fills a tensor that is not remembered yet with a number; in a complex one both parts are that.
    mutating func begin(_ name: String, with value: Double, like parameter: Tensor) throws {
        guard tensors[name] == nil else { return }
        tensors[name] =
            try parameter.dtype.isComplex ? parameter.fullLike(Scalar(.init(value, value))) : parameter.fullLike(value)
    }
}
