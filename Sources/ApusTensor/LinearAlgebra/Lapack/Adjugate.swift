import ApusSymbolic

// The adjugate of square matrices: what the determinant's gradient is made of, for singular matrices too.

extension Operator {
    /// The gradient of determinants by their matrices, conjugated: the adjugate. Of a regular matrix it is the inverse times the determinant,
    /// from one LU factorisation. Of others, which their determinants tell, the elements are computed one by one. Whether there are such is a
    /// question, of a program too; where none can be put, as in the body of a loop, both are computed.
    static func adjugate(of a: Tensor, determinant: Tensor) throws -> Tensor {
        let isOdd: Tensor = try (determinant .== 0) | determinant.isinf()
        let asksOutside: Bool = !a.isTraced
        func anyIsOdd() throws -> Bool { try isOdd.any().item(Bool.self) }
        if Interpreter.takesQuestions, try !(asksOutside ? Interpreter.with(nil, anyIsOdd) : anyIsOdd()) {
            return try naming("linalg_det") { try inverse(a) * determinant.ofMatrices() }
        }
        let isSingular: Tensor = try isOdd.ofMatrices()
        // Neither way gets what is the other's, whose values and gradients it may not have.
        let one: Tensor = try Tensor.eye(a.shape[-1], dtype: a.dtype)
        let (odd, regular): (Tensor, Tensor) = (try Tensor.where(isSingular, a, one), try Tensor.where(isSingular, one, a))
        let scaled: Tensor = try inverse(regular) * determinant.maskedFill(isOdd, 1).ofMatrices()
        let size: Int = a.shape[-1].constant ?? Int.max
        let single: Tensor = try size <= mostMinors ? adjugateOfMinors(odd, size) : adjugateOfSingularValues(odd)
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
