import ApusTensor
import CApusKernels

extension Operator {
    /// Layer norm over the second dimension. No program has it: the pass `row-norms` writes it.
    static let channelNorm = Operator(
        "apus::channel_norm(Tensor input, Tensor? weight, Tensor? bias, float eps) -> Tensor",
        "Layer norm over the channels of a float32 tensor [batch, channels, ...], as they lie, with parameters [channels].",
        rule: { call in [TensorSpec(.float32, try call.tensor(0).shape)] },
        kernel: .compute { call, outputs in
            let x: Tensor = try call.tensor(0).contiguous()
            let (weight, bias) = (try call.optionalTensor(1)?.contiguous(), try call.optionalTensor(2)?.contiguous())
            let (batch, channels): (Int, Int) = (x.layout.size(0), x.layout.size(1))
            guard x.layout.count > 0 else { return }
            let positions: Int = x.layout.count / (batch * channels)
            apus_channel_norm(
                Int64(batch), Int64(channels), Int64(positions), try call.double(3), x.baseAddress, weight?.baseAddress, bias?.baseAddress,
                outputs[0].baseAddress)
            withExtendedLifetime((x, weight, bias, outputs)) {}
        },
        samples: { [] })
}
