import Apus
import ApusData
import ApusDistributed
import ArgumentParser
import DigitsModel
import Foundation

@main
struct Digits: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train on handwritten digits, in one process or, under mpirun with --distributed, in several that share each batch.")

    @Flag(help: "Share each batch among the processes that mpirun has started.")
    var distributed = false

    @Option(help: "The digits, an .npy file.")
    var data = "Examples/Data/digits.npy"

    @Option(help: "How often training sees every image.")
    var epochs = 5

    @Option(help: "How many images a step takes, in all processes together.")
    var batch = 64

    @Option(help: "Decides the initial weights and the order of the images.")
    var seed: UInt64 = 0

    @Option(help: "float32, whose rounding grows with the number of steps, or float64.")
    var dtype = "float64"

    @Option(help: "The folder for losses.csv and, with --checkpoint-every, checkpoint.safetensors, from which a training goes on.")
    var output = "."

    @Option(help: "After how many steps, each time, the training is written down.")
    var checkpointEvery: Int?

    @Option(help: "End after this many steps, as if the machine had gone.")
    var stopAfter: Int?

    @Option(help: "With --stop-after: the rank that is killed there. Without it all of them end in order.")
    var killRank: Int?

    @Option(help: "How many seconds a process waits for another.")
    var timeout = 60

    func validate() throws {
        guard epochs >= 1, batch >= 1, timeout >= 1 else { throw ValidationError("--epochs, --batch and --timeout must be at least 1") }
        guard ["float32", "float64"].contains(dtype) else { throw ValidationError("--dtype must be float32 or float64") }
        if let checkpointEvery, checkpointEvery < 1 { throw ValidationError("--checkpoint-every must be at least 1") }
    }

    func run() throws {
        guard distributed else { return try Training(self, nil).run() }
        ProcessGroup.run(ProcessGroup.Options(timeout: .seconds(timeout))) { world in try Training(self, world).run() }
    }
}

struct DigitsError: Error, CustomStringConvertible { let description: String }

/// A training that can be interrupted after each step.
struct Training {
    private let options: Digits
    /// Nil where there is one process, which does without anything that this package has.
    private let world: ProcessGroup?
    private let digits: DigitsData
    private let model: DigitClassifier

    init(_ options: Digits, _ world: ProcessGroup?) throws {
        (self.options, self.world) = (options, world)
        digits = try DigitsData(path: options.data)
        Tensor.seed(options.seed)
        // What dropout drops would depend on who has which image.
        model = try DigitClassifier(dropout: 0)
        if options.dtype == "float64" { try model.to(.float64) }
    }

    private var rank: Int { world?.rank ?? 0 }
    private var size: Int { world?.size ?? 1 }

    func run() throws {
        guard options.batch.isMultiple(of: size) else {
            throw DigitsError(description: "a batch of \(options.batch) can't be shared by \(size) processes")
        }
        let samples = try TensorDataset(digits.training.images.to(options.dtype == "float64" ? .float64 : .float32))
            .zipped(with: TensorDataset(digits.training.digits))
        // The images of a batch are the same ones, whichever process has which, and there are as many batches.
        let shard = try DataShard(rank, of: size, dropUneven: true)
        let loading = LoadingOptions(shuffleSeed: options.seed, dropLast: true, shard: shard)
        let loader = try DataLoader(samples, batchSize: options.batch / size, options: loading)
        guard loader.count > 0 else { throw DigitsError(description: "there are fewer images than a batch has, \(options.batch)") }
        let schedule = LearningRateSchedule.cosine(from: 2e-3, steps: options.epochs * loader.count, minimum: 1e-5)
        let step: any TrainingStep = try world.map { try SharedStep(model, $0) } ?? WholeStep(model)

        var done = 0
        if options.checkpointEvery != nil, let checkpoint = try Checkpoint.load(from: path("checkpoint.safetensors")) {
            try model.load(checkpoint.model)
            try step.load(checkpoint.optimizer)
            done = checkpoint.step
            if rank == 0 { print("going on after step \(done)") }
        }
        if let world, options.checkpointEvery != nil {
            let (least, most) = (try world.allReduce(Tensor([done], shape: []), .min), try world.allReduce(Tensor([done], shape: []), .max))
            guard try least.item(Int.self) == most.item(Int.self) else {
                throw DigitsError(
                    description: "the processes find different checkpoints in \(options.output), a folder that all of them must share")
            }
        }
        try writeHeader(keeping: done)
        for epoch in min(done / loader.count, options.epochs)..<options.epochs {
            for (position, batch) in loader.epoch(epoch).results.enumerated() where epoch * loader.count + position >= done {
                let (images, labels) = try batch.get()
                let loss: Double = try step.run(images, labels, learningRate: schedule(done))
                done += 1
                if rank == 0 { try append("\(done),\(loss)\n") }
                if let every = options.checkpointEvery, done.isMultiple(of: every) { try save(step, done) }
                if done == options.stopAfter, try stops() { return }
            }
            if rank == 0 { print("epoch \(epoch + 1) of \(options.epochs), \(done) steps") }
        }
        try model.eval()
        let scores: Tensor = try model(digits.heldOut.images.to(options.dtype == "float64" ? .float64 : .float32))
        let share: Double = try scores.argmax(dim: 1).equal(elementsOf: digits.heldOut.digits)
        if rank == 0 { print("accuracy on held-out images: \(String(format: "%.2f", share * 100)) %") }
    }

    private func save(_ step: any TrainingStep, _ done: Int) throws {
        // All processes give their part, one writes.
        let optimizer: [String: Tensor] = try step.stateDict()
        guard rank == 0 else { return }
        try Checkpoint(step: done, model: model.stateDict(), optimizer: optimizer).save(to: path("checkpoint.safetensors"))
    }

    /// Whether the training ends here; a process that is to be killed comes no further.
    private func stops() throws -> Bool {
        guard let killed = options.killRank else { return true }
        if rank == killed { kill(getpid(), SIGKILL) }
        return false
    }

    // MARK: The curve

    private func path(_ name: String) -> String { "\(options.output)/\(name)" }

    private func writeHeader(keeping steps: Int) throws {
        guard rank == 0 else { return }
        try FileManager.default.createDirectory(atPath: options.output, withIntermediateDirectories: true)
        var lines: [String] = ["step,loss"]
        if steps > 0, let old = try? String(contentsOfFile: path("losses.csv"), encoding: .utf8) {
            lines += old.split(separator: "\n").dropFirst().prefix(steps).map(String.init)
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path("losses.csv")))
    }

    private func append(_ line: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path("losses.csv")))
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
        try file.close()
    }
}

extension Tensor {
    /// The share of elements that are those of another.
    fileprivate func equal(elementsOf other: Tensor) throws -> Double {
        try (self .== other).to(.float64).mean().item(Double.self)
    }
}
