import ApusSymbolic
import Foundation
import JudgeSupport
import Testing

@testable import ApusTensor

/// Numbers converted to dtypes: PyTorch says which fit, and what they become.
@Suite struct NumberRangeTests {
    static let numbers: [Scalar] =
        [
            300, 256, 255, 128, 127, 0, -1, -128, -129, -255, -256, 32768, -32769, 2_147_483_648, 1_099_511_627_776,
            9_223_372_036_854_775_807,
        ]
        + [1e30, -1e30, 1e300, .init(Double.nan), .init(Double.infinity), -0.5, 0.5, 255.5, 127.9, 2.5, 9.3e18] + [true, false]
    static let dtypes: [DType] = [.bool, .uint8, .int8, .int16, .int32, .int64, .float16, .bfloat16, .float32, .float64]
    /// Ways to bring a number into a tensor, in Python and here.
    static let ways: [(python: String, apus: @Sendable (Tensor, Scalar) throws -> Tensor)] = [
        (
            "torch.full((1,), v, dtype=x.dtype)",
            { try applySingle(.full, [.ints([1]), .scalar($1), .dtype($0.dtype), .none, .none, .none]) }
        ),
        ("torch.full_like(x, v)", { try applySingle(.fullLike, [.tensor($0), .scalar($1), .none, .none, .none, .none, .none]) }),
        ("x.new_full((1,), v)", { try applySingle(.newFull, [.tensor($0), .ints([1]), .scalar($1), .none, .none, .none, .none]) }),
        (
            "torch.scalar_tensor(v, dtype=x.dtype)",
            { try applySingle(.scalarTensor, [.scalar($1), .dtype($0.dtype), .none, .none, .none]) }
        ),
        ("torch.fill(x, v)", { try applySingle(.fillScalar, [.tensor($0), .scalar($1)]) }),
        (
            "x.masked_fill(torch.tensor([True]), v)",
            { try applySingle(.maskedFillScalar, [.tensor($0), .tensor(.full([1], true)), .scalar($1)]) }
        ),
        (
            "x.index_fill(0, torch.tensor([0]), v)",
            { try applySingle(.indexFill, [.tensor($0), .int(0), .tensor(.zeros([1], dtype: .int64)), .scalar($1)]) }
        ),
        (
            "x.scatter(0, torch.tensor([0]), v)",
            { try applySingle(.scatterValue, [.tensor($0), .int(0), .tensor(.zeros([1], dtype: .int64)), .scalar($1)]) }
        ),
        ("torch.constant_pad_nd(x, [1, 0], v)", { try applySingle(.constantPad, [.tensor($0), .ints([1, 0]), .scalar($1)]) }),
        ("x.clamp(min=v)", { try applySingle(.clamp, [.tensor($0), .scalar($1), .none]) }),
        ("torch.clamp_max(x, v)", { try applySingle(.clampMax, [.tensor($0), .scalar($1)]) }),
        ("torch.clamp(x, -5, v)", { try applySingle(.clamp, [.tensor($0), .int(-5), .scalar($1)]) }),
        ("torch.add(x, x, alpha=v)", { try applySingle(.addTensor, [.tensor($0), .tensor($0), .scalar($1)]) }),
        ("torch.addcmul(x, x, x, value=v)", { try applySingle(.addcmul, [.tensor($0), .tensor($0), .tensor($0), .scalar($1)]) }),
        ("x + v", { try applySingle(.addScalar, [.tensor($0), .scalar($1), .int(1)]) }),
        ("x * v", { try applySingle(.mulScalar, [.tensor($0), .scalar($1)]) }),
    ]

    private struct Question: Encodable {
        let way: String
        let dtype: String
        let number: String
    }

    /// Where a dtype has no such operation here or there, or PyTorch's answer is not one of the dtype's range.
    private static func isCompared(_ way: String, _ dtype: DType) -> Bool {
        if dtype == .bool { return way.contains("full") || way.contains("fill") || way.contains("scalar_tensor") }
        // Halves are converted through float32 by some of PyTorch's kernels and directly by others.
        return dtype.byteWidth > 2 || dtype.isInteger
    }

    @Test func fitWhereTheyFitInTorch() throws {
        var questions: [Question] = []
        var answers: [String] = []
        for way in Self.ways {
            for dtype in Self.dtypes where Self.isCompared(way.python, dtype) {
                let x = try Tensor.ones([1], dtype: dtype)
                for number in Self.numbers {
                    questions.append(Question(way: way.python, dtype: "\(dtype)", number: Self.python(number)))
                    answers.append(Self.answer { try way.apus(x, number) })
                }
            }
        }
        let lines = try Python.judge("number_judge.py", questions)
        try #require(lines.count == answers.count)
        for (question, (own, theirs)) in zip(questions, zip(answers, lines)) where own != theirs {
            Issue.record("\(question.way) for \(question.number) in \(question.dtype): \(own), but PyTorch \(theirs)")
        }
        #expect(answers.filter { $0 == "refused" }.count > 100)
    }

    private static func answer(_ body: () throws -> Tensor) -> String {
        do {
            let result = try body()
            let value = try result.reshaped([-1]).select(dim: 0, index: 0).array(of: Double.self)[0]
            let text =
                value.isNaN ? "nan" : value.isInfinite ? (value < 0 ? "-inf" : "inf") : "\(Int(exactly: value).map(Double.init) ?? value)"
            return "\(result.dtype) \(text)"
        } catch {
            return "refused"
        }
    }

    private static func python(_ number: Scalar) -> String {
        switch number {
        case .bool(let value): value ? "True" : "False"
        case .int(let value): "\(value)"
        default: "float('\(number.doubleValue ?? .nan)')"
        }
    }

    @Test func saysWhatDoesNotFit() throws {
        func text(_ body: () throws -> Tensor) -> String? { (#expect(throws: TensorError.self) { _ = try body() })?.statement }
        #expect(text { try Tensor.full([], 300, dtype: .uint8) } == "full: the number 300 can't be converted to uint8 without overflow")
        #expect(
            text { try Tensor.ones([2], dtype: .int64).fullLike(1e30) }
                == "full_like: the number 1e+30 can't be converted to int64 without overflow")
        #expect(
            text { try Tensor.ones([2], dtype: .uint8).clamp(max: 300) }
                == "clamp: the number 300 can't be converted to uint8 without overflow")
        #expect(
            text { try Tensor.ones([2]).clamp(max: 1e300) } == "clamp: the number 1e+300 can't be converted to float32 without overflow")
        #expect(
            text { try Tensor.ones([2], dtype: .uint8).padded([1, 1], value: 256) }
                == "pad: the number 256.0 can't be converted to uint8 without overflow")
        var x = try Tensor.ones([2], dtype: .int8)
        #expect(
            text {
                try x.set(0, to: 200)
                return x
            } == "set: the number 200 can't be converted to int8 without overflow")
        // An operand that takes part in arithmetic is converted as an element is: it wraps around.
        #expect(try (Tensor.ones([1], dtype: .uint8) + 300).array(of: Int.self) == [45])
        #expect(try gradient(at: Tensor.ones([1])) { try ($0 * 1e300).sum() }.array(of: Float.self) == [.infinity])
    }
}
