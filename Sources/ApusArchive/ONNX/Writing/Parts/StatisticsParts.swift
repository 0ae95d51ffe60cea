import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXParts {
    static let statistics: [(String, Rule)] = variances + sums + batchNorms

    /// Where the dimensions, the correction (or whether there is one) and keepdim stand.
    private static let variances: [(String, Rule)] = ["var", "std", "var_mean", "std_mean"].flatMap { name in
        [("", nil, 1, nil), (".dim", 1, 2, 3), (".correction", 1, 2, 3)].map { overload, dims, correction, keep in
            let rule: Rule = { call in try variance(call, name, dims: dims, correction: correction, keep: keep) }
            return (name + overload, rule)
        }
    }

    private static func variance(_ call: Call, _ name: String, dims: Int?, correction: Int, keep: Int?) throws -> [OperatorArgument] {
        let x: Tensor = try call.tensor(0)
        var number: Double = 1
        if case .scalar(.bool(let isUnbiased)) = call[correction] {
            number = isUnbiased ? 1 : 0
        } else if let given = try call.optionalDouble(correction) {
            number = given
        }
        let (variance, mean) = try spread(x, named(call, dims), correction: number, keepDim: keep.map { try call.bool($0) } ?? false)
        let result: Tensor = name.hasPrefix("std") ? try variance.sqrt() : variance
        return try ([result] + (name.hasSuffix("mean") ? [mean] : [])).map { .tensor(try $0.to(x.dtype)) }
    }

    /// The dimensions that an argument names, all of them for none.
    private static func named(_ call: Call, _ index: Int?) throws -> [Int] {
        let named: [Int] = try index.flatMap { try call.optionalInts($0) }?.compactMap(\.constant) ?? []
        return try named.isEmpty ? Array(0..<call.tensor(0).rank) : named
    }

    /// A rule that reduces one tensor over dimensions.
    private static func reduction(
        dims: Int?, keep: Int?, _ body: @escaping @Sendable (Call, Tensor, [Int], Bool) throws -> Tensor?
    ) -> Rule {
        one { call in
            let x: Tensor = try call.tensor(0)
            // Of a number alone nothing is reduced.
            let wide: Tensor = x.dtype == .float16 || x.dtype == .bfloat16 ? try x.to(.float32) : x
            return try body(call, wide, named(call, dims), keep.map { try call.bool($0) } ?? false)
        }
    }

    private static let sums: [(String, Rule)] = [
        ("count_nonzero", reduction(dims: 1, keep: nil) { _, x, dims, _ in try (x .!= 0).to(.int64).sum(dims: dims) }),
        ("count_nonzero.dim_IntList", reduction(dims: 1, keep: nil) { _, x, dims, _ in try (x .!= 0).to(.int64).sum(dims: dims) }),
        (
            "nansum",
            reduction(dims: 1, keep: 2) { call, x, dims, keep in
                try pick(x.isnan(), x.fullLike(0), x).to(call.resultDType).sum(dims: dims, keepDim: keep)
            }
        ),
        (
            "logsumexp",
            reduction(dims: 1, keep: 2) { call, given, dims, keep in
                let x: Tensor = given.dtype.isFloatingPoint ? given : try given.to(call.resultDType)
                let most: Tensor = try x.amax(dims: dims, keepDim: true)
                let shift: Tensor = try pick(most.isinf(), most.fullLike(0), most)
                let sum: Tensor = try (x - shift).exp().sum(dims: dims, keepDim: keep).log()
                return try sum + (keep ? shift : shift.sum(dims: dims))
            }
        ),
        (
            "linalg_vector_norm",
            reduction(dims: 2, keep: 3) { call, given, dims, keep in
                let x: Tensor = try given.to(call.dtype(4) ?? given.dtype).abs()
                func sum(_ x: Tensor) throws -> Tensor { try x.sum(dims: dims, keepDim: keep) }
                switch try call.double(1) {
                case .infinity: return try x.amax(dims: dims, keepDim: keep)
                case -.infinity: return try x.amin(dims: dims, keepDim: keep)
                case 0: return try sum((x .!= 0).to(x.dtype))
                case 1: return try sum(x)
                case 2: return try sum(x * x).sqrt()
                case let order: return try sum(x.pow(order)).pow(1 / order)
                }
            }
        ),
    ]

    /// The variance over dimensions, and the mean.
    private static func spread(_ x: Tensor, _ dims: [Int], correction: Double, keepDim: Bool) throws -> (variance: Tensor, mean: Tensor) {
        let wide: Tensor = [.float16, .bfloat16].contains(x.dtype) ? try x.to(.float32) : x
        // Of one element nothing is left to divide by from 1 on.
        if x.rank == 0 { return (try wide * (correction < 1 ? 0 : Double.nan), wide) }
        let mean: Tensor = try wide.mean(dims: dims, keepDim: true)
        let distance: Tensor = try wide - mean
        let squares: Tensor = try (distance * distance).sum(dims: dims, keepDim: keepDim)
        let count: SymInt = dims.map { x.shape[$0] }.reduce(1) { $0 * $1 }
        let variance: Tensor
        if correction.magnitude < 9e15, let whole = Int(exactly: correction) {
            variance = try squares / SymFloat(max(count - SymInt(whole), 0))
        } else if let known = count.constant {
            variance = try squares / max(Double(known) - correction, 0)
        } else {
            // Floats of sizes have no maximum: the graph holds them at 0.
            let rest: Tensor = try Tensor.full([], SymFloat(count) - SymFloat(correction), dtype: .float64)
            variance = try squares / rest.clamp(min: 0).to(squares.dtype)
        }
        return (variance, keepDim ? mean : try wide.mean(dims: dims))
    }

    // MARK: Batch norm in training

    private static let batchNorms: [(String, Rule)] = [
        ("native_group_norm", { try grouped($0) }),
        ("native_batch_norm", { call in try call.bool(5) ? trained(call, statistics: nil, epsilon: 7) : nil }),
        ("_native_batch_norm_legit.no_stats", { call in try trained(call, statistics: nil, epsilon: 5) }),
        (
            "_native_batch_norm_legit_functional",
            { call in
                if try call.bool(5) { return try trained(call, statistics: 6, epsilon: 7) }
                guard let plain = OperatorTable.find("aten::native_batch_norm") else { return nil }
                return try applyTensors(plain, call.arguments).map { .tensor($0) } + [call[3], call[4]]
            }
        ),
    ]

    /// - Parameter statistics: the place of the momentum, where running statistics are given back.
    /// Group norm as layer norm of groups: (x, weight, bias, N, C, HxW, groups, epsilon).
    private static func grouped(_ call: Call) throws -> [OperatorArgument] {
        let x: Tensor = try call.operand(0)
        let (batch, channels, area, groups) = (try call.int(3), try call.int(4), try call.int(5), SymInt(try call.constant(6)))
        let rows: Tensor = try x.reshaped([batch, groups, channels / groups * area])
        let (variance, mean) = try spread(rows, [2], correction: 0, keepDim: true)
        let scale: Tensor = try (variance + call.double(7)).sqrt().reciprocal()
        var result: Tensor = try ((rows - mean) * scale).reshaped([batch, channels, area])
        if let weight = try call.optionalTensor(1) { result = try result * weight.reshaped([channels, 1]) }
        if let bias = try call.optionalTensor(2) { result = try result + bias.reshaped([channels, 1]) }
        let results: [Tensor] = [try result.reshaped(x.shape), try mean.squeezed(2), try scale.squeezed(2)]
        return try zip(results, call.operator.rule(call)).map { .tensor(try $0.to($1.dtype)) }
    }

    private static func trained(_ call: Call, statistics: Int?, epsilon: Int) throws -> [OperatorArgument] {
        let x: Tensor = try call.tensor(0)
        let dims: [Int] = [0] + Array(2..<x.rank)
        let sizes: [SymInt] = [1, x.shape[1]] + Array(repeating: 1, count: x.rank - 2)
        let (variance, mean) = try spread(x, dims, correction: 0, keepDim: false)
        let scale: Tensor = try (variance + call.double(epsilon)).sqrt().reciprocal()
        var result: Tensor = try (x - mean.reshaped(sizes)) * scale.reshaped(sizes)
        if let weight = try call.optionalTensor(1) { result = try result * weight.reshaped(sizes) }
        if let bias = try call.optionalTensor(2) { result = try result + bias.reshaped(sizes) }
        var results: [Tensor] = [result, mean, scale]
        if let statistics {
            let momentum: Double = try call.double(statistics)
            let count: SymInt = dims.map { x.shape[$0] }.reduce(1) { $0 * $1 }
            let unbiased: Tensor = try variance * (SymFloat(count) / SymFloat(max(count - 1, 1)))
            let (running, spread) = (try call.tensor(3), try call.tensor(4))
            results.append(try running * (1 - momentum) + mean * momentum)
            results.append(try spread * (1 - momentum) + unbiased * momentum)
        }
        return try zip(results, call.operator.rule(call)).map { .tensor(try $0.to($1.dtype)) }
    }
}
