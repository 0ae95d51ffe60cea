import ApusSymbolic

// Differences of neighbours and sums of trapezoids: derivatives and integrals of sampled functions. And bounded norms.

extension Operator {
    static let diff: Operator = composite(
        "aten::diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
        "The differences between neighbours along a dimension, `n` times over; tensors may be put in front and behind before.",
        samples: {
            [
                [.tensor(try .sample([2, 4])), .int(2), .int(-1), .none, .none],
                [
                    .tensor(try .sample([2, 3])), .int(1), .int(0), .tensor(try .sample([1, 3], seed: 2)),
                    .tensor(try .sample([2, 3], seed: 3)),
                ],
                [.tensor(try .sample([4], dtype: .bool)), .int(1), .int(0), .none, .none],
                [.tensor(try .sample([3])), .int(5), .int(0), .none, .none],
            ]
        }
    ) { call in
        var x = try call.tensor(0)
        let (n, dim) = (try call.constant(1), try call.dim(2))
        guard n >= 0 else { throw call.error(.invalidArgument, "the number of differences is negative: \(n)") }
        guard x.rank > 0 else { throw call.error(.shapeMismatch, "a zero-dimensional tensor has no neighbours") }
        let parts: [Tensor] = try [call.optionalTensor(3), x, call.optionalTensor(4)].compactMap { $0 }
        if n == 0 { return [.tensor(x)] }
        if parts.count > 1 { x = try Tensor.cat(parts, dim: dim) }
        guard n <= 1000 || x.shape[dim].constant != nil else {
            throw call.error(
                .tracing, "\(n) differences along dimension \(dim) of shape \(x.shape), whose size is symbolic; take at most 1000")
        }
        for _ in 0..<n {
            if x.shape[dim].constant == 0 { break }
            let (later, earlier): (Tensor, Tensor) = (try x.sliced(dim: dim, from: 1), try x.sliced(dim: dim, to: x.shape[dim] - 1))
            x = try x.dtype == .bool ? later ^ earlier : later - earlier
        }
        return [.tensor(x)]
    }

    static let trapezoidX: Operator = trapezoid("trapezoid.x(Tensor y, Tensor x, *, int dim=-1)", further: { try .sample([4], seed: 2) })
    static let trapezoidDX: Operator = trapezoid("trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1)")
    static let trapzX: Operator = trapezoid("trapz.x(Tensor y, Tensor x, *, int dim=-1)", further: { try .sample([4], seed: 2) })
    static let trapzDX: Operator = trapezoid("trapz.dx(Tensor y, *, float dx=1., int dim=-1)")
    static let cumulativeTrapezoidX: Operator = trapezoid(
        "cumulative_trapezoid.x(Tensor y, Tensor x, *, int dim=-1)", further: { try .sample([4], seed: 2) })
    static let cumulativeTrapezoidDX: Operator = trapezoid("cumulative_trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1)")

    static let renorm: Operator = composite(
        "aten::renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor",
        "The tensor with each part along a dimension scaled down to the norm `maxnorm` of order `p` where it has a larger one, also one that leaves float32, "
            + "where PyTorch gives 0.",
        samples: {
            [
                [.tensor(try .sample([2, 3, 2])), .int(2), .int(1), .double(1.5)],
                [.tensor(try .sample([3, 4])), .double(1), .int(0), .double(3)],
            ]
        }
    ) { call in
        let (x, limit) = (try call.tensor(0), try call.double(3))
        let dim = try call.dim(2)
        guard x.dtype.isDifferentiable else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
        guard x.rank >= 2 else { throw call.error(.shapeMismatch, "needs two dimensions or more, not shape \(x.shape)") }
        guard try call.double(1) > 0, limit >= 0 else { throw call.error(.invalidArgument, "p must be positive, and maxnorm not negative") }
        // Float64 holds the norms of all numbers of narrower dtypes.
        let norms: Tensor = try applySingle(
            .vectorNorm,
            [
                .tensor(x), call[1], .ints((0..<x.rank).filter { $0 != dim }), .bool(true),
                .dtype(x.dtype.isComplex ? .complex128 : .float64),
            ])
        // PyTorch's guard against dividing by nearly nothing.
        let factors: Tensor = try Tensor.where(norms .> limit, (norms + 1e-7).reciprocal() * limit, norms.onesLike())
        return [.tensor(try (x * factors).to(x.dtype))]
    }

    static let differences: [Operator] = [
        diff, trapezoidX, trapezoidDX, trapzX, trapzDX, cumulativeTrapezoidX, cumulativeTrapezoidDX, renorm,
    ]

