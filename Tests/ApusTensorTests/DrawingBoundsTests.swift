import ApusSymbolic
import JudgeSupport
import Testing

@testable import ApusTensor

/// What drawings may give, and what they refuse: PyTorch's contracts, over all dtypes at and just outside their bounds.
@Suite struct DrawingBoundsTests {
    private static let floats: [DType] = [.float16, .bfloat16, .float32, .float64]

    /// [from, to) after both are rounded to the dtype, and `from` where they are one then.
    @Test func uniformNumbersStayBelowTheUpperBound() throws {
        let ranges: [(Double, Double)] = [
            (0, 1), (1, 1.0000002), (1, 1.001), (1.001, 1.002), (-1, 0), (-2, -1), (-1.0000002, -1), (0, 6e-8), (0, 1e-7), (-3e-8, 3e-8),
            (0, 1.5e-5), (-30_000, 30_000), (100, 104), (65_000, 65_504), (0.1, 0.1), (0, 1e-45), (0, 3e38), (-1e300, 1e300), (0, 0),
        ]
        var drawn = 0
        for dtype in Self.floats {
            for (low, high) in ranges where max(-low, high, high - low) <= dtype.largestFinite {
                let bounds: [Double] = try Tensor([low, high], dtype: dtype).array(of: Double.self)
                let x = try Tensor.uniform(low, high, [20_000], dtype: dtype, seed: 3).array(of: Double.self)
                drawn += 1
                if bounds[0] == bounds[1] {
                    #expect(x.allSatisfy { $0 == bounds[0] }, "\(low) ..< \(high) in \(dtype)")
                } else {
                    #expect(x.allSatisfy { $0 >= bounds[0] && $0 < bounds[1] }, "\(low) ..< \(high) in \(dtype)")
                }
            }
        }
        #expect(drawn >= 60)
    }

    /// A number of the dtype has the probability of being reached that it says: `rand() < p` is true with probability p.
    @Test(arguments: floats) func uniformNumbersAreBelowEachNumberAsOftenAsItSays(_ dtype: DType) throws {
        let count = 200_000
        let x = try Tensor.rand([SymInt(count)], dtype: dtype, seed: 5).array(of: Double.self)
        for limit in [0.00390625, 0.125, 0.5, 0.75, 0.984375, 0.99609375] {
            let share = Double(x.count { $0 < limit }) / Double(count)
            let deviation = (limit * (1 - limit) / Double(count)).squareRoot()
            #expect((share - limit).magnitude < 4.5 * deviation, "\(limit) in \(dtype): \(share)")
        }
    }

    @Test(arguments: floats) func exponentialNumbersArePositive(_ dtype: DType) throws {
        let x = try Tensor.zeros([20_000], dtype: dtype)
        let draws = try applySingle(.exponential, [.tensor(x), .double(2), .none]).array(of: Double.self)
        #expect(draws.allSatisfy { $0 > 0 && $0.isFinite })
    }

    /// Integers in floating-point dtypes are rounded to numbers within the bounds.
    @Test func integersOfFloatsStayWithinTheirBounds() throws {
        for dtype in Self.floats {
            for (low, high) in [(0, 257), (0, 300), (255, 259), (-259, -255), (0, 2050), (-2051, 2051), (0, 65_505), (1, 1 << 24 + 2)] {
                guard Double(high - 1) <= dtype.largestFinite else { continue }
                let x = try Tensor.randint(low, high, [20_000], dtype: dtype, seed: 9).array(of: Int.self)
                #expect(x.allSatisfy { $0 >= low && $0 < high }, "\(low) ..< \(high) in \(dtype)")
            }
        }
        // 2049 is no float16; PyTorch gives 2048.
        let error = #expect(throws: TensorError.self) { try Tensor.randint(2049, 2050, [3], dtype: .float16) }
        #expect(error?.statement == "randint: float16 does not hold the integers from 2049 to below 2050")
        let order = try Tensor.randperm(2049, dtype: .float16, seed: 1).array(of: Int.self)
        #expect(order.sorted() == Array(0...2048))
    }

    private struct Case {
        /// Python that draws; `d` is the dtype.
        let theirs: String
        let ours: @Sendable (DType) throws -> Tensor
        /// Where PyTorch draws numbers that are none of the distribution: an error here alone.
        var isStricter: @Sendable (DType) -> Bool = { _ in false }
    }

