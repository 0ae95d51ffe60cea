import ApusSymbolic

// Householder's reflectors 1 - tau v v^H, as LAPACK's geqrf leaves them: v below the diagonal, 1 on it.

extension Operator {
    static let geqrf: Operator = Operator(
        "aten::geqrf(Tensor self) -> (Tensor a, Tensor tau)",
        "The QR factorisation of matrices [..., m, n] as LAPACK leaves it: R in and above the diagonal, min(m, n) reflectors below it, and their factors "
            + "`tau`. NaN where the matrix holds a number that is not finite.",
        effects: .mayFail,
        rule: { call in
            let a = try call.matrix(0)
            return [a.spec, TensorSpec(a.dtype, try Shape(a.shape.batch + [min(a.shape[-2], a.shape[-1])], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let a = try call.tensor(0)
            try a.copyElements(into: outputs[0], call)
            let (m, n) = (a.layout.size(a.rank - 2), a.layout.size(a.rank - 1))
            guard m > 0, n > 0 else { return }
            try withLapackElement(a.dtype, call) { element in
                for batch in 0..<a.matrixCount { try element.reflectors(call, m, n, outputs[0], outputs[1], batch) }
            }
        },
        samples: { [[.tensor(try .sample([4, 3]))], [.tensor(try .sample([2, 2, 3]))]] })

    static let householderProduct: Operator = householderProduct("aten::linalg_householder_product(Tensor input, Tensor tau) -> Tensor")
    static let orgqr: Operator = householderProduct("aten::orgqr(Tensor self, Tensor input2) -> Tensor")

    private static func householderProduct(_ schema: String) -> Operator {
        composite(
            schema,
            "The first n columns of the product of reflectors: `input` [..., m, n] with m >= n has them below its diagonal, as geqrf leaves them, `tau` "
                + "[..., k] with k <= n their factors. The number of reflectors must be known.",
            samples: {
                let parts = try applyTensors(.geqrf, [.tensor(.sample([4, 3]))])
                return [
                    [.tensor(parts[0]), .tensor(parts[1])], [.tensor(try .sample([2, 3, 3])), .tensor(try .sample([2, 2], seed: 2))],
                ]
            }
        ) { call in
            let (a, tau) = (try call.matrix(0), try call.tensor(1))
            let (m, n) = (a.shape[-2], a.shape[-1])
            try require(m >= n, call.error(.shapeMismatch, "takes matrices with at least as many rows as columns, not shape \(a.shape)"))
            let start: Tensor = try Tensor.eye(m, n, dtype: a.dtype).expanded(a.shape)
            return [.tensor(try call.reflected(start, a, tau, left: true, transpose: false))]
        }
    }

    static let ormqr: Operator = composite(
        "aten::ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor",
        "The product Q C, or C Q without `left`, of a matrix C, `input3`, with the reflectors in `self` [..., m, k] and their factors in `input2`; with "
            + "`transpose` of the adjoint of Q. Q is never formed. The number of reflectors must be known.",
        samples: {
            let parts = try applyTensors(.geqrf, [.tensor(.sample([4, 3]))])
            return try [(true, false), (true, true), (false, false)].map { left, transpose in
                let other: Tensor = try .sample(left ? [4, 2] : [2, 4], seed: 2)
                return [.tensor(parts[0]), .tensor(parts[1]), .tensor(other), .bool(left), .bool(transpose)]
            }
        }
    ) { call in
        let (a, c) = (try call.matrix(0), try call.matrix(2))
        let left: Bool = try call.bool(3)
        try require(
            a.shape[-2] == c.shape[left ? -2 : -1],
            call.error(.shapeMismatch, "reflectors of \(a.shape[-2]) elements don't fit a matrix of shape \(c.shape)"))
        return [.tensor(try call.reflected(c, a, call.tensor(1), left: left, transpose: call.bool(4)))]
    }

    static let reflectors: [Operator] = [geqrf, householderProduct, orgqr, ormqr]
}

extension Call {
    /// A matrix times the reflectors from one side, or their adjoint.
    fileprivate func reflected(_ matrix: Tensor, _ a: Tensor, _ tau: Tensor, left: Bool, transpose: Bool) throws -> Tensor {
        guard a.dtype == tau.dtype, a.dtype == matrix.dtype else {
            throw error(.dtypeMismatch, "takes one dtype, not \(a.dtype), \(tau.dtype) and \(matrix.dtype)")
        }
        func mismatch() -> TensorError { error(.shapeMismatch, "factors of shape \(tau.shape) are none of reflectors of shape \(a.shape)") }
        guard tau.rank == a.rank - 1 else { throw mismatch() }
        for (p, q) in zip(tau.shape.dropLast(), a.shape.batch) { try require(p == q, mismatch()) }
        try require(tau.shape[-1] <= a.shape[-1], mismatch())
        let count: Int = try settle(
            count: tau.shape[-1], of: "reflectors", in: name, "declare the size of tau so that it is known")
        let vectors: Tensor = try a.tril(diagonal: -1) + Tensor.eye(a.shape[-2], a.shape[-1], dtype: a.dtype)
        var result: Tensor = matrix
        // Q = H0 H1 ...: from the left the last one comes first.
        let order: [Int] = left == transpose ? Array(0..<count) : (0..<count).reversed()
        for index in order {
            let v: Tensor = try vectors.narrowed(dim: -1, from: index, length: 1)
            var factor: Tensor = try tau.narrowed(dim: -1, from: index, length: 1).unsqueezed(-1)
            if transpose { factor = try factor.conj() }
            if left {
                result = try result - (v * factor).matmul(v.adjoint().matmul(result))
            } else {
                result = try result - (result.matmul(v) * factor).matmul(v.adjoint())
            }
        }
        return count == 0 ? try result.clone() : result
    }
}

extension LapackElement {
    fileprivate static func reflectors(_ call: Call, _ m: Int, _ n: Int, _ a: Tensor, _ tau: Tensor, _ batch: Int) throws {
        let k: Int = Swift.min(m, n)
        guard finiteness(of: a, at: batch * m * n, count: m * n) == .finite else {
            fillWithNaN(a, at: batch * m * n, count: m * n)
            return fillWithNaN(tau, at: batch * k, count: k)
        }
        let info = geqrf(
            try call.lapackSize(m), try call.lapackSize(n), a.elements(Self.self, at: batch * m * n), tau.elements(Self.self, at: batch * k)
        )
        if info < 0 { throw call.refused(info) }
    }
}

extension Tensor {
    /// The first columns of the product of the reflectors that lie below this matrix's diagonal, as a QR factorisation leaves them, with their factors
    /// `tau`.
    public func householderProduct(_ tau: Tensor) throws -> Tensor {
        try applySingle(.householderProduct, [.tensor(self), .tensor(tau)])
    }

    /// The QR factorisation as LAPACK leaves it: R, with reflectors below its diagonal, and their factors.
    public func geqrf() throws -> (a: Tensor, tau: Tensor) {
        let parts = try applyTensors(.geqrf, [.tensor(self)])
        return (parts[0], parts[1])
    }

    /// The product of `other` with the reflectors below this matrix's diagonal.
    public func ormqr(_ tau: Tensor, _ other: Tensor, left: Bool = true, transpose: Bool = false) throws -> Tensor {
        try applySingle(.ormqr, [.tensor(self), .tensor(tau), .tensor(other), .bool(left), .bool(transpose)])
    }
}
