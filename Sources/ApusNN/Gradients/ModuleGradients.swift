import ApusTensor

/// The gradients of a module's parameters: what optimizers take.
public struct ModuleGradients: Sendable {
    public struct Entry: Sendable {
        /// All names of the parameter, more than one where it is tied.
        public let names: [String]
        /// Of the parameter's shape and dtype; nil where the value does not depend on the parameter.
        public var gradient: Tensor?

        public init(names: [String], gradient: Tensor?) {
            self.names = names
            self.gradient = gradient
        }
    }

    /// One for each distinct parameter that requires a gradient, in the module's order.
    public var entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    /// The gradient of the parameter with this dotted name; nil where there is none or the value does not depend on it.
    public subscript(name: String) -> Tensor? {
        entries.first { $0.names.contains(name) }?.gradient
    }

    /// Every gradient under every name of its parameter.
    public var named: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for entry in entries {
            for name in entry.names { result[name] = entry.gradient }
        }
        return result
    }

    /// The same names with other gradients.
    public func map(_ transform: (Tensor) throws -> Tensor) rethrows -> ModuleGradients {
        ModuleGradients(entries: try entries.map { Entry(names: $0.names, gradient: try $0.gradient.map(transform)) })
    }

    /// The gradients of some of the parameters, for an optimizer that is meant for these only.
    public func filter(_ isIncluded: (Entry) throws -> Bool) rethrows -> ModuleGradients {
        ModuleGradients(entries: try entries.filter(isIncluded))
    }
}

// MARK: - Arithmetic

extension ModuleGradients {
    /// Sums, as accumulating over several batches makes them. What one side lacks counts as zeros. Both have to be of the same parameters.
    public static func + (a: ModuleGradients, b: ModuleGradients) throws -> ModuleGradients {
        try combined(a, b, { try $0 + $1 }, onlySecond: { $0 })
    }
    public static func - (a: ModuleGradients, b: ModuleGradients) throws -> ModuleGradients {
        try combined(a, b, { try $0 - $1 }, onlySecond: { try $0.neg() })
    }
    public static func * (a: ModuleGradients, b: some ScalarConvertible) throws -> ModuleGradients { try a.map { try $0 * b } }
    public static func * (a: some ScalarConvertible, b: ModuleGradients) throws -> ModuleGradients { try b * a }
    public static prefix func - (a: ModuleGradients) throws -> ModuleGradients { try a.map { try $0.neg() } }
    public static func / (a: ModuleGradients, b: some ScalarConvertible) throws -> ModuleGradients { try a.map { try $0 / b } }
    public static func += (a: inout ModuleGradients, b: ModuleGradients) throws { a = try a + b }

    private static func combined(
        _ a: ModuleGradients, _ b: ModuleGradients, _ both: (Tensor, Tensor) throws -> Tensor, onlySecond: (Tensor) throws -> Tensor
    ) throws -> ModuleGradients {
        guard a.entries.map(\.names) == b.entries.map(\.names) else {
            throw TensorError(
                .invalidArgument, in: "ModuleGradients",
                "the gradients are not of the same parameters: \(a.entries.flatMap(\.names)) and \(b.entries.flatMap(\.names))")
        }
        return ModuleGradients(
            entries: try zip(a.entries, b.entries).map { mine, theirs in
                guard let second = theirs.gradient else { return mine }
                return Entry(names: mine.names, gradient: try mine.gradient.map { try both($0, second) } ?? onlySecond(second))
            })
    }
}

/// The value of a function of a module, and its gradients with respect to the module's parameters.
///
///     let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(x), y) }
///
/// Tied parameters get one gradient, the sum over their uses. Parameters that the value does not depend on get none, as in PyTorch.
/// What `forward` assigned to buffers stays assigned.
/// - Parameters:
///   - onGradient: gets each entry of the result as soon as it is complete, while those of parameters that were used earlier are yet to be
///     computed: those that no operation uses first, then the others about in the reverse of the order of their first use
///   - loss: must return one real floating-point element
/// - Throws: what the functions throw, `ModuleError` for a module that can't be walked, `TensorError` where the value has more than one
///   element or an operation on the way has no gradient.
public func valueAndGradient<M: Module>(
    of model: M, onGradient: ((ModuleGradients.Entry) throws -> Void)? = nil, _ loss: (M) throws -> Tensor
) throws -> (value: Tensor, gradients: ModuleGradients) {
    let slots = try ModuleState(of: model).slots.filter(\.requiresGradient)
    let recorder = GradientRecorder()
    for slot in slots { try recorder.watch(slot.tensor) }
    let value = try Interpreter.with(recorder) { try loss(model) }
    try requireLoss(value)
    let gradients = try recorder.gradients(
        of: value, with: slots.map(\.tensor),
        ready: onGradient.map { told in { try told(ModuleGradients.Entry(names: slots[$0].names, gradient: $1)) } })
    let entries = zip(slots, gradients).map { slot, gradient in ModuleGradients.Entry(names: slot.names, gradient: gradient) }
    return (value, ModuleGradients(entries: entries))
}

/// The gradients of a function of a module with respect to the module's parameters.
public func gradient<M: Module>(of model: M, _ loss: (M) throws -> Tensor) throws -> ModuleGradients {
    try valueAndGradient(of: model, loss).gradients
}
