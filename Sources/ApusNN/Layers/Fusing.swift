import ApusSymbolic
import ApusTensor

extension ConvolutionBase {
    /// Takes a batch normalisation that follows into weight and bias: the convolution alone then gives what both gave in evaluation, by the running
    /// statistics. After `torch.nn.utils.fuse_conv_bn_eval`.
    ///
    /// - Throws: `TensorError` where the normalisation has no running statistics, or other channels; nothing is changed then.
    public final func fuse(_ norm: BatchNormBase) throws {
        let scale: (factor: Tensor, offset: Tensor) = try norm.scale(of: outChannels, bias, weight.dtype)
        // Transposed weights have the outputs of a group in dimension 1.
        let isTransposed: Bool = self is ConvTransposeBase
        let sizes: [Int] = try weight.sizes
        let perGroup: [Int] = isTransposed ? [groups, inChannels / groups] + sizes.dropFirst() : [sizes[0], 1] + sizes.dropFirst()
        let factors: [Int] =
            (isTransposed ? [groups, 1, outChannels / groups] : [outChannels, 1, 1]) + Array(repeating: 1, count: kernelSize.count)
        weight = try (weight.reshaped(perGroup) * scale.factor.reshaped(factors)).reshaped(sizes)
        bias = scale.offset
    }
}

extension Linear {
    /// Takes a batch normalisation that follows into weight and bias: the layer alone then gives what both gave in evaluation, by the running
    /// statistics. After `torch.nn.utils.fuse_linear_bn_eval`.
    ///
    /// - Throws: `TensorError` where the normalisation has no running statistics, or other channels; nothing is changed then.
    public func fuse(_ norm: BatchNormBase) throws {
        let scale: (factor: Tensor, offset: Tensor) = try norm.scale(of: outFeatures, bias, weight.dtype)
        (weight, bias) = (try weight * scale.factor.unsqueezed(1), scale.offset)
    }
}

extension BatchNormBase {
    /// What each of the channels is multiplied by in evaluation, and what is left of a bias before it and of its own.
    fileprivate final func scale(of channels: Int, _ before: Tensor?, _ dtype: DType) throws -> (factor: Tensor, offset: Tensor) {
        guard let mean = runningMean, let variance = runningVar, numFeatures == channels else {
            throw TensorError(
                .invalidArgument, in: "fuse",
                "needs running statistics of \(channels) channels, which \(layer) of \(numFeatures) does not have")
        }
        let inverse: Tensor = try (variance + epsilon).rsqrt()
        let factor: Tensor = try weight.map { try $0 * inverse } ?? inverse
        let shifted: Tensor = try (before.map { try $0 - mean } ?? mean.neg()) * factor
        return (try factor.to(dtype), try (bias.map { try $0 + shifted } ?? shifted).to(dtype))
    }
}
