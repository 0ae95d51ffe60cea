import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

/// The names of a graph, and of those around it.
final class ONNXScope {
    private var values: [String: ONNXValue] = [:]
    private let outer: ONNXScope?

    init(in outer: ONNXScope? = nil) { self.outer = outer }

    func find(_ name: String) -> ONNXValue? { values[name] ?? outer?.find(name) }

    /// - Throws: `ArchiveError` for a name that the graph has already: each is given once.
    func define(_ name: String, _ value: ONNXValue) throws {
        guard values.updateValue(value, forKey: name) == nil else {
            throw ArchiveError(.duplicateName, "the name '\(name)' is given twice")
        }
    }
}

/// What holds for all nodes of a graph or function.
struct ONNXContext {
    /// The version of each domain's operator set.
    var versions: [String: Int]
    /// A function's attributes, which its nodes refer to.
    var attributes: [String: Onnx_AttributeProto] = [:]
    /// Where the nodes stand, for messages.
    var place = "graph"
    /// How many functions and bodies are around.
    var depth = 0
}

/// Carries out nodes on tensors without data, which records them.
final class ONNXGraphReader {
    let interpreter: ONNXInterpreter
    let tensors: ONNXTensors
    private let operators: OperatorTable
    private let functions: [String: Onnx_FunctionProto]
    private var nodeCount = 0

    /// Functions within functions, and loops that are unrolled, can make any number of nodes out of a small file.
    private static let maximumNodes = 250_000

    init(_ model: Onnx_ModelProto, tensors: ONNXTensors, operators: OperatorTable, interpreter: ONNXInterpreter) throws {
        (self.tensors, self.operators, self.interpreter) = (tensors, operators, interpreter)
        var functions: [String: Onnx_FunctionProto] = [:]
        for function in model.functions {
            let key: String = Self.key(function.domain, function.name, function.overload)
            guard functions.updateValue(function, forKey: key) == nil else {
                throw ArchiveError(.duplicateName, at: "functions", "the function '\(function.name)' is there twice")
            }
        }
        self.functions = functions
    }

    private static func key(_ domain: String, _ name: String, _ overload: String) -> String {
        "\(domain == "ai.onnx" ? "" : domain)::\(name)::\(overload)"
    }

    // MARK: Graphs

    /// Reads a graph's own tensors.
    /// - Parameter fixed: for a body, what it is given, which goes before what it has.
    func defineInitializers(_ graph: Onnx_GraphProto, in scope: ONNXScope, ofBodyGiven fixed: Set<String>? = nil) throws {
        guard graph.sparseInitializer.isEmpty else {
            throw ArchiveError(.unsupported, at: "sparse_initializer", "sparse tensors are not read")
        }
        for proto in graph.initializer where fixed?.contains(proto.name) != true {
            let value: ONNXValue = try fixed == nil ? tensors.value(proto) : tensors.shared(proto)
            if let tensor = value.known { interpreter.name(tensor, proto.name) }
            try scope.define(proto.name, value)
        }
    }

    /// Reads a body, whose names end with it.
    func run(_ graph: Onnx_GraphProto, _ inputs: [ONNXValue], in outer: ONNXScope, _ context: ONNXContext) throws -> [ONNXValue] {
        guard graph.input.count == inputs.count else {
            throw ArchiveError(.invalidProgram, "the body '\(graph.name)' takes \(graph.input.count) inputs, \(inputs.count) are given")
        }
        let scope = ONNXScope(in: outer)
        for (input, value) in zip(graph.input, inputs) { try scope.define(input.name, value) }
        try defineInitializers(graph, in: scope, ofBodyGiven: Set(graph.input.map(\.name)))
        var context: ONNXContext = context
        context.place = graph.name.isEmpty ? "body" : graph.name
        context.depth += 1
        try run(graph.node, in: scope, context)
        return try graph.output.map { output in
            guard let value = scope.find(output.name) else {
                throw ArchiveError(.invalidProgram, "nothing gives the body's output '\(output.name)'")
            }
            return value
        }
    }

    func run(_ nodes: [Onnx_NodeProto], in scope: ONNXScope, _ context: ONNXContext) throws {
        guard context.depth <= Graph.maximumNesting else {
            throw ArchiveError(.limit, "functions and bodies nest deeper than \(Graph.maximumNesting) levels")
        }
        for (index, node) in nodes.enumerated() {
            let domain: String = node.domain == "ai.onnx" ? "" : node.domain
            do {
                nodeCount += 1
                guard nodeCount <= Self.maximumNodes else {
                    throw ArchiveError(.limit, "the model comes to more than \(Self.maximumNodes) nodes")
                }
                interpreter.site = ONNXNodeMetadata.site(node)
                interpreter.modulePath = ONNXNodeMetadata.modulePath(node)
                try withStackRoom { try run(node, domain, in: scope, context) }
            } catch {
                let name: String = node.name.isEmpty ? "" : " '\(node.name)'"
                let type: String = domain.isEmpty ? node.opType : "\(domain).\(node.opType)"
                let opset: String = context.versions[domain].map { ", opset \($0)" } ?? ""
                throw Self.located(error, "\(context.place).node[\(index)] (\(type)\(name)\(opset))")
            }
        }
    }

    /// Any error of a node as one that names the node.
    private static func located(_ error: any Error, _ place: String) -> any Error {
        var located: ArchiveError
        switch error {
        case let known as ArchiveError: located = known
        case let known as TensorError:
            let isLimit: Bool = [.unsupported, .tracing].contains(known.code)
            located = ArchiveError(isLimit ? .unsupported : .invalidProgram, known.unplaced)
        case is CancellationError: return error
        default: located = ArchiveError(.unsupported, error.unplaced)
        }
        located.location = located.location.map { "\(place): \($0)" } ?? place
        return located
    }

