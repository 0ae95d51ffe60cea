import ApusONNXSchema
import ApusTensor
import Foundation

/// A tensor of a model that is being written.
struct ONNXTerm: Hashable {
    let name: String
    let dtype: DType
}

/// The nodes of a model while it is written: those of its graph, and of the bodies that are open.
final class ONNXNodes {
    private var levels: [[Onnx_NodeProto]] = [[]]
    /// Tensors that the writer made, in front of all other nodes: bodies read them from around.
    private(set) var constants: [Onnx_NodeProto] = []
    private var known: [Constant: ONNXTerm] = [:]
    private var taken: Set<String> = []
    private var numbers: [String: Int] = [:]
    /// What the names of nodes begin with: the value that they compute.
    var prefix = ""

    private struct Constant: Hashable {
        let dtype: DType
        let dims: [Int]
        let bytes: Data
    }

    // MARK: Names

    /// A name like the wished one that no tensor or node of the model has.
    func claim(_ wished: String) -> String {
        let wished: String = wished.isEmpty ? "value" : wished
        var name: String = wished
        while !taken.insert(name).inserted {
            numbers[wished, default: 0] += 1
            name = "\(wished)_\(numbers[wished, default: 0])"
        }
        return name
    }

    // MARK: Nodes

    /// Appends a node, and gives its results.
    func append(_ type: String, _ inputs: [ONNXTerm?], _ results: [DType], _ attributes: [Onnx_AttributeProto] = []) -> [ONNXTerm] {
        let name: String = claim(prefix.isEmpty ? type : "\(prefix).\(type)")
        var node = Onnx_NodeProto()
        node.opType = type
        node.name = name
        node.input = inputs.map { $0?.name ?? "" }
        node.attribute = attributes
        let terms: [ONNXTerm] = results.enumerated().map { ONNXTerm(name: $0 == 0 ? name : claim("\(name).\($0)"), dtype: $1) }
        node.output = terms.map(\.name)
        levels[levels.count - 1].append(node)
        return terms
    }

    /// Appends a node of one kind of number, whose results are of the type of its inputs unless they are said to be others. Where ONNX Runtime has
    /// no kernel for the type, the node computes in a wider one.
    func apply(
        _ type: String, _ inputs: [ONNXTerm?], results: [DType?] = [nil], _ attributes: [Onnx_AttributeProto] = []
    ) -> [ONNXTerm] {
        // A choice is one between its last two inputs.
        let first: Int = type == "Where" ? 1 : 0
        let main: DType = inputs.dropFirst(first).lazy.compactMap { $0 }.first?.dtype ?? .float32
        let wide: DType = ONNXKernels.dtype(of: type, for: main)
        let given: [ONNXTerm?] = inputs.enumerated().map { index, input in
            input.map { index >= first && $0.dtype == main ? cast($0, wide) : $0 }
        }
        let types: [DType] = results.map { $0 ?? wide }
        return zip(append(type, given, types, attributes), results).map { $1 == nil ? cast($0, main) : $0 }
    }

    /// A tensor under another name.
    func identity(_ x: ONNXTerm, _ name: String) {
        var node = Onnx_NodeProto()
        (node.opType, node.name, node.input, node.output) = ("Identity", claim("\(name).result"), [x.name], [name])
        levels[levels.count - 1].append(node)
    }

    func cast(_ x: ONNXTerm, _ dtype: DType) -> ONNXTerm {
        if x.dtype == dtype { return x }
        return append("Cast", [x], [dtype], [.make("to", ONNXElement(dtype).rawValue)])[0]
    }

    // MARK: Constants

    func constant(_ tensor: Tensor) throws -> ONNXTerm {
        let proto: Onnx_TensorProto = try .make(tensor)
        let key = Constant(dtype: tensor.dtype, dims: try tensor.sizes, bytes: proto.rawData)
        if let term = known[key] { return term }
        let term = ONNXTerm(name: claim("constant"), dtype: tensor.dtype)
        var node = Onnx_NodeProto()
        (node.opType, node.name, node.output) = ("Constant", term.name, [term.name])
        node.attribute = [.make("value", proto)]
        constants.append(node)
        known[key] = term
        return term
    }

    func integers(_ values: [Int]) throws -> ONNXTerm { try constant(Tensor(values, shape: [values.count])) }

    // MARK: Bodies

    /// The nodes that `write` appends, as a graph of their own.
    func body(_ name: String, _ write: () throws -> (inputs: [Onnx_ValueInfoProto], outputs: [Onnx_ValueInfoProto])) rethrows
        -> Onnx_GraphProto
    {
        levels.append([])
        defer { levels.removeLast() }
        let outer: String = prefix
        defer { prefix = outer }
        let (inputs, outputs) = try write()
        var graph = Onnx_GraphProto()
        (graph.name, graph.node, graph.input, graph.output) = (claim(name), levels[levels.count - 1], inputs, outputs)
        return graph
    }

    /// The nodes of the whole graph.
    var all: [Onnx_NodeProto] { constants + levels[0] }
}

extension Onnx_AttributeProto {
    private init(_ name: String, _ type: AttributeType) {
        self.init()
        (self.name, self.type) = (name, type)
    }

    static func make(_ name: String, _ value: Int) -> Self {
        var attribute = Self(name, .int)
        attribute.i = Int64(value)
        return attribute
    }

    static func make(_ name: String, _ value: Bool) -> Self { make(name, value ? 1 : 0) }

    static func make(_ name: String, _ value: Double) -> Self {
        var attribute = Self(name, .float)
        attribute.f = Float(value)
        return attribute
    }

    static func make(_ name: String, _ values: [Int]) -> Self {
        var attribute = Self(name, .ints)
        attribute.ints = values.map { Int64($0) }
        return attribute
    }

    static func make(_ name: String, _ text: String) -> Self {
        var attribute = Self(name, .string)
        attribute.s = Data(text.utf8)
        return attribute
    }

    static func make(_ name: String, _ tensor: Onnx_TensorProto) -> Self {
        var attribute = Self(name, .tensor)
        attribute.t = tensor
        return attribute
    }

    static func make(_ name: String, _ graph: Onnx_GraphProto) -> Self {
        var attribute = Self(name, .graph)
        attribute.g = graph
        return attribute
    }
}

extension Onnx_TensorProto {
    /// A tensor without a name, its elements as bytes.
    static func make(_ tensor: Tensor) throws -> Self {
        var proto = Self()
        proto.dims = try tensor.sizes.map { Int64($0) }
        proto.dataType = Int32(ONNXElement(tensor.dtype).rawValue)
        proto.rawData = try tensor.bytesToWrite().withUnsafeBytes { Data($0) }
        return proto
    }
}
