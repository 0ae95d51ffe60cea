import ApusGraph
import ApusTensor
import CApusKernels

/// A convolution with a packed weight.
final class PackedConvolutionStep: MatrixStep {
    private let input: Tensor
    private let bias: Tensor?
    private var convolution: apus_conv
    private let algorithm: Int32

    /// - Parameter packed: the weight, for the algorithm
    /// - Returns: nil where the input or the bias is not contiguous.
    init?(_ call: Call, _ result: Tensor, _ convolution: apus_conv, algorithm: Int32, packed: Storage, _ site: NodeSite?) throws {
        (input, bias) = (try call.tensor(0), try call.optionalTensor(2))
        guard input.layout.isContiguous, bias?.layout.isContiguous != false, result.layout.count > 0 else { return nil }
        (self.convolution, self.algorithm) = (convolution, algorithm)
        let rows: Int = result.layout.size(0) * result.layout.size(1)
        super.init(
            call, result, columns: result.layout.count / rows, packed: packed, operands: [input] + (bias.map { [$0] } ?? []), site)
    }

    override func compute(_ out: UnsafeMutableRawPointer, _ after: apus_epilogue?, _ context: UnsafeMutableRawPointer?) -> Int32 {
        apus_conv_packed(&convolution, algorithm, input.baseAddress, packed.pointer, bias?.baseAddress, after, context, out)
    }
}
