import ApusSymbolic

// Eigenvalues and singular values. Vectors are unique only up to sign or phase, and their gradients assume distinct values.

extension Operator {
    static let linalgEigh: Operator = Operator(
        "aten::_linalg_eigh(Tensor A, str UPLO=\"L\", bool compute_v=True) -> (Tensor eigenvalues, Tensor eigenvectors)",
        "Ascending eigenvalues, and eigenvectors as columns, of Hermitian matrices [..., n, n], of which only the named triangle is read; NaN where that holds a number that is not finite. Gradient: C. Giles, 'Collected matrix derivative results', 2008.",
        failure: ValueFailure(.singular, "eigenvalues did not converge"),
        rule: { call in
            let a = try call.squareMatrix(0)
            _ = try call.triangle(1)
            let values = TensorSpec(a.dtype.real, try Shape(a.shape.batch + [a.shape[-1]], in: call.name))
            return [values, try call.bool(2) ? a.spec : TensorSpec(a.dtype, try Shape([0], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            let vectors = try call.bool(2)
            let work = vectors ? outputs[1] : try a.clone()
            if vectors { try a.copyElements(into: work, call) }
            let (n, uplo) = (a.layout.size(a.rank - 1), try call.triangle(1))
            if n == 0 { return }
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<a.matrixCount {
                    let code = try element.eigh(call, vectors, uplo, n, work, outputs[0], batch)
                    guard code >= 0 else { throw call.refused(code) }
                    if code > 0 { throw call.singular(batch, of: a.matrixCount, "has eigenvalues that did not converge") }
                }
            }
        },
        gradient: { g in
            guard try g.call.bool(2) else {
                throw TensorError(.notDifferentiable, in: "linalg_eigh", "needs the eigenvectors for its gradient; call linalg_eigh")
            }
            let (values, vectors) = (g.outputs[0], g.outputs[1])
            var inner = try g.gradient(0).to(vectors.dtype).diagEmbedded()
            if let gradient = g.gradients[1] {
                let differences = try values.unsqueezed(-2) - values.unsqueezed(-1)
                inner = try inner + vectors.adjoint().matmul(gradient) * differences.reciprocalOffDiagonal()
            }
            // Only one triangle is read: the gradient is given for both alike, as PyTorch gives it.
            let gradient = try vectors.matmul(inner).matmul(vectors.adjoint())
            return [.tensor(try (gradient + gradient.adjoint()) * 0.5)]
        },
        samples: { [[.tensor(try .positiveDefinite(3)), .string("L"), .bool(true)]] })

    static let linalgSVD: Operator = Operator(
        "aten::_linalg_svd(Tensor A, bool full_matrices=False, bool compute_uv=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)",
        "The singular value decomposition A = U diag(S) Vh of matrices [..., m, n], singular values descending. NaN among the elements is an error, and with infinities all results are NaN. The gradient is defined for the reduced form, with respect to U and Vh for real matrices. Source as for eigh.",
        failure: ValueFailure(.singular, "singular values did not converge"),
        rule: { call in
            let a = try call.matrix(0)
            let (m, n) = (a.shape[-2], a.shape[-1])
            let k = min(m, n)
            let values = TensorSpec(a.dtype.real, try Shape(a.shape.batch + [k], in: call.name))
            guard try call.bool(2) else {
                let none = TensorSpec(a.dtype, try Shape([0], in: call.name))
                return [none, values, none]
            }
            let full = try call.bool(1)
            return [
                TensorSpec(a.dtype, try Shape(a.shape.batch + [m, full ? m : k], in: call.name)), values,
                TensorSpec(a.dtype, try Shape(a.shape.batch + [full ? n : k, n], in: call.name)),
            ]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            let work = try a.clone()
            let (m, n) = (a.layout.size(a.rank - 2), a.layout.size(a.rank - 1))
            let job = try call.bool(2) ? (try call.bool(1) ? "A" : "S") : "N"
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<a.matrixCount {
                    let code = try element.svd(call, job, m, n, work, outputs, batch)
                    guard code >= 0 else { throw call.refused(code) }
                    if code > 0 { throw call.singular(batch, of: a.matrixCount, "has singular values that did not converge") }
                }
            }
        },
        gradient: { g in [.tensor(try svdGradient(g))] },
        samples: { [[.tensor(try .sample([4, 3])), .bool(false), .bool(true), .none]] })

    private static func svdGradient(_ g: GradientCall) throws -> Tensor {
        func undefined(_ why: String) -> TensorError { TensorError(.notDifferentiable, in: "linalg_svd", why) }
        guard try g.call.bool(2) else {
            throw undefined("needs the singular vectors for its gradient; call linalg_svd with full_matrices=false")
        }
        let (u, s, vh) = (g.outputs[0], g.outputs[1], g.outputs[2])
        let hasVectors = g.gradients[0] != nil || g.gradients[2] != nil
        let rows = u.shape[-2]
        let columns = vh.shape[-1]
        let k = s.shape[-1]
        if try g.call.bool(1) {
            for size in [u.shape[-1], vh.shape[-2]] {
                try require(size == k, undefined("has a gradient in the reduced form only, with full_matrices=false"))
            }
        }
        guard !hasVectors || !u.dtype.isComplex else {
            throw undefined("of complex matrices has a gradient with respect to singular values only")
        }
        var inner = try g.gradient(1).to(u.dtype).diagEmbedded()
        guard hasVectors else { return try u.matmul(inner).matmul(vh) }
        let squares = try s * s
        let weights = try (squares.unsqueezed(-2) - squares.unsqueezed(-1)).reciprocalOffDiagonal()
        let (gu, gv) = (try g.gradient(0), try g.gradient(2).adjoint())
        let v = try vh.adjoint()
        let (a, b) = (try u.adjoint().matmul(gu), try v.adjoint().matmul(gv))
        inner = try inner + (a - a.adjoint()) * weights * s.unsqueezed(-2)
        inner = try inner + s.unsqueezed(-1) * ((b - b.adjoint()) * weights)
        var result = try u.matmul(inner).matmul(vh)
        // What lies outside of the spaces that U and V span. Where there is nothing it is no zero for a singular matrix, but noise divided by
        // its smallest singular value.
        if try settle(rows > k, in: "linalg_svd") {
            let outside = try gu / s.unsqueezed(-2)
            result = try result + (outside - u.matmul(u.adjoint().matmul(outside))).matmul(vh)
        }
        if try settle(columns > k, in: "linalg_svd") {
            let outside = try gv / s.unsqueezed(-2)
            result = try result + u.matmul((outside - v.matmul(v.adjoint().matmul(outside))).adjoint())
        }
        return result
    }

    static let linalgLstsq: Operator = Operator(
        "aten::linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None) -> (Tensor solution, Tensor residuals, Tensor rank, Tensor singular_values)",
        "The X of least norm that minimises |A X - B| for A [..., m, n] and B [..., m, k], by the singular value decomposition (LAPACK gelsd) whatever the driver. Singular values up to rcond times the largest count as zero; rcond is by default the dtype's epsilon times max(m, n). Residuals are the sums of squares of A X - B where m > n, else empty; the shape does not depend on values: PyTorch leaves them out where the rank is not full, and with its default driver always, as it does the singular values. Numbers that are not finite are an error. The gradient is defined for full column rank with m >= n.",
        failure: ValueFailure(.singular, "singular values did not converge"),
        rule: { call in
            let (a, b) = (try call.matrix(0), try call.matrix(1))
            guard a.dtype == b.dtype else { throw call.error(.dtypeMismatch, "takes one dtype, not \(a.dtype) and \(b.dtype)") }
            try call.requireSameBatch(a, b)
            try require(
                a.shape[-2] == b.shape[-2], call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) have different numbers of rows"))
            guard let isTall = decide(a.shape[-2] > a.shape[-1]) else {
                throw call.error(
                    .tracing, "whether shape \(a.shape) has more rows than columns is open; declare the sizes so that it is known")
            }
            let batch = a.shape.batch
            return [
                TensorSpec(a.dtype, try Shape(batch + [a.shape[-1], b.shape[-1]], in: call.name)),
                TensorSpec(a.dtype.real, isTall ? try Shape(batch + [b.shape[-1]], in: call.name) : try Shape([0], in: call.name)),
                TensorSpec(.int64, try Shape(batch, in: call.name)),
                TensorSpec(a.dtype.real, try Shape(batch + [min(a.shape[-1], a.shape[-2])], in: call.name)),
            ]
        },
        kernel: .compute { call, outputs in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            let (work, right) = (try a.clone(), try b.contiguous())
            let (m, n) = (a.layout.size(a.rank - 2), a.layout.size(a.rank - 1))
            let rcond = try call.optionalDouble(2) ?? a.dtype.smallestStep * Double(max(m, n))
            var isDeficient = false
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<a.matrixCount {
                    if try element.leastSquares(call, work, right, outputs, rcond, batch) < n { isDeficient = true }
                }
            }
            // What gelsd leaves below a solution is the whole residual at full rank only.
            guard isDeficient, m > n else { return }
            try Interpreter.with(nil) {
                let left: Tensor = try (b - a.matmul(outputs[0])).abs()
                try (left * left).sum(dim: -2).copyElements(into: outputs[1], call)
            }
        },
        gradient: { g in
            let (a, b, x) = (try g.call.tensor(0), try g.call.tensor(1), g.outputs[0])
            try require(
                a.shape[-2] >= a.shape[-1],
                TensorError(
                    .notDifferentiable, in: "linalg_lstsq", "has a gradient for matrices with at least as many rows as columns only"))
            let normal = try a.adjoint().matmul(a)
            let z = try applyTensors(.linalgSolveEx, [.tensor(normal), .tensor(g.gradient(0)), .bool(true), .bool(true)])[0]
            let residual = try b - a.matmul(x)
            var toB = try a.matmul(z)
            var toA = try residual.matmul(z.adjoint()) - toB.matmul(x.adjoint())
            // Of |B - A X|^2, where X is at a minimum: what X does to it is nothing.
            if let gradient = g.gradients[1], try settle(a.shape[-2] > a.shape[-1], in: "linalg_lstsq") {
                let twice = try residual * (gradient * 2).unsqueezed(-2)
                (toB, toA) = (try toB + twice, try toA - twice.matmul(x.adjoint()))
            }
            if let gradient = g.gradients[3] {
                let vectors = try applyTensors(.linalgSVD, [.tensor(a), .bool(false), .bool(true), .none])
                toA = try toA + vectors[0].matmul(gradient.to(a.dtype).diagEmbedded()).matmul(vectors[2])
            }
            return [.tensor(toA), .tensor(toB)]
        },
        samples: { [[.tensor(try .sample([4, 2])), .tensor(try .sample([4, 3], seed: 2)), .none, .none]] })
}

