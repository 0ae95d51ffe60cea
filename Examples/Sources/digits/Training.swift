import Apus
import ApusData
import Console
import DigitsModel

/// Trains the classifier and shows how it goes.
func train(_ model: DigitClassifier, on data: DigitsData.Part, epochs: Int, batchSize: Int, seed: UInt64) throws {
    let optimizer = try AdamW(model, learningRate: 2e-3)
    let samples = try TensorDataset(data.images).zipped(with: TensorDataset(data.digits))
    let loader = try DataLoader(samples, batchSize: batchSize, options: LoadingOptions(shuffleSeed: seed))
    let schedule = LearningRateSchedule.cosine(from: 2e-3, steps: epochs * loader.count, minimum: 1e-5)
    var bar = ProgressBar("Training", total: epochs * loader.count)
    var step = 0

    try model.train()
    for epoch in 1...epochs {
        for batch in loader.epoch(epoch).results {
            let (images, digits) = try batch.get()
            let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(images), digits) }
            optimizer.learningRate = schedule(step)
            try optimizer.step(gradients)
            step += 1
            bar.update(step, note: "epoch \(epoch), loss \(decimal(Double(try loss.item(Float.self)), places: 4))")
        }
    }
    try model.eval()
}

/// The digits with the highest scores, one for each row of `[N, 10]`.
func predictions(_ scores: Tensor) throws -> [Int] {
    try scores.argmax(dim: 1).array(of: Int.self)
}

/// The share of images whose digit was found.
func accuracy(_ predicted: [Int], _ actual: [Int]) -> Double {
    actual.isEmpty ? 0 : Double(zip(predicted, actual).count { $0 == $1 }) / Double(actual.count)
}
