import ApusSymbolic

// Norms of matrices, and the norms of linear algebra, which choose between those of vectors and of matrices.

extension Operator {
    static let linalgNorm: Operator = composite(
        "aten::linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The vector norm of order `ord` over one dimension or of all elements, or the matrix norm of two dimensions.",
        samples: {
            let x: Tensor = try .sample([3, 4])
            return [
                [.tensor(x), .none, .none, .bool(false), .none], [.tensor(x), .double(3), .ints([1]), .bool(true), .none],
                [.tensor(x), .int(1), .ints([0, 1]), .bool(false), .none], [.tensor(x), .double(-.infinity), .none, .bool(false), .none],
                [.tensor(x), .int(2), .none, .bool(false), .none],
            ]
        }
    ) { call in
        let x = try call.tensor(0)
        let (keepDim, dtype) = (try call.bool(3), call[4])
        let dims: [Int]? = try call.optionalInts(2) == nil ? nil : call.constants(2)
        guard let order = try call.optionalScalar(1) else {
            return [.tensor(try applySingle(.vectorNorm, [.tensor(x), .int(2), call[2], .bool(keepDim), dtype]))]
        }
        if dims?.count == 2 || dims == nil && x.rank == 2 {
            return [
                .tensor(try applySingle(.linalgMatrixNorm, [.tensor(x), .scalar(order), .ints(dims ?? [-2, -1]), .bool(keepDim), dtype]))
            ]
        }
        guard dims != nil || x.rank <= 1 else {
            throw call.error(.shapeMismatch, "an order needs dimensions, or a vector or matrix, not shape \(x.shape)")
        }
        return [.tensor(try applySingle(.vectorNorm, [.tensor(x), .scalar(order), call[2], .bool(keepDim), dtype]))]
    }

    static let linalgNormNamed: Operator = composite(
        "aten::linalg_norm.ord_str(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The Frobenius ('fro') or nuclear ('nuc') norm of two dimensions, or of a matrix.",
        samples: { try ["fro", "nuc"].map { [.tensor(try .sample([3, 4])), .string($0), .none, .bool($0 == "fro"), .none] } }
    ) { call in
        let x = try call.tensor(0)
        guard try call.optionalInts(2) != nil || x.rank == 2 else {
            throw call.error(.shapeMismatch, "takes a matrix unless dimensions are given, not shape \(x.shape)")
        }
        let dims: [Int] = try call.optionalInts(2) == nil ? [-2, -1] : call.constants(2)
        return [.tensor(try applySingle(.linalgMatrixNormNamed, [call[0], call[1], .ints(dims), call[3], call[4]]))]
    }

    static let linalgMatrixNorm: Operator = composite(
        "aten::linalg_matrix_norm(Tensor self, Scalar ord, int[] dim=[-2, -1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "Matrix norms: the largest or smallest (for a negative order) sum of magnitudes of columns (1) or rows (infinity), or singular value (2). The largest of none is 0.",
        samples: { try [1, -1, 2].map { [.tensor(try .sample([2, 3, 4])), .double($0), .ints([0, 2]), .bool($0 < 0), .none] } }
    ) { call in
        let order: Double = try call.double(1)
        return [
            .tensor(
                try call.matrixNorm { matrices in
                    let values: Tensor
                    switch order.magnitude {
                    case 1: values = try matrices.abs().sum(dim: -2)
                    case .infinity: values = try matrices.abs().sum(dim: -1)
                    case 2: values = try matrices.singularValues()
                    default: throw call.error(.invalidArgument, "the order must be 1, 2 or infinity, or the negative of one, not \(order)")
                    }
                    return try order > 0 ? values.largest() : values.amin(dim: -1)
                })
        ]
    }

    static let linalgMatrixNormNamed: Operator = composite(
        "aten::linalg_matrix_norm.str_ord(Tensor self, str ord=\"fro\", int[] dim=[-2, -1], bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
        "The Frobenius norm ('fro') of matrices, the root of the sum of squares, or the nuclear norm ('nuc'), the sum of singular values.",
        samples: { try ["fro", "nuc"].map { [.tensor(try .sample([2, 3, 4])), .string($0), .ints([0, 2]), .bool($0 == "nuc"), .none] } }
    ) { call in
        let order = try call.string(1)
        guard order == "fro" || order == "nuc" else {
            throw call.error(.invalidArgument, "the order must be 'fro' or 'nuc', not '\(order)'")
        }
        return [
            .tensor(
                try call.matrixNorm { matrices in
                    try order == "fro" ? matrices.norm(2, dims: [-2, -1]) : matrices.singularValues().sum(dim: -1)
                })
        ]
    }

    static let matrixNorms: [Operator] = [linalgNorm, linalgNormNamed, linalgMatrixNorm, linalgMatrixNormNamed]
}

extension Call {
    /// A norm of the matrices in the two dimensions of argument 2, which it gets as the last ones.
    fileprivate func matrixNorm(_ norm: (Tensor) throws -> Tensor) throws -> Tensor {
        var x = try tensor(0)
        if let dtype = try dtype(4) { x = try x.to(dtype) }
        guard x.dtype.isDifferentiable else { throw error(.dtypeMismatch, "does not take \(x.dtype)") }
        let given: [Int] = try constants(2)
        guard given.count == 2 else { throw error(.invalidArgument, "takes two dimensions, not \(given.count)") }
        let dims: [Int] = try given.map { try normalize(dim: $0, rank: x.rank, in: name) }
        guard dims[0] != dims[1] else { throw error(.invalidArgument, "both dimensions are \(dims[0])") }
        let result: Tensor = try norm(x.movedDims(from: dims, to: [-2, -1]))
        guard try bool(3) else { return result }
        return try dims.sorted().reduce(result) { try $0.unsqueezed($1) }
    }
}

extension Tensor {
    /// The largest of the magnitudes along the last dimension; 0 where there are none.
    func largest(keepDim: Bool = false) throws -> Tensor {
        if decide(shape[-1] > 0) == true { return try amax(dim: -1, keepDim: keepDim) }
        let zero: Tensor = try Tensor.zeros(shape.sizes.dropLast() + [1], dtype: dtype)
        return try Tensor.cat([self, zero], dim: -1).amax(dim: -1, keepDim: keepDim)
    }

    fileprivate func singularValues() throws -> Tensor { try applySingle(.linalgSVDValues, [.tensor(self), .none]) }
}

extension Tensor {
    /// The norm of the matrices in two dimensions: 1, -1, 2, -2 or an infinity.
    public func matrixNorm(_ order: any ScalarConvertible, dims: [Int] = [-2, -1], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.linalgMatrixNorm, [.tensor(self), .scalar(order.scalar), .ints(dims), .bool(keepDim), .none])
    }

    /// The norm of the matrices in two dimensions: "fro" or "nuc".
    public func matrixNorm(named order: String = "fro", dims: [Int] = [-2, -1], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.linalgMatrixNormNamed, [.tensor(self), .string(order), .ints(dims), .bool(keepDim), .none])
    }
}
