import ApusSymbolic
import CApusKernels

// Products of vectors, matrices and batches of matrices whose ranks the name fixes.

extension Operator {
    static let mm: Operator = Operator(
        "aten::mm(Tensor self, Tensor mat2) -> Tensor", "The product of two matrices of one dtype. Integers wrap around.",
        rule: { call in
            let (a, b) = try call.factors(0, 1, ranks: (2, 2))
            return [TensorSpec(a.dtype, try Shape([a.shape[0], b.shape[1]], in: call.name))]
        },
        kernel: .compute { call, outputs in try call.multiply(try call.tensor(0), try call.tensor(1), into: outputs[0]) },
        gradient: { g in try g.productGradients(0, 1, prefix: []) },
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3, 4], seed: 2))]] })

    static let bmm: Operator = Operator(
        "aten::bmm(Tensor self, Tensor mat2) -> Tensor", "The products of matrices with matrices at the same position of a batch.",
        rule: { call in
            let (a, b) = try call.factors(0, 1, ranks: (3, 3))
            return [TensorSpec(a.dtype, try Shape([a.shape[0], a.shape[1], b.shape[2]], in: call.name))]
        },
        kernel: .compute { call, outputs in try call.multiply(try call.tensor(0), try call.tensor(1), into: outputs[0]) },
        gradient: { g in try g.productGradients(0, 1, prefix: []) },
        samples: { [[.tensor(try .sample([2, 2, 3])), .tensor(try .sample([2, 3, 4], seed: 2))]] })

    static let addmm: Operator = addingProduct(
        "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", rank: 2,
        "`beta * self + alpha * mat1 @ mat2`; `self` broadcasts to the product. With `beta` 0 it is not read.",
        samples: {
            [[.tensor(try .sample([4])), .tensor(try .sample([2, 3])), .tensor(try .sample([3, 4], seed: 2)), .double(0.5), .double(2)]]
        })

    static let baddbmm: Operator = addingProduct(
        "aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", rank: 3,
        "`beta * self + alpha * batch1 @ batch2` for matrices in a batch; `self` broadcasts to the product. With `beta` 0 it is not read.",
        samples: {
            let (a, b): (Tensor, Tensor) = (try .sample([2, 2, 3]), try .sample([2, 3, 4], seed: 2))
            return [[.tensor(try .sample([2, 1, 4])), .tensor(a), .tensor(b), .int(1), .int(1)]]
        })

    static let addbmm: Operator = composite(
        "aten::addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
        "`beta * self + alpha * sum of batch1 @ batch2` over the batch.",
        samples: {
            let (a, b): (Tensor, Tensor) = (try .sample([2, 2, 3]), try .sample([2, 3, 4], seed: 2))
            return [[.tensor(try .sample([2, 4])), .tensor(a), .tensor(b), .double(0.5), .double(2)]]
        }
    ) { call in
        let (a, b) = (try call.tensor(1), try call.tensor(2))
        _ = try call.factors(1, 2, ranks: (3, 3))
        // The sum over the batch is one over a longer inner dimension, rounded once.
        let rows: Tensor = try a.permuted([1, 0, 2]).reshaped([a.shape[1], a.shape[0] * a.shape[2]])
        let product: Tensor = try rows.mm(b.reshaped([b.shape[0] * b.shape[1], b.shape[2]]))
        let (beta, alpha) = (try call.factor(3, for: product), try call.factor(4, for: product))
        let scaled = try product.scaled(by: alpha)
        return [.tensor(try call.isZero(3) ? scaled : call.tensor(0).scaled(by: beta) + scaled)]
    }

    static let mv: Operator = Operator(
        "aten::mv(Tensor self, Tensor vec) -> Tensor", "The product of a matrix with a vector.",
        rule: { call in
            let (a, _) = try call.factors(0, 1, ranks: (2, 1))
            return [TensorSpec(a.dtype, try Shape([a.shape[0]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let column = try call.tensor(1).asColumn(call)
            try call.multiply(try call.tensor(0), column, into: try outputs[0].asColumn(call))
        },
        gradient: { g in
            let (matrix, vector, gradient) = (try g.call.tensor(0), try g.call.tensor(1), try g.gradient)
            return [
                g.isWanted(0) ? .tensor(try gradient.outer(vector.conj())) : .none,
                g.isWanted(1) ? .tensor(try matrix.adjoint().mv(gradient)) : .none,
            ]
        }, samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2))]] })

    static let addmv: Operator = composite(
        "aten::addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
        "`beta * self + alpha * mat @ vec`. With `beta` 0 `self` is not read.",
        samples: {
            [[.tensor(try .sample([2])), .tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2)), .double(0.5), .double(2)]]
        }
    ) { call in
        let product = try call.tensor(1).mv(call.tensor(2))
        let (beta, alpha) = (try call.factor(3, for: product), try call.factor(4, for: product))
        let scaled = try product.scaled(by: alpha)
        return [.tensor(try call.isZero(3) ? scaled : call.tensor(0).scaled(by: beta) + scaled)]
    }

    static let dot: Operator = Operator(
        "aten::dot(Tensor self, Tensor tensor) -> Tensor", "The sum of the products of two vectors' elements, without conjugation.",
        rule: { call in
            let (a, _) = try call.factors(0, 1, ranks: (1, 1))
            return [TensorSpec(a.dtype, .scalar)]
        },
        kernel: .compute { call, outputs in
            let (x, y) = (try call.tensor(0), try call.tensor(1))
            var (a, b, out) = (x.view, y.view, outputs[0].view)
            try check(apus_dot(&a, &b, &out), call)
            withExtendedLifetime((x, y, outputs)) {}
        },
        gradient: { g in
            let (x, y, gradient) = (try g.call.tensor(0), try g.call.tensor(1), try g.gradient)
            return [.tensor(try gradient * y.conj()), .tensor(try gradient * x.conj())]
        }, samples: { [[.tensor(try .sample([3])), .tensor(try .sample([3], seed: 2))]] })

    static let vdot: Operator = composite(
        "aten::vdot(Tensor self, Tensor other) -> Tensor", "The dot product of two vectors, the first one conjugated.",
        samples: { [[.tensor(try .sample([3])), .tensor(try .sample([3], seed: 2))]] }
    ) { call in [.tensor(try call.tensor(0).conj().dot(call.tensor(1)))] }

    static let outer: Operator = outerProduct("aten::outer(Tensor self, Tensor vec2) -> Tensor")
    static let ger: Operator = outerProduct("aten::ger(Tensor self, Tensor vec2) -> Tensor")

    static let matrixProducts: [Operator] = [mm, bmm, addmm, baddbmm, addbmm, mv, addmv, dot, vdot, outer, ger]

    private static func outerProduct(_ schema: String) -> Operator {
        composite(
            schema, "The matrix of all products of two vectors' elements, in the promoted dtype.",
            samples: { [[.tensor(try .sample([3])), .tensor(try .sample([2], seed: 2))]] }
        ) { call in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            guard a.rank == 1, b.rank == 1 else {
                throw call.error(.shapeMismatch, "takes two vectors, not shapes \(a.shape) and \(b.shape)")
            }
            return [.tensor(try a.unsqueezed(1) * b)]
        }
    }

    private static func addingProduct(
        _ schema: String, rank: Int, _ documentation: String, samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let (a, b) = try call.factors(1, 2, ranks: (rank, rank))
                let base = try call.tensor(0)
                guard base.dtype == a.dtype else { throw call.differentDTypes(base, a) }
                for factor in [try call.scalar(3), try call.scalar(4)] { try call.requireFits(factor, a.dtype.accumulation) }
                let product = try Shape(Array(a.shape.sizes.dropLast()) + [b.shape[-1]], in: call.name)
                _ = try call.expandedSizes(base.shape, to: product.sizes)
                return [TensorSpec(a.dtype, product)]
            },
            kernel: .compute { call, outputs in
                guard try call.scalar(3).isReal, try call.scalar(4).isReal else {
                    // The kernels know no complex factors.
                    let product: Tensor = try call.tensor(1).matmul(call.tensor(2)).scaled(by: call.scalar(4))
                    let whole: Tensor = try call.isZero(3) ? product : call.tensor(0).scaled(by: call.scalar(3)) + product
                    return try call.copy(whole, to: outputs[0])
                }
                let beta = try call.double(3)
                if beta != 0 {
                    let base = try call.tensor(0)
                    try withBroadcast(base, outputs[0].layout) { view in
                        var (input, out) = (view, outputs[0].view)
                        try check(apus_copy(&input, &out), call)
                    }
                }
                try call.multiply(try call.tensor(1), try call.tensor(2), into: outputs[0], alpha: try call.double(4), beta: beta)
            },
            gradient: { g in
                let (beta, alpha) = (try g.call.scalar(3).conjugate, try g.call.scalar(4).conjugate)
                let base = try g.call.tensor(0)
                let own: OperatorArgument = g.isWanted(0) ? .tensor(try g.gradient.scaled(by: beta).summed(to: base.shape)) : .none
                return try g.productGradients(1, 2, prefix: [own], scale: alpha)
            }, samples: samples)
    }
}

