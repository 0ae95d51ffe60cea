import ApusSymbolic
import ApusTensor

// Pools over windows that are chosen so that results have given sizes, whatever the input's, and the reverse of maxima over windows.

/// What adaptive pools have in common.
public class AdaptivePoolBase: Module {
    public final let outputSize: [SymInt]
    fileprivate final let layer: String

    fileprivate init(_ layer: String, dims: Int, _ outputSize: any SpatialSize) throws {
        self.outputSize = try outputSize.spread(over: dims, atLeast: 1, "outputSize", in: layer)
        self.layer = layer
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, outputSize.count + 1...outputSize.count + 2, in: layer)
        return try pool(x)
    }

    fileprivate func pool(_ x: Tensor) throws -> Tensor {
        switch outputSize.count {
        case 1: try x.adaptiveAvgPool1d(outputSize[0])
        case 2: try x.adaptiveAvgPool2d(outputSize)
        default: try x.adaptiveAvgPool3d(outputSize)
        }
    }
}

/// What adaptive pools of maxima have in common.
public class AdaptiveMaxPoolBase: AdaptivePoolBase {
    /// The maxima and where in their planes they stand.
    public final func withIndices(_ x: Tensor) throws -> (values: Tensor, indices: Tensor) {
        try requireRank(x, outputSize.count + 1...outputSize.count + 2, in: layer)
        return switch outputSize.count {
        case 1: try x.adaptiveMaxPool1d(outputSize)
        case 2: try x.adaptiveMaxPool2d(outputSize)
        default: try x.adaptiveMaxPool3d(outputSize)
        }
    }

    override fileprivate final func pool(_ x: Tensor) throws -> Tensor { try withIndices(x).values }
}

/// The mean of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveAvgPool1d: AdaptivePoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveAvgPool1d", dims: 1, outputSize) }
}

/// The mean of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveAvgPool2d: AdaptivePoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveAvgPool2d", dims: 2, outputSize) }
}

/// The mean of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveAvgPool3d: AdaptivePoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveAvgPool3d", dims: 3, outputSize) }
}

/// The largest element of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveMaxPool1d: AdaptiveMaxPoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveMaxPool1d", dims: 1, outputSize) }
}

/// The largest element of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveMaxPool2d: AdaptiveMaxPoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveMaxPool2d", dims: 2, outputSize) }
}

/// The largest element of each window, so that the result is `[N, C] + outputSize`.
public final class AdaptiveMaxPool3d: AdaptiveMaxPoolBase {
    public init(_ outputSize: some SpatialSize) throws { try super.init("AdaptiveMaxPool3d", dims: 3, outputSize) }
}

/// What the reverses of maxima over windows have in common: maxima go back to where they stood, and zeros are elsewhere.
public class MaxUnpoolBase: Module {
    public final let kernelSize: [SymInt]
    public final let stride: [SymInt]
    public final let padding: [SymInt]
    private final let layer: String

    init(_ layer: String, dims: Int, _ kernelSize: any SpatialSize, stride: (any SpatialSize)?, padding: any SpatialSize) throws {
        self.kernelSize = try kernelSize.spread(over: dims, atLeast: 1, "kernelSize", in: layer)
        self.stride = try (stride ?? kernelSize).spread(over: dims, atLeast: 1, "stride", in: layer)
        self.padding = try padding.spread(over: dims, atLeast: 0, "padding", in: layer)
        self.layer = layer
    }

    /// Each size is `(size - 1) * stride - 2 * padding + kernelSize`.
    public final func forward(_ x: Tensor, _ indices: Tensor) throws -> Tensor {
        let dims: Int = kernelSize.count
        try requireRank(x, dims + 1...dims + 2, in: layer)
        let sizes: [SymInt] = (0..<dims).map { dim in
            (x.shape[dim - dims] - 1) * stride[dim] - 2 * padding[dim] + kernelSize[dim]
        }
        return try unpooled(x, indices, to: sizes)
    }

    /// The same to sizes that are given: several sizes give one when they are pooled.
    public final func unpooled(_ x: Tensor, _ indices: Tensor, to sizes: [any SymIntConvertible]) throws -> Tensor {
        let dims: Int = kernelSize.count
        guard sizes.count == dims else {
            throw TensorError(.invalidArgument, in: layer, "takes \(dims) sizes, not \(sizes.count)")
        }
        return switch dims {
        case 1: try x.unsqueezed(-2).maxUnpool2d(indices.unsqueezed(-2), to: [SymInt(1), sizes[0]]).squeezed(-2)
        case 2: try x.maxUnpool2d(indices, to: sizes)
        default: try x.maxUnpool3d(indices, to: sizes, stride: stride, padding: padding)
        }
    }
}

/// The reverse of `MaxPool1d`, for the indices that its `withIndices` gives.
public final class MaxUnpool1d: MaxUnpoolBase {
    public init(_ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0) throws {
        try super.init("MaxUnpool1d", dims: 1, kernelSize, stride: stride, padding: padding)
    }
}

/// The reverse of `MaxPool2d`, for the indices that its `withIndices` gives.
public final class MaxUnpool2d: MaxUnpoolBase {
    public init(_ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0) throws {
        try super.init("MaxUnpool2d", dims: 2, kernelSize, stride: stride, padding: padding)
    }
}

/// The reverse of `MaxPool3d`, for the indices that its `withIndices` gives.
public final class MaxUnpool3d: MaxUnpoolBase {
    public init(_ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0) throws {
        try super.init("MaxUnpool3d", dims: 3, kernelSize, stride: stride, padding: padding)
    }
}
