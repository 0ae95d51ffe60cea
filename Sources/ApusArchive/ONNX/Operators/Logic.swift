import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    /// An operator on two tensors.
    static func binary(
        _ name: String, onSizes: ONNXOperator.OnSizes = .tensors, _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
    ) -> ONNXOperator {
        ONNXOperator(name, onSizes: onSizes) { call in
            let (a, b) = try call.pair()
            return try function(a, b)
        }
    }

    static let logic: [ONNXOperator] = [
        binary("And") { try $0.logicalAnd($1) },
        binary("Or") { try $0.logicalOr($1) },
        binary("Xor") { try $0.logicalXor($1) },
        ONNXOperator("Not") { try $0.tensor(0).logicalNot() },
        binary("Equal", onSizes: .compares { $0 == $1 }) { try $0 .== $1 },
        binary("Less", onSizes: .compares { $0 < $1 }) { try $0 .< $1 },
        binary("LessOrEqual", onSizes: .compares { $0 <= $1 }) { try $0 .<= $1 },
        binary("Greater", onSizes: .compares { $0 > $1 }) { try $0 .> $1 },
        binary("GreaterOrEqual", onSizes: .compares { $0 >= $1 }) { try $0 .>= $1 },
        ONNXOperator("IsNaN") { try $0.tensor(0).isnan() },
        ONNXOperator("IsInf") { call in
            let x: Tensor = try call.tensor(0)
            switch (try call.flag("detect_negative", true), try call.flag("detect_positive", true)) {
            case (true, true): return try x.isinf()
            case (true, false): return try x.isneginf()
            case (false, true): return try x.isposinf()
            case (false, false): return try x.isinf().logicalAnd(x.isnan())
            }
        },
        ONNXOperator(
            "Where", onSizes: .moves([1, 2]),
            values: { call in
                let (condition, a, b) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
                let result: Tensor
                if let number = try a.number(beside: b) {
                    result = try Tensor.where(condition, number, b)
                } else if let number = try b.number(beside: a) {
                    result = try Tensor.where(condition, a, number)
                } else {
                    result = try Tensor.where(condition, a, b)
                }
                return [ONNXValue(.tensor(result), try call.element(1))]
            }),
    ]
}
