import Apus
import ApusData
import ApusDistributed

private final class DigitClassifier: Module {
    let layer: Linear
    init() throws { layer = try Linear(4, 3) }
    func forward(_ x: Tensor) throws -> Tensor { try layer(x) }
}

/// The code of README.md, which a test compares with the page.
func page(_ world: ProcessGroup, _ folder: String) throws {
    let samples = try TensorDataset(.randn([256, 4], seed: 1)).zipped(with: TensorDataset(.randint(0, 3, [256], seed: 2)))
    try train(world, samples)
    try programs(world, folder)
}

private func train(_ world: ProcessGroup, _ samples: ZippedDataset<TensorDataset, TensorDataset>) throws {
    // The page's process joins here; this one has already.
    // snippet
    let model = try DigitClassifier()
    let parallel = try DataParallel(model, in: world)  // everybody has rank 0's parameters now
    let optimizer = try ZeroRedundancyOptimizer(model, in: world) { try AdamW($0, learningRate: 1e-3) }
    let shard = try DataShard(world.rank, of: world.size)
    let loading = LoadingOptions(shuffleSeed: 0, shard: shard)
    let loader = try DataLoader(samples, batchSize: 64 / world.size, options: loading)
    for epoch in 0..<10 {
        for batch in loader.epoch(epoch).results {
            let (images, digits) = try batch.get()
            let (loss, gradients) = try parallel.valueAndGradient { try crossEntropy($0(images), digits) }
            try optimizer.step(gradients.clipped(maxNorm: 1))
            if world.rank == 0 { print(loss) }
        }
    }
    // snippet.end
}

private func programs(_ world: ProcessGroup, _ folder: String) throws {
    let model = try DigitClassifier()
    let x: Tensor = try .ones([2, 4])
    let path: String = "\(folder)/model-\(world.rank).pt2"
    // snippet
    let program = try export({ (x: Tensor) in try world.allReduce(model(x), .avg) }, args: x)
    try program.save(to: path)
    let loaded = try ExportedProgram.load(from: path, operators: .withCollectives)
    // snippet.end
    let (a, b): (Tensor, Tensor) = (try loaded(x), try program(x))
    try expect(try a.equal(b), "the loaded program differs")
}
