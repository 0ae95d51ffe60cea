import ApusSymbolic
import ApusTensor

/// What operators with kernels of their own are made of in terms of PyTorch's core operators. The operators' records have a decomposition
/// where it is how they compute; these are for back ends only.
enum CoreDecompositions {
    /// Gives nil for a call that it can't take apart.
    typealias Rule = @Sendable (Call) throws -> [OperatorArgument]?

    static let rules: [String: Rule] = Dictionary(
        (activations + arithmetic + conditions + order + parts + products + losses).map { ("aten::" + $0.0, $0.1) },
        uniquingKeysWith: { first, _ in first })

    /// What a call is made of; nil where there is no rule, or where its parts would give another dtype, as integers do here and there.
    static func parts(of call: Call) throws -> [OperatorArgument]? {
        guard let results = try rules[call.operator.name]?(call) else { return nil }
        var dtypes: [DType] = []
        for result in results { result.forEachReference { dtypes.append($0.dtype) } }
        return try call.operator.rule(call).map(\.dtype) == dtypes ? results : nil
    }

    /// A rule whose result is one tensor.
    private static func one(_ rule: @escaping @Sendable (Call) throws -> Tensor?) -> Rule {
        { call in try rule(call).map { [.tensor($0)] } }
    }

    /// A core operator's one result.
    private static func core(_ name: String, _ arguments: OperatorArgument...) throws -> Tensor {
        try applySingle(.named(name), arguments)
    }

    // MARK: Elementwise

    private static let activations: [(String, Rule)] = [
        ("silu", one { try $0.tensor(0) * $0.tensor(0).sigmoid() }),
        ("hardsigmoid", one { try gate($0.tensor(0)) }),
        ("hardswish", one { try $0.tensor(0) * gate($0.tensor(0)) }),
        ("mish", one { try $0.tensor(0) * softplus($0.tensor(0), 1, 20).tanh() }),
        (
            "softplus",
            one { call in
                guard let beta = try call.scalar(1).doubleValue, let threshold = try call.scalar(2).doubleValue else { return nil }
                return try softplus(call.tensor(0), beta, threshold)
            }
        ),
        (
            "threshold",
            one { call in
                let x = try call.tensor(0)
                return try pick(core("le.Scalar", .tensor(x), .scalar(call.scalar(1))), filled(x, call.scalar(2)), x)
            }
        ),
        (
            "threshold_backward",
            one { call in
                let (gradient, x) = (try call.tensor(0), try call.tensor(1))
                return try pick(core("le.Scalar", .tensor(x), .scalar(call.scalar(2))), filled(gradient, .int(0)), gradient)
            }
        ),
        ("sigmoid_backward", one { try $0.tensor(0) * $0.tensor(1) * (1 - $0.tensor(1)) }),
        ("tanh_backward", one { try $0.tensor(0) * (1 - $0.tensor(1) * $0.tensor(1)) }),
    ]

    private static let arithmetic: [(String, Rule)] = [
        ("square", one { try $0.tensor(0) * $0.tensor(0) }),
        ("frac", one { try $0.tensor(0) - $0.tensor(0).trunc() }),
        ("exp2", one { try core("pow.Scalar", .int(2), .tensor($0.tensor(0))) }),
        ("addcmul", one { try $0.tensor(0) + core("mul.Scalar", .tensor($0.tensor(1) * $0.tensor(2)), .scalar($0.scalar(3))) }),
        (
            "addcdiv",
            one { try $0.tensor(0) + core("mul.Scalar", .tensor($0.tensor(1) / $0.tensor(2)), .scalar($0.scalar(3))) }
        ),
        ("clamp_min", one { try core("clamp", .tensor($0.tensor(0)), $0[1], .none) }),
        ("clamp_max", one { try core("clamp", .tensor($0.tensor(0)), .none, $0[1]) }),
        ("clip", one { try core("clamp", .tensor($0.tensor(0)), $0[1], $0[2]) }),
        ("max.other", one { try core("maximum", $0[0], $0[1]) }),
        ("min.other", one { try core("minimum", $0[0], $0[1]) }),
        ("true_divide.Tensor", one { try core("div.Tensor", $0[0], $0[1]) }),
        ("true_divide.Scalar", one { try core("div.Scalar", $0[0], $0[1]) }),
        ("special_erf", one { try core("erf", $0[0]) }),
        ("special_expit", one { try core("sigmoid", $0[0]) }),
    ]