    // MARK: Nodes

    private func run(_ node: Onnx_NodeProto, _ domain: String, in scope: ONNXScope, _ context: ONNXContext) throws {
        let inputs: [ONNXValue?] = try node.input.map { name in
            if name.isEmpty { return nil }
            guard let value = scope.find(name) else { throw ArchiveError(.invalidProgram, "nothing before gives its input '\(name)'") }
            return value
        }
        let attributes: [String: Onnx_AttributeProto] = try self.attributes(of: node, context)
        let results: [ONNXValue]
        if let function = functions[Self.key(domain, node.opType, node.overload)] {
            results = try call(function, inputs, attributes, context)
        } else {
            results = try apply(node, domain, inputs, attributes, scope, context)
        }
        guard results.count >= node.output.count || node.output[results.count...].allSatisfy(\.isEmpty) else {
            throw ArchiveError(.invalidProgram, "the model names \(node.output.count) outputs, the operator has \(results.count)")
        }
        for (name, value) in zip(node.output, results) where !name.isEmpty {
            if case .tensor(let tensor) = value.content, tensor.tracedValue?.owner === interpreter,
                let made = try? interpreter.value(of: tensor),
                !interpreter.graph.inputs.contains(made), interpreter.graph.nodes.last?.outputs.contains(made) == true
            {
                interpreter.graph.rename(made, to: name)
            }
            try scope.define(name, value)
        }
    }

    private func attributes(of node: Onnx_NodeProto, _ context: ONNXContext) throws -> [String: Onnx_AttributeProto] {
        var found: [String: Onnx_AttributeProto] = [:]
        for attribute in node.attribute {
            var attribute: Onnx_AttributeProto = attribute
            if !attribute.refAttrName.isEmpty {
                guard var given = context.attributes[attribute.refAttrName] else { continue }
                given.name = attribute.name
                attribute = given
            }
            guard found.updateValue(attribute, forKey: attribute.name) == nil else {
                throw ArchiveError(.duplicateName, "the attribute '\(attribute.name)' is given twice")
            }
        }
        return found
    }

    /// A function's nodes in the place of its call.
    private func call(
        _ function: Onnx_FunctionProto, _ inputs: [ONNXValue?], _ attributes: [String: Onnx_AttributeProto], _ context: ONNXContext
    ) throws -> [ONNXValue] {
        guard inputs.count <= function.input.count else {
            throw ArchiveError(.invalidProgram, "the function takes \(function.input.count) inputs, \(inputs.count) are given")
        }
        let scope = ONNXScope()
        for (name, value) in zip(function.input, inputs) { if let value { try scope.define(name, value) } }
        var inner = ONNXContext(versions: context.versions, place: function.name, depth: context.depth + 1)
        for entry in function.opsetImport { inner.versions[entry.domain == "ai.onnx" ? "" : entry.domain] = Int(entry.version) }
        for attribute in function.attributeProto { inner.attributes[attribute.name] = attribute }
        for (name, attribute) in attributes { inner.attributes[name] = attribute }
        // What the caller leaves out is left out within.
        try run(function.node.map { leavingOut($0, function.input.dropFirst(inputs.count), inputs, function) }, in: scope, inner)
        return try function.output.map { name in
            guard let value = scope.find(name) else { throw ArchiveError(.invalidProgram, "nothing gives the function's output '\(name)'") }
            return value
        }
    }

    private func leavingOut(
        _ node: Onnx_NodeProto, _ missing: ArraySlice<String>, _ inputs: [ONNXValue?], _ function: Onnx_FunctionProto
    ) -> Onnx_NodeProto {
        let absent = Set(missing).union(zip(function.input, inputs).filter { $0.1 == nil }.map(\.0))
        guard node.input.contains(where: { absent.contains($0) }) else { return node }
        var node: Onnx_NodeProto = node
        node.input = node.input.map { absent.contains($0) ? "" : $0 }
        return node
    }

    private func apply(
        _ node: Onnx_NodeProto, _ domain: String, _ inputs: [ONNXValue?], _ attributes: [String: Onnx_AttributeProto], _ scope: ONNXScope,
        _ context: ONNXContext
    ) throws -> [ONNXValue] {
        guard let version = context.versions[domain] else {
            throw ArchiveError(.invalidProgram, "the model imports no operator set of the domain '\(domain)'")
        }
        let call = ONNXCall(
            name: node.opType, version: version, inputs: inputs, attributes: attributes, outputs: node.output.map { !$0.isEmpty },
            tensors: tensors, bodies: ONNXBodies(reader: self, scope: scope, context: context))
        if let operation = ONNXOperatorTable.find(domain, node.opType, version: version) {
            return try ONNXEvaluation(operation, call, interpreter).results()
        }
        guard let own = operators.find("\(domain)::\(node.opType)") else {
            throw ArchiveError(.unknownOperators, "the operator is not one of those that are read")
        }
        return try ONNXOwnOperator(operation: own).results(call)
    }
}

/// How the bodies of a node are carried out.
struct ONNXBodies {
    let reader: ONNXGraphReader
    let scope: ONNXScope
    let context: ONNXContext

    func run(_ graph: Onnx_GraphProto, _ inputs: [ONNXValue]) throws -> [ONNXValue] { try reader.run(graph, inputs, in: scope, context) }
}
