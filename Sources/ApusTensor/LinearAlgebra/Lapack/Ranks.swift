import ApusSymbolic

// What small singular values decide: ranks, inverses of singular matrices, condition numbers.

extension Operator {
    static let matrixRanks: [Operator] = [
        matrixRank("(Tensor self, float tol, bool hermitian=False)", samples: [.double(0.1), .bool(false)]) { call in
            (try call.cutoff(1), try Tensor.scalar(0.0, dtype: .float64), 2)
        },
        matrixRank(".tol_tensor(Tensor input, Tensor tol, bool hermitian=False)", samples: [.tenth, .bool(false)]) { call in
            (try call.cutoff(1), try Tensor.scalar(0.0, dtype: .float64), 2)
        },
        matrixRank(
            ".atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False)",
            samples: [.none, .none, .bool(true)]
        ) { call in (try call.cutoff(1), try call.cutoff(2), 3) },
        matrixRank(
            ".atol_rtol_tensor(Tensor input, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False)",
            samples: [.tenth, .none, .bool(false)]
        ) { call in (try call.cutoff(1), try call.cutoff(2), 3) },
    ]

    static let pseudoInverses: [Operator] = [
        pseudoInverse(".rcond_tensor(Tensor self, Tensor rcond, bool hermitian=False)", samples: [.tenth, .bool(false)]) { call in
            (nil, try call.cutoff(1), 2)
        },
        pseudoInverse(
            ".atol_rtol_float(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False)",
            samples: [.double(0.1), .none, .bool(false)]
        ) { call in (try call.cutoff(1), try call.cutoff(2), 3) },
        pseudoInverse(
            ".atol_rtol_tensor(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False)",
            samples: [.none, .tenth, .bool(false)]
        ) { call in (try call.cutoff(1), try call.cutoff(2), 3) },
    ]

    static let linalgPinv: Operator = pseudoInverse(
        "(Tensor self, float rcond, bool hermitian=False)", samples: [.double(1e-6), .bool(false)]
    ) { call in (nil, try call.cutoff(1), 2) }

    static let linalgCond: Operator = composite(
        "aten::linalg_cond(Tensor self, Scalar? p=None) -> Tensor",
        "Condition numbers of matrices: the largest singular value over the smallest (`p` 2, if none is given; the other way round for -2), or the norm "
            + "of order `p` times that of the inverse. Infinite for singular matrices, 0 for empty ones.",
        samples: {
            let a: Tensor = try .wellConditioned(3)
            return [
                [.tensor(a), .none], [.tensor(try .sample([2, 4, 3])), .int(-2)], [.tensor(a), .int(1)], [.tensor(a), .double(.infinity)],
            ]
        }
    ) { call in
        let order: Double = try call.optionalDouble(1) ?? 2
        guard order.magnitude == 2 else {
            return [
                .tensor(
                    try call.condition {
                        try applySingle(.linalgMatrixNorm, [.tensor($0), .double(order), .ints([-2, -1]), .bool(false), .none])
                    })
            ]
        }
        let a = try call.matrix(0)
        guard try !settle(SymBool.any([a.shape[-1] == 0, a.shape[-2] == 0]), in: call.name) else {
            return [.tensor(try Tensor.zeros(a.shape.batch, dtype: a.dtype.real))]
        }
        let values: Tensor = try applySingle(.linalgSVDValues, [.tensor(a), .none])
        let (most, least) = (try values.select(dim: -1, index: 0), try values.select(dim: -1, index: -1))
        return [.tensor(order > 0 ? try most / least : try least / most)]
    }

    static let linalgCondNamed: Operator = composite(
        "aten::linalg_cond.p_str(Tensor self, str p) -> Tensor",
        "The Frobenius ('fro') or nuclear ('nuc') norm of square matrices times that of their inverses; infinite for singular ones.",
        samples: { try ["fro", "nuc"].map { [.tensor(try .wellConditioned(3)), .string($0)] } }
    ) { call in
        [
            .tensor(
                try call.condition {
                    try applySingle(.linalgMatrixNormNamed, [.tensor($0), call[1], .ints([-2, -1]), .bool(false), .none])
                })
        ]
    }

    static let ranks: [Operator] = matrixRanks + pseudoInverses + [linalgPinv, linalgCond, linalgCondNamed]

    /// The largest of both cutoffs counts, one of them a share of the largest singular value.
    typealias Cutoffs = @Sendable (Call) throws -> (absolute: Tensor?, share: Tensor?, hermitian: Int)

    private static func matrixRank(_ signature: String, samples: [Sample], _ cutoffs: @escaping Cutoffs) -> Operator {
        composite(
            "aten::linalg_matrix_rank\(signature) -> Tensor",
            "The ranks of matrices: how many singular values lie above an absolute tolerance and above a share of the largest one. The share is by default "
                + "the dtype's epsilon times the larger size, 0 where an absolute tolerance is given. Of Hermitian matrices the lower triangle is read.",
            samples: { try Sample.calls(samples) }
        ) { call in
            let a = try call.matrix(0)
            let (absolute, share, hermitian) = try cutoffs(call)
            let isHermitian: Bool = try call.bool(hermitian)
            if isHermitian { _ = try call.squareMatrix(0) }
            let values: Tensor =
                isHermitian
                ? try applySingle(.linalgEighValues, [.tensor(a), .string("L")]).abs()
                : try applySingle(.linalgSVDValues, [.tensor(a), .none])
            let limit: Tensor = try cutoff(a, values, absolute, share)
            return [.tensor(try (values .> limit).sum(dim: -1))]
        }
    }

