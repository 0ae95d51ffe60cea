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

/// Returns what it gets.
public final class Identity: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { x }
}
