import ApusSymbolic

// Cholesky, QR, and triangular systems.

extension Operator {
    static let linalgCholeskyEx: Operator = Operator(
        "aten::linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)",
        "The Cholesky factor of Hermitian positive-definite matrices [..., n, n]: L with A = L L^H, or its adjoint with upper. `info` is the order of the leading minor that is not positive; with check_errors that is an error. Gradient: I. Murray, 'Differentiation of the Cholesky decomposition', 2016.",
        failure: .factorization("a matrix is not positive definite", check: 2, info: 1),
        rule: { call in
            let a = try call.squareMatrix(0)
            return [a.spec, TensorSpec(.int32, try Shape(a.shape.batch, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            let upper = try call.bool(1)
            try a.copyElements(into: outputs[0], call)
            let (n, count) = (a.layout.size(a.rank - 1), a.matrixCount)
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<count {
                    let code = n == 0 ? 0 : try element.cholesky(call, upper, n, outputs[0], batch)
                    guard code >= 0 else { throw call.refused(code) }
                    outputs[1].elements(Int32.self)[batch] = code
                    if code > 0, try call.bool(2) {
                        throw call.singular(
                            batch, of: count, "is not positive definite: its leading minor of order \(code) is not positive")
                    }
                }
            }
        },
        gradient: { g in
            let upper = try g.call.bool(1)
            let factor = upper ? try g.outputs[0].adjoint() : g.outputs[0]
            let gradient = upper ? try g.gradient(0).adjoint() : try g.gradient(0)
            // Half the diagonal, the lower triangle, no upper one.
            let product = try factor.adjoint().matmul(gradient).tril()
            let halved = try product - product.diagonal(offset: 0, dim1: -2, dim2: -1).diagEmbedded() * 0.5
            let left = try solveTriangular(factor.adjoint(), halved, upper: true)
            let both = try solveTriangular(factor.adjoint(), left.adjoint(), upper: true).adjoint()
            return [.tensor(try (both + both.adjoint()) * 0.5)]
        },
        samples: {
            [
                [.tensor(try .positiveDefinite(3)), .bool(false), .bool(true)],
                [.tensor(try .positiveDefinite(3)), .bool(true), .bool(true)],
            ]
        })

    static let linalgQR: Operator = Operator(
        "aten::linalg_qr(Tensor A, str mode=\"reduced\") -> (Tensor Q, Tensor R)",
        "The QR factorisation of matrices [..., m, n]: A = Q R with orthonormal columns in Q. Modes: reduced (k = min(m, n) columns), complete (m columns), r (Q is empty). NaN where the matrix holds a number that is not finite. The gradient is defined for real matrices in reduced mode with m >= n.",
        effects: .mayFail,
        rule: { call in
            let a = try call.matrix(0)
            let (m, n) = (a.shape[-2], a.shape[-1])
            let k = min(m, n)
            switch try call.string(1) {
            case "reduced":
                return [
                    TensorSpec(a.dtype, try Shape(a.shape.batch + [m, k], in: call.name)),
                    TensorSpec(a.dtype, try Shape(a.shape.batch + [k, n], in: call.name)),
                ]
            case "complete": return [TensorSpec(a.dtype, try Shape(a.shape.batch + [m, m], in: call.name)), a.spec]
            case "r":
                return [
                    TensorSpec(a.dtype, try Shape([0], in: call.name)),
                    TensorSpec(a.dtype, try Shape(a.shape.batch + [k, n], in: call.name)),
                ]
            case let mode: throw call.error(.invalidArgument, "mode must be reduced, complete or r, not '\(mode)'")
            }
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            let work = try a.clone()
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<a.matrixCount { try element.qr(call, work, outputs[0], outputs[1], batch, mode: try call.string(1)) }
            }
        },
        gradient: { g in
            let a = try g.call.tensor(0)
            func undefined() -> TensorError {
                TensorError(.notDifferentiable, in: "linalg_qr", "has a gradient for real matrices [m, n] with m >= n in reduced mode only")
            }
            guard try g.call.string(1) == "reduced", !a.dtype.isComplex else { throw undefined() }
            try require(a.shape[-2] >= a.shape[-1], undefined())
            let (q, r) = (g.outputs[0], g.outputs[1])
            let m = try r.matmul(g.gradient(1).adjoint()) - (try g.gradient(0).adjoint().matmul(q))
            let symmetric =
                try m.tril(diagonal: -1) + m.tril(diagonal: -1).adjoint() + m.diagonal(offset: 0, dim1: -2, dim2: -1).diagEmbedded()
            let right = try g.gradient(0) + q.matmul(symmetric)
            return [.tensor(try solveTriangular(r, right.adjoint(), upper: true).adjoint())]
        },
        samples: { [[.tensor(try .sample([4, 3])), .string("reduced")], [.tensor(try .sample([2, 3])), .string("complete")]] })

    static let linalgSolveTriangular: Operator = Operator(
        "aten::linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
        "Solves A X = B (X A = B with left=false) for a triangular A [..., n, n], of which only the named triangle is read, and B [..., n, k]. Leading "
            + "dimensions broadcast. A zero on the diagonal is an error.",
        failure: ValueFailure(.singular, "a matrix is singular: an element of its diagonal is zero") { call in
            if try call.bool(4) { return nil }
            let diagonal: Tensor = try call.tensor(0).diagonal(offset: 0, dim1: -2, dim2: -1)
            let isLeft: Bool = try call.bool(3)
            let spread: Tensor = try (diagonal .!= 0).unsqueezed(isLeft ? -1 : -2)
            return try spread.expanded(call.operator.rule(call)[0].shape).all()
        },
        rule: { call in
            let (a, b) = (try call.squareMatrix(0), try call.matrix(1))
            guard a.dtype == b.dtype else { throw call.error(.dtypeMismatch, "takes one dtype, not \(a.dtype) and \(b.dtype)") }
            try require(
                a.shape[-1] == b.shape[try call.bool(3) ? -2 : -1],
                call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) don't form a system of equations"))
            let batch = try broadcast(try Shape(a.shape.batch), try Shape(b.shape.batch), in: call.name).sizes
            return [TensorSpec(b.dtype, try Shape(batch + b.shape.suffix(2), in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (upper, left, unit) = (try call.bool(2), try call.bool(3), try call.bool(4))
            // X A = B is A^T X^T = B^T.
            func turned(_ x: Tensor) throws -> Tensor { left ? x : try x.transposed(-2, -1) }
            let batch: [SymInt] = outputs[0].shape.batch
            let (a, b) = (try turned(call.tensor(0)), try turned(call.tensor(1).expanded(outputs[0].shape)))
            let matrices: Tensor = try a.expanded(batch + a.shape.suffix(2)).contiguous()
            let solution: Tensor = left ? outputs[0] : try b.clone()
            if left { try b.copyElements(into: solution, call) }
            let (n, columns, count) = (a.layout.size(a.rank - 1), b.layout.size(b.rank - 1), matrices.matrixCount)
            guard n > 0, columns > 0 else { return }
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<count {
                    let code = try element.triangular(call, upper == left, unit, n, columns, matrices, solution, batch)
                    guard code >= 0 else { throw call.refused(code) }
                    if code > 0 { throw call.singular(batch, of: count, "is singular: its diagonal element \(code) is zero") }
                }
            }
            if !left { try solution.transposed(-2, -1).copyElements(into: outputs[0], call) }
        },
        gradient: { g in
            let (upper, left, unit) = (try g.call.bool(2), try g.call.bool(3), try g.call.bool(4))
            let (a, x) = (try g.call.tensor(0), g.outputs[0])
            let b: Tensor = try applySingle(
                .linalgSolveTriangular, [.tensor(a.adjoint()), .tensor(g.gradient), .bool(!upper), .bool(left), .bool(unit)])
            let full: Tensor = left ? try b.matmul(x.adjoint()).neg() : try x.adjoint().matmul(b).neg()
            let offset: SymInt = unit ? 1 : 0
            let triangle: Tensor = upper ? try full.triu(diagonal: offset) : try full.tril(diagonal: 0 - offset)
            return [try g.reduced(triangle, to: 0), try g.reduced(b, to: 1)]
        },
        samples: {
            let a: Tensor = try .wellConditioned(3)
            let batch: Tensor = try Tensor.stack([a, a * 2], dim: 0)
            return [
                [.tensor(a), .tensor(try .sample([3, 2])), .bool(true), .bool(true), .bool(false)],
                [.tensor(a), .tensor(try .sample([2, 3])), .bool(false), .bool(false), .bool(false)],
                [.tensor(batch), .tensor(try .sample([3, 2])), .bool(false), .bool(true), .bool(true)],
            ]
        })

    static func solveTriangular(_ a: Tensor, _ b: Tensor, upper: Bool, unit: Bool = false) throws -> Tensor {
        try applySingle(.linalgSolveTriangular, [.tensor(a), .tensor(b), .bool(upper), .bool(true), .bool(unit)])
    }
}

extension LapackElement {
    /// The factor in place, with zeros in the other triangle.
    fileprivate static func cholesky(_ call: Call, _ upper: Bool, _ n: Int, _ matrices: Tensor, _ batch: Int) throws -> Int32 {
        let a = matrices.elements(Self.self, at: batch * n * n)
        var code = potrf(upper, try call.lapackSize(n), a)
        // Not every LAPACK finds that NaN is not positive.
        let diagonal = matrices.elements(Real.self, at: batch * n * n * parts)
        if code == 0, let first = (0..<n).first(where: { diagonal[$0 * (n + 1) * parts].isNaN }) {
            code = Int32(truncatingIfNeeded: first + 1)
        }
        let zero = UnsafeMutableRawPointer(a)
        let width = MemoryLayout<Self>.stride
        for row in 0..<n {
            let (from, to) = upper ? (0, row) : (row + 1, n)
            if to > from { (zero + (row * n + from) * width).initializeMemory(as: UInt8.self, repeating: 0, count: (to - from) * width) }
        }
        return code
    }

    fileprivate static func triangular(
        _ call: Call, _ upper: Bool, _ unit: Bool, _ n: Int, _ columns: Int, _ a: Tensor, _ b: Tensor, _ batch: Int
    ) throws -> Int32 {
        trtrs(
            upper, unit, try call.lapackSize(n), try call.lapackSize(columns), a.elements(Self.self, at: batch * n * n),
            b.elements(Self.self, at: batch * n * columns))
    }

    fileprivate static func qr(_ call: Call, _ work: Tensor, _ q: Tensor, _ r: Tensor, _ batch: Int, mode: String) throws {
        let (m, n) = (work.layout.size(work.rank - 2), work.layout.size(work.rank - 1))
        let k = Swift.min(m, n)
        guard finiteness(of: work, at: batch * m * n, count: m * n) == .finite else {
            // LAPACK skips products with zeros, whatever they are multiplied with.
            let (columns, rows) = mode == "r" ? (0, k) : mode == "complete" ? (m, m) : (k, k)
            fillWithNaN(q, at: batch * m * columns, count: m * columns)
            UnsafeMutableRawPointer(r.elements(Self.self, at: batch * rows * n)).initializeMemory(
                as: UInt8.self, repeating: 0, count: rows * n * MemoryLayout<Self>.stride)
            for row in 0..<Swift.min(rows, n) { fillWithNaN(r, at: (batch * rows + row) * n + row, count: n - row) }
            return
        }
        try withScratch(k, call) { try qr(call, work, q, r, batch, mode: mode, tau: $0) }
    }

    private static func qr(
        _ call: Call, _ work: Tensor, _ q: Tensor, _ r: Tensor, _ batch: Int, mode: String, tau: Pointer
    ) throws {
        let (m, n) = (work.layout.size(work.rank - 2), work.layout.size(work.rank - 1))
        let k = Swift.min(m, n)
        let width = MemoryLayout<Self>.stride
        let a = work.elements(Self.self, at: batch * m * n)
        if k > 0 {
            let info = geqrf(try call.lapackSize(m), try call.lapackSize(n), a, tau)
            if info < 0 { throw call.refused(info) }
        }
        let rows = mode == "complete" ? m : k
        let upper = r.elements(Self.self, at: batch * rows * n)
        UnsafeMutableRawPointer(upper).initializeMemory(as: UInt8.self, repeating: 0, count: rows * n * width)
        for row in 0..<Swift.min(rows, k) { for column in row..<n { upper[row * n + column] = a[row * n + column] } }
        if mode == "r" { return }
        let columns = mode == "complete" ? m : k
        let basis = q.elements(Self.self, at: batch * m * columns)
        UnsafeMutableRawPointer(basis).initializeMemory(as: UInt8.self, repeating: 0, count: m * columns * width)
        for row in 0..<m { for column in 0..<Swift.min(k, columns) { basis[row * columns + column] = a[row * n + column] } }
        guard m > 0, columns > 0 else { return }
        let info = orgqr(try call.lapackSize(m), try call.lapackSize(columns), try call.lapackSize(k), basis, tau)
        if info < 0 { throw call.refused(info) }
    }
}

extension Tensor {
    /// A fixed symmetric positive-definite matrix, for samples.
    static func positiveDefinite(_ n: Int, dtype: DType = .float32) throws -> Tensor {
        let x = try sample([n, n], dtype: dtype)
        return try x.matmul(x.transposed(0, 1)) + Tensor.eye(SymInt(n), dtype: dtype) * 2
    }

    /// A matrix with this tensor's last dimension on its diagonal.
    func diagEmbedded() throws -> Tensor { try unsqueezed(-1) * Tensor.eye(shape[-1], dtype: dtype) }
}
