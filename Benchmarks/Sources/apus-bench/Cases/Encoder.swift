import Apus

/// A text encoder of six layers, about 90 MB of weights: layer for layer the peer's.
final class LanguageEncoder: Module {
    let words: Embedding
    let positions: Embedding
    let norm: LayerNorm
    let blocks: [EncoderBlock]

    static let vocabulary = 30_522

    init(width: Int = 384, heads: Int = 12, layers: Int = 6) throws {
        words = try Embedding(LanguageEncoder.vocabulary, width)
        positions = try Embedding(512, width)
        norm = try LayerNorm([width])
        blocks = try (0..<layers).map { _ in try EncoderBlock(width: width, heads: heads) }
    }

    func forward(_ tokens: Tensor) throws -> Tensor {
        var x = try norm(words(tokens) + positions(Tensor.arange(tokens.shape[1], dtype: .int64)))
        for block in blocks { x = try block(x) }
        return x
    }

    /// Token numbers `[batch, length]`.
    static func tokens(_ batch: Int, _ length: Int) throws -> Tensor {
        try Tensor((0..<batch * length).map { $0 &* 7919 % vocabulary }, shape: [batch, length])
    }
}

final class EncoderBlock: Module {
    let query: Linear
    let key: Linear
    let value: Linear
    let out: Linear
    let norm1: LayerNorm
    let norm2: LayerNorm
    let up: Linear
    let down: Linear
    let heads: Int

    init(width: Int, heads: Int) throws {
        query = try Linear(width, width)
        key = try Linear(width, width)
        value = try Linear(width, width)
        out = try Linear(width, width)
        norm1 = try LayerNorm([width])
        norm2 = try LayerNorm([width])
        up = try Linear(width, 4 * width)
        down = try Linear(4 * width, width)
        self.heads = heads
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let (batch, length, width) = (x.shape[0], x.shape[1], x.shape[2])
        func split(_ t: Tensor) throws -> Tensor {
            try t.reshaped([batch, length, SymInt(heads), -1]).transposed(1, 2)
        }
        let scale = 1 / (Double(try width.requireConstant()) / Double(heads)).squareRoot()
        let weights = try (split(query(x)).matmul(split(key(x)).transposed(-2, -1)) * scale).softmax(dim: -1)
        let mixed = try weights.matmul(split(value(x)))
        let attended = try norm1(x + out(mixed.transposed(1, 2).reshaped([batch, length, width])))
        return try norm2(attended + down(up(attended).gelu()))
    }
}
