import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Puts an exported program together out of a file's parts.
struct ProgramReader {
    private let archive: PT2Archive
    private let model: String
    private var program: ProgramSchema.Program
    private var weights: WeightLoader
    private var constants: WeightLoader
    private let symbols: ImportSymbols
    private let importer: GraphImporter

    /// Graph inputs that are not the user's, in the program's order.
    private var state: [(role: InputRole, tensor: Tensor, file: String?)] = []
    private var roles: [InputRole] = []
    private var leafRoles: [LeafRole] = []
    private var leafNames: [String] = []
    /// The symbols that are a dimension of a user input by themselves.
    private var plainSymbols: Set<String> = []

    private var graph: ProgramSchema.Graph { program.graphModule.graph }
    private var signature: ProgramSchema.GraphSignature { program.graphModule.signature }

    init(_ archive: PT2Archive, model: String, operators: OperatorTable) throws {
        self.archive = archive
        self.model = model
        program = try archive.decode("models/\(model).json")
        program.graphModule = try naming(member: "models/\(model).json") { [program] in try program.graphModule.withoutEffects(operators) }
        weights = try WeightLoader(archive, kind: "weights", model: model)
        constants = try WeightLoader(archive, kind: "constants", model: model)
        symbols = ImportSymbols(ranges: program.rangeConstraints)
        importer = GraphImporter(
            program.graphModule.graph, operators: operators, symbols: symbols, isBody: false, path: "graph_module.graph")
    }

    mutating func read() throws -> ExportedProgram {
        let member = "models/\(model).json"
        try naming(member: member) {
            try requireShallow()
            try UnknownTargets.check(graph, importer.operators)
        }
        try readInputs(member)
        return try naming(member: member) {
            // What a node checks is known behind it only: it is no fact of the program, by which the check itself would seem proved.
            let (outputs, outputRoles) = try symbols.scope.scoped {
                try importer.importNodes()
                // A view whose memory was written is taken anew when it is returned.
                return try Interpreter.with(importer.interpreter) { try readOutputs() }
            }
            symbols.assumeGuards()
            importer.interpreter.graph.outputs = outputs
            let callSpec = try readCallSpec(outputs: outputRoles)
            let firstUse: FirstUse? = try archive.check(
                weights.unchecked + constants.unchecked, besides: archive.entry(member)?.size ?? 0)
            var parts = ProgramParts(
                graph: importer.interpreter.graph, inputRoles: roles, outputRoles: outputRoles, state: state.map(\.tensor),
                callSpec: callSpec, leafRoles: leafRoles, leafNames: leafNames, scope: symbols.scope,
                symbolToRange: symbols.symbolToRange, guards: symbols.guardsBesideRanges)
            parts.firstUses = firstUse.map { [$0] } ?? []
            do {
                return try ExportedProgram(parts)
            } catch let error where !(error is ArchiveError) {
                throw ArchiveError(.invalidProgram, error.unplaced)
            }
        }
    }

    /// Throws where bodies stand deeper in bodies than programs have them. Found without recursion.
    private func requireShallow() throws {
        var depth = 0
        var level: [ProgramSchema.Graph] = [graph]
        while !level.isEmpty {
            guard depth <= Graph.maximumNesting else {
                throw ArchiveError(
                    .limit, at: "graph_module.graph",
                    "branches and loops nest deeper than the \(Graph.maximumNesting) levels that a program keeps; export the program with fewer levels"
                )
            }
            let arguments: [ProgramSchema.NamedArgument] = level.flatMap(\.nodes).flatMap(\.inputs)
            level = arguments.compactMap { if case .graph(let body) = $0.argument { body.graph } else { nil } }
            depth += 1
        }
    }

    /// For each parameter and buffer the file that holds it.
    var stateFiles: [(name: String, file: String)] {
        state.compactMap { entry in
            if case .constant = entry.role { return nil }
            guard let name = entry.role.name, let file = entry.file else { return nil }
            return (name, file)
        }
    }

    // MARK: Inputs

    private mutating func readInputs(_ member: String) throws {
        guard graph.inputs.count == signature.inputSpecs.count else {
            throw ArchiveError(
                .invalidProgram, member: member, at: "graph_module.signature.input_specs",
                "\(signature.inputSpecs.count) entries for \(graph.inputs.count) graph inputs")
        }
        // Parameters, buffers and constants come first in a program here; in the file they may stand anywhere.
        for (index, (input, spec)) in zip(graph.inputs, signature.inputSpecs).enumerated() {
            try naming(member: member) { try readState(input, spec, "graph_module.graph.inputs[\(index)]") }
        }
        plainSymbols = lonelySizes
        for (index, (input, spec)) in zip(graph.inputs, signature.inputSpecs).enumerated() {
            try naming(member: member) { try readUserInput(input, spec, "graph_module.graph.inputs[\(index)]") }
        }
    }

