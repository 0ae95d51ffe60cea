import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let attention: [ONNXOperator] = [
        ONNXOperator("Attention", values: { try ONNXAttention($0).results() }),
        ONNXOperator("FlexAttention", domain: "ai.onnx.preview", isFolded: false, values: { try flexAttention($0) }),
        ONNXOperator("RotaryEmbedding") { try rotaryEmbedding($0) },
        ONNXOperator("LinearAttention", isFolded: false, values: { try linearAttention($0) }),
        ONNXOperator("SwiGLU") { call in
            let (gate, x, alpha) = (try call.tensor(0), try call.tensor(1), try call.float("alpha", 1))
            return try (alpha == 1 ? gate.silu() : gate * (gate * alpha).sigmoid()) * x
        },
    ]

    /// `[batch, sequence, heads * size]` as `[batch, heads, sequence, size]`.
    static func heads(_ x: Tensor, _ count: Int, _ call: ONNXCall) throws -> Tensor {
        guard x.rank == 3, count > 0 else { throw call.error(.invalidProgram, "takes three dimensions for \(count) heads, not \(x.spec)") }
        return try x.reshaped([x.shape[0], x.shape[1], SymInt(count), x.shape[2] / count]).transposed(1, 2)
    }

    private static func flexAttention(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let bodies = call.bodies else { throw call.error("has no body") }
        let (q, v) = (try call.tensor(0), try call.tensor(2))
        var (k, values) = (try call.tensor(1), v)
        guard q.rank == 4, k.rank == 4, v.rank == 4 else { throw call.error(.invalidProgram, "takes four dimensions, not \(q.spec)") }
        (k, values) = (try shared(k, by: q, call), try shared(values, by: q, call))
        let precise: DType = try call.element(ofAttribute: "softmax_precision")?.dtype ?? (q.dtype == .float64 ? .float64 : .float32)
        func modified(_ x: Tensor, _ name: String) throws -> Tensor {
            guard call.attributes[name] != nil else { return x }
            guard let result = try bodies.run(try call.graph(name), [ONNXValue(x)]).first else {
                throw call.error(.invalidProgram, "has a body without a result")
            }
            return try result.tensor()
        }
        let products: Tensor = try q.matmul(k.mT).to(precise)
        let scores: Tensor
        if let scale = try call.float("scale") {
            scores = try products * scale
        } else {
            scores = try products / Tensor.scalar(q.shape[3], dtype: precise).sqrt()
        }
        let shares: Tensor = try modified(try modified(scores, "score_mod").softmax(dim: -1), "prob_mod")
        return [ONNXValue(try shares.to(q.dtype).matmul(values))]
    }

    /// Heads of keys or values, each as often as queries share it.
    static func shared(_ x: Tensor, by queries: Tensor, _ call: ONNXCall) throws -> Tensor {
        guard let own = x.shape[1].constant, let count = queries.shape[1].constant, own > 0, count % own == 0 else {
            throw call.error(.invalidProgram, "shares \(x.shape[1]) heads among \(queries.shape[1])")
        }
        return own == count ? x : try x.repeatInterleave(count / own, dim: 1)
    }

    private static func rotaryEmbedding(_ call: ONNXCall) throws -> Tensor {
        let given: Tensor = try call.tensor(0)
        // [batch, sequence, heads, size]
        let x: Tensor
        if given.rank == 4 {
            x = try given.transposed(1, 2)
        } else {
            x = try heads(given, try call.int("num_heads", 0), call).transposed(1, 2)
        }
        let size: Int = try call.int("rotary_embedding_dim", 0)
        let width: SymInt = size == 0 ? x.shape[3] : SymInt(size)
        func cached(_ index: Int) throws -> Tensor {
            let table: Tensor = try call.tensor(index)
            return try (call.optional(3).map { try table.index([$0.to(.int64)]) } ?? table).unsqueezed(2)
        }
        let (cos, sin) = (try cached(1), try cached(2))
        let turned: Tensor = try x.narrowed(dim: 3, from: 0, length: width)
        let isInterleaved: Bool = try call.flag("interleaved")
        let (first, second): (Tensor, Tensor)
        if isInterleaved {
            (first, second) = (try turned.sliced(dim: 3, from: 0, to: nil, step: 2), try turned.sliced(dim: 3, from: 1, to: nil, step: 2))
        } else {
            (first, second) = (
                try turned.narrowed(dim: 3, from: 0, length: width / 2), try turned.narrowed(dim: 3, from: width / 2, length: width / 2)
            )
        }
        let (real, imaginary) = (try cos * first - sin * second, try sin * first + cos * second)
        var result: Tensor =
            isInterleaved ? try Tensor.stack([real, imaginary], dim: 4).reshaped(turned.shape) : try Tensor.cat([real, imaginary], dim: 3)
        if size != 0 { result = try Tensor.cat([result, x.sliced(dim: 3, from: width, to: nil)], dim: 3) }
        return given.rank == 4 ? try result.transposed(1, 2) : try result.reshaped(given.shape)
    }

    /// Attention by a state that each position changes.
    private static func linearAttention(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let queryHeads = try call.int("q_num_heads"), let ownHeads = try call.int("kv_num_heads"), ownHeads > 0,
            queryHeads % ownHeads == 0
        else {
            throw call.error(.invalidProgram, "lacks its numbers of heads")
        }
        let rule: String = try call.choice("update_rule", "gated_delta", of: ["linear", "gated", "delta", "gated_delta"])
        let query: Tensor = try call.tensor(0)
        func steps(_ x: Tensor, _ count: Int) throws -> Tensor { try heads(x.to(.float32), count, call).permuted([2, 0, 1, 3]) }
        let (q, k, v) = (try steps(query, queryHeads), try steps(call.tensor(1), ownHeads), try steps(call.tensor(2), ownHeads))
        let (keySize, valueSize) = (k.shape[3], v.shape[3])
        let state: Tensor = try call.optional(3)?.to(.float32) ?? Tensor.zeros([query.shape[0], SymInt(ownHeads), keySize, valueSize])
        var xs: [Tensor] = [q, k, v]
        let decay: Tensor? = rule.hasPrefix("gated") ? try call.tensor(4) : nil
        if let decay { xs.append(try steps(decay, ownHeads).exp()) }
        let rate: Tensor? = rule.hasSuffix("delta") ? try call.tensor(5) : nil
        if let rate { xs.append(try steps(rate, rate.shape[2].constant == 1 ? 1 : ownHeads)) }
        let given: Double = try call.float("scale", 0)
        let root: Tensor = try Tensor.scalar(keySize, dtype: .float32).sqrt().reciprocal()
        let group: Int = queryHeads / ownHeads
        let (last, results) = try ONNXSteps(of: "LinearAttention", over: xs, from: [state]) { carried, slices in
            var state: Tensor = carried[0]
            let (q, k, v) = (slices[0], try slices[1].unsqueezed(3), try slices[2].unsqueezed(2))
            if decay != nil { state = try state * slices[3].unsqueezed(3) }
            var change: Tensor = v
            if rate != nil {
                // What the state has for the key already is taken from the value.
                let present: Tensor = try (state * k).sum(dims: [2], keepDim: true)
                change = try (v - present) * slices[slices.count - 1].unsqueezed(3)
            }
            state = try state + k * change
            let all: Tensor = group == 1 ? state : try state.repeatInterleave(group, dim: 1)
            let result: Tensor = try q.unsqueezed(2).matmul(all).squeezed(2)
            return ([state], [result])
        }.run()
        let scaled: Tensor = given == 0 ? try results[0] * root : try results[0] * given
        let joined: Tensor = try scaled.permuted([1, 0, 2, 3]).flattened(from: 2, to: 3)
        let stateType: DType = try call.optional(3)?.dtype ?? query.dtype
        return [ONNXValue(try joined.to(query.dtype)), ONNXValue(try last[0].to(stateType))]
    }
}

