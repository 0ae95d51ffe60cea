import ApusNN
import ApusSymbolic
import ApusTensor
import Testing

private struct Answers: Decodable {
    struct Clip: Decodable {
        let norm: Double
        let gradients: [ReferenceTensor]
    }
    let x, y, weight, bias: ReferenceTensor
    let trajectories: [String: [[String: ReferenceTensor]]]
    let schedules: [String: [Double]]
    let clipped: [String: Clip]
}

@Suite struct OptimizerTests {
    private static let answers = Result { try judge("nn_optimizers.py", as: Answers.self) }

    private func model() throws -> Affine {
        let answers = try Self.answers.get()
        let model = try Affine(3, dtype: .float64)
        model.weight = try answers.weight.tensor()
        model.bias = try answers.bias.tensor()
        return model
    }

    private func gradients(_ model: Affine, step: Int) throws -> ModuleGradients {
        let answers = try Self.answers.get()
        let (x, y) = (try answers.x.tensor(), try answers.y.tensor())
        return try gradient(of: model) { model in
            let difference = try (step % 4 == 3 ? x * model.weight : model(x)) - y
            return try (difference * difference).sum() / 24
        }
    }

    private func make(_ name: String, _ model: Affine) throws -> Optimizer {
        switch name {
        case "sgd": try SGD(model, learningRate: 0.1)
        case "sgd momentum": try SGD(model, learningRate: 0.1, momentum: 0.9)
        case "sgd nesterov decay": try SGD(model, learningRate: 0.05, momentum: 0.8, weightDecay: 0.1, nesterov: true)
        case "sgd dampening": try SGD(model, learningRate: 0.1, momentum: 0.9, dampening: 0.3)
        case "adam": try Adam(model, learningRate: 0.1)
        case "adam decay amsgrad":
            try Adam(model, learningRate: 0.1, betas: (0.8, 0.95), epsilon: 1e-6, weightDecay: 0.1, amsgrad: true)
        case "adamw": try AdamW(model, learningRate: 0.1)
        case "adamw decay": try AdamW(model, learningRate: 0.1, betas: (0.7, 0.9), weightDecay: 0.3)
        case "rmsprop": try RMSprop(model, learningRate: 0.05)
        case "rmsprop centered momentum":
            try RMSprop(model, learningRate: 0.02, alpha: 0.9, weightDecay: 0.1, momentum: 0.7, centered: true)
        default: throw TensorError(.invalidArgument, "no optimizer for '\(name)'")
        }
    }

    @Test func trajectoriesFollowPyTorchs() throws {
        let trajectories = try Self.answers.get().trajectories
        #expect(trajectories.count == 10)
        for (name, steps) in trajectories {
            let model = try model()
            let optimizer = try make(name, model)
            for (step, expected) in steps.enumerated() {
                try optimizer.step(try gradients(model, step: step))
                try expectClose(model.weight, try #require(expected["weight"]), rtol: 1e-12, "\(name), step \(step), weight")
                try expectClose(try #require(model.bias), try #require(expected["bias"]), rtol: 1e-12, "\(name), step \(step), bias")
            }
        }
    }

    @Test func memoryIsSavedAndLoadedByName() throws {
        for name in try Self.answers.get().trajectories.keys {
            let (whole, broken) = (try model(), try model())
            let first = try make(name, whole)
            for step in 0..<10 { try first.step(try gradients(whole, step: step)) }
            let saved = try first.stateDict()
            try broken.load(whole.stateDict())
            let second = try make(name, broken)
            try second.load(saved)
            for step in 10..<20 {
                try first.step(try gradients(whole, step: step))
                try second.step(try gradients(broken, step: step))
            }
            #expect(try whole.weight.array(of: Double.self) == broken.weight.array(of: Double.self), "\(name)")
            #expect(try whole.bias?.array(of: Double.self) == broken.bias?.array(of: Double.self), "\(name)")
        }
    }

    @Test func memoryThatDoesNotFitIsNamed() throws {
        let model = try model()
        let optimizer = try AdamW(model)
        try optimizer.step(try gradients(model, step: 0))
        var saved = try optimizer.stateDict()
        #expect(
            saved.keys.sorted() == ["bias.exp_avg", "bias.exp_avg_sq", "bias.step", "weight.exp_avg", "weight.exp_avg_sq", "weight.step"])
        saved["bias.exp_avg"] = nil
        saved["weight.step"] = nil
        saved["weight.momentum_buffer"] = try Tensor.ones([1])
        saved["bias.exp_avg_sq"] = try Tensor.ones([2])
        do {
            try optimizer.load(saved)
            Issue.record("no error")
        } catch let error as StateDictMismatch {
            #expect(
                "\(error)" == """
                    AdamW: the state dictionary does not fit
                      missing: weight.step, bias.exp_avg
                      unexpected: weight.momentum_buffer
                      bias.exp_avg_sq: expected float64[3], found float32[2]
                    """)
        }
    }

