import ApusGraph
import ApusTensor
import CApusKernels

/// A convolution with a packed weight.
final class PackedConvolutionStep: MatrixStep {
    private let input: Tensor
    private let bias: Tensor?
    private var convolution: apus_conv
    private let algorithm: Int32

    private init(
        _ call: Call, _ result: Tensor, _ convolution: apus_conv, algorithm: Int32, packed: Storage, input: Tensor, bias: Tensor?,
        _ site: NodeSite?
    ) {
        self.input = input
        self.bias = bias
        self.convolution = convolution
        self.algorithm = algorithm
        let rows: Int = result.layout.size(0) * result.layout.size(1)
        super.init(
            call, result, columns: result.layout.count / rows, packed: packed, operands: [input] + (bias.map { [$0] } ?? []), site)
    }

    /// - Parameter packed: the weight, for the algorithm
    /// - Returns: nil where the input or the bias is not contiguous, or there is nothing to compute.
    static func make(
        _ call: Call, _ result: Tensor, _ convolution: apus_conv, algorithm: Int32, packed: Storage, _ site: NodeSite?
    ) throws -> PackedConvolutionStep? {
        let input: Tensor = try call.tensor(0)
        let bias: Tensor? = try call.optionalTensor(2)
        guard input.layout.isContiguous, bias?.layout.isContiguous != false, result.layout.count > 0 else { return nil }
        return PackedConvolutionStep(call, result, convolution, algorithm: algorithm, packed: packed, input: input, bias: bias, site)
    }

    override func compute(_ out: UnsafeMutableRawPointer, _ after: apus_epilogue?, _ context: UnsafeMutableRawPointer?) -> Int32 {
        apus_conv_packed(&convolution, algorithm, input.baseAddress, packed.pointer, bias?.baseAddress, after, context, out)
    }
}
