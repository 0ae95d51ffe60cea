import ApusSymbolic

// Covariances and correlations of rows, products of three, and positions of affine maps.

extension Operator {
    static let cov: Operator = composite(
        "aten::cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor",
        "The covariances between the rows of a matrix, whose columns are observations; `fweights` say how often one was made, `aweights` how much it "
            + "counts.",
        samples: {
            let x: Tensor = try .sample([3, 4])
            let counts = try Tensor([1, 2, 1, 3] as [Int], shape: [4])
            return [
                [.tensor(x), .int(1), .none, .none],
                [.tensor(x), .int(0), .tensor(counts), .tensor(try .sample([4], in: 0.5...2, seed: 2))],
                [.tensor(try .sample([5])), .int(1), .none, .none],
            ]
        }
    ) { call in [.tensor(try call.covariance(call.tensor(0)))] }

    static let corrcoef: Operator = composite(
        "aten::corrcoef(Tensor self) -> Tensor", "The correlations between the rows of a matrix, whose columns are observations.",
        samples: { [[.tensor(try .sample([3, 4]))]] }
    ) { call in
        let covariance: Tensor = try applySingle(.cov, [call[0], .int(1), .none, .none])
        if covariance.rank == 0 { return [.tensor(try covariance / covariance)] }
        let deviation: Tensor = try covariance.diagonal().sqrt()
        return [.tensor(try covariance / deviation.unsqueezed(1) / deviation.unsqueezed(0))]
    }

    static let bilinear: Operator = composite(
        "aten::bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
        "For each matrix of the weight [out, in1, in2] the product `input1 @ matrix @ input2` of the last dimensions; a bias [out] is added.",
        samples: {
            [
                [
                    .tensor(try .sample([2, 3])), .tensor(try .sample([2, 4], seed: 2)), .tensor(try .sample([5, 3, 4], seed: 3)),
                    .tensor(try .sample([5], seed: 4)),
                ]
            ]
        }
    ) { call in
        let (x, y, weight) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
        func mismatch() -> TensorError {
            call.error(.shapeMismatch, "inputs of shapes \(x.shape) and \(y.shape) don't fit a weight of shape \(weight.shape)")
        }
        guard weight.rank == 3, x.rank == y.rank, x.rank >= 1 else { throw mismatch() }
        try require(x.shape[-1] == weight.shape[1], mismatch())
        try require(y.shape[-1] == weight.shape[2], mismatch())
        for (a, b) in zip(x.shape.dropLast(), y.shape.dropLast()) { try require(a == b, mismatch()) }
        let leading: [SymInt] = Array(x.shape.sizes.dropLast())
        let (rows, columns): (Tensor, Tensor) = (try x.reshaped([-1, weight.shape[1]]), try y.reshaped([-1, weight.shape[2]]))
        // [rows, in1] @ [in1, out * in2], then against the second input.
        let flat: Tensor = try weight.permuted([1, 0, 2]).reshaped([weight.shape[1], weight.shape[0] * weight.shape[2]])
        let partial: Tensor = try rows.matmul(flat).reshaped([rows.shape[0], weight.shape[0], weight.shape[2]])
        var result: Tensor = try partial.matmul(columns.unsqueezed(2)).squeezed(dims: [2]).reshaped(leading + [weight.shape[0]])
        if let bias = try call.optionalTensor(3) { result = try result + bias }
        return [.tensor(result)]
    }

