import ApusGraph
import ApusTensor
import CApusKernels

/// `input @ weight^T + bias` with a packed weight.
final class PackedLinearStep: MatrixStep {
    private let input: Tensor
    private let bias: Tensor?
    /// Input and output as matrices; their sizes and strides belong to the plan's memory.
    private var inputView: apus_view
    private var outputView: apus_view

    private init(
        _ call: Call, _ result: Tensor, packed: Storage, input: Tensor, step: Int, features: Int, outputs: Int, bias: Tensor?,
        _ site: NodeSite?,
        _ memory: KernelMemory
    ) {
        self.input = input
        self.bias = bias
        let rows: Int = result.layout.count / outputs
        inputView = memory.matrixView(of: input, [rows, features], [step, 1])
        outputView = memory.matrixView(of: result, [rows, outputs], [outputs, 1])
        super.init(call, result, columns: outputs, packed: packed, operands: [input] + (bias.map { [$0] } ?? []), site)
    }

    /// - Parameter packed: the weight
    /// - Returns: nil where the input's rows do not lie at equal distances, or elements of a row not together.
    static func make(
        _ call: Call, _ result: Tensor, packed: Storage, bias: Tensor?, _ site: NodeSite?, _ memory: KernelMemory
    ) throws -> PackedLinearStep? {
        let (input, weight): (Tensor, Tensor) = (try call.tensor(0), try call.tensor(1))
        let (outputs, features): (Int, Int) = (weight.layout.size(0), weight.layout.size(1))
        guard outputs > 0, let step = input.layout.rowStep, bias?.layout.isContiguous != false else { return nil }
        return PackedLinearStep(
            call, result, packed: packed, input: input, step: step, features: features, outputs: outputs, bias: bias, site, memory)
    }

    override func compute(_ out: UnsafeMutableRawPointer, _ after: apus_epilogue?, _ context: UnsafeMutableRawPointer?) -> Int32 {
        inputView.data = input.baseAddress
        outputView.data = out
        guard let bias else { return apus_linear_packed(&inputView, Int64(columns), packed.pointer, nil, after, context, &outputView) }
        var view: apus_view = bias.view
        return apus_linear_packed(&inputView, Int64(columns), packed.pointer, &view, after, context, &outputView)
    }
}

extension Layout {
    /// The distance between rows of the last dimension, where all of them lie at one distance and elements of a row together; nil otherwise.
    fileprivate var rowStep: Int? {
        guard rank > 0, size(rank - 1) <= 1 || stride(rank - 1) == 1 else { return nil }
        var step: Int?
        var expected = 0
        for dim in (0..<(rank - 1)).reversed() where size(dim) != 1 {
            if step == nil { step = stride(dim) } else if stride(dim) != expected { return nil }
            expected = stride(dim) &* size(dim)
        }
        return step ?? size(rank - 1)
    }
}
