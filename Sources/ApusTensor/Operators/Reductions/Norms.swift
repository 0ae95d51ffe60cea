import ApusSymbolic
import CApusKernels

// Vector norms, and the logarithm of a sum of exponentials.

extension Operator {
    static let vectorNorm: Operator = {
        let schema =
            "aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor"
        let reduction = Reduction(schema)
        return Operator(
            schema,
            "`(sum |x|^ord)^(1/ord)`, over all dimensions when none are given; 0 counts what is not 0, infinities give the largest or smallest magnitude. Floating-point and complex tensors; the result is real. It fits where powers of the "
                + "elements do not, of which PyTorch makes infinity or 0.",
            rule: { call in
                let x = try call.tensor(0)
                let dtype: DType = try reduction.requestedDType(call) ?? x.dtype
                guard x.dtype.isDifferentiable, dtype.isDifferentiable, dtype.isComplex || !x.dtype.isComplex else {
                    throw call.error(
                        .dtypeMismatch,
                        "does not take \(x.dtype)\(dtype == x.dtype ? "" : " into \(dtype)"), only floating-point and complex dtypes")
                }
                let order: Double = try call.double(1)
                let shape = try reduction.shape(call)
                if order < 0 || order == .infinity { try reduction.requireElements(call) }
                return [TensorSpec(dtype.real, shape)]
            },
            kernel: .compute { call, outputs in
                var given: Call = call
                let x = try call.tensor(0)
                // The kernels sum up real numbers.
                if x.dtype.isComplex { given = Call(call.operator, [.tensor(try x.abs())] + call.arguments.dropFirst()) }
                try reduction.run(given, APUS_REDUCE_NORM, parameter: call.double(1), into: outputs[0])
            },
            gradient: { g in
                let x = try g.call.tensor(0).wide()
                let norm: Tensor = try reduction.restored(g.outputs[0].wide(), g.call)
                let gradient: Tensor = try reduction.restored(g.gradient.wide(), g.call)
                return [
                    .tensor(
                        try normGradient(x, norm, gradient, order: g.call.double(1), dims: reduction.dims(g.call)).to(
                            g.call.tensor(0).dtype))
                ]
            },
            samples: {
                try reductionSamples(
                    .differentiable,
                    [
                        [.int(2), .ints([1]), .bool(false), .none], [.double(1), .none, .bool(true), .none],
                        [.double(.infinity), .ints([0, 2]), .bool(false), .none], [.double(-.infinity), .ints([1]), .bool(false), .none],
                        [.int(0), .ints([1]), .bool(false), .none], [.double(3), .ints([1]), .bool(false), .dtype(.float64)],
                        [.double(0.5), .ints([1]), .bool(false), .none],
                    ])
            })
    }()

    /// Source of the formulas: the derivative of the norm, sgn(x) (|x| / norm)^(ord-1), with 0 where the norm or the element is 0. The ratio
    /// stays in the dtype's range where powers of x and of the norm do not.
    private static func normGradient(_ x: Tensor, _ norm: Tensor, _ gradient: Tensor, order: Double, dims: [Int]) throws -> Tensor {
        if order == 0 { return try x.zerosLike() }
        if order == 1 { return try x.sgn() * gradient }
        let divisor: Tensor = try norm.maskedFill(norm .== 0, 1)
        if order == 2 { return try (x / divisor) * gradient }
        if order.isInfinite {
            return try x.sgn() * (x.abs() .== norm).sharing(gradient, dims: dims)
        }
        let ratio: Tensor = try (x.abs() / divisor).maskedFill(x .== 0, 1)
        return try x.sgn() * (ratio.pow(order - 1) * gradient)
    }

