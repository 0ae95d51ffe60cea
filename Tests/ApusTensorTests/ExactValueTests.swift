import ApusSymbolic
import JudgeSupport
import Testing

@testable import ApusTensor

/// Values that are exact by mathematics, or PyTorch's word for word, where a rounding or a cast on the way would give another.
@Suite struct ExactValueTests {
    private static let complexes: [DType] = [.complex64, .complex128]

    private func text(_ body: () throws -> Tensor) -> String? { (#expect(throws: TensorError.self) { _ = try body() })?.statement }

    /// A number times its conjugate is real, and over itself 1 without an imaginary part: in every kernel that multiplies complex numbers,
    /// whole vectors and what is left of them.
    @Test(arguments: complexes) func productsWithConjugatesAreReal(_ dtype: DType) throws {
        let z = try Tensor.randn([1003, 2], dtype: dtype.real, seed: 4).viewAsComplex()
        let bar = try z.conj().clone()
        let pairs = try Tensor.stack([z, bar])
        let products: [(String, Tensor)] = [
            ("mul", try z * bar), ("strided", try pairs[0, .slice(step: 2)] * pairs[1, .slice(step: 2)]), ("prod", try pairs.prod(dim: 0)),
            ("cumprod", try pairs.cumprod(dim: 0)[1]), ("addcmul", try Tensor.zeros([1003], dtype: dtype).addcmul(z, bar)),
            ("quotient", try z / z), ("row", try pairs.transposed(0, 1).contiguous().prod(dim: 1)),
            ("outer", try (z.unsqueezed(1) * bar.unsqueezed(0)).diagonal()),
            ("fused", try (z * bar + z * bar)),
        ]
        for (name, product) in products {
            #expect(try applySingle(.imaginaryPart, [.tensor(product)]).abs().amax().item(Double.self) == 0, "\(name) of \(dtype)")
        }
    }

    /// In Python and NumPy a remainder of zero has the divisor's sign.
    @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func remaindersHaveTheDivisorsSign(_ dtype: DType) throws {
        let dividends: [Double] = [-1, 1, -1, 1, 0, -0.0, 3, -3, -0.0, 1, -1, 6, -7]
        let divisors: [Double] = [1, -1, -1, 1, -1, 1, -3, 3, -2, .infinity, .infinity, -4, 2]
        let script = "import sys, numpy as np; print(np.remainder(np.array(eval(sys.argv[1])), np.array(eval(sys.argv[2]))).tolist())"
        let judged = try Python.run(script, ["\(dividends)", "\(divisors)".replacing("inf", with: "float('inf')")])
        let (a, b) = (try Tensor(dividends, dtype: dtype), try Tensor(divisors, dtype: dtype))
        for result in [try a % b, try (a.expanded([2, 13]) % b)[1]] {
            #expect("\(try result.array(of: Double.self))\n" == judged)
        }
        #expect(try (Tensor([-4.0, 4]).to(dtype) % 2).array(of: Double.self).map(\.sign) == [.plus, .plus])
    }

    /// The bounds of an integer dtype are cut off as PyTorch does it, which counts int64 otherwise than narrower dtypes.
    @Test func rangesOfIntegersCountAsInPyTorch() throws {
        let bounds: [(Double, Double, Double)] = [
            (0, 1.5, 1), (0.5, 3.5, 1), (0.9, -2.9, -1), (-1.5, 1.5, 1), (0, 5, 1.5), (0, 2, 1), (0, 1.5, 2.5), (0.5, 0.9, 1), (5, 1.5, -1),
            (5, 1.5, -1.5), (-0.5, 0.5, 1), (2.5, 2.5, 1), (10, 0, -2.5),
        ]
        let dtypes: [DType] = [.uint8, .int8, .int16, .int32, .int64, .float64]
        let script = """
            import sys, torch
            for dtype in sys.argv[2:]:
                for a, b, c in eval(sys.argv[1]): print([float(x) for x in torch.arange(a, b, c, dtype=getattr(torch, dtype))])
            """
        var lines = try Python.run(script, ["\(bounds)"] + dtypes.map { "\($0)" }).split(separator: "\n").map(String.init)[...]
        for dtype in dtypes {
            for (start, end, step) in bounds {
                let found = try Tensor.arange(start, end, step: step, dtype: dtype).to(.float64).array(of: Double.self)
                #expect("\(found)" == lines.popFirst(), "\(start) ..< \(end) by \(step) in \(dtype)")
            }
        }
        #expect(lines.isEmpty)
        #expect(try Tensor.arange(1.5, dtype: .int32).array(of: Int.self) == [0, 1])
    }

    @Test func histogramsNeedFiniteBounds() throws {
        for values in [[1, .nan, 2], [1, .infinity], [-.infinity, 0]] as [[Double]] {
            for dtype in [DType.float32, .float64] {
                #expect(
                    text { try Tensor(values, dtype: dtype).histogram(bins: 4) }
                        == "histc: the smallest and the largest element must be finite to be the bounds: give bounds, or drop NaN and infinities"
                )
            }
            #expect(try Tensor(values + [0.5]).histogram(bins: 2, min: 0, max: 3).sum().item(Float.self) >= 1)
        }
        #expect(
            text { try Tensor([1.0]).histogram(bins: 2, min: 0, max: .infinity) }
                == "histc: the bounds 0.0 and inf must be finite and in order")
    }

