import Apus
import ApusDistributed
import DigitsModel

/// One step of a training, and what it remembers from step to step.
protocol TrainingStep {
    /// - Returns: the mean loss of the whole batch.
    func run(_ images: Tensor, _ digits: Tensor, learningRate: Double) throws -> Double
    func stateDict() throws -> [String: Tensor]
    func load(_ state: [String: Tensor]) throws
}

/// In one process.
struct WholeStep: TrainingStep {
    private let model: DigitClassifier
    private let optimizer: AdamW

    init(_ model: DigitClassifier) throws {
        (self.model, optimizer) = (model, try AdamW(model, learningRate: 2e-3))
    }

    func run(_ images: Tensor, _ digits: Tensor, learningRate: Double) throws -> Double {
        let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(images), digits) }
        optimizer.learningRate = learningRate
        try optimizer.step(gradients.clipped(maxNorm: 5))
        return try loss.to(.float64).item(Double.self)
    }

    func stateDict() throws -> [String: Tensor] { try optimizer.stateDict() }
    func load(_ state: [String: Tensor]) throws { try optimizer.load(state) }
}

/// In several: each has a part of the batch, and of the optimizer's memory.
struct SharedStep: TrainingStep {
    private let parallel: DataParallel<DigitClassifier>
    private let optimizer: ZeroRedundancyOptimizer<AdamW>
    private let world: ProcessGroup

    init(_ model: DigitClassifier, _ world: ProcessGroup) throws {
        self.world = world
        // Normalisations leave the same running statistics everywhere.
        let options = DataParallel<DigitClassifier>.Options(broadcastsBuffers: false)
        parallel = try DataParallel(model, in: world, options: options)
        optimizer = try ZeroRedundancyOptimizer(model, in: world) { try AdamW($0, learningRate: 2e-3) }
    }

    func run(_ images: Tensor, _ digits: Tensor, learningRate: Double) throws -> Double {
        let (loss, gradients) = try parallel.valueAndGradient { model in
            try world.synchronizingBatchNorm { try crossEntropy(model(images), digits) }
        }
        optimizer.optimizer.learningRate = learningRate
        try optimizer.step(gradients.clipped(maxNorm: 5))
        return try world.allReduce(loss.to(.float64), .avg).item(Double.self)
    }

    func stateDict() throws -> [String: Tensor] { try optimizer.stateDict(to: 0) }
    func load(_ state: [String: Tensor]) throws { try optimizer.load(state) }
}
