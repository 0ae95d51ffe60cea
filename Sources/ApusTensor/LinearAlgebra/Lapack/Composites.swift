import ApusSymbolic

// The public names of linear algebra, made of the factorisations.

extension Operator {
    static let linalgSolve: Operator = composite(
        "aten::linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
        "Solves A X = B (X A = B with left=false) for square matrices. B may be a vector, or a batch of vectors for a batch of matrices. A singular matrix is an error.",
        samples: { [[.tensor(try .wellConditioned(3)), .tensor(try .sample([3])), .bool(true)]] }
    ) { call in [.tensor(try call.solved(checksErrors: true).solution)] }

    static let linalgSolveExPublic: Operator = composite(
        "aten::linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)",
        "As `linalg_solve`, with a number for each matrix, 0 where it was not singular; with `check_errors` a singular one is an error.",
        samples: { [[.tensor(try .wellConditioned(3)), .tensor(try .sample([3, 2])), .bool(true), .bool(false)]] }
    ) { call in
        let (solution, info) = try call.solved(checksErrors: call.bool(3))
        return [.tensor(solution), .tensor(info)]
    }

    static let linalgInv: Operator = inverse("aten::linalg_inv(Tensor A) -> Tensor")
    static let inverseOperator: Operator = inverse("aten::inverse(Tensor self) -> Tensor")

    private static func inverse(_ schema: String) -> Operator {
        composite(
            schema, "The inverse of square matrices [..., n, n]. A singular matrix is an error.",
            samples: { [[.tensor(try .wellConditioned(3))]] }
        ) { call in [try apply(.linalgInvEx, [call[0], .bool(true)])[0]] }
    }

    static let linalgCholesky: Operator = composite(
        "aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor",
        "The Cholesky factor of Hermitian positive-definite matrices; an error for others.",
        samples: { [[.tensor(try .positiveDefinite(3)), .bool(false)]] }
    ) { call in [try apply(.linalgCholeskyEx, [call[0], call[1], .bool(true)])[0]] }

    static let linalgSVDFull: Operator = composite(
        "aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)",
        "The singular value decomposition; see _linalg_svd.", samples: { [[.tensor(try .sample([3, 3])), .bool(false), .none]] }
    ) { call in try apply(.linalgSVD, [call[0], call[1], .bool(true), call[2]]) }

    static let linalgSVDValues: Operator = composite(
        "aten::linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor", "Singular values, descending.",
        samples: { [[.tensor(try .sample([4, 3])), .none]] }
    ) { call in [try apply(.linalgSVD, [call[0], .bool(false), .bool(true), call[1]])[1]] }

    static let linalgEighPublic: Operator = composite(
        "aten::linalg_eigh(Tensor self, str UPLO=\"L\") -> (Tensor eigenvalues, Tensor eigenvectors)", "See _linalg_eigh.",
        samples: { [[.tensor(try .positiveDefinite(3)), .string("L")]] }
    ) { call in try apply(.linalgEigh, [call[0], call[1], .bool(true)]) }

    static let linalgEighValues: Operator = composite(
        "aten::linalg_eigvalsh(Tensor self, str UPLO=\"L\") -> Tensor", "Eigenvalues of Hermitian matrices, ascending.",
        samples: { [[.tensor(try .positiveDefinite(3)), .string("L")]] }
    ) { call in [try apply(.linalgEigh, [call[0], call[1], .bool(true)])[0]] }

    static let linalgDetPublic: Operator = determinant("aten::linalg_det(Tensor A) -> Tensor")
    static let det: Operator = determinant("aten::det(Tensor self) -> Tensor")

    private static func determinant(_ schema: String) -> Operator {
        composite(schema, "The determinant of square matrices.", samples: { [[.tensor(try .wellConditioned(3))]] }) { call in
            [try apply(.linalgDet, [call[0]])[0]]
        }
    }

    static let linalgSlogdetPublic: Operator = logarithm("aten::linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)")
    static let slogdet: Operator = logarithm("aten::slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)")