extension Call {
    /// A factor of a product in the product's dtype: a fraction loses its fractional part beside integers, as in PyTorch.
    func factor(_ index: Int, for product: Tensor) throws -> Scalar {
        let factor: Scalar = try scalar(index)
        guard !product.dtype.isFloatingPoint, !product.dtype.isComplex, case .float = factor, let value = factor.doubleValue else {
            return factor
        }
        guard let whole = Int(exactly: value.rounded(.towardZero)) else {
            throw error(.invalidArgument, "the factor \(value) does not fit \(product.dtype)")
        }
        return .int(SymInt(whole))
    }
}

extension GradientCall {
    /// The gradients of two factors `a @ b`.
    fileprivate func productGradients(_ first: Int, _ second: Int, prefix: [OperatorArgument], scale: Scalar = 1) throws
        -> [OperatorArgument]
    {
        let (a, b) = (try call.tensor(first), try call.tensor(second))
        let gradient = try self.gradient.scaled(by: scale)
        return prefix + [
            isWanted(first) ? .tensor(try gradient.matmul(b.adjoint())) : .none,
            isWanted(second) ? .tensor(try a.adjoint().matmul(gradient)) : .none,
        ]
    }
}

extension Call {
    func differentDTypes(_ a: Tensor, _ b: Tensor) -> TensorError {
        error(.dtypeMismatch, "operands of \(a.dtype) and \(b.dtype) don't go together; convert one of them with to(_:)")
    }

