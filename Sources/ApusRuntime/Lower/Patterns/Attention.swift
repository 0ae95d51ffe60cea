import ApusGraph
import ApusSymbolic
import ApusTensor

extension PatternPass {
    /// `softmax(query @ key^T * scale + mask) @ value` in the ways in which programs write it, as one operator that stores no scores. What is
    /// done to its operands is then drawn in: scales, heads that are repeated, the order of heads and rows.
    static let attentions = PatternPass(
        name: "attention",
        patterns: [batchedProducts, batchedTranspose] + cores + windows + turns
            // A key that was scaled on the far side of its transpose leaves two transposes.
            + [false, true].flatMap { isMasked in scaledOperands(isMasked) + turns + sharedHeads(isMasked) + rowsFirst(isMasked) })

    // MARK: Parts

    /// An operand, the number of heads, rows and columns, as the examples have it.
    private static let (query, key, value, scores): ([Int], [Int], [Int], [Int]) = (
        [2, 3, 4, 5], [2, 3, 5, 6], [2, 3, 6, 7], [2, 3, 4, 6]
    )

    /// Products of matrices in one batch, as decompositions write those of several dimensions.
    private static let batchedProducts = LoweringPattern(
        name: "products in a batch", inputs: [query, key],
        before: { x in
            let (a, b): (Tensor, Tensor) = (try view(x[0], [6, 4, 5]), try view(x[1], [6, 5, 6]))
            return [try view(first("aten::bmm", [.tensor(a), .tensor(b)]), scores)]
        },
        accepts: { match in
            guard let c = match.shape(of: match.node("aten::view", 2)), c.count > 3, let flat = match.shape(of: match.node("aten::bmm"))
            else { return false }
            return c[-1].isIdentical(to: flat[-1]) && c[-2].isIdentical(to: flat[-2])
        },
        after: { match, x in
            let (bmm, views) = (match.node("aten::bmm"), match.nodes("aten::view"))
            guard let leading = match.shape(of: views[2])?.sizes.dropLast(2), let operands = bmm?.operands else {
                throw TensorError(.invalidArgument, "no batch")
            }
            // Each operand with the dimensions that the result has.
            let wide: [Tensor] = try zip(x, operands).map { operand, flat in
                let sizes: [SymInt] = Array(leading) + (match.graph.spec(flat)?.shape.sizes.suffix(2) ?? [])
                return try operand.shape.isIdentical(to: Shape(sizes)) ? operand : applySingle(.view, [.tensor(operand), .ints(sizes)])
            }
            return [try wide[0].matmul(wide[1])]
        })

    /// A transpose in one batch, as ONNX exporters write that of keys.
    private static let batchedTranspose = LoweringPattern(
        name: "transpose in a batch", inputs: [value],
        before: { x in
            let turned: Tensor = try first("aten::permute", [.tensor(view(x[0], [6, 6, 7])), .ints([0, 2, 1])])
            return [try view(turned, [2, 3, 7, 6])]
        },
        accepts: { match in
            guard let x = match.shape(0), x.count > 2, let flat = match.shape(of: match.node("aten::view")), flat.count == 3,
                match.node("aten::permute")?.swapped(3) == [1, 2], let turned = match.shape(of: match.node("aten::view", 1))
            else { return false }
            let (leading, rows, columns): (ArraySlice<SymInt>, SymInt, SymInt) = (x.sizes.dropLast(2), x[-2], x[-1])
            return flat[1].isIdentical(to: rows) && flat[2].isIdentical(to: columns)
                && (try? Shape(leading + [columns, rows]))?.isIdentical(to: turned) == true
        },
        after: { _, x in [try x[0].transposed(-2, -1)] })

    /// What happens to scores before softmax is taken of them.
    private enum Scaling: CaseIterable {
        case none, product, quotient

        func apply(_ scores: Tensor) throws -> Tensor {
            switch self {
            case .none: scores
            case .product: try first("aten::mul.Scalar", [.tensor(scores), .double(0.5)])
            case .quotient: try first("aten::div.Scalar", [.tensor(scores), .double(2)])
            }
        }

        /// The factor that was found.
        func factor(_ match: LoweringPattern.Match) -> Double? {
            switch self {
            case .none: 1
            case .product: match.number("aten::mul.Scalar", 1)
            case .quotient: match.number("aten::div.Scalar", 1).map { 1 / $0 }
            }
        }
    }

