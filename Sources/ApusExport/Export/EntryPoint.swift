import ApusNN
import ApusProgram
import ApusTensor

/// A function with the example arguments and constraints that it is traced with.
public struct EntryPoint {
    let export: (_ model: (any Module)?) throws -> ExportedProgram

    /// - Parameters: as for `export`.
    ///   - isTraining: the mode that the model is in while it is traced, nil for the one it has.
    public init<each Input, Output>(
        _ function: @escaping (repeat each Input) throws -> Output, args: repeat each Input,
        constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions(), isTraining: Bool? = nil
    ) {
        self.init(function, (repeat each args), options.adding(constraints), isTraining)
    }

    /// A module's `forward` of one argument; `export(_:of:)` has to be given the module too.
    public init<Model: Module>(
        _ model: Model, args x: Model.Input, constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions(),
        isTraining: Bool? = nil
    ) {
        self.init({ (x: Model.Input) in try model(x) }, args: x, constraints: constraints, options: options, isTraining: isTraining)
    }

    /// A module's `forward` of two arguments.
    public init<Model: Module>(
        _ model: Model, args x: Model.FirstOfTwo, _ y: Model.SecondOfTwo, constraints: [any ConstraintConvertible] = [],
        options: ExportOptions = ExportOptions(), isTraining: Bool? = nil
    ) {
        self.init(
            { (x: Model.FirstOfTwo, y: Model.SecondOfTwo) in try model(x, y) }, args: x, y, constraints: constraints, options: options,
            isTraining: isTraining)
    }

    /// A module's `forward` of three arguments.
    public init<Model: Module>(
        _ model: Model, args x: Model.FirstOfThree, _ y: Model.SecondOfThree, _ z: Model.ThirdOfThree,
        constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions(), isTraining: Bool? = nil
    ) {
        self.init(
            { (x: Model.FirstOfThree, y: Model.SecondOfThree, z: Model.ThirdOfThree) in try model(x, y, z) }, args: x, y, z,
            constraints: constraints, options: options, isTraining: isTraining)
    }

    /// A function that ends in a loss, traced together with the loss's gradients.
    /// - Parameters: as for `exportJoint`, and `isTraining` as for the initialiser.
    public static func joint<each Input, Output>(
        _ function: @escaping (repeat each Input) throws -> Output, args: repeat each Input, withRespectTo inputs: [Tensor] = [],
        loss: Int? = nil, constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions(), isTraining: Bool? = nil
    ) -> EntryPoint {
        EntryPoint(function, (repeat each args), options.adding(constraints), isTraining, joint: JointRequest(inputs: inputs, loss: loss))
    }

    private init<each Input, Output>(
        _ function: @escaping (repeat each Input) throws -> Output, _ arguments: (repeat each Input), _ options: ExportOptions,
        _ isTraining: Bool?, joint request: JointRequest? = nil
    ) {
        export = { model in
            try inMode(isTraining, model) { try exportPack(function, model, (repeat each arguments), options, joint: request) }
        }
    }
}

/// Runs the body while the model trains or evaluates, and puts every module back into its own mode. Nil leaves the modes alone.
private func inMode<Result>(_ isTraining: Bool?, _ model: (any Module)?, _ body: () throws -> Result) throws -> Result {
    guard let isTraining, let model else { return try body() }
    let modules: [any Module] = try model.modules()
    let saved: [Bool] = modules.map(\.isTraining)
    defer { for (module, mode) in zip(modules, saved) { module.isTraining = mode } }
    for module in modules { module.isTraining = isTraining }
    return try body()
}

/// Entry points by name, written as a dictionary. A name that stands twice is reported by `export`.
public struct EntryPoints: ExpressibleByDictionaryLiteral {
    let entries: [(name: String, entry: EntryPoint)]

    public init(dictionaryLiteral elements: (String, EntryPoint)...) { entries = elements.map { ($0.0, $0.1) } }

    /// In the order of their names.
    public init(_ entries: [String: EntryPoint]) { self.entries = entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
}

/// Traces several functions of one model into one artifact: `export(["prefill": EntryPoint(f, args: x), "decode": ...], of: model)`.
///
/// The programs share the model's parameters and buffers: weights are there once, and a buffer that one changes is changed for all.
/// - Throws: as `export`; and for no entry point, or a name that stands twice.
public func export(_ entryPoints: EntryPoints, of model: (any Module)? = nil) throws -> ExportedPrograms {
    try ExportedPrograms.requireDistinct(entryPoints.entries.map(\.name))
    return try ExportedPrograms(sharingStateOf: entryPoints.entries.map { ($0.name, try $0.entry.export(model)) })
}
