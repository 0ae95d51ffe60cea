import CApusKernels

// The shortest way through `apply` for elementwise operators in eager code. It does what the general way does for operands that need no
// promotion and no broadcasting, without building argument lists; everything else goes the general way.

/// An elementwise operation of two tensors; `arguments` gives the full argument list when the general way is needed.
@inline(__always)
func applyPointwise(_ operation: Operator, _ a: Tensor, _ b: Tensor, _ arguments: () -> [OperatorArgument]) throws -> Tensor {
    if apus_current_interpreter() == nil, let result = try Eager.pointwise(operation, a, b) { return result }
    return try applySingle(operation, arguments())
}

/// An elementwise operation of one tensor.
@inline(__always)
func applyPointwise(_ operation: Operator, _ a: Tensor) throws -> Tensor {
    if apus_current_interpreter() == nil, let result = try Eager.pointwise(operation, a) { return result }
    return try applySingle(operation, [.tensor(a)])
}

extension Eager {
    @inline(never)
    static func pointwise(_ operation: Operator, _ a: Tensor, _ b: Tensor) throws -> Tensor? {
        try TensorError.throwPendingFault()
        let (p, q): (TensorBody, TensorBody) = (a.body, b.body)
        guard p.trace == nil, q.trace == nil, p.dtype == q.dtype, p.layout.isContiguous, q.layout.isContiguous,
            p.layout.hasSameSizes(as: q.layout), let pointwise = operation.pointwise, pointwise.arity == 2,
            let (compute, result) = pointwise.direct(p.dtype)
        else { return nil }
        let output = try uninitialized(like: p.layout, result, operation)
        var (x, y, out): (apus_view, apus_view, apus_view) = (a.view, b.view, output.view)
        let status = apus_binary(Int32(pointwise.operation.rawValue), Int32(compute.rawValue), nil, &x, &y, &out)
        withExtendedLifetime((p, q, output)) {}
        // The general way finds the words for what went wrong.
        return status == 0 ? output : nil
    }

    @inline(never)
    static func pointwise(_ operation: Operator, _ a: Tensor) throws -> Tensor? {
        try TensorError.throwPendingFault()
        let p: TensorBody = a.body
        guard p.trace == nil, p.layout.isContiguous, let pointwise = operation.pointwise, pointwise.arity == 1,
            let (compute, result) = pointwise.direct(p.dtype)
        else { return nil }
        let output = try uninitialized(like: p.layout, result, operation)
        var (x, out): (apus_view, apus_view) = (a.view, output.view)
        let status = apus_unary(Int32(pointwise.operation.rawValue), Int32(compute.rawValue), nil, &x, &out)
        withExtendedLifetime((p, output)) {}
        return status == 0 ? output : nil
    }

    /// A fresh tensor that shares a contiguous layout.
    @inline(__always)
    private static func uninitialized(like layout: Layout, _ dtype: DType, _ operation: Operator) throws -> Tensor {
        guard let storage = Storage(byteCount: layout.count &* dtype.byteWidth) else {
            return try Tensor.uninitialized(Shape(layout), dtype: dtype, in: operation.schema.name)
        }
        return Tensor(TensorBody(dtype: dtype, storage: storage, offset: 0, layout: layout))
    }
}

extension Pointwise {
    /// The dtypes to compute in and to store for operands of one dtype, where the operation needs no parameters; nil otherwise.
    @inline(__always)
    fileprivate func direct(_ dtype: DType) -> (compute: DType, result: DType)? {
        guard parameters == nil, dtype == .float32 || dtype == .float64 || compute == .promoted else { return nil }
        return resultDType(dtype).map { (dtype, $0) }
    }
}
