import ApusSymbolic

// Systems and inverses from a Cholesky factor, and triangular systems under PyTorch's older name.

extension Operator {
    static let choleskySolve: Operator = choleskySolve("aten::cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor")
    static let choleskySolveHelper: Operator = choleskySolve("aten::_cholesky_solve_helper(Tensor self, Tensor A, bool upper) -> Tensor")

    private static func choleskySolve(_ schema: String) -> Operator {
        composite(
            schema,
            "The solution X of A X = B for B, `self` [..., n, k], and the Cholesky factor of A [..., n, n], of which only the named triangle is read. Leading "
                + "dimensions broadcast.",
            samples: { try [false, true].map { [.tensor(try .sample([3, 2])), .tensor(try .wellConditioned(3)), .bool($0)] } }
        ) { call in
            let (b, factor, upper) = (try call.matrix(0), try call.squareMatrix(1), try call.bool(2))
            return [.tensor(try solution(factor, b, upper: upper))]
        }
    }

    static let choleskyInverse: Operator = composite(
        "aten::cholesky_inverse(Tensor self, bool upper=False) -> Tensor",
        "The inverse of A from its Cholesky factor, of which only the named triangle is read.",
        samples: { try [false, true].map { [.tensor(try .wellConditioned(3)), .bool($0)] } }
    ) { call in
        let factor = try call.squareMatrix(0)
        return [.tensor(try solution(factor, Tensor.eye(factor.shape[-1], dtype: factor.dtype), upper: call.bool(1)))]
    }

    static let choleskyOfTorch: Operator = composite(
        "aten::cholesky(Tensor self, bool upper=False) -> Tensor", "See linalg_cholesky.",
        samples: { [[.tensor(try .positiveDefinite(3)), .bool(false)]] }
    ) { call in [try apply(.linalgCholeskyEx, [call[0], call[1], .bool(true)])[0]] }

    static let triangularSolve: Operator = composite(
        "aten::triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) -> (Tensor solution, Tensor cloned_coefficient)",
        "The solution X of A X = B, or A^T X = B with `transpose`, for B, `self`, and a triangular A, of which only the named triangle is read; and a copy "
            + "of A. Leading dimensions broadcast.",
        samples: {
            try [false, true].map { [.tensor(try .sample([3, 2])), .tensor(try .wellConditioned(3)), .bool($0), .bool($0), .bool(false)] }
        }
    ) { call in
        let (b, a) = (try call.matrix(0), try call.squareMatrix(1))
        let (upper, transpose) = (try call.bool(2), try call.bool(3))
        let solution: Tensor = try solveTriangular(
            transpose ? a.transposed(-2, -1) : a, b, upper: upper != transpose, unit: call.bool(4))
        return [.tensor(solution), .tensor(try a.expanded(solution.shape.batch + a.shape.suffix(2)).clone())]
    }

    static let choleskySolving: [Operator] = [choleskySolve, choleskySolveHelper, choleskyInverse, choleskyOfTorch, triangularSolve]

    private static func solution(_ factor: Tensor, _ b: Tensor, upper: Bool) throws -> Tensor {
        let inner: Tensor = try solveTriangular(upper ? factor.adjoint() : factor, b, upper: false)
        return try solveTriangular(upper ? factor : factor.adjoint(), inner, upper: true)
    }
}

extension Tensor {
    /// Solves `A x = self` where `factor` is the Cholesky factor of A, the lower one or the `upper`.
    public func choleskySolve(_ factor: Tensor, upper: Bool = false) throws -> Tensor {
        try applySingle(.choleskySolve, [.tensor(self), .tensor(factor), .bool(upper)])
    }

    /// The inverse of the matrix whose Cholesky factor this is.
    public func choleskyInverse(upper: Bool = false) throws -> Tensor { try applySingle(.choleskyInverse, [.tensor(self), .bool(upper)]) }
}
