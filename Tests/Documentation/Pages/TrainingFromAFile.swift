import Apus
import Testing

extension PageTests {
    private final class Classifier: Module {
        let hidden: Linear
        let output: Linear

        init() throws {
            hidden = try Linear(4, 8)
            output = try Linear(8, 3)
        }

        func forward(_ x: Tensor) throws -> Tensor { try output(hidden(x).relu()) }
    }

    private final class Normalised: Module {
        let norm: BatchNorm1d
        let output: Linear

        init() throws {
            norm = try BatchNorm1d(4)
            output = try Linear(4, 3)
        }

        func forward(_ x: Tensor) throws -> Tensor { try output(norm(x)) }
    }

    @Test func aJointProgram() throws {
        let model = try Classifier()
        let images = try Tensor.randn([8, 4], seed: 0)
        let labels = try Tensor.randint(3, [8], seed: 1)
        // snippet
        let joint = try exportJoint(
            { (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, of: model, args: images, labels,
            constraints: [dynamicDim(images, 0).in(1...256), dynamicDim(images, 0) == dynamicDim(labels, 0)])
        // snippet.end
        // snippet
        if let backward = joint.graphSignature.backwardSignature {
            print(backward.lossOutput)  // the graph's name of the loss, such as "div"
            print(backward.gradientsToParameters)  // output -> parameter: ["mm": "output.weight", "sum_1": "output.bias", ...]
            print(backward.gradientsToUserInputs)  // output -> input; with withRespectTo: [images], ["matmul_3": "x"]
        }
        // snippet.end
        let backward = try #require(joint.graphSignature.backwardSignature)
        #expect(Set(backward.gradientsToParameters.values) == Set(model.namedParameters().map(\.name)))
        let eager = try gradient(of: model) { try crossEntropy($0(images), labels) }
        // snippet
        let step = try joint.valueAndGradients(images, labels)
        print(step.loss)  // one element
        print(step.gradients["output.weight"] as Any)  // what valueAndGradient(of: model) gives
        // snippet.end
        #expect(try #require(step.gradients["output.weight"]).allclose(#require(eager["output.weight"])))
        let loss: Tensor = try joint(images, labels)
        #expect(loss.numel == 1 && step.loss.numel == 1)
    }

    @Test func trainingAndEvaluating() throws {
        let model = try Normalised()
        let images = try Tensor.randn([8, 4], seed: 0)
        let labels = try Tensor.randint(3, [8], seed: 1)
        let heldOut = images
        let batches = (0..<4).map { _ in (images, labels) }
        try inFolder { folder in
            do {
                // snippet
                let programs = try export(
                    [
                        "train": .joint(
                            { (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, args: images, labels, isTraining: true),
                        "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: images, isTraining: false),
                    ], of: model)
                try programs.save(to: "\(folder)/classifier.pt2")
                // snippet.end
            }
            var losses: [Float] = []
            // snippet
            let programs = try ExportedPrograms.load(from: "\(folder)/classifier.pt2")
            let trainer = try ProgramTrainer(programs.program(named: "train")) { try AdamW($0, learningRate: 1e-2) }
            for (images, labels) in batches {
                let loss = try trainer.step(images, labels).loss
                // snippet.hide
                losses.append(try loss.item(Float.self))
                // snippet.show
            }
            let scores: Tensor = try programs.program(named: "eval")(heldOut)
            try programs.save(to: "\(folder)/trained.pt2")
            // snippet.end
            #expect(losses.last ?? 1 < losses.first ?? 0)
            let untrained = try ExportedPrograms.load(from: "\(folder)/classifier.pt2").program(named: "eval")(heldOut)
            let trained = try ExportedPrograms.load(from: "\(folder)/trained.pt2").program(named: "eval")(heldOut)
            #expect(try trained.equal(scores) && !untrained.equal(scores))
        }
    }
}
