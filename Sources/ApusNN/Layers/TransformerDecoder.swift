import ApusSymbolic
import ApusTensor

/// One layer of a transformer's decoder: self-attention, attention to what the encoder gives, and a feed-forward network, each with a residual
/// and a layer norm. Source: Vaswani et al., "Attention is all you need", 2017. Inputs are `[L, N, dModel]`, or `[N, L, dModel]` where the batch
/// comes first, or `[L, dModel]`.
public final class TransformerDecoderLayer: Module {
    public let selfAttn: MultiheadAttention
    public let multiheadAttn: MultiheadAttention
    public let linear1: Linear
    public let dropout: Dropout
    public let linear2: Linear
    public let norm1: LayerNorm
    public let norm2: LayerNorm
    public let norm3: LayerNorm
    public let dropout1: Dropout
    public let dropout2: Dropout
    public let dropout3: Dropout
    public let activation: TransformerEncoderLayer.Activation
    public let normFirst: Bool

    public init(
        _ dModel: some SymIntConvertible, _ nhead: some SymIntConvertible, dimFeedforward: some SymIntConvertible = 2048,
        dropout: any ScalarConvertible = 0.1, activation: TransformerEncoderLayer.Activation = .relu,
        layerNormEpsilon: any ScalarConvertible = 1e-5,
        batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true, dtype: DType = .float32
    ) throws {
        func attention() throws -> MultiheadAttention {
            try MultiheadAttention(dModel, nhead, dropout: dropout, bias: bias, batchFirst: batchFirst, dtype: dtype)
        }
        func norm() throws -> LayerNorm { try LayerNorm(dModel.symInt, epsilon: layerNormEpsilon, bias: bias, dtype: dtype) }
        selfAttn = try attention()
        multiheadAttn = try attention()
        linear1 = try Linear(dModel, dimFeedforward, bias: bias, dtype: dtype)
        self.dropout = try Dropout(dropout)
        linear2 = try Linear(dimFeedforward, dModel, bias: bias, dtype: dtype)
        (norm1, norm2, norm3) = (try norm(), try norm(), try norm())
        (dropout1, dropout2, dropout3) = (try Dropout(dropout), try Dropout(dropout), try Dropout(dropout))
        self.activation = activation
        self.normFirst = normFirst
    }

    public func forward(_ target: Tensor, _ memory: Tensor) throws -> Tensor { try decode(target, memory) }

    /// The layer under the masks of `MultiheadAttention`: those of the target, and those of the memory.
    public func decode(
        _ target: Tensor, _ memory: Tensor, targetMask: Tensor? = nil, memoryMask: Tensor? = nil, targetKeyPaddingMask: Tensor? = nil,
        memoryKeyPaddingMask: Tensor? = nil, targetIsCausal: Bool = false, memoryIsCausal: Bool = false
    ) throws -> Tensor {
        func attend(_ x: Tensor) throws -> Tensor {
            try dropout1(
                selfAttn.attend(x, x, x, attentionMask: targetMask, keyPaddingMask: targetKeyPaddingMask, isCausal: targetIsCausal))
        }
        func look(_ x: Tensor) throws -> Tensor {
            try dropout2(
                multiheadAttn.attend(
                    x, memory, memory, attentionMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal))
        }
        func feed(_ x: Tensor) throws -> Tensor {
            let hidden: Tensor = try linear1(x)
            let active: Tensor = activation == .relu ? try hidden.relu() : try hidden.gelu()
            return try dropout3(linear2(dropout(active)))
        }
        if normFirst {
            let x: Tensor = try target + attend(norm1(target))
            let seen: Tensor = try x + look(norm2(x))
            return try seen + feed(norm3(seen))
        }
        let x: Tensor = try norm1(target + attend(target))
        let seen: Tensor = try norm2(x + look(x))
        return try norm3(seen + feed(seen))
    }
}

/// Decoder layers one after the other, and a last layer norm where one is given. Names are `layers.0.self_attn.in_proj_weight` and so on.
public final class TransformerDecoder: Module {
    public let layers: [TransformerDecoderLayer]
    public let norm: LayerNorm?

    public init(_ layers: [TransformerDecoderLayer], norm: LayerNorm? = nil) {
        self.layers = layers
        self.norm = norm
    }

    public func forward(_ target: Tensor, _ memory: Tensor) throws -> Tensor { try decode(target, memory) }