    private static let conditions: [(String, Rule)] = [
        (
            "isfinite",
            one { try core("logical_not", .tensor(core("logical_or", .tensor(core("isinf", $0[0])), .tensor(core("isnan", $0[0]))))) }
        ),
        ("all", one { try core("logical_not", .tensor(core("any", .tensor(core("logical_not", $0[0]))))) }),
        ("all.dim", one { try core("logical_not", .tensor(core("any.dim", .tensor(core("logical_not", $0[0])), $0[1], $0[2]))) }),
        ("all.dims", one { try core("logical_not", .tensor(core("any.dims", .tensor(core("logical_not", $0[0])), $0[1], $0[2]))) }),
    ]

    /// relu6(x + 3) / 6
    private static func gate(_ x: Tensor) throws -> Tensor {
        try core("clamp", .tensor(x + 3), .scalar(.int(0)), .scalar(.int(6))) / 6
    }

    private static func softplus(_ x: Tensor, _ beta: Double, _ threshold: Double) throws -> Tensor {
        let scaled: Tensor = try x * beta
        return try pick(core("gt.Scalar", .tensor(scaled), .double(threshold)), x, scaled.exp().log1p() / beta)
    }

    private static func pick(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        try core("where.self", .tensor(condition), .tensor(a), .tensor(b))
    }

    private static func filled(_ like: Tensor, _ value: Scalar) throws -> Tensor {
        try core("full_like", .tensor(like), .scalar(value), .none, .none, .none, .none, .none)
    }

    // MARK: Dimensions

    private static let order: [(String, Rule)] =
        [
            ("t", one { call in try call.tensor(0).rank == 2 ? permuted(call.tensor(0), [1, 0]) : nil }),
            (
                "transpose.int",
                one { call in
                    let x = try call.tensor(0)
                    guard x.rank > 0 else { return nil }
                    var order: [Int] = Array(0..<x.rank)
                    let dims: [Int] = try [1, 2].map { try normalize(dim: call.constant($0), rank: x.rank, in: call.name) }
                    order.swapAt(dims[0], dims[1])
                    return try permuted(x, order)
                }
            ),
            ("numpy_T", one { try permuted($0.tensor(0), Array((0..<$0.tensor(0).rank).reversed())) }),
        ]
        + ["movedim", "moveaxis"].flatMap { name in
            [
                (name + ".int", one { try moved($0.tensor(0), [$0.constant(1)], [$0.constant(2)], $0) }),
                (name + ".intlist", one { try moved($0.tensor(0), $0.constants(1), $0.constants(2), $0) }),
            ]
        }

    private static func permuted(_ x: Tensor, _ order: [Int]) throws -> Tensor { try core("permute", .tensor(x), .ints(order)) }

    private static func moved(_ x: Tensor, _ from: [Int], _ to: [Int], _ call: Call) throws -> Tensor? {
        let source: [Int] = try from.map { try normalize(dim: $0, rank: x.rank, in: call.name) }
        let target: [Int] = try to.map { try normalize(dim: $0, rank: x.rank, in: call.name) }
        guard x.rank > 0, source.count == target.count, Set(source).count == source.count, Set(target).count == target.count else {
            return nil
        }
        var order: [Int] = (0..<x.rank).filter { !source.contains($0) }
        for (dim, position) in zip(source, target).sorted(by: { $0.1 < $1.1 }) { order.insert(dim, at: Swift.min(position, order.count)) }
        return try permuted(x, order)
    }