    private static func logarithm(_ schema: String) -> Operator {
        composite(
            schema, "The sign of the determinant and the logarithm of its magnitude.", samples: { [[.tensor(try .wellConditioned(3))]] }
        ) { call in
            Array(try apply(.linalgSlogdet, [call[0]]).prefix(2))
        }
    }

    static let linalgMatrixPower: Operator = composite(
        "aten::linalg_matrix_power(Tensor self, int n) -> Tensor", "The n-th power of square matrices, of the inverse for negative n.",
        samples: { [[.tensor(try .wellConditioned(3)), .int(3)], [.tensor(try .wellConditioned(3)), .int(-2)]] }
    ) { call in
        let a = try call.squareMatrix(0)
        let exponent = try call.constant(1)
        var base = exponent < 0 ? try a.inverse() : a
        var rest = exponent.magnitude
        var result: Tensor?
        while rest > 0 {
            if rest & 1 == 1 { result = try result.map { try $0.matmul(base) } ?? base }
            rest >>= 1
            if rest > 0 { base = try base.matmul(base) }
        }
        if let result { return [.tensor(result)] }
        return [.tensor(try Tensor.eye(a.shape[-1], dtype: a.dtype).expanded(a.shape).clone())]
    }

    static let lapack: [Operator] = [
        linalgSolveEx, linalgInvEx, linalgLUFactorEx, linalgDet, linalgSlogdet, linalgCholeskyEx, linalgQR, linalgSolveTriangular,
        linalgEigh,
        linalgSVD, linalgLstsq, linalgSolve, linalgSolveExPublic, linalgInv, inverseOperator, linalgCholesky, linalgSVDFull,
        linalgSVDValues,
        linalgEighPublic, linalgEighValues, linalgDetPublic, det, linalgSlogdetPublic, slogdet, linalgMatrixPower,
        alias("aten::matrix_power(Tensor self, int n) -> Tensor", of: linalgMatrixPower),
    ]
}

extension Call {
    /// Whether B's shape is A's without its last dimension, which means vectors, as NumPy reads it.
    fileprivate func isBatchOfVectors(_ a: Tensor, _ b: Tensor) throws -> Bool {
        try settle(SymBool.all(zip(b.shape, a.shape.dropLast()).map { $0 == $1 }), in: name)
    }
}

extension Tensor {
    /// The matrices transposed, without conjugation.
    fileprivate func adjointPlain() throws -> Tensor { try transposed(-2, -1) }

    /// Solves `self @ x = b` for square matrices [..., n, n] and b [..., n, k] or vectors. A singular matrix throws `TensorError` with code
    /// `singular` that names the matrix and the pivot.
    public func solve(_ b: Tensor) throws -> Tensor { try applySingle(.linalgSolve, [.tensor(self), .tensor(b), .bool(true)]) }

    /// The inverse of square matrices. A singular matrix throws.
    public func inverse() throws -> Tensor { try applySingle(.linalgInv, [.tensor(self)]) }

    /// The Cholesky factor L of Hermitian positive-definite matrices, A = L L^H, or its adjoint.
    public func cholesky(upper: Bool = false) throws -> Tensor { try applySingle(.linalgCholesky, [.tensor(self), .bool(upper)]) }

    /// The QR factorisation; mode is reduced, complete or r.
    public func qr(mode: String = "reduced") throws -> (q: Tensor, r: Tensor) {
        let parts = try applyTensors(.linalgQR, [.tensor(self), .string(mode)])
        return (parts[0], parts[1])
    }

    /// The singular value decomposition, U [.., m, k], S [.., k], Vh [.., k, n].
    public func svd(fullMatrices: Bool = false) throws -> (u: Tensor, s: Tensor, vh: Tensor) {
        let parts = try applyTensors(.linalgSVD, [.tensor(self), .bool(fullMatrices), .bool(true), .none])
        return (parts[0], parts[1], parts[2])
    }

