import ApusSymbolic
import CApusKernels

// Activation functions of neural networks, elementwise. All but relu, hardtanh and threshold take floating-point tensors only.

extension Operator {
    static let relu: Operator = unary(
        "aten::relu(Tensor self) -> Tensor", APUS_OP_RELU, taking: .realNumbers,
        "`max(x, 0)`, elementwise; NaN stays. Bool tensors are refused.",
        gradient: { g in
            try g.unary { gradient, _ in try applySingle(.thresholdBackward, [.tensor(gradient), .tensor(g.outputs[0]), .int(0)]) }
        })

    static let gelu: Operator = elementwise(
        "aten::gelu(Tensor self, *, str approximate=\"none\") -> Tensor",
        "`x * Phi(x)` with the normal distribution's cumulative function, or its approximation by tanh (`approximate` is none or tanh), whose gradient is NaN in PyTorch where the argument's square overflows. Source: Hendrycks and Gimpel, 2016.",
        geluForm, form: { call in try call.isApproximate(1) ? geluTanhForm : geluForm },
        gradient: { g in
            try g.unary { gradient, x in try applySingle(.geluBackward, [.tensor(gradient), .tensor(x), g.call[1]]) }
        },
        samples: { try geluForm.unarySamples(-3...3, [.string("none")]) + geluForm.unarySamples(-3...3, [.string("tanh")]) })

    private static let geluForm = Pointwise(APUS_OP_GELU, arity: 1, taking: .floating)
    private static let geluTanhForm = Pointwise(APUS_OP_GELU_TANH, arity: 1, taking: .floating)

    static let silu: Operator = unary(
        "aten::silu(Tensor self) -> Tensor", APUS_OP_SILU, taking: .differentiable, "`x * sigmoid(x)`, also called swish.",
        gradient: { g in
            try g.unary { gradient, x in
                guard x.dtype.isComplex else { return try applySingle(.siluBackward, [.tensor(gradient), .tensor(x)]) }
                let s: Tensor = try x.sigmoid()
                return try gradient * (s * (x * (1 - s) + 1)).conj()
            }
        })
    static let mish: Operator = activation("mish", APUS_OP_MISH, "`x * tanh(softplus(x))`. Source: Misra, 2019.", { mishBackward })
    static let hardswish: Operator = activation(
        "hardswish", APUS_OP_HARDSWISH, "`x * relu6(x + 3) / 6`; x itself from 3 on, where PyTorch's product may overflow.",
        { hardswishBackward }, domain: -4...4)
    static let hardsigmoid: Operator = activation(
        "hardsigmoid", APUS_OP_HARDSIGMOID, "`relu6(x + 3) / 6`.", { hardsigmoidBackward }, domain: -4...4)

    static let hardtanh: Operator = unary(
        "aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", APUS_OP_CLAMP_SCALARS, taking: .realNumbers,
        "Clamps between two numbers, in the tensor's dtype.", parameters: Pointwise.numbers(1, 2),
        gradient: { g in
            try g.unary { gradient, x in
                try applySingle(.hardtanhBackward, [.tensor(gradient), .tensor(x), g.call[1], g.call[2]])
            }
        }, further: [.double(0.25), .double(1.5)])

    static let relu6: Operator = composite(
        "aten::relu6(Tensor self) -> Tensor", "Clamps between 0 and 6.", samples: { [[.tensor(try .sample([2, 3], in: -8...8))]] },
        { call in [.tensor(try call.tensor(0).hardtanh(min: 0, max: 6))] })

    static let leakyRelu: Operator = unary(
        "aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor", APUS_OP_LEAKY_RELU, taking: .floating,
        "x where positive, else `negative_slope * x`.", parameters: Pointwise.numbers(1),
        gradient: { g in
            try g.unary { gradient, x in
                try applySingle(.leakyReluBackward, [.tensor(gradient), .tensor(x), g.call[1], .bool(false)])
            }
        }, further: [.double(0.1)])

