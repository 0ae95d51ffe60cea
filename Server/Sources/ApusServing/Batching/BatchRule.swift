import ApusRun

/// What a family of operators does with the dimension of the batch.
struct BatchRule: Sendable {
    let names: [String]
    /// Whether the batch's size may stand among the arguments: where it says a shape, which the result then has.
    var takesSizes = false
    let apply: @Sendable (NodeRows) throws -> [Rows]

    static let byName: [String: BatchRule] = {
        let families: [[BatchRule]] = [pointwise, views, reductions, products, spatial, joining, lookups, checks]
        return Dictionary(families.joined().flatMap { rule in rule.names.map { ($0, rule) } }, uniquingKeysWith: { first, _ in first })
    }()

    init(_ names: String, takesSizes: Bool = false, _ apply: @escaping @Sendable (NodeRows) throws -> [Rows]) {
        self.names = names.split(whereSeparator: \.isWhitespace).map(String.init)
        (self.takesSizes, self.apply) = (takesSizes, apply)
    }
}

// MARK: - Each element for itself

extension BatchRule {
    static let pointwise: [BatchRule] = [
        BatchRule(
            """
            add sub mul div rsub true_divide floor_divide divide subtract multiply remainder fmod pow float_power square sqrt rsqrt reciprocal
            exp exp2 expm1 log log10 log1p log2 logaddexp logaddexp2 xlogy neg abs absolute sign sgn signbit floor ceil round trunc frac fix
            sin cos tan asin acos atan atan2 arctan2 sinh cosh tanh asinh acosh atanh hypot sigmoid log_sigmoid erf erfc erfinv lgamma digamma
            i0 sinc relu relu6 leaky_relu elu celu selu gelu silu mish hardtanh hardswish hardsigmoid hardshrink softshrink softplus softsign
            threshold tanhshrink clamp clip clamp_min clamp_max maximum minimum fmax fmin eq ne lt le gt ge isnan isinf isfinite
            isneginf isposinf isclose logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not
            bitwise_left_shift bitwise_right_shift __and__ __or__ __xor__ __lshift__ __rshift__ where masked_fill lerp addcmul addcdiv nan_to_num
            copysign heaviside gcd lcm ldexp nextafter deg2rad rad2deg _prelu_kernel dropout special_expit special_erf
            """
        ) { try $0.pointwise() },
        // Numbers of rows stay what they are.
        BatchRule("clone contiguous detach alias lift_fresh lift_fresh_copy") { node in [try node.first().rows] },
        BatchRule("_to_copy to type_as") { node in
            let (_, _, rows) = try node.first()
            try node.requireShared(except: "self")
            if case .numbers = rows { try node.requireWideNumbers() }
            return [rows]
        },
        // A tensor's own sizes, filled with one number.
        BatchRule("full_like zeros_like ones_like") { node in [try node.along().map { .along($0) } ?? .shared] },
        BatchRule("full zeros ones new_full new_zeros new_ones", takesSizes: true) { node in
            if case .scalar(let scalar)? = node.argument("fill_value"), node.mentions(scalar) {
                throw NotProven("fills in the batch's size")
            }
            let dims: [Int] = try node.result().shape.enumerated().filter { $0.1.freeSymbols.contains(node.symbol) }.map(\.0)
            return [dims.first.map { .along($0) } ?? .shared]
        },
        BatchRule("arange", takesSizes: true) { node in
            let end: SymInt? = if case .scalar(.int(let end))? = node.argument("end") { end } else { nil }
            guard end?.isIdentical(to: node.batch) == true, node.int("start", otherwise: 0) == 0, node.int("step", otherwise: 1) == 1 else {
                throw NotProven("counts in steps of the batch's size")
            }
            try node.requireWideNumbers()
            return [.numbers(0)]
        },
        BatchRule("prelu") { node in
            try node.requireShared(except: "self")
            return [try node.along(not: 1).map { .along($0) } ?? .shared]
        },
    ]

    static let checks: [BatchRule] = [
        // What holds of a batch's size may not hold of each request's own.
        BatchRule("_assert_scalar _assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size") { _ in [] }
    ]
}

extension NodeRows {
    /// Only types that hold every row's number, and index, keep them the rows' numbers.
    func requireWideNumbers() throws {
        guard [.int32, .int64].contains(try result().dtype) else { throw NotProven("computes with the rows' numbers") }
    }

    func mentions(_ scalar: Scalar) -> Bool {
        switch scalar {
        case .int(let size): size.freeSymbols.contains(symbol)
        case .float(let number): number.freeSymbols.contains(symbol)
        default: false
        }
    }

    /// The first operand's dimension of the batch, nil where it is shared.
    func along(not forbidden: Int...) throws -> Int? {
        let (_, _, rows) = try first()
        switch rows {
        case .shared: return nil
        case .along(let dim):
            if forbidden.contains(dim) { throw NotProven("works along the batch") }
            return dim
        case .numbers: throw NotProven("takes the rows' numbers")
        }
    }

    /// Operands are aligned at their last dimensions; the batch must come to lie in one place.
    func pointwise() throws -> [Rows] {
        let rank: Int = try result().rank
        var found: Int?
        for value in node.operands {
            guard let spec = spec(value) else { continue }
            switch rows(value) {
            case .shared: continue
            case .numbers: throw NotProven("computes with the rows' numbers")
            case .along(let dim):
                let place: Int = dim + rank - spec.rank
                guard found ?? place == place, spec.shape[dim].isIdentical(to: try result().shape[place]) else {
                    throw NotProven("takes rows in different dimensions")
                }
                found = place
            }
        }
        guard let found else { throw NotProven("gives rows of what has none") }
        try requireBroadcast(found, rank)
        return node.outputs.map { _ in .along(found) }
    }

    /// What is shared must not have elements of its own for the places of the batch.
    func requireBroadcast(_ place: Int, _ rank: Int) throws {
        for value in node.operands where rows(value) == .shared {
            guard let spec = spec(value) else { continue }
            let dim: Int = place - (rank - spec.rank)
            guard dim < 0 || dim >= spec.rank || spec.shape[dim].plain == 1 else {
                throw NotProven("has other numbers for each place in the batch")
            }
        }
    }
}
