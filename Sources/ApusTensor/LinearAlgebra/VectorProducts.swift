import ApusSymbolic

// Products of vectors, chains of matrices, and powers as matrices.

extension Operator {
    static let linalgCross: Operator = composite(
        "aten::linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor",
        "The cross products of vectors of three elements along a dimension; the others broadcast.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([1, 3], seed: 2)), .int(-1)]] }
    ) { call in [.tensor(try call.crossProduct(call.constant(2)))] }

    static let cross: Operator = Operator(
        "aten::cross(Tensor self, Tensor other, int? dim=None) -> Tensor",
        "The cross products along a dimension of three elements, the first such dimension unless one is given: which that is may be open while tracing.",
        rule: { call in
            if let dim = try call.optionalInt(2)?.constant {
                let (x, axis) = (try call.tensor(0), SymInt(dim))
                return try linalgCross.rule(Call(linalgCross, [.tensor(x), call[1], .int(axis)]))
            }
            let (x, y) = (try call.tensor(0), try call.tensor(1))
            guard x.rank == y.rank else {
                throw call.error(.shapeMismatch, "shapes \(x.shape) and \(y.shape) have different ranks")
            }
            _ = try require(
                anyOf: x.shape.map { $0 == 3 }, call.error(.shapeMismatch, "no dimension of shape \(x.shape) has three elements"))
            let shape = try broadcast(x.shape, y.shape, in: call.name)
            return [TensorSpec(Promotion.promote(x.dtype, y.dtype), shape)]
        },
        kernel: .compute { call, outputs in
            try Interpreter.with(nil) { try call.copy(call.crossProduct(call.crossDim()), to: outputs[0]) }
        },
        gradient: { g in
            let (x, y) = (try g.call.tensor(0).conj(), try g.call.tensor(1).conj())
            let gradient: Tensor = try g.gradient
            // The dimension is the first operand's where none is given: of the result's shape another one could be the first of three.
            var dim: OperatorArgument = g.call[2]
            if case .none = dim, !x.shape.isIdentical(to: gradient.shape) {
                guard let first = try x.shape.indices.first(where: { try settle(x.shape[$0] == 3, in: g.call.name) }) else {
                    throw g.call.error(.shapeMismatch, "no dimension of shape \(x.shape) has three elements")
                }
                dim = .int(first)
            }
            func product(_ a: Tensor, _ b: Tensor) throws -> Tensor {
                try applySingle(.cross, [.tensor(a.expanded(gradient.shape)), .tensor(b.expanded(gradient.shape)), dim])
            }
            return [try g.reduced(product(y, gradient), to: 0), try g.reduced(product(gradient, x), to: 1)]
        },
        samples: {
            [
                [.tensor(try .sample([3, 2])), .tensor(try .sample([3, 2], seed: 2)), .none],
                [.tensor(try .sample([2, 3])), .tensor(try .sample([2, 3], seed: 2)), .int(1)],
            ]
        })

    static let addr: Operator = composite(
        "aten::addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
        "`beta * self + alpha * outer(vec1, vec2)`; with `beta` 0 `self` is not read.",
        samples: {
            [
                [
                    .tensor(try .sample([2, 3])), .tensor(try .sample([2], seed: 2)), .tensor(try .sample([3], seed: 3)), .double(0.5),
                    .double(2),
                ],
                [
                    .tensor(try .sample([3], dtype: .int64)), .tensor(try .sample([2], dtype: .int64, seed: 2)),
                    .tensor(try .sample([3], dtype: .int64, seed: 3)), .int(2), .int(3),
                ],
            ]
        }
    ) { call in
        let (x, product) = (try call.tensor(0), try call.tensor(1).outer(call.tensor(2)))
        let scaled: Tensor = try product.scaled(by: call.factor(4, for: product))
        guard try !call.isZero(3) else { return [.tensor(try scaled.to(Promotion.promote(x.dtype, scaled.dtype)))] }
        return [.tensor(try x.scaled(by: call.factor(3, for: product)) + scaled)]
    }