    static let affineGrid: Operator = composite(
        "aten::affine_grid_generator(Tensor theta, SymInt[] size, bool align_corners) -> Tensor",
        "The positions at which `grid_sampler` reads an image or volume of `size` under affine maps [batch, dims, dims + 1].",
        samples: {
            [
                [.tensor(try .sample([2, 2, 3])), .ints([2, 1, 3, 4]), .bool(false)],
                [.tensor(try .sample([1, 3, 4])), .ints([1, 1, 2, 3, 2]), .bool(true)],
            ]
        }
    ) { call in
        let (theta, sizes, aligns) = (try call.tensor(0), try call.ints(1), try call.bool(2))
        let dims: Int = sizes.count - 2
        guard dims == 2 || dims == 3, theta.rank == 3, theta.dtype.isFloatingPoint else {
            throw call.error(.shapeMismatch, "maps of \(theta.spec) don't fit a size of \(sizes.count) dimensions")
        }
        try call.requireShape(theta, try Shape([sizes[0], SymInt(dims), SymInt(dims + 1)], in: call.name), "a map")
        let spatial: [SymInt] = Array(sizes.dropFirst(2))
        for size in spatial { try require(size > 0, call.error(.invalidArgument, "the sizes must be positive, not \(listText(sizes))")) }
        // x runs along the last dimension.
        var coordinates: [Tensor] = try (0..<dims).map { axis in
            let size: SymInt = spatial[dims - 1 - axis]
            let place: Tensor = try Tensor.arange(size, dtype: theta.dtype)
            let line: Tensor
            if aligns {
                // One position stands in the middle.
                let isSingle: SymBool = size == 1
                line = try place * 2 / larger(size - 1, 1) - SymInt.select(isSingle, 0, 1)
            } else {
                line = try (place * 2 + 1) / size - 1
            }
            return try line.along(dims - 1 - axis, of: dims).expanded(spatial)
        }
        coordinates.append(try coordinates[0].onesLike())
        let points: Tensor = try Tensor.stack(coordinates, dim: -1).reshaped([1, SymInt.product(spatial), SymInt(dims + 1)])
        let moved: Tensor = try points.expanded([sizes[0], SymInt.product(spatial), SymInt(dims + 1)]).matmul(theta.transposed(1, 2))
        return [.tensor(try moved.reshaped([sizes[0]] + spatial + [SymInt(dims)]))]
    }

    static let covariances: [Operator] = [cov, corrcoef, bilinear, affineGrid]
}

extension Call {
    fileprivate func covariance(_ x: Tensor) throws -> Tensor {
        guard x.rank <= 2, x.dtype != .bool else { throw error(.shapeMismatch, "takes a matrix of numbers, not \(x.spec)") }
        let isVector: Bool = x.rank < 2
        let rows: Tensor = try x.withRank(atLeast: 2)
        let observations: SymInt = rows.shape[1]
        var weight: Tensor?
        for index in [2, 3] {
            guard let given = try optionalTensor(index) else { continue }
            guard given.rank == 1, index == 3 ? given.dtype.isFloatingPoint : given.dtype.isInteger else {
                throw error(.invalidArgument, "the weights must be a vector, of integers for repetitions, not \(given.spec)")
            }
            try require(
                given.shape[0] == observations, error(.shapeMismatch, "\(given.shape[0]) weights don't fit \(observations) observations"))
            weight = try weight.map { try $0 * given } ?? given
        }
        let correction = try constant(1)
        guard correction.magnitude < 1 << 50 else { throw error(.invalidArgument, "the correction \(correction) is too large") }
        let dtype: DType = rows.dtype.isDifferentiable ? rows.dtype : .float32
        // Sums of halves may exceed them where the covariance does not.
        let values: Tensor = try rows.to(dtype.accumulation)
        let total: Tensor = try weight.map { try $0.sum() } ?? Tensor.full([], observations, dtype: .int64)
        let mean: Tensor = try (weight.map { try values * $0 } ?? values).sum(dim: 1, keepDim: true) / total
        let deviation: Tensor = try values - mean
        var divisor: Tensor = try total - correction
        if let weight, correction != 0, let relative = try optionalTensor(3) {
            divisor = try total - (weight * relative).sum() / total * correction
        }
        let weighted: Tensor = try weight.map { try deviation * $0 } ?? deviation
        let result: Tensor = try deviation.matmul(weighted.conj().t()) / divisor.clamp(min: 0)
        let rounded: Tensor = try result.to(weight.map { Promotion.promote(dtype, $0.dtype) } ?? dtype)
        return isVector ? try rounded.reshaped([] as [SymInt]) : rounded
    }
}

extension Tensor {
    /// The covariances of variables, which are the rows; of one for a vector.
    public func cov(correction: any SymIntConvertible = 1, fweights: Tensor? = nil, aweights: Tensor? = nil) throws -> Tensor {
        try applySingle(.cov, [.tensor(self), .int(correction), .optional(fweights), .optional(aweights)])
    }

    /// The correlations of variables, which are the rows.
    public func corrcoef() throws -> Tensor { try applySingle(.corrcoef, [.tensor(self)]) }

    /// `x W y + bias` for each of the output features that `weight` [out, in1, in2] has.
    public func bilinear(_ other: Tensor, _ weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try applySingle(.bilinear, [.tensor(self), .tensor(other), .tensor(weight), .optional(bias)])
    }

    /// The positions, as `gridSample` takes them, that affine maps [batch, 2, 3] give for outputs of these sizes.
    public func affineGrid(_ sizes: [any SymIntConvertible], alignsCorners: Bool = false) throws -> Tensor {
        try applySingle(.affineGrid, [.tensor(self), .ints(sizes), .bool(alignsCorners)])
    }
}
