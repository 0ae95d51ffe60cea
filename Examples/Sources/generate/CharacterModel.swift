import Apus

/// A decoder that predicts the next character: four layers, 128 wide, each of which sees the characters before.
final class CharacterModel: Module {
    /// The most characters that it looks back on.
    static let context = 64
    private static let width = 128

    let characters: Embedding
    let positions: Embedding
    let blocks: [DecoderBlock]
    let norm: LayerNorm
    let output: Linear

    init(vocabularySize: Int) throws {
        characters = try Embedding(vocabularySize, Self.width)
        positions = try Embedding(Self.context, Self.width)
        blocks = try (0..<4).map { _ in try DecoderBlock(width: Self.width, heads: 4, context: Self.context) }
        norm = try LayerNorm(Self.width)
        output = try Linear(Self.width, vocabularySize)
        // Smaller than PyTorch's start: the scores are even at first.
        characters.weight = try characters.weight * 0.05
        positions.weight = try positions.weight * 0.05
    }

    /// Scores `[batch, length, characters]` for what follows each character of `[batch, length]`.
    func forward(_ ids: Tensor) throws -> Tensor {
        var x = try characters(ids) + positions(Tensor.arange(ids.shape[1]))
        for block in blocks { x = try block(x) }
        return try output(norm(x))
    }

    /// Fills the caches with `[1, length]` characters, from position 0 on. Gives the scores `[characters]` for what follows the last.
    func prefill(_ ids: Tensor) throws -> Tensor {
        let places = try Tensor.arange(ids.shape[1])
        var x = try characters(ids) + positions(places)
        for block in blocks { x = try block.remember(x, places) }
        return try output(norm(x[0, -1]))
    }

    /// Adds one character `[1, 1]` at `position` `[1]`, whose caches are filled before it. Gives the scores `[characters]` for the next.
    func decode(_ id: Tensor, _ position: Tensor) throws -> Tensor {
        var x = try characters(id) + positions(position)
        for block in blocks { x = try block.step(x, position) }
        return try output(norm(x[0, -1]))
    }
}

/// Attention to what came before and a feed-forward network, each behind a layer norm and beside a residual connection. The keys and values of one text lie in
/// buffers that are no part of the weights.
final class DecoderBlock: Module {
    let norm1: LayerNorm
    let projection: Linear
    let attended: Linear
    let norm2: LayerNorm
    let widened: Linear
    let narrowed: Linear
    let heads: Int
    @Buffer(persistent: false) var keys: Tensor
    @Buffer(persistent: false) var values: Tensor

    init(width: Int, heads: Int, context: Int) throws {
        norm1 = try LayerNorm(width)
        projection = try Linear(width, 3 * width)
        attended = try Linear(width, width)
        norm2 = try LayerNorm(width)
        widened = try Linear(width, 4 * width)
        narrowed = try Linear(4 * width, width)
        self.heads = heads
        keys = try Tensor.zeros([1, heads, context, width / heads])
        values = try Tensor.zeros([1, heads, context, width / heads])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        let (query, key, value) = try projected(x)
        return try finished(x, query.scaledDotProductAttention(key: key, value: value, isCausal: true))
    }

    /// The same, and keeps keys and values at these places.
    func remember(_ x: Tensor, _ places: Tensor) throws -> Tensor {
        let (query, key, value) = try projected(x)
        keys = try keys.indexCopy(dim: 2, places, key)
        values = try values.indexCopy(dim: 2, places, value)
        return try finished(x, query.scaledDotProductAttention(key: key, value: value, isCausal: true))
    }

    /// One more character, which sees what is kept up to its own place.
    func step(_ x: Tensor, _ position: Tensor) throws -> Tensor {
        let (query, key, value) = try projected(x)
        keys = try keys.indexCopy(dim: 2, position, key)
        values = try values.indexCopy(dim: 2, position, value)
        let isKnown = try (Tensor.arange(keys.shape[2]) .<= position).unsqueezed(0)
        return try finished(x, query.scaledDotProductAttention(key: keys, value: values, mask: isKnown))
    }

    /// Query, key and value as `[batch, heads, length, width of a head]`.
    private func projected(_ x: Tensor) throws -> (Tensor, Tensor, Tensor) {
        let parts = try projection(norm1(x)).chunk(3, dim: -1).map { part in
            try part.reshaped([x.shape[0], x.shape[1], SymInt(heads), -1]).transposed(1, 2)
        }
        return (parts[0], parts[1], parts[2])
    }

    private func finished(_ x: Tensor, _ heads: Tensor) throws -> Tensor {
        let y = try x + attended(heads.transposed(1, 2).reshaped([x.shape[0], x.shape[1], -1]))
        return try y + narrowed(widened(norm2(y)).gelu())
    }
}