extension Call {
    fileprivate func triangle(_ index: Int) throws -> CChar {
        switch try string(index).uppercased() {
        case "L": return CChar(UInt8(ascii: "L"))
        case "U": return CChar(UInt8(ascii: "U"))
        case let other: throw error(.invalidArgument, "UPLO must be L or U, not '\(other)'")
        }
    }
}

extension Tensor {
    /// 1 / x off the diagonal, 0 on it.
    fileprivate func reciprocalOffDiagonal() throws -> Tensor {
        let identity = try Tensor.eye(shape[-1], dtype: dtype)
        return try (1 - identity) / (self + identity)
    }
}

extension LapackElement {
    fileprivate static func eigh(
        _ call: Call, _ vectors: Bool, _ uplo: CChar, _ n: Int, _ matrices: Tensor, _ values: Tensor, _ batch: Int
    ) throws -> Int32 {
        // Of LAPACK's routines some end with numbers here, some don't end.
        guard isFiniteTriangle(matrices, n, uplo, batch) else {
            fillWithNaN(matrices, at: batch * n * n, count: n * n)
            values.elements(Real.self, at: batch * n).update(repeating: .nan, count: n)
            return 0
        }
        return heevd(
            CChar(UInt8(ascii: vectors ? "V" : "N")), uplo, try call.lapackSize(n), matrices.elements(Self.self, at: batch * n * n),
            values.elements(Real.self, at: batch * n))
    }

