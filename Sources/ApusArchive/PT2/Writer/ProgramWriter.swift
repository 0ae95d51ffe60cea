import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// One program in terms of a program file: its document, and the tables of its weights and constants.
struct ProgramWriter {
    let program: ProgramSchema.Program
    let weights: ProgramSchema.PayloadConfig
    let constants: ProgramSchema.PayloadConfig

    init(_ exported: ExportedProgram, weights weightFiles: inout WeightWriter, constants constantFiles: inout WeightWriter) throws {
        let graph = exported.graph
        let symbols = SymbolNames()
        var writer = GraphWriter(graph, symbols: symbols)
        var weights = ProgramSchema.PayloadConfig()
        var constants = ProgramSchema.PayloadConfig()
        let roles = exported.graphSignature.inputRoles
        let state = exported.stateDict.merging(exported.constants) { first, _ in first }
        func tensor(_ name: String) throws -> Tensor {
            guard let tensor = state[name] else { throw ArchiveError(.invalidProgram, "the program has no tensor '\(name)'") }
            return tensor
        }

        // Inputs: what the program owns, then the caller's leaves with the baked values in their places.
        var inputSpecs: [ProgramSchema.InputSpec] = []
        for (value, role) in zip(graph.inputs, roles) {
            switch role {
            case .parameter(let name):
                let owned: Tensor = try tensor(name)
                let argument = ProgramSchema.TensorArgument(name: try writer.addInput(value, requiresGrad: owned.dtype.isDifferentiable))
                weights.config[name] = try weightFiles.entry(owned, isParameter: true)
                inputSpecs.append(.parameter(argument, name: name))
            case .buffer(let name, let persistent):
                let argument = ProgramSchema.TensorArgument(name: try writer.addInput(value))
                if persistent {
                    weights.config[name] = try weightFiles.entry(try tensor(name), isParameter: false)
                } else {
                    constants.config[name] = try constantFiles.entry(try tensor(name), isParameter: false)
                }
                inputSpecs.append(.buffer(argument, name: name, persistent: persistent))
            case .constant(let name):
                let argument = ProgramSchema.TensorArgument(name: try writer.addInput(value))
                constants.config[name] = try constantFiles.entry(try tensor(name), isParameter: false)
                inputSpecs.append(.tensorConstant(argument, name: name))
            case .userInput: break
            }
        }
        var userInputs = zip(graph.inputs, roles).filter { $0.1 == .userInput }.map(\.0)[...]
        var leafNames: [String] = []
        for (role, leafName) in zip(exported.leafRoles, exported.leafNames) {
            switch role {
            case .input:
                guard let value = userInputs.popFirst() else { throw ArchiveError(.invalidProgram, "more leaves than inputs") }
                let name = try writer.addInput(value)
                leafNames.append(name)
                inputSpecs.append(.userInput(.tensor(.init(name: name))))
            case .constant(let value):
                let name = writer.out.claim(leafName)
                leafNames.append(name)
                let (argument, constant) = try Self.constant(value)
                writer.out.tables.inputs.append(argument)
                inputSpecs.append(.constantInput(name: name, constant))
            }
        }

        // Conditions of every call come before anything is computed.
        for guarding in exported.guards { try writer.assert(guarding.condition, guarding.message) }
        for (symbol, range) in exported.symbolToRange.sorted(by: { $0.key.index < $1.key.index })
        where symbol.isBacked && (1...2).contains(range.lowerBound) && writer.sizes.isKnown(symbol) {
            // PyTorch takes a least size of 2 for its own default, and lets 0 and 1 pass whatever the range says.
            try writer.assert(symbol, isAtLeast: range.lowerBound)
        }
        try writer.writeNodes()

        var outputSpecs: [ProgramSchema.OutputSpec] = []
        let changed = Set(exported.graphSignature.buffersToMutate.values)
        let written = Set(
            zip(graph.inputs, roles).compactMap { value, role in
                if case .buffer(let name, _) = role, changed.contains(name) { value } else { nil }
            })
        for (output, role) in zip(graph.outputs, exported.graphSignature.outputRoles) {
            let argument = try writer.output(output, apartFrom: written)
            writer.out.tables.outputs.append(argument)
            outputSpecs.append(try Self.outputSpec(argument, role) { name in try graph.value(named: name).map { try writer.name($0) } })
        }

        var ranges: JSONTable<ProgramSchema.RangeConstraint> = [:]
        for (symbol, range) in exported.symbolToRange.sorted(by: { $0.key.index < $1.key.index })
        where symbol.kind != .unbackedFloat && writer.sizes.isKnown(symbol) {
            ranges[symbols.name(symbol)] = .init(range)
        }
        for symbol in graph.sizeSymbolsOfBodies where symbol.kind == .unbackedInt && ranges[symbols.name(symbol)] == nil {
            ranges[symbols.name(symbol)] = .init(symbol.declaredRange)
        }
        // Floats have no bounds, and PyTorch opens no assertion on a float that it finds no range for.
        for name in symbols.floats { ranges[name] = .init(minimum: nil, maximum: nil) }
        program = ProgramSchema.Program(
            graphModule: .init(
                graph: writer.out.tables, signature: .init(inputSpecs: inputSpecs, outputSpecs: outputSpecs),
                moduleCallGraph: [
                    .init(
                        fqn: "",
                        signature: .init(
                            inputs: [], outputs: [], inSpec: Self.inSpec(exported.callSpec.inSpec).text,
                            outSpec: TreeSpecText(exported.callSpec.outSpec).text,
                            forwardArgNames: Self.argumentNames(exported.callSpec.inSpec, leafNames)))
                ]),
            rangeConstraints: ranges, verifiers: ["TRAINING"], torchVersion: "2.13.0")
        self.weights = weights
        self.constants = constants
    }

