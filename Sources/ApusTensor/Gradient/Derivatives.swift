import ApusSymbolic

// Derivatives of functions of tensors, after `torch.func`: the same function's products with its Jacobian from either side, and the Jacobian and
// the Hessian whole. All can be nested, and go through a trace.

/// A function's gradient as a function: `try grad(f)(x)`. The function returns one element.
public func grad(_ function: @escaping (Tensor) throws -> Tensor) -> (Tensor) throws -> Tensor { { try gradient(at: $0, function) } }

/// The results of a function, and how gradients with respect to them become gradients with respect to what it is given: products with the
/// transposed Jacobian, as many as are asked for.
///
/// - Parameters:
///   - tensors: floating-point or complex
///   - function: returns floating-point or complex tensors of any shape
/// - Returns: the results; and a function that takes a gradient for each, of its shape, and returns one for each tensor, zeros where no result
///   depends on it.
public func vjp(
    at tensors: [Tensor], _ function: ([Tensor]) throws -> [Tensor]
) throws -> (values: [Tensor], pullback: ([Tensor]) throws -> [Tensor]) {
    let recorder = GradientRecorder()
    let sources: [Tensor] = try tensors.map { try $0.withOwnIdentity() }
    for source in sources { try recorder.watch(source) }
    // A result that is an argument, or another result, has a gradient of its own.
    let values: [Tensor] = try Interpreter.with(recorder) { try function(sources).map { try $0.withOwnIdentity() } }
    for value in values { try requireDerivative(value, "vjp") }
    return (
        values,
        { seeds in
            guard seeds.count == values.count else {
                throw TensorError(.invalidArgument, in: "vjp", "\(seeds.count) gradients are given for \(values.count) results")
            }
            for (seed, value) in zip(seeds, values) {
                try require(
                    seed.shape == value.shape,
                    TensorError(.shapeMismatch, in: "vjp", "a gradient of \(seed.spec) is given for a result of \(value.spec)"))
            }
            let gradients: [Tensor?] = try recorder.gradients(of: values, seeds: seeds, with: sources, under: Interpreter.current)
            return try zip(gradients, sources).map { gradient, source in try gradient ?? source.zerosLike() }
        }
    )
}

/// The same of one tensor and one result.
public func vjp(
    at tensor: Tensor, _ function: (Tensor) throws -> Tensor
) throws -> (value: Tensor, pullback: (Tensor) throws -> Tensor) {
    let (values, pullback) = try vjp(at: [tensor]) { [try function($0[0])] }
    return (values[0], { try pullback([$0])[0] })
}

/// The results of a function, and how they change where what it is given changes by `tangents`: the product of the Jacobian with these.
///
/// Computed as the derivative of `vjp`'s pullback, which is linear: twice the cost of a gradient, and every operation's gradient must have one.
/// - Parameter tangents: one for each tensor, of its shape
public func jvp(
    at tensors: [Tensor], tangents: [Tensor], _ function: ([Tensor]) throws -> [Tensor]
) throws -> (values: [Tensor], tangents: [Tensor]) {
    guard tensors.count == tangents.count else {
        throw TensorError(.invalidArgument, in: "jvp", "\(tangents.count) tangents are given for \(tensors.count) tensors")
    }
    for (tensor, tangent) in zip(tensors, tangents) {
        try require(
            tensor.shape == tangent.shape,
            TensorError(.shapeMismatch, in: "jvp", "a tangent of \(tangent.spec) is given for a tensor of \(tensor.spec)"))
    }
    let (values, pullback) = try vjp(at: tensors, function)
    // Where the pullback is taken makes no difference to it.
    let (_, pushforward) = try vjp(at: values.map { try $0.zerosLike() }, pullback)
    return (values, try pushforward(tangents))
}

/// The same of one tensor and one result.
public func jvp(
    at tensor: Tensor, tangent: Tensor, _ function: (Tensor) throws -> Tensor
) throws -> (value: Tensor, tangent: Tensor) {
    let (values, tangents) = try jvp(at: [tensor], tangents: [tangent]) { [try function($0[0])] }
    return (values[0], tangents[0])
}

/// All derivatives of a function's result with respect to its argument: of the result's sizes, then the argument's.
///
/// One pullback for all elements of the result together (`vmap`): as much memory as that many gradients.
public func jacobian(at tensor: Tensor, _ function: (Tensor) throws -> Tensor) throws -> Tensor {
    let (value, pullback) = try vjp(at: tensor, function)
    let count: SymInt = value.count
    let seeds: Tensor = try Tensor.eye(count, dtype: value.dtype).reshaped([count] + value.shape.sizes)
    return try vmap(pullback)(seeds).reshaped(value.shape.sizes + tensor.shape.sizes)
}

/// All second derivatives of a function that returns one element: of the argument's sizes, twice.
public func hessian(at tensor: Tensor, _ function: (Tensor) throws -> Tensor) throws -> Tensor {
    try jacobian(at: tensor) { try gradient(at: $0, function) }
}

private func requireDerivative(_ value: Tensor, _ name: String) throws {
    guard value.dtype.isDifferentiable else {
        throw TensorError(.notDifferentiable, in: name, "a result is of \(value.dtype), which has no derivative")
    }
}