    static let elu: Operator = unary(
        "aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor", APUS_OP_ELU, taking: .floating,
        "`scale * x` where positive, else `scale * alpha * (exp(input_scale * x) - 1)`. Source: Clevert et al., 2015.",
        parameters: Pointwise.numbers(1, 2, 3),
        gradient: { g in
            try g.unary { gradient, x in
                try applySingle(.eluBackward, [.tensor(gradient), g.call[1], g.call[2], g.call[3], .bool(false), .tensor(x)])
            }
        }, further: [.double(1.5), .double(2), .double(0.5)])

    static let selu: Operator = composite(
        "aten::selu(Tensor self) -> Tensor", "`elu` with the constants that keep activations normalised. Source: Klambauer et al., 2017.",
        samples: { [[.tensor(try .sample([2, 3]))]] },
        { call in
            [
                .tensor(
                    try applySingle(
                        .elu, [.tensor(call.tensor(0)), .double(1.6732632423543772), .double(1.0507009873554805), .int(1)]))
            ]
        })

    static let celu: Operator = composite(
        "aten::celu(Tensor self, Scalar alpha=1.) -> Tensor", "x where positive, else `alpha * (exp(x / alpha) - 1)`.",
        samples: { [[.tensor(try .sample([2, 3])), .double(1.5)]] },
        { call in
            let alpha: Double = try call.double(1)
            guard alpha != 0 else { throw call.error(.invalidArgument, "alpha must not be 0") }
            return [.tensor(try applySingle(.elu, [.tensor(call.tensor(0)), call[1], .int(1), .double(1 / alpha)]))]
        })

    static let softplus: Operator = unary(
        "aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", APUS_OP_SOFTPLUS, taking: .floating,
        "`log(1 + exp(beta * x)) / beta`; x itself where `beta * x` is above the threshold.", parameters: Pointwise.numbers(1, 2),
        gradient: { g in
            try g.unary { gradient, x in try applySingle(.softplusBackward, [.tensor(gradient), .tensor(x), g.call[1], g.call[2]]) }
        }, further: [.double(1.5), .double(2.5)])

    static let threshold: Operator = unary(
        "aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", APUS_OP_THRESHOLD, taking: .realNumbers,
        "x where above the threshold, else the value, in the tensor's dtype.", parameters: Pointwise.numbers(1, 2),
        gradient: { g in
            try g.unary { gradient, x in try applySingle(.thresholdBackward, [.tensor(gradient), .tensor(x), g.call[1]]) }
        }, further: [.double(0.5), .double(1)])

    static let hardshrink: Operator = unary(
        "aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", APUS_OP_HARDSHRINK, taking: .floating,
        "0 where the magnitude is at most `lambd`, else x.", parameters: Pointwise.numbers(1),
        gradient: { g in
            let limit: Scalar = try g.call.scalar(1)
            return try g.unary { gradient, x in try gradient.maskedFill(x.abs() .<= limit, 0) }
        }, further: [.double(0.5)])

    static let softshrink: Operator = unary(
        "aten::softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", APUS_OP_SOFTSHRINK, taking: .floating,
        "x moved towards 0 by `lambd`, 0 where the magnitude is smaller.", parameters: Pointwise.numbers(1),
        gradient: { g in
            let limit: Scalar = try g.call.scalar(1)
            return try g.unary { gradient, x in try gradient.maskedFill(x.abs() .<= limit, 0) }
        }, further: [.double(0.5)])

    static let activations: [Operator] = [
        relu, gelu, silu, mish, hardswish, hardsigmoid, hardtanh, relu6, leakyRelu, elu, selu, celu, softplus, threshold, hardshrink,
        softshrink,
    ]