    @Test func tiedParametersTakeOneStep() throws {
        let tied = try Tied()
        let optimizer = try SGD(tied, learningRate: 1)
        try optimizer.step(try gradient(of: tied) { try $0(try Tensor.ones([2])).sum() })
        #expect(try tied.namedParameters().allSatisfy { try $0.tensor.array(of: Float.self) == [-2, -2] })
        #expect(tied.parameters().count == 1)
    }

    @Test func wrongGradientsAreRefusedBeforeAnythingChanges() throws {
        let model = try Affine()
        let optimizer = try SGD(model, learningRate: 1)
        let one = try Tensor.ones([2])
        func message(_ names: [[String]], _ gradients: [Tensor]) -> String {
            do {
                try optimizer.step(ModuleGradients(entries: zip(names, gradients).map { .init(names: $0, gradient: $1) }))
                return "no error"
            } catch {
                return error.unplaced
            }
        }
        #expect(message([["weight"], ["other"]], [one, one]) == "SGD: there is a gradient for 'other', which the model does not have")
        #expect(
            message([["weight"], ["bias"]], [one, try Tensor.ones([3])])
                == "SGD: the parameter 'bias' is float32[2], its gradient float32[3]")
        #expect(try model.weight.array(of: Float.self) == [1, 1])
        #expect(throws: TensorError.self) { try SGD(model, nesterov: true) }
    }

    @Test func schedulesFollowPyTorchs() throws {
        let expected = try Self.answers.get().schedules
        let schedules: [String: LearningRateSchedule] = [
            "step": .step(from: 0.1, every: 3, gamma: 0.5),
            "cosine": .cosine(from: 0.1, steps: 10, minimum: 0.01),
            "warmup": .constant(0.1).warmedUp(over: 5, startFactor: 0.25),
        ]
        for (name, schedule) in schedules {
            for (step, rate) in try #require(expected[name]).enumerated() {
                #expect(abs(schedule(step) - rate) < 1e-12, "\(name), step \(step)")
            }
        }
        let (rate, steps): (Float, SymInt) = (0.5, 4)
        #expect(LearningRateSchedule.constant(rate).warmedUp(over: steps)(2) == 0.25)
        #expect(LearningRateSchedule.constant(Scalar(.init(0, 1)))(0) == 0)
        let fault = #expect(throws: TensorError.self) { try Tensor.zeros([1]) }
        #expect(fault?.message.contains("rate must be a plain number, not (0.0, 1.0i)") == true)
        #expect(LearningRateSchedule.cosine(from: 1, steps: 4)(9) == 0)
        #expect(LearningRateSchedule.step(from: 1, every: 0)(-3) == 1)
    }

    @Test func optionsAreAnyNumbers() throws {
        let (f, n, s): (Float, Int, Scalar) = (0.5, 1, 0.25)
        let model = try model()
        let sgd = try SGD(model, learningRate: f, momentum: n, weightDecay: s)
        #expect(sgd.learningRate == 0.5 && sgd.momentum == 1 && sgd.weightDecay == 0.25)
        let adam = try AdamW(model, learningRate: n, epsilon: f, weightDecay: f)
        #expect(adam.learningRate == 1 && adam.epsilon == 0.5 && adam.weightDecay == 0.5)
        #expect(try RMSprop(model, alpha: f, momentum: s).momentum == 0.25)
        let error = #expect(throws: TensorError.self) { try Adam(model, epsilon: Scalar(.init(0, 1))) }
        #expect(error?.statement == "Adam: epsilon must be a plain number, not (0.0, 1.0i)")
        let gradients = ModuleGradients(entries: [.init(names: ["a"], gradient: try Tensor([3, 4] as [Double], shape: [2]))])
        #expect(try abs(gradients.clipped(maxNorm: f).norm() - 0.5) < 1e-6)
    }

    @Test func clippingFollowsPyTorchs() throws {
        let gradients = ModuleGradients(entries: [
            .init(names: ["a", "tied"], gradient: try Tensor([3, -4, 1] as [Double], shape: [3])),
            .init(names: ["b"], gradient: try Tensor([2, 0.5] as [Double], shape: [2])),
            .init(names: ["c"], gradient: nil),
        ])
        for (name, maxNorm) in [("small", 1.5), ("large", 100.0)] {
            let expected = try #require(try Self.answers.get().clipped[name])
            #expect(abs(try gradients.norm() - expected.norm) < 1e-12)
            let clipped = try gradients.clipped(maxNorm: maxNorm)
            try expectClose(try #require(clipped["tied"]), expected.gradients[0], rtol: 1e-12, name)
            try expectClose(try #require(clipped["b"]), expected.gradients[1], rtol: 1e-12, name)
        }
        let bad = ModuleGradients(entries: [.init(names: ["a"], gradient: try Tensor([Double.nan], shape: [1]))])
        #expect(throws: TensorError.self) { try bad.clipped(maxNorm: 1) }
    }

    @Test func memoryIsChangedInPlaceOnlyWhereNobodyElseHoldsIt() throws {
        let model = try Affine()
        let optimizer = try SGD(model, learningRate: 1, momentum: 0.5)
        let x = try Tensor([3, 4] as [Float], shape: [2])
        func step() throws { try optimizer.step(try gradient(of: model) { try $0(x).sum() }) }
        try step()
        let address = model.weight.baseAddress
        try step()
        #expect(model.weight.baseAddress == address)
        #expect(try model.weight.array(of: Float.self) == [1 - 3 - 4.5, 1 - 4 - 6])

        let copy = model.weight
        let view = try #require(model.bias).reshaped([1, 2])
        let saved = try optimizer.stateDict()
        let before = (try copy.array(of: Float.self), try view.array(of: Float.self))
        try step()
        #expect(model.weight.baseAddress != address)
        #expect(try copy.array(of: Float.self) == before.0)
        #expect(try view.array(of: Float.self) == before.1)
        #expect(try saved["weight.momentum_buffer"]?.array(of: Float.self) == [4.5, 6])
    }

    @Test func valuesOfATraceAreRefused() throws {
        let model = try Affine()
        let optimizer = try SGD(model)
        let traced = Tensor(spec: model.weight.spec)
        #expect(throws: TensorError.self) { try optimizer.step(ModuleGradients(entries: [.init(names: ["weight"], gradient: traced)])) }
        #expect(try model.weight.array(of: Float.self) == [1, 1])
    }

    @Test func everyFloatingDTypeIsUpdated() throws {
        for dtype in DType.allCases where dtype.isDifferentiable {
            let model = try Affine(3, dtype: dtype)
            let one = try Tensor.ones([3], dtype: dtype)
            let entries = ["weight", "bias"].map { ModuleGradients.Entry(names: [$0], gradient: one) }
            try SGD(model, learningRate: 0.5, momentum: 0.5).step(ModuleGradients(entries: entries))
            try SGD(model, learningRate: 0.5).step(ModuleGradients(entries: entries))
            #expect(model.weight.dtype == dtype)
            #expect(try (model.weight .!= 0).sum().item(Int.self) == 0, "\(dtype)")
        }
    }

    @Test func stepsThatNothingCanHaveTaken() throws {
        let model = try model()
        let optimizer = try AdamW(model)
        try optimizer.step(try gradients(model, step: 0))
        let saved = try optimizer.stateDict()
        for steps in [Int.max, Int.min, -1, (1 << 53) + 1] {
            var altered = saved
            altered["bias.step"] = try Tensor([steps], shape: [])
            let error = #expect(throws: TensorError.self) { try optimizer.load(altered) }
            #expect(
                error?.statement == "AdamW: 'bias.step' is \(steps); a parameter has taken between 0 and 9007199254740992 steps")
        }
        // The largest number is taken, and counting goes on.
        var late = saved
        late["bias.step"] = try Tensor([1 << 53], shape: [])
        try optimizer.load(late)
        try optimizer.step(try gradients(model, step: 1))
        #expect(try optimizer.stateDict()["bias.step"]?.array(of: Int.self) == [(1 << 53) + 1])
    }

    /// A group's parameters take the steps that an optimizer of its numbers makes for all.
    @Test func groupsHaveStepsOfTheirOwn() throws {
        let makers: [(Affine, Double, Double) throws -> Optimizer] = [
            { try SGD($0, learningRate: $1, momentum: 0.9, weightDecay: $2) }, { try Adam($0, learningRate: $1, weightDecay: $2) },
            { try AdamW($0, learningRate: $1, weightDecay: $2) }, { try RMSprop($0, learningRate: $1, weightDecay: $2) },
        ]
        for make in makers {
            let (grouped, whole, other) = (try model(), try model(), try model())
            let optimizer = try make(grouped, 0.1, 0.3)
            optimizer.groups = [
                ParameterGroup(learningRateScale: 0.5, weightDecay: 0) { $0.hasSuffix("bias") },
                ParameterGroup(learningRateScale: 100) { _ in false },
            ]
            let (plain, halved) = (try make(whole, 0.1, 0.3), try make(other, 0.05, 0))
            for step in 0..<3 {
                let gradients = try gradients(try model(), step: step)
                try optimizer.step(gradients)
                try plain.step(gradients)
                try halved.step(gradients)
            }
            #expect(try grouped.weight.array(of: Double.self) == whole.weight.array(of: Double.self))
            #expect(try grouped.bias?.array(of: Double.self) == other.bias?.array(of: Double.self))
            #expect(try grouped.bias?.array(of: Double.self) != whole.bias?.array(of: Double.self))
        }
    }
}
