import Apus
import Testing

extension PageTests {
    @Test func trainingModes() throws {
        Tensor.seed(0)
        // snippet
        final class Network: Module {
            let norm: BatchNorm1d
            let dropout: Dropout
            let output: Linear

            init() throws {
                norm = try BatchNorm1d(4)
                dropout = try Dropout(0.5)
                output = try Linear(4, 3)
            }

            func forward(_ x: Tensor) throws -> Tensor { try output(dropout(norm(x))) }
        }

        let model = try Network()  // trains
        try model.eval()  // the module and everything in it
        try model.norm.train()  // one part alone
        try model.train(false)  // the same as eval()
        // snippet.end
        #expect(try model.modules().allSatisfy { !$0.isTraining })

        let x = try Tensor.randn([8, 4], seed: 1)
        let y = try Tensor.randint(3, [8], seed: 2)
        // snippet
        final class Noise: Module {
            var isTraining = true  // stored, since it is read often
            func forward(_ x: Tensor) throws -> Tensor { isTraining ? try x + Tensor.randn(x.shape.sizes) * 0.1 : x }
        }
        // snippet.end
        let noise = Noise()
        #expect(try !noise(x).equal(x))
        #expect(try noise.eval()(x).equal(x))

        // snippet
        let programs = try export(
            [
                "train": .joint({ (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, args: x, y, isTraining: true),
                "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: x, isTraining: false),
            ], of: model)
        // snippet.end
        // The model is in the mode that it was in.
        #expect(try model.modules().allSatisfy { !$0.isTraining })
        let (train, eval) = (try programs.program(named: "train"), try programs.program(named: "eval"))
        func drops(_ program: ExportedProgram) -> Bool { program.graph.operators.contains { $0.name.contains("dropout") } }
        #expect(drops(train) && !drops(eval))
        #expect(
            Set(train.graphSignature.buffersToMutate.values) == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"])
        #expect(eval.graphSignature.buffersToMutate.isEmpty)

        // A step of training moves the statistics that evaluating reads, in the programs and not in the model.
        let before: Tensor = try eval(x)
        #expect(try before.allclose(model(x), atol: 1e-5))
        _ = try train.valueAndGradients(x, y)
        let after: Tensor = try eval(x)
        #expect(try !after.allclose(before))
        #expect(try #require(eval.stateDict["norm.num_batches_tracked"]).item(Int.self) == 1)
        #expect(try #require(model.norm.numBatchesTracked).item(Int.self) == 0)

        // Without isTraining a program is what the model was in when it was traced.
        try model.train()
        #expect(drops(try export(model, args: x)))
        try model.eval()
        #expect(!drops(try export(model, args: x)))
        try gradients(model.train(), x, y)
    }

    /// Gradients in eager code change the buffers of a model that trains, as a forward pass does.
    private func gradients(_ model: some Module<Tensor, Tensor>, _ x: Tensor, _ y: Tensor) throws {
        let before = model.buffers()
        _ = try gradient(of: model) { try crossEntropy($0(x), y) }
        #expect(try !zip(before, model.buffers()).allSatisfy { try $0.equal($1) })
        try model.eval()
        let evaluated = model.buffers()
        _ = try gradient(of: model) { try crossEntropy($0(x), y) }
        #expect(try zip(evaluated, model.buffers()).allSatisfy { try $0.equal($1) })
    }
}
