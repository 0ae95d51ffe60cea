import ApusSymbolic

// Rows of a matrix taken and combined in bags, as embeddings of sets.

extension Operator {
    static let embeddingBags: [Operator] = [
        embeddingBag(
            "embedding_bag",
            ", bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False"
        ),
        embeddingBag(
            "embedding_bag.padding_idx",
            ", bool scale_grad_by_freq, int mode, bool sparse, Tensor? per_sample_weights, bool include_last_offset, int? padding_idx",
            padding: .int(2)),
        embeddingBag("_embedding_bag", wholeSignature, padding: .int(2)),
        embeddingBag("_embedding_bag_forward_only", wholeSignature, padding: .int(-1)),
    ]

    private static let wholeSignature =
        ", bool scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int padding_idx=-1"

    private static func embeddingBag(_ name: String, _ further: String, padding: OperatorArgument? = nil) -> Operator {
        composite(
            "aten::\(name)(Tensor weight, Tensor indices, Tensor offsets\(further)) -> (Tensor, Tensor, Tensor, Tensor)",
            "Rows of a matrix at the positions of a vector, in bags that begin at `offsets`, combined: the sum (mode 0), the mean (1) or the largest "
                + "elements (2). The row `padding_idx` counts not; empty bags give zeros. Offsets that don't begin at 0, fall or lie beyond the positions are an error. Then come, for means and maxima, each position's bag, the bags' sizes, "
                + "and for maxima the rows that they come from.",
            samples: {
                let (index, offsets) = (try Tensor([0, 5, 2, 2, 1] as [Int], shape: [5]), try Tensor([0, 2, 2] as [Int], shape: [3]))
                let closed = try Tensor([0, 2, 5] as [Int], shape: [3])
                let tail: [OperatorArgument] = padding.map { [$0] } ?? []
                return try (0...2).map { mode in
                    let weights: OperatorArgument = mode == 0 ? .tensor(try .sample([5], seed: 2)) : .none
                    return [
                        .tensor(try .sample([6, 2])), .tensor(index), .tensor(mode == 1 ? closed : offsets), .bool(false), .int(mode),
                        .bool(false), weights,
                        .bool(mode == 1),
                    ] + tail
                }
            }
        ) { call in try call.bags() }
    }
}

