import ApusSymbolic
import CLAPACKE

// Eigenvalues and eigenvectors of general matrices, by LAPACK's geev.

extension Operator {
    static let linalgEig: Operator = Operator(
        "aten::linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)",
        "Eigenvalues and eigenvectors as columns, both complex, of square matrices [..., n, n], in LAPACK's order. Vectors are unique only up to a factor, and "
            + "their gradients assume distinct values. Numbers that are not finite are an error. Gradient: M. Giles, 'Collected matrix derivative "
            + "results', 2008, with vectors held to length 1.",
        failure: ValueFailure(.singular, "eigenvalues did not converge"),
        rule: { call in
            let a = try call.squareMatrix(0)
            return [
                TensorSpec(a.dtype.complex, try Shape(a.shape.batch + [a.shape[-1]], in: call.name)), TensorSpec(a.dtype.complex, a.shape),
            ]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            let work = try a.clone()
            let n = a.layout.size(a.rank - 1)
            for batch in 0..<a.matrixCount where n > 0 {
                let code: Int32 =
                    switch a.dtype {
                    case .float32: try Float.eig(call, n, work, outputs, batch)
                    case .float64: try Double.eig(call, n, work, outputs, batch)
                    case .complex64: try apus_lapack_complex_float.eig(call, n, work, outputs, batch)
                    default: try apus_lapack_complex_double.eig(call, n, work, outputs, batch)
                    }
                guard code >= 0 else { throw call.refused(code) }
                if code > 0 { throw call.singular(batch, of: a.matrixCount, "has eigenvalues that did not converge") }
            }
        },
        gradient: { g in
            let (values, vectors) = (g.outputs[0], g.outputs[1])
            var inner: Tensor = try g.gradient(0).diagEmbedded()
            if let gradient = g.gradients[1] {
                let turned: Tensor = try vectors.adjoint().matmul(gradient)
                let lengths: Tensor = try turned.diagonal(offset: 0, dim1: -2, dim2: -1).realPart().unsqueezed(-2)
                let identity: Tensor = try Tensor.eye(values.shape[-1], dtype: values.dtype)
                let differences: Tensor = try (values.unsqueezed(-2) - values.unsqueezed(-1)).conj()
                let outside: Tensor = try turned - vectors.adjoint().matmul(vectors) * lengths.to(values.dtype)
                inner = try inner + (1 - identity) * outside / (differences * (1 - identity) + identity)
            }
            let solved: Tensor = try vectors.adjoint().solve(inner.matmul(vectors.adjoint()))
            return [.tensor(try g.call.tensor(0).dtype.isComplex ? solved : solved.realPart())]
        },
        // Of real eigenvalues that lie apart: of complex vectors the direction is anyone's choice.
        samples: { [[.tensor(try .withDistinctEigenvalues())]] })

    static let linalgEigvals: Operator = eigenvalues("aten::linalg_eigvals(Tensor self) -> Tensor")
    static let linalgEigvalsInner: Operator = eigenvalues("aten::_linalg_eigvals(Tensor self) -> Tensor")

    private static func eigenvalues(_ schema: String) -> Operator {
        composite(
            schema, "The eigenvalues, complex, of square matrices [..., n, n], in LAPACK's order.",
            samples: {
                [
                    [.tensor(try .wellConditioned(3))],
                    [.tensor(try Tensor.complex(Tensor.withDistinctEigenvalues(), Tensor.withDistinctEigenvalues() * 0.5))],
                ]
            }
        ) { call in [try apply(.linalgEig, [call[0]])[0]] }
    }

    static let eigenvalues: [Operator] = [linalgEig, linalgEigvals, linalgEigvalsInner]
}

extension LapackReal {
    /// Unpacks conjugate pairs: LAPACK keeps real and imaginary parts of a pair in two neighbouring columns.
    fileprivate static func eig(_ call: Call, _ n: Int, _ work: Tensor, _ outputs: [Tensor], _ batch: Int) throws -> Int32 {
        // LAPACK writes outside of its arrays where an element is infinite.
        guard finiteness(of: work, at: batch * n * n, count: n * n) == .finite else { throw call.notFinite() }
        return try withScratch(n * (n + 2), call) { try eig(call, n, work, outputs, batch, $0, $0 + n, $0 + 2 * n) }
    }

    private static func eig(
        _ call: Call, _ n: Int, _ work: Tensor, _ outputs: [Tensor], _ batch: Int, _ wr: Pointer, _ wi: Pointer, _ vr: Pointer
    ) throws -> Int32 {
        let code = geev(try call.lapackSize(n), work.elements(Self.self, at: batch * n * n), wr, wi, vr)
        if code != 0 { return code }
        let values = outputs[0].elements(Self.self, at: 2 * batch * n)
        let vectors = outputs[1].elements(Self.self, at: 2 * batch * n * n)
        var column = 0
        while column < n {
            let isPair = wi[column] != 0 && column + 1 < n
            for (offset, sign) in isPair ? [(0, Self(1)), (1, Self(-1))] : [(0, Self(0))] {
                values[2 * (column + offset)] = wr[column + offset]
                values[2 * (column + offset) + 1] = wi[column + offset]
                for row in 0..<n {
                    let position = 2 * (row * n + column + offset)
                    vectors[position] = vr[row * n + column]
                    vectors[position + 1] = isPair ? sign * vr[row * n + column + 1] : 0
                }
            }
            column += isPair ? 2 : 1
        }
        return 0
    }
}

extension LapackComplex {
    /// Of complex matrices: nothing is packed.
    fileprivate static func eig(_ call: Call, _ n: Int, _ work: Tensor, _ outputs: [Tensor], _ batch: Int) throws -> Int32 {
        guard finiteness(of: work, at: batch * n * n, count: n * n) == .finite else { throw call.notFinite() }
        return geev(
            try call.lapackSize(n), work.elements(Self.self, at: batch * n * n), outputs[0].elements(Self.self, at: batch * n),
            outputs[1].elements(Self.self, at: batch * n * n))
    }
}

extension Tensor {
    /// A fixed matrix whose eigenvalues are real and lie apart, for samples.
    fileprivate static func withDistinctEigenvalues() throws -> Tensor {
        try Tensor([1, 0.5, -0.3, 0.1, 3, 0.4, -0.2, 0.3, 6] as [Float], shape: [3, 3])
    }

    /// Complex eigenvalues and eigenvectors, as columns, of square matrices. Numbers that are not finite throw.
    public func eig() throws -> (values: Tensor, vectors: Tensor) {
        let parts = try applyTensors(.linalgEig, [.tensor(self)])
        return (parts[0], parts[1])
    }

    /// The complex eigenvalues of square matrices, in no certain order.
    public func eigvals() throws -> Tensor { try applySingle(.linalgEigvals, [.tensor(self)]) }
}
