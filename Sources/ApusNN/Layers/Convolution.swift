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

    struct Options {
        let layer: String
        let inChannels, outChannels: any SymIntConvertible
        let kernelSize, stride, padding, dilation: [Int]
        let groups: any SymIntConvertible
        let bias: Bool
        let dtype: DType
    }

    /// - Parameter transposed: the weight has the input's channels first, as transposed convolutions do.
    init(_ options: Options, transposed: Bool) throws {
        let (groups, inputs) = try divided(options.inChannels, by: options.groups, "inChannels", in: options.layer)
        let (_, outputs) = try divided(options.outChannels, by: options.groups, "outChannels", in: options.layer)
        layer = options.layer
        inChannels = inputs
        outChannels = outputs
        kernelSize = options.kernelSize
        stride = options.stride
        padding = options.padding
        dilation = options.dilation
        self.groups = groups
        let channels = transposed ? [inputs, outputs / groups] : [outputs, inputs / groups]
        let sizes = channels + options.kernelSize
        weight = try Initialization.kaimingUniform(sizes, dtype: options.dtype)
        bias = options.bias ? try Initialization.uniform([outputs], bound: Initialization.fanInBound(sizes), dtype: options.dtype) : nil
    }

    public final func forward(_ x: Tensor) throws -> Tensor {
        let rank = kernelSize.count + 2
        try requireRank(x, rank - 1...rank, in: layer)
        try requireSize(x, dim: -(rank - 1), inChannels, "channels", in: layer)
        return try convolve(x)
    }

    func convolve(_ x: Tensor) throws -> Tensor {
        throw TensorError(.unsupported, in: layer, "is no convolution of its own")
    }
}

/// Convolution over one dimension: from `[N, inChannels, L]` (or without N) to `[N, outChannels, L']`,
/// `L' = (L + 2 * padding - dilation * (kernelSize - 1) - 1) / stride + 1`. `weight` is `[outChannels, inChannels / groups, kernelSize]`.
public final class Conv1d: ConvolutionBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SymIntConvertible,
        stride: some SymIntConvertible = 1, padding: some SymIntConvertible = 0,
        dilation: some SymIntConvertible = 1, groups: some SymIntConvertible = 1,
        bias: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            Options(
                layer: "Conv1d", inChannels: inChannels, outChannels: outChannels,
                kernelSize: kernelSize.symInt.numbers(over: 1, atLeast: 1, "kernelSize", in: "Conv1d"),
                stride: stride.symInt.numbers(over: 1, atLeast: 1, "stride", in: "Conv1d"),
                padding: padding.symInt.numbers(over: 1, atLeast: 0, "padding", in: "Conv1d"),
                dilation: dilation.symInt.numbers(over: 1, atLeast: 1, "dilation", in: "Conv1d"), groups: groups, bias: bias, dtype: dtype),
            transposed: false)
    }

    override func convolve(_ x: Tensor) throws -> Tensor {
        try x.conv1d(weight, bias: bias, stride: stride[0], padding: padding[0], dilation: dilation[0], groups: groups)
    }
}

/// Convolution over two dimensions: from `[N, inChannels, H, W]` (or without N) to `[N, outChannels, H', W']`, each of them after
/// `Conv1d`'s formula. `weight` is `[outChannels, inChannels / groups, kH, kW]`.
public final class Conv2d: ConvolutionBase {
    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0,
        dilation: some SpatialSize = 1, groups: some SymIntConvertible = 1, bias: Bool = true, dtype: DType = .float32
    ) throws {
        try super.init(
            Options(
                layer: "Conv2d", inChannels: inChannels, outChannels: outChannels,
                kernelSize: kernelSize.numbers(over: 2, atLeast: 1, "kernelSize", in: "Conv2d"),
                stride: stride.numbers(over: 2, atLeast: 1, "stride", in: "Conv2d"),
                padding: padding.numbers(over: 2, atLeast: 0, "padding", in: "Conv2d"),
                dilation: dilation.numbers(over: 2, atLeast: 1, "dilation", in: "Conv2d"), groups: groups, bias: bias, dtype: dtype),
            transposed: false)
    }

    override func convolve(_ x: Tensor) throws -> Tensor {
        try x.conv2d(weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

/// The transpose of a convolution, which makes images larger: from `[N, inChannels, H, W]` to `[N, outChannels, H', W']`,
/// `H' = (H - 1) * stride - 2 * padding + dilation * (kernelSize - 1) + outputPadding + 1`. `weight` is
/// `[inChannels, outChannels / groups, kH, kW]`.
public final class ConvTranspose2d: ConvolutionBase {
    public let outputPadding: [Int]

    public init(
        _ inChannels: some SymIntConvertible, _ outChannels: some SymIntConvertible, kernelSize: some SpatialSize,
        stride: some SpatialSize = 1, padding: some SpatialSize = 0,
        outputPadding: some SpatialSize = 0, groups: some SymIntConvertible = 1, bias: Bool = true, dilation: some SpatialSize = 1,
        dtype: DType = .float32
    ) throws {
        let layer = "ConvTranspose2d"
        self.outputPadding = try outputPadding.numbers(over: 2, atLeast: 0, "outputPadding", in: layer)
        try super.init(
            Options(
                layer: layer, inChannels: inChannels, outChannels: outChannels,
                kernelSize: kernelSize.numbers(over: 2, atLeast: 1, "kernelSize", in: layer),
                stride: stride.numbers(over: 2, atLeast: 1, "stride", in: layer),
                padding: padding.numbers(over: 2, atLeast: 0, "padding", in: layer),
                dilation: dilation.numbers(over: 2, atLeast: 1, "dilation", in: layer), groups: groups, bias: bias, dtype: dtype),
            transposed: true)
    }

    override func convolve(_ x: Tensor) throws -> Tensor {
        try x.convTranspose2d(
            weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
    }
}
