import ApusGraph
import ApusONNXSchema
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import SwiftProtobuf

/// Writes a program as a model.
struct ONNXModelWriter {
    static let dataSuffix = ".data"
    private static let operatorSet = 20
    private static let irVersion = 9

    private let out = ONNXNodes()
    private let writer: ONNXGraphWriter
    private var proto = Onnx_ModelProto()
    /// Initialisers with their elements.
    private var initializers: [(proto: Onnx_TensorProto, bytes: ByteSource)] = []
    private var tied: [TensorPlace: (name: String, term: ONNXTerm)] = [:]
    private var notes: [(key: String, lines: [String])] = []

    init(_ program: ExportedProgram) throws {
        writer = ONNXGraphWriter(try Self.prepared(program), out)
        try write(program)
    }

    /// The model's bytes, and those of its weights where they come to more than a limit.
    /// - Parameter file: the model's own name.
    func finished(file: String, externalDataAbove limit: Int) throws -> (model: [UInt8], weights: [ByteSource]?) {
        var model: Onnx_ModelProto = proto
        model.graph.node = out.all
        let size: Int = initializers.reduce(0) { $0 + $1.bytes.count }
        var pieces: [ByteSource]? = nil
        if size > limit {
            (model.graph.initializer, pieces) = Self.outside(initializers, file: file + Self.dataSuffix)
        } else {
            model.graph.initializer = initializers.map { tensor, bytes in
                var tensor: Onnx_TensorProto = tensor
                tensor.rawData = bytes.withUnsafeBytes { Data($0) }
                return tensor
            }
        }
        do { return (try model.serializedBytes(), pieces) } catch is BinaryEncodingError {
            throw ArchiveError(.limit, "the model is larger than 2 GiB without its weights")
        }
    }

    /// The program's graph in terms of what is written.
    private static func prepared(_ program: ExportedProgram) throws -> Graph {
        let passes: [any GraphPass] = [
            Inlining(), Decomposition(to: ONNXRules.dialect, parts: ONNXParts.rules), CommonSubexpressionElimination(),
            DeadCodeElimination(),
        ]
        return try passes.reduce(program.graph) { try $1.run($0) }
    }

    // MARK: The graph

    private mutating func write(_ program: ExportedProgram) throws {
        let graph: Graph = writer.graph
        let roles: [InputRole] = program.graphSignature.inputRoles
        let state: [String: Tensor] = program.stateDict.merging(program.constants) { first, _ in first }
        let changed = Set(program.graphSignature.buffersToMutate.values)
        proto.irVersion = Int64(Self.irVersion)
        proto.opsetImport = [Onnx_OperatorSetIdProto()]
        proto.opsetImport[0].version = Int64(Self.operatorSet)
        proto.producerName = "apus"
        proto.graph.name = "main"
        // The caller's names come first: they are what a call is made with.
        var names: [String] = zip(program.leafNames, program.leafRoles).compactMap { name, role in
            if case .input = role { out.claim(name) } else { nil }
        }.reversed()
        for (value, role) in zip(graph.inputs, roles) where role == .userInput {
            try addInput(value, names.popLast() ?? out.claim("input"))
        }
        for (value, role) in zip(graph.inputs, roles) {
            guard let name = role.name, let tensor = state[name] else { continue }
            var isChanged = false
            if case .buffer = role { isChanged = changed.contains(name) }
            try addWeight(value, name, tensor, isChanged: isChanged)
        }
        let outputs: [(output: GraphOutput, name: String)] = zip(graph.outputs, program.graphSignature.outputRoles).compactMap {
            output, role in
            if case .literal(.none) = output { return nil }
            if case .bufferMutation(let name) = role { return (output, out.claim(name + ".updated")) }
            return (output, out.claim(output.value.map { graph.name($0) } ?? "output"))
        }
        try writer.writeNodes()
        out.prefix = ""
        // New values of buffers come behind the results that the caller knows.
        let updates = Set(zip(outputs.indices, outputs).filter { $0.1.name.hasSuffix(".updated") }.map(\.0))
        for index in outputs.indices.filter({ !updates.contains($0) }) + outputs.indices.filter({ updates.contains($0) }) {
            try addOutput(outputs[index].output, outputs[index].name)
        }
        note(program)
    }

    private mutating func addInput(_ value: Value, _ name: String) throws {
        guard let spec = writer.graph.spec(value) else { throw ArchiveError(.notRepresentable, at: "input '\(name)'", "is no tensor") }
        try require(spec.dtype, "input '\(name)'")
        let term = ONNXTerm(name: name, dtype: spec.dtype)
        proto.graph.input.append(.make(term, dims: spec.shape.dimensions))
        writer.define(value, term)
    }

