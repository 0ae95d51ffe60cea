import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let arithmetic: [ONNXRule] = sums + operations + bits + choices

    /// a + alpha * b and its like, whose last argument is alpha.
    private static let sums: [ONNXRule] = [
        ("add.Tensor", "Add", false), ("add.Scalar", "Add", false), ("sub.Tensor", "Sub", false), ("sub.Scalar", "Sub", false),
        ("rsub.Tensor", "Sub", true), ("rsub.Scalar", "Sub", true),
    ].map { name, type, isReversed in
        ONNXRule(name) { node in
            let dtype: DType = try node.result.dtype
            let a: ONNXTerm = try node.term(0, as: dtype)
            var b: ONNXTerm = try node.term(1, as: dtype)
            if isReversed {
                let scaled: ONNXTerm = try node.isOne(2) ? a : node.apply("Mul", [a, node.term(2, as: dtype)])
                return node.apply(type, [b, scaled])
            }
            if try !node.isOne(2) { b = node.apply("Mul", [b, try node.term(2, as: dtype)]) }
            return node.apply(type, [a, b])
        }
    }

    /// One operator of ONNX's, on both operands brought to the result's type.
    private static let operations: [ONNXRule] =
        [
            ("mul.Tensor", "Mul"), ("mul.Scalar", "Mul"), ("div.Tensor", "Div"), ("div.Scalar", "Div"), ("maximum", "Max"),
            ("minimum", "Min"),
            ("clamp_min", "Max"), ("clamp_min.Tensor", "Max"), ("clamp_max", "Min"), ("clamp_max.Tensor", "Min"),
            ("pow.Tensor_Tensor", "Pow"), ("pow.Tensor_Scalar", "Pow"), ("pow.Scalar", "Pow"),
            // Rounded towards zero, of integers only: other divisions are taken apart.
            ("div.Tensor_mode", "Div"), ("div.Scalar_mode", "Div"),
        ].map { name, type in
            ONNXRule(name) { node in
                let dtype: DType = try node.result.dtype
                return node.apply(type, [try node.term(0, as: dtype), try node.term(1, as: dtype)])
            }
        }
        + [("fmod.Tensor", true), ("fmod.Scalar", true), ("remainder.Tensor", false), ("remainder.Scalar", false)].map {
            name, isTruncated in
            ONNXRule(name) { node in
                let dtype: DType = try node.result.dtype
                let operands: [ONNXTerm] = [try node.term(0, as: dtype), try node.term(1, as: dtype)]
                return node.apply("Mod", operands, [.make("fmod", isTruncated)])
            }
        }

    private static let bits: [ONNXRule] =
        [("and", "And"), ("or", "Or"), ("xor", "Xor")].flatMap { name, type in
            ["Tensor", "Scalar"].map { overload in
                ONNXRule("bitwise_\(name).\(overload)") { node in
                    let dtype: DType = try node.result.dtype
                    return node.apply((dtype == .bool ? "" : "Bitwise") + type, [try node.term(0, as: dtype), try node.term(1, as: dtype)])
                }
            } + [
                ONNXRule("logical_\(name)") { node in node.apply(type, [try node.term(0, as: .bool), try node.term(1, as: .bool)]) }
            ]
        } + [
            ONNXRule("bitwise_not") { node in node.apply(try node.result.dtype == .bool ? "Not" : "BitwiseNot", [try node.term(0)]) },
            ONNXRule("logical_not") { node in node.apply("Not", [try node.term(0, as: .bool)]) },
        ]

    private static let choices: [ONNXRule] =
        ["where.self", "where.ScalarSelf", "where.ScalarOther", "where.Scalar"].map { name in
            ONNXRule(name) { node in
                let dtype: DType = try node.result.dtype
                return node.apply("Where", [try node.term(0, as: .bool), try node.term(1, as: dtype), try node.term(2, as: dtype)])
            }
        } + [
            ONNXRule("masked_fill.Scalar") { try masked($0) }, ONNXRule("masked_fill.Tensor") { try masked($0) },
            ONNXRule("clamp") { try limited($0) }, ONNXRule("clamp.Tensor") { try limited($0) },
            ONNXRule("hardtanh") { try limited($0) },
        ]

    private static func masked(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let dtype: DType = try node.result.dtype
        return node.apply("Where", [try node.term(1, as: .bool), try node.term(2, as: dtype), try node.term(0, as: dtype)])
    }

    /// The upper limit counts where the lower one is above it, and NaN stays.
    private static func limited(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let dtype: DType = try node.result.dtype
        var x: ONNXTerm = try node.term(0, as: dtype)
        for (index, type) in [(1, "Max"), (2, "Min")] {
            if case .none = node.call[index] { continue }
            x = node.apply(type, [x, try node.term(index, as: dtype)])
        }
        return x
    }
}

extension ONNXRules {
    /// Both operands in the type that they are compared in.
    static let comparisons: [ONNXRule] = [
        ("eq", "Equal"), ("ne", "Equal"), ("lt", "Less"), ("le", "LessOrEqual"), ("gt", "Greater"), ("ge", "GreaterOrEqual"),
    ].flatMap { name, type in
        ["Tensor", "Scalar"].map { overload in
            ONNXRule("\(name).\(overload)") { node in
                var promotion = Promotion()
                for index in 0...1 {
                    if case .scalar(let number) = node.call[index] {
                        promotion.add(number)
                    } else {
                        promotion.add(try node.call.tensor(index))
                    }
                }
                let dtype: DType = promotion.result
                let operands: [ONNXTerm] = [try node.term(0, as: dtype), try node.term(1, as: dtype)]
                // A number wraps to a narrow type, as the tensor's elements are of it.
                let wide: DType = overload == "Scalar" && dtype.isInteger ? .int64 : dtype
                let answer: ONNXTerm = node.apply(type, operands.map { node.out.cast($0, wide) }, to: .bool)
                return name == "ne" ? node.apply("Not", [answer]) : answer
            }
        }
    }
}

extension ONNXNodeWriter {
    /// True for a factor that changes nothing.
    func isOne(_ index: Int) throws -> Bool {
        guard case .scalar(let number) = call[index] else { return true }
        return number.doubleValue == 1
    }
}
