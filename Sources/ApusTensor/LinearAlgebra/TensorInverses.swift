import ApusSymbolic

// Inverses and solutions for tensors that stand for matrices, and more names of what matrices have.

extension Operator {
    static let linalgTensorinv: Operator = composite(
        "aten::linalg_tensorinv(Tensor self, int ind=2) -> Tensor",
        "The inverse of a tensor whose first `ind` dimensions, taken together, are the rows of a square matrix and the others its columns; the other "
            + "dimensions come first in the result.",
        samples: {
            [
                [.tensor(try .wellConditioned(4).reshaped([2, 2, 4])), .int(2)],
                [.tensor(try .wellConditioned(4).reshaped([4, 2, 2])), .int(1)],
            ]
        }
    ) { call in
        let (x, ind) = (try call.tensor(0), try call.constant(1))
        guard ind > 0 else { throw call.error(.invalidArgument, "ind must be above 0, not \(ind)") }
        let (rows, columns) = (x.shape.sizes.prefix(ind), x.shape.sizes.dropFirst(ind))
        let (m, n) = (rows.reduce(SymInt(1)) { $0 * $1 }, columns.reduce(SymInt(1)) { $0 * $1 })
        try require(
            m == n, call.error(.shapeMismatch, "the first \(ind) dimensions of shape \(x.shape) hold \(m) elements, the others \(n)"))
        return [.tensor(try inverse(x.reshaped([n, n])).reshaped(Array(columns) + Array(rows)))]
    }

    static let linalgTensorsolve: Operator = composite(
        "aten::linalg_tensorsolve(Tensor self, Tensor other, int[]? dims=None) -> Tensor",
        "The X with `tensordot(self, X, X.rank) = other`: `self` is a square matrix whose rows are as many of its first dimensions as `other` has. Those "
            + "in `dims` are moved to the end before.",
        samples: {
            let a: Tensor = try .wellConditioned(6)
            return [
                [.tensor(try a.reshaped([2, 3, 6])), .tensor(try .sample([2, 3], seed: 2)), .none],
                [.tensor(try a.reshaped([2, 3, 6])), .tensor(try .sample([6], seed: 2)), .ints([0, 1])],
            ]
        }
    ) { call in
        var (a, b) = (try call.tensor(0), try call.tensor(1))
        if let dims = try call.optionalInts(2) {
            let given: [Int] = try call.constants(2)
            a = try a.movedDims(from: given, to: Array((a.rank - dims.count)..<a.rank))
        }
        guard b.rank <= a.rank else { throw call.error(.shapeMismatch, "shape \(b.shape) has more dimensions than shape \(a.shape)") }
        let sizes: [SymInt] = Array(a.shape.sizes.dropFirst(b.rank))
        let count: SymInt = sizes.reduce(SymInt(1)) { $0 * $1 }
        try require(
            count * count == a.count && b.count == count,
            call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) don't form a system of equations"))
        b = try b.reshaped([count])
        return [.tensor(try a.reshaped([count, count]).solve(b).reshaped(sizes))]
    }

    static let vander: Operator = composite(
        "aten::vander(Tensor x, int? N=None, bool increasing=False) -> Tensor",
        "The powers of a vector's elements as columns: `N - 1` down to 0, or upwards; of integers in int64.",
        samples: { [[.tensor(try .sample([3])), .none, .bool(false)], [.tensor(try .sample([3], dtype: .int32)), .int(4), .bool(true)]] }
    ) { call in
        let x = try call.tensor(0)
        guard x.rank == 1 else { throw call.error(.shapeMismatch, "takes a vector, not shape \(x.shape)") }
        let count: SymInt = try call.optionalInt(1) ?? x.shape[0]
        try require(count >= 0, call.error(.invalidArgument, "takes no negative number of columns: \(count)"))
        let base: Tensor = x.dtype.isDifferentiable ? x : try x.to(.int64)
        let powers: Tensor = try base.unsqueezed(-1).expanded([x.shape[0], count]).cumprod(dim: -1)
        let columns: Tensor = try Tensor.cat([base.onesLike().unsqueezed(-1), powers], dim: -1).narrowed(dim: -1, from: 0, length: count)
        return [.tensor(try call.bool(2) ? columns : columns.flipped([1]))]
    }

