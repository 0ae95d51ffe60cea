import ApusSymbolic
import ApusTensor

/// Attention with several heads, after `torch.nn.MultiheadAttention`.
///
/// Query `[N, L, E]`, key `[N, S, kdim]`, value `[N, S, vdim]` where the batch comes first, `[L, N, E]` and so on where it does not, or all
/// without N; the result has the query's shape. Each head sees `E / numHeads` features: `softmax(q k^T / sqrt(E / numHeads)) v`.
///
/// `in_proj_weight` is `[3E, E]` (`q_proj_weight` etc. where key or value have other widths), drawn after Glorot; biases start at 0.
public final class MultiheadAttention: Module {
    @Parameter public var inProjWeight: Tensor?
    @Parameter public var qProjWeight: Tensor?
    @Parameter public var kProjWeight: Tensor?
    @Parameter public var vProjWeight: Tensor?
    @Parameter public var inProjBias: Tensor?
    public let outProj: Linear
    public let embedDim: Int
    public let numHeads: Int
    public let dropout: Double
    public let batchFirst: Bool
    public var isTraining = true

    public init(
        _ embedDim: some SymIntConvertible, _ numHeads: some SymIntConvertible, dropout: any ScalarConvertible = 0, bias: Bool = true,
        kdim: (any SymIntConvertible)? = nil, vdim: (any SymIntConvertible)? = nil,
        batchFirst: Bool = false, dtype: DType = .float32
    ) throws {
        let layer = "MultiheadAttention"
        let embedDim: Int = try embedDim.positive("embedDim", in: layer)
        let numHeads: Int = try numHeads.positive("numHeads", in: layer)
        guard embedDim.isMultiple(of: numHeads) else {
            throw TensorError(.invalidArgument, in: layer, "embedDim \(embedDim) is not a multiple of the \(numHeads) heads")
        }
        let dropout: Double = try dropout.plainNumber("dropout", in: layer)
        try requireProbability(dropout, in: layer)
        let keyWidth: Int = try (kdim ?? embedDim).positive("kdim", in: layer)
        let valueWidth: Int = try (vdim ?? embedDim).positive("vdim", in: layer)
        self.embedDim = embedDim
        self.numHeads = numHeads
        self.dropout = dropout
        self.batchFirst = batchFirst
        let isPacked = keyWidth == embedDim && valueWidth == embedDim
        let (packedWidth, overflows) = embedDim.multipliedReportingOverflow(by: 3)
        guard !overflows else { throw TensorError(.overflow, in: layer, "embedDim \(embedDim) is too large") }
        inProjWeight = isPacked ? try Initialization.xavierUniform([packedWidth, embedDim], dtype: dtype) : nil
        qProjWeight = isPacked ? nil : try Initialization.xavierUniform([embedDim, embedDim], dtype: dtype)
        kProjWeight = isPacked ? nil : try Initialization.xavierUniform([embedDim, keyWidth], dtype: dtype)
        vProjWeight = isPacked ? nil : try Initialization.xavierUniform([embedDim, valueWidth], dtype: dtype)
        inProjBias = bias ? try Tensor.zeros([packedWidth], dtype: dtype) : nil
        outProj = try Linear(embedDim, embedDim, bias: bias, dtype: dtype)
        if bias { outProj.bias = try Tensor.zeros([embedDim], dtype: dtype) }
    }

