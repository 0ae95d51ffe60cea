import Apus
import ApusData
import ArgumentParser
import Console
import Foundation

/// Trains a small transformer on the pages of the documentation, character by character, and lets it write.
///
/// It is exported with two entry points that share weights and caches: `prefill` reads a text, `decode` adds one character. The same text is written three
/// times: by the module itself, by the program from its file, and by the program with weights of 8 bits.
@main
struct Generate: ParsableCommand {
    @Option(help: "A folder of pages to learn from.")
    var text: String

    @Option(help: "A folder for the program.")
    var output: String

    @Option(help: "How long to train.")
    var seconds: Double = 60

    @Option(help: "How the text begins.")
    var prompt = "A program "

    @Option(help: "How many characters to write.")
    var count = 400

    @Option(help: "Below 1 the likely becomes likelier; 0 always takes the likeliest.")
    var temperature: Float = 0.7

    @Option(help: "Draw from so many of the likeliest characters only.")
    var topK: Int?

    @Option(help: "Draw from the likeliest characters that have this share together.")
    var topP: Float = 0.95

    @Option(help: "Decides the weights at the beginning, what is learned from, and what is drawn.")
    var seed: UInt64 = 1

    func run() throws {
        let corpus = try Corpus(pages: text)
        let promptIDs: [Int] = corpus.ids(of: prompt)
        guard !promptIDs.isEmpty, promptIDs.count <= CharacterModel.context, count >= 1 else {
            throw GenerateError(description: "the beginning needs 1 to \(CharacterModel.context) characters that the pages have")
        }
        Tensor.seed(seed)
        let model = try CharacterModel(vocabularySize: corpus.characters.count)
        let parameters: Int = try model.parameters().reduce(0) { $0 + (try $1.sizes.reduce(1, *)) }
        print("\(corpus.ids.count) characters of \(corpus.characters.count) kinds; \(parameters) parameters.")
        try train(model, on: corpus)
        try model.eval()

        let file = URL(fileURLWithPath: output, isDirectory: true).appendingPathComponent("writer.pt2").path
        try exportWriter(model).save(to: file)

        let eager = Writer(prefill: model.prefill, decode: model.decode)
        let written = try eager.write(after: promptIDs, count: count, sampler)
        print("\n" + corpus.text(of: promptIDs + written.ids) + "\n")

        var table = Table(("decoding", .left), ("characters a second", .right), ("largest difference of scores", .right))
        table.add("eager", rate(written), "")
        for (name, weights) in [("exported", WeightFormat.asStored), ("exported, int8 weights", .int8)] {
            let programs = try ExportedPrograms.load(from: file, options: ProgramOptions(weights: weights))
            let sessions = try programs.makeSessions()
            guard let prefill = sessions["prefill"], let decode = sessions["decode"] else {
                throw GenerateError(description: "\(file) has no entry points 'prefill' and 'decode'")
            }
            let writer = Writer(prefill: { try prefill($0) }, decode: { try decode($0, $1) })
            // Measured on the same characters, so that a draw that comes out otherwise does not change what is compared.
            let result = try writer.write(after: promptIDs, count: count, sampler, forced: written.ids)
            let difference: Float = zip(written.scores, result.scores).reduce(0) { most, pair in
                zip(pair.0, pair.1).reduce(most) { max($0, abs($1.0 - $1.1)) }
            }
            table.add(name, rate(result), String(format: "%.1e", difference))
            if weights == .asStored, !(difference <= 1e-3) {
                throw GenerateError(description: "the exported program's scores differ by \(difference)")
            }
        }
        print(table.rendered())
        print("\nWritten: \(file), with the entry points 'prefill' and 'decode'.")
    }

    private var sampler: Sampler { Sampler(temperature: temperature, topK: topK, topP: topP, seed: seed) }

    private func rate(_ written: Writer.Result) -> String { "\(Int(Double(written.ids.count) / written.seconds))" }

    /// Goes on until the time is over.
    private func train(_ model: CharacterModel, on corpus: Corpus) throws {
        let windows = try Windows(corpus.ids, length: CharacterModel.context)
        let loader = try DataLoader(windows, batchSize: 8, options: LoadingOptions(shuffleSeed: seed, dropLast: true, workers: 1))
        let optimizer = try AdamW(model, learningRate: 3e-3, weightDecay: 0.01)
        let clock = ContinuousClock()
        let start = clock.now
        var bar = ProgressBar("Training", total: 100)
        var step = 0
        for result in loader.epoch(0).results {
            let share: Double = (clock.now - start).seconds / seconds
            guard share < 1 else { break }
            let (ids, targets) = try result.get()
            let (loss, gradients) = try valueAndGradient(of: model) { model in
                try crossEntropy(model(ids).flattened(from: 0, to: 1), targets.flattened())
            }
            // Faster at first, and slower towards the end, whenever that is.
            optimizer.learningRate = 3e-3 * min(1, Double(step + 1) / 30) * (0.05 + 0.95 * (1 - share))
            try optimizer.step(gradients)
            step += 1
            bar.update(Int(share * 100), note: "step \(step), loss \(String(format: "%.3f", try loss.item(Float.self)))")
        }
        bar.update(100, note: "\(step) steps")
    }

    private func exportWriter(_ model: CharacterModel) throws -> ExportedPrograms {
        let ids = try Tensor.zeros([1, 8], dtype: .int64)
        let id = try Tensor.zeros([1, 1], dtype: .int64)
        let position = try Tensor([8])
        return try export(
            [
                "prefill": EntryPoint(model.prefill, args: ids, constraints: [dynamicDim(ids, 1).in(1...CharacterModel.context)]),
                "decode": EntryPoint(model.decode, args: id, position),
            ], of: model)
    }
}