    static let svdOfTorch: Operator = composite(
        "aten::svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)",
        "The singular value decomposition A = U diag(S) V^H, in reduced form with `some`. Without `compute_uv` U and V are zeros.",
        samples: { [[.tensor(try .sample([3, 3])), .bool(true), .bool(true)]] }
    ) { call in
        let a = try call.matrix(0)
        if try call.bool(2) {
            let parts = try applyTensors(.linalgSVD, [.tensor(a), .bool(!call.bool(1)), .bool(true), .none])
            return [.tensor(parts[0]), .tensor(parts[1]), .tensor(try parts[2].adjoint())]
        }
        let (m, n) = (a.shape[-2], a.shape[-1])
        let values: Tensor = try applySingle(.linalgSVDValues, [.tensor(a), .none])
        let (u, v): (Tensor, Tensor) = (
            try Tensor.zeros(a.shape.batch + [m, m], dtype: a.dtype), try Tensor.zeros(a.shape.batch + [n, n], dtype: a.dtype)
        )
        return [.tensor(u), .tensor(values), .tensor(v)]
    }

    static let qrOfTorch: Operator = composite(
        "aten::qr(Tensor self, bool some=True) -> (Tensor Q, Tensor R)", "The QR factorisation, in reduced form with `some`.",
        samples: { [[.tensor(try .sample([4, 3])), .bool(true)]] }
    ) { call in try apply(.linalgQR, [call[0], .string(call.bool(1) ? "reduced" : "complete")]) }

    static let nuclearNorm: Operator = composite(
        "aten::nuclear_norm(Tensor self, bool keepdim=False) -> Tensor", "The sum of the singular values of a matrix.",
        samples: { [[.tensor(try .sample([3, 4])), .bool(false)]] }
    ) { call in
        [.tensor(try applySingle(.linalgMatrixNormNamed, [call[0], .string("nuc"), .ints([-2, -1]), call[1], .none]))]
    }

    static let nuclearNormOfDims: Operator = composite(
        "aten::nuclear_norm.dim(Tensor self, int[2] dim, bool keepdim=False) -> Tensor",
        "The sum of the singular values of the matrices in two dimensions.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .ints([0, 2]), .bool(true)]] }
    ) { call in [.tensor(try applySingle(.linalgMatrixNormNamed, [call[0], .string("nuc"), call[1], call[2], .none]))] }

    static let frobeniusNorm: Operator = composite(
        "aten::frobenius_norm.dim(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
        "The root of the sum of squares over dimensions.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .ints([0, 2]), .bool(true)]] }
    ) { call in [.tensor(try applySingle(.vectorNorm, [call[0], .int(2), call[1], call[2], .none]))] }

    static let tensorInverses: [Operator] = [
        linalgTensorinv, linalgTensorsolve, vander, svdOfTorch, qrOfTorch, nuclearNorm, nuclearNormOfDims, frobeniusNorm, linalgMatrixExp,
        matrixExp,
        alias("aten::linalg_matmul(Tensor self, Tensor other) -> Tensor", of: matmul),
    ]
}

extension Tensor {
    /// The inverse of a tensor whose first `ind` dimensions are the rows of a square matrix, and the others its columns.
    public func tensorinv(ind: Int = 2) throws -> Tensor { try applySingle(.linalgTensorinv, [.tensor(self), .int(ind)]) }

    /// The X with `tensordot(self, X, X.rank) = other`; the dimensions `dims` are moved to the end before.
    public func tensorsolve(_ other: Tensor, dims: [Int]? = nil) throws -> Tensor {
        try applySingle(.linalgTensorsolve, [.tensor(self), .tensor(other), dims.map { .ints($0) } ?? .none])
    }
}
