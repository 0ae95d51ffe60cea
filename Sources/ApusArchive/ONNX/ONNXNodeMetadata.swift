import ApusGraph
import ApusONNXSchema

/// What exporters write beside a node of a model: where in their source it comes from.
enum ONNXNodeMetadata {
    /// The line of the Python program, as PyTorch's exporter writes it; else the node's name.
    static func site(_ node: Onnx_NodeProto) -> NodeSite? {
        value("pkg.torch.onnx.stack_trace", of: node).flatMap(NodeMetadata.site(inTrace:)) ?? (node.name.isEmpty ? nil : .text(node.name))
    }

    /// The modules that the node was made in, outermost first: as PyTorch's exporter lists them, else from a name such as
    /// `/encoder/layer.0/attention/MatMul`, as its exporter before wrote it.
    static func modulePath(_ node: Onnx_NodeProto) -> [ModuleFrame] {
        guard let scopes = value("pkg.torch.onnx.name_scopes", of: node).flatMap(texts) else { return pathInName(node.name) }
        guard scopes.count <= Graph.maximumNesting else { return [] }
        let types: [String] = value("pkg.torch.onnx.class_hierarchy", of: node).flatMap(texts) ?? []
        // The last of both is the operator itself.
        return scopes.dropLast().enumerated().map { index, path in
            ModuleFrame(
                path: path, type: types.indices.contains(index) ? types[index].split(separator: ".").last.map(String.init) ?? "" : "")
        }
    }

    /// The path of each module is written out, which takes room.
    private static let longestName = 4096

    private static func pathInName(_ name: String) -> [ModuleFrame] {
        let parts: [Substring] = name.split(separator: "/").dropLast()
        guard name.hasPrefix("/"), name.utf8.count <= longestName, parts.count <= Graph.maximumNesting else { return [] }
        return parts.indices.map { ModuleFrame(path: parts[...$0].joined(separator: "."), type: "") }
    }

    private static func value(_ key: String, of node: Onnx_NodeProto) -> String? {
        node.metadataProps.first { $0.key == key }?.value
    }

    /// The texts of a list as Python prints it: `['', 'model', 'model.encoder']`. Nil for anything else.
    private static func texts(_ list: String) -> [String]? {
        guard list.hasPrefix("["), list.hasSuffix("]") else { return nil }
        let parts: [Substring] = list.dropFirst().dropLast().split(separator: ",")
        var found: [String] = []
        for part in parts {
            let text: Substring = part.drop { $0 == " " }
            guard text.count >= 2, let quote = text.first, quote == "'" || quote == "\"", text.last == quote else { return nil }
            found.append(String(text.dropFirst().dropLast()))
        }
        return found
    }
}
