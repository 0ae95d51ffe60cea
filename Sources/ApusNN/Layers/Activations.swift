import ApusTensor

// Functions without state, as modules for `Sequential`.

public final class ReLU: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.relu() }
}

/// `x * Phi(x)`, exactly or by its approximation with tanh.
public final class GELU: Module {
    public let approximate: Tensor.GeluApproximation
    public init(approximate: Tensor.GeluApproximation = .none) { self.approximate = approximate }
    public func forward(_ x: Tensor) throws -> Tensor { try x.gelu(approximate: approximate) }
}

public final class SiLU: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.silu() }
}

public final class Sigmoid: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.sigmoid() }
}

public final class Tanh: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.tanh() }
}

public final class Softmax: Module {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func forward(_ x: Tensor) throws -> Tensor { try x.softmax(dim: dim) }
}

/// Returns what it gets.
public final class Identity: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { x }
}

/// Joins dimensions `startDim` to `endDim` into one; by default all but the first.
public final class Flatten: Module {
    public let startDim: Int
    public let endDim: Int

    public init(startDim: Int = 1, endDim: Int = -1) {
        self.startDim = startDim
        self.endDim = endDim
    }

    public func forward(_ x: Tensor) throws -> Tensor { try x.flattened(from: startDim, to: endDim) }
}

/// While training, sets each element to zero with probability `p` and scales the others by `1 / (1 - p)`; returns its input otherwise.
public final class Dropout: Module {
    public let p: Double
    public var isTraining = true

    public init(_ p: Double = 0.5) throws {
        try requireProbability(p, in: "Dropout")
        self.p = p
    }

    public func forward(_ x: Tensor) throws -> Tensor { isTraining && p > 0 ? try x.dropout(p: p) : x }
}