    private static func bounds(_ dtype: DType) -> [Case] {
        let edge: ClosedRange<Int> = dtype == .bool ? 0...1 : dtype.integerRange
        var cases: [Case] = []
        if dtype == .bool || (dtype.isInteger && dtype != .int64) {
            for (low, high) in [
                (edge.lowerBound, edge.upperBound + 1), (edge.lowerBound - 1, edge.upperBound), (edge.lowerBound, edge.upperBound + 2),
                (edge.upperBound, edge.upperBound + 1), (edge.upperBound + 1, edge.upperBound + 2),
            ] {
                cases.append(
                    Case(theirs: "torch.randint(\(low), \(high), (3,), dtype=d)", ours: { try .randint(low, high, [3], dtype: $0) }))
                cases.append(
                    Case(
                        theirs: "torch.randint_like(torch.zeros(3, dtype=d), \(low), \(high))",
                        ours: {
                            try applySingle(
                                .randintLikeLow,
                                [.tensor(.zeros([3], dtype: $0)), .int(SymInt(low)), .int(SymInt(high))] + Array(repeating: .none, count: 5)
                            )
                        }))
            }
        }
        for n in [0, 1, 127, 128, 129, 255, 256, 257, 258, 300, 2048, 2049, 2050, 32_768, 32_769] {
            // PyTorch does not check bfloat16, and repeats numbers.
            cases.append(
                Case(
                    theirs: "torch.randperm(\(n), dtype=d)", ours: { try .randperm(SymInt(n), dtype: $0) },
                    isStricter: { $0 == .bfloat16 && n > 257 }))
        }
        for (low, high) in [
            ("0", "1"), ("1", "0"), ("-3e38", "3e38"), ("0", "3.5e38"), ("-40000", "40000"), ("0", "65504"), ("0", "65520"),
            ("-1e308", "1e308"),
            ("0", "inf"), ("nan", "1"), ("0", "nan"), ("2", "2"), ("-65504", "0"), ("3.3e38", "3.4e38"), ("-1.7e308", "0"),
        ] {
            guard let a = Double(low), let b = Double(high) else { continue }
            cases.append(
                Case(
                    theirs: "torch.empty(3, dtype=d).uniform_(float('\(low)'), float('\(high)'))",
                    ours: { try .uniform(a, b, [3], dtype: $0) }))
        }
        for number in ["-1", "-0.0", "0", "1", "nan", "inf", "-inf", "1e-320", "1e39", "1.5", "-1e-300"] {
            guard let value = Double(number) else { continue }
            cases += [
                Case(
                    theirs: "torch.normal(0.0, float('\(number)'), (3,), dtype=d)",
                    ours: { try .normal(mean: 0, deviation: value, [3], dtype: $0) }),
                Case(
                    theirs: "torch.normal(float('\(number)'), 1.0, (3,), dtype=d)",
                    ours: { try .normal(mean: value, deviation: 1, [3], dtype: $0) }),
                Case(
                    theirs: "torch.empty(3, dtype=d).exponential_(float('\(number)'))",
                    ours: { try applySingle(.exponential, [.tensor(.zeros([3], dtype: $0)), .double(value), .none]) }),
                Case(
                    theirs: "torch.empty(3, dtype=d).bernoulli_(float('\(number)'))",
                    ours: { try Tensor.zeros([3], dtype: $0).bernoulli(p: value) }),
                Case(
                    theirs: "torch.bernoulli(torch.tensor([0.5, float('\(number)')], dtype=torch.float64).to(d))",
                    ours: { try Tensor([0.5, value], dtype: .float64).to($0).bernoulli() }),
                Case(
                    theirs: "torch.dropout(torch.ones(3, dtype=d), float('\(number)'), True)",
                    ours: { try Tensor.ones([3], dtype: $0).dropout(p: value) }, isStricter: { !$0.isFloatingPoint && value == 1 }),
                Case(
                    theirs: "torch.feature_dropout(torch.ones(3, 2, dtype=d), float('\(number)'), True)",
                    ours: { try Tensor.ones([3, 2], dtype: $0).featureDropout(p: value) },
                    isStricter: { !$0.isFloatingPoint && value == 1 }),
                Case(
                    theirs: "torch.multinomial(torch.tensor([1.0, float('\(number)')], dtype=torch.float64).to(d), 1)",
                    ours: { try Tensor([1.0, value], dtype: .float64).to($0).multinomial(1) }),
                Case(
                    theirs: "torch.multinomial(torch.tensor([[1.0, 1.0], [0.0, float('\(number)')]], dtype=torch.float64).to(d), 3, True)",
                    ours: { try Tensor([[1.0, 1], [0, value]], dtype: .float64).to($0).multinomial(3, replacement: true) }),
            ]
        }
        // PyTorch draws what has no weight.
        cases.append(
            Case(
                theirs: "torch.multinomial(torch.tensor([0.0, 1.0]).to(d), 2)", ours: { try Tensor([0.0, 1]).to($0).multinomial(2) },
                isStricter: { $0.isFloatingPoint }))
        for draws in [0, -1, 3] {
            cases.append(
                Case(
                    theirs: "torch.multinomial(torch.ones(2, dtype=d), \(draws))",
                    ours: { try Tensor.ones([2], dtype: $0).multinomial(SymInt(draws)) }))
        }
        return cases
    }