    private mutating func readState(_ input: ProgramSchema.Argument, _ spec: ProgramSchema.InputSpec, _ place: String) throws {
        let role: InputRole
        let reference: ProgramSchema.TensorArgument
        let isWeight: Bool
        let name: String
        switch spec {
        case .parameter(let argument, let fqn): (role, reference, isWeight, name) = (.parameter(fqn), argument, true, fqn)
        case .buffer(let argument, let fqn, let persistent):
            (role, reference, isWeight, name) = (.buffer(fqn, persistent: persistent), argument, persistent, fqn)
        case .tensorConstant(let argument, let fqn): (role, reference, isWeight, name) = (.constant(fqn), argument, false, fqn)
        case .userInput, .constantInput: return
        case .customObj(_, let fqn): throw ArchiveError(.unsupported, at: place, "the custom object '\(fqn)' is not supported")
        case .token: throw ArchiveError(.unsupported, at: place, "effect tokens are not supported")
        }
        guard case .tensor(reference) = input else {
            throw ArchiveError(.invalidProgram, at: place, "the graph's input and its entry in the signature ('\(reference.name)') differ")
        }
        let fromWeights = isWeight && (weights.contains(name) || !constants.contains(name))
        let tensor = fromWeights ? try weights.tensor(name) : try constants.tensor(name)
        let table = fromWeights ? weights.meta(of: name) : constants.meta(of: name)
        if let table, let described = graph.tensorValues[reference.name] {
            try locating("graph_module.graph.tensor_values.\(reference.name)") { try described.requireLayout(of: table, name) }
        }
        let file = fromWeights ? weights.file(of: name) : constants.file(of: name)
        state.append((role, tensor, file))
        roles.append(role)
        let value = importer.interpreter.graph.addInput(reference.name, .tensor(tensor.spec))
        let traced = importer.interpreter.tensor(value, tensor.spec)
        try locating(place) { try importer.define(reference.name, .tensor(importer.aliases.fresh(traced, input: roles.count - 1))) }
    }

