import ApusSymbolic
import CApusKernels

// Combining the elements that meet at a position: sums, products, means and extremes.

extension Operator {
    static let scatterReduceTwo: Operator = scattering(
        "aten::scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
        "As `scatter.src`, but the elements that meet at a position are combined: 'sum', 'prod', 'mean', 'amax' or 'amin', with `self`'s own element "
            + "or without. Means of integers are rounded down, of their sums in int64, where PyTorch's wrap around.",
        gradient: { g in try g.ofMeetingElements() },
        samples: {
            try ["sum", "prod", "mean", "amax", "amin"].flatMap { reduce in
                try [true, false].map { try Operator.scatterSample() + [.string(reduce), .bool($0)] }
            } + [
                Operator.scatterSample().map { try $0.map { $0.dtype == .float32 ? try ($0 * 9).to(.int64) : $0 } } + [
                    .string("mean"), .bool(true),
                ]
            ]
        }
    ) { call in
        try call.scatterReduction(
            4,
            [
                "sum": APUS_SCATTER_ADD, "mean": APUS_SCATTER_ADD, "prod": APUS_SCATTER_MULTIPLY, "amax": APUS_SCATTER_MAX,
                "amin": APUS_SCATTER_MIN,
            ])
    }

    static let indexReduce: Operator = composite(
        "aten::index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor",
        "A copy of `self` in which the parts of `source` are combined into the positions of dimension `dim` that a vector lists: 'prod', 'mean', "
            + "'amax' or 'amin', with `self`'s own elements or without.",
        samples: {
            let index = try Tensor([2, 0, 2] as [Int], shape: [3])
            return try ["prod", "mean", "amax", "amin"].map {
                [
                    .tensor(try .sample([2, 4])), .int(1), .tensor(index), .tensor(try .sample([2, 3], seed: 2)), .string($0),
                    .bool($0 != "mean"),
                ]
            }
        }
    ) { call in
        let (x, source) = (try call.tensor(0), try call.tensor(3))
        let (dim, index) = (try call.dim(1), try call.vectorIndex(2, along: source, x))
        guard ["prod", "mean", "amax", "amin"].contains(try call.string(4)) else {
            throw call.error(.invalidArgument, "the reduction must be one of 'prod', 'mean', 'amax', 'amin', not '\(try call.string(4))'")
        }
        return [.tensor(try applySingle(.scatterReduceTwo, [call[0], .int(dim), .tensor(index), call[3], call[4], call[5]]))]
    }

    static let scatterReductions: [Operator] = [scatterReduceTwo, indexReduce]
}

extension Call {
    /// A vector of positions of dimension 1's argument, spread over the shape of a source.
    fileprivate func vectorIndex(_ position: Int, along source: Tensor, _ x: Tensor) throws -> Tensor {
        let index = try indexTensor(position)
        guard index.rank <= 1 else { throw error(.shapeMismatch, "the index must be a vector, not of shape \(index.shape)") }
        let dim = try self.dim(1)
        func mismatch() -> TensorError {
            error(
                .shapeMismatch,
                "a source of shape \(source.shape) doesn't fit \(index.count) positions of dimension \(dim) of shape \(x.shape)")
        }
        guard source.rank == x.rank else { throw mismatch() }
        for own in 0..<source.rank {
            let expected: SymInt = own == dim ? index.count : x.shape[own]
            try require(source.shape[own] == expected, mismatch())
        }
        var sizes = [SymInt](repeating: 1, count: source.rank)
        if dim < sizes.count { sizes[dim] = index.count }
        return try index.reshaped(sizes).expanded(source.shape)
    }

    /// How many elements meet at each position of the first argument, at least 1, in int64.
    func meetingCounts() throws -> Tensor {
        let (x, dim, index) = (try tensor(0), try constant(1), try tensor(2))
        let own = try Tensor.full(x.shape.sizes, bool(5) ? 1 : 0, dtype: .int64)
        return try own.scatterAdd(dim: dim, index, Tensor.ones(index.shape.sizes, dtype: .int64)).clamp(min: 1)
    }

    /// Turns sums into means.
    func divideByCounts(_ output: Tensor) throws {
        try Interpreter.with(nil) {
            let counts = try meetingCounts()
            try copy(output.dtype.isInteger ? output.floorDivide(counts) : output / counts, to: output)
        }
    }
}