    /// Errors where PyTorch has them, and no others but where it draws numbers that are none of the distribution.
    @Test func errorsAreThoseOfPyTorch() throws {
        let dtypes: [DType] = [.bool, .uint8, .int8, .int16, .int32, .int64] + Self.floats
        let asked: [(DType, Case)] = dtypes.flatMap { dtype in Self.bounds(dtype).map { (dtype, $0) } }
        let script = """
            import sys, torch, warnings
            warnings.simplefilter("ignore")
            for question in sys.argv[1:]:
                dtype, text = question.split("|")
                try:
                    eval(text, {"torch": torch, "d": getattr(torch, dtype)})
                    print("ok")
                except Exception as error: print("error", str(error).replace(chr(10), " ")[:200])
            """
        let answers = try Python.run(script, asked.map { "\($0.0)|\($0.1.theirs)" }).split(separator: "\n").map(String.init)
        try #require(answers.count == asked.count)
        for ((dtype, question), answer) in zip(asked, answers) {
            var found = "ok"
            do { _ = try question.ours(dtype) } catch let error as TensorError { found = error.unplaced }
            let isError = answer != "ok" || question.isStricter(dtype)
            #expect((found != "ok") == isError, "\(question.theirs) in \(dtype): PyTorch \(answer), here \(found)")
        }
        #expect(asked.count > 1000)
    }

    @Test func messagesSayWhatIsWrong() throws {
        let texts: [(() throws -> Tensor, String)] = [
            ({ try .randint(0, 300, [2], dtype: .uint8) }, "randint: uint8 does not hold the integers from 0 to below 300"),
            ({ try .randperm(300, dtype: .uint8) }, "randperm: uint8 does not tell 300 numbers apart: it counts no further than to 255"),
            (
                { try .uniform(-3e38, 3e38, [2]) },
                "uniform: the range from -3e+38 to 3e+38, or its width, is beyond the largest number of float32, 3.4028234663852886e+38"
            ),
            ({ try Tensor([0.5, 1.5]).bernoulli() }, "bernoulli: the probabilities must lie between 0 and 1"),
            ({ try Tensor.ones([2]).bernoulli(p: .nan) }, "bernoulli: the probability must lie between 0 and 1, not at nan"),
        ]
        for (body, text) in texts {
            #expect((#expect(throws: TensorError.self) { try body() })?.statement == text)
        }
    }

    /// Weights near the ends of float64, whose sum or quotients leave it.
    @Test func weightsOfAnySizeAreFollowed() throws {
        for scale in [1e308, 1, 1e-300, 0x1p-1060] {
            let weights = try Tensor([1.0, 0, 1, 1], dtype: .float64) * scale
            for replacement in [true, false] {
                let draws = try Tensor.stack((0..<300).map { _ in try weights.multinomial(1, replacement: replacement) })
                let counts = try draws.flattened().bincount(minLength: 4).array(of: Int.self)
                #expect(
                    counts[1] == 0 && counts.allSatisfy { $0 == 0 || (60...140).contains($0) } && counts[0] > 0 && counts[3] > 0, "\(scale)"
                )
            }
        }
    }
}
