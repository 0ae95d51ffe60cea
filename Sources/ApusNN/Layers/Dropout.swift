import ApusSymbolic
import ApusTensor

// Dropout: while training, parts of the input are left out by chance; otherwise the input is returned. Source: Srivastava et al., 2014.

/// What dropouts have in common.
public class DropoutBase: Module {
    public final let p: Double
    public final var isTraining = true
    final let layer: String

    init(_ p: any ScalarConvertible, in layer: String) throws {
        self.p = try p.plainNumber("p", in: layer)
        self.layer = layer
        try requireProbability(self.p, in: layer)
    }

    public final func forward(_ x: Tensor) throws -> Tensor { isTraining && p > 0 ? try drop(x) : x }

    func drop(_ x: Tensor) throws -> Tensor { try x.dropout(p: p) }

    /// Whole channels are left out. An input without a batch gets one for the while.
    final func dropChannels(_ x: Tensor, unbatched rank: Int?) throws -> Tensor {
        x.rank == rank ? try x.unsqueezed(0).featureDropout(p: p).squeezed(0) : try x.featureDropout(p: p)
    }
}

/// Sets each element to zero with probability `p` and scales the others by `1 / (1 - p)`.
public final class Dropout: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "Dropout") }
}

/// Sets whole channels of `[N, C]`, `[N, C, L]` (or `[C, L]`) to zero with probability `p` and scales the others by `1 / (1 - p)`.
public final class Dropout1d: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "Dropout1d") }

    override func drop(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 2...3, in: layer)
        return try dropChannels(x, unbatched: 2)
    }
}

/// Sets whole channels of images `[N, C, H, W]` to zero with probability `p` and scales the others by `1 / (1 - p)`. Three dimensions are
/// `[N, C, L]`, as in PyTorch.
public final class Dropout2d: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "Dropout2d") }

    override func drop(_ x: Tensor) throws -> Tensor { try dropChannels(x, unbatched: nil) }
}

/// Sets whole channels of volumes `[N, C, D, H, W]` (or without N) to zero with probability `p` and scales the others by `1 / (1 - p)`.
public final class Dropout3d: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "Dropout3d") }

    override func drop(_ x: Tensor) throws -> Tensor { try dropChannels(x, unbatched: 4) }
}

/// Dropout that keeps mean and variance of inputs of mean 0 and variance 1, for networks with `SELU`: what is left out gets SELU's lowest
/// value, and all is scaled and shifted. Source: Klambauer et al., "Self-normalizing neural networks", 2017.
public final class AlphaDropout: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "AlphaDropout") }

    override func drop(_ x: Tensor) throws -> Tensor { try x.alphaDropped(p, Array(x.shape)) }
}

/// `AlphaDropout` of whole channels of `[N, C, ...]`.
public final class FeatureAlphaDropout: DropoutBase {
    public init(_ p: any ScalarConvertible = 0.5) throws { try super.init(p, in: "FeatureAlphaDropout") }

    override func drop(_ x: Tensor) throws -> Tensor {
        guard x.rank >= 2 else { throw TensorError(.shapeMismatch, in: layer, "expects at least 2 dimensions, got shape \(x.shape)") }
        return try x.alphaDropped(p, x.shape.enumerated().map { $0 < 2 ? $1 : 1 })
    }
}

extension Tensor {
    /// - Parameter sizes: of the decisions, which are broadcast
    fileprivate func alphaDropped(_ p: Double, _ sizes: [SymInt]) throws -> Tensor {
        if p == 1 { return try self * 0 }
        let depth = 1.7580993408473766  // how far below zero SELU ends
        let scale: Double = 1 / ((depth * depth * p + 1) * (1 - p)).squareRoot()
        let stays: Tensor = try Tensor.full(sizes, 1 - p, dtype: dtype).bernoulli()
        let shift: Tensor = try (stays - 1 + p) * (depth * scale)
        return try self * stays * scale + shift
    }
}
