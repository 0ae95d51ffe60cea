import Testing

@testable import ApusTensor

/// Every elementwise operator at zeros, the smallest and largest numbers, infinities and NaN, alone and in combination, in every floating-point
/// dtype, against PyTorch.
@Suite struct SpecialValueTests {
    static let dtypes: [DType] = [.float16, .bfloat16, .float32, .float64]

    /// Points at which values differ for a reason: still differ, all of a record's points in a dtype together.
    struct Difference: Sendable {
        let names: Set<String>
        var dtypes: [DType] = SpecialValueTests.dtypes
        let reason: String
        /// Whether values differ on every run; else PyTorch's are there at one time and not at another.
        var isSteady = true
        /// Whether it is so at a point, the operands' values.
        let holds: @Sendable ([Double]) -> Bool
    }

    /// What `TorchDifference` lists is right here; of the others each says what it is.
    static let differences: [Difference] = [
        Difference(
            names: ["special_modified_bessel_i0", "special_modified_bessel_i1"], dtypes: [.float32, .float64],
            reason: "infinite at infinities; TorchDifference"
        ) { $0[0].isInfinite },
        Difference(names: ["i0", "special_i0", "special_i1"], reason: "infinite at infinities; TorchDifference") { $0[0].isInfinite },
        Difference(
            names: Set(
                ["chebyshev_polynomial_u", "chebyshev_polynomial_w", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u"].map
                { "special_\($0)" }
                    + ["special_shifted_chebyshev_polynomial_w", "special_laguerre_polynomial_l", "special_legendre_polynomial_p"]),
            dtypes: [.float32, .float64], reason: "PyTorch leaves its loop at NaN, with what was in memory", isSteady: false
        ) { $0[0].isNaN && $0[1] >= 2 },
        Difference(names: ["special_hermite_polynomial_h"], dtypes: [.float32], reason: "the order of products that overflow") {
            $0[0].magnitude == 2.5 && $0[1] == 50
        },
        Difference(
            names: ["special_laguerre_polynomial_l", "special_laguerre_polynomial_l.x_scalar"], dtypes: [.float32],
            reason: "four hundred steps, each rounded"
        ) { $0.last == 400 },
        Difference(names: ["special_zeta.other_scalar"], dtypes: [.float32, .float64], reason: "0 far out, TorchDifference") {
            $0[0] > 1e30
        },
        Difference(names: ["special_zeta.self_scalar"], dtypes: [.float32, .float64], reason: "0 far out, TorchDifference") {
            $0[0] == .infinity
        },
        Difference(
            names: ["special_bessel_j0", "special_bessel_j1", "special_bessel_y0", "special_bessel_y1", "special_airy_ai"],
            dtypes: [.float32, .float64], reason: "PyTorch's have nine digits, fewer far out and none at infinity"
        ) { $0[0].magnitude >= 2.5 },
        Difference(
            names: ["special_modified_bessel_k1", "special_scaled_modified_bessel_k0", "special_scaled_modified_bessel_k1"],
            dtypes: [.float32], reason: "PyTorch's overflow on the way"
        ) { $0[0] == 0x1p-149 },
        Difference(
            names: ["igamma", "igammac", "special_gammainc", "special_gammaincc"],
            reason:
                "NaN is no number; of the largest, 0 and 1 are left; PyTorch's lose digits where both are large, and take the least for 0"
        ) { point in point.contains { $0.isNaN } || point[0] > 1e4 || point[0] <= 0x1p-133 || (point[0] >= 50 && point[1] >= 50) },
        Difference(names: ["erf", "special_erf"], dtypes: [.bfloat16], reason: "PyTorch's vectors drop denormal steps") {
            $0[0].magnitude == 0x1p-126
        },
        Difference(names: ["special_zeta"], dtypes: [.float32, .float64], reason: "0 far out, TorchDifference; and NaN comes before poles")
        {
            ($0[0] == 1 && $0[1].isNaN) || ($0[0].isNaN && $0[1] <= 0 && $0[1] == $0[1].rounded())
                || ($0[0] > 1e30 && $0[1] > 1) || ($0[0] > 1 && $0[1] == .infinity)
        },
        Difference(names: ["gelu"], dtypes: [.bfloat16, .float32], reason: "large numbers are their own; TorchDifference") { $0[0] > 1e30 },
        Difference(names: ["gelu"], dtypes: [.float32], reason: "PyTorch's cumulative function cancels") { $0[0] == -3 || $0[0] == -4 },
        Difference(names: ["hardswish"], dtypes: [.bfloat16, .float32, .float64], reason: "large numbers are their own; TorchDifference") {
            $0[0] > 1e30 && $0[0].isFinite
        },
        Difference(names: ["sigmoid_backward"], reason: "no sigmoid's value; the order of products beyond its range") {
            $0[1] < 0 || $0[1] > 1
        },
        Difference(names: ["gelu_backward"], reason: "slopes at infinities are 0 and 1; TorchDifference") { $0[1].isInfinite },
        Difference(names: ["gelu_backward"], dtypes: [.bfloat16, .float32], reason: "small slopes are as exact as numbers near 1") {
            $0[1] <= -3 && $0[1].isFinite
        },
        Difference(names: ["hardsigmoid_backward"], dtypes: [.float64], reason: "a sixth of float32; TorchDifference") {
            $0[1].magnitude < 3
        },
        Difference(names: ["softplus_backward"], dtypes: [.bfloat16, .float32, .float64], reason: "slopes are below 1; TorchDifference") {
            $0[0].magnitude > 1e30 && ($0[1] == 1 || $0[1] == 0.5)
        },
        Difference(names: ["remainder.Tensor", "remainder.Scalar"], reason: "zeros have the divisor's sign; TorchDifference") {
            let divisor: Double = $0.count > 1 ? $0[1] : 2
            return $0[0].truncatingRemainder(dividingBy: divisor) == 0
        },
        Difference(names: ["remainder.Scalar_Tensor"], reason: "as of tensors; and quotients that overflow") {
            7.5.truncatingRemainder(dividingBy: $0[0]) == 0
        },
        Difference(names: ["fmod.Tensor"], dtypes: [.bfloat16, .float32], reason: "quotients that overflow; TorchDifference") {
            $0[0].isFinite && $0[0].magnitude / $0[1].magnitude > Double(Float.greatestFiniteMagnitude) && $0[1] != 0
        },
        Difference(names: ["fmod.Tensor"], dtypes: [.float64], reason: "quotients that overflow; TorchDifference") {
            $0[0].isFinite && $0[0].magnitude / $0[1].magnitude == .infinity && $0[1] != 0
        },
        Difference(names: ["fmin", "fmax"], dtypes: [.bfloat16], reason: "either zero is the least and the greatest of both") {
            $0[0] == 0 && $0[1] == 0
        },
    ]

    /// Not there for halves in PyTorch.
    static let refused: Set<String> = Set(
        (["special_zeta", "special_zeta.other_scalar", "special_zeta.self_scalar", "special_erfcx", "special_ndtri", "special_log_ndtr"]
            + (Operator.besselFunctions + Operator.orthogonalPolynomials).map { "\($0.name.dropFirst("aten::".count))" })
            .flatMap { ["\($0) float16", "\($0) bfloat16"] })

    /// Operations that round once or not at all: every bit is judged.
    static let exact: Set<String> = [
        "nextafter", "copysign.Tensor", "add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "sqrt", "floor", "ceil", "round", "trunc",
        "neg",
        "abs", "maximum", "minimum", "relu", "sign", "frac",
    ]

    static func values(_ dtype: DType, isShort: Bool) -> [Double] {
        let (least, normal, most): (Double, Double, Double) =
            switch dtype {
            case .float16: (0x1p-24, 0x1p-14, 65504)
            case .bfloat16: (0x1p-133, 0x1p-126, 0x1.FEp127)
            case .float32: (0x1p-149, 0x1p-126, Double(Float.greatestFiniteMagnitude))
            default: (.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude)
            }
        let few: [Double] = [0, -0.0, 1, -1, 0.5, most, -most, .infinity, -.infinity, .nan]
        return isShort ? few : few + [least, -least, normal, -normal, -0.5, 2.5, -2.5, 3, -3, 4, -4, 10, -10, 50, -50, 400, -400]
    }

    /// The first sample that has floating-point tensors and no others, and where those stand.
    static func sample(of operation: Operator) throws -> (sample: [OperatorArgument], places: [Int])? {
        func isTensor(_ argument: OperatorArgument, floating: Bool) -> Bool {
            if case .tensor(let tensor) = argument { tensor.dtype.isFloatingPoint == floating } else { false }
        }
        guard let sample = try operation.samples().first(where: { $0.contains { isTensor($0, floating: true) } }) else { return nil }
        let places = sample.indices.filter { isTensor(sample[$0], floating: true) }
        return places.count > 3 || sample.contains { isTensor($0, floating: false) } ? nil : (sample, places)
    }

    /// All combinations of values.
    static func points(_ dtype: DType, operands: Int) -> [[Double]] {
        let values = Self.values(dtype, isShort: operands == 3)
        return (0..<operands).reduce([[]]) { points, _ in points.flatMap { point in values.map { point + [$0] } } }
    }

    /// The call at these points, filled up with the first so that PyTorch's vectors have no rest, which it computes by other functions.
    static func run(
        _ operation: Operator, _ sample: [OperatorArgument], _ places: [Int], _ points: [[Double]], _ dtype: DType, _ label: String
    ) throws -> ValueJudge.Case {
        let whole: [[Double]] = points + [[Double]](repeating: points[0], count: (64 - points.count % 64) % 64)
        var arguments = sample
        for (operand, place) in places.enumerated() {
            arguments[place] = .tensor(try Tensor(whole.map { $0[operand] }, shape: [whole.count]).to(dtype))
        }
        var given = try ValueJudge.run(operation, arguments, label: label)
        given.isExact = true
        given.tolerance = exact.contains("\(operation.name.dropFirst("aten::".count))") ? 0 : 1
        return given
    }

    @Test func agreeWithTorch() throws {
        var (agreeing, differing): ([ValueJudge.Case], [ValueJudge.Case]) = ([], [])
        var (records, judged, unused) = (0, 0, Set(Self.differences.indices))
        for operation in OperatorTable.all where operation.pointwiseForm != nil && operation.schema.namespace == "aten" {
            guard let (sample, places) = try Self.sample(of: operation) else { continue }
            records += 1
            let name = "\(operation.name.dropFirst("aten::".count))"
            for dtype in Self.dtypes {
                var points = Self.points(dtype, operands: places.count)
                judged += points.count
                for (index, difference) in Self.differences.enumerated() {
                    guard difference.names.contains(name), difference.dtypes.contains(dtype) else { continue }
                    let found = points.filter(difference.holds)
                    points.removeAll(where: difference.holds)
                    guard !found.isEmpty else { continue }
                    unused.remove(index)
                    if !difference.isSteady { continue }
                    differing.append(try Self.run(operation, sample, places, found, dtype, "\(dtype): \(difference.reason)"))
                }
                agreeing.append(try Self.run(operation, sample, places, points, dtype, "\(dtype)"))
            }
        }
        #expect(records > 150 && unused.isEmpty, "\(records) records, unused: \(unused.sorted().map { Self.differences[$0].reason })")
        let answers = try ValueJudge.judge(agreeing + differing)
        for (given, answer) in zip(agreeing, answers) where answer != "same" && answer != "both refuse" {
            let key = "\(given.operation.name.dropFirst("aten::".count)) \(given.label)"
            let isKnown: Bool = Self.refused.contains(key) && answer.hasPrefix("PyTorch refuses")
            #expect(isKnown, "\(given.description): \(given.refusal?.description ?? "") \(answer)")
        }
        for (given, answer) in zip(differing, answers.dropFirst(agreeing.count)) {
            #expect(answer.hasPrefix("differs"), "\(given.description) no more: \(answer)")
        }
        print("\(records) elementwise records at \(judged) points of special values")
    }

    /// Neighbours in halves are those of the dtype, not of the float32 that it is computed in.
    @Test func neighboursOfHalves() throws {
        for (dtype, step, least) in [(DType.float16, 0x1p-10, 0x1p-24), (.bfloat16, 0x1p-7, 0x1p-133)] {
            func next(_ x: [Double], _ y: [Double]) throws -> [Double] {
                try applySingle(
                    .nextafter, [.tensor(Tensor(x, shape: [x.count]).to(dtype)), .tensor(Tensor(y, shape: [y.count]).to(dtype))]
                ).array(of: Double.self)
            }
            #expect(try next([1, 1, -1, 0, -0.0, 2], [2, -2, 0, 1, -1, 2]) == [1 + step, 1 - step / 2, -1 + step / 2, least, -least, 2])
            #expect(try next([dtype.largestFinite, .infinity, least], [.infinity, 0, 0]) == [.infinity, dtype.largestFinite, 0])
        }
    }

    /// A number beside halves is no half: 0.3 of 3.5 less than 1 is -0.05.
    @Test func weightsBesideHalvesAreNotRounded() throws {
        let x = try Tensor([1.0], shape: [1]).to(.float16).lerp(Tensor([-2.5], shape: [1]).to(.float16), weight: 0.3)
        #expect(try x.array(of: Double.self) == [-0.04998779296875])
    }

    @Test func besselFunctionsAtTheExtremes() throws {
        // From mpmath, 30 digits.
        let x = try Tensor([1e308, -1e308, 1e300, 700, 713, 720, -720, 1e-300] as [Double], shape: [8])
        func values(_ operation: Operator) throws -> [Double] { try applySingle(operation, [.tensor(x)]).array(of: Double.self) }
        func agree(_ operation: Operator, _ expected: [Double]) throws {
            for (mine, right) in zip(try values(operation), expected) {
                #expect(mine == right || (mine - right).magnitude <= 4e-14 * right.magnitude, "\(operation): \(mine), not \(right)")
            }
        }
        try agree(.i0, [.infinity, .infinity, .infinity, 1.5295933476718737e+302, 6.705128263670996e+307, .infinity, .infinity, 1.0])
        try agree(.i1, [.infinity, -.infinity, .infinity, 1.5285003902339006e+302, 6.700424559186402e+307, .infinity, -.infinity, 5e-301])
        try agree(
            .i0e,
            [
                3.989422804014327e-155, 3.989422804014327e-155, 3.9894228040143264e-151, 0.015081295651531358, 0.014943127187904973,
                0.014870284185509175, 0.014870284185509175, 1.0,
            ])
        try agree(
            .i1e,
            [
                3.989422804014327e-155, -3.989422804014327e-155, 3.9894228040143264e-151, 0.015070519444716848, 0.01493264445713479,
                0.014859954008658149, -0.014859954008658149, 5e-301,
            ])
    }

    @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func hardswishHasNoSlopeAtNaN(_ dtype: DType) throws {
        let x = try Tensor([.nan, -4, 0, 4] as [Double], shape: [4]).to(dtype)
        let slopes = try gradient(at: x) { try $0.hardswish().sum() }.array(of: Double.self)
        #expect(slopes[0].isNaN && slopes.dropFirst() == [0, 0.5, 1])
    }
}
