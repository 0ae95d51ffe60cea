import ApusSymbolic
import ApusTensor

// Functions without weights, as modules for `Sequential`. Each gives its input's shape and dtype unless it says otherwise.

/// `max(x, 0)`.
public final class ReLU: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.relu() }
}

/// `min(max(x, 0), 6)`.
public final class ReLU6: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.relu6() }
}

/// `x * Phi(x)`, exactly or by its approximation with tanh.
public final class GELU: Module {
    public let approximate: Tensor.GeluApproximation
    public init(approximate: Tensor.GeluApproximation = .none) { self.approximate = approximate }
    public func forward(_ x: Tensor) throws -> Tensor { try x.gelu(approximate: approximate) }
}

/// `x * sigmoid(x)`.
public final class SiLU: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.silu() }
}

/// `x * tanh(softplus(x))`.
public final class Mish: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.mish() }
}

/// `1 / (1 + exp(-x))`.
public final class Sigmoid: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.sigmoid() }
}

/// The logarithm of the sigmoid, without overflow.
public final class LogSigmoid: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.logSigmoid() }
}

/// `min(max(x + 3, 0), 6) / 6`.
public final class Hardsigmoid: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.hardsigmoid() }
}

/// `x * hardsigmoid(x)`.
public final class Hardswish: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.hardswish() }
}

/// The hyperbolic tangent.
public final class Tanh: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.tanh() }
}

/// `x - tanh(x)`.
public final class Tanhshrink: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x - x.tanh() }
}

/// `min(max(x, minimum), maximum)`.
public final class Hardtanh: Module {
    public let minimum: Double
    public let maximum: Double

    public init(_ minimum: any ScalarConvertible = -1, _ maximum: any ScalarConvertible = 1) throws {
        let minimum: Double = try minimum.plainNumber("minimum", in: "Hardtanh")
        let maximum: Double = try maximum.plainNumber("maximum", in: "Hardtanh")
        guard minimum < maximum else {
            throw TensorError(.invalidArgument, in: "Hardtanh", "the minimum \(minimum) must be below the maximum \(maximum)")
        }
        (self.minimum, self.maximum) = (minimum, maximum)
    }

    public func forward(_ x: Tensor) throws -> Tensor { try x.hardtanh(min: minimum, max: maximum) }
}

/// x outside of `lambda` around zero, 0 inside.
public final class Hardshrink: Module {
    public let lambda: Scalar
    public init(_ lambda: any ScalarConvertible = 0.5) { self.lambda = lambda.scalar }
    public func forward(_ x: Tensor) throws -> Tensor { try x.hardshrink(lambda: lambda) }
}

/// x moved by `lambda` towards zero, 0 within.
public final class Softshrink: Module {
    public let lambda: Scalar
    public init(_ lambda: any ScalarConvertible = 0.5) { self.lambda = lambda.scalar }
    public func forward(_ x: Tensor) throws -> Tensor { try x.softshrink(lambda: lambda) }
}

/// `log(1 + exp(beta * x)) / beta`; x itself where `beta * x` is above `threshold`.
public final class Softplus: Module {
    public let beta: Scalar
    public let threshold: Scalar
    public init(beta: any ScalarConvertible = 1, threshold: any ScalarConvertible = 20) {
        (self.beta, self.threshold) = (beta.scalar, threshold.scalar)
    }
    public func forward(_ x: Tensor) throws -> Tensor { try x.softplus(beta: beta, threshold: threshold) }
}

/// `x / (1 + |x|)`.
public final class Softsign: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x / (x.abs() + 1) }
}

/// x above zero, `alpha * (exp(x) - 1)` below.
public final class ELU: Module {
    public let alpha: Scalar
    public init(alpha: any ScalarConvertible = 1) { self.alpha = alpha.scalar }
    public func forward(_ x: Tensor) throws -> Tensor { try x.elu(alpha: alpha) }
}

