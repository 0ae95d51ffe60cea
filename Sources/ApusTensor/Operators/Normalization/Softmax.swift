import ApusSymbolic
import CApusKernels

// Softmax and its logarithm along one dimension: `exp(x) / sum(exp(x))`, without overflow.

extension Operator {
    package static let softmaxKernel: Operator = softmax("_softmax", logarithm: false, gradient: { softmaxBackward })
    static let logSoftmaxKernel: Operator = softmax("_log_softmax", logarithm: true, gradient: { logSoftmaxBackward })

    static let softmaxInt: Operator = converting("softmax", "Softmax", of: { softmaxKernel })
    static let logSoftmaxInt: Operator = converting("log_softmax", "The logarithm of softmax", of: { logSoftmaxKernel })

    static let softmaxBackward: Operator = backward("_softmax_backward_data", logarithm: false) { gradient, y, dim in
        try (gradient - (gradient * y).sum(dim: dim, keepDim: true)) * y
    }

    static let logSoftmaxBackward: Operator = backward("_log_softmax_backward_data", logarithm: true) { gradient, y, dim in
        try gradient - y.exp() * gradient.sum(dim: dim, keepDim: true)
    }

    static let softmaxes: [Operator] = [
        softmaxKernel, logSoftmaxKernel, softmaxInt, logSoftmaxInt, softmaxBackward, logSoftmaxBackward,
        alias("aten::special_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", of: softmaxInt),
        alias("aten::special_log_softmax(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor", of: logSoftmaxInt),
    ]

    private static func softmax(_ name: String, logarithm: Bool, gradient: @escaping @Sendable () -> Operator) -> Operator {
        Operator(
            "aten::\(name)(Tensor self, int dim, bool half_to_float) -> Tensor",
            "\(logarithm ? "The logarithm of softmax" : "Softmax") along one dimension, in the tensor's shape. Floating-point tensors only; `half_to_float` is for other devices.",
            rule: { call in
                let x = try call.tensor(0)
                guard x.dtype.isFloatingPoint else {
                    throw call.error(.dtypeMismatch, "does not take \(x.dtype), only floating-point dtypes; pass a dtype to convert to")
                }
                _ = try call.dim(1)
                guard try !call.bool(2) else {
                    throw call.error(.unsupported, "conversion of halves to float32 on the way is not supported")
                }
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                if x.rank == 0 { return try call.fill(outputs[0], with: x.withNaNKept(logarithm ? 0 : 1)) }
                var (input, out) = (x.view, outputs[0].view)
                try check(apus_softmax(logarithm, Int32(truncatingIfNeeded: call.dim(1)), &input, &out), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                try g.unary { incoming, x in
                    try applySingle(gradient(), [.tensor(incoming), .tensor(g.outputs[0]), g.call[1], .dtype(x.dtype)])
                }
            },
            samples: { try reductionSamples(.floating, [[.int(1), .bool(false)], [.int(-1), .bool(false)], [.int(0), .bool(false)]]) })
    }

    private static func converting(_ name: String, _ words: String, of kernel: @escaping @Sendable () -> Operator) -> Operator {
        composite(
            "aten::\(name).int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
            "\(words) along one dimension, after conversion to a dtype where one is given.",
            samples: { try reductionSamples(.floating, [[.int(1), .none], [.int(-1), .dtype(.float64)]]) },
            { call in
                let x = try call.tensor(0)
                return [.tensor(try applySingle(kernel(), [.tensor(x.to(call.dtype(2) ?? x.dtype)), call[1], .bool(false)]))]
            })
    }

    private static func backward(
        _ name: String, logarithm: Bool, _ formula: @escaping @Sendable (_ gradient: Tensor, _ y: Tensor, _ dim: Int) throws -> Tensor
    ) -> Operator {
        Operator(
            "aten::\(name)(Tensor grad_output, Tensor output, int dim, ScalarType input_dtype) -> Tensor",
            "The gradient of \(logarithm ? "the logarithm of softmax" : "softmax"), from its result.",
            rule: { call in
                let (gradient, y) = (try call.tensor(0), try call.tensor(1))
                guard gradient.dtype.isFloatingPoint, y.dtype == gradient.dtype else {
                    throw call.error(.dtypeMismatch, "does not take \(gradient.dtype) and \(y.dtype)")
                }
                try call.requireSameShape(0, 1)
                _ = try call.dim(2)
                return [TensorSpec(try call.dtype(3) ?? y.dtype, y.shape)]
            },
            kernel: .compute { call, outputs in
                let (gradient, y) = (try call.tensor(0), try call.tensor(1))
                if y.rank == 0 { return try call.fill(outputs[0], with: 0) }
                var (g, result, out) = (gradient.view, y.view, outputs[0].view)
                try check(apus_softmax_backward(logarithm, Int32(truncatingIfNeeded: call.dim(2)), &g, &result, &out), call)
                withExtendedLifetime((gradient, y, outputs)) {}
            },
            decomposition: { call in
                let y = try call.tensor(1)
                let result: Tensor = try formula(call.tensor(0), y, call.dim(2))
                return [.tensor(try result.to(call.dtype(3) ?? y.dtype))]
            },
            samples: {
                try [DType.float32, .float64].map { dtype in
                    let x: Tensor = try .sample([2, 3, 4], dtype: dtype, seed: 2)
                    let y: Tensor = try logarithm ? x.logSoftmax(dim: 1) : x.softmax(dim: 1)
                    return [.tensor(try .sample([2, 3, 4], dtype: dtype)), .tensor(y), .int(1), .dtype(dtype)]
                }
            })
    }
}

extension Tensor {
    /// The softmax of one number: `value`, or NaN where the number is NaN or infinite.
    fileprivate func withNaNKept(_ value: Double) throws -> Scalar {
        let number: Double = try array(of: Double.self).first ?? 0
        return .init(number.isFinite ? value : .nan)
    }

    /// Softmax along one dimension, after conversion to a dtype where one is given.
    public func softmax(dim: Int, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.softmaxInt, [.tensor(self), .int(dim), .optional(dtype)])
    }

    /// The logarithm of softmax along one dimension, after conversion to a dtype where one is given.
    public func logSoftmax(dim: Int, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.logSoftmaxInt, [.tensor(self), .int(dim), .optional(dtype)])
    }
}
