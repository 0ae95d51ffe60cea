import ApusSymbolic
import ApusTensor

/// A table of vectors looked up by number: from integers `[...]` to `[..., embeddingDim]`.
///
/// `weight` is `[numEmbeddings, embeddingDim]`, normally distributed; the row at `paddingIndex` is zero and gets no gradient.
public final class Embedding: Module {
    @Parameter public var weight: Tensor
    public let numEmbeddings: Int
    public let embeddingDim: Int
    public let paddingIndex: Int?

    /// - Parameter paddingIndex: negative ones count from the end.
    public init(
        _ numEmbeddings: some SymIntConvertible, _ embeddingDim: some SymIntConvertible, paddingIndex: Int? = nil, dtype: DType = .float32
    ) throws {
        let numEmbeddings: Int = try numEmbeddings.positive("numEmbeddings", in: "Embedding")
        let embeddingDim: Int = try embeddingDim.positive("embeddingDim", in: "Embedding")
        self.numEmbeddings = numEmbeddings
        self.embeddingDim = embeddingDim
        self.paddingIndex = try paddingIndex.map { index in
            guard index >= -numEmbeddings, index < numEmbeddings else {
                throw TensorError(.indexOutOfRange, in: "Embedding", "the padding index \(index) is outside of \(numEmbeddings) embeddings")
            }
            return index < 0 ? index + numEmbeddings : index
        }
        var table = try Tensor.randn([SymInt(numEmbeddings), SymInt(embeddingDim)], dtype: dtype)
        if let row = self.paddingIndex {
            table = try table.selectScatter(try Tensor.zeros([embeddingDim], dtype: dtype), dim: 0, index: SymInt(row))
        }
        weight = table
    }

    /// - Throws: `TensorError` for floating-point numbers, and for numbers outside of the table.
    public func forward(_ x: Tensor) throws -> Tensor {
        guard x.dtype.isInteger else { throw TensorError(.dtypeMismatch, in: "Embedding", "looks up integers, not \(x.dtype)") }
        return try weight.embedding(x, paddingIndex: paddingIndex ?? -1)
    }
}

/// Rows of a table looked up by number and combined in bags: from integers `[N, size of a bag]`, or `[count]` with the offsets at which bags
/// begin, to `[N, embeddingDim]`. Empty bags give zeros.
///
/// `weight` is `[numEmbeddings, embeddingDim]`, normally distributed; the row at `paddingIndex` is zero, gets no gradient and counts not.
public final class EmbeddingBag: Module {
    @Parameter public var weight: Tensor
    public let numEmbeddings: Int
    public let embeddingDim: Int
    public let mode: EmbeddingBagMode
    public let includeLastOffset: Bool
    public let paddingIndex: Int?

    /// - Parameter includeLastOffset: the last offset is the end of the last bag.
    public init(
        _ numEmbeddings: some SymIntConvertible, _ embeddingDim: some SymIntConvertible, mode: EmbeddingBagMode = .mean,
        includeLastOffset: Bool = false, paddingIndex: Int? = nil, dtype: DType = .float32
    ) throws {
        let table = try Embedding(numEmbeddings, embeddingDim, paddingIndex: paddingIndex, dtype: dtype)
        weight = table.weight
        (self.numEmbeddings, self.embeddingDim, self.paddingIndex) = (table.numEmbeddings, table.embeddingDim, table.paddingIndex)
        (self.mode, self.includeLastOffset) = (mode, includeLastOffset)
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 2...2, in: "EmbeddingBag")
        let offsets: Tensor = try Tensor.arange(x.shape[0], dtype: .int64) * x.shape[1]
        return try weight.embeddingBag(x.flattened(), offsets: offsets, mode: mode, paddingIndex: paddingIndex)
    }

    public func forward(_ x: Tensor, _ offsets: Tensor) throws -> Tensor {
        try weight.embeddingBag(x, offsets: offsets, mode: mode, includeLastOffset: includeLastOffset, paddingIndex: paddingIndex)
    }

    /// With a factor for each position, for sums.
    public func forward(_ x: Tensor, _ offsets: Tensor, _ perSampleWeights: Tensor) throws -> Tensor {
        try weight.embeddingBag(
            x, offsets: offsets, mode: mode, perSampleWeights: perSampleWeights, includeLastOffset: includeLastOffset,
            paddingIndex: paddingIndex)
    }
}
