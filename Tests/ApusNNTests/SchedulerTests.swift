import ApusNN
import ApusTensor
import Foundation
import Testing

/// A scheduler, told a number where it asks for one.
private enum Scheduler {
    case steps(LRScheduler)
    case metrics(ReduceLROnPlateau)

    func step(_ metric: Double) throws {
        switch self {
        case .steps(let scheduler): try scheduler.step()
        case .metrics(let scheduler): try scheduler.step(metric)
        }
    }

    func stateDict() throws -> [String: Tensor] {
        switch self {
        case .steps(let scheduler): try scheduler.stateDict()
        case .metrics(let scheduler): try scheduler.stateDict()
        }
    }

    func load(_ state: [String: Tensor]) throws {
        switch self {
        case .steps(let scheduler): try scheduler.load(state)
        case .metrics(let scheduler): try scheduler.load(state)
        }
    }
}

extension OptimizerTests {
    private typealias Maker = @Sendable (Optimizer) throws -> LRScheduler

    private static let schedulerMakers: [String: Maker] = [
        "lambda": { try LambdaLR($0) { pow(0.9, Double($0)) + 0.01 * Double($0) } },
        "multiplicative": { try MultiplicativeLR($0) { $0 % 3 == 0 ? 1.05 : 0.95 } },
        "step": { try StepLR($0, stepSize: 3, gamma: 0.5) },
        "multistep": { try MultiStepLR($0, milestones: [5, 12, 12, 40], gamma: 0.3) },
        "constant": { try ConstantLR($0) }, "constant options": { try ConstantLR($0, factor: 0.2, totalIterations: 20) },
        "linear": { try LinearLR($0) },
        "linear options": { try LinearLR($0, startFactor: 0.25, endFactor: 0.7, totalIterations: 33) },
        "exponential": { try ExponentialLR($0, gamma: 0.93) },
        "polynomial": { try PolynomialLR($0, totalIterations: 45, power: 1.7) },
        "cosine": { try CosineAnnealingLR($0, tMax: 10, etaMin: 0.01) },
        "restarts": { try CosineAnnealingWarmRestarts($0, t0: 7) },
        "restarts options": { try CosineAnnealingWarmRestarts($0, t0: 4, tMult: 2, etaMin: 0.003) },
        "cyclic": { try CyclicLR($0, baseLearningRate: 0.01, maxLearningRate: 0.3, stepSizeUp: 7) },
        "cyclic halves": {
            try CyclicLR(
                $0, baseLearningRate: 0.01, maxLearningRate: 0.3, stepSizeUp: 5, stepSizeDown: 9, mode: .triangular2, baseMomentum: 0.7,
                maxMomentum: 0.95)
        },
        "cyclic range": {
            try CyclicLR(
                $0, baseLearningRate: 0.01, maxLearningRate: 0.3, stepSizeUp: 6, mode: .expRange, gamma: 0.97, cycleMomentum: false)
        },
        "cyclic scaled": {
            try CyclicLR($0, baseLearningRate: 0.01, maxLearningRate: 0.3, stepSizeUp: 6, mode: .scaledByCycle { 1 / pow(5, $0 * 0.1) })
        },
        "onecycle": { try OneCycleLR($0, maxLearningRate: 0.3, totalSteps: 60) },
        "onecycle options": {
            try OneCycleLR(
                $0, maxLearningRate: 0.3, epochs: 6, stepsPerEpoch: 10, pctStart: 0.2, annealStrategy: .linear, cycleMomentum: false,
                divFactor: 10, finalDivFactor: 50, threePhase: true)
        },
        "sequential": {
            try SequentialLR(
                $0, [LinearLR($0, totalIterations: 8), CosineAnnealingLR($0, tMax: 30), ExponentialLR($0, gamma: 0.9)], milestones: [8, 38])
        },
        "sequential restarts": {
            try SequentialLR(
                $0, [ConstantLR($0, totalIterations: 9), CosineAnnealingWarmRestarts($0, t0: 6, tMult: 2)], milestones: [10])
        },
        "chained": {
            try ChainedScheduler([
                ConstantLR($0, factor: 0.1, totalIterations: 10), ExponentialLR($0, gamma: 0.9), StepLR($0, stepSize: 7, gamma: 0.8),
            ])
        },
    ]