    private static func activation(
        _ name: String, _ operation: apus_op, _ documentation: String, _ backward: @escaping @Sendable () -> Operator,
        domain: ClosedRange<Double> = -2...2
    ) -> Operator {
        unary(
            "aten::\(name)(Tensor self) -> Tensor", operation, taking: .floating, documentation,
            gradient: { g in try g.unary { gradient, x in try applySingle(backward(), [.tensor(gradient), .tensor(x)]) } }, domain: domain)
    }
}

extension Call {
    /// Whether gelu's argument `approximate` asks for the form with tanh.
    func isApproximate(_ index: Int) throws -> Bool {
        switch try string(index) {
        case "none": return false
        case "tanh": return true
        case let other: throw error(.invalidArgument, "approximate must be 'none' or 'tanh', not '\(other)'")
        }
    }
}

extension Tensor {
    /// `max(x, 0)`, elementwise.
    public func relu() throws -> Tensor { try applyPointwise(.relu, self) }
    /// Clamps between 0 and 6.
    public func relu6() throws -> Tensor { try applySingle(.hardtanh, [.tensor(self), .int(0), .int(6)]) }

    /// The forms of `gelu`: exact, or approximated by tanh.
    public enum GeluApproximation: String, Sendable {
        case none, tanh
    }

    /// `x * Phi(x)` with the normal distribution's cumulative function.
    public func gelu(approximate: GeluApproximation = .none) throws -> Tensor {
        try applySingle(.gelu, [.tensor(self), .string(approximate.rawValue)])
    }

    /// `x * sigmoid(x)`.
    public func silu() throws -> Tensor { try applyPointwise(.silu, self) }
    /// `x * tanh(softplus(x))`.
    public func mish() throws -> Tensor { try applyPointwise(.mish, self) }
    /// `x * relu6(x + 3) / 6`.
    public func hardswish() throws -> Tensor { try applyPointwise(.hardswish, self) }
    /// `relu6(x + 3) / 6`.
    public func hardsigmoid() throws -> Tensor { try applyPointwise(.hardsigmoid, self) }

    /// Clamps between two numbers, in the tensor's dtype.
    public func hardtanh(min: any ScalarConvertible = -1, max: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.hardtanh, [.tensor(self), .scalar(min.scalar), .scalar(max.scalar)])
    }

    /// x where positive, else `negativeSlope * x`.
    public func leakyRelu(negativeSlope: any ScalarConvertible = 0.01) throws -> Tensor {
        try applySingle(.leakyRelu, [.tensor(self), .float(negativeSlope)])
    }

    /// x where positive, else `alpha * (exp(x) - 1)`.
    public func elu(alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.elu, [.tensor(self), .float(alpha), .int(1), .int(1)])
    }

    /// `elu` with the constants that keep activations normalised.
    public func selu() throws -> Tensor { try applyPointwise(.selu, self) }

    /// `log(1 + exp(beta * x)) / beta`; x itself where `beta * x` is above the threshold.
    public func softplus(beta: any ScalarConvertible = 1, threshold: any ScalarConvertible = 20) throws -> Tensor {
        try applySingle(.softplus, [.tensor(self), .float(beta), .float(threshold)])
    }

    /// x where above the threshold, else the value.
    public func threshold(_ threshold: any ScalarConvertible, value: any ScalarConvertible) throws -> Tensor {
        try applySingle(.threshold, [.tensor(self), .scalar(threshold.scalar), .scalar(value.scalar)])
    }

    /// 0 where the magnitude is at most `lambda`, else x.
    public func hardshrink(lambda: any ScalarConvertible = 0.5) throws -> Tensor {
        try applySingle(.hardshrink, [.tensor(self), .float(lambda)])
    }
    /// x moved towards 0 by `lambda`, 0 where the magnitude is smaller.
    public func softshrink(lambda: any ScalarConvertible = 0.5) throws -> Tensor {
        try applySingle(.softshrink, [.tensor(self), .float(lambda)])
    }

    /// x where positive, else `alpha * (exp(x / alpha) - 1)`.
    public func celu(alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.celu, [.tensor(self), .scalar(alpha.scalar)])
    }
}
