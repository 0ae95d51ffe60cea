import Testing

@testable import ApusTensor

/// Factorisations, judged by the equations that define them and, for gradients, by finite differences.
@Suite struct LapackTests {
    static let dtypes: [DType] = [.float32, .float64, .complex64, .complex128]

    private func matrix(_ sizes: [Int], _ dtype: DType, seed: UInt64 = 1) throws -> Tensor {
        guard dtype.isComplex else { return try Tensor.sample(sizes, dtype: dtype, seed: seed) }
        let parts = try Tensor.sample(sizes + [2], dtype: dtype.real, seed: seed)
        return try parts.viewAsComplex()
    }

    /// The largest magnitude of a difference.
    private func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
        #expect(a.shape.isIdentical(to: b.shape))
        return try (a - b).abs().to(.float64).array(of: Double.self).max() ?? 0
    }

    private func tolerance(_ dtype: DType) -> Double { dtype.real == .float32 ? 2e-5 : 1e-12 }

    @Test(arguments: dtypes, [[3, 3], [5, 3], [2, 4], [2, 3, 3], [0, 0], [2, 0], [1, 1]])
    func factorsMultiplyBack(_ dtype: DType, _ sizes: [Int]) throws {
        let a = try matrix(sizes, dtype)
        let (q, r) = try a.qr()
        #expect(try distance(q.matmul(r), a) < tolerance(dtype))
        let (u, s, vh) = try a.svd()
        #expect(try distance((u * s.unsqueezed(-2).to(dtype)).matmul(vh), a) < tolerance(dtype))
        let (complete, upper) = try a.qr(mode: "complete")
        #expect(try distance(complete.matmul(upper), a) < tolerance(dtype))
        #expect(
            try distance(complete.adjoint().matmul(complete), Tensor.eye(complete.shape[-1], dtype: dtype).expanded(complete.shape))
                < tolerance(dtype))
    }

    @Test(arguments: dtypes, [[3, 3], [2, 4, 4], [0, 0], [1, 1]])
    func squareMatrices(_ dtype: DType, _ sizes: [Int]) throws {
        let n = sizes[sizes.count - 1]
        let identity = try Tensor.eye(n, dtype: dtype).expanded(sizes)
        let a = try matrix(sizes, dtype) + identity * 6
        #expect(try distance(a.inverse().matmul(a), identity) < tolerance(dtype))
        let b = try matrix(sizes, dtype, seed: 3)
        #expect(try distance(a.matmul(a.solve(b)), b) < tolerance(dtype))
        let hermitian = try b.matmul(b.adjoint()) + identity
        let (values, vectors) = try hermitian.eigh()
        #expect(try distance((vectors * values.unsqueezed(-2).to(dtype)).matmul(vectors.adjoint()), hermitian) < 20 * tolerance(dtype))
        let l = try hermitian.cholesky()
        #expect(try distance(l.matmul(l.adjoint()), hermitian) < 20 * tolerance(dtype))
        let (sign, logarithm) = try a.slogdet()
        #expect(try distance(sign * logarithm.exp().to(dtype), a.det()) < 2e4 * tolerance(dtype))
        guard !dtype.isComplex else { return }
        let (lambda, v) = try b.eig()
        #expect(try distance(b.to(dtype.complex).matmul(v), v * lambda.unsqueezed(-2)) < tolerance(dtype))
    }

    @Test func singularMatricesAreNamed() throws {
        let zero = try Tensor.zeros([2, 2])
        let one = try Tensor.eye(2)
        let single = #expect(throws: TensorError.self) { try zero.inverse() }
        #expect(single?.code == .singular)
        #expect(single?.statement == "linalg_inv: the matrix is singular: its pivot 1 is zero")
        let batch = #expect(throws: TensorError.self) { try Tensor.stack([one, zero]).solve(Tensor.ones([2, 2, 1])) }
        #expect(batch?.statement == "linalg_solve: matrix 1 of the batch is singular: its pivot 1 is zero")
        let negative = #expect(throws: TensorError.self) { try one.neg().cholesky() }
        #expect(
            negative?.statement == "linalg_cholesky: the matrix is not positive definite: its leading minor of order 1 is not positive"
        )
        let rectangular = #expect(throws: TensorError.self) { try Tensor.ones([2, 3]).det() }
        #expect(rectangular?.statement == "det: takes square matrices, not shape [2, 3]")
        #expect(throws: TensorError.self) { try Tensor.ones([2, 2], dtype: .int64).inverse() }
    }

    @Test func leastSquares() throws {
        let a = try Tensor.sample([5, 3], dtype: .float64)
        let b = try Tensor.sample([5, 2], dtype: .float64, seed: 4)
        let (x, residuals, rank, _) = try a.lstsq(b)
        let left = try a.matmul(x) - b
        // The residual is orthogonal to the columns, and its size is what is reported.
        #expect(try distance(a.adjoint().matmul(left), Tensor.zeros([3, 2], dtype: .float64)) < 1e-12)
        #expect(try distance((left * left).sum(dim: 0), residuals) < 1e-12)
        #expect(try rank.array(of: Int.self) == [3])
        #expect(try distance(a.pinv().matmul(b), x) < 1e-12)
    }

    /// Functions of factors that don't depend on the vectors' signs.
    static let functions: [(name: String, sizes: [Int], function: @Sendable (Tensor) throws -> Tensor)] = [
        (
            "eigh", [3, 3],
            { x in
                let (values, vectors) = try (x + x.adjoint() + Tensor.eye(3, dtype: .float64) * [1, 5, 9].diagonalWeights()).eigh()
                return try (vectors * vectors * [1, 2, 3].diagonalWeights()).sum() + (values * values).sum()
            }
        ),
        (
            "svd", [4, 3],
            { x in
                let (u, s, vh) = try x.svd()
                return try (u * u * 0.3).sum(dim: 1).cos().sum() + (vh * vh * [1, 2, 3].diagonalWeights()).sum() + s.exp().sum()
            }
        ),
        (
            "wide svd", [2, 4],
            { x in
                let (u, s, vh) = try x.svd()
                return try (u.matmul(vh) * s.sum()).sin().sum()
            }
        ),
        (
            "qr", [4, 3],
            { x in
                let (q, r) = try x.qr()
                return try (q * q).cos().sum() + (r * r * 0.1).sin().sum()
            }
        ),
        ("lstsq", [4, 3], { x in try x.lstsq(Tensor.sample([4, 2], dtype: .float64, seed: 9)).solution.sin().sum() }),
        ("slogdet", [3, 3], { x in try (x + Tensor.eye(3, dtype: .float64) * 6).slogdet().logarithm.sum() }),
        ("pinv", [4, 3], { x in try x.pinv().cos().sum() }),
        ("cholesky", [3, 3], { x in try (x.matmul(x.adjoint()) + Tensor.eye(3, dtype: .float64)).cholesky().sin().sum() }),
    ]

    @Test(arguments: 0..<functions.count)
    func gradientsAgreeWithFiniteDifferences(_ index: Int) throws {
        let (name, sizes, function) = Self.functions[index]
        let x = try Tensor.sample(sizes, dtype: .float64, seed: 7)
        let gradient = try gradient(at: x, function).array(of: Double.self)
        let values = try x.array(of: Double.self)
        for position in values.indices {
            func value(_ step: Double) throws -> Double {
                var moved = values
                moved[position] += step
                return try function(Tensor(moved, shape: sizes)).array(of: Double.self)[0]
            }
            let expected = try (value(1e-6) - value(-1e-6)) / 2e-6
            #expect(abs(gradient[position] - expected) < 1e-6 * max(1, abs(expected)), "\(name) at \(position)")
        }
    }
}

extension [Double] {
    /// Weights for the columns of a matrix.
    fileprivate func diagonalWeights() throws -> Tensor { try Tensor(self, shape: [count]) }
}

/// Matrices that LAPACK itself would not survive.
@Suite struct UnboundedMatrixTests {
    @Test(arguments: [Double.infinity, -Double.infinity, Double.nan], [DType.float32, .float64])
    func eigenvaluesOfWhatIsNotFinite(_ value: Double, _ dtype: DType) throws {
        let matrix = try Tensor.full([3, 3], value, dtype: dtype)
        let error = #expect(throws: TensorError.self) { try matrix.eig() }
        #expect(error?.unplaced == "linalg_eig: takes finite numbers, no NaN and no infinity")
    }
}