    /// How scores are masked: by numbers that are added, or by truth values.
    private enum Masking: CaseIterable {
        case none, added, twiceAdded, filled, chosen, chosenNumber

        var inputs: [[Int]] {
            switch self {
            case .none: []
            case .added, .filled, .chosen: [scores]
            case .twiceAdded: [scores, scores]
            case .chosenNumber: [scores, []]
            }
        }

        var isTruth: Bool { [.filled, .chosen, .chosenNumber].contains(self) }

        func apply(_ scores: Tensor, _ masks: [Tensor]) throws -> Tensor {
            switch self {
            case .none: scores
            case .added: try add(scores, masks[0])
            case .twiceAdded: try add(add(scores, masks[0]), masks[1])
            case .filled: try first("aten::masked_fill.Scalar", [.tensor(scores), .tensor(masks[0]), .double(-.infinity)])
            case .chosen: try first("aten::where.ScalarOther", [.tensor(masks[0]), .tensor(scores), .double(-.infinity)])
            case .chosenNumber: try first("aten::where.self", masks.prefix(1).map { .tensor($0) } + [.tensor(scores), .tensor(masks[1])])
            }
        }

        /// Whether what is put in a score's place leaves nothing of it.
        func accepts(_ match: LoweringPattern.Match) -> Bool {
            switch self {
            case .none, .added, .twiceAdded: true
            case .filled: match.number("aten::masked_fill.Scalar", 2) == -.infinity
            case .chosen: match.number("aten::where.ScalarOther", 2) == -.infinity
            case .chosenNumber: match.constant(4) == -.infinity
            }
        }

        func mask(_ masks: [Tensor]) throws -> Tensor? {
            switch self {
            case .none: nil
            case .added, .chosen, .chosenNumber: masks[0]
            case .twiceAdded: try add(masks[0], masks[1])
            case .filled: try masks[0].logicalNot()
            }
        }
    }

    /// What becomes of the weights of a row that sees nothing: NaN as softmax gives them, or zeros, as PyTorch's decomposition or its ONNX exporter
    /// writes it, which takes those for zeros that are NaN for any reason.
    private enum Blind: CaseIterable {
        case nan, zeros, zerosForNaN
    }

    /// The weights of scores.
    private static func weights(_ scores: Tensor, _ blind: Blind = .nan) throws -> Tensor {
        let weights: Tensor = try applySingle(.softmaxKernel, [.tensor(scores), .int(-1), .bool(false)])
        if blind == .nan { return weights }
        if blind == .zerosForNaN { return try first("aten::where.ScalarSelf", [.tensor(weights.isnan()), .double(0), .tensor(weights)]) }
        let seen: Tensor = try first("aten::eq.Scalar", [.tensor(scores), .double(-.infinity)]).logicalNot()
        let isBlind: Tensor = try first("aten::any.dim", [.tensor(seen), .int(-1), .bool(true)]).logicalNot()
        let zeros: Tensor = try first("aten::full_like", [.tensor(weights), .int(0), .none, .none, .none, .none, .none])
        return try first("aten::where.self", [.tensor(isBlind), .tensor(zeros), .tensor(weights)])
    }

    private static func areWeights(_ match: LoweringPattern.Match, _ blind: Blind = .nan) -> Bool {
        guard match.nodes("aten::add.Tensor").allSatisfy({ $0.arguments[2].doubleValue == 1 }), match.spec(0)?.dtype == .float32,
            let softmax = match.node("aten::_softmax"), let rank = match.shape(of: softmax)?.count,
            isLast(softmax.arguments[1], rank)
        else { return false }
        if blind == .nan { return true }
        if blind == .zerosForNaN { return match.number("aten::where.ScalarSelf", 1) == 0 }
        return match.number("aten::eq.Scalar", 1) == -.infinity && match.number("aten::full_like", 1) == 0
            && match.node("aten::any.dim").map { isLast($0.arguments[1], rank) && $0.arguments[2].boolValue == true } == true
    }

    private static let cores: [LoweringPattern] = Scaling.allCases.flatMap { scaling in
        Masking.allCases.flatMap { masking in
            Blind.allCases.flatMap { blind in ["aten::matmul", "aten::bmm"].map { core(scaling, masking, blind, product: $0) } }
        }
    }