    private static func isFiniteTriangle(_ matrices: Tensor, _ n: Int, _ uplo: CChar, _ batch: Int) -> Bool {
        if finiteness(of: matrices, at: batch * n * n, count: n * n) == .finite { return true }
        return (0..<n).allSatisfy { row in
            let (from, to) = uplo == CChar(UInt8(ascii: "L")) ? (0, row + 1) : (row, n)
            return finiteness(of: matrices, at: batch * n * n + row * n + from, count: to - from) == .finite
        }
    }

    fileprivate static func svd(
        _ call: Call, _ job: String, _ m: Int, _ n: Int, _ work: Tensor, _ outputs: [Tensor], _ batch: Int
    ) throws -> Int32 {
        let k = Swift.min(m, n)
        let (uColumns, vRows) = job == "A" ? (m, n) : job == "S" ? (k, k) : (0, 0)
        let (u, vt) = (outputs[0].elements(Self.self, at: batch * m * uColumns), outputs[2].elements(Self.self, at: batch * vRows * n))
        if k == 0 {
            // No singular values: the bases are whatever is orthonormal.
            setIdentity(u, m, uColumns)
            setIdentity(vt, vRows, n)
            return 0
        }
        switch finiteness(of: work, at: batch * m * n, count: m * n) {
        case .finite: break
        case .nan: throw call.notFinite()
        case .infinite:
            fillWithNaN(outputs[0], at: batch * m * uColumns, count: m * uColumns)
            outputs[1].elements(Real.self, at: batch * k).update(repeating: .nan, count: k)
            fillWithNaN(outputs[2], at: batch * vRows * n, count: vRows * n)
            return 0
        }
        return gesdd(
            CChar(job.utf8.first ?? 78), try call.lapackSize(m), try call.lapackSize(n), work.elements(Self.self, at: batch * m * n),
            outputs[1].elements(Real.self, at: batch * k), u, try call.lapackSize(uColumns), vt)
    }