    /// Two factors of one dtype and fixed ranks whose inner sizes, and batch sizes, agree.
    fileprivate func factors(_ first: Int, _ second: Int, ranks: (Int, Int)) throws -> (Tensor, Tensor) {
        let (a, b) = (try tensor(first), try tensor(second))
        guard a.rank == ranks.0, b.rank == ranks.1 else {
            throw error(.shapeMismatch, "takes ranks \(ranks.0) and \(ranks.1), not shapes \(a.shape) and \(b.shape)")
        }
        try requireFactors(a, b)
        if ranks.0 == 3, !a.shape[0].isIdentical(to: b.shape[0]) {
            try require(
                a.shape[0] == b.shape[0],
                error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) have batches of \(a.shape[0]) and \(b.shape[0])"))
        }
        return (a, b)
    }

    /// Requires one dtype that can be multiplied, and equal inner sizes.
    func requireFactors(_ a: Tensor, _ b: Tensor) throws {
        guard a.dtype == b.dtype else { throw differentDTypes(a, b) }
        guard a.dtype != .bool else { throw error(.dtypeMismatch, "does not take bool; convert with to(_:)") }
        let (inner, other): (SymInt, SymInt) = (a.shape[-1], b.rank == 1 ? b.shape[0] : b.shape[-2])
        if inner.isIdentical(to: other) { return }
        try require(
            inner == other,
            error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) can't be multiplied: the inner sizes are \(inner) and \(other)"))
    }