    private static func core(_ scaling: Scaling, _ masking: Masking, _ blind: Blind, product: String) -> LoweringPattern {
        let isFlat: Bool = product == "aten::bmm"
        let inputs: [[Int]] = ([query, key, value] + masking.inputs).map { isFlat ? Array($0.dropFirst()) : $0 }
        return LoweringPattern(
            name: "softmax of a product", inputs: inputs, masks: masking.isTruth ? [3] : [],
            before: { x in
                let scores: Tensor = try masking.apply(scaling.apply(first(product, [.tensor(x[0]), .tensor(x[1])])), Array(x[3...]))
                return [try first(product, [.tensor(weights(scores, blind)), .tensor(x[2])])]
            },
            accepts: { match in
                guard areWeights(match, blind), masking.accepts(match), scaling.factor(match) != nil,
                    let scores = match.shape(of: match.node(product)), scores.count > 2
                else { return false }
                // A mask does not make scores more than they are.
                return match.shape(of: match.node("aten::_softmax"))?.isIdentical(to: scores) == true
                    && (masking == .none || match.spec(3)?.dtype == (masking.isTruth ? .bool : .float32))
                    && (masking != .twiceAdded || match.spec(4)?.dtype == .float32)
            },
            after: { match, x in
                let factor: Double = scaling.factor(match) ?? 1
                return [try attention([x[0], x[1].transposed(-2, -1), x[2]], masking.mask(Array(x[3...])), scale: factor, blind)]
            })
    }

    // MARK: Windows

    /// Windows of an image, as Swin transformers have them: masks differ from window to window and are the same for all images.
    private static let windows: [LoweringPattern] = Scaling.allCases.flatMap { scaling in
        [false, true].map { turns in
            LoweringPattern(
                name: "attention in windows", inputs: [query, key, value, [1, 3, 4, 6], [1, 2, 1, 4, 6]],
                before: { x in
                    let product: Tensor = try add(scaling.apply(x[0].matmul(x[1])), x[3])
                    let masked: Tensor = try view(add(view(product, [1] + scores), x[4]), scores)
                    let result: Tensor = try weights(masked).matmul(x[2])
                    return [try turns ? result.transposed(1, 2) : result]
                },
                accepts: { match in
                    guard areWeights(match), scaling.factor(match) != nil, let q = match.shape(0), q.count == 4,
                        let (bias, mask) = match.shape(3).flatMap({ bias in match.shape(4).map { (bias, $0) } }),
                        bias.count == 4, bias[0].constant == 1, let split = match.shape(of: match.node("aten::view")), split.count == 5,
                        let joined = match.shape(of: match.node("aten::view", 1)), joined.count == 4, mask.count <= 5,
                        match.shape(of: match.node("aten::matmul"))?.isIdentical(to: joined) == true,
                        match.spec(3)?.dtype == .float32, match.spec(4)?.dtype == .float32
                    else { return false }
                    let turn: [GraphArgument] = match.node("aten::transpose.int")?.arguments ?? [.none, .int(1), .int(2)]
                    return joined.indices.dropFirst().allSatisfy { joined[$0].isIdentical(to: split[$0 + 1]) }
                        && turn[1].isIdentical(to: .int(1)) && turn[2].isIdentical(to: .int(2))
                },
                after: { match, x in
                    guard let split = match.shape(of: match.node("aten::view")) else { throw TensorError(.invalidArgument, "no windows") }
                    let operands: [Tensor] = try [x[0], x[1].transposed(-2, -1), x[2]].map { operand in
                        try operand.reshaped(Array(split.sizes.prefix(2)) + operand.shape.sizes.dropFirst())
                    }
                    let result: Tensor = try attention(
                        operands, add(x[3].unsqueezed(0), x[4]), scale: scaling.factor(match) ?? 1, rowsFirst: turns)
                    return [try result.reshaped([x[0].shape[0]] + result.shape.sizes.dropFirst(2))]
                })
        }
    }

    // MARK: Operands

    /// Transposes of transposes, which stand between the operator and what it could draw in.
    private static let turns: [LoweringPattern] = ["aten::transpose.int", "aten::permute"].map { name in
        LoweringPattern(
            name: "transpose of a transpose", inputs: [query],
            before: { x in
                let further: [OperatorArgument] = name == "aten::permute" ? [.ints([0, 1, 3, 2])] : [.int(2), .int(3)]
                return [try first(name, [.tensor(x[0])] + further).transposed(-2, -1)]
            },
            accepts: { match in
                guard let rank = match.shape(0)?.count, let outer = match.nodes("aten::transpose.int").last, let inner = match.node(name)
                else { return false }
                return outer.swapped(rank) == [rank - 2, rank - 1] && inner.swapped(rank) == [rank - 2, rank - 1]
            },
            after: { _, x in [x[0]] })
    }

