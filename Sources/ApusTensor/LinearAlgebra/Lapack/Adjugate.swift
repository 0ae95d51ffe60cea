import ApusSymbolic

// The adjugate of square matrices: what the determinant's gradient is made of, for singular matrices too.

extension Operator {
    /// The gradient of determinants by their matrices, conjugated: the adjugate. Of a regular matrix it is the inverse times the determinant,
    /// from one LU factorisation. Of others, which eager code sees by their determinants, the elements are computed one by one. A trace can't see
    /// them; its programs refuse singular matrices.
    static func adjugate(of a: Tensor, determinant: Tensor) throws -> Tensor {
        let size: Int? = a.shape[-1].constant
        let isOdd: Tensor = try (determinant .== 0) | determinant.isinf()
        guard let size, !a.isTraced, Interpreter.hasValues, try Interpreter.with(nil, { try isOdd.any().item(Bool.self) }) else {
            return try naming("linalg_det") { try inverse(a) * determinant.ofMatrices() }
        }
        let isSingular: Tensor = try isOdd.ofMatrices()
        // Singular matrices must not reach the inverse, nor gradients flow back from it.
        let regular: Tensor = try Tensor.where(isSingular, Tensor.eye(SymInt(size), dtype: a.dtype), a)
        let scaled: Tensor = try inverse(regular) * determinant.maskedFill(isOdd, 1).ofMatrices()
        let single: Tensor = try size <= mostMinors ? adjugateOfMinors(a, size) : adjugateOfSingularValues(a)
        return try Tensor.where(isSingular, single, scaled)
    }

    /// Up to this size minors are affordable: n^2 determinants of order n - 1.
    private static let mostMinors = 16

    /// Element (j, i) is the signed determinant of what is left without row i and column j: O(n^5), exact where determinants are, and with
    /// derivatives of every order.
    private static func adjugateOfMinors(_ a: Tensor, _ n: Int) throws -> Tensor {
        let others: [Int] = (0..<n).flatMap { left in (0..<n).filter { $0 != left } }
        let index: Tensor = try Tensor(others, shape: [others.count])
        let (rank, batch) = (a.rank, a.shape.batch)
        let rows: Tensor = try a.indexSelect(dim: -2, index).reshaped(batch + [SymInt(n), SymInt(n - 1), SymInt(n)])
        let minors: Tensor = try rows.indexSelect(dim: -1, index)
            .reshaped(batch + [SymInt(n), SymInt(n - 1), SymInt(n), SymInt(n - 1)])
            .permuted(Array(0..<(rank - 2)) + [rank - 2, rank, rank - 1, rank + 1])
        let signs: Tensor = try Tensor((0..<n * n).map { ($0 / n + $0 % n) % 2 == 0 ? 1.0 : -1.0 }, shape: [n, n]).to(a.dtype)
        return try (determinant(minors) * signs).transposed(-2, -1)
    }

    /// From A = U S V^H: `V adj(S) U^H` times the determinants of U and V^H, which are of magnitude 1. The adjugate of the diagonal matrix has the
    /// products of the other singular values.
    private static func adjugateOfSingularValues(_ a: Tensor) throws -> Tensor {
        let parts: [Tensor] = try applyTensors(.linalgSVD, [.tensor(a), .bool(false), .bool(true), .none])
        let (u, s, vh): (Tensor, Tensor, Tensor) = (parts[0], parts[1], parts[2])
        let others: Tensor = try s.productBefore(dim: s.rank - 1) * s.flipped([-1]).productBefore(dim: s.rank - 1).flipped([-1])
        let turn: Tensor = try determinant(u) * determinant(vh)
        return try (vh.adjoint() * others.unsqueezed(-2)).matmul(u.adjoint()) * turn.ofMatrices()
    }

    private static func determinant(_ a: Tensor) throws -> Tensor { try applyTensors(.linalgDet, [.tensor(a)])[0] }
}

extension Tensor {
    /// One number for each matrix of a batch, spread over it.
    fileprivate func ofMatrices() throws -> Tensor { try unsqueezed(-1).unsqueezed(-1) }
}
