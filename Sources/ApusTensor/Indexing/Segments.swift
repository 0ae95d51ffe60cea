import ApusSymbolic

// Parts of a dimension that follow one another, each reduced to one element.

extension Operator {
    static let segmentReduce: Operator = composite(
        "aten::segment_reduce(Tensor data, str reduce, *, Tensor? lengths=None, Tensor? indices=None, Tensor? offsets=None, int axis=0, bool unsafe=False, Scalar? initial=None) -> Tensor",
        "The 'sum', 'mean', 'max', 'min' or 'prod' of the segments of dimension `axis`, which `lengths` (that add up to its size) or `offsets` (one more than "
            + "there are segments) cut, for each position of the dimensions before it. `initial` is the value that each begins with: of an empty "
            + "segment nothing else is left, else 0, NaN, an infinity or 1.",
        samples: {
            let (x, lengths): (Tensor, Tensor) = (try .sample([5, 2]), try Tensor([2, 0, 3] as [Int], shape: [3]))
            let offsets: Tensor = try Tensor([0, 1, 4, 0, 3, 4] as [Int], shape: [2, 3])
            let y: Tensor = try .sample([2, 4])
            return ["sum", "mean", "max", "min", "prod"].map {
                [.tensor(x), .string($0), .tensor(lengths), .none, .none, .int(0), .bool(false), $0 == "max" ? .double(0.5) : .none]
            } + [[.tensor(y), .string("mean"), .none, .none, .tensor(offsets), .int(1), .bool(true), .int(1)]]
        }
    ) { call in
        let x = try call.tensor(0)
        let axis: Int = try call.dim(5)
        guard x.dtype.isFloatingPoint, x.rank > 0 else { throw call.error(.dtypeMismatch, "takes floating-point segments, not \(x.spec)") }
        let reductions = ["sum": "sum", "mean": "sum", "max": "amax", "min": "amin", "prod": "prod"]
        guard let reduction = reductions[try call.string(1)] else {
            throw call.error(.invalidArgument, "the reduction must be sum, mean, max, min or prod, not '\(try call.string(1))'")
        }
        guard case .none = call[3] else { throw call.error(.unsupported, "takes lengths or offsets, no indices") }
        let ends: Tensor
        let counts: Tensor
        if try call.optionalTensor(2) != nil {
            counts = try call.indexTensor(2).to(.int64)
            try call.requireSegments(counts, axis, x)
            ends = try counts.cumsum(dim: -1)
        } else {
            let offsets: Tensor = try call.indexTensor(4).to(.int64)
            try call.requireSegments(offsets, axis, x)
            try require(offsets.shape[-1] > 0, call.error(.shapeMismatch, "offsets are one more than there are segments"))
            ends = try offsets.narrowed(dim: -1, from: 1, length: offsets.shape[-1] - 1)
            counts = try ends - offsets.narrowed(dim: -1, from: 0, length: offsets.shape[-1] - 1)
        }
        let (size, segments) = (x.shape[axis], ends.shape[-1])
        // Lengths that are negative or don't add up make positions that do not exist.
        let isWrong: Tensor = try (counts .< 0).any() | (counts.sum(dim: -1) .!= size).any()
        let places: Tensor = try Tensor.arange(size, dtype: .int64).expanded(Array(x.shape.sizes.prefix(axis)) + [size]).contiguous()
        var index: Tensor = try ends.contiguous().searchsorted(places, right: true) + isWrong.to(.int64) * segments
        var sizes: [SymInt] = x.shape.sizes
        index = try index.reshaped(Array(sizes.prefix(axis + 1)) + [SymInt](repeating: 1, count: x.rank - axis - 1)).expanded(x.shape)
        sizes[axis] = segments
        let starts: [String: Double] = ["sum": 0, "amax": -.infinity, "amin": .infinity, "prod": 1]
        let start: Scalar = try call.optionalScalar(7) ?? Scalar(starts[reduction] ?? 0)
        let base: Tensor = try Tensor.full(sizes, start, dtype: x.dtype)
        let result: Tensor = try base.scatterReduce(dim: axis, index, x, reduce: reduction)
        guard try call.string(1) == "mean" else { return [.tensor(result)] }
        let shape: [SymInt] = Array(sizes.prefix(axis + 1)) + [SymInt](repeating: 1, count: x.rank - axis - 1)
        let divisors: Tensor = try counts.reshaped(shape).to(x.dtype)
        guard case .none = call[7] else { return [.tensor(try result / divisors.clamp(min: 1))] }
        return [.tensor(try result / divisors)]
    }

    static let embeddingRenorm: Operator = composite(
        "aten::embedding_renorm(Tensor self, Tensor indices, float max_norm, float norm_type) -> Tensor",
        "The rows of a matrix, those that are listed scaled down to the norm `max_norm` of order `norm_type` where theirs is larger.",
        samples: {
            let index: Tensor = try Tensor([2, 0, 2] as [Int], shape: [3])
            return [[.tensor(try .sample([4, 3])), .tensor(index), .double(1), .double(2)]]
        }
    ) { call in
        let (x, index) = (try call.tensor(0), try call.indexTensor(1))
        guard x.rank == 2 else { throw call.error(.shapeMismatch, "takes a matrix, not shape \(x.shape)") }
        let norms: Tensor = try x.norm(call.scalar(3), dims: [1], keepDim: true)
        let isListed: Tensor = try Tensor.zeros([x.shape[0]], dtype: .bool).indexFill(dim: 0, index.reshaped([-1]).to(.int64), true)
            .unsqueezed(1)
        let limit: Scalar = try call.scalar(2)
        // PyTorch's guard against dividing by nearly nothing.
        let factors: Tensor = try Tensor.where(isListed & (norms .> limit), (norms + 1e-7).reciprocal() * limit, 1)
        return [.tensor(try x * factors)]
    }

    static let segmentReductions: [Operator] = [segmentReduce, embeddingRenorm]
}

extension Call {
    /// Requires lengths or offsets whose leading sizes are the tensor's before the dimension that they cut.
    fileprivate func requireSegments(_ cuts: Tensor, _ axis: Int, _ x: Tensor) throws {
        func mismatch() -> TensorError {
            error(.shapeMismatch, "segments of shape \(cuts.shape) don't cut dimension \(axis) of shape \(x.shape)")
        }
        guard cuts.rank == axis + 1 else { throw mismatch() }
        for dim in 0..<axis { try require(cuts.shape[dim] == x.shape[dim], mismatch()) }
    }
}

extension Tensor {
    /// The sum, mean, max, min or prod of each segment of a dimension, whose lengths add up to its size.
    public func segmentReduce(_ reduce: String, lengths: Tensor, axis: Int = 0, initial: (any ScalarConvertible)? = nil) throws -> Tensor {
        try applySingle(
            .segmentReduce,
            [
                .tensor(self), .string(reduce), .tensor(lengths), .none, .none, .int(axis), .bool(false),
                initial.map { .scalar($0.scalar) } ?? .none,
            ])
    }

    /// The rows of this matrix, those that are listed scaled down to a norm of at most `maxNorm`.
    public func embeddingRenorm(_ indices: Tensor, maxNorm: any ScalarConvertible, p: any ScalarConvertible = 2) throws -> Tensor {
        try applySingle(.embeddingRenorm, [.tensor(self), .tensor(indices), .float(maxNorm), .float(p)])
    }
}