    /// Operands that are scaled before, each of both perhaps by a root.
    private static func scaledOperands(_ isMasked: Bool) -> [LoweringPattern] {
        [Scaling.product, .quotient].flatMap { scaling in
            [0, 1, 2].map { place in
                // The key may be scaled on either side of its transpose.
                let key: [Int] = place == 2 ? [2, 3, 5, 6] : [2, 3, 6, 5]
                return LoweringPattern(
                    name: "scaled operand of attention", inputs: [query, key, value] + (isMasked ? [scores] : []),
                    before: { x in
                        let q: Tensor = try place == 0 ? scaling.apply(x[0]) : x[0]
                        let k: Tensor = try place == 0 ? x[1] : place == 1 ? scaling.apply(x[1]) : scaling.apply(x[1]).transposed(-2, -1)
                        return [try attention([q, k, x[2]], isMasked ? x[3] : nil)]
                    },
                    accepts: { match in
                        guard match.spec(place == 0 ? 0 : 1)?.dtype == .float32, let rank = match.shape(1)?.count else { return false }
                        let isTurned: Bool = match.node("aten::transpose.int").map { $0.swapped(rank) == [rank - 2, rank - 1] } ?? true
                        return isTurned && scaling.factor(match) != nil
                    },
                    after: { match, x in
                        let scale: Double = (match.number("apus::attention", 6) ?? 1) * (scaling.factor(match) ?? 1)
                        let k: Tensor = try place == 2 ? x[1].transposed(-2, -1) : x[1]
                        return [try again(match, [x[0], k, x[2]], isMasked ? x[3] : nil, scale: scale)]
                    })
            }
        }
    }

    /// Heads of key and value that are repeated for several of the query.
    private static func sharedHeads(_ isMasked: Bool) -> [LoweringPattern] {
        [true, false].map { isExpanded in
            LoweringPattern(
                name: "repeated heads of attention",
                inputs: [[2, 6, 4, 5], [2, 3, 6, 5], [2, 3, 6, 7]] + (isMasked ? [[2, 6, 4, 6]] : []),
                before: { x in
                    func spread(_ x: Tensor) throws -> Tensor {
                        if !isExpanded { return try x.repeatInterleave(2, dim: 1) }
                        let wide: [Int] = [2, 3, 2, 6, x.shape[-1].constant ?? 0]
                        return try view(first("aten::expand", [.tensor(x.unsqueezed(2)), .ints(wide), .bool(false)]), [2, 6] + wide[3...])
                    }
                    return [try attention([x[0], spread(x[1]), spread(x[2])], isMasked ? x[3] : nil)]
                },
                accepts: { match in
                    guard let (q, k, v) = match.shapes(), q.count == 4, k.count == 4, v.count == 4, k[1].isIdentical(to: v[1]),
                        let (heads, shared) = q[1].constant.flatMap({ heads in k[1].constant.map { (heads, $0) } }), shared > 0,
                        heads % shared == 0, match.node("apus::attention")?.arguments[7].boolValue == false
                    else { return false }
                    if !isExpanded {
                        return match.nodes("aten::repeat_interleave.self_int").allSatisfy {
                            [1, -3].contains($0.arguments[2].doubleValue) && $0.arguments[1].doubleValue == Double(heads / shared)
                        }
                    }
                    return zip(match.nodes("aten::expand"), [k, v]).allSatisfy { node, own in
                        guard let wide = match.shape(of: node), wide.count == 5 else { return false }
                        return wide[1].constant == shared && wide[2].constant == heads / shared && wide[0].isIdentical(to: own[0])
                            && wide[3].isIdentical(to: own[2]) && wide[4].isIdentical(to: own[3])
                    } && match.nodes("aten::unsqueeze").allSatisfy { [2, -3].contains($0.arguments[1].doubleValue) }
                        && zip(match.nodes("aten::view"), [k, v]).allSatisfy { node, own in
                            guard let joined = match.shape(of: node), joined.count == 4 else { return false }
                            return joined[0].isIdentical(to: own[0]) && joined[1].constant == heads && joined[2].isIdentical(to: own[2])
                        }
                },
                after: { match, x in [try again(match, Array(x.prefix(3)), isMasked ? x[3] : nil, sharesHeads: true)] })
        }
    }

