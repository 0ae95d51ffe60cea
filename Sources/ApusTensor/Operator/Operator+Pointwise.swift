import ApusSymbolic
import CApusKernels

extension Operator {
    /// An elementwise operator of one tensor.
    static func unary(
        _ schema: String, _ operation: apus_op, _ compute: Pointwise.Compute, _ documentation: String,
        parameters: (@Sendable (Call, DType) throws -> apus_params)? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil, samples: @escaping @Sendable () throws -> [[Argument]] = { [[.tensor(try .sample([2, 3]))]] }
    ) -> Operator {
        pointwise(
            schema, Pointwise(operation, arity: 1, compute: compute, parameters: parameters), documentation, gradient: gradient,
            decomposition: decomposition, samples: samples)
    }

    /// An elementwise operator of two tensors, or a tensor and a number, that broadcast.
    static func binary(
        _ schema: String, _ operation: apus_op, _ compute: Pointwise.Compute, _ documentation: String,
        parameters: (@Sendable (Call, DType) throws -> apus_params)? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil,
        samples: @escaping @Sendable () throws -> [[Argument]] = { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3]))]] }
    ) -> Operator {
        pointwise(
            schema, Pointwise(operation, arity: 2, compute: compute, parameters: parameters), documentation, gradient: gradient,
            decomposition: decomposition, samples: samples)
    }

    /// An elementwise operator of one tensor, computed in the promoted dtype.
    static func unary(
        _ schema: String, _ operation: apus_op, _ documentation: String,
        parameters: (@Sendable (Call, DType) throws -> apus_params)? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil, samples: @escaping @Sendable () throws -> [[Argument]] = { [[.tensor(try .sample([2, 3]))]] }
    ) -> Operator {
        unary(
            schema, operation, .promoted, documentation, parameters: parameters, gradient: gradient, decomposition: decomposition,
            samples: samples)
    }

    /// An elementwise operator of two operands, computed in the promoted dtype.
    static func binary(
        _ schema: String, _ operation: apus_op, _ documentation: String,
        parameters: (@Sendable (Call, DType) throws -> apus_params)? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil,
        samples: @escaping @Sendable () throws -> [[Argument]] = { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3]))]] }
    ) -> Operator {
        binary(
            schema, operation, .promoted, documentation, parameters: parameters, gradient: gradient, decomposition: decomposition,
            samples: samples)
    }

    static func pointwise(
        _ schema: String, _ pointwise: Pointwise, _ documentation: String, gradient: Gradient? = nil, decomposition: Decomposition? = nil,
        samples: @escaping @Sendable () throws -> [[Argument]]
    ) -> Operator {
        Operator(
            schema, documentation, rule: { [try pointwise.rule($0)] },
            kernel: .compute { call, outputs in try pointwise.run(call, outputs[0]) }, gradient: gradient, decomposition: decomposition,
            pointwise: pointwise, samples: samples)
    }
}

extension GradientCall {
    /// The gradients of a unary operator's operand.
    func unary(_ gradient: (_ gradient: Tensor, _ operand: Tensor) throws -> Tensor) throws -> [Argument] {
        let operand = try call.tensor(0)
        return [.tensor(try gradient(try self.gradient, operand).to(operand.dtype))]
    }

    /// The gradients of a binary operator's two operands, summed back over broadcast dimensions and cast to the operands' dtypes.
    func binary(
        _ first: (_ gradient: Tensor) throws -> Tensor, _ second: (_ gradient: Tensor) throws -> Tensor
    ) throws -> [Argument] {
        let gradient = try self.gradient
        return [
            try isWanted(0) ? reduced(first(gradient), to: 0) : .none,
            try isWanted(1) ? reduced(second(gradient), to: 1) : .none,
        ]
    }

    /// A gradient of the broadcast shape as one of argument `index`.
    func reduced(_ gradient: @autoclosure () throws -> Tensor, to index: Int) throws -> Argument {
        guard case .tensor(let operand) = call[index], operand.dtype.isDifferentiable else { return .none }
        return .tensor(try gradient().summed(to: operand.shape).to(operand.dtype))
    }
}