    static let linalgVecdot: Operator = composite(
        "aten::linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
        "The dot products of vectors along a dimension, the first ones conjugated; the other dimensions broadcast.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2)), .int(-1)]] }
    ) { call in
        let product: Tensor = try call.tensor(0).conj() * call.tensor(1)
        return [.tensor(try product.sum(dim: normalize(dim: call.constant(2), rank: product.rank, in: call.name), dtype: product.dtype))]
    }

    static let linalgMultiDot: Operator = composite(
        "aten::linalg_multi_dot(Tensor[] tensors) -> Tensor",
        "The product of a chain of matrices, in the order of least work; the first and the last may be vectors.",
        samples: { [[.tensors([try .sample([2]), try .sample([2, 4], seed: 2), try .sample([4, 3], seed: 3)])]] }
    ) { call in [.tensor(try call.chainProduct())] }

    static let chainMatmul: Operator = composite(
        "aten::chain_matmul(Tensor[] matrices) -> Tensor", "The product of a chain of matrices, in the order of least work.",
        samples: { [[.tensors([try .sample([2, 4]), try .sample([4, 3], seed: 2), try .sample([3, 2], seed: 3)])]] }
    ) { call in [.tensor(try call.chainProduct())] }

    static let linalgVander: Operator = composite(
        "aten::linalg_vander(Tensor x, *, SymInt? N=None) -> Tensor", "The powers 0, 1, 2 ... of each element in a new last dimension.",
        samples: { [[.tensor(try .sample([3])), .int(4)], [.tensor(try .sample([2, 3])), .none]] }
    ) { call in
        let x = try call.tensor(0).withRank(atLeast: 1)
        let count: SymInt = try call.optionalInt(1) ?? x.shape[-1]
        try require(count > 1, call.error(.invalidArgument, "needs two powers or more, not \(count)"))
        let repeated: Tensor = try x.unsqueezed(-1).expanded(x.shape.sizes + [count - 1])
        let ones: Tensor = try x.unsqueezed(-1).onesLike()
        return [.tensor(try Tensor.cat([ones.to(x.dtype.isDifferentiable ? x.dtype : .int64), repeated.cumprod(dim: -1)], dim: -1))]
    }

    static let logdet: Operator = composite(
        "aten::logdet(Tensor self) -> Tensor", "The logarithm of the determinants of square matrices; NaN for negative ones.",
        samples: { [[.tensor(try .wellConditioned(3))]] }
    ) { call in
        let parts = try applyTensors(.linalgSlogdetPublic, [call[0]])
        if parts[0].dtype.isComplex { return [.tensor(try parts[1] + parts[0].log())] }
        let x = parts[1]
        return [.tensor(try Tensor.where(parts[0] .< 0, Double.nan, x))]
    }

    static let vectorProducts: [Operator] = [
        linalgCross, cross, addr, linalgVecdot, linalgMultiDot, chainMatmul, linalgVander, logdet,
    ]
}

extension Call {
    fileprivate func crossProduct(_ dim: Int) throws -> Tensor {
        let (x, y) = (try tensor(0), try tensor(1))
        guard x.rank == y.rank else { throw error(.shapeMismatch, "shapes \(x.shape) and \(y.shape) have different ranks") }
        let shape = try broadcast(x.shape, y.shape, in: name)
        let axis = try normalize(dim: dim, rank: shape.count, in: name)
        guard shape.count > 0 else { throw error(.shapeMismatch, "takes vectors of three elements, not zero-dimensional tensors") }
        try require(shape[axis] == 3, error(.shapeMismatch, "dimension \(axis) of shape \(shape) must have three elements"))
        let (a, b): (Tensor, Tensor) = (try x.expanded(shape), try y.expanded(shape))
        func turned(_ tensor: Tensor, _ shift: SymInt) throws -> Tensor { try tensor.rolled([shift], dims: [axis]) }
        return try turned(a, -1) * turned(b, -2) - turned(a, -2) * turned(b, -1)
    }

