import ApusNN
import ApusSymbolic
import ApusTensor
import Testing

struct OptimizerAnswers: Decodable {
    struct Run: Decodable {
        /// Nil for steps that are not told.
        let steps: [[String: ReferenceTensor]?]
        let state: [String: ReferenceTensor]
    }
    struct Schedule: Decodable { let rates, momenta: [Double] }
    struct Clip: Decodable {
        let norm: Double
        let gradients: [ReferenceTensor]
    }
    let x, y, weight, bias: ReferenceTensor
    let trajectories: [String: Run]
    let metrics: [Double]
    let schedules: [String: Schedule]
    let clipped: [String: Clip]
}

@Suite struct OptimizerTests {
    static let answers = Result { try judge("nn_optimizers.py", as: OptimizerAnswers.self) }

    func model(_ dtype: DType = .float64) throws -> Linear {
        let answers = try Self.answers.get()
        let model = try Linear(3, 2, dtype: dtype)
        model.weight = try answers.weight.tensor().to(dtype)
        model.bias = try answers.bias.tensor().to(dtype)
        return model
    }

    func gradients(_ model: Linear, step: Int, power: Int = 2) throws -> ModuleGradients {
        try evaluate(model, step: step, power: power).gradients
    }

    private func evaluate(_ model: Linear, step: Int, power: Int) throws -> (value: Tensor, gradients: ModuleGradients) {
        let answers = try Self.answers.get()
        let (x, y) = (try answers.x.tensor().to(model.weight.dtype), try answers.y.tensor().to(model.weight.dtype))
        return try valueAndGradient(of: model) { model in
            // Every fourth step the bias does not take part.
            let difference = try x.linear(model.weight, bias: step % 4 == 3 ? nil : model.bias) - y
            return try difference.abs().pow(power).sum() / 24
        }
    }

    private static let makers: [String: @Sendable (Linear) throws -> Optimizer] = [
        "sgd": { try SGD($0, learningRate: 0.1) }, "sgd momentum": { try SGD($0, learningRate: 0.1, momentum: 0.9) },
        "sgd nesterov decay": { try SGD($0, learningRate: 0.05, momentum: 0.8, weightDecay: 0.1, nesterov: true) },
        "sgd dampening": { try SGD($0, learningRate: 0.1, momentum: 0.9, dampening: 0.3) },
        "sgd maximize": { try SGD($0, learningRate: 0.01, momentum: 0.5, maximize: true) },
        "adam": { try Adam($0, learningRate: 0.1) },
        "adam decay amsgrad": {
            try Adam($0, learningRate: 0.1, betas: (0.8, 0.95), epsilon: 1e-6, weightDecay: 0.1, amsgrad: true)
        },
        "adam decoupled": { try Adam($0, learningRate: 0.1, weightDecay: 0.3, decoupledWeightDecay: true) },
        "adam maximize": { try Adam($0, learningRate: 0.1, weightDecay: 0.1, maximize: true) },
        "adamw": { try AdamW($0, learningRate: 0.1) },
        "adamw decay": { try AdamW($0, learningRate: 0.1, betas: (0.7, 0.9), weightDecay: 0.3) },
        "rmsprop": { try RMSprop($0, learningRate: 0.05) },
        "rmsprop centered momentum": {
            try RMSprop($0, learningRate: 0.02, alpha: 0.9, weightDecay: 0.1, momentum: 0.7, centered: true)
        },
        "adagrad": { try Adagrad($0) },
        "adagrad options": {
            try Adagrad($0, learningRate: 0.1, learningRateDecay: 0.05, weightDecay: 0.1, initialAccumulatorValue: 0.2, epsilon: 1e-6)
        },
        "adadelta": { try Adadelta($0) },
        "adadelta options": { try Adadelta($0, learningRate: 0.7, rho: 0.8, epsilon: 1e-4, weightDecay: 0.1) },
        "adamax": { try Adamax($0) },
        "adamax options": { try Adamax($0, learningRate: 0.1, betas: (0.8, 0.95), epsilon: 1e-6, weightDecay: 0.1) },
        "nadam": { try NAdam($0) },
        "nadam options": { try NAdam($0, learningRate: 0.1, betas: (0.8, 0.95), weightDecay: 0.1, momentumDecay: 0.01) },
        "nadam decoupled": { try NAdam($0, learningRate: 0.1, weightDecay: 0.1, decoupledWeightDecay: true) },
        "radam": { try RAdam($0) },
        "radam options": { try RAdam($0, learningRate: 0.1, betas: (0.8, 0.9), weightDecay: 0.1) },
        "radam decoupled": { try RAdam($0, learningRate: 0.1, betas: (0.8, 0.9), weightDecay: 0.1, decoupledWeightDecay: true) },
        "rprop": { try Rprop($0) },
        "rprop options": { try Rprop($0, learningRate: 0.1, etas: (0.3, 1.5), stepSizes: (1e-3, 0.15)) },
        "asgd": { try ASGD($0) },
        "asgd options": { try ASGD($0, learningRate: 0.1, lambda: 0.01, alpha: 0.6, t0: 5, weightDecay: 0.1) },
        "adafactor": { try Adafactor($0) },
        "adafactor options": {
            try Adafactor(
                $0, learningRate: 0.1, beta2Decay: -0.7, epsilon: 1e-4, parameterEpsilon: 1e-2, clipThreshold: 1.2, weightDecay: 0.1)
        },
        "muon": { try Muon($0, learningRate: 0.02) },
        "muon options": {
            try Muon(
                $0, learningRate: 0.02, weightDecay: 0.3, momentum: 0.8, nesterov: false, newtonSchulzSteps: 4,
                learningRateAdjustment: .matchRMSAdamW)
        },
        "lbfgs": { try LBFGS($0, learningRate: 0.5, maxIterations: 3) },
        "lbfgs history": { try LBFGS($0, maxIterations: 4, historySize: 3, lineSearch: .strongWolfe) },
        "lbfgs wolfe": { try LBFGS($0, maxIterations: 5, lineSearch: .strongWolfe) },
    ]