    static let logsumexp: Operator = {
        let schema = "aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor"
        let reduction = Reduction(schema)
        return Operator(
            schema,
            "`log(sum(exp(x)))` over dimensions, without overflow, in PyTorch of half precision with; float32 for integers. Of no elements: -inf. The "
                + "gradient's shares add up to 1, also among numbers so large that the result is rounded, where PyTorch's do not.",
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype.floating, try reduction.shape(call))]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                let dims: [Int] = try reduction.dims(call)
                // A sum of halves may exceed them where its logarithm does not.
                let values: Tensor = try x.to(x.dtype.floating.accumulation)
                guard x.layout.count > 0, !dims.isEmpty else {
                    return try call.copy(try values.exp().sum(dims: dims, keepDim: reduction.keepsDims(call)).log(), to: outputs[0])
                }
                // Infinite maxima are not subtracted: infinity less itself is NaN.
                let highest: Tensor = try (values.dtype.isComplex ? values.realPart() : values).amax(dims: dims, keepDim: true)
                let shift: Tensor = try highest.maskedFill(highest.isinf(), 0)
                let sums: Tensor = try (values - shift).exp().sum(dims: dims, keepDim: true).log() + shift
                try call.copy(try sums.reshaped(outputs[0].shape), to: outputs[0])
            },
            gradient: { g in
                let x = try g.call.tensor(0)
                let result: Tensor = try reduction.restored(g.outputs[0].wide(), g.call)
                // Shares of the sum; among large elements the result is rounded, and only together they say by how much.
                let shares: Tensor = try (x.wide() - result).exp()
                let total: Tensor = try shares.sum(dims: reduction.dims(g.call), keepDim: true)
                return [.tensor(try (reduction.restored(g.gradient.wide(), g.call) * (shares / total).conj()).to(x.dtype))]
            },
            samples: {
                try reductionSamples([.floating, .integer, .complex], [[.ints([1]), .bool(false)], [.ints([0, -1]), .bool(true)]])
            })
    }()

    static let norms: [Operator] = [
        vectorNorm, logsumexp, norm("aten::norm.Scalar(Tensor self, Scalar p=2) -> Tensor", [[.int(2)], [.double(3)]]),
        norm(
            "aten::norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor",
            [[.none, .ints([1]), .bool(false)], [.double(1), .ints([0, 2]), .bool(true)]]),
    ]

    /// The older names of the vector norm, with the order and the dimensions in other places.
    private static func norm(_ schema: String, _ further: [[OperatorArgument]]) -> Operator {
        let reduction = Reduction(schema)
        return composite(
            schema, "The vector norm of order `p`, 2 where none is given.", samples: { try reductionSamples(.differentiable, further) },
            { call in
                let order: Scalar = try call.optionalScalar(1) ?? 2
                return [.tensor(try call.tensor(0).norm(order, dims: reduction.dims(call), keepDim: reduction.keepsDims(call)))]
            })
    }
}

extension Tensor {
    /// The vector norm `(sum |x|^order)^(1/order)` over several dimensions, all of them when the list is empty.
    public func norm(_ order: any ScalarConvertible = 2, dims: [Int] = [], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.vectorNorm, [.tensor(self), .scalar(order.scalar), .ints(dims), .bool(keepDim), .none])
    }

    /// `log(sum(exp(x)))` over several dimensions, without overflow.
    public func logsumexp(dims: [Int], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.logsumexp, [.tensor(self), .ints(dims), .bool(keepDim)])
    }
    public func logsumexp(dim: Int, keepDim: Bool = false) throws -> Tensor { try logsumexp(dims: [dim], keepDim: keepDim) }

    /// The vector norm along one dimension.
    public func norm(_ order: any ScalarConvertible = 2, dim: Int, keepDim: Bool = false) throws -> Tensor {
        try norm(order, dims: [dim], keepDim: keepDim)
    }

    /// The tensor over its `p`-norm along a dimension, which counts as at least `epsilon`.
    public func normalize(p: any ScalarConvertible = 2, dim: Int = 1, epsilon: any ScalarConvertible = 1e-12) throws -> Tensor {
        try self / norm(p, dim: dim, keepDim: true).clamp(min: epsilon)
    }
}