    private static func constant(_ value: LeafValue) throws -> (ProgramSchema.Argument, ProgramSchema.ConstantValue) {
        switch value {
        case .none: return (.none, .none)
        case .bool(let flag): return (.bool(flag), .bool(flag))
        case .string(let text): return (.string(text), .string(text))
        case .int(let number):
            guard let known = number.constant else { throw ArchiveError(.notRepresentable, "an input that is fixed to a size") }
            return (.int(known), .int(known))
        case .float(let number):
            guard let known = number.constant else { throw ArchiveError(.notRepresentable, "an input that is fixed to a size") }
            return (.float(known), .float(known))
        case .tensor: throw ArchiveError(.invalidProgram, "an input that is fixed to a tensor")
        }
    }

    private static func outputSpec(_ argument: ProgramSchema.Argument, _ role: OutputRole, nameInFile: (String) throws -> String?) throws
        -> ProgramSchema.OutputSpec
    {
        func tensor() throws -> ProgramSchema.TensorArgument {
            guard case .tensor(let reference) = argument else {
                throw ArchiveError(.notRepresentable, "an output of the role \(role) that is no tensor")
            }
            return reference
        }
        switch role {
        case .userOutput: return .userOutput(argument)
        case .loss: return .lossOutput(try tensor())
        case .bufferMutation(let name): return .bufferMutation(try tensor(), buffer: name)
        case .gradientToParameter(let name): return .gradientToParameter(try tensor(), parameter: name)
        case .gradientToUserInput(let name):
            // The file may have another name for the input.
            guard let input = try nameInFile(name) else {
                throw ArchiveError(.invalidProgram, "an output is the gradient of '\(name)', which is no input")
            }
            return .gradientToUserInput(try tensor(), input: input)
        }
    }

    /// Positional arguments and no keyword arguments.
    private static func inSpec(_ spec: TreeSpec) -> TreeSpecText {
        let arguments: TreeSpecText
        if case .tuple = spec { arguments = TreeSpecText(spec) } else { arguments = .tuple([TreeSpecText(spec)]) }
        return .tuple([arguments, .dictionary(keys: [], [])])
    }

    /// One name for each argument; nil where an argument is more than a leaf, since no name of its own is kept for it.
    private static func argumentNames(_ spec: TreeSpec, _ leafNames: [String]) -> [String]? {
        guard case .tuple(let arguments) = spec, arguments.allSatisfy({ $0 == .leaf }), arguments.count == leafNames.count else {
            return nil
        }
        return leafNames
    }
}
