import Apus
import Testing

extension PageTests {
    @Test func training() throws {
        Tensor.seed(0)
        let inputs = try Tensor.randn([32, 4], seed: 1)
        let targets = try inputs.matmul(Tensor.randn([4, 2], seed: 2))
        // snippet
        let model = Sequential(try Linear(4, 16), Tanh(), try Linear(16, 2))
        let optimizer = try AdamW(model, learningRate: 1e-2, betas: (0.9, 0.99), weightDecay: 0.1)
        optimizer.groups = [ParameterGroup(weightDecay: 0) { $0.hasSuffix("bias") }]
        // snippet.end
        // snippet
        let lbfgs = try LBFGS(model, lineSearch: .strongWolfe)
        let loss = try lbfgs.step { try valueAndGradient(of: model) { try mseLoss($0(inputs), targets) } }

        let muon = try Muon(model, learningRate: 0.02)
        let (_, gradients) = try valueAndGradient(of: model) { try mseLoss($0(inputs), targets) }
        try muon.step(gradients.filter { $0.gradient?.rank == 2 })
        try optimizer.step(gradients.filter { $0.gradient?.rank != 2 })
        // snippet.end
        let better: Float = try mseLoss(model(inputs), targets).item(Float.self)
        #expect(try better < loss.item(Float.self) / 4)
        // snippet
        let scheduler = try SequentialLR(
            optimizer, [LinearLR(optimizer, totalIterations: 10), CosineAnnealingLR(optimizer, tMax: 90)], milestones: [10])
        for _ in 0..<100 {
            let (_, gradients) = try valueAndGradient(of: model) { try mseLoss($0(inputs), targets) }
            try optimizer.step(gradients)
            try scheduler.step()
        }
        let saved = try scheduler.stateDict()
        // snippet.end
        #expect(saved["last_epoch"] != nil)
        #expect(optimizer.learningRate < 1e-5)
        // snippet
        var largest: [Float] = []
        let handle = model.registerForwardHook { _, _, output in
            largest.append(try output.abs().max().item(Float.self))
            return nil  // the output as it is
        }
        _ = try model(inputs)
        handle.remove()
        // snippet.end
        #expect(largest.count == 1)
        // What a hook computes is part of the program.
        let doubling = model.registerForwardHook { _, _, output in try output * 2 }
        let doubled = try export(model, args: inputs)
        doubling.remove()
        let found: Tensor = try doubled(inputs)
        #expect(try found.allclose(model(inputs) * 2, rtol: 1e-4, atol: 1e-5))
        // snippet
        let (first, last) = (model.layers[0], model.layers[2])
        let (_, same) = try valueAndGradient(of: model) { _ in
            let hidden = try checkpoint { try first(inputs).tanh() }
            return try mseLoss(last(hidden), targets)
        }
        // snippet.end
        let plain = try gradient(of: model) { try mseLoss($0(inputs), targets) }
        #expect(try #require(same["0.weight"]).array(of: Float.self) == plain["0.weight"]?.array(of: Float.self))
        // snippet
        let weight = try Tensor.randn([4, 2], seed: 3)
        let each = vmap({ x in [try gradient(at: weight) { try mseLoss(x[0].matmul($0), x[1]) }] }, inDims: [0, 0])
        let gradientOfEach = try each([inputs, targets])[0]  // [32, 4, 2]
        let curvature = try hessian(at: Tensor([1.0, 2])) { try $0.pow(3).sum() }  // [[6, 0], [0, 12]]
        // snippet.end
        #expect(try gradientOfEach.sizes == [32, 4, 2])
        #expect(try curvature.array(of: Float.self) == [6, 0, 0, 12])
        // Batches of any size, in a program.
        let norms: (Tensor) throws -> Tensor = vmap { try $0.norm() }
        let program = try export(norms, args: inputs, constraints: [dynamicDim(inputs, 0) >= 2])
        let some: Tensor = try program(inputs[..<5])
        #expect(try some.allclose(norms(inputs[..<5])))
    }
}