extension GradientCall {
    /// The gradients of `self` and the source of a combination.
    fileprivate func ofMeetingElements() throws -> [OperatorArgument] {
        try call.requireWholeSource()
        let (x, dim, index, source) = (try call.tensor(0), try call.constant(1), try call.tensor(2), try call.tensor(3))
        let (gradient, result) = (try self.gradient, outputs[0])
        let includesSelf: Bool = try call.bool(5)
        func taken(_ tensor: Tensor) throws -> Tensor { try tensor.gather(dim: dim, index) }
        func own(_ tensor: Tensor) throws -> Tensor { try includesSelf ? tensor : tensor.scatter(dim: dim, index, Scalar(0)) }
        var (toSelf, toSource): (Tensor, Tensor)
        switch try call.string(4) {
        case "sum": (toSelf, toSource) = (gradient, try taken(gradient))
        case "mean":
            toSelf = try (gradient.to(gradient.dtype.accumulation) / call.meetingCounts()).to(x.dtype)
            toSource = try taken(toSelf)
        case "prod":
            toSelf = try gradient * x.onesLike().scatterReduce(dim: dim, index, source, reduce: "prod")
            // The product of the others that are not zero, by division, times that of the others that are. The latter is 0 or, of none, 1, but has
            // slopes, which further derivatives need.
            let isZero: Tensor = try source .== 0
            let nonzero: Tensor = try source.maskedFill(isZero, 1)
            let rest: Tensor = try x.scatterReduce(dim: dim, index, nonzero, reduce: "prod", includeSelf: includesSelf)
            toSource = try taken(gradient * rest) / nonzero * productOfOtherZeros(source, isZero, dim, index, like: x)
        default:
            // Equal extremes share.
            let isOwn: Tensor = try own((x .== result).to(x.dtype))
            let isSource: Tensor = try (source .== taken(result)).to(x.dtype)
            let wide: DType = x.dtype.accumulation
            let share: Tensor = try (gradient.to(wide) / isOwn.to(wide).scatterAdd(dim: dim, index, isSource.to(wide))).to(x.dtype)
            (toSelf, toSource) = (try isOwn * share, try isSource * taken(share))
        }
        return [.tensor(try own(toSelf)), .none, .none, .tensor(toSource)]
    }

    /// For each element of a source the product of the zeros that meet with it, itself left out: the elementary symmetric polynomial of as many of
    /// them, from sums of powers. Its first and second derivatives are exact; of more than two zeros they are 0 anyway.
    private func productOfOtherZeros(_ source: Tensor, _ isZero: Tensor, _ dim: Int, _ index: Tensor, like x: Tensor) throws -> Tensor {
        func sumOfOthers(_ values: Tensor) throws -> Tensor {
            try x.zerosLike().scatterAdd(dim: dim, index, values).gather(dim: dim, index) - values
        }
        let zeros: Tensor = try Tensor.where(isZero, source, source.zerosLike())
        let count: Tensor = try sumOfOthers(isZero.to(x.dtype))
        let (sum, squares) = (try sumOfOthers(zeros), try sumOfOthers(zeros * zeros))
        let ofTwo: Tensor = try Tensor.where(count .== 2, (sum * sum - squares) * 0.5, source.zerosLike())
        return try Tensor.where(count .== 0, source.onesLike(), Tensor.where(count .== 1, sum, ofTwo))
    }
}

extension Tensor {
    /// A copy in which the elements that meet at a position are combined: 'sum', 'prod', 'mean', 'amax' or 'amin'.
    public func scatterReduce(dim: Int, _ index: Tensor, _ source: Tensor, reduce: String, includeSelf: Bool = true) throws -> Tensor {
        try applySingle(
            .scatterReduceTwo, [.tensor(self), .int(dim), .tensor(index), .tensor(source), .string(reduce), .bool(includeSelf)])
    }

    /// A copy in which parts at positions of a dimension are combined with those of the source: "prod", "mean", "amax" or "amin".
    public func indexReduce(dim: Int, _ index: Tensor, _ source: Tensor, reduce: String, includeSelf: Bool = true) throws -> Tensor {
        try applySingle(
            .indexReduce, [.tensor(self), .int(dim), .tensor(index), .tensor(source), .string(reduce), .bool(includeSelf)])
    }
}
