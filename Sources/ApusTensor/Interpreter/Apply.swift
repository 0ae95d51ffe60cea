import ApusSymbolic

/// Carries out an operation: the one place where every public operation ends.
///
/// The thread's current interpreter decides what that means; without one the operation is computed at once.
/// - Parameter arguments: in schema order, every default filled in.
/// - Returns: the results in schema order, tensors or numbers.
public func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
    if let interpreter = Interpreter.current { return try interpreter.apply(operation, arguments) }
    return try Eager.apply(Call(operation, arguments))
}

/// Carries out an operation that has one tensor result.
public func applySingle(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> Tensor {
    if Interpreter.current == nil, case .compute(let kernel) = operation.kernel {
        return try Eager.compute(Call(operation, arguments), kernel)
    }
    let results = try apply(operation, arguments)
    guard results.count == 1, case .tensor(let tensor) = results[0] else {
        throw TensorError(.unsupported, in: operation.schema.name, "has \(results.count) results where one tensor was expected")
    }
    return tensor
}

/// Carries out an operation whose results are all tensors.
public func applyTensors(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [Tensor] {
    try apply(operation, arguments).map {
        guard case .tensor(let tensor) = $0 else {
            throw TensorError(.unsupported, in: operation.schema.name, "has a result that is no tensor")
        }
        return tensor
    }
}

/// Immediate execution.
enum Eager {
    static func apply(_ call: Call) throws -> [OperatorArgument] {
        switch call.operator.kernel {
        case .compute(let kernel):
            if call.operator.schema.results.count == 1 { return [.tensor(try compute(call, kernel))] }
            try requireData(call)
            let outputs: [Tensor] = try call.operator.rule(call).map {
                try Tensor.uninitialized($0.shape, dtype: $0.dtype, in: call.name)
            }
            try kernel(call, outputs)
            return outputs.map { .tensor($0) }
        case .view(let view):
            try requireData(call)
            return try self.view(call, view).map { .tensor($0) }
        case .host(let compute):
            try requireData(call)
            return try compute(call)
        case .composite:
            guard let decomposition = call.operator.decomposition else {
                throw call.error(.unsupported, "has neither a kernel nor a decomposition")
            }
            return try decomposition(call)
        }
    }

    /// The common case: one fresh tensor, written by a kernel.
    @inline(__always)
    static func compute(_ call: Call, _ kernel: @Sendable (Call, [Tensor]) throws -> Void) throws -> Tensor {
        try requireData(call)
        let specs: [TensorSpec] = try call.operator.rule(call)
        guard specs.count == 1 else { throw call.error(.unsupported, "gave \(specs.count) results for one") }
        let output = try Tensor.uninitialized(specs[0].shape, dtype: specs[0].dtype, in: call.name)
        try kernel(call, [output])
        return output
    }

    static func view(_ call: Call, _ view: @Sendable (Call) throws -> [Operator.View]?) throws -> [Tensor] {
        let specs: [TensorSpec] = try call.operator.rule(call)
        if let views = try view(call) { return try share(try call.tensor(0), views, specs, call) }
        var arguments = call.arguments
        let copy = try call.tensor(0).clone()
        arguments[0] = .tensor(copy)
        guard let views = try view(Call(call.operator, arguments)) else {
            throw call.error(.unsupported, "can't view a contiguous tensor of shape \(copy.shape)")
        }
        return try share(copy, views, specs, call)
    }

    private static func share(_ base: Tensor, _ views: [Operator.View], _ specs: [TensorSpec], _ call: Call) throws -> [Tensor] {
        guard views.count == specs.count else { throw call.error(.unsupported, "gave \(views.count) views for \(specs.count) results") }
        return zip(views, specs).map { view, spec in
            var start: Int = base.body.offset
            if spec.dtype != base.dtype { start = start * base.dtype.byteWidth / spec.dtype.byteWidth }
            return Tensor(TensorBody(dtype: spec.dtype, storage: base.body.storage, offset: start + view.offset, layout: view.layout))
        }
    }

    /// A traced tensor here has outlived its trace: it has no data.
    @inline(__always)
    static func requireData(_ call: Call) throws {
        try TensorError.throwPendingFault()
        try call.requireValidNumbers()
        for case .tensor(let tensor) in call.arguments where tensor.isTraced { throw leaked(call, tensor) }
        for argument in call.arguments {
            switch argument {
            case .tensors, .optionalTensors:
                try argument.forEachReference { if $0.isTraced { throw leaked(call, $0) } }
            default: break
            }
        }
    }

    private static func leaked(_ call: Call, _ tensor: Tensor) -> TensorError {
        if let fault = tensor.tracedValue?.fault { return call.error(.invalidArgument, fault) }
        let name = tensor.tracedValue?.description(of: tensor) ?? "a traced tensor of \(tensor.spec)"
        let error = call.error(
            .tracing, "\(name) is used after its trace, or on another thread; values of a trace can't be kept, return them instead")
        (tensor.tracedValue?.owner as? any TraceOwner)?.fail(error)
        return error
    }
}