/// ELU whose slope is continuous for each `alpha`: `alpha * (exp(x / alpha) - 1)` below zero.
public final class CELU: Module {
    public let alpha: Scalar
    public init(alpha: any ScalarConvertible = 1) { self.alpha = alpha.scalar }
    public func forward(_ x: Tensor) throws -> Tensor { try x.celu(alpha: alpha) }
}

/// `scale * (max(x, 0) + min(0, alpha * (exp(x) - 1)))`, with the constants of Klambauer et al., 2017.
public final class SELU: Module {
    public init() {}
    public func forward(_ x: Tensor) throws -> Tensor { try x.selu() }
}

/// x above zero, `negativeSlope * x` below.
public final class LeakyReLU: Module {
    public let negativeSlope: Scalar
    public init(_ negativeSlope: any ScalarConvertible = 0.01) { self.negativeSlope = negativeSlope.scalar }
    public func forward(_ x: Tensor) throws -> Tensor { try x.leakyRelu(negativeSlope: negativeSlope) }
}

/// x above zero, `weight * x` below, with one learned slope for all or one for each channel (dimension 1).
public final class PReLU: Module {
    @Parameter public var weight: Tensor

    public init(_ numParameters: some SymIntConvertible = 1, initial: any ScalarConvertible = 0.25, dtype: DType = .float32) throws {
        weight = try Tensor.full([numParameters.positive("numParameters", in: "PReLU")], initial, dtype: dtype)
    }

    public func forward(_ x: Tensor) throws -> Tensor { try x.prelu(weight) }
}

/// x above zero; below, x times a slope that is drawn evenly from `lower...upper` for each element while training, and is their mean otherwise.
public final class RReLU: Module {
    public let lower: Double
    public let upper: Double
    public var isTraining = true

    public init(_ lower: any ScalarConvertible = 1.0 / 8, _ upper: any ScalarConvertible = 1.0 / 3) throws {
        let lower: Double = try lower.plainNumber("lower", in: "RReLU")
        let upper: Double = try upper.plainNumber("upper", in: "RReLU")
        guard lower <= upper else {
            throw TensorError(.invalidArgument, in: "RReLU", "the lower slope \(lower) must not be above the upper one, \(upper)")
        }
        (self.lower, self.upper) = (lower, upper)
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        guard isTraining else { return try x.leakyRelu(negativeSlope: (lower + upper) / 2) }
        let slope: Tensor = try Tensor.rand(x.shape.sizes, dtype: x.dtype) * (upper - lower) + lower
        return try x.clamp(min: 0) + x.clamp(max: 0) * slope
    }
}

/// x above `threshold`, `value` elsewhere.
public final class Threshold: Module {
    public let threshold: Scalar
    public let value: Scalar
    public init(_ threshold: any ScalarConvertible, _ value: any ScalarConvertible) {
        (self.threshold, self.value) = (threshold.scalar, value.scalar)
    }
    public func forward(_ x: Tensor) throws -> Tensor { try x.threshold(threshold, value: value) }
}

/// The first half of a dimension times the sigmoid of the second: the dimension halves.
public final class GLU: Module {
    public let dim: Int
    public init(dim: Int = -1) { self.dim = dim }
    public func forward(_ x: Tensor) throws -> Tensor { try x.glu(dim: dim) }
}

/// Along `dim`, `exp(x)` divided by its sum.
public final class Softmax: Module {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func forward(_ x: Tensor) throws -> Tensor { try x.softmax(dim: dim) }
}

/// The logarithm of the softmax along `dim`, without overflow.
public final class LogSoftmax: Module {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func forward(_ x: Tensor) throws -> Tensor { try x.logSoftmax(dim: dim) }
}

/// The softmax of `-x`.
public final class Softmin: Module {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func forward(_ x: Tensor) throws -> Tensor { try (-x).softmax(dim: dim) }
}

/// The softmax over the channels of images `[N, C, H, W]` or `[C, H, W]`.
public final class Softmax2d: Module {
    public init() {}

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...4, in: "Softmax2d")
        return try x.softmax(dim: -3)
    }
}