    /// Results whose heads go behind the rows, by either operator.
    private static func rowsFirst(_ isMasked: Bool) -> [LoweringPattern] {
        ["apus::attention", "aten::scaled_dot_product_attention"].flatMap { name in
            ["aten::transpose.int", "aten::permute"].map { turn in
                LoweringPattern(
                    name: "attention with heads behind rows", inputs: [query, [2, 3, 6, 5], value] + (isMasked ? [scores] : []),
                    before: { x in
                        let mask: Tensor? = isMasked ? x[3] : nil
                        let result: Tensor =
                            try name == "apus::attention"
                            ? attention(Array(x.prefix(3)), mask)
                            : x[0].scaledDotProductAttention(key: x[1], value: x[2], mask: mask)
                        let further: [OperatorArgument] = turn == "aten::permute" ? [.ints([0, 2, 1, 3])] : [.int(1), .int(2)]
                        return [try first(turn, [.tensor(result)] + further)]
                    },
                    accepts: { match in
                        guard let node = match.node(name), let rank = match.shape(of: node)?.count, rank > 2,
                            match.spec(0)?.dtype == .float32
                        else { return false }
                        return match.node(turn)?.swapped(rank) == [rank - 3, rank - 2]
                            && (node.arguments.count <= 9 || node.arguments[9].boolValue == false)
                    },
                    after: { match, x in [try again(match, Array(x.prefix(3)), isMasked ? x[3] : nil, rowsFirst: true)] })
            }
        }
    }

    // MARK: The operator

    private static func attention(
        _ operands: [Tensor], _ mask: Tensor?, scale: Double = 1, _ blind: Blind = .nan, rowsFirst: Bool = false
    ) throws -> Tensor {
        let numbers: [OperatorArgument] = [
            .double(0), .bool(false), .double(scale), .bool(false), .bool(blind == .zeros), .bool(rowsFirst), .bool(blind == .zerosForNaN),
        ]
        return try applySingle(.plainAttention, operands.map { .tensor($0) } + [.optional(mask)] + numbers)
    }

    /// The operator that was found, with some of its arguments changed.
    private static func again(
        _ match: LoweringPattern.Match, _ operands: [Tensor], _ mask: Tensor?, scale: Double? = nil, sharesHeads: Bool? = nil,
        rowsFirst: Bool? = nil
    ) throws -> Tensor {
        guard let node = match.node("apus::attention") ?? match.node("aten::scaled_dot_product_attention") else {
            throw TensorError(.invalidArgument, "no attention")
        }
        var further: [OperatorArgument] = try node.plainArguments(from: 4)
        if further.count == 4 { further += [.bool(true), .bool(false), .bool(false)] }
        if let scale { further[2] = .double(scale) }
        if let sharesHeads { further[3] = .bool(sharesHeads) }
        if let rowsFirst { further[5] = .bool(rowsFirst) }
        return try applySingle(.plainAttention, operands.map { .tensor($0) } + [.optional(mask)] + further)
    }

    private static func add(_ a: Tensor, _ b: Tensor) throws -> Tensor { try first("aten::add.Tensor", [.tensor(a), .tensor(b), .int(1)]) }

    private static func view(_ x: Tensor, _ sizes: [Int]) throws -> Tensor { try applySingle(.view, [.tensor(x), .ints(sizes)]) }

    private static func isLast(_ dim: GraphArgument, _ rank: Int) -> Bool {
        dim.isIdentical(to: .int(-1)) || dim.isIdentical(to: .int(rank - 1))
    }
}

extension LoweringPattern.Match {
    /// The shapes of query, key and value.
    fileprivate func shapes() -> (Shape, Shape, Shape)? {
        guard let q = shape(0), let k = shape(1), let v = shape(2) else { return nil }
        return (q, k, v)
    }

    /// The number that an input is, where the program makes a tensor of it.
    fileprivate func constant(_ input: Int) -> Double? {
        guard let value = value(input), let maker = graph.nodes.first(where: { $0.outputs.contains(value) }) else { return nil }
        switch maker.operator.name {
        case "aten::scalar_tensor": return maker.arguments[0].doubleValue
        case "aten::full": return maker.arguments[1].doubleValue
        default: return nil
        }
    }
}

extension Node {
    /// The two dimensions, counted from the front, that a transpose, or a permutation, exchanges; nil for what does more than that.
    fileprivate func swapped(_ rank: Int) -> [Int]? {
        guard let dims = permutation(rank: rank) else { return nil }
        let moved: [Int] = dims.indices.filter { dims[$0] != $0 }
        return moved.count == 2 ? moved : nil
    }
}