    /// Ascending eigenvalues and eigenvectors, as columns, of Hermitian matrices; the lower triangle is read.
    public func eigh() throws -> (values: Tensor, vectors: Tensor) {
        let parts = try applyTensors(.linalgEigh, [.tensor(self), .string("L"), .bool(true)])
        return (parts[0], parts[1])
    }

    /// The determinant of square matrices.
    public func det() throws -> Tensor { try applySingle(.det, [.tensor(self)]) }

    /// The determinant's sign and the logarithm of its magnitude.
    public func slogdet() throws -> (sign: Tensor, logarithm: Tensor) {
        let parts = try applyTensors(.slogdet, [.tensor(self)])
        return (parts[0], parts[1])
    }

    /// The least-squares solution of `self @ x = b`.
    public func lstsq(_ b: Tensor, rcond: (any ScalarConvertible)? = nil) throws -> (
        solution: Tensor, residuals: Tensor, rank: Tensor, singularValues: Tensor
    ) {
        let parts = try applyTensors(
            .linalgLstsq, [.tensor(self), .tensor(b), rcond.map { .float($0) } ?? .none, .string("gelsd")])
        return (parts[0], parts[1], parts[2], parts[3])
    }

    /// The Moore-Penrose inverse. Singular values up to `rcond` times the largest count as zero: by default the dtype's epsilon times the
    /// larger size.
    public func pinv(rcond: (any ScalarConvertible)? = nil) throws -> Tensor {
        guard rcond != nil || rank >= 2 else { throw TensorError(.shapeMismatch, in: "pinv", "takes matrices, not shape \(shape)") }
        let cutoff: any ScalarConvertible = rcond ?? SymFloat(larger(shape[-1], shape[-2])) * dtype.smallestStep
        return try applySingle(.linalgPinv, [.tensor(self), .float(cutoff), .bool(false)])
    }

    /// The n-th power of square matrices.
    public func matrixPower(_ n: any SymIntConvertible) throws -> Tensor { try applySingle(.linalgMatrixPower, [.tensor(self), .int(n)]) }

    /// Solves `self @ x = b` for triangular matrices, of which only the named triangle is read.
    public func solveTriangular(_ b: Tensor, upper: Bool, unitriangular: Bool = false) throws -> Tensor {
        try Operator.solveTriangular(self, b, upper: upper, unit: unitriangular)
    }

    /// The singular values of matrices, the largest first.
    public func svdvals() throws -> Tensor { try applySingle(.linalgSVDValues, [.tensor(self), .none]) }

    /// The eigenvalues of symmetric or Hermitian matrices in ascending order.
    public func eigvalsh(upper: Bool = false) throws -> Tensor {
        try applySingle(.linalgEighValues, [.tensor(self), .string(upper ? "U" : "L")])
    }
}

extension Call {
    /// The solution of argument 0's equations, and a number for each matrix that tells whether it was singular.
    fileprivate func solved(checksErrors: Bool) throws -> (solution: Tensor, info: Tensor) {
        let (a, b) = (try squareMatrix(0), try tensor(1))
        let isVector: Bool = try b.rank == 1 || (b.rank == a.rank - 1 && b.rank > 0 && isBatchOfVectors(a, b))
        let left = try bool(2)
        let right = isVector ? try b.unsqueezed(-1) : b
        let (p, q) = left ? (a, right) : (try a.adjointPlain(), try right.adjointPlain())
        let batch = try broadcast(try Shape(p.shape.batch), try Shape(q.shape.batch), in: name).sizes
        let results = try applyTensors(
            .linalgSolveEx,
            [
                .tensor(try p.expanded(batch + p.shape.suffix(2))), .tensor(try q.expanded(batch + q.shape.suffix(2))), .bool(true),
                .bool(checksErrors),
            ])
        let x: Tensor = results[0]
        let solution = left ? x : try x.adjointPlain()
        return (isVector ? try solution.squeezed(-1) : solution, results[3])
    }
}
