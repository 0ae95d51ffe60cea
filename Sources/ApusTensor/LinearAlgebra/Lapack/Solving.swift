import ApusSymbolic
import CApusKernels
import RealModule

// Systems of linear equations, inverses, determinants: all by the LU factorisation with partial pivoting (LAPACK getrf).

extension Operator {
    static let linalgSolveEx: Operator = Operator(
        "aten::_linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor LU, Tensor pivots, Tensor info)",
        "Solves A X = B for square A [..., n, n] and B [..., n, k] of the same leading dimensions. `info` is the position of a pivot that is zero, from 1; with check_errors that is an error.",
        failure: .factorization("a matrix is singular", check: 3, info: 3),
        rule: { call in
            let (a, b) = (try call.squareMatrix(0), try call.matrix(1))
            guard try call.bool(2) else { throw call.error(.unsupported, "takes only left=true; transpose both operands") }
            guard a.dtype == b.dtype else { throw call.error(.dtypeMismatch, "takes one dtype, not \(a.dtype) and \(b.dtype)") }
            try call.requireSameBatch(a, b)
            try require(
                a.shape[-1] == b.shape[-2], call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) don't form a system of equations"))
            let pivots = try Shape(a.shape.batch + [a.shape[-1]], in: call.name)
            return [b.spec, a.spec, TensorSpec(.int32, pivots), TensorSpec(.int32, try Shape(a.shape.batch, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            try b.copyElements(into: outputs[0], call)
            try a.copyElements(into: outputs[1], call)
            let (n, columns) = (a.layout.size(a.rank - 1), b.layout.size(b.rank - 1))
            try factorize(call, outputs[1], outputs[2], outputs[3], checks: try call.bool(3)) { element, batch in
                try element.solve(call, n, columns, outputs[1], outputs[2], outputs[0], batch)
            }
        },
        gradient: { g in
            let a = try g.call.tensor(0)
            let b = try solve(a.adjoint(), try g.gradient(0))
            return [.tensor(try b.matmul(g.outputs[0].adjoint()).neg()), .tensor(b)]
        },
        samples: { [[.tensor(try .wellConditioned(3)), .tensor(try .sample([3, 2])), .bool(true), .bool(true)]] })

    static let linalgInvEx: Operator = Operator(
        "aten::linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
        "The inverse of square matrices [..., n, n]. `info` is the position of a pivot that is zero, from 1; with check_errors that is an error.",
        failure: .factorization("a matrix is singular", check: 1, info: 1),
        rule: { call in
            let a = try call.squareMatrix(0)
            return [a.spec, TensorSpec(.int32, try Shape(a.shape.batch, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            try a.copyElements(into: outputs[0], call)
            let n = a.layout.size(a.rank - 1)
            let pivots = try Tensor.uninitialized(try Shape([a.matrixCount, n], in: call.name), dtype: .int32, in: call.name)
            try factorize(call, outputs[0], pivots, outputs[1], checks: try call.bool(1)) { element, batch in
                try element.invert(call, n, outputs[0], pivots, batch)
            }
        },
        gradient: { g in
            let adjoint = try g.outputs[0].adjoint()
            return [.tensor(try adjoint.matmul(try g.gradient(0)).matmul(adjoint).neg())]
        },
        samples: { [[.tensor(try .wellConditioned(3)), .bool(true)]] })

    static let linalgLUFactorEx: Operator = Operator(
        "aten::linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, Tensor pivots, Tensor info)",
        "The LU factorisation with partial pivoting of matrices [..., m, n], both factors in one matrix.",
        failure: .factorization("a matrix is singular", check: 2, info: 2),
        rule: { call in
            let a = try call.matrix(0)
            guard try call.bool(1) else { throw call.error(.unsupported, "takes only pivot=true") }
            let pivots = try Shape(a.shape.batch + [min(a.shape[-1], a.shape[-2])], in: call.name)
            return [a.spec, TensorSpec(.int32, pivots), TensorSpec(.int32, try Shape(a.shape.batch, in: call.name))]
        },
        kernel: .compute { call, outputs in
            try call.tensor(0).copyElements(into: outputs[0], call)
            try factorize(call, outputs[0], outputs[1], outputs[2], checks: try call.bool(2)) { _, _ in }
        },
        gradient: { g in [.tensor(try luGradient(g))] },
        samples: { try [[3, 3], [2, 4], [4, 3]].map { [.tensor(try .sample($0)), .bool(true), .bool(false)] } })

    static let linalgDet: Operator = Operator(
        "aten::_linalg_det(Tensor A) -> (Tensor result, Tensor LU, Tensor pivots)",
        "The determinant of square matrices [..., n, n]; 1 for an empty one. Its gradient is the adjugate, of singular matrices too, where PyTorch "
            + "gives zeros.",
        effects: .mayFail,
        rule: { call in
            let a = try call.squareMatrix(0)
            let batch = try Shape(a.shape.batch, in: call.name)
            return [TensorSpec(a.dtype, batch), a.spec, TensorSpec(.int32, try Shape(a.shape.batch + [a.shape[-1]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            try call.determinants(outputs[1], outputs[2]) { element, batch, n in
                element.determinant(n, outputs[1], outputs[2], batch, into: outputs[0])
            }
        },
        gradient: { g in
            let cofactors: Tensor = try adjugate(of: g.call.tensor(0), determinant: g.outputs[0])
            return [.tensor(try cofactors.adjoint() * g.gradient(0).unsqueezed(-1).unsqueezed(-1))]
        },
        samples: { [[.tensor(try .wellConditioned(3))]] })

    static let linalgSlogdet: Operator = Operator(
        "aten::_linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet, Tensor LU, Tensor pivots)",
        "The sign of the determinant and the logarithm of its magnitude, which does not overflow; 0 and -infinity for singular matrices, both NaN where the determinant is, of which PyTorch says that its sign is 0.",
        effects: .mayFail,
        rule: { call in
            let a = try call.squareMatrix(0)
            let batch = try Shape(a.shape.batch, in: call.name)
            return [
                TensorSpec(a.dtype, batch), TensorSpec(a.dtype.real, batch), a.spec,
                TensorSpec(.int32, try Shape(a.shape.batch + [a.shape[-1]], in: call.name)),
            ]
        },
        kernel: .compute { call, outputs in
            try call.determinants(outputs[2], outputs[3]) { element, batch, n in
                element.signAndLogarithm(n, outputs[2], outputs[3], batch, into: outputs[0], outputs[1])
            }
        },
        gradient: { g in
            guard g.gradients[0] == nil || !g.outputs[0].dtype.isComplex else {
                throw TensorError(.notDifferentiable, in: "slogdet", "the sign of a complex determinant has no gradient here")
            }
            let inverted: Tensor = try naming("slogdet") { try inverse(g.call.tensor(0)) }
            return [.tensor(try inverted.adjoint() * g.gradient(1).unsqueezed(-1).unsqueezed(-1))]
        },
        samples: { [[.tensor(try .wellConditioned(3))]] })

    private static func solve(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        try applyTensors(.linalgSolveEx, [.tensor(a), .tensor(b), .bool(true), .bool(true)])[0]
    }

    static func inverse(_ a: Tensor) throws -> Tensor { try applyTensors(.linalgInvEx, [.tensor(a), .bool(true)])[0] }
}

/// Factorizes every matrix of a batch in place, then does something with it. A zero pivot goes to `info`, or is an error.
private func factorize(
    _ call: Call, _ matrices: Tensor, _ pivots: Tensor, _ info: Tensor, checks: Bool, _ then: (any LapackElement.Type, Int) throws -> Void
) throws {
    let (m, n) = (matrices.layout.size(matrices.rank - 2), matrices.layout.size(matrices.rank - 1))
    let count = matrices.matrixCount
    try withLapackElement(matrices.dtype, call) { element in
        for batch in 0..<count {
            let code = m == 0 || n == 0 ? 0 : try element.factorize(call, m, n, matrices, pivots, batch)
            guard code >= 0 else { throw call.refused(code) }
            info.elements(Int32.self)[batch] = code
            if code > 0 {
                if checks { throw call.singular(batch, of: count, "is singular: its pivot \(code) is zero") }
                continue
            }
            if n > 0 { try then(element, batch) }
        }
    }
}

extension Call {
    func requireSameBatch(_ a: Tensor, _ b: Tensor) throws {
        func mismatch() -> TensorError { error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) have different leading dimensions") }
        guard a.rank == b.rank else { throw mismatch() }
        for (p, q) in zip(a.shape.batch, b.shape.batch) where !p.isIdentical(to: q) { try require(p == q, mismatch()) }
    }

    fileprivate func determinants(_ lu: Tensor, _ pivots: Tensor, _ body: (any LapackElement.Type, Int, Int) -> Void) throws {
        let a = try tensor(0)
        try a.copyElements(into: lu, self)
        let n = a.layout.size(a.rank - 1)
        try withLapackElement(a.dtype, self) { element in
            for batch in 0..<a.matrixCount {
                let code = n == 0 ? 0 : try element.factorize(self, n, n, lu, pivots, batch)
                guard code >= 0 else { throw refused(code) }
                body(element, batch, n)
            }
        }
    }
}

extension LapackElement {
    /// The factors in place. BLAS finds no pivot among numbers that are not finite, and may look for it outside of the matrix: real matrices
    /// with infinities are eliminated here, and others have no factors but NaN.
    fileprivate static func factorize(_ call: Call, _ m: Int, _ n: Int, _ matrices: Tensor, _ pivots: Tensor, _ batch: Int) throws -> Int32
    {
        let exchanges = pivots.elements(Int32.self, at: batch * Swift.min(m, n))
        switch finiteness(of: matrices, at: batch * m * n, count: m * n) {
        case .finite:
            return getrf(try call.lapackSize(m), try call.lapackSize(n), matrices.elements(Self.self, at: batch * m * n), exchanges)
        case .infinite where parts == 1: return eliminate(m, n, matrices.elements(Real.self, at: batch * m * n), exchanges)
        default:
            fillWithNaN(matrices, at: batch * m * n, count: m * n)
            for k in 0..<Swift.min(m, n) { exchanges[k] = Int32(truncatingIfNeeded: k + 1) }
            return 0
        }
    }

    /// Gaussian elimination with partial pivoting, as getrf does it, in the order of its definition. A NaN is never chosen over a number.
    private static func eliminate(_ m: Int, _ n: Int, _ a: UnsafeMutablePointer<Real>, _ exchanges: UnsafeMutablePointer<Int32>) -> Int32 {
        var info: Int32 = 0
        for k in 0..<Swift.min(m, n) {
            var pivot = k
            for row in k + 1..<Swift.max(m, k + 1) where !(a[row * n + k].magnitude <= a[pivot * n + k].magnitude) {
                if !a[row * n + k].isNaN { pivot = row }
            }
            exchanges[k] = Int32(truncatingIfNeeded: pivot + 1)
            guard a[pivot * n + k] != 0 else {
                if info == 0 { info = Int32(truncatingIfNeeded: k + 1) }
                continue
            }
            if pivot != k { for column in 0..<n { swap(&a[pivot * n + column], &a[k * n + column]) } }
            for row in k + 1..<Swift.max(m, k + 1) {
                let factor: Real = a[row * n + k] / a[k * n + k]
                a[row * n + k] = factor
                for column in k + 1..<Swift.max(n, k + 1) { a[row * n + column] -= factor * a[k * n + column] }
            }
        }
        return info
    }

    /// Whether factors have an inverse: all numbers, or infinite pivots, whose reciprocals are 0. Of other infinities LAPACK makes numbers that are
    /// none, since it skips products with zeros.
    private static func haveInverse(_ n: Int, _ lu: Tensor, _ batch: Int) -> Bool {
        switch finiteness(of: lu, at: batch * n * n, count: n * n) {
        case .finite: return true
        case .nan: return false
        case .infinite:
            let numbers = lu.elements(Real.self, at: batch * n * n * parts)
            return (0..<n * n * parts).allSatisfy { numbers[$0].isFinite || $0 / parts % (n + 1) == 0 }
        }
    }

    fileprivate static func solve(
        _ call: Call, _ n: Int, _ columns: Int, _ lu: Tensor, _ pivots: Tensor, _ b: Tensor, _ batch: Int
    ) throws {
        if columns == 0 { return }
        guard haveInverse(n, lu, batch) else {
            return fillWithNaN(b, at: batch * n * columns, count: n * columns)
        }
        getrs(
            try call.lapackSize(n), try call.lapackSize(columns), lu.elements(Self.self, at: batch * n * n),
            pivots.elements(Int32.self, at: batch * n), b.elements(Self.self, at: batch * n * columns))
    }

    fileprivate static func invert(_ call: Call, _ n: Int, _ matrices: Tensor, _ pivots: Tensor, _ batch: Int) throws {
        guard haveInverse(n, matrices, batch) else {
            return fillWithNaN(matrices, at: batch * n * n, count: n * n)
        }
        let info = getri(
            try call.lapackSize(n), matrices.elements(Self.self, at: batch * n * n), pivots.elements(Int32.self, at: batch * n))
        if info < 0 { throw call.refused(info) }
    }

    /// The diagonal of U as complex numbers, and whether the row exchanges flip the sign.
    private static func diagonal(_ n: Int, _ lu: Tensor, _ pivots: Tensor, _ batch: Int) -> (values: [(Double, Double)], flips: Bool) {
        let base = lu.elements(Real.self, at: batch * n * n * (lu.dtype.isComplex ? 2 : 1))
        let values: [(Double, Double)] = (0..<n).map { i in
            let position = i * n + i
            return lu.dtype.isComplex ? (Double(base[2 * position]), Double(base[2 * position + 1])) : (Double(base[position]), 0)
        }
        let exchanges = (0..<n).count { Int(pivots.elements(Int32.self, at: batch * n)[$0]) != $0 + 1 }
        return (values, exchanges % 2 == 1)
    }

    /// The product of two complex numbers, or of two real ones, which an infinity must not make NaN.
    private static func product(_ a: (Double, Double), _ b: (Double, Double)) -> (Double, Double) {
        if parts == 1 { return (a.0 * b.0, 0) }
        let real: Double = a.0 * b.0 - a.1 * b.1
        let imaginary: Double = a.0 * b.1 + a.1 * b.0
        return (real, imaginary)
    }

    private static func store(_ value: (Double, Double), _ output: Tensor, _ batch: Int) {
        let base = output.elements(Real.self)
        if output.dtype.isComplex {
            base[2 * batch] = Real(value.0)
            base[2 * batch + 1] = Real(value.1)
        } else {
            base[batch] = Real(value.0)
        }
    }

    fileprivate static func determinant(_ n: Int, _ lu: Tensor, _ pivots: Tensor, _ batch: Int, into output: Tensor) {
        let (values, flips) = diagonal(n, lu, pivots, batch)
        var product: (Double, Double) = (flips ? -1 : 1, 0)
        for value in values { product = Self.product(product, value) }
        store(product, output, batch)
    }

    fileprivate static func signAndLogarithm(
        _ n: Int, _ lu: Tensor, _ pivots: Tensor, _ batch: Int, into sign: Tensor, _ logarithm: Tensor
    ) {
        let (values, flips) = diagonal(n, lu, pivots, batch)
        var unit: (Double, Double) = (flips ? -1 : 1, 0)
        var sum: Double = 0
        for (x, y) in values {
            let magnitude: Double = Double.hypot(x, y)
            sum += Double.log(magnitude)
            let direction: (Double, Double) =
                magnitude == 0 ? (0, 0) : parts == 1 ? (x.isNaN ? x : x < 0 ? -1 : 1, 0) : (x / magnitude, y / magnitude)
            unit = Self.product(unit, direction)
        }
        store(unit, sign, batch)
        logarithm.elements(Real.self)[batch] = Real(sum)
    }
}

extension Tensor {
    /// A fixed matrix far from singular, for samples.
    static func wellConditioned(_ n: Int, dtype: DType = .float32) throws -> Tensor {
        try (sample([n, n], dtype: dtype) + Tensor.eye(SymInt(n), dtype: dtype) * 5).to(dtype)
    }
}