    /// `out = alpha * a @ b + beta * out` for matrices, or batches of one size.
    func multiply(_ a: Tensor, _ b: Tensor, into output: Tensor, alpha: Double = 1, beta: Double = 0) throws {
        var (x, y, out) = (a.view, b.view, output.view)
        try check(apus_matmul(alpha, &x, &y, beta, &out), self)
        withExtendedLifetime((a, b, output)) {}
    }
}

extension Tensor {
    /// A vector as a matrix of one column, sharing memory.
    func asColumn(_ call: Call) throws -> Tensor {
        var view = StridedView(layout)
        view.sizes.append(1)
        view.strides.append(1)
        return try Tensor(view, of: self, call)
    }

    /// The product with a number, itself where that is one.
    func scaled(by factor: Scalar) throws -> Tensor { factor.isKnown(1) ? self : try self * factor }

    /// The product of two matrices.
    public func mm(_ other: Tensor) throws -> Tensor { try applySingle(.mm, [.tensor(self), .tensor(other)]) }

    /// The products of matrices at the same position of a batch.
    public func bmm(_ other: Tensor) throws -> Tensor { try applySingle(.bmm, [.tensor(self), .tensor(other)]) }

    /// `beta * self + alpha * a @ b`; this tensor broadcasts to the product.
    public func addmm(_ a: Tensor, _ b: Tensor, beta: any ScalarConvertible = 1, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addmm, [.tensor(self), .tensor(a), .tensor(b), .scalar(beta.scalar), .scalar(alpha.scalar)])
    }

    /// `beta * self + alpha * a @ b` for batches of matrices; this tensor broadcasts to the product.
    public func baddbmm(_ a: Tensor, _ b: Tensor, beta: any ScalarConvertible = 1, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.baddbmm, [.tensor(self), .tensor(a), .tensor(b), .scalar(beta.scalar), .scalar(alpha.scalar)])
    }

    /// The product of this matrix with a vector.
    public func mv(_ vector: Tensor) throws -> Tensor { try applySingle(.mv, [.tensor(self), .tensor(vector)]) }

    /// The dot product of two vectors, without conjugation.
    public func dot(_ other: Tensor) throws -> Tensor { try applySingle(.dot, [.tensor(self), .tensor(other)]) }

    /// The matrix of all products of two vectors' elements.
    public func outer(_ other: Tensor) throws -> Tensor { try applySingle(.outer, [.tensor(self), .tensor(other)]) }

    /// `beta * self + alpha * sum of a @ b` over a batch.
    public func addbmm(_ a: Tensor, _ b: Tensor, beta: any ScalarConvertible = 1, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.addbmm, [.tensor(self), .tensor(a), .tensor(b), .scalar(beta.scalar), .scalar(alpha.scalar)])
    }

    /// `beta * self + alpha * (matrix @ vector)`.
    public func addmv(_ matrix: Tensor, _ vector: Tensor, beta: any ScalarConvertible = 1, alpha: any ScalarConvertible = 1) throws
        -> Tensor
    {
        try applySingle(.addmv, [.tensor(self), .tensor(matrix), .tensor(vector), .scalar(beta.scalar), .scalar(alpha.scalar)])
    }

    /// The product of two vectors, this one conjugated.
    public func vdot(_ other: Tensor) throws -> Tensor { try applySingle(.vdot, [.tensor(self), .tensor(other)]) }
}
