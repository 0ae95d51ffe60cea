import ApusSymbolic

// What is made of the LU factorisation: the factors apart, and solutions of systems.

extension Operator {
    static let linalgLUFactor: Operator = composite(
        "aten::linalg_lu_factor(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots)",
        "The LU factorisation with partial pivoting of matrices [..., m, n], both factors in one matrix. A singular matrix is an error.",
        samples: { [[.tensor(try .wellConditioned(3)), .bool(true)]] }
    ) { call in Array(try apply(.linalgLUFactorEx, [call[0], call[1], .bool(true)]).prefix(2)) }

    static let luWithInfo: Operator = composite(
        "aten::_lu_with_info(Tensor self, bool pivot=True, bool check_errors=True) -> (Tensor LU, Tensor pivots, Tensor info)",
        "See linalg_lu_factor_ex.", samples: { [[.tensor(try .wellConditioned(3)), .bool(true), .bool(false)]] }
    ) { call in try apply(.linalgLUFactorEx, [call[0], call[1], call[2]]) }

    static let luUnpack: Operator = Operator(
        "aten::lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True) -> (Tensor P, Tensor L, Tensor U)",
        "P [..., m, m], L [..., m, k] and U [..., k, n] with A = P L U, of what linalg_lu_factor gives for A [..., m, n], k = min(m, n). What is not "
            + "asked for is empty.",
        failure: ValueFailure(.indexOutOfRange, "a pivot is no row") { call in
            guard try call.bool(3) else { return try Tensor.ones([], dtype: .bool) }
            return try call.tensor(1).lies(from: 1, below: call.tensor(0).shape[-2] + 1).all()
        },
        rule: { call in
            let (lu, pivots) = (try call.matrix(0), try call.tensor(1))
            let (m, n, batch) = (lu.shape[-2], lu.shape[-1], lu.shape.batch)
            try call.requirePivots(pivots, of: lu)
            func spec(_ sizes: [SymInt], _ isWanted: Bool) throws -> TensorSpec {
                TensorSpec(lu.dtype, try Shape(isWanted ? batch + sizes : [0], in: call.name))
            }
            let (data, order) = (try call.bool(2), try call.bool(3))
            return [try spec([m, m], order), try spec([m, min(m, n)], data), try spec([min(m, n), n], data)]
        },
        kernel: .compute { call, outputs in
            let (lu, pivots) = (try call.tensor(0).contiguous(), try call.tensor(1).contiguous())
            try withLapackElement(lu.dtype, call) { element in
                for batch in 0..<lu.matrixCount {
                    if try call.bool(2) { element.unpack(lu, outputs[1], outputs[2], batch) }
                    if try call.bool(3) { try element.permutation(call, pivots, lu.layout.size(lu.rank - 2), outputs[0], batch) }
                }
            }
        },
        gradient: { g in
            let lu = try g.call.tensor(0)
            // The permutation is the same close by.
            _ = g.gradients[0]
            guard try g.call.bool(2) else { return [] }
            let k: SymInt = min(lu.shape[-2], lu.shape[-1])
            let lower: Tensor = try g.gradient(1).tril(diagonal: -1).padded([0, lu.shape[-1] - k])
            return [.tensor(try lower + g.gradient(2).triu().padded([0, 0, 0, lu.shape[-2] - k]))]
        },
        samples: {
            try [[3, 3], [2, 3], [4, 2]].map { sizes in
                let parts = try applyTensors(.linalgLUFactorEx, [.tensor(.sample(sizes)), .bool(true), .bool(false)])
                return [.tensor(parts[0]), .tensor(parts[1]), .bool(true), .bool(true)]
            }
        })

    static let linalgLU: Operator = composite(
        "aten::linalg_lu(Tensor A, *, bool pivot=True) -> (Tensor P, Tensor L, Tensor U)",
        "The LU factorisation with partial pivoting of matrices [..., m, n]: A = P L U. Singular matrices have one too.",
        samples: { [[.tensor(try .wellConditioned(3)), .bool(true)]] }
    ) { call in
        let parts = try applyTensors(.linalgLUFactorEx, [call[0], call[1], .bool(false)])
        return try apply(.luUnpack, [.tensor(parts[0]), .tensor(parts[1]), .bool(true), .bool(true)])
    }

