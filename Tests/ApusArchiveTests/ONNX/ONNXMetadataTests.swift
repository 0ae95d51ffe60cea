import ApusArchive
import ApusGraph
import ApusONNXSchema
import ApusProgram
import Foundation
import SwiftProtobuf
import Testing

@Suite("Where the nodes of ONNX models come from") struct ONNXMetadataTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The node that a model makes of one of its own.
    private func read(name: String = "", _ metadata: [String: String] = [:]) throws -> Graph.Node {
        var node: Onnx_NodeProto = ONNXModel.node("Relu", ["x"], ["y"], name: name)
        node.metadataProps = metadata.map { key, value in
            var entry = Onnx_StringStringEntryProto()
            (entry.key, entry.value) = (key, value)
            return entry
        }
        let model = ONNXModel.model([node], inputs: [ONNXModel.input("x", ["3"])], outputs: ["y"])
        let program = try ExportedProgram.load(from: folder.write([UInt8](model.serializedData()), to: "m.onnx"))
        return try #require(program.graph.nodes.first)
    }

    private static let trace = """
        File "/somewhere/models.py", line 101, in forward
            return self.model(tokens)
          File "/somewhere/else/bert.py", line 411, in forward
            y = self.act(x)
        """

    @Test("PyTorch's exporter lists modules, their types, and lines") func exporter() throws {
        let node = try read(
            name: "node_relu",
            [
                "pkg.torch.onnx.name_scopes": "['', 'encoder', 'encoder.layer.0', 'relu']",
                "pkg.torch.onnx.class_hierarchy": "['__main__.Model', 'bert.Encoder', \"bert.Layer\", 'aten.relu.default']",
                "pkg.torch.onnx.stack_trace": ONNXMetadataTests.trace,
            ])
        #expect(
            node.modulePath == [
                ModuleFrame(path: "", type: "Model"), ModuleFrame(path: "encoder", type: "Encoder"),
                ModuleFrame(path: "encoder.layer.0", type: "Layer"),
            ])
        #expect(node.site.map { "\($0)" } == "bert.py:411")
    }

    @Test("The exporter before it put modules into names") func names() throws {
        let node = try read(name: "/encoder/layer.0/attention/Relu")
        #expect(node.modulePath.map(\.path) == ["encoder", "encoder.layer.0", "encoder.layer.0.attention"])
        #expect(node.site.map { "\($0)" } == "/encoder/layer.0/attention/Relu")
        #expect(try read(name: "Relu_1").modulePath.isEmpty && read().site == nil)
    }

    @Test(
        "What is no list, or deeper than programs are, is left alone",
        arguments: ["", "[", "encoder", "['encoder", "[encoder, 'x']", "[1, 2]", "['a' 'b', c]", "[''']"]) func damaged(list: String) throws
    {
        #expect(try read(name: "n", ["pkg.torch.onnx.name_scopes": list, "pkg.torch.onnx.stack_trace": list]).modulePath.count <= 1)
    }

    @Test("Saved as a .pt2 file, odd names are modules of it") func saved() throws {
        let node: Onnx_NodeProto = ONNXModel.node("Relu", ["x"], ["y"], name: "/a(b/c,d;e/f[g/Relu")
        let model = ONNXModel.model([node], inputs: [ONNXModel.input("x", ["3"])], outputs: ["y"])
        let program = try ExportedProgram.load(from: folder.write([UInt8](model.serializedData()), to: "m.onnx"))
        try program.save(to: folder.file("m.pt2"))
        let again = try ExportedProgram.load(from: folder.file("m.pt2"))
        // What separates fields and frames for PyTorch's reader, brackets among it, became something else.
        #expect(again.graph.nodes.first?.modulePath.map(\.path) == ["a_b", "a_b.c_d_e", "a_b.c_d_e.f_g"])
    }

    @Test("Names nest no deeper than programs") func deep() throws {
        #expect(try read(name: String(repeating: "/a", count: 100_000)).modulePath.isEmpty)
    }
}
