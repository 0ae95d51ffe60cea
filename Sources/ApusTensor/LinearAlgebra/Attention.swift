import ApusSymbolic
import CApusKernels

// Scaled dot-product attention.

extension Operator {
    static let attention: Operator = Operator(
        "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
        "`softmax(query @ key^T * scale + mask) @ value`; query [..., L, E], key [..., S, E], value [..., S, V]. The scale is 1 / sqrt(E) unless given. A "
            + "bool mask says which keys take part, another one is added; causal lets position i see keys 0...i. A row that sees nothing gives zeros. "
            + "With `enable_gqa` heads of key and value are shared by several of the query. float32 runs block by block without storing scores.",
        rule: { call in [try call.attentionSpec()] },
        kernel: .compute { call, outputs in
            if try call.runFused(outputs[0], isSafe: true) { return }
            let result = try Interpreter.with(nil) { try call.attentionByParts() }
            try call.copy(result, into: StridedView(outputs[0].layout), of: outputs[0])
        },
        decomposition: { call in [.tensor(try call.attentionByParts())] },
        samples: {
            let (q, k, v): (Tensor, Tensor, Tensor) = (
                try .sample([2, 2, 3, 4]), try .sample([2, 2, 5, 4], seed: 2), try .sample([2, 2, 5, 3], seed: 3)
            )
            let mask = try Tensor((0..<15).map { $0 % 4 != 1 }, shape: [3, 5])
            // The second row sees nothing.
            let added: [Double] = (0..<15).map { (place: Int) -> Double in
                let isHidden: Bool = place / 5 == 1 || place == 3
                return isHidden ? -Double.infinity : Double(place) / 4
            }
            let blind: Tensor = try Tensor(added, shape: [3, 5])
            let sees: Tensor = try blind .> -1
            func masked(_ mask: Tensor, _ dtype: DType) throws -> [OperatorArgument] {
                let given: [Tensor] = [q, k, v, mask]
                let tensors: [OperatorArgument] = try given.map { .tensor(try $0.dtype == .bool ? $0 : $0.to(dtype)) }
                let tail: [OperatorArgument] = [.double(0), .bool(false), .none, .bool(false)]
                return tensors + tail
            }
            let square: [OperatorArgument] = [
                .tensor(q), .tensor(try .sample([2, 2, 3, 4], seed: 4)), .tensor(try .sample([2, 2, 3, 4], seed: 5)),
            ]
            return [
                [.tensor(q), .tensor(k), .tensor(v), .none, .double(0), .bool(false), .none, .bool(false)],
                [.tensor(q), .tensor(k), .tensor(v), .tensor(mask), .double(0), .bool(false), .double(0.3), .bool(false)],
                [
                    .tensor(q), .tensor(k), .tensor(v), .tensor(try .sample([3, 5], seed: 6)), .double(0), .bool(false), .none,
                    .bool(false),
                ],
                square + [.none, .double(0), .bool(true), .none, .bool(false)],
                [
                    .tensor(try .sample([1, 4, 3, 4])), .tensor(try .sample([1, 2, 5, 4], seed: 2)),
                    .tensor(try .sample([1, 2, 5, 4], seed: 3)),
                    .none, .double(0), .bool(false), .none, .bool(true),
                ],
                try masked(blind, .float32), try masked(blind, .float64), try masked(blind, .bfloat16),
                try masked(sees, .float32), try masked(sees, .float64),
            ]
        })

    static let attentions: [Operator] = [attention]

    /// Attention as programs write it in parts, which lowering puts together again. It is in no table: no program comes with it.
    package static let plainAttention: Operator = Operator(
        "apus::attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask, float dropout_p, bool is_causal, float? scale, bool enable_gqa, bool is_safe, bool rows_first, bool hides_nan) -> Tensor",
        "`aten::scaled_dot_product_attention`, where a row that sees nothing gives zeros only if `is_safe`, else NaN as softmax does; with `rows_first` "
            + "the result is [..., L, H, V] instead of [..., H, L, V], with `hides_nan` weights that are NaN are zeros.",
        rule: { call in
            var spec: TensorSpec = try call.attentionSpec()
            guard try call.bool(9) else { return [spec] }
            var sizes: [SymInt] = spec.shape.sizes
            guard sizes.count >= 3 else { throw call.error(.shapeMismatch, "a result of shape \(spec.shape) has no heads") }
            sizes.swapAt(sizes.count - 3, sizes.count - 2)
            spec.shape = try Shape(sizes, in: call.name)
            return [spec]
        },
        kernel: .compute { call, outputs in
            let heads: Tensor = try call.bool(9) ? Interpreter.with(nil) { try outputs[0].transposed(-3, -2) } : outputs[0]
            let hidesNaN: Bool = try call.bool(10)
            if try call.runFused(heads, isSafe: call.bool(8) || hidesNaN), try !hidesNaN || heads.isFreeOfNaN() { return }
            let result = try Interpreter.with(nil) { try call.plainAttentionByParts() }
            try call.copy(result, into: StridedView(outputs[0].layout), of: outputs[0])
        },
        decomposition: { call in [.tensor(try call.plainAttentionByParts())] }, samples: { [] })
}