    private static func trapezoid(_ signature: String, further: (@Sendable () throws -> Tensor)? = nil) -> Operator {
        let isCumulative: Bool = signature.hasPrefix("cumulative")
        return composite(
            "aten::\(signature) -> Tensor",
            "The \(isCumulative ? "running sums" : "sum") of the trapezoids under a function sampled along a dimension, at positions `x` or `dx` apart. "
                + "Half precision is summed up in float32, where PyTorch's sum overflows.",
            samples: {
                let y: Tensor = try .sample([2, 4])
                return [[.tensor(y), try further.map { .tensor(try $0()) } ?? .double(0.5), .int(-1)]]
            }
        ) { call in
            // Sums of halves may exceed them where half of the sum does not.
            let given = try call.tensor(0)
            let y: Tensor = try given.to(given.dtype.accumulation)
            let isHalf: Bool = y.dtype != given.dtype
            let dim = try call.dim(2)
            guard y.rank > 0 else { throw call.error(.shapeMismatch, "needs a dimension of samples, not a zero-dimensional tensor") }
            let (later, earlier): (Tensor, Tensor) = (try y.sliced(dim: dim, from: 1), try y.sliced(dim: dim, to: y.shape[dim] - 1))
            let heights: Tensor = try later + earlier
            var areas: Tensor
            if case .scalar(let step) = call[1] {
                // The sum first, as in PyTorch: integers keep their digits.
                areas = heights
                let total: Tensor = try isCumulative ? areas.cumsum(dim: dim) : areas.sum(dim: dim)
                let area: Tensor = try total * step / 2
                return [.tensor(isHalf ? try area.to(given.dtype) : area)]
            }
            areas = try heights * call.widths(along: dim, of: y)
            let area: Tensor = try (isCumulative ? areas.cumsum(dim: dim) : areas.sum(dim: dim)) / 2
            return [.tensor(isHalf ? try area.to(Promotion.promote(given.dtype, call.tensor(1).dtype)) : area)]
        }
    }
}

extension Call {
    /// How far apart the positions are at which `y` is sampled along a dimension.
    fileprivate func widths(along dim: Int, of y: Tensor) throws -> Tensor {
        let x = try tensor(1)
        guard x.rank > 0 else { throw error(.shapeMismatch, "the positions must have a dimension") }
        if x.rank == 1 {
            try require(
                x.shape[0] == y.shape[dim],
                error(.shapeMismatch, "\(x.shape[0]) positions don't fit dimension \(dim) of shape \(y.shape)"))
            var sizes = [SymInt](repeating: 1, count: y.rank)
            sizes[dim] = x.shape[0] - 1
            return try (x.sliced(dim: 0, from: 1) - x.sliced(dim: 0, to: x.shape[0] - 1)).reshaped(sizes)
        }
        // Counted from the end, so that fewer dimensions broadcast.
        let axis: Int = dim - y.rank + x.rank
        guard axis >= 0 else { throw error(.shapeMismatch, "positions of shape \(x.shape) don't fit samples of shape \(y.shape)") }
        return try x.sliced(dim: axis, from: 1) - x.sliced(dim: axis, to: x.shape[axis] - 1)
    }
}

extension Tensor {
    /// The differences between neighbours along a dimension, `n` times over.
    public func diff(_ n: any SymIntConvertible = 1, dim: Int = -1) throws -> Tensor {
        try applySingle(.diff, [.tensor(self), .int(n), .int(dim), .none, .none])
    }
    /// The area under a function sampled along a dimension at positions `dx` apart.
    public func trapezoid(dx: any ScalarConvertible = 1, dim: Int = -1) throws -> Tensor {
        try applySingle(.trapezoidDX, [.tensor(self), .float(dx), .int(dim)])
    }

    /// The area under a function sampled along a dimension at the positions `x`.
    public func trapezoid(_ x: Tensor, dim: Int = -1) throws -> Tensor {
        try applySingle(.trapezoidX, [.tensor(self), .tensor(x), .int(dim)])
    }

    /// The areas under a function up to each of its samples but the first, `dx` apart.
    public func cumulativeTrapezoid(dx: any ScalarConvertible = 1, dim: Int = -1) throws -> Tensor {
        try applySingle(.cumulativeTrapezoidDX, [.tensor(self), .scalar(dx.scalar), .int(dim)])
    }

    /// The areas under a function up to each of its samples but the first, at the positions `x`.
    public func cumulativeTrapezoid(_ x: Tensor, dim: Int = -1) throws -> Tensor {
        try applySingle(.cumulativeTrapezoidX, [.tensor(self), .tensor(x), .int(dim)])
    }

    /// The slopes of a function sampled `spacing` apart, along one dimension or along each: central differences inside, one-sided ones at
    /// the edges.
    public func gradient(spacing: any ScalarConvertible = 1, dim: Int? = nil, edgeOrder: Int = 1) throws -> [Tensor] {
        try applyTensors(.gradientScalar, [.tensor(self), .scalar(spacing.scalar), dim.map { .int($0) } ?? .none, .int(edgeOrder)])
    }

    /// The parts along a dimension, those whose `p`-norm is above `maxNorm` scaled down to it.
    public func renorm(p: any ScalarConvertible, dim: Int, maxNorm: any ScalarConvertible) throws -> Tensor {
        try applySingle(.renorm, [.tensor(self), .scalar(p.scalar), .int(dim), .scalar(maxNorm.scalar)])
    }
}
