import ApusSymbolic
import ApusTensor

/// How a tensor is described in a program file.
enum TensorDescription {
    /// A row-major tensor of possibly symbolic sizes.
    static func meta(_ spec: TensorSpec, requiresGrad: Bool, symbols: SymbolNames) throws -> ProgramSchema.TensorMeta {
        let sizes = spec.shape.sizes
        var strides: [SymInt] = []
        var stride: SymInt = 1
        for size in sizes.reversed() {
            strides.insert(stride, at: 0)
            // An empty dimension counts as one element in strides; PyTorch writes a maximum where it cannot tell.
            stride = stride * (size.constant == 0 ? 1 : size)
        }
        return ProgramSchema.TensorMeta(
            dtype: .init(spec.dtype), sizes: try sizes.map { try symbols.value($0) }, requiresGrad: requiresGrad,
            strides: try strides.map { try symbols.value($0) })
    }

    /// A tensor in a weights file, row-major.
    static func meta(_ tensor: Tensor, requiresGrad: Bool) throws -> ProgramSchema.TensorMeta {
        try meta(tensor.spec, requiresGrad: requiresGrad, symbols: SymbolNames())
    }
}
