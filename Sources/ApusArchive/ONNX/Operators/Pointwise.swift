import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let pointwise: [ONNXOperator] =
        unary("Abs") { try $0.abs() } + unary("Neg") { try $0.neg() } + unary("Exp") { try $0.exp() } + unary("Log") { try $0.log() }
        + unary("Sqrt") { try $0.sqrt() } + unary("Reciprocal") { try $0.reciprocal() } + unary("Sign") { try $0.sign() }
        + unary("Floor") { try $0.floor() } + unary("Ceil") { try $0.ceil() } + unary("Round") { try $0.round() } + trigonometry
        + unary("Erf") { try $0.erf() } + unary("Det") { try $0.det() } + unary("BitwiseNot") { try ~$0 } + arithmetic

    /// An operator on one tensor.
    private static func unary(_ name: String, _ function: @escaping @Sendable (Tensor) throws -> Tensor) -> [ONNXOperator] {
        let negates: ONNXOperator.OnSizes = name == "Neg" ? .arithmetic { -$0[0] } : .tensors
        return [ONNXOperator(name, onSizes: negates) { try function($0.tensor(0)) }]
    }

    private static let trigonometry: [ONNXOperator] =
        unary("Sin") { try $0.sin() } + unary("Cos") { try $0.cos() } + unary("Tan") { try $0.tan() } + unary("Asin") { try $0.asin() }
        + unary("Acos") { try $0.acos() } + unary("Atan") { try $0.atan() } + unary("Sinh") { try $0.sinh() }
        + unary("Cosh") { try $0.cosh() } + unary("Tanh") { try $0.tanh() } + unary("Asinh") { try $0.asinh() }
        + unary("Acosh") { try $0.acosh() } + unary("Atanh") { try $0.atanh() }

    private static let arithmetic: [ONNXOperator] = [
        numeric("Add", { $0 + $1 }, { try $0 + $1 }, left: { try withNumber("add", $1, $0) }),
        numeric("Sub", { $0 - $1 }, { try $0 - $1 }, left: { try withNumber("rsub", $1, $0) }),
        numeric("Mul", { $0 * $1 }, { try $0 * $1 }, left: { try withNumber("mul", $1, $0) }),
        numeric(
            "Div", { quotient($0, $1) }, { $0.dtype.isInteger ? try $0.div($1, rounding: .trunc) : try $0.div($1) }, left: { try $0 / $1 }),
        ONNXOperator("Mod", onSizes: .arithmetic { remainder($0) }) { call in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            return try call.flag("fmod") ? a.fmod(b) : a.remainder(b)
        },
        ONNXOperator("Pow") { call in
            let (base, exponent) = try call.pair()
            // The result is of the base's type, whatever the exponent's is. One number as exponent is a power that kernels know.
            if let number = call.inputs[1]?.known, number.rank == 0, base.dtype.isFloatingPoint {
                return try base.pow(number.knownNumbers()[0])
            }
            return try base.pow(exponent).to(base.dtype)
        },
        ONNXOperator("BitShift") { call in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            return try call.choice("direction", "LEFT", of: ["LEFT", "RIGHT"]) == "LEFT" ? a << b : a >> b
        },
        binary("BitwiseAnd") { try $0 & $1 },
        binary("BitwiseOr") { try $0 | $1 },
        binary("BitwiseXor") { try $0 ^ $1 },
        ONNXOperator("Max", onSizes: .arithmetic { $0.dropFirst().reduce($0[0]) { max($0, $1) } }) {
            try combined($0) { try $0.maximum($1) }
        },
        ONNXOperator("Min", onSizes: .arithmetic { $0.dropFirst().reduce($0[0]) { min($0, $1) } }) {
            try combined($0) { try $0.minimum($1) }
        },
        ONNXOperator("Sum", onSizes: .arithmetic { $0.dropFirst().reduce($0[0]) { $0 + $1 } }) { try combined($0) { try $0 + $1 } },
        ONNXOperator("Mean") { try combined($0) { try $0 + $1 } / Double($0.inputs.count) },
        ONNXOperator("Clip") { try clip($0) },
    ]

    /// An operation on a tensor and a number, as PyTorch's programs write it: the runtime's patterns are in terms of these.
    private static func withNumber(_ name: String, _ x: Tensor, _ number: Double) throws -> Tensor {
        let operation: Operator = try .named("\(name).Scalar")
        let arguments: [OperatorArgument] = [.tensor(x), .double(number), .int(1)]
        return try applySingle(operation, Array(arguments.prefix(operation.schema.parameters.count)))
    }

    /// An operator on two tensors, one of which may be a number.
    /// - Parameter left: the number in front of the tensor.
    private static func numeric(
        _ name: String, _ sizes: @escaping @Sendable (SymInt, SymInt) -> SymInt?,
        _ tensors: @escaping @Sendable (Tensor, Tensor) throws -> Tensor, left: @escaping @Sendable (Double, Tensor) throws -> Tensor
    ) -> ONNXOperator {
        let scalar: String = name.lowercased()
        return ONNXOperator(name, onSizes: .arithmetic { $0.count == 2 ? sizes($0[0], $0[1]) : nil }) { call in
            let (a, b) = try call.pair()
            if let number = try b.number(beside: a) { return try withNumber(scalar, a, number) }
            if let number = try a.number(beside: b) { return try left(number, b) }
            return try tensors(a, b)
        }
    }

    /// Sizes are divided as integers are where neither is negative; rounding is another question elsewhere.
    private static func quotient(_ a: SymInt, _ b: SymInt) -> SymInt? {
        guard decide(a >= 0) == true, decide(b > 0) == true else { return nil }
        return a / b
    }

    private static func remainder(_ operands: [SymInt]) -> SymInt? {
        guard operands.count == 2, decide(operands[0] >= 0) == true, decide(operands[1] > 0) == true else { return nil }
        return operands[0] % operands[1]
    }

    private static func combined(_ call: ONNXCall, _ combine: (Tensor, Tensor) throws -> Tensor) throws -> Tensor {
        let tensors: [Tensor] = try call.tensors()
        guard let first = tensors.first else { throw call.error(.invalidProgram, "has no input") }
        return try tensors.dropFirst().reduce(first, combine)
    }

    private static func clip(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        if call.version < 11 {
            return try x.clamp(
                min: try call.float("min") ?? -Double(Float.greatestFiniteMagnitude),
                max: try call.float("max") ?? Double(Float.greatestFiniteMagnitude))
        }
        let isKnown: Bool = [1, 2].allSatisfy { !call.has($0) || call.inputs[$0]?.known != nil }
        guard isKnown, x.dtype.isFloatingPoint else {
            if !call.has(1), !call.has(2) { return x }
            // The upper bound counts where the lower one is above it.
            let raised: Tensor = try call.optional(1).map { try x.maximum($0) } ?? x
            return try call.optional(2).map { try raised.minimum($0) } ?? raised
        }
        let (low, high) = (try call.number(1), try call.number(2))
        if low == nil, high == nil { return x }
        if low == 0, high == 6 { return try x.relu6() }
        return try x.clamp(min: low, max: high)
    }
}
