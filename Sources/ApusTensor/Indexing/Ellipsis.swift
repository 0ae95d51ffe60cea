// `x[..., 0]`: Swift's `...` is no value that could be an index among others, only a parameter of its own, so that each place that it may stand
// in is an overload. It means `.ellipsis`, which may stand anywhere.

extension Tensor {
    /// Part of the last dimensions: `x[..., 0]`.
    public subscript(rest: UnboundedRange, last: any TensorIndex...) -> Tensor {
        get throws { try part(at: [IndexStep.rest] + last) }
    }

    /// Part of the first dimension, and of the last ones: `x[0, ...]`, `x[0, ..., 1]`.
    public subscript(first: any TensorIndex, rest: UnboundedRange, last: any TensorIndex...) -> Tensor {
        get throws { try part(at: [first, IndexStep.rest] + last) }
    }

    /// A copy whose part of the last dimensions is another tensor; see `setting(_:to:)`.
    public func setting(_ rest: UnboundedRange, _ last: any TensorIndex..., to value: Tensor) throws -> Tensor {
        try replacing([IndexStep.rest] + last, with: value)
    }

    /// A copy with a number in a part of the last dimensions.
    public func setting(_ rest: UnboundedRange, _ last: any TensorIndex..., to value: some ScalarConvertible) throws -> Tensor {
        try replacing([IndexStep.rest] + last, with: number(value))
    }

    /// A copy whose part of the first dimension and the last ones is another tensor.
    public func setting(
        _ first: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex..., to value: Tensor
    ) throws -> Tensor {
        try replacing([first, IndexStep.rest] + last, with: value)
    }

    /// A copy with a number in a part of the first dimension and the last ones.
    public func setting(
        _ first: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex..., to value: some ScalarConvertible
    ) throws -> Tensor {
        try replacing([first, IndexStep.rest] + last, with: number(value))
    }

    /// Writes a tensor to a part of the last dimensions, as `set` does everywhere.
    public mutating func set(_ rest: UnboundedRange, _ last: any TensorIndex..., to value: Tensor) throws {
        try write(value, at: [IndexStep.rest] + last)
    }

    /// Writes a number to a part of the last dimensions.
    public mutating func set(_ rest: UnboundedRange, _ last: any TensorIndex..., to value: some ScalarConvertible) throws {
        try write(number(value), at: [IndexStep.rest] + last)
    }

    /// Writes a tensor to a part of the first dimension and the last ones.
    public mutating func set(_ first: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex..., to value: Tensor) throws {
        try write(value, at: [first, IndexStep.rest] + last)
    }

    /// Writes a number to a part of the first dimension and the last ones.
    public mutating func set(
        _ first: any TensorIndex, _ rest: UnboundedRange, _ last: any TensorIndex..., to value: some ScalarConvertible
    ) throws {
        try write(number(value), at: [first, IndexStep.rest] + last)
    }
}
