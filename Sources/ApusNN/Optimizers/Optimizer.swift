import ApusSymbolic
import ApusTensor

/// Changes a model's parameters by their gradients. `SGD`, `Adam`, `AdamW` and `RMSprop` are its kinds; subclass it for another.
///
///     let optimizer = try AdamW(model, learningRate: 1e-3)
///     let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(x), y) }
///     try optimizer.step(gradients)
///
/// The model's parameters are looked up once, when the optimizer is made.
open class Optimizer {
    /// What an optimizer remembers of one parameter.
    public struct Memory: Sendable {
        /// The number of steps that this parameter has taken.
        public internal(set) var steps = 0
        /// Running averages and the like, under PyTorch's names for them.
        public var tensors: [String: Tensor] = [:]
    }

    /// Changed freely between steps, for instance after a `LearningRateSchedule`.
    public var learningRate: Double

    private let slots: [ModuleState.Slot]
    private let slotOfName: [String: Int]
    private var memories: [Memory]

    public init(_ model: some Module, learningRate: Double) throws {
        self.learningRate = learningRate
        slots = try ModuleState(of: model).slots.filter(\.isParameter)
        var positions: [String: Int] = [:]
        for (position, slot) in slots.enumerated() {
            for name in slot.names { positions[name] = position }
        }
        slotOfName = positions
        memories = Array(repeating: Memory(), count: slots.count)
    }

    /// The names of the tensors in `Memory`, for loading.
    open var memoryNames: [String] { [] }

    /// Gives a parameter's next value. `memory.steps` already counts this step.
    ///
    /// Called outside of any recorder. The gradient has the parameter's shape and dtype.
    open func update(_ parameter: Tensor, _ gradient: Tensor, _ memory: inout Memory) throws -> Tensor { parameter }

    /// Changes every parameter that has a gradient. Where it throws, no parameter has changed.
    public final func step(_ gradients: ModuleGradients) throws {
        try Interpreter.with(nil) {
            var changes: [(position: Int, value: Tensor, memory: Memory)] = []
            for entry in gradients.entries {
                guard let gradient = entry.gradient else { continue }
                let position = try position(of: entry)
                let parameter = try value(position, gradient, entry.names[0])
                var memory = memories[position]
                memory.steps += 1
                let value = try update(parameter, gradient, &memory)
                changes.append((position, value, memory))
            }
            for change in changes {
                slots[change.position].set(change.value)
                memories[change.position] = change.memory
            }
        }
    }

    private func position(of entry: ModuleGradients.Entry) throws -> Int {
        for name in entry.names {
            if let position = slotOfName[name] { return position }
        }
        throw TensorError(
            .invalidArgument, in: "\(type(of: self))", "there is a gradient for '\(entry.names.joined(separator: ", "))', which the model does not have")
    }

    private func value(_ position: Int, _ gradient: Tensor, _ name: String) throws -> Tensor {
        guard let parameter = slots[position].boxes[0].tensor else {
            throw TensorError(.invalidArgument, in: "\(type(of: self))", "the parameter '\(name)' has become nil")
        }
        guard gradient.dtype == parameter.dtype, gradient.shape.isIdentical(to: parameter.shape) else {
            throw TensorError(
                .shapeMismatch, in: "\(type(of: self))", "the parameter '\(name)' is \(parameter.spec), its gradient \(gradient.spec)")
        }
        return parameter
    }
}

// MARK: - Saving and loading

extension Optimizer {
    /// What the optimizer remembers, by parameter and PyTorch's name of the quantity: `first.weight.exp_avg`, `first.weight.step`.
    ///
    /// A tied parameter appears under its first name. Parameters that have not taken a step are absent.
    public func stateDict() throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (slot, memory) in zip(slots, memories) where memory.steps > 0 {
            result["\(slot.names[0]).step"] = try Tensor([memory.steps], shape: [])
            for (name, tensor) in memory.tensors { result["\(slot.names[0]).\(name)"] = tensor }
        }
        return result
    }

    /// Takes over what another optimizer of the same kind remembered. Nothing is changed when it fails.
    ///
    /// - Throws: `StateDictMismatch` with every name that is missing or not expected and every shape or dtype that differs.
    public func load(_ stateDict: [String: Tensor]) throws {
        var report = StateDictMismatch(moduleType: "\(type(of: self))")
        var loaded = Array(repeating: Memory(), count: slots.count)
        var expected: Set<String> = []
        for (position, slot) in slots.enumerated() {
            let prefix = slot.names[0]
            let present = memoryNames.filter { stateDict["\(prefix).\($0)"] != nil }
            expected.formUnion((memoryNames + ["step"]).map { "\(prefix).\($0)" })
            guard let step = stateDict["\(prefix).step"] else {
                if !present.isEmpty { report.missing.append("\(prefix).step") }
                continue
            }
            guard step.dtype == .int64, step.shape.isEmpty else {
                report.mismatched.append(.init(name: "\(prefix).step", expected: TensorSpec(.int64, .scalar), found: step.spec))
                continue
            }
            loaded[position].steps = max(0, try step.array(of: Int.self)[0])
            for name in memoryNames {
                guard let tensor = stateDict["\(prefix).\(name)"] else {
                    report.missing.append("\(prefix).\(name)")
                    continue
                }
                let target = slot.boxes[0].tensor ?? slot.tensor
                if tensor.dtype != target.dtype || !tensor.shape.isIdentical(to: target.shape) {
                    report.mismatched.append(.init(name: "\(prefix).\(name)", expected: target.spec, found: tensor.spec))
                }
                loaded[position].tensors[name] = tensor
            }
        }
        report.unexpected = stateDict.keys.filter { !expected.contains($0) }.sorted()
        guard report.missing.isEmpty, report.unexpected.isEmpty, report.mismatched.isEmpty else { throw report }
        memories = loaded
    }
}

extension Optimizer.Memory {
    /// A remembered tensor; zeros like the parameter's before the first step.
    public func tensor(_ name: String, like parameter: Tensor) throws -> Tensor {
        try tensors[name] ?? parameter.zerosLike()
    }
}