/// Scaled dot-product attention with all that ONNX's operator has.
private struct ONNXAttention {
    private let call: ONNXCall
    private let isPacked: Bool
    private let q: Tensor
    private let k: Tensor
    private let v: Tensor
    /// How many keys there were before those of this call.
    private let past: SymInt
    private let isCausal: Bool
    private let scale: Double?

    init(_ call: ONNXCall) throws {
        self.call = call
        var (q, k, v) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
        isPacked = q.rank == 3
        if isPacked {
            let (queryHeads, ownHeads) = (try call.int("q_num_heads", 0), try call.int("kv_num_heads", 0))
            q = try ONNXOperatorTable.heads(q, queryHeads, call)
            k = try ONNXOperatorTable.heads(k, ownHeads, call)
            v = try ONNXOperatorTable.heads(v, ownHeads, call)
        }
        guard q.rank == 4, k.rank == 4, v.rank == 4 else {
            throw call.error(.invalidProgram, "takes three or four dimensions, not \(q.spec)")
        }
        let pastKey: Tensor? = try call.optional(4)
        past = pastKey?.shape[2] ?? 0
        if let pastKey { k = try Tensor.cat([pastKey, k], dim: 2) }
        if let pastValue = try call.optional(5) { v = try Tensor.cat([pastValue, v], dim: 2) }
        (self.q, self.k, self.v) = (q, k, v)
        isCausal = try call.flag("is_causal")
        scale = try call.float("scale")
    }

