import ApusSymbolic
import CApusKernels

// The gradients of activation functions as PyTorch's operators: (gradient, operand or result) to gradient. Each has a fused kernel; its own
// gradient, which second derivatives need, follows from its decomposition into public operations.

extension Operator {
    static let sigmoidBackward: Operator = backward(
        "aten::sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor", APUS_OP_SIGMOID_BACKWARD, "sigmoid, from its result",
        taking: .differentiable
    ) { call in
        let (gradient, y) = (try call.tensor(0), try call.tensor(1))
        return try gradient * ((1 - y) * y).conj()
    }

    static let tanhBackward: Operator = backward(
        "aten::tanh_backward(Tensor grad_output, Tensor output) -> Tensor", APUS_OP_TANH_BACKWARD, "tanh, from its result",
        taking: .differentiable
    ) { call in
        let (gradient, y) = (try call.tensor(0), try call.tensor(1))
        return try gradient * (1 - y * y).conj()
    }

    static let thresholdBackward: Operator = backward(
        "aten::threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor", APUS_OP_THRESHOLD_BACKWARD,
        "threshold and relu",
        taking: .realNumbers, parameters: Pointwise.numbers(2), further: [.double(0.5)]
    ) { call in
        try call.tensor(0).maskedFill(call.tensor(1) .<= call.scalar(2), 0)
    }

    static let geluBackward: Operator = elementwise(
        "aten::gelu_backward(Tensor grad_output, Tensor self, *, str approximate=\"none\") -> Tensor",
        "The gradient of gelu, from its operand; the slope is 0 and 1 at the infinities, where PyTorch gives NaN.",
        geluBackwardForm, form: { call in try call.isApproximate(2) ? geluTanhBackwardForm : geluBackwardForm },
        decomposition: { call in
            let (gradient, x) = (try call.tensor(0), try call.tensor(1))
            let root: Double = (2 / Double.pi).squareRoot()
            let cubic: Double = 0.044715
            let slope: Tensor
            if try call.isApproximate(2) {
                let t: Tensor = try ((x + x * x * x * cubic) * root).tanh()
                let inner: Tensor = try (x * x * (cubic * 3) + 1) * root
                let bend: Tensor = try x * (1 - t * t) * inner
                slope = try (t + 1 + bend) * 0.5
            } else {
                let cumulative: Tensor = try ((x * (0.5).squareRoot()).erf() + 1) * 0.5
                let density: Tensor = try (x * x * (-0.5)).exp() * (root * 0.5)
                slope = try cumulative + x * density
            }
            return [.tensor(try gradient * slope)]
        },
        samples: {
            try geluBackwardForm.binarySamples(-3...3, [.string("none")]) + geluTanhBackwardForm.binarySamples(-3...3, [.string("tanh")])
        })

    private static let geluBackwardForm = Pointwise(APUS_OP_GELU_BACKWARD, arity: 2, taking: .floating)
    private static let geluTanhBackwardForm = Pointwise(APUS_OP_GELU_TANH_BACKWARD, arity: 2, taking: .floating)

    static let siluBackward: Operator = backward(
        "aten::silu_backward(Tensor grad_output, Tensor self) -> Tensor", APUS_OP_SILU_BACKWARD, "silu"
    ) { call in
        let x = try call.tensor(1)
        let s: Tensor = try x.sigmoid()
        return try call.tensor(0) * (s * (x * (1 - s) + 1))
    }

    static let mishBackward: Operator = backward(
        "aten::mish_backward(Tensor grad_output, Tensor self) -> Tensor", APUS_OP_MISH_BACKWARD, "mish"
    ) { call in
        let x = try call.tensor(1)
        let t: Tensor = try x.softplus().tanh()
        return try call.tensor(0) * (t + x * x.sigmoid() * (1 - t * t))
    }

    static let hardswishBackward: Operator = backward(
        "aten::hardswish_backward(Tensor grad_output, Tensor self) -> Tensor", APUS_OP_HARDSWISH_BACKWARD, "hardswish", domain: -4...4
    ) { call in
        let (gradient, x) = (try call.tensor(0), try call.tensor(1))
        let inner: Tensor = try gradient * (x / 3 + 0.5)
        return try Tensor.where(x .<= 3, inner, gradient).maskedFill(x .< -3, 0)
    }

