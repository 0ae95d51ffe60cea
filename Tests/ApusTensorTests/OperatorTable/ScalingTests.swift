import Testing

@testable import ApusTensor

/// Norms, deviations, angles and quotients of vectors keep their meaning under a power of two: what holds of ordinary numbers holds at both ends of
/// a dtype's range, values and gradients. That is the judge here.
@Suite struct ScalingTests {
    /// Powers of two up to which the vectors below, and their sums, lie in the dtype.
    static let exponents: [(dtype: DType, exponents: [Int])] = [
        (.float16, [-9, 0, 9]), (.bfloat16, [-110, -66, 66, 120]), (.float32, [-110, -66, 66, 120]), (.float64, [-900, -660, 660, 1015]),
        (.complex64, [-110, -66, 66, 120]), (.complex128, [-900, -660, 660, 1015]),
    ]

    /// A function whose value grows with its argument to the power of `degree`.
    struct Scaled: Sendable {
        let name: String
        let degree: Int
        var takesComplex = true
        /// Normalisations square numbers of float32 in float64, but those of float64 nowhere.
        var takesFloat64 = true
        let function: @Sendable (Tensor) throws -> Tensor
    }

    static let functions: [Scaled] = {
        var functions: [Scaled] = []
        for order in [0.5, 1, 2, 3, 7.5, Double.infinity, -Double.infinity, -2] {
            functions.append(Scaled(name: "norm \(order)", degree: 1) { try $0.norm(Scalar(order)) })
            functions.append(Scaled(name: "norm \(order) of columns", degree: 1) { try $0.norm(Scalar(order), dims: [0]) })
            functions.append(Scaled(name: "norm \(order) of rows", degree: 1) { try $0.norm(Scalar(order), dims: [1]) })
        }
        functions += [
            Scaled(name: "std", degree: 1) { try $0.std() },
            Scaled(name: "std of columns", degree: 1) { try $0.std(dims: [0]) },
            Scaled(name: "std of transposed rows", degree: 1) { try $0.transposed(0, 1).contiguous().transposed(0, 1).std(dims: [1]) },
            Scaled(name: "share of the norm", degree: 0) { try $0 / $0.norm() },
            Scaled(name: "share of the sum", degree: 0) { try $0 / $0.sum() },
            Scaled(name: "cosine", degree: 0, takesComplex: false) { try $0.cosineSimilarity($0.flipped([1]), epsilon: 0) },
            Scaled(name: "distance", degree: 1) { try applySingle(.dist, [.tensor($0), .tensor($0.flipped([1])), .double(3)]) },
            Scaled(name: "distances", degree: 1, takesComplex: false) { try $0.cdist($0.flipped([1])) },
            Scaled(name: "angle", degree: 0) { x in x.dtype.isComplex ? try x.angle() : try x.atan2(x.flipped([1])) },
            Scaled(name: "length", degree: 1) { x in x.dtype.isComplex ? try x.abs() : try x.hypot(x.flipped([1])) },
            Scaled(name: "direction", degree: 0) { try $0.sgn() },
            Scaled(name: "layer norm", degree: 0, takesComplex: false, takesFloat64: false) { try $0.layerNorm([4], epsilon: 0) },
            Scaled(name: "group norm", degree: 0, takesComplex: false, takesFloat64: false) { try $0.groupNorm(groups: 2, epsilon: 0) },
            Scaled(name: "rms norm", degree: 0, takesComplex: false, takesFloat64: false) { try $0.rmsNorm([4], epsilon: 0) },
            Scaled(name: "rms norm of all with weights", degree: 0, takesComplex: false, takesFloat64: false) {
                try $0.rmsNorm([2, 4], weight: Tensor.sample([2, 4], dtype: $0.dtype, in: 0.5...2), epsilon: 0)
            },
            Scaled(name: "distances of pairs of rows", degree: 1, takesComplex: false) {
                try applySingle(.pdist, [.tensor($0.reshaped([4, 2])), .double(3)])
            },
            Scaled(name: "distances of rows", degree: 1, takesComplex: false) { try $0.pairwiseDistance($0.flipped([1]), epsilon: 0) },
            Scaled(name: "batch norm", degree: 0, takesComplex: false, takesFloat64: false) {
                try $0.reshaped([4, 2]).batchNorm(epsilon: 0)
            },
        ]
        return functions
    }()

