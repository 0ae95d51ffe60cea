import ApusNN
import ApusProgram
import ApusTensor

/// A function with the example arguments and constraints that it is traced with.
public struct EntryPoint {
    let export: (_ model: (any Module)?) throws -> ExportedProgram

    init(_ export: @escaping (_ model: (any Module)?) throws -> ExportedProgram) { self.export = export }

    /// - Parameters: as for `export`.
    ///   - isTraining: the mode that the model is in while it is traced, nil for the one it has.
    public init<each Input, Output>(
        _ function: @escaping (repeat each Input) throws -> Output, args: repeat each Input,
        constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(),
        selfCheck: Bool = true, isTraining: Bool? = nil, log: ExportLog? = .fromEnvironment
    ) {
        let arguments = (repeat each args)
        self.init { model in
            try inMode(isTraining, model) {
                try exportPack(function, (repeat each arguments), model, constraints, names, branches, selfCheck, log)
            }
        }
    }
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