extension Call {
    fileprivate func attentionSpec() throws -> TensorSpec {
        let (q, k, v) = (try tensor(0), try tensor(1), try tensor(2))
        for other in [k, v] where other.dtype != q.dtype { throw differentDTypes(q, other) }
        guard q.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(q.dtype)") }
        func mismatch() -> TensorError {
            error(
                .shapeMismatch, "a query of shape \(q.shape), a key of shape \(k.shape) and a value of shape \(v.shape) don't fit together")
        }
        guard q.rank >= 2, k.rank >= 2, v.rank >= 2 else { throw mismatch() }
        try require(q.shape[-1] == k.shape[-1], mismatch())
        try require(k.shape[-2] == v.shape[-2], mismatch())
        func batch(_ tensor: Tensor) throws -> Shape { try Shape(Array(tensor.shape.sizes.dropLast(2)), in: name) }
        var leading: Shape
        if try bool(7) {
            guard q.rank >= 3, k.rank == q.rank, v.rank == q.rank else { throw mismatch() }
            for other in [k, v] { try require(q.shape[-3] % other.shape[-3] == 0, mismatch()) }
            leading = try batch(q)
        } else {
            leading = try broadcast(broadcast(batch(q), batch(k), in: name), batch(v), in: name)
        }
        if let mask = try optionalTensor(3) {
            guard mask.dtype == .bool || mask.dtype == q.dtype else {
                throw error(.dtypeMismatch, "the mask must be bool or \(q.dtype), not \(mask.dtype)")
            }
            guard try !bool(5) else { throw error(.invalidArgument, "takes a mask or is causal, not both") }
            _ = try expandedSizes(mask.shape, to: leading.sizes + [q.shape[-2], k.shape[-2]])
        }
        let dropout = try double(4)
        guard dropout == 0 else {
            throw error(.unsupported, "dropout of \(dropout) inside of attention; compute the weights by parts and drop some of them")
        }
        leading = try Shape(leading.sizes + [q.shape[-2], v.shape[-1]], in: name)
        return TensorSpec(q.dtype, leading)
    }

    /// Key and value with heads repeated for each head of the query that shares them.
    private func sharedHeads() throws -> (Tensor, Tensor) {
        let (q, k, v) = (try tensor(0), try tensor(1), try tensor(2))
        guard try bool(7) else { return (k, v) }
        func spread(_ tensor: Tensor) throws -> Tensor {
            let count: SymInt = q.shape[-3] / tensor.shape[-3]
            return count.constant == 1 ? tensor : try tensor.repeatInterleave(count, dim: -3)
        }
        return (try spread(k), try spread(v))
    }

    private func attentionScale() throws -> Scalar { try optionalScalar(6) ?? .float(1 / SymFloat(tensor(0).shape[-1]).squareRoot()) }

    /// The definition, in operations that differentiate.
    fileprivate func attentionByParts() throws -> Tensor {
        // Scores of half precision are not rounded on the way.
        let dtype: DType = try tensor(0).dtype
        let q = try tensor(0).wide()
        let (key, value) = try sharedHeads()
        let (k, v) = (try key.wide(), try value.wide())
        var scores = try (q * attentionScale()).matmul(k.transposed(-2, -1))
        var mask = try optionalTensor(3)
        if try bool(5) { mask = try Tensor.ones([q.shape[-2], k.shape[-2]], dtype: .bool).tril() }
        guard let mask else { return try scores.softmax(dim: -1).matmul(v).to(dtype) }
        if mask.dtype != .bool {
            scores = try scores + mask
            // A row of nothing but minus infinities sees nothing. Softmax, and its gradient, would give NaN: it gets other scores and no weights.
            let isBlind: Tensor = try (scores .== -Double.infinity).all(dim: -1, keepDim: true)
            return try scores.maskedFill(isBlind, 0).softmax(dim: -1).maskedFill(isBlind, 0).matmul(v).to(dtype)
        }
        let hidden = try mask.logicalNot()
        // The lowest finite number instead of minus infinity: a row that sees nothing then has weights, which are cleared, and no NaN.
        let lowest: Double = q.dtype == .float64 ? -Double.greatestFiniteMagnitude : -3.3e38
        scores = try scores.maskedFill(hidden, lowest)
        return try scores.softmax(dim: -1).maskedFill(hidden, 0).matmul(v).to(dtype)
    }