    private func make(_ name: String) throws -> (Optimizer, Scheduler) {
        let model = try Affine()
        let optimizer: Optimizer =
            try name.hasSuffix("options") ? Adam(model, learningRate: 0.1) : SGD(model, learningRate: 0.1, momentum: 0.5)
        switch name {
        case "plateau": return (optimizer, .metrics(try ReduceLROnPlateau(optimizer, factor: 0.5, patience: 3, cooldown: 2)))
        case "plateau max":
            return (
                optimizer,
                .metrics(
                    try ReduceLROnPlateau(
                        optimizer, mode: .max, patience: 4, threshold: 0.05, thresholdMode: .abs, minLearningRate: 0.004))
            )
        default:
            let maker = try #require(Self.schedulerMakers[name])
            return (optimizer, .steps(try maker(optimizer)))
        }
    }

    private func momentum(_ optimizer: Optimizer) -> Double? { (optimizer as? SGD)?.momentum ?? (optimizer as? Adam)?.betas.0 }

    /// The rates of 60 steps, the second half by a scheduler that the first one's state was loaded into.
    @Test func ratesFollowPyTorchs() throws {
        let answers = try Self.answers.get()
        #expect(answers.schedules.count == 24)
        for (name, expected) in answers.schedules {
            var (optimizer, scheduler) = try make(name)
            for step in 0..<60 {
                if step == 30 {
                    let saved = try scheduler.stateDict()
                    (optimizer, scheduler) = try make(name)
                    try scheduler.load(saved)
                }
                #expect(abs(optimizer.learningRate - expected.rates[step]) <= 1e-12, "\(name), step \(step)")
                #expect(abs(try #require(momentum(optimizer)) - expected.momenta[step]) <= 1e-12, "\(name), step \(step), momentum")
                try scheduler.step(answers.metrics[step])
            }
        }
    }

    @Test func schedulersTellWhatIsWrong() throws {
        let optimizer = try SGD(try Affine(), learningRate: 0.1)
        func message(_ make: () throws -> Void) -> String? {
            do {
                try make()
                return nil
            } catch {
                return (error as? TensorError)?.statement ?? "\(error)"
            }
        }
        #expect(
            message { _ = try MultiStepLR(optimizer, milestones: [5, 3]) }
                == "MultiStepLR: milestones must be epochs in order, from 0 on, not [5, 3]")
        #expect(message { _ = try StepLR(optimizer, stepSize: 0) } == "StepLR: stepSize must be positive, not 0")
        #expect(message { _ = try SequentialLR(optimizer, [], milestones: []) } == "SequentialLR: needs at least one scheduler")
        #expect(
            message { _ = try SequentialLR(optimizer, [LinearLR(optimizer)], milestones: [3]) }
                == "SequentialLR: 1 schedulers need 0 milestones, not 1")
        #expect(
            message { _ = try ChainedScheduler([LinearLR(optimizer), LinearLR(try SGD(try Affine()))]) }
                == "ChainedScheduler: the scheduler 1, a LinearLR, is another optimizer's")
        #expect(
            message { _ = try CyclicLR(try Adagrad(try Affine()), baseLearningRate: 0, maxLearningRate: 1) }
                == "CyclicLR: Adagrad has no momentum to set; say cycleMomentum: false")
        #expect(
            message { _ = try ReduceLROnPlateau(optimizer, factor: 1) }
                == "ReduceLROnPlateau: factor must be at least 0.0 and below 1.0, not 1.0")
        let short = try OneCycleLR(optimizer, maxLearningRate: 1, totalSteps: 2)
        try short.step()
        try short.step()
        #expect(message { try short.step() } == "OneCycleLR: step 3 is beyond the 2 that the schedule has")
        let state = try StepLR(optimizer, stepSize: 2).stateDict()
        #expect(state.keys.sorted() == ["_last_lr", "base_lrs", "last_epoch"])
        #expect(throws: StateDictMismatch.self) { try CosineAnnealingWarmRestarts(optimizer, t0: 2).load(state) }
        var broken = state
        broken["last_epoch"] = try Tensor([1.5], shape: [])
        #expect(message { try StepLR(optimizer, stepSize: 2).load(broken) } == "StepLR: 'last_epoch' is 1.5, which counts no steps")
    }
}
