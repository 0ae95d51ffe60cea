import ApusGraph
import ApusONNXSchema
import ApusProgram
import ApusTensor
import Foundation
import SwiftProtobuf
import Testing

@testable import ApusArchive

@Suite("Reading ONNX models")
struct ONNXReadingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ model: Onnx_ModelProto, name: String = "m.onnx") throws -> ExportedProgram {
        try ExportedProgram.load(from: folder.write([UInt8](model.serializedData()), to: name))
    }

    private func refusal(_ model: Onnx_ModelProto) throws -> ArchiveError {
        try #require(throws: ArchiveError.self) { try load(model) }
    }

    static let small = ONNXModel.model(
        [
            ONNXModel.node("Gemm", ["x", "w", "b"], ["h"], [ONNXModel.attribute("transB", int: 1)]), ONNXModel.node("Relu", ["h"], ["r"]),
            ONNXModel.node("Add", ["r", "c"], ["y"]),
        ],
        inputs: [ONNXModel.input("x", ["batch", "3"])], outputs: ["y"],
        weights: [
            ONNXModel.weight("w", [1, 0, -1, 2, 1, 0] as [Float], [2, 3]), ONNXModel.weight("b", [0.5, -10] as [Float], [2]),
            ONNXModel.weight("c", [100, 100] as [Float], [2]),
        ])

    @Test("A model's initialisers are parameters, its named dimensions symbols")
    func thread() throws {
        let program: ExportedProgram = try load(Self.small, name: "a model without an ending")
        #expect(program.graphSignature.parameters == ["w", "b", "c"])
        #expect(program.graphSignature.userInputs == ["x"])
        #expect(program.symbolToRange.map { "\($0.key): \($0.value.lowerBound)" } == ["batch: 1"])
        for batch in [1, 2, 5] {
            let x = try Tensor((0..<3 * batch).map { Float($0) }, shape: [batch, 3])
            let y: Tensor = try program(x)
            let expected: [Float] = (0..<batch).flatMap { row -> [Float] in
                let first = Float(3 * row)
                return [max(first - (first + 2) + 0.5, 0) + 100, max(2 * first + first + 1 - 10, 0) + 100]
            }
            #expect(try y.array(of: Float.self) == expected)
        }
        #expect(throws: ProgramError.self) { try program.run([Tensor.zeros([2, 4])]) }
    }

    @Test("Saved as a .pt2 file it is the same program")
    func savedAgain() throws {
        let program: ExportedProgram = try load(Self.small)
        try program.save(to: folder.file("m.pt2"))
        let again = try ExportedProgram.load(from: folder.file("m.pt2"))
        let x = try Tensor.randn([4, 3], seed: 1)
        #expect(try program.run([x])[0].array(of: Float.self) == again.run([x])[0].array(of: Float.self))
    }

    @Test("Chains of sizes stay arithmetic on sizes")
    func sizes() throws {
        // x.reshape(batch, -1, 2 * (length / 2)) of [batch, length, 4], by way of Shape.
        let nodes: [Onnx_NodeProto] = [
            ONNXModel.node("Shape", ["x"], ["s"]), ONNXModel.node("Gather", ["s", "zero"], ["n"]),
            ONNXModel.node("Slice", ["s", "one", "two"], ["l"]),
            ONNXModel.node("Div", ["l", "two"], ["half"]), ONNXModel.node("Mul", ["half", "two"], ["even"]),
            ONNXModel.node("Unsqueeze", ["n", "zeroth"], ["batch"]),
            ONNXModel.node("Concat", ["batch", "rest", "even"], ["shape"], [ONNXModel.attribute("axis", int: 0)]),
            ONNXModel.node("Reshape", ["x", "shape"], ["y"]), ONNXModel.node("Cast", ["shape"], ["z"], [ONNXModel.attribute("to", int: 6)]),
        ]
        let model = ONNXModel.model(
            nodes, inputs: [ONNXModel.input("x", ["batch", "length", "4"])], outputs: ["y", "z"],
            weights: [
                ONNXModel.integers("zero", [0], []), ONNXModel.integers("one", [1]), ONNXModel.integers("two", [2]),
                ONNXModel.integers("zeroth", [0]),
                ONNXModel.integers("rest", [-1]),
            ])
        let program: ExportedProgram = try load(model)
        #expect(!program.graph.nodes.contains { $0.operator.name.contains("item") })
        let results: [Tensor] = try program.run([Tensor.zeros([3, 6, 4])])
        #expect(try results[0].sizes == [3, 4, 6])
        #expect(try results[1].array(of: Int32.self) == [3, -1, 6])
    }

    @Test("If is a branch, Loop and Scan are loops")
    func controlFlow() throws {
        let double = ONNXModel.graph([ONNXModel.node("Add", ["x", "x"], ["t"])], outputs: ["t"])
        let square = ONNXModel.graph([ONNXModel.node("Mul", ["x", "x"], ["e"])], outputs: ["e"])
        let branch = ONNXModel.node(
            "If", ["c"], ["y"], [ONNXModel.attribute("then_branch", graph: double), ONNXModel.attribute("else_branch", graph: square)])
        let program: ExportedProgram = try load(
            ONNXModel.model(
                [
                    ONNXModel.node("ReduceSum", ["x"], ["s"], [ONNXModel.attribute("keepdims", int: 0)]),
                    ONNXModel.node("Greater", ["s", "zero"], ["c"]), branch,
                ],
                inputs: [ONNXModel.input("x", ["n"])], outputs: ["y"], weights: [ONNXModel.weight("zero", [0] as [Float], [])]))
        #expect(program.graph.operators.contains(.cond))
        #expect(try program.run([Tensor([3] as [Float], shape: [1])])[0].array(of: Float.self) == [6])
        #expect(try program.run([Tensor([-3] as [Float], shape: [1])])[0].array(of: Float.self) == [9])

        // Powers of x: what is carried, and each pass's.
        let body = ONNXModel.graph(
            [
                ONNXModel.node("Mul", ["v", "x"], ["next"]), ONNXModel.node("Identity", ["go"], ["on"]),
                ONNXModel.node("Identity", ["next"], ["out"]),
            ],
            inputs: [ONNXModel.input("i", [], type: .int64), ONNXModel.input("go", [], type: .bool), ONNXModel.input("v", ["n"])],
            outputs: ["on", "next", "out"])
        let loop: ExportedProgram = try load(
            ONNXModel.model(
                [ONNXModel.node("Loop", ["m", "", "x"], ["last", "all"], [ONNXModel.attribute("body", graph: body)])],
                inputs: [ONNXModel.input("x", ["n"])], outputs: ["last", "all"], weights: [ONNXModel.integers("m", [3], [])]))
        #expect(loop.graph.operators.contains(.scan))
        let results: [Tensor] = try loop.run([Tensor([2, 3] as [Float], shape: [2])])
        #expect(try results[0].array(of: Float.self) == [16, 81])
        #expect(try results[1].array(of: Float.self) == [4, 9, 8, 27, 16, 81])

        // As long as the carried sum is below ten.
        let until = ONNXModel.graph(
            [
                ONNXModel.node("Add", ["v", "v"], ["next"]),
                ONNXModel.node("ReduceSum", ["next"], ["s"], [ONNXModel.attribute("keepdims", int: 0)]),
                ONNXModel.node("Less", ["s", "ten"], ["on"]),
            ],
            inputs: [ONNXModel.input("i", [], type: .int64), ONNXModel.input("go", [], type: .bool), ONNXModel.input("v", ["n"])],
            outputs: ["on", "next"])
        let whileLoop: ExportedProgram = try load(
            ONNXModel.model(
                [ONNXModel.node("Loop", ["", "", "x"], ["last"], [ONNXModel.attribute("body", graph: until)])],
                inputs: [ONNXModel.input("x", ["n"])], outputs: ["last"], weights: [ONNXModel.weight("ten", [10] as [Float], [])]))
        #expect(whileLoop.graph.operators.contains(.whileLoop))
        #expect(try whileLoop.run([Tensor([1, 2] as [Float], shape: [2])])[0].array(of: Float.self) == [4, 8])
    }

    /// What grows with each pass is unrolled; the weights of the passes are the same ones.
    @Test("The passes of an unrolled loop share their constants")
    func unrolledLoop() throws {
        let body = ONNXModel.graph(
            [
                ONNXModel.node("Constant", [], ["w"], [ONNXModel.attribute("value", tensor: ONNXModel.weight("", [1, 2], [2]))]),
                ONNXModel.node("Concat", ["v", "w", "u"], ["next"], [ONNXModel.attribute("axis", int: 0)]),
                ONNXModel.node("Identity", ["go"], ["on"]),
            ],
            inputs: [ONNXModel.input("i", [], type: .int64), ONNXModel.input("go", [], type: .bool), ONNXModel.input("v", ["n"])],
            outputs: ["on", "next"], weights: [ONNXModel.weight("u", [3] as [Float], [1])])
        let program: ExportedProgram = try load(
            ONNXModel.model(
                [ONNXModel.node("Loop", ["m", "", "x"], ["last"], [ONNXModel.attribute("body", graph: body)])],
                inputs: [ONNXModel.input("x", ["k"])], outputs: ["last"], weights: [ONNXModel.integers("m", [3], [])]))
        #expect(try program.run([Tensor([0] as [Float], shape: [1])])[0].array(of: Float.self) == [0, 1, 2, 3, 1, 2, 3, 1, 2, 3])
        #expect(program.stateDict.count + program.constants.count == 2)
    }

    @Test("Functions become a part of the graph, and may not call themselves")
    func functions() throws {
        func model(_ body: [Onnx_NodeProto]) -> Onnx_ModelProto {
            var model: Onnx_ModelProto = ONNXModel.model(
                [ONNXModel.node("Twice", ["x"], ["y"], domain: "mine", [ONNXModel.attribute("to", int: 7)])],
                inputs: [ONNXModel.input("x", ["n"])], outputs: ["y"])
            var function = Onnx_FunctionProto()
            (function.name, function.domain, function.input, function.output, function.node) = ("Twice", "mine", ["a"], ["b"], body)
            function.attribute = ["to"]
            model.functions = [function]
            model.opsetImport.append(ONNXModel.opsetImport("mine", 1))
            return model
        }
        var cast: Onnx_NodeProto = ONNXModel.node("Cast", ["sum"], ["b"])
        var reference = Onnx_AttributeProto()
        (reference.name, reference.refAttrName, reference.type) = ("to", "to", .int)
        cast.attribute = [reference]
        let program: ExportedProgram = try load(model([ONNXModel.node("Add", ["a", "a"], ["sum"]), cast]))
        #expect(try program.run([Tensor([1.5] as [Float], shape: [1])])[0].array(of: Int64.self) == [3])
        #expect(try refusal(model([ONNXModel.node("Twice", ["a"], ["b"], domain: "mine")])).code == .limit)
    }

    @Test("Elements in other files are mapped, within the model's folder")
    func externalData() throws {
        var weight = Onnx_TensorProto()
        (weight.name, weight.dims, weight.dataType, weight.dataLocation) = ("w", [2], 1, .external)
        func model(_ entries: [String: String]) -> Onnx_ModelProto {
            weight.externalData = entries.sorted { $0.key < $1.key }.map { key, value in
                var entry = Onnx_StringStringEntryProto()
                (entry.key, entry.value) = (key, value)
                return entry
            }
            return ONNXModel.model(
                [ONNXModel.node("Mul", ["x", "w"], ["y"])], inputs: [ONNXModel.input("x", ["2"])], outputs: ["y"], weights: [weight])
        }
        try folder.write(
            [0, 0, 0, 0] + [Float(3), 5].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }, to: "w.bin")
        let program: ExportedProgram = try load(model(["location": "w.bin", "offset": "4", "length": "8"]))
        #expect(try program.run([Tensor([1, 2] as [Float], shape: [2])])[0].array(of: Float.self) == [3, 10])
        #expect(try refusal(model(["location": "../w.bin"])).code == .unsafePath)
        #expect(try refusal(model(["location": "/etc/hostname"])).code == .unsafePath)
        #expect(try refusal(model(["location": "w.bin", "offset": "8"])).code == .outOfBounds)
        #expect(try refusal(model(["location": "w.bin", "offset": "-4"])).code == .outOfBounds)
        #expect(try refusal(model(["location": "w.bin", "offset": "x"])).code == .malformed)
        #expect(try refusal(model(["location": "missing.bin"])).code == .cannotRead)
        try FileManager.default.createSymbolicLink(atPath: folder.file("link.bin"), withDestinationPath: "/etc/hostname")
        #expect(try refusal(model(["location": "link.bin"])).code == .unsafePath)
        // As caches keep a download: the model and its data are links into one folder.
        let manager = FileManager.default
        for name in ["blobs", "snapshot"] { try manager.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false) }
        try manager.moveItem(atPath: folder.file("w.bin"), toPath: folder.file("blobs/b1"))
        try manager.moveItem(atPath: folder.file("m.onnx"), toPath: folder.file("blobs/b2"))
        try manager.createSymbolicLink(atPath: folder.file("snapshot/link.bin"), withDestinationPath: "../blobs/b1")
        try manager.createSymbolicLink(atPath: folder.file("snapshot/m.onnx"), withDestinationPath: "../blobs/b2")
        let entries: [String: String] = ["location": "link.bin", "offset": "4", "length": "8"]
        try Data(model(entries).serializedData()).write(to: URL(fileURLWithPath: folder.file("blobs/b2")))
        let linked = try ExportedProgram.load(from: folder.file("snapshot/m.onnx"))
        #expect(try linked.run([Tensor([1, 2] as [Float], shape: [2])])[0].array(of: Float.self) == [3, 10])
    }

    @Test("A refusal names the node, the operator, the attribute and the version")
    func refusals() throws {
        func refused(_ nodes: [Onnx_NodeProto], opset: Int = 20) throws -> String {
            try refusal(ONNXModel.model(opset: opset, nodes, inputs: [ONNXModel.input("x", ["2", "3"])], outputs: ["y"])).description
        }
        let mode = [ONNXModel.attribute("mode", text: "odd")]
        let text: String = try refused([ONNXModel.node("Resize", ["x"], ["y"], name: "up", mode)], opset: 13)
        #expect(text.contains("graph.node[0] (Resize 'up', opset 13)") && text.contains("the mode 'odd'"))
        #expect(try refused([ONNXModel.node("Fantasy", ["x"], ["y"])]).contains("Fantasy"))
        #expect(try refused([ONNXModel.node("Add", ["x", "nowhere"], ["y"])]).contains("'nowhere'"))
        #expect(try refused([ONNXModel.node("Relu", ["x"], ["z"])]).contains("nothing gives the output 'y'"))
        #expect(try refused([ONNXModel.node("Relu", ["x"], ["y"])], opset: 5).contains("6 to 28"))
        #expect(try refused([ONNXModel.node("Relu", ["x"], ["x"]), ONNXModel.node("Relu", ["x"], ["y"])]).contains("twice"))
    }
}