    private mutating func readUserInput(_ input: ProgramSchema.Argument, _ spec: ProgramSchema.InputSpec, _ place: String) throws {
        switch spec {
        case .constantInput(let name, let value):
            leafNames.append(name)
            leafRoles.append(.constant(LeafValue(value)))
        case .userInput(let argument):
            guard argument == input else {
                throw ArchiveError(.invalidProgram, at: place, "the graph's input and its entry in the signature differ")
            }
            switch argument {
            case .tensor(let reference): try readTensorInput(reference.name, place)
            case .none: appendConstant(.none, place)
            case .int(let value): appendConstant(.int(SymInt(value)), place)
            case .float(let value): appendConstant(.float(SymFloat(value)), place)
            case .bool(let value): appendConstant(.bool(value), place)
            case .string(let value): appendConstant(.string(value), place)
            case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)):
                throw ArchiveError(
                    .unsupported, at: place, "the input '\(name)' is a number that varies from call to call; only tensors may")
            default: throw ArchiveError(.unsupported, at: place, "an input given as '\(argument.variant)' is not supported")
            }
        default: return
        }
    }

    private mutating func appendConstant(_ value: LeafValue, _ place: String) {
        leafNames.append("input_\(leafNames.count)")
        leafRoles.append(.constant(value))
    }

    private mutating func readTensorInput(_ name: String, _ place: String) throws {
        guard let meta = graph.tensorValues[name] else {
            throw ArchiveError(.invalidProgram, at: place, "tensor_values has no entry for '\(name)'")
        }
        let spec = try locating("graph_module.graph.tensor_values.\(name)") { () throws -> TensorSpec in
            let sizes = try meta.sizes.enumerated().map { dim, size in try inputSize(size, "\(name).shape[\(dim)]") }
            return TensorSpec(try DType(meta.dtype), try Shape(sizes))
        }
        roles.append(.userInput)
        leafNames.append(name)
        leafRoles.append(.input)
        let value = importer.interpreter.graph.addInput(name, .tensor(spec))
        let traced = importer.interpreter.tensor(value, spec)
        try locating(place) { try importer.define(name, .tensor(importer.aliases.fresh(traced, input: roles.count - 1))) }
    }

    private var lonelySizes: Set<String> {
        var found: Set<String> = []
        for case .userInput(.tensor(let reference)) in signature.inputSpecs {
            for case .expression(let expression) in graph.tensorValues[reference.name]?.sizes ?? [] {
                if let symbol = expression.loneSymbol { found.insert(symbol) }
            }
        }
        return found
    }

    /// A size of a user input. Symbols are made as they are met.
    private func inputSize(_ size: ProgramSchema.SymIntValue, _ origin: String) throws -> SymInt {
        switch size {
        case .known(let value): return SymInt(value)
        case .expression(let expression):
            let names = ImportSymbols.names(in: expression.text)
            var hint: Int?
            if case .int(let value)? = expression.hint { hint = value }
            if names.count == 1, !plainSymbols.contains(names[0]), symbols.value(names[0]) == nil,
                let size = try symbols.makeDerived(expression.text, of: names[0], origin: origin, hint: hint)
            {
                return size
            }
            for name in names {
                _ = try symbols.makeBacked(name, origin: names.count == 1 && expression.text.hasPrefix("Symbol") ? origin : "", hint: hint)
            }
            return try symbols.reader.size(of: expression.text)
        }
    }

    private func locating<Result>(_ place: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch { throw GraphImporter.located(error, place) }
    }

    // MARK: Outputs

    private func readOutputs() throws -> ([GraphOutput], [OutputRole]) {
        let place = "graph_module.signature.output_specs"
        guard graph.outputs.count == signature.outputSpecs.count else {
            throw ArchiveError(
                .invalidProgram, at: place, "\(signature.outputSpecs.count) entries for \(graph.outputs.count) graph outputs")
        }
        var mutations: [(GraphOutput, OutputRole)] = []
        var results: [(GraphOutput, OutputRole)] = []
        var mutated: Set<String> = []
        for (index, (output, spec)) in zip(graph.outputs, signature.outputSpecs).enumerated() {
            guard spec.argument == output else {
                throw ArchiveError(
                    .invalidProgram, at: "\(place)[\(index)]",
                    "the graph's output \(output.summary) and its entry in the signature, \(spec.argument.summary), differ")
            }
            try locating("\(place)[\(index)]") {
                switch spec {
                case .userOutput: results.append((try importer.output(output), .userOutput))
                case .lossOutput: results.append((try importer.output(output), .loss))
                case .bufferMutation(_, let buffer):
                    mutated.insert(buffer)
                    mutations.append((try contents(of: buffer, output), .bufferMutation(buffer)))
                case .gradientToParameter(_, let name): results.append((try importer.output(output), .gradientToParameter(name)))
                case .gradientToUserInput(_, let name): results.append((try importer.output(output), .gradientToUserInput(name)))
                // Tensors are values here: a program cannot change its caller's, and what it would have written is not asked for.
                case .userInputMutation: return
                case .parameterMutation(_, let name):
                    throw ArchiveError(.unsupported, "the program changes its parameter '\(name)'; only buffers may change")
                case .token: throw ArchiveError(.unsupported, "effect tokens are not supported")
                }
            }
        }
        for (input, value) in importer.aliases.writtenInputs {
            switch roles[input] {
            case .buffer(let name, _):
                guard !mutated.contains(name) else { continue }
                try checkUnshared(name)
                guard let value else {
                    throw ArchiveError(
                        .unsupported, at: "graph_module.graph",
                        "what the buffer '\(name)' holds at the end is open: a tensor that may share its memory is written in place, and the file's strides do not settle it"
                    )
                }
                mutations.append((.value(try importer.interpreter.value(of: value)), .bufferMutation(name)))
            case .parameter(let name), .constant(let name):
                throw ArchiveError(
                    .unsupported, at: "graph_module.graph", "the program changes '\(name)' in place; only buffers may change")
            case .userInput: continue
            }
        }
        let all = mutations + results
        return (all.map(\.0), all.map(\.1))
    }

    /// A buffer's new value. Whether it has the buffer's shape is made sure of at each call where that is open.
    private func contents(of buffer: String, _ output: ProgramSchema.Argument) throws -> GraphOutput {
        let result: GraphOutput = try importer.output(output)
        let old: Shape? = state.first { $0.role.name == buffer }?.tensor.shape
        guard let old, let new = importer.interpreter.graph.type(of: result).spec?.shape, new.count == old.count else { return result }
        for (given, kept) in zip(new, old) {
            let fits: SymBool = given == kept
            // What is another shape for sure is refused when the program is put together.
            if fits.constant == nil { try importer.interpreter.check(fits, "the buffer '\(buffer)' keeps its shape \(old)") }
        }
        return result
    }

    /// A buffer whose memory another name shares would have to change under both names.
    private func checkUnshared(_ name: String) throws {
        let names = state.filter { $0.file != nil && $0.file == stateFile(name) }.compactMap { $0.role.name }
        guard names.count <= 1 else {
            throw ArchiveError(
                .unsupported, at: "graph_module.graph",
                "the program changes the buffer '\(name)', which shares its memory with \(names.filter { $0 != name }.joined(separator: ", "))"
            )
        }
    }

    private func stateFile(_ name: String) -> String? { state.first { $0.role.name == name }?.file }

    // MARK: Calling convention

    private func readCallSpec(outputs: [OutputRole]) throws -> CallSpec {
        let place = "graph_module.module_call_graph"
        guard let signature = program.graphModule.moduleCallGraph.first(where: { $0.fqn.isEmpty })?.signature else {
            throw ArchiveError(.invalidProgram, at: place, "the entry of the root module has no signature")
        }
        let inTree = try locating("\(place)[0].signature.in_spec") { try TreeSpecText(parsing: signature.inSpec) }
        let outTree = try locating("\(place)[0].signature.out_spec") { try TreeSpecText(parsing: signature.outSpec) }
        // Positional arguments, then keyword arguments: Swift's callers give all of them in this order.
        guard case .tuple(let parts) = inTree, parts.count == 2, case .tuple(let positional) = parts[0],
            case .dictionary(_, let keywords) = parts[1]
        else {
            throw ArchiveError(
                .invalidTreeSpec, at: "\(place)[0].signature.in_spec", "is not a tuple of positional and a dictionary of keyword arguments")
        }
        let callSpec = CallSpec(inSpec: .tuple((positional + keywords).map(\.treeSpec)), outSpec: outTree.treeSpec)
        guard callSpec.inSpec.leafCount == leafRoles.count else {
            throw ArchiveError(
                .invalidProgram, at: "\(place)[0].signature.in_spec",
                "has \(callSpec.inSpec.leafCount) leaves, the program \(leafRoles.count) inputs")
        }
        let results = outputs.count { $0 == .userOutput || $0 == .loss }
        guard callSpec.outSpec.leafCount == results else {
            throw ArchiveError(
                .invalidProgram, at: "\(place)[0].signature.out_spec",
                "has \(callSpec.outSpec.leafCount) leaves, the program \(results) results")
        }
        return callSpec
    }
}

