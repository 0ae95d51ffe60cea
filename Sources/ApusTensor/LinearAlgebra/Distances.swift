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
        // Integers are subtracted as such.
        let difference: Tensor = try call.tensor(0) - call.tensor(1) + call.double(3)
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
        pairwiseDistance, cosineSimilarity, cdist, cdistForward, cdistBackward, pdist, pdistForward, pdistBackward, dist,
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
