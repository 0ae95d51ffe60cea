import ApusSymbolic

// Distances and angles between vectors: pair by pair, and each with each.

extension Operator {
    static let pairwiseDistance: Operator = composite(
        "aten::pairwise_distance(Tensor x1, Tensor x2, float p=2., float eps=9.9999999999999995e-07, bool keepdim=False) -> Tensor",
        "The norm of order `p` of the differences of rows, `eps` added to each difference.",
        samples: {
            [
                [.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .double(2), .double(1e-6), .bool(false)],
                [.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2)), .double(3), .double(1e-6), .bool(true)],
            ]
        }
    ) { call in
        let difference: Tensor = try call.floating(0) - call.floating(1) + call.double(3)
        guard difference.rank > 0 else { throw call.error(.shapeMismatch, "takes vectors, not zero-dimensional tensors") }
        return [.tensor(try difference.norm(call.scalar(2), dims: [-1], keepDim: call.bool(4)))]
    }

    static let cosineSimilarity: Operator = composite(
        "aten::cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
        "The cosine of the angle between vectors along a dimension; norms below `eps` count as `eps`. Vectors may be longer than the root of the dtype's "
            + "largest number, for which PyTorch gives 0.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .int(1), .double(1e-8)]] }
    ) { call in
        let (x, y): (Tensor, Tensor) = (try call.floating(0), try call.floating(1))
        let dtype: DType = Promotion.promote(x.dtype, y.dtype)
        let shape = try broadcast(x.shape, y.shape, in: call.name)
        let dim = try normalize(dim: try call.constant(2), rank: shape.count, in: call.name)
        let eps: Scalar = Scalar(try call.double(3))
        func unit(_ vector: Tensor) throws -> Tensor {
            // Norms of halves may not fit them.
            let whole: Tensor = try vector.wide().expanded(shape)
            return try whole / whole.norm(2, dims: [dim], keepDim: true).clamp(min: eps)
        }
        return [.tensor(try (unit(x) * unit(y)).sum(dim: dim).to(dtype))]
    }

    static let cdist: Operator = composite(
        "aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor",
        "The distances of order `p` between each row of one matrix and each of another, in batches that broadcast.",
        samples: {
            [
                [.tensor(try .sample([2, 3, 4])), .tensor(try .sample([2, 2, 4], seed: 2)), .double(2), .none],
                [.tensor(try .sample([3, 2])), .tensor(try .sample([2, 2], seed: 2)), .double(1), .none],
                [.tensor(try .sample([3, 2])), .tensor(try .sample([2, 2], seed: 2)), .double(3), .int(2)],
            ]
        }
    ) { call in
        let (x, y) = (try call.tensor(0), try call.tensor(1))
        guard x.dtype.isFloatingPoint, x.dtype == y.dtype else { throw call.differentDTypes(x, y) }
        guard x.rank >= 2, y.rank >= 2 else {
            throw call.error(.shapeMismatch, "takes matrices, not shapes \(x.shape) and \(y.shape)")
        }
        guard try call.double(2) >= 0 else { throw call.error(.invalidArgument, "p is negative: \(try call.double(2))") }
        try require(
            x.shape[-1] == y.shape[-1], call.error(.shapeMismatch, "rows of \(x.shape[-1]) and of \(y.shape[-1]) elements have no distance")
        )
        return [.tensor(try (x.unsqueezed(-2) - y.unsqueezed(-3)).norm(call.scalar(2), dims: [-1]))]
    }

    static let pdist: Operator = composite(
        "aten::pdist(Tensor self, float p=2.) -> Tensor",
        "The distances of order `p` between each two rows of a matrix.",
        samples: { [[.tensor(try .sample([4, 3])), .double(2)], [.tensor(try .sample([3, 2])), .double(1)]] }
    ) { call in
        let x = try call.tensor(0)
        guard x.rank == 2, x.dtype.isFloatingPoint else {
            throw call.error(.invalidArgument, "takes a floating-point matrix, not \(x.spec)")
        }
        guard try call.double(1) >= 0 else { throw call.error(.invalidArgument, "p is negative: \(try call.double(1))") }
        // Pair number k is (i, j), where rows before i have taken i (2 n - i - 1) / 2 pairs: the root of a quadratic equation gives i.
        let n: SymInt = x.shape[0]
        let pair: Tensor = try Tensor.arange(n * (n - 1) / 2)
        let b: SymInt = 2 * n - 1
        let root: Tensor = try (pair.to(.float64) * (-8) + b * b).sqrt()
        let first: Tensor = try ((root.neg() + b) / 2).floor().to(.int64)
        let second: Tensor = try pair - (first * (first.neg() + b)).div(2, rounding: .floor) + first + 1
        let difference: Tensor = try x.indexSelect(dim: 0, first) - x.indexSelect(dim: 0, second)
        return [.tensor(try difference.norm(call.scalar(1), dims: [-1]))]
    }

    static let dist: Operator = composite(
        "aten::dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
        "The norm of order `p` of the difference of two tensors that broadcast.",
        samples: {
            [
                [.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2)), .int(2)],
                [.tensor(try .sample([4])), .tensor(try .sample([4], seed: 2)), .double(1)],
            ]
        }
    ) { call in [.tensor(try (call.tensor(0) - call.tensor(1)).norm(call.scalar(2)))] }

    static let distances: [Operator] = [
        pairwiseDistance, cosineSimilarity, cdist, pdist, dist, alias("aten::_pdist_forward(Tensor self, float p=2.) -> Tensor", of: pdist),
        alias("aten::_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor", of: cdist),
    ]
}

extension Tensor {
    /// The cosine of the angle between vectors along a dimension.
    public func cosineSimilarity(_ other: Tensor, dim: Int = 1, epsilon: any ScalarConvertible = 1e-8) throws -> Tensor {
        try applySingle(.cosineSimilarity, [.tensor(self), .tensor(other), .int(dim), .float(epsilon)])
    }
    /// The distances between each row of this matrix and each of another.
    public func cdist(_ other: Tensor, p: any ScalarConvertible = 2) throws -> Tensor {
        try applySingle(.cdist, [.tensor(self), .tensor(other), .float(p), .none])
    }
    /// The norms of order `p` of the differences of rows.
    public func pairwiseDistance(
        _ other: Tensor, p: any ScalarConvertible = 2, epsilon: any ScalarConvertible = 1e-6, keepDim: Bool = false
    ) throws -> Tensor {
        try applySingle(.pairwiseDistance, [.tensor(self), .tensor(other), .float(p), .float(epsilon), .bool(keepDim)])
    }

    /// The distances between all rows of a matrix, those of the upper triangle in a vector.
    public func pdist(p: any ScalarConvertible = 2) throws -> Tensor { try applySingle(.pdist, [.tensor(self), .float(p)]) }

    /// The `p`-norm of the difference to the other tensor.
    public func dist(_ other: Tensor, p: any ScalarConvertible = 2) throws -> Tensor {
        try applySingle(.dist, [.tensor(self), .tensor(other), .scalar(p.scalar)])
    }
}