    /// The same without care for rows that see nothing, unless it is asked for, and with the heads where they are wanted.
    fileprivate func plainAttentionByParts() throws -> Tensor {
        let result: Tensor
        let hidesNaN: Bool = try bool(10)
        if try bool(8), !hidesNaN {
            result = try attentionByParts()
        } else {
            let (q, (k, v)) = (try tensor(0), try sharedHeads())
            var scores: Tensor = try q.matmul(k.transposed(-2, -1)) * attentionScale()
            var mask: Tensor? = try optionalTensor(3)
            if try bool(5) { mask = try Tensor.ones([q.shape[-2], k.shape[-2]], dtype: .bool).tril() }
            if let mask { scores = try mask.dtype == .bool ? scores.maskedFill(mask.logicalNot(), -Double.infinity) : scores + mask }
            let weights: Tensor = try scores.softmax(dim: -1)
            result = try (hidesNaN ? weights.maskedFill(weights.isnan(), 0) : weights).matmul(v)
        }
        return try bool(9) ? result.transposed(-3, -2) : result
    }

    /// Runs the kernel that needs no scores in memory, where it applies.
    fileprivate func runFused(_ output: Tensor, isSafe: Bool) throws -> Bool {
        let q = try tensor(0)
        guard q.dtype == .float32, output.layout.count > 0 else { return false }
        return try Interpreter.with(nil) {
            let leading = Array(output.layout.sizesArray.dropLast(2))
            let mask: Tensor? = try optionalTensor(3)
            // Masks of windows, say, which are the same for each image, have no one distance from batch to batch.
            guard mask != nil, leading.count > 2, leading[0] > 1 else {
                try runFused([q, try tensor(1), try tensor(2)], mask, leading, output, isSafe)
                return true
            }
            for part in 0..<leading[0] {
                func own(_ tensor: Tensor) throws -> Tensor {
                    guard tensor.rank == leading.count + 2 else { return tensor }
                    return try tensor.select(dim: 0, index: tensor.layout.size(0) == 1 ? 0 : part)
                }
                try runFused([own(q), own(tensor(1)), own(tensor(2))], mask.map(own), Array(leading.dropFirst()), own(output), isSafe)
            }
            return true
        }
    }

    private func runFused(_ operands: [Tensor], _ mask: Tensor?, _ leading: [Int], _ output: Tensor, _ isSafe: Bool) throws {
        let (sharesHeads, batch) = (try bool(7), leading.dropLast().reduce(1, *))
        // Everything as [batch, heads, rows, columns]; key and value have fewer heads where several of the query share them.
        func arranged(_ tensor: Tensor) throws -> Tensor {
            let matrix = tensor.layout.sizesArray.suffix(2)
            let heads: Int = sharesHeads ? tensor.layout.size(tensor.rank - 3) : leading.last ?? 1
            return try tensor.expanded(leading.dropLast() + (leading.isEmpty ? [] : [heads]) + matrix).reshaped([batch, heads] + matrix)
        }
        let parts: [Tensor] = try (operands + [output]).map { tensor in
            let wide: Tensor = try arranged(tensor)
            return wide.hasRows ? wide : try wide.contiguous()
        }
        let (q, k) = (parts[0], parts[1])
        let wide: Tensor? = try mask.map { try arranged($0.expanded(leading + [q.layout.size(2), k.layout.size(2)])) }
        let scale = try optionalDouble(6) ?? 1 / Double(Swift.max(q.layout.size(3), 1)).squareRoot()
        var views: [apus_view] = parts.map(\.view)
        let status: Int32 = try withViews(wide, nil) { mask, _ in
            apus_attention(&views[0], &views[1], &views[2], mask, try bool(5), scale, isSafe, &views[3])
        }
        withExtendedLifetime((parts, wide)) {}
        try check(status, self)
    }
}

extension Tensor {
    /// Whether no element is NaN: the largest is NaN where one of them is.
    fileprivate func isFreeOfNaN() throws -> Bool {
        try layout.count == 0 || !Interpreter.with(nil) { try amax().item(Float.self).isNaN }
    }

    /// Whether a tensor [batch, heads, rows, columns] has rows without gaps that don't lie on top of each other, as the kernel needs them.
    fileprivate var hasRows: Bool {
        let (columns, isDense): (Int, Bool) = (layout.size(3), layout.size(3) <= 1 || layout.stride(3) == 1)
        return isDense && (layout.size(2) <= 1 || layout.stride(2) >= Swift.max(columns, 1))
    }

    /// `softmax(query @ key^T * scale + mask) @ value`, this tensor being the query.
    ///
    /// - Parameters:
    ///   - mask: bool, true where a key takes part, or numbers that are added to the scores.
    ///   - isCausal: lets position i see keys 0...i.
    ///   - scale: 1 / sqrt(E) unless given.
    ///   - sharesHeads: lets several heads of the query share one of key and value.
    public func scaledDotProductAttention(
        key: Tensor, value: Tensor, mask: Tensor? = nil, isCausal: Bool = false, scale: (any ScalarConvertible)? = nil,
        sharesHeads: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .attention,
            [
                .tensor(self), .tensor(key), .tensor(value), .optional(mask), .double(0), .bool(isCausal),
                scale.map { .float($0) } ?? .none,
                .bool(sharesHeads),
            ])
    }
}
