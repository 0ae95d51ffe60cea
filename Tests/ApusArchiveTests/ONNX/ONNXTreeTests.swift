import ApusONNXSchema
import ApusProgram
import ApusTensor
import Foundation
import SwiftProtobuf
import Testing

@testable import ApusArchive

/// Trees in ONNX files; those that ONNX Runtime judges are among the models.
@Suite("Trees in ONNX models") struct ONNXTreeTests {
    private enum Column {
        case ints([Int])
        case floats([Float])
        case texts([String])
        case int(Int)
        case text(String)
    }

    private static func attribute(_ name: String, _ column: Column) -> Onnx_AttributeProto {
        var attribute = Onnx_AttributeProto()
        attribute.name = name
        switch column {
        case .ints(let numbers): (attribute.type, attribute.ints) = (.ints, numbers.map { Int64($0) })
        case .floats(let numbers): (attribute.type, attribute.floats) = (.floats, numbers)
        case .texts(let texts): (attribute.type, attribute.strings) = (.strings, texts.map { Data($0.utf8) })
        case .int(let number): return ONNXModel.attribute(name, int: number)
        case .text(let text): return ONNXModel.attribute(name, text: text)
        }
        return attribute
    }

    /// Two features: x[1] <= 0.5 gives 10, else x[0] < 2 gives 20 or 30.
    private static let columns: [String: Column] = [
        "nodes_treeids": .ints([0, 0, 0, 0, 0]), "nodes_nodeids": .ints([0, 1, 2, 3, 4]), "nodes_featureids": .ints([1, 0, 0, 0, 0]),
        "nodes_values": .floats([0.5, 0, 2, 0, 0]), "nodes_modes": .texts(["BRANCH_LEQ", "LEAF", "BRANCH_LT", "LEAF", "LEAF"]),
        "nodes_truenodeids": .ints([1, 0, 3, 0, 0]), "nodes_falsenodeids": .ints([2, 0, 4, 0, 0]),
        "target_treeids": .ints([0, 0, 0]), "target_nodeids": .ints([1, 3, 4]), "target_ids": .ints([0, 0, 0]),
        "target_weights": .floats([10, 20, 30]), "n_targets": .int(1),
    ]

    private func load(_ changes: [String: Column], type: String = "TreeEnsembleRegressor", width: String = "2") throws -> ExportedProgram {
        let columns: [String: Column] = Self.columns.merging(changes) { $1 }
        let attributes = columns.sorted { $0.key < $1.key }.map { Self.attribute($0.key, $0.value) }
        let outputs: [String] = type == "TreeEnsembleRegressor" ? ["y"] : ["label", "y"]
        var model = ONNXModel.model(
            [ONNXModel.node(type, ["x"], outputs, domain: "ai.onnx.ml", attributes)], inputs: [ONNXModel.input("x", ["rows", width])],
            outputs: outputs)
        model.opsetImport.append(ONNXModel.opsetImport("ai.onnx.ml", 3))
        let folder = try TemporaryFolder()
        return try ExportedProgram.load(from: folder.write([UInt8](model.serializedData()), to: "trees.onnx"))
    }

    @Test("Rows go to their leaves; a file written from it does the same") func leaves() throws {
        let program: ExportedProgram = try load([:])
        let x = try Tensor([5, 0.5, 1.5, 1, 2, 0.75, .nan, 1] as [Float], shape: [4, 2])
        #expect(try program.run([x])[0].array(of: Float.self) == [10, 20, 30, 30])
        let folder = try TemporaryFolder()
        try program.save(to: folder.file("trees.pt2"))
        try program.save(onnx: folder.file("trees.onnx"))
        for name in ["trees.pt2", "trees.onnx"] {
            #expect(try ExportedProgram.load(from: folder.file(name)).run([x])[0].array(of: Float.self) == [10, 20, 30, 30], "\(name)")
        }
    }

    @Test("What is no tree, or no known one, is refused") func refusals() throws {
        func refused(_ changes: [String: Column], type: String = "TreeEnsembleRegressor", width: String = "2") throws -> String {
            try #require(throws: ArchiveError.self) { _ = try load(changes, type: type, width: width) }.description
        }
        #expect(try refused(["nodes_truenodeids": .ints([1, 0, 2, 0, 0])]).contains("among their own descendants"))
        #expect(try refused(["nodes_truenodeids": .ints([1, 0, 9, 0, 0])]).contains("names node 9 of tree 0"))
        #expect(try refused(["nodes_nodeids": .ints([0, 1, 2, 3, 3])]).contains("node 3 of tree 0 twice"))
        #expect(try refused(["nodes_featureids": .ints([1, 0])]).contains("2 elements in 'nodes_featureids', 5 are expected"))
        #expect(try refused(["nodes_featureids": .ints([7, 0, 0, 0, 0])]).contains("compares feature 7"))
        #expect(try refused(["nodes_featureids": .ints([-1, 0, 0, 0, 0])]).contains("compares feature -1"))
        #expect(try refused(["nodes_modes": .texts(["BRANCH_ODD", "LEAF", "LEAF", "LEAF", "LEAF"])]).contains("'BRANCH_ODD'"))
        #expect(try refused(["target_nodeids": .ints([1, 2, 4])]).contains("no leaves"))
        #expect(try refused(["target_ids": .ints([0, 3, 0])]).contains("votes for 3 of 1"))
        #expect(try refused(["n_targets": .int(.max)]).contains("nodes for \(Int.max) targets"))
        #expect(try refused(["n_targets": .int(0)]).contains("0 targets"))
        #expect(try refused(["post_transform": .text("LOGISTIC")]).contains("the post_transform LOGISTIC for one target"))
        let empty: [String: Column] = Self.columns.mapValues { column in if case .int = column { column } else { .ints([]) } }
        #expect(
            try refused(empty.merging(["nodes_modes": .texts([]), "nodes_values": .floats([]), "target_weights": .floats([])]) { $1 })
                .contains("0 trees"))
        let classes: [String: Column] = [
            "class_treeids": .ints([0, 0, 0]), "class_nodeids": .ints([1, 3, 4]), "class_ids": .ints([0, 1, 2]),
            "class_weights": .floats([1, 1, 1]), "classlabels_strings": .texts(["a", "b", "c"]),
        ]
        #expect(try refused(classes, type: "TreeEnsembleClassifier").contains("gives texts as labels"))
    }
}