    /// The dimension of `cross`, of known sizes.
    fileprivate func crossDim() throws -> Int {
        if let dim = try optionalInt(2)?.constant { return dim }
        let x = try tensor(0)
        guard let dim = x.shape.firstIndex(where: { $0.constant == 3 }) else {
            throw error(.shapeMismatch, "no dimension of shape \(x.shape) has three elements")
        }
        return dim
    }

    /// The product of a chain of matrices.
    fileprivate func chainProduct() throws -> Tensor {
        var factors = try tensors(0)
        guard let first = factors.first, let last = factors.last else { throw error(.invalidArgument, "needs at least one matrix") }
        if factors.count == 1 { return first }
        for (position, factor) in factors.enumerated() {
            let mayBeVector: Bool = position == 0 || position == factors.count - 1
            guard factor.rank == 2 || (factor.rank == 1 && mayBeVector) else {
                throw error(.shapeMismatch, "takes matrices, with vectors at the ends, not shape \(factor.shape)")
            }
        }
        if first.rank == 1 { factors[0] = try first.unsqueezed(0) }
        if last.rank == 1 { factors[factors.count - 1] = try last.unsqueezed(1) }
        var result: Tensor = try product(of: factors[...])
        if first.rank == 1 { result = try result.squeezed(dims: [0]) }
        if last.rank == 1 { result = try result.squeezed(dims: [-1]) }
        return result
    }

    /// Splits where it costs least; sizes that aren't known are taken from left to right.
    private func product(of factors: ArraySlice<Tensor>) throws -> Tensor {
        guard factors.count > 2, factors.count <= 64 else {
            return try factors.dropFirst().reduce(factors[factors.startIndex]) { try $0.matmul($1) }
        }
        let sizes: [Double] = factors.map { Double($0.shape[0].constant ?? 1) } + [Double(factors.last?.shape[1].constant ?? 1)]
        let count: Int = factors.count
        var costs = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        var splits = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
        for length in 1..<count {
            for start in 0..<(count - length) {
                let end: Int = start + length
                costs[start][end] = .infinity
                for split in start..<end {
                    let cost: Double = costs[start][split] + costs[split + 1][end] + sizes[start] * sizes[split + 1] * sizes[end + 1]
                    if cost < costs[start][end] { (costs[start][end], splits[start][end]) = (cost, split) }
                }
            }
        }
        func multiply(_ start: Int, _ end: Int) throws -> Tensor {
            if start == end { return factors[factors.startIndex + start] }
            let split: Int = splits[start][end]
            return try multiply(start, split).matmul(multiply(split + 1, end))
        }
        return try multiply(0, count - 1)
    }
}

extension Tensor {
    /// The cross products of vectors of three elements along a dimension.
    public func cross(_ other: Tensor, dim: Int = -1) throws -> Tensor {
        try applySingle(.linalgCross, [.tensor(self), .tensor(other), .int(dim)])
    }

    /// `beta * self + alpha * outer(a, b)`.
    public func addr(_ a: Tensor, _ b: Tensor, beta: any ScalarConvertible = 1, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addr, [.tensor(self), .tensor(a), .tensor(b), .scalar(beta.scalar), .scalar(alpha.scalar)])
    }

    /// The products of vectors along a dimension, this tensor's conjugated, with broadcasting.
    public func vecdot(_ other: Tensor, dim: Int = -1) throws -> Tensor {
        try applySingle(.linalgVecdot, [.tensor(self), .tensor(other), .int(dim)])
    }

    /// The product of several matrices, in the order that takes the fewest operations.
    public static func multiDot(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.linalgMultiDot, [.tensors(tensors)]) }

    /// The powers 0, 1, 2 ... of each element, a row each.
    public func vander(_ n: (any SymIntConvertible)? = nil) throws -> Tensor {
        try applySingle(.linalgVander, [.tensor(self), n.map { .int($0) } ?? .none])
    }

    /// The logarithm of the determinant of square matrices; NaN where it is negative.
    public func logdet() throws -> Tensor { try applySingle(.logdet, [.tensor(self)]) }
}
