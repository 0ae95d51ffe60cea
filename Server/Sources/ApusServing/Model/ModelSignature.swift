import ApusRun

/// What a program takes and gives, in the protocol's terms.
public struct ModelSignature: Sendable {
    public struct Entry: Sendable, Hashable {
        public let name: String
        public let datatype: Datatype
        /// -1 for a size that calls may choose, or that follows from others.
        public let shape: [Int]
    }

    public let inputs: [Entry]
    /// Of those results that are there at all; a result that is always nil has no entry.
    public let outputs: [Entry]
    /// For each leaf of the program's result, which entry of `outputs` it is.
    let outputLeaves: [Int?]

    /// - Throws: `ServingError` for a program with inputs or results that the protocol can't carry.
    init(_ program: ExportedProgram) throws {
        let graph: Graph = program.graph
        let names: [String] = zip(program.leafNames, program.leafRoles).compactMap { name, role in
            if case .input = role { name } else { nil }
        }
        let values: [Graph.Value] = zip(graph.inputs, program.graphSignature.inputRoles).compactMap { $1 == .userInput ? $0 : nil }
        inputs = try zip(names, values).map { name, value in
            guard let spec = graph.spec(value) else { throw ServingError(.unavailable, "the input '\(name)' is no tensor") }
            return try Entry("input", name, spec)
        }
        var outputs: [Entry] = []
        var leaves: [Int?] = []
        let results = zip(graph.outputs, program.graphSignature.outputRoles).filter { $0.1 == .userOutput || $0.1 == .loss }
        for ((output, _), name) in zip(results, program.graphSignature.userOutputs) {
            var entry: Entry?
            switch graph.type(of: output) {
            case .tensor(let spec): entry = try Entry("result", name, spec)
            case .int: entry = Entry(name: name, datatype: .int64, shape: [])
            case .float: entry = Entry(name: name, datatype: .float64, shape: [])
            case .bool: entry = Entry(name: name, datatype: .bool, shape: [])
            case .none: break
            }
            leaves.append(entry == nil ? nil : outputs.count)
            if let entry { outputs.append(entry) }
        }
        (self.outputs, outputLeaves) = (outputs, leaves)
        for entries in [inputs, self.outputs] where Set(entries.map(\.name)).count != entries.count {
            throw ServingError(
                .unavailable, "two inputs, or two results, have the same name: \(entries.map(\.name).joined(separator: ", "))")
        }
    }
}

extension ModelSignature.Entry {
    fileprivate init(_ what: String, _ name: String, _ spec: TensorSpec) throws {
        guard let datatype = Datatype(spec.dtype) else {
            throw ServingError(.unavailable, "the \(what) '\(name)' is of \(spec.dtype), which the protocol has no name for")
        }
        self.init(name: name, datatype: datatype, shape: spec.shape.map { $0.plain ?? -1 })
    }
}

extension SymInt {
    /// The value, where it is no symbol.
    var plain: Int? {
        if case .constant(let value)? = view { return value }
        return nil
    }
}

extension LeafValue {
    /// A result as a tensor: plain numbers as tensors without dimensions; nil for what is no number.
    func resultTensor() throws -> Tensor? {
        switch self {
        case .tensor(let tensor): tensor
        case .int(let value): try Tensor([Int64(value.requireConstant())], shape: [] as [Int])
        case .float(let value): try Tensor([value.requireConstant()], shape: [] as [Int])
        case .bool(let value): try Tensor([value], shape: [] as [Int])
        case .string, .none: nil
        }
    }
}