    private static func pseudoInverse(_ signature: String, samples: [Sample], _ cutoffs: @escaping Cutoffs) -> Operator {
        composite(
            "aten::linalg_pinv\(signature) -> Tensor",
            "The Moore-Penrose inverse: singular values up to an absolute tolerance, or up to a share of the largest one, count as zero. The share is by "
                + "default the dtype's epsilon times the larger size, 0 where an absolute tolerance is given.",
            samples: { try Sample.calls(samples) }
        ) { call in
            let a = try call.matrix(0)
            let (absolute, share, hermitian) = try cutoffs(call)
            func inverted(_ values: Tensor, _ sizes: Tensor) throws -> Tensor {
                let isLarge = try sizes .> cutoff(a, sizes, absolute, share)
                // Ones in the place of small values keep the gradient finite.
                let safe = try Tensor.where(isLarge, values, values.onesLike())
                return try Tensor.where(isLarge, safe.reciprocal(), values.zerosLike()).unsqueezed(-2).to(a.dtype)
            }
            if try call.bool(hermitian) {
                let parts = try applyTensors(.linalgEigh, [.tensor(call.squareMatrix(0)), .string("L"), .bool(true)])
                return [.tensor(try (parts[1] * inverted(parts[0], parts[0].abs())).matmul(parts[1].adjoint()))]
            }
            let parts = try applyTensors(.linalgSVD, [.tensor(a), .bool(false), .bool(true), .none])
            return [.tensor(try (parts[2].adjoint() * inverted(parts[1], parts[1])).matmul(parts[0].adjoint()))]
        }
    }

    private static func cutoff(_ a: Tensor, _ values: Tensor, _ absolute: Tensor?, _ share: Tensor?) throws -> Tensor {
        let largest: Tensor = try values.largest(keepDim: true)
        func spread(_ cutoff: Tensor) throws -> Tensor { try (cutoff.rank == 0 ? cutoff : cutoff.unsqueezed(-1)).to(values.dtype) }
        guard share == nil else {
            let relative: Tensor = try largest * spread(share ?? largest)
            return try absolute.map { try relative.maximum(spread($0)) } ?? relative
        }
        let standard: any ScalarConvertible = SymFloat(max(a.shape[-1], a.shape[-2])) * a.dtype.smallestStep
        let relative: Tensor = try largest * standard
        guard let absolute = try absolute.map(spread) else { return relative }
        return try Tensor.where(absolute .> 0, absolute, relative)
    }

    /// An argument of the samples, after the matrix.
    private enum Sample: Sendable {
        case none, tenth
        case bool(Bool)
        case double(Double)

        static func calls(_ further: [Sample]) throws -> [[OperatorArgument]] {
            let arguments: [OperatorArgument] = try further.map {
                switch $0 {
                case .none: .none
                case .bool(let value): .bool(value)
                case .double(let value): .double(value)
                case .tenth: .tensor(try Tensor([0.1]).reshaped([]))
                }
            }
            return [
                [.tensor(try .positiveDefinite(3))] + arguments, [.tensor(try .sample([2, 3, 3]).matmul(.sample([3, 3])))] + arguments,
            ]
        }
    }
}

extension Call {
    /// A tolerance, as a tensor of real numbers.
    fileprivate func cutoff(_ index: Int) throws -> Tensor? {
        switch self[index] {
        case .none: return nil
        case .tensor(let tensor):
            guard !tensor.dtype.isComplex else { throw error(.dtypeMismatch, "a tolerance must be real, not \(tensor.dtype)") }
            return tensor
        default: return try Tensor.scalar(scalar(index), dtype: .float64)
        }
    }

    /// The norm of square matrices times that of their inverses; infinite for singular ones.
    fileprivate func condition(_ norm: (Tensor) throws -> Tensor) throws -> Tensor {
        let a = try squareMatrix(0)
        let parts = try applyTensors(.linalgInvEx, [.tensor(a), .bool(false)])
        let isSingular: Tensor = try (parts[1] .> 0).unsqueezed(-1).unsqueezed(-1)
        return try norm(a) * norm(parts[0].maskedFill(isSingular, Double.infinity))
    }
}

extension Tensor {
    /// The ranks of matrices: how many singular values lie above `atol` and above `rtol` times the largest. By default `rtol` is the dtype's epsilon times
    /// the larger size, 0 where `atol` is given.
    public func matrixRank(
        atol: (any ScalarConvertible)? = nil, rtol: (any ScalarConvertible)? = nil, hermitian: Bool = false
    ) throws -> Tensor {
        let operation = try Operator.named("linalg_matrix_rank.atol_rtol_float")
        return try applySingle(
            operation, [.tensor(self), atol.map { .float($0) } ?? .none, rtol.map { .float($0) } ?? .none, .bool(hermitian)])
    }

    /// Condition numbers of matrices by the norm of order `p`: 2, -2, 1, -1 or an infinity. Infinite for singular matrices.
    public func cond(_ p: any ScalarConvertible = 2) throws -> Tensor {
        try applySingle(.linalgCond, [.tensor(self), .scalar(p.scalar)])
    }

    /// Condition numbers of square matrices by the norm "fro" or "nuc".
    public func cond(named p: String) throws -> Tensor { try applySingle(.linalgCondNamed, [.tensor(self), .string(p)]) }
}
