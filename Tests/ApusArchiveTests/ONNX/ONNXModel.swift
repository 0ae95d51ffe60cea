import ApusONNXSchema
import Foundation
import SwiftProtobuf

/// Small models, put together out of their messages.
enum ONNXModel {
    static func model(
        opset: Int = 20, _ nodes: [Onnx_NodeProto], inputs: [Onnx_ValueInfoProto], outputs: [String], weights: [Onnx_TensorProto] = []
    ) -> Onnx_ModelProto {
        var model = Onnx_ModelProto()
        model.irVersion = 8
        model.opsetImport = [opsetImport("", opset)]
        model.graph = graph(nodes, inputs: inputs, outputs: outputs, weights: weights)
        return model
    }

    static func opsetImport(_ domain: String, _ version: Int) -> Onnx_OperatorSetIdProto {
        var entry = Onnx_OperatorSetIdProto()
        (entry.domain, entry.version) = (domain, Int64(version))
        return entry
    }

    static func graph(_ nodes: [Onnx_NodeProto], inputs: [Onnx_ValueInfoProto] = [], outputs: [String], weights: [Onnx_TensorProto] = [])
        -> Onnx_GraphProto
    {
        var graph = Onnx_GraphProto()
        (graph.name, graph.node, graph.input, graph.initializer) = ("g", nodes, inputs, weights)
        graph.output = outputs.map { name in
            var info = Onnx_ValueInfoProto()
            info.name = name
            return info
        }
        return graph
    }

    static func node(
        _ type: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: [Onnx_AttributeProto] = []
    ) -> Onnx_NodeProto {
        var node = Onnx_NodeProto()
        (node.opType, node.input, node.output, node.name, node.domain, node.attribute) = (type, inputs, outputs, name, domain, attributes)
        return node
    }

    /// A size is a number or a name.
    static func input(_ name: String, _ sizes: [String], type: Onnx_TensorProto.DataType = .float) -> Onnx_ValueInfoProto {
        var info = Onnx_ValueInfoProto()
        info.name = name
        info.type.tensorType.elemType = Int32(type.rawValue)
        info.type.tensorType.shape.dim = sizes.map { size in
            var dim = Onnx_TensorShapeProto.Dimension()
            if let number = Int64(size) { dim.dimValue = number } else { dim.dimParam = size }
            return dim
        }
        return info
    }

    static func weight(_ name: String, _ numbers: [Float], _ dims: [Int]) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        (tensor.name, tensor.dims, tensor.dataType, tensor.floatData) = (
            name, dims.map { Int64($0) }, Int32(Onnx_TensorProto.DataType.float.rawValue), numbers
        )
        return tensor
    }

    static func integers(_ name: String, _ numbers: [Int], _ dims: [Int]? = nil) -> Onnx_TensorProto {
        var tensor = Onnx_TensorProto()
        (tensor.name, tensor.dataType, tensor.int64Data) = (
            name, Int32(Onnx_TensorProto.DataType.int64.rawValue), numbers.map { Int64($0) }
        )
        tensor.dims = (dims ?? [numbers.count]).map { Int64($0) }
        return tensor
    }

    static func attribute(_ name: String, int: Int) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type, attribute.i) = (name, .int, Int64(int))
        return attribute
    }

    static func attribute(_ name: String, text: String) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type, attribute.s) = (name, .string, Data(text.utf8))
        return attribute
    }

    static func attribute(_ name: String, tensor: Onnx_TensorProto) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type, attribute.t) = (name, .tensor, tensor)
        return attribute
    }

    static func attribute(_ name: String, graph: Onnx_GraphProto) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type, attribute.g) = (name, .graph, graph)
        return attribute
    }
}