    private static let parts: [(String, Rule)] = [
        (
            "narrow",
            one { call in
                let start: SymInt = try call.int(2)
                // A start from the end can be told from one at the front only where it is a number.
                guard let known = start.constant, known >= 0 else { return nil }
                return try core("slice.Tensor", call[0], call[1], .int(start), .int(start + call.int(3)), .int(1))
            }
        ),
        (
            "stack",
            one { call in
                let tensors: [Tensor] = try call.tensors(0)
                guard let first = tensors.first else { return nil }
                let dim: Int = try normalize(dim: call.constant(1), rank: first.rank + 1, in: call.name)
                let parts: [Tensor] = try tensors.map { try core("unsqueeze", .tensor($0), .int(dim)) }
                return try core("cat", .tensors(parts), .int(dim))
            }
        ),
        (
            "unbind.int",
            { call in
                let x = try call.tensor(0)
                guard x.rank > 0 else { return nil }
                let dim: Int = try normalize(dim: call.constant(1), rank: x.rank, in: call.name)
                guard let count = x.shape[dim].constant else { return nil }
                return [.tensors(try (0..<count).map { try core("select.int", .tensor(x), .int(dim), .int($0)) })]
            }
        ),
        (
            "squeeze",
            one { call in
                let x = try call.tensor(0)
                let ones: [Int] =
                    try call.operator.rule(call)[0].shape.count == x.rank ? [] : x.shape.indices.filter { x.shape[$0].constant == 1 }
                return try core("squeeze.dims", .tensor(x), .ints(ones))
            }
        ),
    ]

    // MARK: Products

    private static let products: [(String, Rule)] = [
        (
            "matmul",
            one { call in
                let (a, b) = (try call.tensor(0), try call.tensor(1))
                if a.rank == 2, b.rank == 2 { return try core("mm", .tensor(a), .tensor(b)) }
                guard a.rank == 3, b.rank == 3, a.shape[0].isIdentical(to: b.shape[0]) else { return nil }
                return try core("bmm", .tensor(a), .tensor(b))
            }
        ),
        (
            "linear",
            one { call in
                let (x, weight, bias) = (try call.tensor(0), try call.tensor(1), try call.optionalTensor(2))
                let across: Tensor = try permuted(weight, [1, 0])
                if x.rank == 2 {
                    guard let bias else { return try core("mm", .tensor(x), .tensor(across)) }
                    return try core("addmm", .tensor(bias), .tensor(x), .tensor(across), .int(1), .int(1))
                }
                guard x.rank == 3 else { return nil }
                let sizes: [SymInt] = [x.shape[0], weight.shape[1], weight.shape[0]]
                let product: Tensor = try core("bmm", .tensor(x), .tensor(core("expand", .tensor(across), .ints(sizes), .bool(false))))
                return try bias.map { try product + $0 } ?? product
            }
        ),
        ("outer", one { try core("unsqueeze", $0[0], .int(1)) * core("unsqueeze", $0[1], .int(0)) }),
        ("ger", one { try core("unsqueeze", $0[0], .int(1)) * core("unsqueeze", $0[1], .int(0)) }),
        ("mv", one { try core("squeeze.dims", .tensor(core("mm", $0[0], .tensor(core("unsqueeze", $0[1], .int(1))))), .ints([1])) }),
    ]

    // MARK: Losses

    private static let losses: [(String, Rule)] = [
        ("sum", one { call in try core("sum.dim_IntList", call[0], .ints([] as [Int]), .bool(false), call[1]) }),
        ("mse_loss", one { call in try reduced(squared(call.tensor(0) - call.tensor(1)), call) }),
        ("l1_loss", one { call in try reduced((call.tensor(0) - call.tensor(1)).abs(), call) }),
    ]

    private static func squared(_ x: Tensor) throws -> Tensor { try x * x }

    /// By a loss's argument `reduction`: 0 none, 1 mean, 2 sum.
    private static func reduced(_ x: Tensor, _ call: Call) throws -> Tensor? {
        switch try call.constant(2) {
        case 0: x
        case 1: try core("mean", .tensor(x), .none)
        case 2: try core("sum.dim_IntList", .tensor(x), .ints([] as [Int]), .bool(false), .none)
        default: nil
        }
    }
}
