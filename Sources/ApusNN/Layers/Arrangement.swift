import ApusSymbolic
import ApusTensor

// Layers that move elements, and compute nothing.

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

/// Splits a dimension into several. One of the sizes may be -1: what is left.
public final class Unflatten: Module {
    public let dim: Int
    public let sizes: [SymInt]

    public init(dim: Int, _ sizes: [any SymIntConvertible]) {
        self.dim = dim
        self.sizes = sizes.map(\.symInt)
    }

    public func forward(_ x: Tensor) throws -> Tensor { try x.unflattened(dim, sizes) }
}

/// From `[..., C * r * r, H, W]` to `[..., C, H * r, W * r]`, as sub-pixel convolutions need it.
public final class PixelShuffle: Module {
    public let upscaleFactor: SymInt
    public init(_ upscaleFactor: any SymIntConvertible) { self.upscaleFactor = upscaleFactor.symInt }
    public func forward(_ x: Tensor) throws -> Tensor { try x.pixelShuffle(upscaleFactor) }
}

/// The reverse of `PixelShuffle`.
public final class PixelUnshuffle: Module {
    public let downscaleFactor: SymInt
    public init(_ downscaleFactor: any SymIntConvertible) { self.downscaleFactor = downscaleFactor.symInt }
    public func forward(_ x: Tensor) throws -> Tensor { try x.pixelUnshuffle(downscaleFactor) }
}

/// Interleaves the groups of channels of `[N, C, ...]`.
public final class ChannelShuffle: Module {
    public let groups: SymInt
    public init(_ groups: any SymIntConvertible) { self.groups = groups.symInt }
    public func forward(_ x: Tensor) throws -> Tensor { try x.channelShuffle(groups) }
}

/// The windows of images as columns: from `[N, C, H, W]` (or without N) to `[N, C * kH * kW, windows]`.
public final class Unfold: Module {
    public let kernelSize: [SymInt]
    public let dilation: [SymInt]
    public let padding: [SymInt]
    public let stride: [SymInt]

    public init(
        _ kernelSize: some SpatialSize, dilation: some SpatialSize = 1, padding: some SpatialSize = 0, stride: some SpatialSize = 1
    ) throws {
        self.kernelSize = try kernelSize.spread(over: 2, atLeast: 1, "kernelSize", in: "Unfold")
        self.dilation = try dilation.spread(over: 2, atLeast: 1, "dilation", in: "Unfold")
        self.padding = try padding.spread(over: 2, atLeast: 0, "padding", in: "Unfold")
        self.stride = try stride.spread(over: 2, atLeast: 1, "stride", in: "Unfold")
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 3...4, in: "Unfold")
        return try x.im2col(kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
}

/// Columns added up to images, where windows overlap: the transpose of `Unfold`, from `[N, C * kH * kW, windows]` to `[N, C] + outputSize`.
public final class Fold: Module {
    public let outputSize: [SymInt]
    public let kernelSize: [SymInt]
    public let dilation: [SymInt]
    public let padding: [SymInt]
    public let stride: [SymInt]

    public init(
        _ outputSize: some SpatialSize, _ kernelSize: some SpatialSize, dilation: some SpatialSize = 1, padding: some SpatialSize = 0,
        stride: some SpatialSize = 1
    ) throws {
        self.outputSize = try outputSize.spread(over: 2, atLeast: 1, "outputSize", in: "Fold")
        self.kernelSize = try kernelSize.spread(over: 2, atLeast: 1, "kernelSize", in: "Fold")
        self.dilation = try dilation.spread(over: 2, atLeast: 1, "dilation", in: "Fold")
        self.padding = try padding.spread(over: 2, atLeast: 0, "padding", in: "Fold")
        self.stride = try stride.spread(over: 2, atLeast: 1, "stride", in: "Fold")
    }

    public func forward(_ x: Tensor) throws -> Tensor {
        try requireRank(x, 2...3, in: "Fold")
        return try x.col2im(outputSize, kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
}