    private static func setIdentity(_ matrix: Pointer, _ rows: Int, _ columns: Int) {
        let width = MemoryLayout<Self>.stride
        UnsafeMutableRawPointer(matrix).initializeMemory(as: UInt8.self, repeating: 0, count: rows * columns * width)
        for i in 0..<Swift.min(rows, columns) {
            (UnsafeMutableRawPointer(matrix) + (i * columns + i) * width).storeBytes(of: 1, as: Real.self)
        }
    }

    /// The solution, residuals of full column rank, the rank and the singular values; gives the rank.
    fileprivate static func leastSquares(
        _ call: Call, _ work: Tensor, _ b: Tensor, _ outputs: [Tensor], _ rcond: Double, _ batch: Int
    ) throws -> Int {
        let (m, n, columns) = (work.layout.size(work.rank - 2), work.layout.size(work.rank - 1), b.layout.size(b.rank - 1))
        let given = b.elements(Self.self, at: batch * m * columns)
        guard finiteness(of: work, at: batch * m * n, count: m * n) == .finite,
            finiteness(of: b, at: batch * m * columns, count: m * columns) == .finite
        else { throw call.notFinite() }
        // Without right-hand sides a column of zeros stands in: the rank and the singular values don't depend on them.
        let solved = Swift.max(columns, 1)
        return try withScratch(Swift.max(m, n) * solved, call) { right in
            right.update(from: given, count: m * columns)
            var rank: Int32 = 0
            if m > 0, n > 0 {
                let code = gelsd(
                    try call.lapackSize(m), try call.lapackSize(n), try call.lapackSize(solved),
                    work.elements(Self.self, at: batch * m * n), right, outputs[3].elements(Real.self, at: batch * Swift.min(m, n)), rcond,
                    &rank)
                guard code >= 0 else { throw call.refused(code) }
                if code > 0 { throw call.singular(batch, of: work.matrixCount, "has singular values that did not converge") }
            }
            outputs[0].elements(Self.self, at: batch * n * columns).update(from: right, count: n * columns)
            outputs[2].elements(Int64.self)[batch] = Int64(rank)
            guard m > n else { return Int(rank) }
            // Below the solution lies what is left of the right-hand side.
            UnsafeMutableRawPointer(right).withMemoryRebound(to: Real.self, capacity: m * solved * parts) { values in
                for column in 0..<columns {
                    var sum: Real = 0
                    for row in n..<m {
                        for part in 0..<parts {
                            let value = values[(row * columns + column) * parts + part]
                            sum += value * value
                        }
                    }
                    outputs[1].elements(Real.self, at: batch * columns)[column] = sum
                }
            }
            return Int(rank)
        }
    }
}