    @Test func quantilesTakeSharesAlone() throws {
        let x = try Tensor([1.0, 2, 3])
        for operation in [Operator.quantile, .nanquantile] {
            for bad in [1.0001, -1e-7, .nan, .infinity] as [Double] {
                for interpolation in ["linear", "lower", "higher", "nearest", "midpoint"] {
                    let arguments: [OperatorArgument] = [
                        .tensor(x), .tensor(try Tensor([0.5, bad])), .none, .bool(false), .string(interpolation),
                    ]
                    #expect(text { try applySingle(operation, arguments) } == "\(operation.name.dropFirst(6)): q must lie between 0 and 1")
                    let one: [OperatorArgument] = [.tensor(try Tensor([4.0]))] + arguments.dropFirst()
                    #expect(text { try applySingle(operation, one) } == "\(operation.name.dropFirst(6)): q must lie between 0 and 1")
                }
            }
        }
        #expect(text { try x.quantile(1.5) } == "quantile: q must lie between 0 and 1, not at 1.5")
        let ends = try Tensor([-Double.infinity, .infinity], dtype: .float32).quantile(0.5).item(Float.self)
        #expect(ends.isNaN)
    }

    /// Beyond 2^24 elements a position has no float32 of its own; PyTorch refuses so many.
    @Test func quantilesOfManyElementsAreExact() throws {
        let half = 3 << 22
        let x = try Tensor.cat([Tensor.zeros([SymInt(half + 1)]), Tensor.ones([SymInt(half + 1)])], dim: 0)
        #expect(try x.quantile(0.5).item(Float.self) == 0.5)
    }

    /// Numbers that are too large are reported as that.
    @Test func windowsNameWhatIsTooLarge() throws {
        let x = try Tensor.ones([1, 1, 4, 4])
        let w = try Tensor.ones([1, 1, 2, 2])
        #expect(
            text { try x.conv2d(w, padding: [1 << 40, 0]) }?.contains("the padding must not be larger than 2147483647: [1099511627776, 0]")
                == true)
        #expect(text { try x.conv2d(w, stride: [.max, 1]) }?.contains("the stride must not be larger than 2147483647") == true)
        #expect(text { try x.conv2d(w, padding: [-1, 0]) }?.contains("the padding is negative: [-1, 0]") == true)
        #expect(text { try x.maxPool2d([2, .max]) }?.contains("the kernel size must not be larger than 2147483647") == true)
        #expect(text { try x.avgPool2d([2], stride: [0]) }?.contains("the stride must be positive, not [0, 0]") == true)
    }

    /// As many dimensions as PyTorch's reductions take, none of which merges with another.
    @Test(arguments: [33, 64]) func dimensionsAreMany(_ rank: Int) throws {
        var sizes: [SymInt] = Array(repeating: 1, count: rank)
        for dim in stride(from: 0, to: 30, by: 3) { sizes[dim] = 2 }
        let count = 1 << 10
        let x = try Tensor.arange(count, dtype: .float32).reshaped(sizes)
        let turned = try x.permuted((0..<rank).reversed())
        #expect(try (turned + turned * 2).sum().item(Double.self) == Double(3 * count * (count - 1) / 2))
        #expect(try turned.contiguous().sum(dim: 3).amax().item(Double.self) <= Double(2 * count))
        #expect(try x.sort(dim: 0).values.softmax(dim: 0).sum().item(Double.self) == Double(count / 2))
        #expect(try (x.to(.int64) .> 3).sum().item(Int.self) == count - 4)
    }
}
