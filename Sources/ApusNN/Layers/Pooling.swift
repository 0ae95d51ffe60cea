import ApusSymbolic
import ApusTensor

// Pools over windows of one, two or three dimensions. Inputs are `[N, C, ...]`, or without N. The stride is the kernel's size by default.

/// What maxima over windows have in common.
public class MaxPoolBase: Module {
    public final let kernelSize: [SymInt]
    public final let stride: [SymInt]
    public final let padding: [SymInt]
    public final let dilation: [SymInt]
    public final let ceilMode: Bool
    private final let layer: String

    init(
        _ layer: String, dims: Int, _ kernelSize: any SpatialSize, stride: (any SpatialSize)?, padding: any SpatialSize,
        dilation: any SpatialSize, ceilMode: Bool
    ) throws {
        self.kernelSize = try kernelSize.spread(over: dims, atLeast: 1, "kernelSize", in: layer)
        self.stride = try (stride ?? kernelSize).spread(over: dims, atLeast: 1, "stride", in: layer)
        self.padding = try padding.spread(over: dims, atLeast: 0, "padding", in: layer)
        self.dilation = try dilation.spread(over: dims, atLeast: 1, "dilation", in: layer)
        (self.ceilMode, self.layer) = (ceilMode, layer)
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let dims: Int = kernelSize.count
        try requireRank(x, dims + 1...dims + 2, in: layer)
        return switch dims {
        case 1: try x.maxPool1d(kernelSize[0], stride: stride[0], padding: padding[0], dilation: dilation[0], ceilMode: ceilMode)
        case 2: try x.maxPool2d(kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        default: try x.maxPool3d(kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        }
    }

    /// The maxima and where in their planes they stand, as `MaxUnpool` layers take it. Not differentiable by the positions.
    public final func withIndices(_ x: Tensor) throws -> (values: Tensor, indices: Tensor) {
        let dims: Int = kernelSize.count
        try requireRank(x, dims + 1...dims + 2, in: layer)
        return switch dims {
        case 1: try x.maxPool1dWithIndices(kernelSize[0], stride: stride[0], padding: padding[0], dilation: dilation[0], ceilMode: ceilMode)
        case 2: try x.maxPool2dWithIndices(kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        default: try x.maxPool3dWithIndices(kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        }
    }
}

/// The largest element of each window: from `[N, C, L]` (or without N) to `[N, C, L']`.
public final class MaxPool1d: MaxPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, dilation: some SpatialSize = 1,
        ceilMode: Bool = false
    ) throws {
        try super.init("MaxPool1d", dims: 1, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
}

/// The largest element of each window: from `[N, C, H, W]` (or without N) to `[N, C, H', W']`.
public final class MaxPool2d: MaxPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, dilation: some SpatialSize = 1,
        ceilMode: Bool = false
    ) throws {
        try super.init("MaxPool2d", dims: 2, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
}

/// The largest element of each window: from `[N, C, D, H, W]` (or without N) to `[N, C, D', H', W']`.
public final class MaxPool3d: MaxPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, dilation: some SpatialSize = 1,
        ceilMode: Bool = false
    ) throws {
        try super.init("MaxPool3d", dims: 3, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
}

/// What means over windows have in common.
public class AvgPoolBase: Module {
    public final let kernelSize: [SymInt]
    public final let stride: [SymInt]
    public final let padding: [SymInt]
    public final let ceilMode: Bool
    public final let countIncludePad: Bool
    public final let divisorOverride: SymInt?
    private final let layer: String

    init(
        _ layer: String, dims: Int, _ kernelSize: any SpatialSize, stride: (any SpatialSize)?, padding: any SpatialSize, ceilMode: Bool,
        countIncludePad: Bool, divisorOverride: (any SymIntConvertible)? = nil
    ) throws {
        self.kernelSize = try kernelSize.spread(over: dims, atLeast: 1, "kernelSize", in: layer)
        self.stride = try (stride ?? kernelSize).spread(over: dims, atLeast: 1, "stride", in: layer)
        self.padding = try padding.spread(over: dims, atLeast: 0, "padding", in: layer)
        (self.ceilMode, self.countIncludePad, self.divisorOverride) = (ceilMode, countIncludePad, divisorOverride?.symInt)
        self.layer = layer
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let dims: Int = kernelSize.count
        try requireRank(x, dims + 1...dims + 2, in: layer)
        return switch dims {
        case 1:
            try x.avgPool1d(
                kernelSize[0], stride: stride[0], padding: padding[0], ceilMode: ceilMode, countIncludePad: countIncludePad)
        case 2:
            try x.avgPool2d(
                kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
                divisorOverride: divisorOverride)
        default:
            try x.avgPool3d(
                kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
                divisorOverride: divisorOverride)
        }
    }
}

/// The mean of each window: from `[N, C, L]` (or without N) to `[N, C, L']`.
public final class AvgPool1d: AvgPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, ceilMode: Bool = false,
        countIncludePad: Bool = true
    ) throws {
        try super.init(
            "AvgPool1d", dims: 1, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad)
    }
}

/// The mean of each window: from `[N, C, H, W]` (or without N) to `[N, C, H', W']`.
public final class AvgPool2d: AvgPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, ceilMode: Bool = false,
        countIncludePad: Bool = true, divisorOverride: (any SymIntConvertible)? = nil
    ) throws {
        try super.init(
            "AvgPool2d", dims: 2, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
}

/// The mean of each window: from `[N, C, D, H, W]` (or without N) to `[N, C, D', H', W']`.
public final class AvgPool3d: AvgPoolBase {
    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, ceilMode: Bool = false,
        countIncludePad: Bool = true, divisorOverride: (any SymIntConvertible)? = nil
    ) throws {
        try super.init(
            "AvgPool3d", dims: 3, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
}

/// What roots of sums of powers over windows have in common: `(sum of x^p)^(1/p)`. Of negative sums the root is the magnitude's, with the sign.
public class LPPoolBase: Module {
    public final let normType: Double
    private final let pool: AvgPoolBase
    private final let windowSize: SymInt

    init(_ normType: Double, _ pool: AvgPoolBase) {
        (self.normType, self.pool) = (normType, pool)
        windowSize = pool.kernelSize.reduce(SymInt(1)) { $0 * $1 }
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let means: Tensor = try pool(x.pow(normType))
        return try (means.sign() * means.abs().relu() * windowSize).pow(1 / normType)
    }
}

/// The `normType`-norm of each window: from `[N, C, L]` (or without N) to `[N, C, L']`.
public final class LPPool1d: LPPoolBase {
    public init(_ normType: any ScalarConvertible, _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, ceilMode: Bool = false)
        throws
    {
        try super.init(normType.plainNumber("normType", in: "LPPool"), AvgPool1d(kernelSize, stride: stride, ceilMode: ceilMode))
    }
}

/// The `normType`-norm of each window: from `[N, C, H, W]` (or without N) to `[N, C, H', W']`.
public final class LPPool2d: LPPoolBase {
    public init(_ normType: any ScalarConvertible, _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, ceilMode: Bool = false)
        throws
    {
        try super.init(normType.plainNumber("normType", in: "LPPool"), AvgPool2d(kernelSize, stride: stride, ceilMode: ceilMode))
    }
}

/// The `normType`-norm of each window: from `[N, C, D, H, W]` (or without N) to `[N, C, D', H', W']`.
public final class LPPool3d: LPPoolBase {
    public init(_ normType: any ScalarConvertible, _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, ceilMode: Bool = false)
        throws
    {
        try super.init(normType.plainNumber("normType", in: "LPPool"), AvgPool3d(kernelSize, stride: stride, ceilMode: ceilMode))
    }
}