extension ProgramSchema.TensorMeta {
    /// Requires what the program says of a tensor to be what the table of weights says: where the two differ, one of them was changed.
    fileprivate func requireLayout(of table: ProgramSchema.TensorMeta, _ name: String) throws {
        func known(_ values: [ProgramSchema.SymIntValue]) -> [Int?] {
            values.map { if case .known(let value) = $0 { value } else { nil } }
        }
        func differ(_ a: [Int?], _ b: [Int?]) -> Bool { a.count != b.count || zip(a, b).contains { $0 != nil && $1 != nil && $0 != $1 } }
        func fail(_ what: String, _ here: String, _ there: String) -> ArchiveError {
            ArchiveError(.invalidProgram, "its \(what) is \(here), the table of weights says \(there) for '\(name)'")
        }
        if dtype != table.dtype { throw fail("dtype", "\(dtype)", "\(table.dtype)") }
        let (sizes, stored): ([Int?], [Int?]) = (known(sizes), known(table.sizes))
        func text(_ values: [Int?]) -> String { "[\(values.map { $0.map(String.init) ?? "?" }.joined(separator: ", "))]" }
        if differ(sizes, stored) { throw fail("shape", text(sizes), text(stored)) }
        // Strides mean nothing along a dimension of one element, or of a tensor without elements.
        guard !stored.contains(0) else { return }
        func meant(_ strides: [Int?]) -> [Int?] { zip(strides, stored).map { $1 == 1 ? nil : $0 } }
        let (here, there): ([Int?], [Int?]) = (known(strides), known(table.strides))
        if here.count != there.count || differ(meant(here), meant(there)) { throw fail("strides", text(here), text(there)) }
    }
}

extension ProgramSchema.Argument {
    fileprivate var summary: String {
        if case .tensor(let reference) = self { return "'\(reference.name)'" }
        return "given as '\(variant)'"
    }
}

extension ProgramSchema.OutputSpec {
    /// The output of the graph that has this role.
    fileprivate var argument: ProgramSchema.Argument {
        switch self {
        case .userOutput(let argument): argument
        case .lossOutput(let tensor), .bufferMutation(let tensor, _), .parameterMutation(let tensor, _), .userInputMutation(let tensor, _),
            .gradientToParameter(let tensor, _), .gradientToUserInput(let tensor, _), .token(let tensor):
            .tensor(tensor)
        }
    }
}

extension LeafValue {
    init(_ value: ProgramSchema.ConstantValue) {
        switch value {
        case .none: self = .none
        case .int(let number): self = .int(SymInt(number))
        case .float(let number): self = .float(SymFloat(number))
        case .string(let text): self = .string(text)
        case .bool(let flag): self = .bool(flag)
        }
    }
}
