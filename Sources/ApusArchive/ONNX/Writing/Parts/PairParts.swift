import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXParts {
    private static func pair(_ rule: @escaping @Sendable (Tensor, Tensor) throws -> Tensor) -> Rule {
        one { try rule($0.operand(0), $0.operand(1)) }
    }

    /// Functions of two tensors, or of a tensor and a number.
    static let pairs: [(String, Rule)] =
        [
            ("atan2", pair { try arctangent($0, $1) }), ("arctan2", pair { try arctangent($0, $1) }),
            (
                "hypot",
                pair { a, b in
                    let (x, y) = (try a.abs(), try b.abs())
                    let (large, small) = (try x.maximum(y), try x.minimum(y))
                    let ratio: Tensor = try pick(large .== 0, large, small / large)
                    let length: Tensor = try large * (ratio * ratio + 1).sqrt()
                    return try pick(x.isinf() | y.isinf(), large.fullLike(Double.infinity), length)
                }
            ),
            (
                "logaddexp",
                pair { a, b in
                    let large: Tensor = try a.maximum(b)
                    return try pick((a .== b) & large.isinf(), large, large + log1p((a - b).abs().neg().exp()))
                }
            ),
            (
                "logaddexp2",
                pair { a, b in
                    let (large, unit) = (try a.maximum(b), Double.log(2))
                    let sum: Tensor = try large + log1p(((a - b).abs() * -unit).exp()) / unit
                    return try pick((a .== b) & large.isinf(), large, sum)
                }
            ),
            ("xlogy.Tensor", pair { try product($0, $1) { try $0.log() } }),
            ("special_xlogy", pair { try product($0, $1) { try $0.log() } }),
            ("special_xlog1py", pair { try product($0, $1) { try log1p($0) } }),
            ("fmax", pair { a, b in try pick(a.isnan(), b, pick(b.isnan(), a, a.maximum(b))) }),
            ("fmin", pair { a, b in try pick(a.isnan(), b, pick(b.isnan(), a, a.minimum(b))) }),
            ("heaviside", pair { a, b in try pick(a .== 0, b.expanded(b.shape), (a .> 0).to(a.dtype)) }),
            ("ldexp.Tensor", pair { a, b in try a * (b * Double.log(2)).exp() }),
            ("copysign.Tensor", pair { try signed($0, like: $1) }), ("copysign.Scalar", pair { try signed($0, like: $1) }),
        ]
        + ["lerp.Tensor", "lerp.Scalar"].map { name in
            (
                name,
                one { call in
                    let (a, b, weight) = (try call.operand(0), try call.operand(1), try call.operand(2))
                    let way: Tensor = try b - a
                    return try pick(weight.abs() .< 0.5, a + weight * way, b - way * (1 - weight))
                }
            )
        }

    private static func signed(_ a: Tensor, like b: Tensor) throws -> Tensor {
        let size: Tensor = try a.abs()
        return try pick(signbit(b), size.neg(), size)
    }

    /// a f(b), 0 where a is 0 and b is a number.
    private static func product(_ a: Tensor, _ b: Tensor, _ f: (Tensor) throws -> Tensor) throws -> Tensor {
        try pick(b.isnan(), b, pick(a .== 0, a.fullLike(0), a * f(b)))
    }

    /// The angle of (x, y): that of the right half, turned by half a circle where x is negative. Infinities count by their signs where both
    /// are, and zeros have signs.
    private static func arctangent(_ y: Tensor, _ x: Tensor) throws -> Tensor {
        let both: Tensor = try y.isinf() & x.isinf()
        let up: Tensor = try pick(both, sign(of: y), y)
        let right: Tensor = try pick(both, sign(of: x), x)
        let half: Tensor = try pick((y .== 0) & (x .== x), up.expanded((up + right).shape), (up / right).atan())
        let turn: Tensor = try pick(signbit(y), y.fullLike(-Double.pi), y.fullLike(Double.pi))
        return try pick(signbit(x), half + turn, half)
    }

    private static func sign(of x: Tensor) throws -> Tensor { try (x .> 0).to(x.dtype) - (x .< 0).to(x.dtype) }

    // MARK: Divisions

    static let divisions: [(String, Rule)] =
        ["Tensor", "Scalar"].flatMap { overload in
            [
                ("div.\(overload)_mode", one { try quotient($0) }), ("divide.\(overload)_mode", one { try quotient($0) }),
                (
                    "remainder.\(overload)",
                    one { call in
                        let (a, b) = (try call.operand(0), try call.operand(1))
                        guard a.dtype.isFloatingPoint else { return nil }
                        let rest: Tensor = try a.fmod(b)
                        return try pick((rest .!= 0) & ((rest .< 0) ^ (b .< 0)), rest + b, rest)
                    }
                ),
            ]
        } + ["floor_divide", "floor_divide.Scalar"].map { ($0, one { try floored($0.operand(0), $0.operand(1)) }) }

    private static func quotient(_ call: Call) throws -> Tensor? {
        let (a, b) = (try call.operand(0), try call.operand(1))
        switch try call.optionalString(2) {
        case nil: return try a / b
        case "floor"?: return try floored(a, b)
        // Integers are divided so as it is.
        default: return a.dtype.isFloatingPoint ? try truncated(a / b) : nil
        }
    }

    /// The quotient rounded down. Of floats as PyTorch has it: from the remainder, so that what is divisible gives a whole number.
    private static func floored(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        guard a.dtype.isFloatingPoint else {
            let quotient: Tensor = try a.div(b, rounding: .trunc)
            if a.dtype == .uint8 || a.dtype == .bool { return quotient }
            let rest: Tensor = try a - quotient * b
            return try quotient - ((rest .!= 0) & ((rest .< 0) ^ (b .< 0))).to(a.dtype)
        }
        let rest: Tensor = try a.fmod(b)
        let whole: Tensor = try (a - rest) / b
        let lower: Tensor = try pick((rest .!= 0) & ((rest .< 0) ^ (b .< 0)), whole - 1, whole)
        let down: Tensor = try lower.floor()
        let round: Tensor = try pick((lower - down) .> 0.5, down + 1, down)
        let signed: Tensor = try pick(lower .== 0, (a / b) * 0, round)
        return try pick(b .== 0, a / b, signed)
    }
}
