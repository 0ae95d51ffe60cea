// snippet
import Apus
// snippet.hide
import Testing

extension PageTests {
    @Test func readme() throws {
        try inFolder { folder in
            // snippet.show

            final class Classifier: Module {
                let hidden: Linear
                let output: Linear

                init() throws {
                    hidden = try Linear(64, 32)
                    output = try Linear(32, 10)
                }

                func forward(_ x: Tensor) throws -> Tensor { try output(hidden(x).relu()).softmax(dim: -1) }
            }

            let model = try Classifier()
            let x = try Tensor.randn([2, 64], seed: 0)
            let program = try export(model, args: x, constraints: [dynamicDim(x, 0).in(1...256)])
            try program.save(to: "\(folder)/classifier.pt2")  // torch.export.load opens it too

            let again = try ExportedProgram.load(from: "\(folder)/classifier.pt2")
            let scores: Tensor = try again(Tensor.randn([7, 64]))
            // snippet.hide
            #expect(scores.shape[0] == 7)
            let error = #expect(throws: ProgramError.self) {
                // snippet.show
                let refused: Tensor = try again(Tensor.randn([257, 64]))  // throws: x.shape[0] must be in 1...256, got 257
                // snippet.end
                _ = refused
            }
            #expect(error?.description.contains("x.shape[0] must be in 1...256, got 257") == true)
        }
        try trainingFromItsFile()
        try onnxInAndOut()
    }

    private func trainingFromItsFile() throws {
        let model = try Linear(4, 3)
        let images = try Tensor.randn([8, 4], seed: 0)
        let labels = try Tensor.randint(3, [8], seed: 1)
        try inFolder { folder in
            // snippet
            let programs = try export(
                [
                    "train": .joint({ (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, args: images, labels, isTraining: true),
                    "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: images, isTraining: false),
                ], of: model)
            try programs.save(to: "\(folder)/classifier.pt2")  // with the weights once; PyTorch's load_pt2 opens it

            let train = try ExportedPrograms.load(from: "\(folder)/classifier.pt2").program(named: "train")
            let trainer = try ProgramTrainer(train) { try AdamW($0) }
            let loss = try trainer.step(images, labels).loss
            // snippet.end
            #expect(try loss.item(Float.self) > trainer.step(images, labels).loss.item(Float.self))
        }
    }

    private func onnxInAndOut() throws {
        try inFolder { folder in
            let x = try Tensor.randn([2, 3], seed: 0)
            try export({ (x: Tensor) in try x.relu() }, args: x).save(onnx: "\(folder)/model.onnx")
            // snippet
            let program = try ExportedProgram.load(from: "\(folder)/model.onnx")  // operator sets 6 to 28
            try program.save(onnx: "\(folder)/again.onnx")  // operator set 20, for ONNX Runtime: branches as If, loops as Loop and Scan
            // snippet.end
            let again: Tensor = try ExportedProgram.load(from: "\(folder)/again.onnx")(x)
            #expect(try again.equal(x.relu()))
        }
    }
}
