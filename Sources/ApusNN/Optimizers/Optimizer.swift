import ApusSymbolic
import ApusTensor

/// Changes a model's parameters by their gradients. `SGD`, `AdamW` and the others of `torch.optim` are its kinds; subclass it for another.
///
///     let optimizer = try AdamW(model, learningRate: 1e-3)
///     let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(x), y) }
///     try optimizer.step(gradients)
///
/// The model's parameters are looked up once, when the optimizer is made.
open class Optimizer {
    /// Changed freely between steps, for instance after a `LearningRateSchedule`.
    public var learningRate: Double
    /// How strongly a step draws parameters to zero; a `ParameterGroup` may say otherwise.
    public let weightDecay: Double
    /// Whether steps go up the gradient rather than down.
    public let maximize: Bool
    /// The learning rate that schedulers start from, as the first of them found it.
    final var initialLearningRate: Double?

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

    /// - Throws: `TensorError` for options that are no numbers or below 0, `ModuleError` for a model that can't be walked.
    public init(
        _ model: some Module, learningRate: any ScalarConvertible, weightDecay: any ScalarConvertible = 0, maximize: Bool = false
    ) throws {
        self.learningRate = try learningRate.option("learningRate", in: "\(Self.self)")
        self.weightDecay = try weightDecay.option("weightDecay", in: "\(Self.self)")
        self.maximize = maximize
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

    /// The names of the numbers in `Memory`, for loading.
    open var numberNames: [String] { [] }

    /// What a tensor of `Memory` is for a parameter of this dtype and shape, by default the same; nil where this parameter has none.
    open func memorySpec(_ name: String, of parameter: TensorSpec) throws -> TensorSpec? { parameter }

    /// Throws for a parameter that the optimizer has no step for.
    open func requireUsable(_ parameter: TensorSpec, named name: String) throws {}

    /// What schedulers of momentum move: the momentum, or the first of Adam's betas; nil where there is neither.
    var scheduledMomentum: Double? {
        get { nil }
        set {}
    }

    /// Gives a parameter its next value. `memory.steps` already counts this step, and the memory tells what the parameter's group asks for.
    ///
    /// Called outside of any recorder. The gradient has the parameter's shape and dtype. The optimizer and the model hold neither the
    /// parameter nor the memory's tensors during the call, so that they can be changed in place where nobody else holds them.
    open func update(_ parameter: inout Tensor, _ gradient: Tensor, _ memory: inout Memory) throws {}

    /// Changes every parameter that has a gradient. Gradients that don't fit are found before anything changes.
    public final func step(_ gradients: ModuleGradients) throws {
        let aligned: [Tensor?] = try aligned(gradients)
        try Interpreter.with(nil) {
            for (position, gradient) in aligned.enumerated() {
                if let gradient { try step(position, gradient) }
            }
        }
    }

    /// A gradient for each parameter that has one, all found to fit.
    final func aligned(_ gradients: ModuleGradients) throws -> [Tensor?] {
        var result: [Tensor?] = Array(repeating: nil, count: targets.count)
        for entry in gradients.entries {
            guard let gradient = entry.gradient else { continue }
            let position = try position(of: entry)
            try check(position, gradient, entry.names[0])
            result[position] = gradient
        }
        return result
    }

    /// The parameters' values, for optimizers that change all of them together.
    final var parameters: [Tensor] {
        get { targets.map { Tensor(state: $0.boxes[0].tensor) } }
        set {
            for (target, tensor) in zip(targets, newValue) {
                for box in target.boxes { box.tensor = tensor }
            }
        }
    }

    /// The first parameter's name; empty where there is none.
    final var firstName: String { targets.first?.names[0] ?? "" }

    private func step(_ position: Int, _ gradient: Tensor) throws {
        let boxes = targets[position].boxes
        guard var parameter = boxes[0].tensor else { return }
        var memory = memories[position]
        memory.steps += 1
        for box in boxes { box.tensor = nil }
        memories[position].tensors = [:]
        let group: ParameterGroup? = groupOfTarget[position].map { groups[$0] }
        memory.learningRate = learningRate * (group?.learningRateScale ?? 1)
        (memory.weightDecay, memory.maximize) = (group?.weightDecay ?? weightDecay, maximize)
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
        guard gradient.spec.isIdentical(to: parameter.spec) else {
            throw TensorError(
                .shapeMismatch, in: "\(type(of: self))", "the parameter '\(name)' is \(parameter.spec), its gradient \(gradient.spec)")
        }
        try requireUsable(parameter.spec, named: name)
        guard !parameter.isTraced, !gradient.isTraced else {
            throw TensorError(.tracing, in: "\(type(of: self))", "the parameter '\(name)' has no values to change while it is traced")
        }
    }

    // MARK: - Saving and loading

    /// The largest number of steps that a state may tell: beyond it a `Double`, which the corrections of running averages are computed in, does
    /// not tell neighbours apart, and counting on never overflows.
    private static let maximumSteps = 1 << 53

    /// Whether a state without a count of steps is not whole. PyTorch keeps none where nothing is computed of it.
    var needsSteps: Bool { true }

    /// What the optimizer remembers, by parameter and PyTorch's name of the quantity: `first.weight.exp_avg`, `first.weight.step`.
    ///
    /// A tied parameter appears under its first name. Parameters that have not taken a step are absent.
    open func stateDict() throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (target, memory) in zip(targets, memories) where memory.steps > 0 {
            result["\(target.names[0]).step"] = try Tensor([memory.steps], shape: [])
            for (name, tensor) in memory.tensors { result["\(target.names[0]).\(name)"] = tensor }
            for (name, number) in memory.numbers { result["\(target.names[0]).\(name)"] = try Tensor([number], shape: []) }
        }
        return result
    }

