import CApusKernels

// What plans need: tensors over memory that they place themselves.

extension Tensor {
    /// A tensor over a storage whose memory is known to reach far enough.
    package init(placed storage: Storage, dtype: DType, layout: Layout, offset: Int = 0) {
        self.init(TensorBody(dtype: dtype, storage: storage, offset: offset, layout: layout))
    }

    /// Writes the elements of `source` into this tensor's memory, which the caller owns. The sizes must be the same.
    package func fill(from source: Tensor) throws {
        guard source.layout.hasSameSizes(as: layout), !source.isTraced else {
            throw TensorError(.shapeMismatch, "a result of shape \(source.shape) where \(shape) was planned")
        }
        var (input, out): (apus_view, apus_view) = (source.view, view)
        let status = apus_copy(&input, &out)
        withExtendedLifetime((source, self)) {}
        guard status == 0 else { throw TensorError(.unsupported, "can't copy \(source.spec) to \(spec)") }
    }
}

extension Shape {
    /// The row-major layout where every size is known.
    package var knownLayout: Layout? { layout?.madeContiguous() }
}
