import ApusSymbolic
import CLAPACKE

// Symmetric and Hermitian matrices that need not be definite: A = L D L^T, by Bunch's and Kaufman's diagonal pivoting (LAPACK sytrf, hetrf).

extension Operator {
    static let linalgLDLFactorEx: Operator = Operator(
        "aten::linalg_ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False) -> (Tensor LD, Tensor pivots, Tensor info)",
        "The L D L^T factorisation of symmetric (L D L^H of Hermitian) matrices [..., n, n], of which the lower triangle is read: L and D, of blocks of "
            + "one and two, in one matrix with zeros above, and LAPACK's pivots. `info` is the position of a zero of D, from 1; with check_errors "
            + "that is an error. NaN where the matrix holds a number that is not finite.",
        failure: .factorization("a matrix is singular", check: 2, info: 2),
        rule: { call in
            let a = try call.squareMatrix(0)
            let pivots = try Shape(a.shape.batch + [a.shape[-1]], in: call.name)
            return [a.spec, TensorSpec(.int32, pivots), TensorSpec(.int32, try Shape(a.shape.batch, in: call.name))]
        },
        kernel: .compute { call, outputs in
            try Interpreter.with(nil) { try call.tensor(0).tril().copyElements(into: outputs[0], call) }
            let (n, hermitian, count) = (outputs[0].layout.size(outputs[0].rank - 1), try call.bool(1), outputs[0].matrixCount)
            try withLapackElement(outputs[0].dtype, call) { element in
                for batch in 0..<count {
                    let code = n == 0 ? 0 : try element.factorIndefinite(call, hermitian, n, outputs[0], outputs[1], batch)
                    guard code >= 0 else { throw call.refused(code) }
                    outputs[2].elements(Int32.self)[batch] = code
                    if code > 0, try call.bool(2) {
                        throw call.singular(batch, of: count, "is singular: element \(code) of D is zero")
                    }
                }
            }
        },
        samples: {
            try [DType.float32, .complex64].map { [.tensor(try .positiveDefinite(3, dtype: $0)), .bool($0.isComplex), .bool(false)] }
        })

    static let linalgLDLFactor: Operator = composite(
        "aten::linalg_ldl_factor(Tensor self, *, bool hermitian=False) -> (Tensor LD, Tensor pivots)",
        "As linalg_ldl_factor_ex; a singular matrix is an error.", samples: { [[.tensor(try .positiveDefinite(3)), .bool(false)]] }
    ) { call in Array(try apply(.linalgLDLFactorEx, [call[0], call[1], .bool(true)]).prefix(2)) }