    /// Takes over what another optimizer of the same kind, PyTorch's among them, remembered. Nothing is changed when it fails.
    ///
    /// - Throws: `StateDictMismatch` with every name that is missing or not expected and every shape or dtype that differs; `TensorError` for a
    ///   number of steps that nothing can have taken.
    open func load(_ stateDict: [String: Tensor]) throws {
        var report = StateDictMismatch(moduleType: "\(type(of: self))")
        var expected: Set<String> = []
        let loaded: [Memory] = try targets.map { target in
            let parameter: TensorSpec? = target.boxes[0].tensor?.spec
            let tensors: [(name: String, spec: TensorSpec)] = try memoryNames.compactMap { name in
                try parameter.flatMap { try memorySpec(name, of: $0) }.map { (name, $0) }
            }
            let names: [String] = tensors.map(\.name) + numberNames
            expected.formUnion((names + ["step"]).map { "\(target.names[0]).\($0)" })
            return try memory(of: target.names[0], tensors, stateDict, &report)
        }
        report.unexpected = stateDict.keys.filter { !expected.contains($0) }.sorted()
        guard report.missing.isEmpty, report.unexpected.isEmpty, report.mismatched.isEmpty else { throw report }
        memories = loaded
    }

    /// What a state has of one parameter.
    private func memory(
        of prefix: String, _ tensors: [(name: String, spec: TensorSpec)], _ stateDict: [String: Tensor], _ report: inout StateDictMismatch
    ) throws -> Memory {
        var memory = Memory()
        let isPresent: Bool = (tensors.map(\.name) + numberNames).contains { stateDict["\(prefix).\($0)"] != nil }
        if let step = scalar("\(prefix).step", .int64, stateDict, &report) {
            let steps: Int? = try step.dtype == .int64 ? step.array(of: Int.self)[0] : Int(exactly: step.array(of: Double.self)[0])
            guard let steps, (0...Optimizer.maximumSteps).contains(steps) else {
                let found: String = try steps.map { "\($0)" } ?? "\(step.array(of: Double.self)[0])"
                throw TensorError(
                    .invalidArgument, in: "\(type(of: self))",
                    "'\(prefix).step' is \(found); a parameter has taken between 0 and \(Optimizer.maximumSteps) steps")
            }
            memory.steps = steps
        } else if isPresent, !needsSteps {
            memory.steps = 1
        } else {
            if isPresent, stateDict["\(prefix).step"] == nil { report.missing.append("\(prefix).step") }
            return memory
        }
        for (name, spec) in tensors {
            guard let tensor = stateDict["\(prefix).\(name)"] else {
                report.missing.append("\(prefix).\(name)")
                continue
            }
            if !tensor.spec.isIdentical(to: spec) {
                report.mismatched.append(.init(name: "\(prefix).\(name)", expected: spec, found: tensor.spec))
            }
            memory.tensors[name] = tensor
        }
        for name in numberNames {
            guard let number = scalar("\(prefix).\(name)", .float64, stateDict, &report) else {
                if stateDict["\(prefix).\(name)"] == nil { report.missing.append("\(prefix).\(name)") }
                continue
            }
            memory.numbers[name] = try number.array(of: Double.self)[0]
        }
        return memory
    }

    /// One number of a state, of any real dtype: PyTorch keeps counts of steps as floating-point numbers.
    private func scalar(_ name: String, _ dtype: DType, _ stateDict: [String: Tensor], _ report: inout StateDictMismatch) -> Tensor? {
        guard let tensor = stateDict[name] else { return nil }
        guard tensor.shape.isEmpty, [.int64, .float32, .float64].contains(tensor.dtype) else {
            report.mismatched.append(.init(name: name, expected: TensorSpec(dtype, .scalar), found: tensor.spec))
            return nil
        }
        return tensor
    }
}
