import ApusSymbolic
import ApusTensor

/// The largest element of each window: from `[N, C, H, W]` (or without N) to `[N, C, H', W']`. The stride is the kernel's size by default.
public final class MaxPool2d: Module {
    public let kernelSize: [SymInt]
    public let stride: [SymInt]
    public let padding: [SymInt]
    public let dilation: [SymInt]
    public let ceilMode: Bool

    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, dilation: some SpatialSize = 1,
        ceilMode: Bool = false
    ) throws {
        let layer = "MaxPool2d"
        self.kernelSize = try kernelSize.spread(over: 2, atLeast: 1, "kernelSize", in: layer)
        self.stride = try (stride ?? kernelSize).spread(over: 2, atLeast: 1, "stride", in: layer)
        self.padding = try padding.spread(over: 2, atLeast: 0, "padding", in: layer)
        self.dilation = try dilation.spread(over: 2, atLeast: 1, "dilation", in: layer)
        self.ceilMode = ceilMode
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...4, in: "MaxPool2d")
        return try x.maxPool2d(kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
}

/// The mean of each window: from `[N, C, H, W]` (or without N) to `[N, C, H', W']`. The stride is the kernel's size by default.
public final class AvgPool2d: Module {
    public let kernelSize: [SymInt]
    public let stride: [SymInt]
    public let padding: [SymInt]
    public let ceilMode: Bool
    public let countIncludePad: Bool
    public let divisorOverride: SymInt?

    public init(
        _ kernelSize: some SpatialSize, stride: (any SpatialSize)? = nil, padding: some SpatialSize = 0, ceilMode: Bool = false,
        countIncludePad: Bool = true, divisorOverride: (any SymIntConvertible)? = nil
    ) throws {
        let layer = "AvgPool2d"
        self.kernelSize = try kernelSize.spread(over: 2, atLeast: 1, "kernelSize", in: layer)
        self.stride = try (stride ?? kernelSize).spread(over: 2, atLeast: 1, "stride", in: layer)
        self.padding = try padding.spread(over: 2, atLeast: 0, "padding", in: layer)
        self.ceilMode = ceilMode
        self.countIncludePad = countIncludePad
        self.divisorOverride = divisorOverride?.symInt
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...4, in: "AvgPool2d")
        return try x.avgPool2d(
            kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
}

/// The mean of windows chosen so that the result is `[N, C, outputSize]`, whatever the input's size.
public final class AdaptiveAvgPool2d: Module {
    public let outputSize: [SymInt]

    public init(_ outputSize: some SpatialSize) throws {
        self.outputSize = try outputSize.spread(over: 2, atLeast: 1, "outputSize", in: "AdaptiveAvgPool2d")
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...4, in: "AdaptiveAvgPool2d")
        return try x.adaptiveAvgPool2d(outputSize)
    }
}
