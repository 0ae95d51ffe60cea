import ApusSymbolic

// The exponential of square matrices.

extension Operator {
    static let linalgMatrixExp: Operator = matrixExponential("aten::linalg_matrix_exp(Tensor self) -> Tensor")
    static let matrixExp: Operator = matrixExponential("aten::matrix_exp(Tensor self) -> Tensor")

    private static func matrixExponential(_ schema: String) -> Operator {
        Operator(
            schema,
            "The exponential of square matrices [..., n, n], by Padé's approximant of order 13 with scaling and squaring (N. Higham, 'The scaling and squaring "
                + "method for the matrix exponential revisited', 2005). NaN where a matrix holds a number that is not finite.",
            rule: { call in
                let a = try call.tensor(0)
                guard a.dtype.isDifferentiable else {
                    throw call.error(.dtypeMismatch, "takes floating-point and complex matrices, not \(a.dtype)")
                }
                guard a.rank >= 2 else {
                    throw call.error(.shapeMismatch, "takes matrices (at least two dimensions), not shape \(a.shape)")
                }
                try require(
                    a.shape[-1] == a.shape[-2], call.error(.shapeMismatch, "takes square matrices, not shape \(a.shape)"))
                return [a.spec]
            },
            kernel: .compute { call, outputs in
                try Interpreter.with(nil) {
                    // The squarings magnify rounding errors.
                    let x = try call.tensor(0)
                    let wide: Tensor = try x.to(x.dtype.isComplex ? .complex128 : .float64)
                    try call.copy(exponential(wide).to(x.dtype), to: outputs[0])
                }
            },
            gradient: { g in
                // The derivative is the upper right block of the exponential of a matrix of blocks.
                let a: Tensor = try g.call.tensor(0).adjoint()
                let n: SymInt = a.shape[-1]
                let upper: Tensor = try Tensor.cat([a, g.gradient], dim: -1)
                let lower: Tensor = try Tensor.cat([a.zerosLike(), a], dim: -1)
                let whole: Tensor = try applySingle(.linalgMatrixExp, [.tensor(Tensor.cat([upper, lower], dim: -2))])
                return [.tensor(try whole.narrowed(dim: -2, from: 0, length: n).narrowed(dim: -1, from: n, length: n))]
            },
            samples: {
                [
                    [.tensor(try .sample([3, 3]))], [.tensor(try .sample([2, 2, 2], dtype: .float64, in: -9...9))],
                    [.tensor(try .sample([2, 2], dtype: .complex64))],
                ]
            })
    }

    private static func exponential(_ given: Tensor) throws -> Tensor {
        let sizes: [Int] = given.layout.sizesArray
        guard !sizes.contains(0) else { return given }
        let isFinite: Tensor = try given.isfinite().all(dim: -1, keepDim: true).all(dim: -2, keepDim: true)
        let matrices: Tensor = try Tensor.where(isFinite, given, given.zerosLike())
        let norms: [Double] = try matrices.abs().sum(dim: -2, keepDim: true).amax(dim: -1, keepDim: true).array(of: Double.self).map {
            min($0, .greatestFiniteMagnitude)
        }
        // Up to this norm the approximant is as exact as float64.
        let squarings: [Int] = norms.map { $0 <= 5.371920351148152 ? 0 : max(0, ($0 / 5.371920351148152).exponentAbove) }
        let counts: Tensor = try Tensor(squarings, shape: Array(sizes.dropLast(2)) + [1, 1])
        let a: Tensor =
            try matrices * Tensor(squarings.map { Double(sign: .plus, exponent: -$0, significand: 1) }, shape: counts.sizes).to(given.dtype)
        let identity: Tensor = try Tensor.eye(sizes[sizes.count - 1], dtype: given.dtype).expanded(given.shape)
        let c: [Double] = [
            64_764_752_532_480_000, 32_382_376_266_240_000, 7_771_770_303_897_600, 1_187_353_796_428_800, 129_060_195_264_000,
            10_559_470_521_600,
            670_442_572_800, 33_522_128_640, 1_323_241_920, 40_840_800, 960_960, 16_380, 182, 1,
        ].map { $0 / 64_764_752_532_480_000 }
        let two: Tensor = try a.matmul(a)
        let four: Tensor = try two.matmul(two)
        let six: Tensor = try four.matmul(two)
        func sum(_ start: Int) throws -> Tensor {
            let high: Tensor = try six * c[start + 12] + four * c[start + 10] + two * c[start + 8]
            return try six.matmul(high) + six * c[start + 6] + four * c[start + 4] + two * c[start + 2] + identity * c[start]
        }
        let (odd, even): (Tensor, Tensor) = (try a.matmul(sum(1)), try sum(0))
        var result: Tensor = try applyTensors(.linalgSolveEx, [.tensor(even - odd), .tensor(even + odd), .bool(true), .bool(false)])[0]
        for step in 0..<(squarings.max() ?? 0) { result = try Tensor.where(counts .> step, result.matmul(result), result) }
        return try Tensor.where(isFinite, result, Double.nan)
    }
}

extension Double {
    /// The least power of two from this number on.
    fileprivate var exponentAbove: Int { Int(exponent) + (significand == 1 ? 0 : 1) }
}

extension Tensor {
    /// The exponential of square matrices [..., n, n].
    public func matrixExp() throws -> Tensor { try applySingle(.matrixExp, [.tensor(self)]) }
}
