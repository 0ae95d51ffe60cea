import ApusGraph
import ApusTensor

extension BoundPlan {
    /// The inputs as the steps take them: of the bound dtypes and sizes, or an error; contiguous, by a copy where need be.
    func accept(_ tensors: [Tensor], _ graph: Graph) throws -> [Tensor] {
        var copies: [Tensor]?
        for input in inputs {
            let position: Int = input.position
            let tensor: Tensor = tensors[position]
            let layout: Layout = tensor.layout
            guard tensor.dtype == input.tensor.dtype, layout.hasSameSizes(as: input.tensor.layout), !tensor.isTraced else {
                throw TensorError(
                    .shapeMismatch,
                    "input '\(graph.name(graph.inputs[position]))' is \(tensor.spec) where \(input.tensor.spec) is expected")
            }
            if layout.isContiguous { continue }
            if copies == nil { copies = tensors }
            copies?[position] = try tensor.contiguous()
        }
        return copies ?? tensors
    }
}
