import ApusSymbolic
import ApusTensor

/// What convolution layers have in common: options, weights and checks.
///
/// Weight and bias are drawn evenly from within `1 / sqrt(fanIn)` of zero, the fan-in being the input channels of a group times the kernel's
/// size.
public class ConvolutionBase: Module {
    @Parameter public final var weight: Tensor
    @Parameter public final var bias: Tensor?
    public final let inChannels: Int
    public final let outChannels: Int
    public final let kernelSize: [Int]
    public final let stride: [Int]
    public final let padding: [Int]
    public final let dilation: [Int]
    public final let groups: Int
    final let layer: String

    /// - Parameters:
    ///   - dims: how many dimensions an image has
    ///   - isTransposed: the weight has the input's channels first, as transposed convolutions do
    init(
        _ layer: String, dims: Int, isTransposed: Bool = false, _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible,
        kernelSize: any SpatialSize, stride: any SpatialSize, padding: any SpatialSize, dilation: any SpatialSize,
        groups: some SymIntConvertible, bias: Bool, dtype: DType
    ) throws {
        let (groups, inputs) = try divided(inChannels, by: groups, "inChannels", in: layer)
        let (_, outputs) = try divided(outChannels, by: groups, "outChannels", in: layer)
        self.layer = layer
        self.inChannels = inputs
        self.outChannels = outputs
        self.kernelSize = try kernelSize.numbers(over: dims, atLeast: 1, "kernelSize", in: layer)
        self.stride = try stride.numbers(over: dims, atLeast: 1, "stride", in: layer)
        self.padding = try padding.numbers(over: dims, atLeast: 0, "padding", in: layer)
        self.dilation = try dilation.numbers(over: dims, atLeast: 1, "dilation", in: layer)
        self.groups = groups
        let channels = isTransposed ? [inputs, outputs / groups] : [outputs, inputs / groups]
        let sizes = channels + self.kernelSize
        weight = try Initialization.uniform(sizes, bound: Initialization.fanInBound(sizes), dtype: dtype)
        self.bias = bias ? try Initialization.uniform([outputs], bound: Initialization.fanInBound(sizes), dtype: dtype) : nil
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let rank: Int = kernelSize.count + 2
        try requireRank(x, rank - 1...rank, in: layer)
        try requireSize(x, dim: -(rank - 1), inChannels, "channels", in: layer)
        return try convolve(x)
    }

    func convolve(_ x: Tensor) throws -> Tensor {
        switch kernelSize.count {
        case 1: try x.conv1d(weight, bias: bias, stride: stride[0], padding: padding[0], dilation: dilation[0], groups: groups)
        case 2: try x.conv2d(weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
        default: try x.conv3d(weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
        }
    }
}

/// Convolution over one dimension: from `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`,
/// `L' = (L + 2 * padding - dilation * (kernelSize - 1) - 1) / stride + 1`. `weight` is `[outChannels, inChannels / groups, kernelSize]`.
public final class Conv1d: ConvolutionBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, dilation: some SpatialSize = 1, groups: some SymIntConvertible = 1,
        bias: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "Conv1d", dims: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation,
            groups: groups, bias: bias, dtype: dtype)
    }
}

/// Convolution over two dimensions: from `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`, each of them after
/// `Conv1d`'s formula. `weight` is `[outChannels, inChannels / groups, kH, kW]`.
public final class Conv2d: ConvolutionBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, dilation: some SpatialSize = 1, groups: some SymIntConvertible = 1,
        bias: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "Conv2d", dims: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation,
            groups: groups, bias: bias, dtype: dtype)
    }
}

/// Convolution over three dimensions: from `[N, inChannels, D, H, W]` (or without N) to `[N, outChannels, D', H', W']`, each of them after
/// `Conv1d`'s formula. `weight` is `[outChannels, inChannels / groups, kD, kH, kW]`.
public final class Conv3d: ConvolutionBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, dilation: some SpatialSize = 1, groups: some SymIntConvertible = 1,
        bias: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            "Conv3d", dims: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation,
            groups: groups, bias: bias, dtype: dtype)
    }
}

/// What transposed convolutions, which make images larger, have in common besides.
public class ConvTransposeBase: ConvolutionBase {
    public final let outputPadding: [Int]

    init(
        _ layer: String, dims: Int, _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible,
        kernelSize: any SpatialSize, stride: any SpatialSize, padding: any SpatialSize, outputPadding: any SpatialSize,
        groups: some SymIntConvertible, bias: Bool, dilation: any SpatialSize, dtype: DType
    ) throws {
        self.outputPadding = try outputPadding.numbers(over: dims, atLeast: 0, "outputPadding", in: layer)
        try super.init(
            layer, dims: dims, isTransposed: true, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
            dilation: dilation, groups: groups, bias: bias, dtype: dtype)
    }

    override final func convolve(_ x: Tensor) throws -> Tensor {
        switch kernelSize.count {
        case 1:
            try x.convTranspose1d(
                weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
        case 2:
            try x.convTranspose2d(
                weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
        default:
            try x.convTranspose3d(
                weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
        }
    }
}

/// The transpose of `Conv1d`: from `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`,
/// `L' = (L - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1`. `weight` is
/// `[inChannels, outChannels / groups, kernelSize]`.
public final class ConvTranspose1d: ConvTransposeBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, outputPadding: some SpatialSize = 0,
        groups: some SymIntConvertible = 1, bias: Bool = true, dilation: some SpatialSize = 1, dtype: DType = .float32
    ) throws {
        try super.init(
            "ConvTranspose1d", dims: 1, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
            outputPadding: outputPadding, groups: groups, bias: bias, dilation: dilation, dtype: dtype)
    }
}

/// The transpose of `Conv2d`: from `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`,
/// `W' = (W - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1`. `weight` is
/// `[inChannels, outChannels / groups, kH, kW]`.
public final class ConvTranspose2d: ConvTransposeBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, outputPadding: some SpatialSize = 0,
        groups: some SymIntConvertible = 1, bias: Bool = true, dilation: some SpatialSize = 1, dtype: DType = .float32
    ) throws {
        try super.init(
            "ConvTranspose2d", dims: 2, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
            outputPadding: outputPadding, groups: groups, bias: bias, dilation: dilation, dtype: dtype)
    }
}

/// The transpose of `Conv3d`: from `[N, inChannels, D, H, W]` (or without N) to `[N, outChannels, D', H', W']`,
/// `W' = (W - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1`. `weight` is
/// `[inChannels, outChannels / groups, kD, kH, kW]`.
public final class ConvTranspose3d: ConvTransposeBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0, outputPadding: some SpatialSize = 0,
        groups: some SymIntConvertible = 1, bias: Bool = true, dilation: some SpatialSize = 1, dtype: DType = .float32
    ) throws {
        try super.init(
            "ConvTranspose3d", dims: 3, inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding,
            outputPadding: outputPadding, groups: groups, bias: bias, dilation: dilation, dtype: dtype)
    }
}
