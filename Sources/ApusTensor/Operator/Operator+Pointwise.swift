import ApusSymbolic
import CApusKernels

extension Operator {
    typealias Samples = @Sendable () throws -> [[OperatorArgument]]

    /// An elementwise operator of one tensor.
    ///
    /// - Parameters:
    ///   - taking: the kinds of dtypes that it is computed in; those that the kernels lack are refused anyway.
    ///   - promoting: positions of numbers that take part in type promotion.
    ///   - domain: what the samples' elements lie between.
    ///   - further: the samples' arguments after the tensor.
    static func unary(
        _ schema: String, _ operation: apus_op, in compute: Pointwise.Compute = .promoted, taking: DTypeClasses = .all,
        _ documentation: String, parameters: Pointwise.Parameters? = nil, promoting: [Int] = [], gradient: Gradient? = nil,
        decomposition: Decomposition? = nil, domain: ClosedRange<Double> = -2...2, further: [OperatorArgument] = []
    ) -> Operator {
        let pointwise = Pointwise(operation, arity: 1, compute: compute, taking: taking, promoting: promoting, parameters: parameters)
        return elementwise(
            schema, documentation, pointwise, gradient: gradient, decomposition: decomposition,
            samples: { try pointwise.unarySamples(domain, further) })
    }

    /// An elementwise operator of two tensors, or a tensor and a number, that broadcast.
    ///
    /// - Parameters:
    ///   - domain: what the samples' elements lie between.
    ///   - number: the second operand of the samples where the schema takes a number.
    ///   - further: the samples' arguments after the operands.
    static func binary(
        _ schema: String, _ operation: apus_op, in compute: Pointwise.Compute = .promoted, taking: DTypeClasses = .all,
        _ documentation: String, parameters: Pointwise.Parameters? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil, domain: ClosedRange<Double> = -2...2, number: Scalar? = nil, further: [OperatorArgument] = []
    ) -> Operator {
        let pointwise = Pointwise(operation, arity: 2, compute: compute, taking: taking, parameters: parameters)
        return elementwise(
            schema, documentation, pointwise, gradient: gradient, decomposition: decomposition,
            samples: {
                if let number { return try pointwise.unarySamples(domain, [.scalar(number)] + further) }
                return try pointwise.binarySamples(domain, further)
            })
    }

    /// An elementwise operator; `form`, where an argument chooses the micro-operation, gives the one for a call.
    static func elementwise(
        _ schema: String, _ documentation: String, _ pointwise: Pointwise, form: Pointwise.Form? = nil, gradient: Gradient? = nil,
        decomposition: Decomposition? = nil, samples: @escaping Samples
    ) -> Operator {
        let form: Pointwise.Form = form ?? { _ in pointwise }
        return Operator(
            schema, documentation, rule: { [try form($0).rule($0)] },
            kernel: .compute { call, outputs in try form(call).run(call, outputs[0]) }, gradient: gradient, decomposition: decomposition,
            pointwise: pointwise, pointwiseForm: form, samples: samples)
    }

    /// The same operator under another name that PyTorch has for it.
    static func alias(_ schema: String, of operation: Operator) -> Operator {
        Operator(
            schema, "Another name of `\(operation.name)`.", effects: operation.effects, failure: operation.failure, rule: operation.rule,
            kernel: operation.kernel, gradient: operation.gradient, decomposition: operation.decomposition, pointwise: operation.pointwise,
            pointwiseForm: operation.pointwiseForm, samples: operation.samples)
    }

    /// The gradient of a function of one tensor from its derivative at the operand, as for `sin`: `gradient * conj(f'(x))`.
    static func derivative(_ derivative: @escaping @Sendable (_ x: Tensor) throws -> Tensor) -> Gradient {
        { g in try g.unary { gradient, x in try gradient * derivative(x.wide()).conj() } }
    }

