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
        /// What the parameter's group says, set before each step.
        public internal(set) var learningRateScale = 1.0
        public internal(set) var weightDecay: Double?
    }

    /// Changed freely between steps, for instance after a `LearningRateSchedule`.
    public var learningRate: Double

    /// Parameters that are treated apart: the first group that a parameter belongs to counts. May be changed between steps.
    public var groups: [ParameterGroup] = [] {
        didSet { groupOfTarget = targets.map { target in groups.firstIndex { target.names.contains(where: $0.contains) } } }
    }

    /// One distinct parameter. Only its boxes are kept: holding the tensor would keep the initial weights' memory alive.
    private struct Target {
        let names: [String]
        let boxes: [StateBox]
    }

    private let targets: [Target]
    private let positionOfName: [String: Int]
    private var memories: [Memory]
    private var groupOfTarget: [Int?]

    public init(_ model: some Module, learningRate: any ScalarConvertible) throws {
        self.learningRate = try learningRate.plainNumber("learningRate", in: "\(Self.self)")
        targets = try ModuleState(of: model).slots.filter(\.isParameter).map { Target(names: $0.names, boxes: $0.boxes) }
        var positions: [String: Int] = [:]
        for (position, target) in targets.enumerated() {
            for name in target.names { positions[name] = position }
        }
        positionOfName = positions
        memories = Array(repeating: Memory(), count: targets.count)
        groupOfTarget = Array(repeating: nil, count: targets.count)
    }

    /// The names of the tensors in `Memory`, for loading.
    open var memoryNames: [String] { [] }

    /// Gives a parameter its next value. `memory.steps` already counts this step, and the memory tells what the parameter's group asks for.
    ///
    /// Called outside of any recorder. The gradient has the parameter's shape and dtype. The optimizer and the model hold neither the
    /// parameter nor the memory's tensors during the call, so that they can be changed in place where nobody else holds them.
    open func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {}

    /// Changes every parameter that has a gradient. Gradients that don't fit are found before anything changes.
    public final func step(_ gradients: ModuleGradients) throws {
        var changes: [(position: Int, gradient: Tensor)] = []
        for entry in gradients.entries {
            guard let gradient = entry.gradient else { continue }
            let position = try position(of: entry)
            try check(position, gradient, entry.names[0])
            changes.append((position, gradient))
        }
        try Interpreter.with(nil) {
            for change in changes { try step(change.position, change.gradient) }
        }
    }

    private func step(_ position: Int, _ gradient: Tensor) throws {
        let boxes = targets[position].boxes
        guard var parameter = boxes[0].tensor else { return }
        var memory = memories[position]
        for box in boxes { box.tensor = nil }
        memories[position].tensors = [:]
        memory.steps += 1
        let group: ParameterGroup? = groupOfTarget[position].map { groups[$0] }
        (memory.learningRateScale, memory.weightDecay) = (group?.learningRateScale ?? 1, group?.weightDecay)
        // What an update that throws leaves behind is the old value or the new one, never a mixture.
        defer {
            for box in boxes { box.tensor = parameter }
            memories[position] = memory
        }
        do {
            try update(&parameter, gradient, &memory)
        } catch {
            memory.steps -= 1
            throw error
        }
    }

    private func position(of entry: ModuleGradients.Entry) throws -> Int {
        for name in entry.names {
            if let position = positionOfName[name] { return position }
        }
        throw TensorError(
            .invalidArgument, in: "\(type(of: self))",
            "there is a gradient for '\(entry.names.joined(separator: ", "))', which the model does not have")
    }

    private func check(_ position: Int, _ gradient: Tensor, _ name: String) throws {
        guard let parameter = targets[position].boxes[0].tensor else {
            throw TensorError(.invalidArgument, in: "\(type(of: self))", "the parameter '\(name)' has become nil")
        }
        guard gradient.dtype == parameter.dtype, gradient.shape.isIdentical(to: parameter.shape) else {
            throw TensorError(
                .shapeMismatch, in: "\(type(of: self))", "the parameter '\(name)' is \(parameter.spec), its gradient \(gradient.spec)")
        }
        guard !parameter.isTraced, !gradient.isTraced else {
            throw TensorError(.tracing, in: "\(type(of: self))", "the parameter '\(name)' has no values to change while it is traced")
        }
    }
}

// MARK: - Saving and loading

extension Optimizer {
    /// The largest number of steps that a state may tell: beyond it a `Double`, which the corrections of running averages are computed in, does
    /// not tell neighbours apart, and counting on never overflows.
    private static let maximumSteps = 1 << 53

    /// What the optimizer remembers, by parameter and PyTorch's name of the quantity: `first.weight.exp_avg`, `first.weight.step`.
    ///
    /// A tied parameter appears under its first name. Parameters that have not taken a step are absent.
    public func stateDict() throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (target, memory) in zip(targets, memories) where memory.steps > 0 {
            result["\(target.names[0]).step"] = try Tensor([memory.steps], shape: [])
            for (name, tensor) in memory.tensors { result["\(target.names[0]).\(name)"] = tensor }
        }
        return result
    }

    /// Takes over what another optimizer of the same kind remembered. Nothing is changed when it fails.
    ///
    /// - Throws: `StateDictMismatch` with every name that is missing or not expected and every shape or dtype that differs; `TensorError` for a
    ///   number of steps that nothing can have taken.
    public func load(_ stateDict: [String: Tensor]) throws {
        var report = StateDictMismatch(moduleType: "\(type(of: self))")
        var loaded = Array(repeating: Memory(), count: targets.count)
        var expected: Set<String> = []
        for (position, target) in targets.enumerated() {
            let prefix = target.names[0]
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
            let steps: Int = try step.array(of: Int.self)[0]
            guard (0...Optimizer.maximumSteps).contains(steps) else {
                throw TensorError(
                    .invalidArgument, in: "\(type(of: self))",
                    "'\(prefix).step' is \(steps); a parameter has taken between 0 and \(Optimizer.maximumSteps) steps")
            }
            loaded[position].steps = steps
            for name in memoryNames {
                guard let tensor = stateDict["\(prefix).\(name)"] else {
                    report.missing.append("\(prefix).\(name)")
                    continue
                }
                let parameter = target.boxes[0].tensor ?? tensor
                if tensor.dtype != parameter.dtype || !tensor.shape.isIdentical(to: parameter.shape) {
                    report.mismatched.append(.init(name: "\(prefix).\(name)", expected: parameter.spec, found: tensor.spec))
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
    typealias Register = ElementwiseUpdate.Register

    /// Gives the parameter and the remembered tensors of these names new values in one pass, in place where nobody else holds them.
    /// Remembered tensors are zeros before the first step.
    ///
    /// - Parameter program: gets the parameter, the gradient, then the remembered tensors as registers; returns the parameter's and the
    ///   remembered tensors' new values.
    mutating func run(
        _ parameter: inout Tensor, _ gradient: Tensor, _ names: [String],
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
        let results = program(&update, operands.indices.map(update.tensor))
        let assignments = results.memory.enumerated().map { (register: $0.element, tensor: 2 + $0.offset) }
        try update.run(&operands, assigning: [(register: results.parameter, tensor: 0)] + assignments)
    }
}