    static func parts(_ tensor: Tensor) throws -> [Double] {
        try (tensor.dtype.isComplex ? tensor.contiguous().viewAsReal() : tensor).array(of: Double.self)
    }

    @Test func valuesAndGradientsScale() throws {
        var compared = 0
        // Multiples of 1/16, that halves hold exactly too.
        let rows: [Double] = [1.5, -0.75, 1.25, 0.5, -1.125, 0.875, 1.0, -1.375]
        for (dtype, exponents) in Self.exponents {
            let plain: Tensor =
                try dtype.isComplex
                ? Tensor(rows + rows.reversed(), shape: [2, 4, 2]).viewAsComplex().to(dtype) : Tensor(rows, shape: [2, 4]).to(dtype)
            let accuracy: Double = dtype == .float16 ? 2e-3 : dtype == .bfloat16 ? 1.6e-2 : dtype.real == .float32 ? 2e-6 : 1e-14
            for function in Self.functions {
                guard function.takesComplex || !dtype.isComplex, function.takesFloat64 || dtype != .float64 else { continue }
                func loss(_ x: Tensor) throws -> Tensor {
                    let value = try function.function(x)
                    let real: Tensor = try value.dtype.isComplex ? value.viewAsReal() : value
                    // Weights tell the results apart, small enough for sums of large ones.
                    return try (real * Tensor.sample(real.sizes, dtype: real.dtype, in: 0.03...0.06)).sum()
                }
                let (value, gradient) = (try Self.parts(function.function(plain)), try Self.parts(ApusTensor.gradient(at: plain, loss)))
                for exponent in exponents {
                    // In two steps, since 2^1015 times a float fits where the factor alone may not.
                    let factor: Double = Self.exp2(exponent)
                    let scaled: Tensor = try (plain * Self.exp2(exponent / 2)) * Self.exp2(exponent - exponent / 2)
                    let values: [(String, [Double], [Double], Int)] = [
                        ("value", value, try Self.parts(function.function(scaled)), function.degree),
                        ("gradient", gradient, try Self.parts(ApusTensor.gradient(at: scaled, loss)), function.degree - 1),
                    ]
                    for (kind, right, ours, degree) in values {
                        let unit: Double = degree == 0 ? 1 : degree == 1 ? factor : 1 / factor
                        let size: Double = right.map(\.magnitude).max() ?? 0
                        for (expected, value) in zip(right, ours) {
                            compared += 1
                            let isClose: Bool = (value / unit - expected).magnitude <= accuracy * size * 4
                            // A gradient may lie below or above the dtype.
                            let fits: Bool = expected == 0 || Self.fits(expected * unit, dtype)
                            if !isClose && fits {
                                Issue.record("\(kind) of \(function.name) in \(dtype) at 2^\(exponent): \(value / unit), not \(expected)")
                            }
                        }
                    }
                }
            }
        }
        print("\(compared) values and gradients compared under scaling")
        #expect(compared > 5000)
    }

