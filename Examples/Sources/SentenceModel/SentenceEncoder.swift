import Apus

/// MiniLM: six layers of BERT's encoder, whose mean over a sentence's tokens, brought to length one, says what the sentence is about. From token ids
/// `[batch, length]` and a mask of ones where there are tokens, both int64, to vectors `[batch, 384]`.
public final class SentenceEncoder: Module {
    /// The positions that the model has learned.
    public static let maxLength = 512
    static let width = 384

    let words: Embedding
    let positions: Embedding
    let types: Embedding
    let norm: LayerNorm
    let encoder: TransformerEncoder

    public init() throws {
        words = try Embedding(30522, Self.width, paddingIndex: 0)
        positions = try Embedding(Self.maxLength, Self.width)
        types = try Embedding(2, Self.width)
        norm = try LayerNorm(Self.width, epsilon: 1e-12)
        encoder = TransformerEncoder(
            try (0..<6).map { _ in
                try TransformerEncoderLayer(
                    Self.width, 12, dimFeedforward: 1536, activation: .gelu, layerNormEpsilon: 1e-12, batchFirst: true)
            })
    }

    public func forward(_ ids: Tensor, _ mask: Tensor) throws -> Tensor {
        // Every token is of the first kind: the second marks the other sentence of a pair.
        let embedded = try words(ids) + positions(Tensor.arange(ids.shape[1])) + types.weight[0]
        let states = try encoder.encode(norm(embedded), keyPaddingMask: mask .== 0)
        let weights = try mask.to(.float32).unsqueezed(-1)
        let mean = try (states * weights).sum(dim: 1) / weights.sum(dim: 1).clamp(min: 1e-9)
        return try mean.normalize(dim: 1)
    }

    /// The weights of `model.safetensors` as `sentence-transformers` has them, under Hugging Face's names; the file is mapped, not copied.
    public static func load(safetensors path: String) throws -> SentenceEncoder {
        let model = try SentenceEncoder()
        try model.load(renamed(try .load(safetensors: path)))
        return try model.eval()
    }

    /// Hugging Face's names as those of the module, which are PyTorch's. There, the three projections of attention are one matrix.
    static func renamed(_ file: [String: Tensor]) throws -> [String: Tensor] {
        func part(_ name: String) throws -> Tensor {
            guard let tensor = file[name] else { throw SentenceModelError(description: "the weights have no '\(name)'") }
            return tensor
        }
        var state: [String: Tensor] = [
            "words.weight": try part("embeddings.word_embeddings.weight"),
            "positions.weight": try part("embeddings.position_embeddings.weight"),
            "types.weight": try part("embeddings.token_type_embeddings.weight"),
        ]
        let layerNames = [
            ("self_attn.out_proj", "attention.output.dense"), ("norm1", "attention.output.LayerNorm"),
            ("linear1", "intermediate.dense"), ("linear2", "output.dense"), ("norm2", "output.LayerNorm"),
        ]
        for kind in ["weight", "bias"] {
            state["norm.\(kind)"] = try part("embeddings.LayerNorm.\(kind)")
            for layer in 0..<6 {
                let (ours, theirs) = ("encoder.layers.\(layer)", "encoder.layer.\(layer)")
                state["\(ours).self_attn.in_proj_\(kind)"] = try Tensor.cat(
                    ["query", "key", "value"].map { try part("\(theirs).attention.self.\($0).\(kind)") })
                for (name, source) in layerNames { state["\(ours).\(name).\(kind)"] = try part("\(theirs).\(source).\(kind)") }
            }
        }
        return state
    }
}

public struct SentenceModelError: Error, CustomStringConvertible {
    public let description: String
}