    /// The optimizer of a case, `name`, `name, float32` or `name, groups`.
    private func make(_ name: String, _ model: Linear) throws -> Optimizer {
        let kind = String(name.prefix { $0 != "," })
        let maker = try #require(Self.makers[kind])
        let optimizer: Optimizer = try maker(model)
        if name.hasSuffix("groups") {
            let decay: Double? = name.hasPrefix("rprop") ? nil : 0.2
            // Muon has the weight alone.
            let last: String = name.hasPrefix("muon") ? "weight" : "bias"
            optimizer.groups = [ParameterGroup(learningRateScale: 0.5, weightDecay: decay) { $0 == last }]
        }
        return optimizer
    }

    private func take(_ step: Int, _ name: String, _ optimizer: Optimizer, _ model: Linear) throws {
        if let optimizer = optimizer as? LBFGS {
            try optimizer.step { try evaluate(model, step: 0, power: 4) }
        } else {
            let gradients = try gradients(model, step: step)
            try optimizer.step(name.hasPrefix("muon") ? gradients.filter { $0.gradient?.rank == 2 } : gradients)
        }
    }

    /// How far numbers may be from PyTorch's. Muon's steps are made in bfloat16, where a sum in another order is another number; the paths of
    /// L-BFGS part where they are as far from the end as these here: PyTorch's own by as much, from a start that is one bit off.
    private func tolerance(_ name: String) -> Double {
        if name.hasPrefix("muon") { return 2e-3 }
        if name.hasSuffix("float32") { return name.hasPrefix("lbfgs") ? 5e-3 : 1e-5 }
        return name.hasPrefix("lbfgs") ? 1e-9 : 1e-12
    }

