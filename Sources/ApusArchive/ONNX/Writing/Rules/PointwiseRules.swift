import ApusTensor

extension ONNXRules {
    static let pointwise: [ONNXRule] = unary + rounding + activations + tests

    /// One operator of ONNX's, on the tensor brought to the result's type.
    private static let unary: [ONNXRule] = [
        ("abs", "Abs"), ("neg", "Neg"), ("exp", "Exp"), ("log", "Log"), ("sqrt", "Sqrt"), ("reciprocal", "Reciprocal"),
        ("sin", "Sin"), ("cos", "Cos"), ("tan", "Tan"), ("asin", "Asin"), ("acos", "Acos"), ("atan", "Atan"), ("sinh", "Sinh"),
        ("cosh", "Cosh"), ("tanh", "Tanh"), ("asinh", "Asinh"), ("acosh", "Acosh"), ("atanh", "Atanh"), ("erf", "Erf"),
        ("sigmoid", "Sigmoid"), ("det", "Det"), ("linalg_det", "Det"), ("hardswish", "HardSwish"),
    ].map { name, type in ONNXRule(name) { $0.apply(type, [try $0.term(0, as: $0.result.dtype)]) } }

    /// Integers are round.
    private static let rounding: [ONNXRule] = [("floor", "Floor"), ("ceil", "Ceil"), ("round", "Round")].map { name, type in
        ONNXRule(name) { try $0.result.dtype.isFloatingPoint ? $0.apply(type, [$0.term(0)]) : $0.term(0) }
    }

    private static let activations: [ONNXRule] = [
        ONNXRule("relu") { node in
            let x: ONNXTerm = try node.term(0)
            // Few kernels are of integers.
            return x.dtype.isFloatingPoint ? node.apply("Relu", [x]) : node.apply("Max", [x, try node.term(.int(0), x.dtype)])
        },
        ONNXRule("gelu") { $0.apply("Gelu", [try $0.term(0)], [.make("approximate", try $0.call.string(1))]) },
        ONNXRule("leaky_relu") { $0.apply("LeakyRelu", [try $0.term(0)], [.make("alpha", try $0.call.double(1))]) },
        ONNXRule("_prelu_kernel") { $0.apply("PRelu", [try $0.term(0), try $0.term(1)]) },
        ONNXRule("clone") { try $0.term(0) },
        ONNXRule("_to_copy") { try $0.term(0) },
        ONNXRule("item") { node in
            let x: ONNXTerm = try node.term(0)
            let dtype: DType = x.dtype == .bool ? .bool : x.dtype.isInteger ? .int64 : .float64
            return node.apply("Reshape", [node.out.cast(x, dtype), try node.out.integers([1])])
        },
    ]

    private static let tests: [ONNXRule] = [("isnan", "IsNaN"), ("isinf", "IsInf")].map { name, type in
        ONNXRule(name) { node in
            let x: ONNXTerm = try node.term(0)
            return node.apply(type, [x.dtype.isFloatingPoint ? x : node.out.cast(x, .float32)], to: .bool)
        }
    }
}