    static let linalgLDLSolve: Operator = Operator(
        "aten::linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False) -> Tensor",
        "The solution X of A X = B, from what linalg_ldl_factor made of A [..., n, n], for B [..., n, k]. Leading dimensions broadcast.",
        failure: ValueFailure(.invalidArgument, "the pivots are of no factorisation"),
        rule: { call in
            let (ld, b) = (try call.squareMatrix(0), try call.matrix(2))
            guard ld.dtype == b.dtype else { throw call.error(.dtypeMismatch, "takes one dtype, not \(ld.dtype) and \(b.dtype)") }
            try call.requirePivots(call.tensor(1), of: ld)
            try require(
                ld.shape[-1] == b.shape[-2],
                call.error(.shapeMismatch, "shapes \(ld.shape) and \(b.shape) don't form a system of equations"))
            let batch = try broadcast(try Shape(ld.shape.batch), try Shape(b.shape.batch), in: call.name).sizes
            return [TensorSpec(b.dtype, try Shape(batch + b.shape.suffix(2), in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (ld, pivots, out) = (try call.tensor(0), try call.tensor(1), outputs[0])
            let batch: [SymInt] = out.shape.batch
            let matrices: Tensor = try ld.expanded(batch + ld.shape.suffix(2)).clone()
            let exchanges: Tensor = try pivots.expanded(batch + pivots.shape.suffix(1)).contiguous()
            try call.tensor(2).expanded(out.shape).copyElements(into: out, call)
            let (n, columns) = (out.layout.size(out.rank - 2), out.layout.size(out.rank - 1))
            guard n > 0, columns > 0 else { return }
            try withLapackElement(out.dtype, call) { element in
                for batch in 0..<out.matrixCount {
                    let code = try element.solveIndefinite(call, call.bool(3), n, columns, matrices.contiguous(), exchanges, out, batch)
                    guard code >= 0 else { throw call.refused(code) }
                }
            }
        },
        samples: {
            let a: Tensor = try .positiveDefinite(3)
            let parts = try applyTensors(.linalgLDLFactorEx, [.tensor(a), .bool(false), .bool(false)])
            return [[.tensor(parts[0]), .tensor(parts[1]), .tensor(try .sample([3, 2])), .bool(false)]]
        })

    static let indefiniteFactors: [Operator] = [linalgLDLFactorEx, linalgLDLFactor, linalgLDLSolve]
}

extension LapackElement {
    fileprivate static func factorIndefinite(
        _ call: Call, _ hermitian: Bool, _ n: Int, _ matrices: Tensor, _ pivots: Tensor, _ batch: Int
    ) throws -> Int32 {
        let exchanges = pivots.elements(Int32.self, at: batch * n)
        guard finiteness(of: matrices, at: batch * n * n, count: n * n) == .finite else {
            for row in 0..<n {
                fillWithNaN(matrices, at: batch * n * n + row * n, count: row + 1)
                exchanges[row] = Int32(truncatingIfNeeded: row + 1)
            }
            return 0
        }
        let size: Int32 = try call.lapackSize(n)
        return byColumns(size, size, matrices.elements(Self.self, at: batch * n * n)) { sytrf(hermitian, size, $0, exchanges) }
    }

    fileprivate static func solveIndefinite(
        _ call: Call, _ hermitian: Bool, _ n: Int, _ columns: Int, _ matrices: Tensor, _ pivots: Tensor, _ b: Tensor, _ batch: Int
    ) throws -> Int32 {
        let exchanges = pivots.elements(Int32.self, at: batch * n)
        // A block of two is said by two equal negative numbers.
        var row = 0
        while row < n {
            let isPair: Bool = exchanges[row] < 0
            let magnitude: Int = Int(exchanges[row].magnitude)
            guard magnitude >= 1, magnitude <= n, !isPair || (row + 1 < n && exchanges[row + 1] == exchanges[row]) else {
                throw call.error(.invalidArgument, "the pivots are of no factorisation: \(exchanges[row]) at \(row)")
            }
            row += isPair ? 2 : 1
        }
        let (size, count) = (try call.lapackSize(n), try call.lapackSize(columns))
        return byColumns(size, size, matrices.elements(Self.self, at: batch * n * n)) { factor in
            byColumns(size, count, b.elements(Self.self, at: batch * n * columns)) { sytrs(hermitian, size, count, factor, exchanges, $0) }
        }
    }
}

extension Tensor {
    /// The L D L^T factorisation of symmetric (or L D L^H of Hermitian) matrices, of which the lower triangle is read: both factors in one matrix, and
    /// LAPACK's pivots. A singular matrix throws.
    public func ldlFactor(hermitian: Bool = false) throws -> (ld: Tensor, pivots: Tensor) {
        let parts = try applyTensors(.linalgLDLFactor, [.tensor(self), .bool(hermitian)])
        return (parts[0], parts[1])
    }

    /// Of matrices factorised by `ldlFactor(hermitian:)`, the X with A X = b.
    public func ldlSolve(pivots: Tensor, _ b: Tensor, hermitian: Bool = false) throws -> Tensor {
        try applySingle(.linalgLDLSolve, [.tensor(self), .tensor(pivots), .tensor(b), .bool(hermitian)])
    }
}
