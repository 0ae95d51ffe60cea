import Apus
import ApusData

/// Sentences with their vectors, to be searched by meaning.
public struct SentenceIndex {
    public let sentences: [String]
    /// `[sentences, 384]`, each row of length one.
    public let vectors: Tensor

    /// - Parameter embed: from ids and mask to vectors: the module, or a program of it.
    public init(
        _ sentences: [String], tokenizer: WordPieceTokenizer, batchSize: Int = 32, embed: (_ ids: Tensor, _ mask: Tensor) throws -> Tensor
    ) throws {
        // The next batch is tokenized while the model is busy with one.
        let loader = try DataLoader(ArrayDataset(sentences), batchSize: batchSize, options: LoadingOptions(workers: 1)) { texts in
            try tokenizer.encode(texts, maxLength: 256)
        }
        let parts: [Tensor] = try loader.epoch(0).results.map { result in
            let batch = try result.get()
            return try embed(batch.ids, batch.attentionMask)
        }
        self.sentences = sentences
        vectors = try Tensor.cat(parts)
    }

    /// The sentences that are nearest to a vector `[384]`, with the cosines of the angles to it.
    public func nearest(_ vector: Tensor, count: Int) throws -> [(sentence: String, similarity: Float)] {
        let (values, places) = try vectors.matmul(vector).topk(min(count, sentences.count))
        return try zip(places.array(of: Int.self), values.array(of: Float.self)).map { (sentences[$0], $1) }
    }
}
