import ApusSymbolic

// Vectors as diagonals of matrices, matrices as blocks on a diagonal, and what stands on diagonals.

extension Operator {
    static let diagEmbed: Operator = composite(
        "aten::diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
        "Zeros with the last dimension on a diagonal of two new dimensions.",
        samples: {
            [
                [.tensor(try .sample([2, 3])), .int(0), .int(-2), .int(-1)], [.tensor(try .sample([2, 3])), .int(1), .int(0), .int(2)],
                [.tensor(try .sample([3])), .int(-2), .int(0), .int(1)],
            ]
        }
    ) { call in
        let x = try call.tensor(0)
        guard x.rank >= 1 else { throw call.error(.shapeMismatch, "a zero-dimensional tensor has no diagonal to give") }
        let offset = try call.constant(1)
        let dim1 = try normalize(dim: try call.constant(2), rank: x.rank + 1, in: call.name)
        let dim2 = try normalize(dim: try call.constant(3), rank: x.rank + 1, in: call.name)
        guard dim1 != dim2 else { throw call.error(.invalidArgument, "both dimensions are \(dim1)") }
        guard offset.magnitude < 1 << 31 else { throw call.error(.invalidArgument, "the offset \(offset) is too large") }
        let size: SymInt = x.shape[-1] + Int(offset.magnitude)
        var sizes: [SymInt] = Array(x.shape.sizes.dropLast())
        for dim in [Swift.min(dim1, dim2), Swift.max(dim1, dim2)] { sizes.insert(size, at: dim) }
        return [.tensor(try Tensor.zeros(sizes, dtype: x.dtype).diagonalScatter(x, offset: offset, dim1: dim1, dim2: dim2))]
    }

    static let diag: Operator = composite(
        "aten::diag(Tensor self, int diagonal=0) -> Tensor", "A vector as the diagonal of a matrix, or a matrix's diagonal.",
        samples: { [[.tensor(try .sample([3])), .int(1)], [.tensor(try .sample([3, 4])), .int(-1)]] }
    ) { call in
        let x = try call.tensor(0)
        guard x.rank == 1 || x.rank == 2 else {
            throw call.error(.shapeMismatch, "takes a vector or a matrix, not shape \(x.shape)")
        }
        if x.rank == 1 { return [.tensor(try applySingle(.diagEmbed, [.tensor(x), call[1], .int(0), .int(1)]))] }
        return [.tensor(try x.diagonal(offset: call.constant(1)).clone())]
    }

    static let diagflat: Operator = composite(
        "aten::diagflat(Tensor self, int offset=0) -> Tensor", "All elements as the diagonal of a matrix.",
        samples: { [[.tensor(try .sample([2, 2])), .int(1)]] }
    ) { call in [.tensor(try applySingle(.diagEmbed, [.tensor(call.tensor(0).reshaped([-1])), call[1], .int(0), .int(1)]))] }

    static let linalgDiagonal: Operator = composite(
        "aten::linalg_diagonal(Tensor(a) A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor(a)",
        "What stands on a diagonal of two dimensions, as `diagonal`.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .int(1), .int(-2), .int(-1)]] }
    ) { call in [.tensor(try applySingle(.diagonal, call.arguments))] }

    static let trace: Operator = composite(
        "aten::trace(Tensor self) -> Tensor", "The sum of a matrix's diagonal.",
        samples: { [[.tensor(try .sample([3, 4]))], [.tensor(try .sample([2, 2], dtype: .int64))]] }
    ) { call in
        let x = try call.tensor(0)
        guard x.rank == 2 else { throw call.error(.shapeMismatch, "takes a matrix, not shape \(x.shape)") }
        return [.tensor(try x.diagonal().sum())]
    }

    static let blockDiag: Operator = composite(
        "aten::block_diag(Tensor[] tensors) -> Tensor",
        "Matrices as blocks along the diagonal of one, zeros elsewhere; vectors count as rows.",
        samples: { [[.tensors([try .sample([2, 3]), try .sample([2], seed: 2), try .sample([], seed: 3)])]] }
    ) { call in
        let blocks: [Tensor] = try call.tensors(0).map { tensor in
            guard tensor.rank <= 2 else { throw call.error(.shapeMismatch, "takes matrices, not shape \(tensor.shape)") }
            return try tensor.withRank(atLeast: 2)
        }
        guard let first = blocks.first else { return [.tensor(try Tensor.zeros([1, 0]))] }
        let dtype: DType = blocks.dropFirst().reduce(first.dtype) { Promotion.promote($0, $1.dtype) }
        let width: SymInt = blocks.reduce(SymInt(0)) { $0 + $1.shape[1] }
        var (before, rows): (SymInt, [Tensor]) = (0, [])
        for block in blocks {
            let after: SymInt = width - before - block.shape[1]
            rows.append(try applySingle(.constantPad, [.tensor(block.to(dtype)), .ints([before, after]), .int(0)]))
            before += block.shape[1]
        }
        return [.tensor(try Tensor.cat(rows, dim: 0))]
    }

    static let diagonals: [Operator] = [diagEmbed, diag, diagflat, linalgDiagonal, trace, blockDiag]
}

extension Tensor {
    /// Zeros with the last dimension on a diagonal of two new dimensions.
    public func diagEmbed(offset: any SymIntConvertible = 0, dim1: Int = -2, dim2: Int = -1) throws -> Tensor {
        try applySingle(.diagEmbed, [.tensor(self), .int(offset), .int(dim1), .int(dim2)])
    }
    /// The sum of a matrix's diagonal.
    public func matrixTrace() throws -> Tensor { try applySingle(.trace, [.tensor(self)]) }

    /// The diagonal of a matrix, or the square matrix that has a vector on its diagonal.
    public func diag(_ diagonal: any SymIntConvertible = 0) throws -> Tensor { try applySingle(.diag, [.tensor(self), .int(diagonal)]) }

    /// The square matrix that has the elements on its diagonal.
    public func diagflat(offset: any SymIntConvertible = 0) throws -> Tensor {
        try applySingle(.diagflat, [.tensor(self), .int(offset)])
    }

    /// Matrices along the diagonal of one, zeros elsewhere.
    public static func blockDiag(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.blockDiag, [.tensors(tensors)]) }
}