    static let linalgLUSolve: Operator = composite(
        "aten::linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor",
        "The solution X of A X = B (X A = B with left=false), or with A's adjoint, from what linalg_lu_factor made of A [..., n, n]. Leading "
            + "dimensions broadcast. A singular matrix is an error.",
        samples: { try [(true, false), (true, true), (false, false)].map { try luSample([.bool($0.0), .bool($0.1)]) } }
    ) { call in
        let (lu, pivots, b) = (try call.squareMatrix(0), try call.tensor(1), try call.matrix(2))
        return [.tensor(try luSolve(lu, pivots, b, left: call.bool(3), adjoint: call.bool(4)))]
    }

    static let luSolveOfB: Operator = composite(
        "aten::lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots) -> Tensor", "As linalg_lu_solve, B first.",
        samples: {
            let sample = try luSample([])
            return [[sample[2], sample[0], sample[1]]]
        }
    ) { call in
        [.tensor(try luSolve(call.squareMatrix(1), call.tensor(2), call.matrix(0), left: true, adjoint: false))]
    }

    static let luFactors: [Operator] = [linalgLUFactor, luWithInfo, luUnpack, linalgLU, linalgLUSolve, luSolveOfB]

    private static func luSample(_ further: [OperatorArgument]) throws -> [OperatorArgument] {
        let parts = try applyTensors(.linalgLUFactorEx, [.tensor(.wellConditioned(3)), .bool(true), .bool(false)])
        return [.tensor(parts[0]), .tensor(parts[1]), .tensor(try .sample([3, 3], seed: 2))] + further
    }

    private static func luSolve(_ lu: Tensor, _ pivots: Tensor, _ b: Tensor, left: Bool, adjoint: Bool) throws -> Tensor {
        // X A = B is A^H X^H = B^H.
        if !left { return try luSolve(lu, pivots, b.adjoint(), left: true, adjoint: !adjoint).adjoint() }
        let p: Tensor = try applyTensors(.luUnpack, [.tensor(lu), .tensor(pivots), .bool(false), .bool(true)])[0]
        guard adjoint else {
            let inner: Tensor = try solveTriangular(lu, p.adjoint().matmul(b), upper: false, unit: true)
            return try solveTriangular(lu, inner, upper: true)
        }
        let inner: Tensor = try solveTriangular(lu.adjoint(), b, upper: false)
        return try p.matmul(solveTriangular(lu.adjoint(), inner, upper: true, unit: true))
    }

    /// The gradient of a matrix from that of its factors in one matrix. Those beyond the square are solutions of triangular systems.
    static func luGradient(_ g: GradientCall) throws -> Tensor {
        let (lu, gradient) = (g.outputs[0], try g.gradient(0))
        let p: Tensor = try applyTensors(.luUnpack, [.tensor(lu), .tensor(g.outputs[1]), .bool(false), .bool(true)])[0]
        let (m, n) = (lu.shape[-2], lu.shape[-1])
        let isWide: Bool = try settle(m <= n, in: g.call.name)
        let k: SymInt = isWide ? m : n
        func head(_ x: Tensor) throws -> Tensor {
            isWide ? try x.narrowed(dim: -1, from: 0, length: k) : try x.narrowed(dim: -2, from: 0, length: k)
        }
        func tail(_ x: Tensor) throws -> Tensor {
            isWide ? try x.narrowed(dim: -1, from: k, length: n - k) : try x.narrowed(dim: -2, from: k, length: m - k)
        }
        let (factors, inner) = (try head(lu), try head(gradient))
        let lower: Tensor = try factors.tril(diagonal: -1) + Tensor.eye(k, dtype: lu.dtype)
        let upper: Tensor = try factors.triu()
        var (below, above) = (
            try lower.adjoint().matmul(inner.tril(diagonal: -1)), try inner.triu().matmul(upper.adjoint())
        )
        let (rest, restGradient) = (try tail(lu), try tail(gradient))
        if isWide {
            below = try below - restGradient.matmul(rest.adjoint())
        } else {
            above = try above - rest.adjoint().matmul(restGradient)
        }
        func overUpper(_ x: Tensor) throws -> Tensor { try solveTriangular(factors, x.adjoint(), upper: true).adjoint() }
        func overLower(_ x: Tensor) throws -> Tensor { try solveTriangular(factors.adjoint(), x, upper: true, unit: true) }
        let first: Tensor = try overLower(overUpper(below.tril(diagonal: -1) + above.triu()))
        let second: Tensor = try isWide ? overLower(restGradient) : overUpper(restGradient)
        return try p.matmul(Tensor.cat([first, second], dim: isWide ? -1 : -2))
    }
}

