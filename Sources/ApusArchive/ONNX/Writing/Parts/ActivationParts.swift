import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXParts {
    static let activations: [(String, Rule)] = [
        ("relu6", one { try $0.tensor(0).clamp(min: 0, max: 6) }),
        ("log_sigmoid", function { try $0.minimum($0.fullLike(0)) - log1p($0.abs().neg().exp()) }),
        (
            "hardshrink",
            one { call in
                let x: Tensor = try call.tensor(0)
                return try pick((x .>= -call.double(1)) & (x .<= call.double(1)), x.fullLike(0), x)
            }
        ),
        (
            "softshrink",
            one { call in
                let (x, limit) = (try call.operand(0), try call.double(1))
                // NaN stays.
                return try pick(x .> limit, x - limit, pick(x .< -limit, x + limit, x * 0))
            }
        ),
        (
            "elu",
            one { call in
                let x: Tensor = try call.operand(0)
                let (alpha, scale, inner) = (try call.double(1), try call.double(2), try call.double(3))
                return try pick(x .<= 0, expm1(x * inner) * (alpha * scale), x * scale)
            }
        ),
        (
            "selu",
            function { x in
                let (alpha, scale) = (1.6732632423543772, 1.0507009873554805)
                return try pick(x .<= 0, expm1(x) * (alpha * scale), x * scale)
            }
        ),
        (
            "celu",
            one { call in
                let (x, alpha) = (try call.operand(0), try call.double(1))
                return try pick(x .<= 0, expm1(x / alpha) * alpha, x)
            }
        ),
        (
            "softplus",
            one { call in
                let x: Tensor = try call.operand(0)
                let (beta, threshold) = (try call.double(1), try call.double(2))
                let scaled: Tensor = try x * beta
                return try pick(scaled .> threshold, x, log1p(scaled.exp()) / beta)
            }
        ),
        (
            "threshold",
            one { call in
                let x: Tensor = try call.tensor(0)
                return try pick(x .<= call.scalar(1), x.fullLike(call.scalar(2)), x)
            }
        ),
        (
            "sinc",
            function { x in
                let angle: Tensor = try x * Double.pi
                return try pick(x .== 0, x.fullLike(1), angle.sin() / angle)
            }
        ),
        (
            "logit",
            one { call in
                let x: Tensor = try call.operand(0)
                let given: Tensor = try call.optionalDouble(1).map { try x.clamp(min: $0, max: 1 - $0) } ?? x
                return try (given / (1 - given)).log()
            }
        ),
        // Outside of training.
        (
            "native_dropout",
            { call in
                let x: Tensor = try call.tensor(0)
                guard case .scalar = call[2], try !call.bool(2) else { return nil }
                return [.tensor(x), .tensor(try x.fullLike(1).to(.bool))]
            }
        ),
    ]
}