    /// The layers under masks; see `TransformerDecoderLayer.decode`.
    public func decode(
        _ target: Tensor, _ memory: Tensor, targetMask: Tensor? = nil, memoryMask: Tensor? = nil, targetKeyPaddingMask: Tensor? = nil,
        memoryKeyPaddingMask: Tensor? = nil, targetIsCausal: Bool = false, memoryIsCausal: Bool = false
    ) throws -> Tensor {
        var x: Tensor = target
        for layer in layers {
            x = try called(layer, (x, memory)) {
                try layer.decode(
                    $0.0, $0.1, targetMask: targetMask, memoryMask: memoryMask, targetKeyPaddingMask: targetKeyPaddingMask,
                    memoryKeyPaddingMask: memoryKeyPaddingMask, targetIsCausal: targetIsCausal, memoryIsCausal: memoryIsCausal)
            }
        }
        return try norm.map { try $0(x) } ?? x
    }
}

/// An encoder and a decoder. Source: Vaswani et al., "Attention is all you need", 2017. Weights of two dimensions are drawn by Glorot's uniform
/// distribution.
public final class Transformer: Module {
    public let encoder: TransformerEncoder
    public let decoder: TransformerDecoder

    public init(
        _ dModel: some SymIntConvertible = 512, _ nhead: some SymIntConvertible = 8, numEncoderLayers: Int = 6, numDecoderLayers: Int = 6,
        dimFeedforward: some SymIntConvertible = 2048, dropout: any ScalarConvertible = 0.1,
        activation: TransformerEncoderLayer.Activation = .relu,
        layerNormEpsilon: any ScalarConvertible = 1e-5, batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true,
        dtype: DType = .float32
    ) throws {
        func norm() throws -> LayerNorm { try LayerNorm(dModel.symInt, epsilon: layerNormEpsilon, bias: bias, dtype: dtype) }
        guard numEncoderLayers >= 0, numDecoderLayers >= 0 else {
            throw TensorError(
                .invalidArgument, in: "Transformer",
                "numbers of layers must not be negative: \(numEncoderLayers) and \(numDecoderLayers) are given")
        }
        let encoders: [TransformerEncoderLayer] = try (0..<numEncoderLayers).map { _ in
            try TransformerEncoderLayer(
                dModel, nhead, dimFeedforward: dimFeedforward, dropout: dropout, activation: activation, layerNormEpsilon: layerNormEpsilon,
                batchFirst: batchFirst, normFirst: normFirst, bias: bias, dtype: dtype)
        }
        let decoders: [TransformerDecoderLayer] = try (0..<numDecoderLayers).map { _ in
            try TransformerDecoderLayer(
                dModel, nhead, dimFeedforward: dimFeedforward, dropout: dropout, activation: activation, layerNormEpsilon: layerNormEpsilon,
                batchFirst: batchFirst, normFirst: normFirst, bias: bias, dtype: dtype)
        }
        encoder = TransformerEncoder(encoders, norm: try norm())
        decoder = TransformerDecoder(decoders, norm: try norm())
        let attentions: [MultiheadAttention] = encoders.map(\.selfAttn) + decoders.flatMap { [$0.selfAttn, $0.multiheadAttn] }
        let linears: [Linear] = encoders.flatMap { [$0.linear1, $0.linear2] } + decoders.flatMap { [$0.linear1, $0.linear2] }
        for layer in attentions.map(\.outProj) + linears {
            layer.weight = try Initialization.xavierUniform([layer.outFeatures, layer.inFeatures], dtype: dtype)
        }
    }

    public func forward(_ source: Tensor, _ target: Tensor) throws -> Tensor { try run(source, target) }

    /// The whole under masks: of the source, of the target, and of the encoder's result as the decoder looks at it.
    public func run(
        _ source: Tensor, _ target: Tensor, sourceMask: Tensor? = nil, targetMask: Tensor? = nil, memoryMask: Tensor? = nil,
        sourceKeyPaddingMask: Tensor? = nil, targetKeyPaddingMask: Tensor? = nil, memoryKeyPaddingMask: Tensor? = nil,
        sourceIsCausal: Bool = false, targetIsCausal: Bool = false, memoryIsCausal: Bool = false
    ) throws -> Tensor {
        let memory: Tensor = try called(encoder, source) {
            try encoder.encode($0, mask: sourceMask, keyPaddingMask: sourceKeyPaddingMask, isCausal: sourceIsCausal)
        }
        return try called(decoder, (target, memory)) {
            try decoder.decode(
                $0.0, $0.1, targetMask: targetMask, memoryMask: memoryMask, targetKeyPaddingMask: targetKeyPaddingMask,
                memoryKeyPaddingMask: memoryKeyPaddingMask, targetIsCausal: targetIsCausal, memoryIsCausal: memoryIsCausal)
        }
    }
}