extension Call {
    /// Throws where offsets don't begin at 0, fall, or lie beyond the positions. While tracing, and where a plan is laid out, a truth value that says whether they are right.
    private func checkedOffsets(_ offsets: Tensor, count: SymInt) throws -> Tensor? {
        if !offsets.isTraced, Interpreter.hasValues, let count = count.constant {
            let values: [Int] = try offsets.array(of: Int.self)
            guard values.first ?? 0 == 0, (values.last ?? 0) <= count, zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 }) else {
                throw error(
                    .invalidArgument,
                    "the offsets must begin at 0, not fall, and lie within the \(count) positions; they are \(Array(values.prefix(16)))")
            }
            return nil
        }
        let falls: Tensor = try (offsets.sliced(dim: 0, from: 1) .< offsets.sliced(dim: 0, to: offsets.shape[0] - 1)).any()
        let isOutside: Tensor = try ((offsets .< 0) | (offsets .> count)).any()
        return try (falls | isOutside).logicalNot()
    }

    fileprivate func bags() throws -> [OperatorArgument] {
        let (weight, index) = (try tensor(0), try indexTensor(1))
        var offsets = try indexTensor(2)
        guard weight.rank == 2, weight.dtype.isFloatingPoint, index.rank == 1, offsets.rank == 1 else {
            throw error(
                .shapeMismatch,
                "takes a floating-point matrix and vectors of positions and offsets, not \(weight.spec), \(index.spec) and \(offsets.spec)")
        }
        let mode = try constant(4)
        guard (0...2).contains(mode) else { throw error(.invalidArgument, "the mode must be 0 (sum), 1 (mean) or 2 (max), not \(mode)") }
        let order: Tensor? = try checkedOffsets(offsets, count: index.shape[0])
        var end: Tensor?
        if try bool(7) {
            try require(offsets.shape[0] > 0, error(.shapeMismatch, "needs the last offset"))
            end = try offsets.select(dim: 0, index: -1)
            offsets = try offsets.narrowed(dim: 0, from: 0, length: offsets.shape[0] - 1)
        }
        let (count, bags, width) = (index.shape[0], offsets.shape[0], weight.shape[1])
        let padding: SymInt = try optionalInt(8) ?? -1
        // A position's bag is the last one that begins at it or before.
        let places: Tensor = try Tensor.arange(count)
        var bag: Tensor = try offsets.to(.int64).searchsorted(places, right: true) - 1
        // Out of every range, so that a program fails where the offsets do.
        if let order { bag = try Tensor.where(order, bag, bags) }
        var isCounted: Tensor = try index .!= padding
        if let end { isCounted = try isCounted & (places .< end) }
        let sizes: Tensor = try Tensor.zeros([bags], dtype: .int64).indexAdd(dim: 0, bag, isCounted.to(.int64))
        var rows: Tensor = try applySingle(.embedding, [.tensor(weight), .tensor(index), .int(padding), self[3], .bool(false)]).wide()
        let zeros: Tensor = try Tensor.zeros([bags, width], dtype: rows.dtype)
        if mode == 2 {
            guard try optionalTensor(6) == nil else { throw error(.invalidArgument, "weights go with sums only") }
            let hidden: Tensor = try rows.maskedFill(isCounted.logicalNot().unsqueezed(1), -Double.infinity)
            let isEmpty: Tensor = try (sizes .== 0).unsqueezed(1)
            let largest: Tensor = try applySingle(
                .indexReduce, [.tensor(zeros), .int(0), .tensor(bag), .tensor(hidden), .string("amax"), .bool(false)]
            ).maskedFill(isEmpty, 0)
            // The first of the positions that give the largest element.
            let isLargest: Tensor = try hidden.detached() .== largest.detached().indexSelect(dim: 0, bag)
            let candidates: Tensor = try Tensor.where(isLargest, places.unsqueezed(1), count)
            let first: Tensor = try applySingle(
                .indexReduce,
                [
                    .tensor(Tensor.full([bags, width], count, dtype: .int64)), .int(0), .tensor(bag), .tensor(candidates), .string("amin"),
                    .bool(true),
                ])
            let sources: Tensor = try Tensor.cat([index.to(.int64), Tensor.zeros([1], dtype: .int64)]).take(first).maskedFill(isEmpty, 0)
            return [.tensor(try largest.to(weight.dtype)), .tensor(bag), .tensor(sizes), .tensor(sources)]
        }
        if let weights = try optionalTensor(6) {
            guard mode == 0 else { throw error(.invalidArgument, "weights go with sums only") }
            guard weights.dtype == weight.dtype else { throw differentDTypes(weight, weights) }
            try requireShape(weights, index.shape, "weights")
            rows = try rows * weights.wide().unsqueezed(1)
        }
        rows = try rows.maskedFill(isCounted.logicalNot().unsqueezed(1), 0)
        let sums: Tensor = try zeros.indexAdd(dim: 0, bag, rows)
        if mode == 1 {
            let means: Tensor = try (sums / sizes.clamp(min: 1).unsqueezed(1)).to(weight.dtype)
            return [.tensor(means), .tensor(bag), .tensor(sizes), .tensor(try sizes.clone())]
        }
        let none: Tensor = try Tensor.zeros([bags], dtype: .int64)
        return try [
            .tensor(sums.to(weight.dtype)), .tensor(settle(padding >= 0, in: name) ? bag : Tensor.zeros([0], dtype: .int64)), .tensor(none),
            .tensor(none.clone()),
        ]
    }
}

extension Tensor {
    /// Rows of this matrix at the positions of a vector, combined in bags that begin at `offsets`. Empty bags give zeros.
    ///
    /// - Parameters:
    ///   - perSampleWeights: a factor for each position; for sums only.
    ///   - includeLastOffset: the last offset is the end of the last bag.
    ///   - paddingIndex: a row that counts not; negative ones count from the end.
    public func embeddingBag(
        _ index: Tensor, offsets: Tensor, mode: EmbeddingBagMode = .sum, perSampleWeights: Tensor? = nil, includeLastOffset: Bool = false,
        paddingIndex: Int? = nil
    ) throws -> Tensor {
        let operation: Operator = Operator.embeddingBags[paddingIndex == nil ? 0 : 1]
        return try applyTensors(
            operation,
            [
                .tensor(self), .tensor(index), .tensor(offsets), .bool(false), .int(mode.rawValue), .bool(false),
                .optional(perSampleWeights), .bool(includeLastOffset),
            ] + (paddingIndex.map { [.int($0)] } ?? []))[0]
    }
}

/// What `embeddingBag` makes of a bag's rows.
public enum EmbeddingBagMode: Int, Sendable { case sum, mean, max }