    private static func exp2(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

    private static func fits(_ value: Double, _ dtype: DType) -> Bool {
        let smallest: Double = dtype == .float16 ? 0x1p-14 : dtype.real == .float64 ? 0x1p-1022 : 0x1p-126
        return value.magnitude >= smallest && value.magnitude <= dtype.largestFinite
    }

    // MARK: Values

    @Test func complexNumbersDivideAtAllMagnitudes() throws {
        for (dtype, large) in [(DType.complex64, 1e30), (.complex128, 1e300)] {
            for (a, b) in [(large, large), (1 / large, 1 / large), (large, 1.0), (1.0, large), (1 / large, large)] {
                let x: Tensor = try Tensor([a, a], shape: [1, 2]).viewAsComplex().to(dtype)
                let y: Tensor = try Tensor([b, -b], shape: [1, 2]).viewAsComplex().to(dtype)
                // (a + ai) / (b - bi) = i a / b
                let quotient: [Double] = try Self.parts(x / y)
                let right: Double = a / b < (dtype == .complex64 ? 1e-45 : 0x1p-1073) ? 0 : a / b
                let off: Double = quotient[0].magnitude + (quotient[1] - right).magnitude
                #expect(off <= (dtype == .complex64 ? 1e-6 : 1e-15) * right, "\(a) / \(b): \(quotient)")
            }
            // The square of the diagonal is imaginary: a difference of two infinities is none.
            let diagonal: Tensor = try Tensor([large, large], shape: [1, 2]).viewAsComplex().to(dtype)
            #expect(try Self.parts(diagonal.square()) == [0, .infinity])
            // Sigmoids of numbers far to the left and right.
            let far: Tensor = try Tensor([-large, large, large, large], shape: [2, 2]).viewAsComplex().to(dtype)
            #expect(try Self.parts(far.sigmoid()).map(\.magnitude) == [0, 0, 1, 0])
        }
    }

    @Test func activationsReachTheEnds() throws {
        for dtype in [DType.bfloat16, .float32, .float64] {
            let large: Double = dtype == .float64 ? 1.5e308 : 0x1.8p127
            let x: Tensor = try Tensor([large, -large], shape: [2]).to(dtype)
            #expect(try x.hardswish().array(of: Double.self) == [large, 0])
            for approximation in [Tensor.GeluApproximation.none, .tanh] {
                #expect(try x.gelu(approximate: approximation).array(of: Double.self) == [large, 0])
                let slopes: Tensor = try gradient(at: x) { try $0.gelu(approximate: approximation).sum() }
                #expect(try slopes.array(of: Double.self) == [1, 0])
            }
        }
        // 2^200 leaves float32, its product with 1e-30 does not.
        let scaled: Tensor = try applySingle(.ldexp, [.tensor(Tensor([Float(1e-30)])), .tensor(Tensor([200] as [Int], shape: [1]))])
        #expect(try scaled.array(of: Float.self) == [Float(1e-30) * 0x1p100 * 0x1p100])
    }

    @Test func gradientsOfLogsumexpAddUpToOne() throws {
        for (dtype, large) in [(DType.float16, 3e4), (.bfloat16, 1e30), (.float32, 1e15), (.float64, 1e200)] {
            let x: Tensor = try Tensor([large, large, -large, large], shape: [4]).to(dtype)
            let shares: [Double] = try gradient(at: x) { try $0.logsumexp(dims: [0]) }.array(of: Double.self)
            for (share, right) in zip(shares, [1 / 3.0, 1 / 3.0, 0, 1 / 3.0]) {
                #expect((share - right).magnitude <= 2e-3, "\(dtype): \(shares)")
            }
        }
    }

    /// PyTorch's values: sums are formed in float32 at least, and no further.
    @Test func meansAndSumsOfTheLargest() throws {
        for (dtype, mean) in [(DType.float16, 65504), (.bfloat16, .infinity), (.float32, .infinity), (.float64, .infinity)] {
            let x: Tensor = try Tensor.full([20, 3], Scalar(dtype.largestFinite), dtype: dtype)
            #expect(try x.sum().item(Double.self) == .infinity && x.mean().item(Double.self) == mean)
            #expect(try x.mean(dims: [0]).array(of: Double.self) == [mean, mean, mean])
        }
    }

    @Test func logarithmsOfDeterminantsThatDoNotFit() throws {
        for (dtype, exponents) in [(DType.float32, [-110, -66, 66, 120]), (.float64, [-900, 900])] {
            let plain: Tensor = try Tensor([1.5, -0.75, 1.25, 0.5, -1.125, 0.875, 1.0, -1.375, 3] as [Double], shape: [3, 3]).to(dtype)
            let logarithm: Double = try plain.slogdet().logarithm.item(Double.self)
            let slopes: [Double] = try gradient(at: plain) { try $0.slogdet().logarithm }.array(of: Double.self)
            for exponent in exponents {
                let scaled: Tensor = try plain * Self.exp2(exponent)
                let (sign, found) = try scaled.slogdet()
                let right: Double = logarithm + 3 * Double(exponent) * 0.6931471805599453
                #expect(try sign.item(Double.self) == plain.slogdet().sign.item(Double.self))
                #expect(try (found.item(Double.self) - right).magnitude <= 1e-6 * right.magnitude, "\(dtype) at 2^\(exponent)")
                let given: [Double] = try gradient(at: scaled) { try $0.slogdet().logarithm }.array(of: Double.self)
                for (ours, right) in zip(given, slopes) {
                    #expect((ours * Self.exp2(exponent) - right).magnitude <= 4e-6, "\(dtype) at 2^\(exponent): \(given)")
                }
            }
        }
    }

    @Test func gradientsOfRunningLogsumexpAreSharesOfTheSums() throws {
        for (dtype, large) in [(DType.float16, 3e4), (.bfloat16, 1e30), (.float32, 1e15), (.float64, 1e200), (.float32, 0)] {
            let x: Tensor = try Tensor([-Double.infinity, large, large, -large, large], shape: [5]).to(dtype)
            let weights: Tensor = try Tensor([1.0, 2, 4, 8, 16]).to(dtype)
            let gradients: [Double] = try gradient(at: x) { try ($0.logcumsumexp(dim: 0) * weights).sum() }.array(of: Double.self)
            // Of the second sum's weight 2 the one element has all, of 4 two have halves, and so on; -infinity and -large have nothing.
            let equal: [Double] = [0, 11 - 1.0 / 3, 9 - 1.0 / 3, 7 - 1.0 / 3, 4]
            let apart: [Double] = [0, 13 + 1.0 / 3, 11 + 1.0 / 3, 0, 5 + 1.0 / 3]
            let right: [Double] = large == 0 ? equal : apart
            for (ours, right) in zip(gradients, right) { #expect((ours - right).magnitude <= 4e-3 * right, "\(dtype): \(gradients)") }
        }
    }

    @Test func renormTakesVectorsWhoseNormsDoNotFit() throws {
        for (dtype, large) in [(DType.float16, 6e4), (.bfloat16, 3e38), (.float32, 3e38)] {
            let x: Tensor = try Tensor.full([2, 16], Scalar(large), dtype: dtype)
            let values: [Double] = try applySingle(.renorm, [.tensor(x), .double(2), .int(0), .double(8)]).array(of: Double.self)
            for value in values { #expect((value - 2).magnitude <= 2e-3, "\(dtype): \(values)") }
        }
    }

    @Test func quotientsByNumbersWhoseSquaresDoNotFit() throws {
        // d/db (a / b) = -a / b^2
        for (dtype, a, b, right) in [
            (DType.float32, 1e20, 1e20, -1e-20), (.float32, 1e-30, 1e-30, -1e30), (.float32, 1e10, 1e20, -1e-30),
            (.float16, 600, 300, -600 / 9e4),
            (.float64, 1e200, 1e200, -1e-200), (.complex64, 1e25, 1e25, -1e-25),
        ] {
            let (x, y): (Tensor, Tensor) = (try Tensor([a], shape: [1]).to(dtype), try Tensor([b], shape: [1]).to(dtype))
            for function: (Tensor) throws -> Tensor in [{ try x / $0 }, { try a / $0 }, { try x.zerosLike().addcdiv(x, $0) }] {
                let slope: Double = try Self.parts(gradient(at: y) { try function($0).realPart().sum() })[0]
                #expect(
                    (slope - right).magnitude <= (dtype == .float16 ? 2e-3 : 2e-6) * right.magnitude, "\(a) / \(b) in \(dtype): \(slope)")
            }
        }
    }
}
