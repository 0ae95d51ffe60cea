import JudgeSupport
import Testing

@testable import ApusTensor

/// Texts of tensors against NumPy's.
@Suite struct PrintingTests {
    @Test func printsAsNumPyDoes() throws {
        let special: [Double] = [1.5, .nan, -.infinity, 0]
        let cases: [(numpy: String, tensor: Tensor)] = [
            ("np.arange(6).reshape(2, 3)", try Tensor.arange(6).reshaped([2, 3])),
            ("np.arange(-5, 115, 17)", try Tensor.arange(-5, 115, step: 17)),
            ("np.array([1.0, 2.5, -3.25])", try Tensor([1.0, 2.5, -3.25], dtype: .float64)),
            ("np.array([[1, 2], [3, 4]], np.float32)", try Tensor([[1.0, 2], [3, 4]])),
            ("np.array([0.1, 1/3, 2/3, 100])", try Tensor([0.1, 1.0 / 3, 2.0 / 3, 100], dtype: .float64)),
            ("np.array([0.1, 1/3], np.float32)", try Tensor([0.1, 1.0 / 3])),
            ("np.array([1e-5, 1.0, 123456])", try Tensor([1e-5, 1.0, 123_456], dtype: .float64)),
            ("np.array([1e10, 2.5e-10])", try Tensor([1e10, 2.5e-10], dtype: .float64)),
            ("np.array([1e-300, 1e300])", try Tensor([1e-300, 1e300], dtype: .float64)),
            ("np.array([1e6, 2.0], np.float32)", try Tensor([1e6, 2.0])),
            ("np.array([99999.5, 2.0], np.float32)", try Tensor([99999.5, 2.0])),
            ("np.array([1.5, np.nan, -np.inf, 0])", try Tensor(special, dtype: .float64)),
            ("np.array([np.nan, np.nan])", try Tensor([Double.nan, .nan], dtype: .float64)),
            ("np.array([-0.0, 0.0])", try Tensor([-0.0, 0.0], dtype: .float64)),
            ("np.array([True, False])", try Tensor([true, false])),
            ("np.array([[True], [False]])", try Tensor([[true], [false]])),
            ("np.zeros((0, 3))", try Tensor.zeros([0, 3])),
            ("np.zeros((2, 2, 2))", try Tensor.zeros([2, 2, 2], dtype: .float64)),
            ("np.zeros((2, 1, 2, 2))", try Tensor.zeros([2, 1, 2, 2], dtype: .float64)),
            ("np.arange(40) * 1.25", try Tensor.arange(40, dtype: .float64) * 1.25),
            ("np.arange(2000)", try Tensor.arange(2000)),
            ("np.arange(2000).reshape(40, 50)", try Tensor.arange(2000).reshaped([40, 50])),
            ("np.arange(3000).reshape(2, 1500) / 7", try Tensor.arange(3000, dtype: .float64).reshaped([2, 1500]) / 7),
            ("np.arange(2048).reshape(4, 8, 8, 8)", try Tensor.arange(2048).reshaped([4, 8, 8, 8])),
            ("np.array(1.5)", try Tensor(1.5, dtype: .float64)), ("np.array(3)", try Tensor(3)),
            ("np.array(1e-7)", try Tensor(1e-7, dtype: .float64)), ("np.array(1e16)", try Tensor(1e16, dtype: .float64)),
            ("np.array(123456.789)", try Tensor(123456.789, dtype: .float64)), ("np.array(True)", try Tensor(true)),
            ("np.array([1+2j, -0.5-1.25j])", try Tensor([[1, 2], [-0.5, -1.25]], dtype: .float64).viewAsComplex()),
            ("np.array([0.1, 0.2, 1/3], np.float16)", try Tensor([0.1, 0.2, 1.0 / 3], dtype: .float16)),
            ("np.array([255, 0, 7], np.uint8)", try Tensor([255, 0, 7], dtype: .uint8)),
            ("np.array([0.123456785, 0.5])", try Tensor([0.123456785, 0.5], dtype: .float64)),
            ("np.array([9.9999999999, 0.5])", try Tensor([9.9999999999, 0.5], dtype: .float64)),
        ]
        let script = "import sys, numpy as np\nfor e in sys.argv[1:]: print(str(eval(e)), end='\\0')"
        let output = try Python.run(script, cases.map { $0.numpy })
        let theirs = output.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        for ((expression, tensor), text) in zip(cases, theirs) { #expect(tensor.description == text, "\(expression)") }
    }

    @Test func sampleTensorsPrintAsNumPyDoes() throws {
        var expressions: [String] = []
        var tensors: [Tensor] = []
        for (index, range) in [-2.0...2, 0...1e-3, -1e4...1e4, 1e7...1e9, -1e-6...1e3].enumerated() {
            for sizes in [[3], [2, 5], [3, 4, 2]] {
                let tensor: Tensor = try .sample(sizes, dtype: .float64, in: range, seed: UInt64(index + 1))
                tensors.append(tensor)
                expressions.append("np.array(\(try tensor.reshaped([-1]).array(of: Double.self))).reshape(\(sizes))")
            }
        }
        let script = "import sys, numpy as np\nfor e in sys.argv[1:]: print(str(eval(e)), end='\\0')"
        let output = try Python.run(script, expressions)
        let theirs = output.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        for (tensor, text) in zip(tensors, theirs) { #expect(tensor.description == text) }
    }

    @Test func tracedTensorsPrintTheirType() throws {
        #expect(Tensor(spec: TensorSpec(.float32, try Shape([2, 3]))).description == "Tensor(float32[2, 3], traced)")
    }
}
