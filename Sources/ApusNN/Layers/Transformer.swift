import ApusSymbolic
import ApusTensor

/// Self-attention and a feed-forward network, each with dropout, a residual connection and layer norm, after
/// `torch.nn.TransformerEncoderLayer`: from `[N, L, dModel]` (`[L, N, dModel]` where the batch is not first) to the same.
public final class TransformerEncoderLayer: Module {
    public enum Activation: Sendable { case relu, gelu }

    public let selfAttn: MultiheadAttention
    public let linear1: Linear
    public let dropout: Dropout
    public let linear2: Linear
    public let norm1: LayerNorm
    public let norm2: LayerNorm
    public let dropout1: Dropout
    public let dropout2: Dropout
    public let activation: Activation
    public let normFirst: Bool

    public init(
        _ dModel: some SymIntConvertible, _ nhead: some SymIntConvertible, dimFeedforward: some SymIntConvertible = 2048,
        dropout: any ScalarConvertible = 0.1, activation: Activation = .relu,
        layerNormEpsilon: any ScalarConvertible = 1e-5, batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true,
        dtype: DType = .float32
    ) throws {
        selfAttn = try MultiheadAttention(dModel, nhead, dropout: dropout, bias: bias, batchFirst: batchFirst, dtype: dtype)
        linear1 = try Linear(dModel, dimFeedforward, bias: bias, dtype: dtype)
        self.dropout = try Dropout(dropout)
        linear2 = try Linear(dimFeedforward, dModel, bias: bias, dtype: dtype)
        norm1 = try LayerNorm(dModel.symInt, epsilon: layerNormEpsilon, bias: bias, dtype: dtype)
        norm2 = try LayerNorm(dModel.symInt, epsilon: layerNormEpsilon, bias: bias, dtype: dtype)
        dropout1 = try Dropout(dropout)
        dropout2 = try Dropout(dropout)
        self.activation = activation
        self.normFirst = normFirst
    }

    public func forward(_ src: Tensor) throws -> Tensor { try encode(src) }

    /// The layer under the masks of `MultiheadAttention`.
    public func encode(_ src: Tensor, mask: Tensor? = nil, keyPaddingMask: Tensor? = nil, isCausal: Bool = false) throws -> Tensor {
        func attend(_ x: Tensor) throws -> Tensor {
            try dropout1(try selfAttn.attend(x, x, x, attentionMask: mask, keyPaddingMask: keyPaddingMask, isCausal: isCausal))
        }
        func feed(_ x: Tensor) throws -> Tensor {
            let hidden = try linear1(x)
            let active = activation == .relu ? try hidden.relu() : try hidden.gelu()
            return try dropout2(try linear2(try dropout(active)))
        }
        if normFirst {
            let x = try src + attend(norm1(src))
            return try x + feed(norm2(x))
        }
        let x = try norm1(src + attend(src))
        return try norm2(x + feed(x))
    }
}

/// Encoder layers one after the other, and a last layer norm where one is given. Names are `layers.0.self_attn.in_proj_weight` and so on.
public final class TransformerEncoder: Module {
    public let layers: [TransformerEncoderLayer]
    public let norm: LayerNorm?

    public init(_ layers: [TransformerEncoderLayer], norm: LayerNorm? = nil) {
        self.layers = layers
        self.norm = norm
    }

    public func forward(_ src: Tensor) throws -> Tensor { try encode(src) }

    /// The layers under the masks of `MultiheadAttention`.
    public func encode(_ src: Tensor, mask: Tensor? = nil, keyPaddingMask: Tensor? = nil, isCausal: Bool = false) throws -> Tensor {
        var x: Tensor = src
        for layer in layers {
            x = try called(layer, x) { try layer.encode($0, mask: mask, keyPaddingMask: keyPaddingMask, isCausal: isCausal) }
        }
        return try norm.map { try $0(x) } ?? x
    }
}