extension Call {
    /// Requires the row exchanges of a matrix's factorisation.
    func requirePivots(_ pivots: Tensor, of matrix: Tensor) throws {
        guard pivots.dtype == .int32 else { throw error(.dtypeMismatch, "takes pivots of int32, not \(pivots.dtype)") }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "pivots of shape \(pivots.shape) are not those of a matrix of shape \(matrix.shape)")
        }
        let sizes: [SymInt] = matrix.shape.batch + [min(matrix.shape[-2], matrix.shape[-1])]
        guard pivots.rank == sizes.count else { throw mismatch() }
        for (size, expected) in zip(pivots.shape, sizes) { try require(size == expected, mismatch()) }
    }
}

extension LapackElement {
    fileprivate static func unpack(_ lu: Tensor, _ l: Tensor, _ u: Tensor, _ batch: Int) {
        let (m, n) = (lu.layout.size(lu.rank - 2), lu.layout.size(lu.rank - 1))
        let k: Int = Swift.min(m, n)
        let packed = lu.elements(Self.self, at: batch * m * n)
        let (lower, upper) = (l.elements(Self.self, at: batch * m * k), u.elements(Self.self, at: batch * k * n))
        let width: Int = MemoryLayout<Self>.stride
        UnsafeMutableRawPointer(lower).initializeMemory(as: UInt8.self, repeating: 0, count: m * k * width)
        UnsafeMutableRawPointer(upper).initializeMemory(as: UInt8.self, repeating: 0, count: k * n * width)
        for row in 0..<m {
            for column in 0..<Swift.min(row, k) { lower[row * k + column] = packed[row * n + column] }
            guard row < k else { continue }
            UnsafeMutableRawPointer(lower + row * k + row).storeBytes(of: 1, as: Real.self)
            for column in row..<n { upper[row * n + column] = packed[row * n + column] }
        }
    }

    fileprivate static func permutation(_ call: Call, _ pivots: Tensor, _ m: Int, _ output: Tensor, _ batch: Int) throws {
        let count: Int = pivots.layout.size(pivots.rank - 1)
        let exchanges = pivots.elements(Int32.self, at: batch * count)
        var order: [Int] = Array(0..<m)
        for k in 0..<count {
            guard exchanges[k] >= 1, exchanges[k] <= m else {
                throw call.error(.indexOutOfRange, "the pivot \(exchanges[k]) is no row of \(m)")
            }
            order.swapAt(k, Int(exchanges[k]) - 1)
        }
        let matrix = UnsafeMutableRawPointer(output.elements(Self.self, at: batch * m * m))
        let width: Int = MemoryLayout<Self>.stride
        matrix.initializeMemory(as: UInt8.self, repeating: 0, count: m * m * width)
        for (column, row) in order.enumerated() { (matrix + (row * m + column) * width).storeBytes(of: 1, as: Real.self) }
    }
}

extension Tensor {
    /// The LU factorisation with partial pivoting of matrices [..., m, n], both factors in one matrix, and the rows that were exchanged. A singular
    /// matrix throws.
    public func luFactor() throws -> (lu: Tensor, pivots: Tensor) {
        let parts = try applyTensors(.linalgLUFactor, [.tensor(self), .bool(true)])
        return (parts[0], parts[1])
    }

    /// P, L and U with A = P L U, for matrices [..., m, n].
    public func lu() throws -> (p: Tensor, l: Tensor, u: Tensor) {
        let parts = try applyTensors(.linalgLU, [.tensor(self), .bool(true)])
        return (parts[0], parts[1], parts[2])
    }

    /// Of matrices factorised by `luFactor()`, the X with A X = b, or X A = b with `left` false, or the same with the adjoint of A.
    public func luSolve(pivots: Tensor, _ b: Tensor, left: Bool = true, adjoint: Bool = false) throws -> Tensor {
        try applySingle(.linalgLUSolve, [.tensor(self), .tensor(pivots), .tensor(b), .bool(left), .bool(adjoint)])
    }
}