    public func forward(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws -> Tensor { try attend(query, key, value) }

    /// Attention under masks.
    ///
    /// - Parameters:
    ///   - attentionMask: `[L, S]` or `[N * numHeads, L, S]`; bool: true where attention is forbidden, floating-point: added to the scores.
    ///   - keyPaddingMask: `[N, S]` (`[S]` without a batch); true where a key is padding, or added to the scores.
    ///   - isCausal: forbids looking at later positions.
    public func attend(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, attentionMask: Tensor? = nil, keyPaddingMask: Tensor? = nil, isCausal: Bool = false
    ) throws -> Tensor {
        let layer = "MultiheadAttention"
        try requireRank(query, 2...3, in: layer)
        guard key.rank == query.rank, value.rank == query.rank else {
            throw TensorError(
                .shapeMismatch, in: layer,
                "query, key and value must have the same rank, got shapes \(query.shape), \(key.shape), \(value.shape)")
        }
        try requireSize(query, dim: -1, embedDim, "features", in: layer)
        let isBatched = query.rank == 3
        func arranged(_ x: Tensor) throws -> Tensor {
            isBatched ? (batchFirst ? x : try x.transposed(0, 1)) : try x.unsqueezed(0)
        }
        let (q, k, v) = try project(try arranged(query), try arranged(key), try arranged(value))
        let mask = try combined(
            attentionMask, isBatched ? keyPaddingMask : try keyPaddingMask.map { try $0.unsqueezed(0) }, isCausal: isCausal, q, k)
        let heads = try attend(q, k, v, mask)
        let (batch, length) = (q.shape[0], q.shape[2])
        let joined = try heads.transposed(1, 2).reshaped([batch, length, SymInt(embedDim)])
        let result = try outProj(joined)
        return isBatched ? (batchFirst ? result : try result.transposed(0, 1)) : try result.squeezed(0)
    }

    /// `softmax(q k^T / sqrt(width) + mask) v`, with dropout of the weights.
    private func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?) throws -> Tensor {
        let scale = 1 / Double(embedDim / numHeads).squareRoot()
        var scores = try (q * scale).matmul(k.transposed(-2, -1))
        if let mask { scores = try scores + mask }
        var weights = try scores.softmax(dim: -1)
        if isTraining, dropout > 0 { weights = try weights.dropout(p: dropout) }
        return try weights.matmul(v)
    }

    /// Query, key and value as `[N, numHeads, length, E / numHeads]`.
    private func project(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws -> (Tensor, Tensor, Tensor) {
        let width = SymInt(embedDim)
        func part(_ tensor: Tensor?, _ index: Int) throws -> Tensor? {
            try tensor.map { try $0.narrowed(dim: 0, from: SymInt(index * embedDim), length: width) }
        }
        func heads(_ x: Tensor) throws -> Tensor {
            try x.reshaped([x.shape[0], x.shape[1], SymInt(numHeads), SymInt(embedDim / numHeads)]).transposed(1, 2)
        }
        // One product for all three where they come from one tensor: the usual self-attention.
        if let packed = inProjWeight, query.identity == key.identity, key.identity == value.identity {
            let parts = try query.linear(packed, bias: inProjBias).chunk(3, dim: -1)
            return (try heads(parts[0]), try heads(parts[1]), try heads(parts[2]))
        }
        func projected(_ x: Tensor, _ own: Tensor?, _ index: Int) throws -> Tensor {
            guard let weight = try own ?? part(inProjWeight, index) else {
                throw TensorError(.invalidArgument, in: "MultiheadAttention", "has no projection weights; they have been set to nil")
            }
            return try heads(try x.linear(weight, bias: try part(inProjBias, index)))
        }
        return (try projected(query, qProjWeight, 0), try projected(key, kProjWeight, 1), try projected(value, vProjWeight, 2))
    }

    /// One mask to be added to scores `[N, numHeads, L, S]`, or nil.
    private func combined(_ attention: Tensor?, _ padding: Tensor?, isCausal: Bool, _ q: Tensor, _ k: Tensor) throws -> Tensor? {
        var result: Tensor?
        func add(_ mask: Tensor) throws { result = try result.map { try $0 + mask } ?? mask }
        if let attention {
            let mask = try additive(attention, q.dtype)
            try requireRank(mask, 2...3, in: "MultiheadAttention")
            try add(mask.rank == 2 ? mask : try mask.reshaped([q.shape[0], SymInt(numHeads), q.shape[2], k.shape[2]]))
        }
        if let padding { try add(try additive(padding, q.dtype).unsqueezed(1).unsqueezed(1)) }
        if isCausal {
            let later = try Tensor.ones([q.shape[2], k.shape[2]], dtype: .bool).triu(diagonal: 1)
            try add(try additive(later, q.dtype))
        }
        return result
    }

    /// A bool mask as minus infinity where it is true.
    private func additive(_ mask: Tensor, _ dtype: DType) throws -> Tensor {
        guard mask.dtype == .bool else { return try mask.to(dtype) }
        return try Tensor.full(mask.shape.sizes, 0.0, dtype: dtype).maskedFill(mask, -Double.infinity)
    }
}