    @Test func trajectoriesFollowPyTorchs() throws {
        let trajectories = try Self.answers.get().trajectories
        #expect(trajectories.count == 105)
        for (name, run) in trajectories {
            let model = try model(name.hasSuffix("float32") ? .float32 : .float64)
            let optimizer = try make(name, model)
            for (step, expected) in run.steps.enumerated() {
                try take(step, name, optimizer, model)
                guard let expected else { continue }
                let bound: Double = tolerance(name)
                try expectClose(model.weight, try #require(expected["weight"]), rtol: bound, "\(name), step \(step), weight")
                try expectClose(try #require(model.bias), try #require(expected["bias"]), rtol: bound, "\(name), step \(step), bias")
            }
        }
    }

    /// What is remembered has PyTorch's names and values, and training goes on from PyTorch's as from our own.
    @Test func memoryIsPyTorchs() throws {
        for (name, run) in try Self.answers.get().trajectories where !name.hasPrefix("lbfgs") && !name.contains(",") {
            let half = run.steps.count / 2
            let (whole, broken) = (try model(), try model())
            let first = try make(name, whole)
            for step in 0..<half { try take(step, name, first, whole) }
            let saved = try first.stateDict()
            for (key, reference) in run.state where !key.hasSuffix(".step") {
                let own: Tensor = try #require(saved[key], "\(name): \(key)")
                // Numbers besides tensors are of PyTorch's default dtype, which is float64 here.
                try expectClose(own, reference, rtol: 10 * tolerance(name), "\(name), \(key)")
            }
            let counted: Set<String> = Set(saved.keys.filter { !$0.hasSuffix(".step") })
            #expect(counted == Set(run.state.keys.filter { !$0.hasSuffix(".step") }), "\(name)")
            let last = try #require(run.steps[half - 1])
            broken.weight = try #require(last["weight"]).tensor()
            broken.bias = try #require(last["bias"]).tensor()
            let second = try make(name, broken)
            try second.load(try run.state.mapValues { try $0.tensor() })
            for step in half..<run.steps.count { try take(step, name, second, broken) }
            let end = try #require(run.steps[run.steps.count - 1])
            let (weight, bias) = (try #require(end["weight"]), try #require(end["bias"]))
            try expectClose(broken.weight, weight, rtol: tolerance(name), "\(name) from PyTorch's state, weight")
            try expectClose(try #require(broken.bias), bias, rtol: tolerance(name), "\(name) from PyTorch's state, bias")
        }
    }

    @Test func memoryIsSavedAndLoadedByName() throws {
        for name in try Self.answers.get().trajectories.keys where !name.contains(",") {
            let (whole, broken) = (try model(), try model())
            let first = try make(name, whole)
            for step in 0..<6 { try take(step, name, first, whole) }
            let saved = try first.stateDict()
            try broken.load(whole.stateDict())
            let second = try make(name, broken)
            try second.load(saved)
            for step in 6..<10 {
                try take(step, name, first, whole)
                try take(step, name, second, broken)
            }
            #expect(try whole.weight.array(of: Double.self) == broken.weight.array(of: Double.self), "\(name)")
            #expect(try whole.bias?.array(of: Double.self) == broken.bias?.array(of: Double.self), "\(name)")
        }
    }

    @Test func lbfgsKeepsWhatItHadWhereTheLossThrows() throws {
        let model = try model()
        let optimizer = try LBFGS(model, maxIterations: 5, lineSearch: .strongWolfe)
        try optimizer.step { try evaluate(model, step: 0, power: 4) }
        let (before, state) = (try model.weight.array(of: Double.self), try optimizer.stateDict())
        var calls = 0
        #expect(throws: ModuleError.self) {
            try optimizer.step {
                calls += 1
                if calls == 3 { throw ModuleError(moduleType: "Linear", problems: []) }
                return try evaluate(model, step: 0, power: 4)
            }
        }
        #expect(try model.weight.array(of: Double.self) == before)
        #expect(try optimizer.stateDict()["weight.func_evals"]?.array(of: Int.self) == state["weight.func_evals"]?.array(of: Int.self))
        let error = #expect(throws: TensorError.self) { try optimizer.step(try gradients(model, step: 0)) }
        #expect(error?.statement == "LBFGS: evaluates the loss itself: use step { try valueAndGradient(of: model) { ... } }")
        var broken = state
        broken["weight.d"] = try Tensor.ones([2])
        broken["weight.ro"] = nil
        broken["bias.d"] = try Tensor.ones([8])
        let report = #expect(throws: StateDictMismatch.self) { try optimizer.load(broken) }
        #expect(report?.missing == ["weight.ro"])
        #expect(report?.unexpected == ["bias.d"])
    }

    @Test func optionsOutOfRangeAreErrors() throws {
        let model = try model()
        func message(_ make: () throws -> Optimizer) -> String? {
            do {
                _ = try make()
                return nil
            } catch {
                return (error as? TensorError)?.statement
            }
        }
        #expect(message { try SGD(model, learningRate: -1) } == "SGD: learningRate must be at least 0.0, not -1.0")
        #expect(message { try NAdam(model, betas: (0.9, 1)) } == "NAdam: betas.1 must be at least 0.0 and below 1.0, not 1.0")
        #expect(message { try Adagrad(model, weightDecay: -0.5) } == "Adagrad: weightDecay must be at least 0.0, not -0.5")
        #expect(message { try Rprop(model, etas: (1.5, 2)) } == "Rprop: etas must be between 0 and 1, and above 1, not (1.5, 2.0)")
        #expect(message { try Adadelta(model, rho: 1.5) } == "Adadelta: rho must be between 0 and 1, not 1.5")
        #expect(message { try Adafactor(model, clipThreshold: 0.5) } == "Adafactor: clipThreshold must be at least 1.0, not 0.5")
        #expect(message { try LBFGS(model, historySize: 0) } == "LBFGS: historySize must be positive, not 0")
        #expect(message { try Muon(model, newtonSchulzSteps: 100) } == "Muon: newtonSchulzSteps must be below 100, not 100")
        let muon = try Muon(model)
        let error = #expect(throws: TensorError.self) { try muon.step(try gradients(model, step: 0)) }
        #expect(error?.statement.contains("changes real matrices only; 'bias' is float64[2]") == true)
        let group = ParameterGroup(learningRateScale: -1) { _ in true }
        #expect(group.learningRateScale == 0)
        let fault = #expect(throws: TensorError.self) { try Tensor.zeros([1]) }
        #expect(fault?.message.contains("learningRateScale must be at least 0.0, not -1.0") == true)
        #expect(ParameterGroup(learningRateScale: Float(0.5), weightDecay: 1) { _ in true }.weightDecay == 1)
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
        saved["bias.exp_avg_sq"] = try Tensor.ones([3])
        do {
            try optimizer.load(saved)
            Issue.record("no error")
        } catch let error as StateDictMismatch {
            #expect(
                "\(error)" == """
                    AdamW: the state dictionary does not fit
                      missing: weight.step, bias.exp_avg
                      unexpected: weight.momentum_buffer
                      bias.exp_avg_sq: expected float64[2], found float32[3]
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
            "linear": .constant(0.1).warmedUp(over: 5, startFactor: 1.0 / 3),
        ]
        for (name, schedule) in schedules {
            for (step, rate) in try #require(expected[name]).rates.prefix(10).enumerated() {
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
        let adam = try AdamW(model, learningRate: n, betas: (f, s), epsilon: f, weightDecay: f)
        #expect(adam.learningRate == 1 && adam.epsilon == 0.5 && adam.weightDecay == 0.5)
        #expect(adam.betas == (0.5, 0.25))
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
        let others: [(name: String, gradients: ModuleGradients, order: Double)] = [
            ("value", try gradients.clipped(value: 1.5), 0), ("sum", try gradients.clipped(maxNorm: 1.5, order: 1), 1),
            ("largest", try gradients.clipped(maxNorm: 1.5, order: Double.infinity), .infinity),
        ]
        for (name, clipped, order) in others {
            let expected = try #require(try Self.answers.get().clipped[name])
            if order > 0 { #expect(abs(try gradients.norm(order) - expected.norm) < 1e-12) }
            try expectClose(try #require(clipped["tied"]), expected.gradients[0], rtol: 1e-12, name)
            try expectClose(try #require(clipped["b"]), expected.gradients[1], rtol: 1e-12, name)
        }
        #expect(throws: TensorError.self) { try gradients.clipped(value: -1) }
        #expect(throws: TensorError.self) { try gradients.vector() }
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
            let others: [Optimizer] = [
                try Adam(model), try Adamax(model), try NAdam(model), try RAdam(model), try Adagrad(model, initialAccumulatorValue: 1),
                try Adadelta(model), try Rprop(model), try ASGD(model), try RMSprop(model, momentum: 0.5, centered: true),
            ]
            for optimizer in others {
                try optimizer.step(ModuleGradients(entries: entries))
                #expect(
                    try model.weight.dtype == dtype && model.weight.isfinite().all().item(Bool.self), "\(type(of: optimizer)), \(dtype)")
            }
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
        let makers: [(Linear, Double, Double) throws -> Optimizer] = [
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
