import ApusSymbolic

/// What a `Tensor` refers to. Immutable once made, but for storage that a writer holds alone.
final class TensorBody: @unchecked Sendable {
    let dtype: DType
    let storage: Storage
    /// The first element's position in the storage, in elements.
    let offset: Int
    /// Sizes and strides. For a tensor without data whose shape is symbolic: the layout of a zero-dimensional one, never read.
    let layout: Layout
    /// Set for tensors that have no data: the values of a trace, and shapes that only rules look at.
    let trace: TracedValue?

    init(dtype: DType, storage: Storage, offset: Int, layout: Layout, trace: TracedValue? = nil) {
        self.dtype = dtype
        self.storage = storage
        self.offset = offset
        self.layout = layout
        self.trace = trace
    }
}

/// What stands for the data of a traced tensor.
package final class TracedValue: @unchecked Sendable {
    package let shape: Shape
    /// The trace that made it, nil for a tensor that is only a dtype and a shape. Compared by identity, to tell a value that escaped.
    package let owner: AnyObject?
    /// The trace's own number for it.
    package let id: Int
    /// Why there is no tensor at all, where one only stands for a mistake: what every operation on it throws.
    package let fault: String?

    package convenience init(shape: Shape, owner: AnyObject?, id: Int) { self.init(shape: shape, owner: owner, id: id, fault: nil) }

    init(shape: Shape, owner: AnyObject?, id: Int, fault: String?) {
        self.shape = shape
        self.owner = owner
        self.id = id
        self.fault = fault
    }
}

/// Who makes traced tensors. It tells in the user's terms which value one stands for.
package protocol TraceOwner: AnyObject {
    /// `the argument x`, `the result of cos at Model.swift:41`
    func describe(_ id: Int) -> String

    /// Learns of an error that only tracing has, on any thread.
    func fail(_ error: any Error)
}

extension TracedValue {
    /// What the tensor is called in the function that is traced.
    var name: String? { (owner as? any TraceOwner)?.describe(id) }

    /// What a tensor of this trace is, for messages.
    package func description(of tensor: Tensor) -> String {
        (owner as? any TraceOwner).map { "\($0.describe(id)), \(tensor.spec)," } ?? "a traced tensor of \(tensor.spec)"
    }
}