    func results() throws -> [ONNXValue] {
        let wantsScores: Bool = call.outputs.count > 3 && call.outputs[3]
        let isPlain: Bool = try !wantsScores && call.float("softcap", 0) == 0 && !call.has(6) && window.left < 0 && window.right < 0
        let (result, scores): (Tensor, Tensor)
        if try isPlain && past.constant == 0 && (!isCausal || !call.has(3)) && call.element(ofAttribute: "softmax_precision") == nil {
            let isShared: Bool = decide(k.shape[1] == q.shape[1]) != true
            result = try q.scaledDotProductAttention(
                key: k, value: v, mask: paddedMask(), isCausal: isCausal, scale: scale, sharesHeads: isShared)
            scores = q
        } else {
            (result, scores) = try attended(ONNXOperatorTable.shared(k, by: q, call), ONNXOperatorTable.shared(v, by: q, call))
        }
        let joined: Tensor = isPacked ? try result.transposed(1, 2).flattened(from: 2, to: 3) : result
        return [joined, k, v, scores].map { ONNXValue($0) }
    }

    private var window: (left: Int, right: Int) {
        get throws { (try call.int("left_window_size", -1), try call.int("right_window_size", -1)) }
    }

    /// The mask for all keys: those that it does not reach are none.
    private func paddedMask() throws -> Tensor? {
        guard let mask = try call.optional(3) else { return nil }
        let missing: SymInt = k.shape[2] - mask.shape[mask.rank - 1]
        if missing.constant == 0 || decide(missing == 0) == true { return mask }
        return mask.dtype == .bool ? try mask.padded([0, missing], value: false) : try mask.padded([0, missing], value: -Double.infinity)
    }

    /// What is added to the scores; nil for nothing.
    private func bias() throws -> Tensor? {
        var allowed: [Tensor] = []
        var mask: Tensor? = try paddedMask()
        if let truth = mask, truth.dtype == .bool {
            allowed.append(truth)
            mask = nil
        }
        let query: Tensor = try Tensor.arange(q.shape[2]).unsqueezed(1)
        let key: Tensor = try Tensor.arange(k.shape[2]).unsqueezed(0)
        let lengths: Tensor? = try call.optional(6)?.to(.int64).reshaped([q.shape[0], 1, 1, 1])
        let position: Tensor = try call.has(4) ? query + past : lengths.map { try query + $0 - q.shape[2] } ?? query
        if isCausal { allowed.append(try key .<= position) }
        let (left, right) = try window
        if left >= 0 { allowed.append(try (position - key) .<= left) }
        if right >= 0 { allowed.append(try (key - position) .<= right) }
        if let lengths { allowed.append(try key .< lengths) }
        guard let first = allowed.first else { return mask }
        let all: Tensor = try allowed.dropFirst().reduce(first) { try $0.logicalAnd($1) }
        if let mask { return try Tensor.where(all, mask.to(q.dtype), -Double.infinity) }
        return try Tensor.where(all, Tensor.scalar(0.0, dtype: q.dtype), -Double.infinity)
    }

    private func attended(_ keys: Tensor, _ values: Tensor) throws -> (Tensor, Tensor) {
        let root: Tensor
        if let scale {
            root = try Tensor.scalar(scale.squareRoot(), dtype: q.dtype)
        } else {
            root = try Tensor.scalar(q.shape[3], dtype: .float64).sqrt().reciprocal().sqrt().to(q.dtype)
        }
        var scores: Tensor = try (q * root).matmul(keys.mT * root)
        let cap: Double = try call.float("softcap", 0)
        if cap > 0 { scores = try (scores / cap).tanh() * cap }
        let bias: Tensor? = try bias()
        let biased: Tensor = try bias.map { try scores + $0 } ?? scores
        let precise: DType = try call.element(ofAttribute: "softmax_precision")?.dtype ?? q.dtype
        var shares: Tensor = try biased.to(precise).softmax(dim: -1)
        if let bias {
            let isEmpty: Tensor = try bias.amax(dim: -1, keepDim: true) .== -Double.infinity
            shares = try Tensor.where(isEmpty, 0.0, shares)
        }
        let result: Tensor = try shares.to(q.dtype).matmul(values)
        switch try call.int("qk_matmul_output_mode", 0) {
        case 2: return (result, biased)
        case 3: return (result, try shares.to(q.dtype))
        default: return (result, scores)
        }
    }
}