    /// The gradient of a function whose derivative is a number over another function, as for `log`: `gradient * numerator / conj(r(x))`. The quotient
    /// may lie in the dtype's range where the reciprocal alone does not.
    static func derivative(
        _ numerator: Double, over denominator: @escaping @Sendable (_ x: Tensor) throws -> Tensor
    ) -> Gradient {
        { g in
            try g.unary { gradient, x in
                let scaled: Tensor = try numerator == 1 ? gradient : gradient.wide() * numerator
                return try scaled / denominator(x.wide()).conj()
            }
        }
    }

    /// The gradient of a function of one tensor from its derivative in terms of the result, as for `exp`.
    static func derivativeFromResult(_ derivative: @escaping @Sendable (_ y: Tensor) throws -> Tensor) -> Gradient {
        { g in try g.unary { gradient, _ in try gradient * derivative(g.outputs[0].wide()).conj() } }
    }

    /// The gradient where no result depends on an argument, or each is cut off from them, as of `zeros_like`, `rand_like` and `detach`.
    static let cut: Gradient = { g in
        _ = Array(g.gradients)
        return []
    }

    /// The gradient of a function that is flat wherever it is differentiable, as `floor`.
    static let flat: Gradient = { g in try g.unary { gradient, _ in try gradient.zerosLike() } }
}

/// An operator of two tensors beside its overload for a tensor and a number.
struct OperatorPair: Sendable {
    let tensor: Operator
    let scalar: Operator
    var all: [Operator] { [tensor, scalar] }

    /// The elementwise operators `aten::name.Tensor` and `aten::name.Scalar`.
    static func binary(
        _ name: String, _ operation: apus_op, in compute: Pointwise.Compute = .promoted, taking: DTypeClasses = .all,
        _ documentation: String, scalarOverload: String = "Scalar", parameters: Pointwise.Parameters? = nil,
        gradient: Operator.Gradient? = nil, domain: ClosedRange<Double> = -2...2, number: Scalar = 2
    ) -> OperatorPair {
        OperatorPair(
            tensor: .binary(
                "aten::\(name).Tensor(Tensor self, Tensor other) -> Tensor", operation, in: compute, taking: taking, documentation,
                parameters: parameters, gradient: gradient, domain: domain),
            scalar: .binary(
                "aten::\(name).\(scalarOverload)(Tensor self, Scalar other) -> Tensor", operation, in: compute, taking: taking,
                documentation + " The second operand is a number.", parameters: parameters, gradient: gradient, domain: domain,
                number: number))
    }

    /// Calls the overload that fits the second operand.
    func callAsFunction(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        try applyPointwise(tensor, a, b) { [.tensor(a), .tensor(b)] }
    }

    func callAsFunction(_ a: Tensor, _ b: Scalar) throws -> Tensor { try applySingle(scalar, [.tensor(a), .scalar(b)]) }
}

extension GradientCall {
    /// The gradients of a unary operator's operand.
    func unary(_ gradient: (_ gradient: Tensor, _ operand: Tensor) throws -> Tensor) throws -> [OperatorArgument] {
        let operand = try call.tensor(0)
        return [.tensor(try gradient(try self.gradient, operand).to(operand.dtype))]
    }

    /// The gradients of a binary operator's two operands, summed back over broadcast dimensions and cast to the operands' dtypes.
    func binary(
        _ first: (_ gradient: Tensor) throws -> Tensor, _ second: (_ gradient: Tensor) throws -> Tensor
    ) throws -> [OperatorArgument] {
        let gradient = try self.gradient
        return [
            try isWanted(0) ? reduced(first(gradient), to: 0) : .none,
            try isWanted(1) ? reduced(second(gradient), to: 1) : .none,
        ]
    }

    /// A gradient of the broadcast shape as one of argument `index`; none where that is no tensor or its gradient isn't wanted.
    func reduced(_ gradient: @autoclosure () throws -> Tensor, to index: Int) throws -> OperatorArgument {
        guard isWanted(index), case .tensor(let operand) = call[index], operand.dtype.isDifferentiable else { return .none }
        return .tensor(try gradient().summed(to: operand.shape).to(operand.dtype))
    }
}

extension Tensor {
    /// The tensor as formulas of several steps take it: halves in float32, so that no step leaves their range and one rounding is left.
    func wide() throws -> Tensor { try to(dtype.accumulation) }
}
