import ApusGraph
import ApusONNXSchema
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Puts an exported program together out of a model.
struct ONNXReader {
    private let model: Onnx_ModelProto
    /// Sizes begin at 1, as those of PyTorch's programs do: nothing else would be known of reductions and loops over them.
    private let symbols = ImportSymbols(ranges: JSONTable(), leastSize: 1)
    private let interpreter: ONNXInterpreter
    private let reader: ONNXGraphReader
    /// Inputs that are constants of the program.
    private let fixed: [String: Tensor]
    private var roles: [InputRole] = []
    private var userInputs: [Value] = []
    private var leafNames: [String] = []
    private var sizeNames: [String: SymInt] = [:]
    private var symbolNames: Set<String> = []

    init(_ model: Onnx_ModelProto, tensors: ONNXTensors, operators: OperatorTable, fixing fixed: [String: Tensor] = [:]) throws {
        (self.model, self.fixed) = (model, fixed)
        interpreter = ONNXInterpreter(symbols: symbols)
        reader = try ONNXGraphReader(model, tensors: tensors, operators: operators, interpreter: interpreter)
    }

    mutating func read() throws -> ExportedProgram {
        let graph: Onnx_GraphProto = model.graph
        guard model.hasGraph else { throw ArchiveError(.wrongFormat, "is no ONNX model: it holds no graph") }
        let context = ONNXContext(versions: try versions())
        let scope = ONNXScope()
        let given = Set(graph.initializer.map(\.name))
        try reader.defineInitializers(graph, in: scope)
        for input in graph.input where !given.contains(input.name) {
            do { try defineInput(input, in: scope) } catch var error as ArchiveError {
                if error.location == nil { error.location = "graph.input '\(input.name)'" }
                throw error
            }
        }
        // What a node checks is known behind it only: it is no fact of the program, by which the check itself would seem proved.
        let outputs: [(spec: TreeSpec, values: [Value])] = try symbols.scope.scoped {
            try Interpreter.with(interpreter) {
                try reader.run(graph.node, in: scope, context)
                return try graph.output.map { output in
                    guard let value = scope.find(output.name) else {
                        throw ArchiveError(.invalidProgram, at: "graph.output", "nothing gives the output '\(output.name)'")
                    }
                    return try self.output(value, output.name)
                }
            }
        }
        symbols.assumeGuards()
        return try program(outputs)
    }

    /// The version of each operator set that the model asks for.
    private func versions() throws -> [String: Int] {
        var versions: [String: Int] = [:]
        for entry in model.opsetImport { versions[entry.domain == "ai.onnx" ? "" : entry.domain] = Int(entry.version) }
        if model.opsetImport.isEmpty { versions[""] = 1 }
        if let version = versions[""] {
            guard version >= Self.versions.lowerBound, version <= Self.versions.upperBound else {
                throw ArchiveError(
                    .unsupportedVersion, at: "opset_import",
                    "asks for version \(version) of ONNX's operators; \(Self.versions.lowerBound) to \(Self.versions.upperBound) are read")
            }
        }
        return versions
    }

    /// The versions of ONNX's own operators that are read.
    static let versions: ClosedRange<Int> = 6...28

    // MARK: Inputs