    private func require(_ dtype: DType, _ place: String) throws {
        if dtype.isComplex { throw ArchiveError(.notRepresentable, at: place, "is \(dtype), which no operator of ONNX computes with") }
    }

    private mutating func addWeight(_ value: Value, _ name: String, _ tensor: Tensor, isChanged: Bool) throws {
        try require(tensor.dtype, "'\(name)'")
        let place = TensorPlace(tensor)
        if !isChanged, let known = tied[place] {
            notes.append(("apus.tied", ["\(name) = \(known.name)"]))
            return writer.define(value, known.term)
        }
        let term = ONNXTerm(name: out.claim(name), dtype: tensor.dtype)
        var proto = Onnx_TensorProto()
        (proto.name, proto.dims) = (term.name, try tensor.sizes.map { Int64($0) })
        proto.dataType = Int32(ONNXElement(tensor.dtype).rawValue)
        initializers.append((proto, try tensor.bytesToWrite()))
        if isChanged { self.proto.graph.input.append(.make(term, dims: tensor.shape.dimensions)) } else { tied[place] = (name, term) }
        writer.define(value, term)
    }

    /// Results are tensors of their own, even where they are inputs, weights, or twice the same.
    private mutating func addOutput(_ output: GraphOutput, _ name: String) throws {
        do {
            let term: ONNXTerm = try writer.output(output)
            out.identity(term, name)
            let shape: Shape = writer.graph.type(of: output).spec?.shape ?? .scalar
            proto.graph.output.append(.make(ONNXTerm(name: name, dtype: term.dtype), dims: shape.dimensions))
        } catch var error as ArchiveError {
            error.location = error.location ?? "output '\(name)'"
            throw error
        }
    }

    // MARK: Weights

    /// All initialisers with their elements in another file: where they can be mapped, large ones from a page's start on.
    private static func outside(_ weights: [(proto: Onnx_TensorProto, bytes: ByteSource)], file: String)
        -> ([Onnx_TensorProto], [ByteSource])
    {
        var tensors: [Onnx_TensorProto] = []
        var pieces: [ByteSource] = []
        var offset = 0
        for (tensor, bytes) in weights {
            var tensor: Onnx_TensorProto = tensor
            // Nothing lies nowhere: other readers refuse pieces of no bytes.
            if bytes.count == 0 {
                tensor.rawData = Data()
                tensors.append(tensor)
                continue
            }
            let alignment: Int = bytes.count >= 1 << 20 ? 4096 : 64
            let gap: Int = (alignment - offset % alignment) % alignment
            if gap > 0 { pieces.append(ByteSource([UInt8](repeating: 0, count: gap))) }
            offset += gap
            tensor.dataLocation = .external
            tensor.externalData = [("location", file), ("offset", "\(offset)"), ("length", "\(bytes.count)")].map { .make($0, $1) }
            tensors.append(tensor)
            pieces.append(bytes)
            offset += bytes.count
        }
        return (tensors, pieces)
    }

    // MARK: What a model has no place for

    private mutating func note(_ program: ExportedProgram) {
        let ranges: [String] = program.symbolToRange.filter { $0.key.isBacked }.sorted { $0.key.index < $1.key.index }.map {
            "\($0.key.name): \($0.value)"
        }
        notes.append(("apus.ranges", ranges))
        notes.append(("apus.guards", program.guards.map { "\($0.condition.description(naming: \.name)): \($0.message)" }))
        notes.append(("apus.checks", writer.checks))
        for (key, lines) in Dictionary(grouping: notes, by: \.key).mapValues({ $0.flatMap(\.lines) }).sorted(by: { $0.key < $1.key })
        where !lines.isEmpty {
            proto.metadataProps.append(.make(key, lines.joined(separator: "\n")))
        }
    }
}

extension Onnx_StringStringEntryProto {
    fileprivate static func make(_ key: String, _ value: String) -> Self {
        var entry = Self()
        (entry.key, entry.value) = (key, value)
        return entry
    }
}

extension Shape {
    /// The sizes as a model's inputs and results have them: numbers, or names.
    fileprivate var dimensions: [Onnx_TensorShapeProto.Dimension] {
        map { size in
            var dim = Onnx_TensorShapeProto.Dimension()
            if let known = size.constant { dim.dimValue = Int64(known) } else { dim.dimParam = size.description(naming: \.name) }
            return dim
        }
    }
}
