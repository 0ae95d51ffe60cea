import ApusGraph
import ApusSymbolic
import ApusTensor

/// What operators that ONNX lacks are made of, in terms of those that it has and as exactly as those allow. They go before what operators
/// are made of for other back ends: PyTorch's core operators know `log1p` and division of every rounding, ONNX does not.
enum ONNXParts {
    typealias Rule = @Sendable (Call) throws -> [OperatorArgument]?

    static let rules: OperatorParts = {
        var table: OperatorParts = [:]
        for family in [functions, pairs, divisions, activations, statistics, places, losses, resizing] {
            for (name, rule) in family { table["aten::" + name] = rule }
        }
        return table
    }()

    /// A rule whose result is one tensor; nil leaves a call as it is.
    static func one(_ rule: @escaping @Sendable (Call) throws -> Tensor?) -> Rule {
        { call in
            // Parts of half precision are computed in single precision and may be left so.
            try rule(call).map { [.tensor(try $0.to(try call.resultDType))] }
        }
    }

    /// A rule for a function of one tensor, which it gets in the type that it is computed in.
    static func function(_ rule: @escaping @Sendable (Tensor) throws -> Tensor) -> Rule { one { try rule($0.operand(0)) } }

    /// An operator of one result, by its name.
    static func operation(_ name: String, _ arguments: OperatorArgument...) throws -> Tensor {
        try applySingle(.named(name), arguments)
    }

    static func pick(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor { try Tensor.where(condition, a, b) }
}

extension Call {
    var resultDType: DType {
        get throws {
            guard let result = try self.operator.rule(self).first else { throw error(.unsupported, "has no result") }
            return result.dtype
        }
    }

    /// An operand in the type that the result is computed in: float32 for half precision.
    func operand(_ index: Int) throws -> Tensor {
        let dtype: DType = try resultDType
        let wide: DType = [.float16, .bfloat16].contains(dtype) ? .float32 : dtype
        if case .scalar(let number) = self[index] { return try Tensor.full([], number, dtype: wide) }
        return try tensor(index).to(wide)
    }
}

extension ONNXParts {
    static let functions: [(String, Rule)] = [
        ("rsqrt", function { try $0.sqrt().reciprocal() }),
        ("log2", function { try $0.log() * (1 / Double(2).log) }),
        ("log10", function { try $0.log() * (1 / Double(10).log) }),
        // Exact powers of two, which counts of bits are made of.
        ("exp2", function { try operation("pow.Scalar", .double(2), .tensor($0)) }),
        ("special_exp2", function { try operation("pow.Scalar", .double(2), .tensor($0)) }),
        ("log1p", function { try log1p($0) }), ("special_log1p", function { try log1p($0) }),
        ("expm1", function { try expm1($0) }), ("special_expm1", function { try expm1($0) }),
        ("erfc", function { try 1 - $0.erf() }), ("special_erfc", function { try 1 - $0.erf() }),
        ("square", function { try $0 * $0 }),
        ("trunc", one { try truncated($0.tensor(0)) }), ("fix", one { try truncated($0.tensor(0)) }),
        ("frac", function { try $0 - truncated($0) }),
        // Of NaN it is 0.
        ("sign", one { try sign($0.tensor(0)) }), ("sgn", one { try sign($0.tensor(0)) }),
        ("isposinf", one { try $0.tensor(0).isinf() & ($0.tensor(0) .> 0) }),
        ("isneginf", one { try $0.tensor(0).isinf() & ($0.tensor(0) .< 0) }),
        ("isreal", one { try ($0.tensor(0) .== $0.tensor(0)) | $0.tensor(0).isnan() }),
        ("signbit", one { try signbit($0.tensor(0)) }),
        ("deg2rad", function { try $0 * (Double.pi / 180) }), ("rad2deg", function { try $0 * (180 / Double.pi) }),
        // Of a real number: half a circle where it is negative.
        ("angle", function { x in try pick(x.isnan(), x, pick(x .< 0, x.fullLike(Double.pi), x.fullLike(0))) }),
        (
            "round.decimals",
            one { call in
                let (x, decimals) = (try call.operand(0), try call.constant(1))
                guard x.dtype.isFloatingPoint, abs(decimals) < 16 else { return nil }
                let power: Double = (0..<abs(decimals)).reduce(1) { power, _ in power * 10 }
                return decimals < 0 ? try (x / power).round() * power : try (x * power).round() / power
            }
        ),
        (
            "nan_to_num",
            one { call in
                let x: Tensor = try call.tensor(0)
                guard x.dtype.isFloatingPoint else { return x }
                let largest: Double = x.dtype.largestFinite
                let noNumber: Tensor = try pick(x.isnan(), x.fullLike(call.optionalDouble(1) ?? 0), x)
                let high: Tensor = try pick(x.isinf() & (x .> 0), x.fullLike(call.optionalDouble(2) ?? largest), noNumber)
                return try pick(x.isinf() & (x .< 0), x.fullLike(call.optionalDouble(3) ?? -largest), high)
            }
        ),
    ]

    /// log(1 + x), exact where x is small: the rounding of the sum is made good. Source: W. Kahan, as in D. Goldberg, "What every computer
    /// scientist should know about floating-point arithmetic", theorem 4.
    static func log1p(_ x: Tensor) throws -> Tensor {
        let sum: Tensor = try x + 1
        let near: Tensor = try sum.log() * (x / (sum - 1))
        return try pick(sum .== 1, x, pick(sum .== x, sum.log(), near))
    }

    /// exp(x) - 1 = tanh(x / 2) (exp(x) + 1), exact where x is small.
    static func expm1(_ x: Tensor) throws -> Tensor { try (x * 0.5).tanh() * (x.exp() + 1) }

    static func truncated(_ x: Tensor) throws -> Tensor {
        x.dtype.isFloatingPoint ? try pick(x .< 0, x.ceil(), x.floor()) : x
    }

    private static func sign(_ x: Tensor) throws -> Tensor {
        if x.dtype == .bool { return x }
        return try (x .> 0).to(x.dtype) - (x .< 0).to(x.dtype == .uint8 ? .uint8 : x.dtype)
    }

    /// A zero's sign is that of its reciprocal.
    static func signbit(_ x: Tensor) throws -> Tensor {
        guard x.dtype.isFloatingPoint else { return try x .< 0 }
        return try (x .< 0) | ((x .== 0) & (x.reciprocal() .< 0))
    }
}

extension Double {
    fileprivate var log: Double { Double.log(self) }
}

extension DType {
    /// The largest number that is no infinity.
    fileprivate var largestFinite: Double {
        switch self {
        case .float16: 65504
        case .bfloat16: Double(Float(bitPattern: 0x7F7F_0000))
        case .float32: Double(Float.greatestFiniteMagnitude)
        default: .greatestFiniteMagnitude
        }
    }
}