    private mutating func defineInput(_ input: Onnx_ValueInfoProto, in scope: ONNXScope) throws {
        if let tensor = fixed[input.name] {
            let element: ONNXElement =
                try input.type.tensorType.elemType == 0 ? ONNXElement(tensor.dtype) : ONNXElement(number: input.type.tensorType.elemType)
            return try scope.define(input.name, ONNXValue(.tensor(tensor), element))
        }
        var type: Onnx_TypeProto = input.type
        // One that may be missing is a tensor that every call gives.
        if case .optionalType(let optional)? = type.value { type = optional.elemType }
        guard case .tensorType(let tensorType)? = type.value else {
            throw ArchiveError(.unsupported, "is no tensor; sequences and maps come into being within a program only")
        }
        let element = try ONNXElement(number: tensorType.elemType)
        guard let dtype = element.dtype else { throw ArchiveError(.unsupportedDType, "holds texts, which are no tensors here") }
        guard tensorType.hasShape else { throw ArchiveError(.unsupported, "has no shape: the number of its dimensions has to be known") }
        let sizes: [SymInt] = try tensorType.shape.dim.enumerated().map { try size($1, "\(input.name).shape[\($0)]") }
        let spec = TensorSpec(dtype, try Shape(sizes))
        let value: Value = interpreter.graph.addInput(input.name, .tensor(spec))
        userInputs.append(value)
        leafNames.append(input.name)
        try scope.define(input.name, ONNXValue(.tensor(interpreter.tensor(value, spec)), element))
    }

    /// A size of an input. Sizes of one name are one; each without a name is its own.
    private mutating func size(_ dim: Onnx_TensorShapeProto.Dimension, _ origin: String) throws -> SymInt {
        switch dim.value {
        case .dimValue(let value) where value >= 0: return SymInt(Int(value))
        // A question mark is no name: some exporters write it for each size that they do not know.
        case .dimParam(let name) where !name.isEmpty && name != "?":
            if let known = sizeNames[name] { return known }
            let size: SymInt = try symbols.makeBacked(unique(Self.symbolName(name)), origin: origin, hint: nil)
            sizeNames[name] = size
            return size
        default: return try symbols.makeBacked(unique("s\(symbolNames.count)"), origin: origin, hint: nil)
        }
    }

    private mutating func unique(_ name: String) -> String {
        var result: String = name
        while !symbolNames.insert(result).inserted { result += "_" }
        return result
    }

    /// A name as symbols have them: letters, digits and lines.
    private static func symbolName(_ text: String) -> String {
        let letters: String = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        return letters.first?.isLetter == true ? letters : "s_" + letters
    }

    // MARK: Outputs

    private func output(_ value: ONNXValue, _ name: String) throws -> (spec: TreeSpec, values: [Value]) {
        if let items = value.sequence {
            let parts = try items.map { try output($0, name) }
            return (.list(parts.map(\.spec)), parts.flatMap(\.values))
        }
        return (.leaf, [try interpreter.value(of: try value.tensor())])
    }

    private func program(_ outputs: [(spec: TreeSpec, values: [Value])]) throws -> ExportedProgram {
        var names: Set<String> = []
        let state: [(value: Value, tensor: Tensor, role: InputRole)] = interpreter.captured.map { entry in
            guard var name = entry.role.name else { return entry }
            let base: String = name
            var number = 1
            while !names.insert(name).inserted {
                name = "\(base)_\(number)"
                number += 1
            }
            if case .parameter = entry.role { return (entry.value, entry.tensor, .parameter(name)) }
            return (entry.value, entry.tensor, .constant(name))
        }
        var graph: Graph = interpreter.graph
        graph.setInputs(state.map(\.value) + userInputs)
        let values: [Value] = outputs.flatMap(\.values)
        graph.outputs = values.map { .value($0) }
        let outSpec: TreeSpec = outputs.count == 1 ? outputs[0].spec : .tuple(outputs.map(\.spec))
        let parts = ProgramParts(
            graph: graph, inputRoles: state.map(\.role) + userInputs.map { _ in .userInput },
            outputRoles: values.map { _ in .userOutput }, state: state.map(\.tensor),
            callSpec: CallSpec(inSpec: .tuple(leafNames.map { _ in .leaf }), outSpec: outSpec), leafRoles: leafNames.map { _ in .input },
            leafNames: leafNames, scope: symbols.scope, symbolToRange: symbols.symbolToRange, guards: symbols.guardsBesideRanges)
        do { return try ExportedProgram(parts) } catch let error where !(error is ArchiveError) {
            throw ArchiveError(.invalidProgram, error.unplaced)
        }
    }
}
