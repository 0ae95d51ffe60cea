import Apus
import Foundation
import Testing

extension PageTests {
    @Test func onnx() throws {
        try inFolder { folder in
            // A model of one node: scores = Softmax(image).
            let model: String =
                "CAkSADpaChgKBWltYWdlEgZzY29yZXMiB1NvZnRtYXgSAWdaHAoFaW1hZ2USEwoRCAESDQoHEgViYXRjaAoCCANiHQoGc2NvcmVzEhMKEQgBEg0KBxIFYmF0Y2gKAggDQgQKABAU"
            try #require(Data(base64Encoded: model)).write(to: URL(fileURLWithPath: "\(folder)/model.onnx"))
            let image = try Tensor.randn([2, 3], seed: 1)
            // snippet
            let program = try ExportedProgram.load(from: "\(folder)/model.onnx")
            let scores: Tensor = try program(image)
            // snippet.end
            // snippet
            try program.save(onnx: "\(folder)/model.onnx")
            // snippet.end
            let again: Tensor = try ExportedProgram.load(from: "\(folder)/model.onnx")(image)
            #expect(try again.allclose(scores))
            #expect(try scores.allclose(image.softmax(dim: -1)))
        }
    }
}
