import Apus
import ApusData
import ArgumentParser
import Console
import Foundation
import SentenceModel

/// What sentences are about, as vectors: similarities, and a search by meaning, with the weights of all-MiniLM-L6-v2.
///
/// The weights go into a Swift module, which is exported for any number of sentences of any length. The program that comes back from the file, and one that
/// PyTorch exported where there is one, must give what the module gives.
@main
struct Embed: ParsableCommand {
    @Option(help: "The folder with model.safetensors and vocab.txt.")
    var model: String

    @Option(help: "A text of one sentence a line, to be searched.")
    var text: String

    @Option(help: "A folder for the exported program; PyTorch's program and vectors are looked for there.")
    var output: String

    @Argument(help: "What to search for.")
    var queries: [String] = [
        "Which animal is awake at night?", "how do plants make food", "moving goods over water", "a machine that computes",
    ]

    func run() throws {
        let folder = URL(fileURLWithPath: output, isDirectory: true)
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        let tokenizer = try WordPieceTokenizer(vocabularyFile: model + "/vocab.txt")
        let encoder = try SentenceEncoder.load(safetensors: model + "/model.safetensors")

        let pairs = ["A man is eating food.", "Someone has a meal.", "The stock market fell today.", "Share prices went down."]
        try printSimilarities(pairs, tokenizer, encoder)

        let example = try tokenizer.encode(["two sentences", "of which one is longer"])
        let (ids, mask) = (example.ids, example.attentionMask)
        let program = try export(
            encoder, args: ids, mask,
            constraints: [
                dynamicDim(ids, 0).in(1...1024), dynamicDim(ids, 1).in(1...SentenceEncoder.maxLength),
                dynamicDim(ids, 0) == dynamicDim(mask, 0), dynamicDim(ids, 1) == dynamicDim(mask, 1),
            ], options: ExportOptions(names: ["ids", "mask"]))
        try program.save(to: path("minilm.pt2"))

        let sentences: [String] = try String(contentsOfFile: text, encoding: .utf8).split(separator: "\n").map(String.init)
        let eager = try SentenceIndex(sentences, tokenizer: tokenizer) { try encoder($0, $1) }
        var checks = [try check("the module exported, from its file", path("minilm.pt2"), eager, tokenizer)]
        if FileManager.default.fileExists(atPath: path("minilm-torch.pt2")) {
            checks.append(try check("PyTorch's export of its own model", path("minilm-torch.pt2"), eager, tokenizer))
            checks.append(try checkAgainstPyTorch(path("minilm-torch.npz"), eager, tokenizer))
        } else {
            print("\nNo program of PyTorch's: `make bench` once makes the environment that exports one.")
        }
        try search(eager, tokenizer, encoder)

        print()
        for (what, difference) in checks { print("\(what): the largest difference is \(String(format: "%.1e", difference))") }
        if let (what, difference) = checks.first(where: { !($0.1 <= 1e-5) }) {
            throw EmbedError(description: "\(what) differs from the module by \(difference)")
        }
    }

    private func printSimilarities(_ sentences: [String], _ tokenizer: WordPieceTokenizer, _ encoder: SentenceEncoder) throws {
        let batch = try tokenizer.encode(sentences)
        let vectors = try encoder(batch.ids, batch.attentionMask)
        let cosines: [[Float]] = try vectors.matmul(vectors.transposed(0, 1)).nested()
        for (row, sentence) in zip(cosines, sentences) {
            print(row.map { String(format: "%6.2f", $0) }.joined() + "   " + sentence)
        }
    }

    /// Embeds the text with a program, and says how far it is from the module.
    private func check(
        _ what: String, _ path: String, _ eager: SentenceIndex, _ tokenizer: WordPieceTokenizer
    ) throws -> (String, Float) {
        let program = try ExportedProgram.load(from: path)
        let index = try SentenceIndex(eager.sentences, tokenizer: tokenizer) { try program($0, $1) }
        return (what, try (index.vectors - eager.vectors).abs().amax().item(Float.self))
    }

    /// What PyTorch and Hugging Face's tokenizer made of the same text.
    private func checkAgainstPyTorch(_ path: String, _ eager: SentenceIndex, _ tokenizer: WordPieceTokenizer) throws -> (String, Float) {
        let theirs: [String: Tensor] = try .load(npz: path)
        guard let ids = theirs["ids"], let vectors = theirs["vectors"] else {
            throw EmbedError(description: "\(path) has no ids and vectors")
        }
        guard try tokenizer.encode(eager.sentences, maxLength: 256).ids.equal(ids) else {
            throw EmbedError(description: "the tokenizer's numbers are not Hugging Face's")
        }
        return ("PyTorch's own vectors", try (vectors - eager.vectors).abs().amax().item(Float.self))
    }

    private func search(_ index: SentenceIndex, _ tokenizer: WordPieceTokenizer, _ encoder: SentenceEncoder) throws {
        print("\nOf \(index.sentences.count) sentences of \(text):")
        for query in queries {
            let batch = try tokenizer.encode([query])
            print("\n\(query)")
            for (sentence, similarity) in try index.nearest(encoder(batch.ids, batch.attentionMask)[0], count: 3) {
                print(String(format: "%6.2f", similarity) + "   " + sentence)
            }
        }
        let batch = try tokenizer.encode(index.sentences)
        let seconds = try secondsPerCall { _ = try encoder(batch.ids, batch.attentionMask) }
        print("\n\(Int(Double(index.sentences.count) / seconds)) sentences a second, of \(try batch.ids.sizes[1]) tokens each with padding")
    }
}

struct EmbedError: Error, CustomStringConvertible {
    let description: String
}