    static let hardsigmoidBackward: Operator = backward(
        "aten::hardsigmoid_backward(Tensor grad_output, Tensor self) -> Tensor", APUS_OP_HARDSIGMOID_BACKWARD,
        "hardsigmoid (a sixth, or 0 at NaN too; in PyTorch the sixth of float64 is one of float32)", domain: -4...4
    ) { call in
        let x = try call.tensor(1)
        let slope: Tensor = try call.tensor(0) / 6
        return try Tensor.where(x.abs() .< 3, slope, slope.zerosLike())
    }

    static let hardtanhBackward: Operator = composite(
        "aten::hardtanh_backward(Tensor grad_output, Tensor self, Scalar min_val, Scalar max_val) -> Tensor",
        "The gradient of hardtanh, from its operand.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .double(-1), .double(1)]] },
        { call in
            let x = try call.tensor(1)
            let outside: Tensor = try (x .<= call.scalar(2)) | (x .>= call.scalar(3))
            return [.tensor(try call.tensor(0).maskedFill(outside, 0))]
        })

    static let leakyReluBackward: Operator = backward(
        "aten::leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope, bool self_is_result) -> Tensor",
        APUS_OP_LEAKY_RELU_BACKWARD, "leaky_relu", parameters: Pointwise.numbers(2), further: [.double(0.1), .bool(false)]
    ) { call in
        let gradient = try call.tensor(0)
        return try Tensor.where(call.tensor(1) .> 0, gradient, gradient * call.scalar(2))
    }

    static let eluBackward: Operator = {
        let form = Pointwise(
            APUS_OP_ELU_BACKWARD, arity: 2, taking: .floating, operandStride: 5, parameters: Pointwise.numbers(1, 2, 3))
        return Operator(
            "aten::elu_backward(Tensor grad_output, Scalar alpha, Scalar scale, Scalar input_scale, bool is_result, Tensor self_or_result) -> Tensor",
            "The gradient of elu, from its operand or its result.", rule: { [try form.rule($0)] },
            kernel: .compute { call, outputs in
                guard try call.bool(4) else { return try form.run(call, outputs[0]) }
                try call.copy(try eluGradient(call), to: outputs[0])
            },
            decomposition: { call in [.tensor(try eluGradient(call))] },
            samples: {
                try [false, true].map { isResult in
                    [
                        .tensor(try .sample([2, 3])), .double(1.5), .double(2), .double(0.5), .bool(isResult),
                        .tensor(try .sample([2, 3], seed: 2)),
                    ]
                }
            })
    }()

    private static func eluGradient(_ call: Call) throws -> Tensor {
        let (gradient, x) = (try call.tensor(0), try call.tensor(5))
        let (alpha, scale, inputScale) = (try call.double(1), try call.double(2), try call.double(3))
        let slope: Tensor =
            try call.bool(4) ? (x + alpha * scale) * inputScale : (x * inputScale).exp() * (inputScale * alpha * scale)
        return try gradient * Tensor.where(x .<= 0, slope, try slope.fullLike(scale))
    }

    static let softplusBackward: Operator = backward(
        "aten::softplus_backward(Tensor grad_output, Tensor self, Scalar beta, Scalar threshold) -> Tensor", APUS_OP_SOFTPLUS_BACKWARD,
        "softplus, which leaves no dtype (PyTorch multiplies by an exponential first)",
        parameters: Pointwise.numbers(2, 3), further: [.double(1.5), .double(2.5)]
    ) { call in
        let (gradient, scaled) = (try call.tensor(0), try call.tensor(1) * call.scalar(2))
        return try Tensor.where(scaled .> call.scalar(3), gradient, gradient * scaled.sigmoid())
    }

    static let activationGradients: [Operator] = [
        sigmoidBackward, tanhBackward, thresholdBackward, geluBackward, siluBackward, mishBackward, hardswishBackward, hardsigmoidBackward,
        hardtanhBackward, leakyReluBackward, eluBackward, softplusBackward,
    ]

    private static func backward(
        _ schema: String, _ operation: apus_op, _ name: String, taking: DTypeClasses = .floating, parameters: Pointwise.Parameters? = nil,
        further: [OperatorArgument] = [], domain: ClosedRange<Double> = -2...2, _ formula: @escaping @Sendable (Call) throws -> Tensor
    ) -> Operator {
        binary(
            schema, operation, taking: taking, "The gradient of \(name).", parameters: parameters,
            decomposition: { call in [.tensor(try formula(call).to(call.operator.rule(call)[0].dtype))] }, domain: domain, further: further)
    }
}
