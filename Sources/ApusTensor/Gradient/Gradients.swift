import ApusSymbolic

/// The value of a function and its gradients with respect to the tensors it is given.
///
/// - Parameters:
///   - tensors: floating-point or complex; each must have the identity with which the function uses it, as it has when passed on.
///   - function: must return one element.
/// - Returns: the value, and a gradient for each tensor, of its shape and dtype; zeros where the value does not depend on it.
/// - Throws: `TensorError` where the value has more than one element or an operation on the way has no gradient.
public func valueAndGradient(at tensors: [Tensor], _ function: ([Tensor]) throws -> Tensor) throws -> (value: Tensor, gradients: [Tensor]) {
    let recorder = GradientRecorder()
    // A tensor given twice must get two gradients: each gets a body of its own.
    let sources: [Tensor] = try tensors.map { try $0.withOwnIdentity() }
    for source in sources { try recorder.watch(source) }
    let value = try Interpreter.with(recorder) { try function(sources) }
    try requireLoss(value)
    let gradients = try recorder.gradients(of: value, with: sources)
    let outer = recorder.outer
    return (
        value, try zip(gradients, sources).map { gradient, source in try gradient ?? Interpreter.with(outer) { try source.zerosLike() } }
    )
}

/// The gradient of a function of one tensor.
public func gradient(at tensor: Tensor, _ function: (Tensor) throws -> Tensor) throws -> Tensor {
    try valueAndGradient(at: [tensor]) { try function($0[0]) }.gradients[0]
}

/// Requires a value that can be differentiated: one real floating-point element.
package func requireLoss(_ value: Tensor) throws {
    guard value.dtype.isFloatingPoint else {
        throw TensorError(
            .notDifferentiable, in: "gradient", "the value is of \(value.dtype); a gradient needs a real floating-point value")
    }
    try require(
        value.count == SymInt(1),
        TensorError(
            .notDifferentiable, in: "gradient", "the value has shape \(value.shape); a gradient needs one element: use sum() or mean()"))
}

extension Interpreter {
    /// Whether what the thread's operations compute may be asked for gradients.
    package static var isRecordingGradients: Bool {
        var interpreter: Interpreter? = current
        while let current = interpreter {
            if current is GradientRecorder || current is UseNoter { return true }
            interpreter = current.outer
        }
        return false
    }
}

extension Tensor {
    /// The same value with an identity of its own. Where a gradient is being recorded already, it sees that they are one value: gradients of
    /// gradients flow through.
    package func withOwnIdentity() throws -> Tensor {
        if Interpreter.isRecordingGradients { return try applySingle(.alias, [.tensor(self)]) }
        let trace = body.trace.map { TracedValue(shape: $0.shape, owner: $0.owner, id: $0.id) }
        return Tensor(TensorBody(dtype: dtype, storage: body.storage, offset: body.offset, layout: body.layout, trace: trace))
    }
}
