import ApusRun

// MARK: - Reductions, and what works along one dimension

extension BatchRule {
    static let reductions: [BatchRule] = [
        BatchRule(
            "sum mean amax amin prod var std var_mean std_mean logsumexp norm linalg_vector_norm count_nonzero nansum nanmean argmax argmin any all mode median nanmedian kthvalue aminmax"
        ) { try $0.reduced() },
        BatchRule("max min") { try $0.node.operator.schema.overload == "other" ? $0.pointwise() : $0.reduced() },
        BatchRule(
            "softmax log_softmax _softmax _log_softmax special_softmax cumsum cumprod logcumsumexp cummax cummin sort argsort topk glu"
        ) { node in
            guard let dim = try node.dims("dim").first, let batch = try node.along(not: dim) else {
                throw NotProven("works along the batch")
            }
            return node.node.outputs.map { _ in .along(batch) }
        },
        BatchRule("layer_norm native_layer_norm rms_norm _fused_rms_norm") { node in
            try node.requireShared(except: "input")
            guard case .ints(let sizes)? = node.argument("normalized_shape"), let batch = try node.along(),
                try batch < node.first().spec.rank - sizes.count
            else { throw NotProven("normalizes along the batch") }
            return node.node.outputs.map { _ in .along(batch) }
        },
        BatchRule("batch_norm native_batch_norm") { node in
            guard node.flag("training") == false else { throw NotProven("normalizes by the batch") }
            return try node.channelwise()
        },
        BatchRule("_native_batch_norm_legit_no_training") { try $0.channelwise() },
        BatchRule("group_norm native_group_norm instance_norm", takesSizes: true) { node in
            try node.requireShared(except: "input")
            guard try node.along() == 0, node.flag("use_input_stats") != false else { throw NotProven("normalizes along the batch") }
            return node.node.outputs.map { _ in .along(0) }
        },
    ]
}

extension NodeRows {
    /// Dimensions are taken away, or kept with size 1; without any all are.
    func reduced() throws -> [Rows] {
        let rank: Int = try first().spec.rank
        let dims: [Int] = try dims("dim")
        guard let batch = try along(), !dims.isEmpty, !dims.contains(batch) else { throw NotProven("reduces the batch to one number") }
        let isKept: Bool = try result().rank == rank
        return node.outputs.map { _ in .along(isKept ? batch : batch - dims.count { $0 < batch }) }
    }

    /// A norm by numbers that are there for each channel, the second dimension.
    func channelwise() throws -> [Rows] {
        try requireShared(except: "input")
        guard let batch = try along(not: 1) else { throw NotProven("normalizes what is of no batch") }
        return node.outputs.indices.map { $0 == 0 ? .along(batch) : .shared }
    }
}

// MARK: - Products

extension BatchRule {
    static let products: [BatchRule] = [
        BatchRule("matmul mm bmm mv") { node in [try node.product(0, 1)] },
        BatchRule("linear") { node in
            try node.requireShared(except: "input")
            let rank: Int = try node.first().spec.rank
            return [try node.along(not: rank - 1).map { .along($0) } ?? .shared]
        },
        BatchRule("addmm baddbmm") { node in
            let product: Rows = try node.product(1, 2)
            guard let place = product.dim, case .tensor(let added)? = node.node.arguments.first, let spec = node.spec(added) else {
                throw NotProven("gives no rows")
            }
            let rank: Int = try node.result().rank
            switch node.rows(added) {
            case .along(let dim) where dim + rank - spec.rank == place: break
            case .shared: try node.requireBroadcast(place, rank, of: added)
            default: throw NotProven("adds rows in another dimension")
            }
            return [product]
        },
        BatchRule("scaled_dot_product_attention") { try $0.attention() },
    ]
}

extension NodeRows {
    func requireBroadcast(_ place: Int, _ rank: Int, of value: Graph.Value) throws {
        guard let spec = spec(value) else { return }
        let dim: Int = place - (rank - spec.rank)
        guard dim < 0 || spec.shape[dim].plain == 1 else { throw NotProven("has other numbers for each place in the batch") }
    }

    private func operand(_ index: Int) throws -> (value: Graph.Value, spec: TensorSpec, rows: Rows) {
        guard case .tensor(let value) = node.arguments[index], let spec = spec(value) else {
            throw NotProven("has no tensor in place \(index)")
        }
        if case .numbers = rows(value) { throw NotProven("computes with the rows' numbers") }
        return (value, spec, rows(value))
    }

    /// A matrix product: the batch may be a row of the left, a column of the right, or in front of both; never what is summed over.
    func product(_ first: Int, _ second: Int) throws -> Rows {
        let (left, right) = (try operand(first), try operand(second))
        let rank: Int = try result().rank
        guard left.spec.rank >= 2, right.spec.rank >= 2 else {
            // A matrix, or several, times a vector of weights.
            guard left.spec.rank >= 2, right.rows == .shared, let dim = left.rows.dim, dim < left.spec.rank - 1 else {
                throw NotProven("sums over the batch")
            }
            return .along(dim)
        }
        func place(_ operand: (value: Graph.Value, spec: TensorSpec, rows: Rows)) -> Int? {
            operand.rows.dim.map { $0 + rank - operand.spec.rank }
        }
        switch (place(left), place(right)) {
        case (let a?, let b?):
            guard a == b, a < rank - 2 else { throw NotProven("multiplies rows with one another") }
            return .along(a)
        case (let a?, nil):
            guard a < rank - 1 else { throw NotProven("sums over the batch") }
            if a < rank - 2 { try requireBroadcast(a, rank, of: right.value) }
            return .along(a)
        case (nil, let b?):
            guard b != rank - 2 else { throw NotProven("sums over the batch") }
            if b < rank - 2 { try requireBroadcast(b, rank, of: left.value) }
            return .along(b)
        case (nil, nil): throw NotProven("gives rows of what has none")
        }
    }

    func attention() throws -> [Rows] {
        let operands = [try operand(0), try operand(1), try operand(2)]
        guard case .scalar(.float(let dropped))? = argument("dropout_p"), let dropped = try? dropped.requireConstant(), dropped == 0 else {
            throw NotProven("drops at random")
        }
        let rank: Int = operands[0].spec.rank
        guard let dim = operands[0].rows.dim, dim < rank - 2,
            operands.allSatisfy({
                $0.rows == .along(dim) && $0.spec.rank == rank && $0.spec.shape[dim].isIdentical(to: operands[0].spec.shape[dim])
            })
        else { throw NotProven("attends across rows") }
        if let mask = tensor("attn_mask"), let spec = spec(mask) {
            switch rows(mask) {
            case .along(let place) where place + rank - spec.rank == dim: break
            case .shared: try requireBroadcast(dim, rank, of: mask)
            default: throw NotProven("takes a mask with rows in another dimension")
            }
        }
        return [.along(dim)]
    }
}

// MARK: - Images

extension BatchRule {
    static let spatial: [BatchRule] = [
        BatchRule("convolution conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d") { node in
            try node.requireShared(except: "input")
            guard let weight = node.tensor("weight"), let rank = node.spec(weight)?.rank, try node.first().spec.rank == rank,
                try node.along() == 0
            else {
                throw NotProven("convolves along the batch")
            }
            return [.along(0)]
        },
        windows("1d", 1), windows("2d", 2), windows("3d", 3),
        BatchRule("pixel_shuffle pixel_unshuffle") { try $0.before(last: 3) },
        BatchRule("upsample_nearest1d upsample_linear1d") { try $0.before(last: 2) },
        BatchRule("upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa") {
            try $0.before(last: 3)
        },
        BatchRule("upsample_nearest3d upsample_trilinear3d") { try $0.before(last: 4) },
    ]

    private static func windows(_ ending: String, _ count: Int) -> BatchRule {
        let names: [String] = ["max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "_adaptive_avg_pool"].map { $0 + ending }
        return BatchRule((names + ["max_pool\(ending)_with_indices"]).joined(separator: " ")) { try $0.before(last: count) }
    }
}

extension NodeRows {
    /// What works on so many last dimensions, for each place of those before by itself.
    func before(last count: Int) throws -> [Rows] {
        let rank: Int = try first().spec.rank
        guard let batch = try along(), batch < rank - count else { throw NotProven("works along the batch") }
        return node.outputs.map { _ in .along(batch) }
    }
}

// MARK: - Tables

extension BatchRule {
    static let lookups: [BatchRule] = [
        BatchRule("embedding") { node in
            try node.requireShared(except: "indices")
            guard let indices = node.tensor("indices"), case .along(let dim) = node.rows(indices) else {
                throw NotProven("looks up the rows' numbers")
            }
            return [.along(dim)]
        },
        BatchRule("gather take_along_dim scatter scatter_add scatter_reduce") { node in
            let operands: [Graph.Value] = node.node.operands
            guard let dim = try node.dims("dim").first, let batch = try node.along(not: dim), let size = try node.sizes(at: batch) else {
                throw NotProven("looks up along the batch")
            }
            let areTogether: Bool = operands.allSatisfy { value in
                node.rows(value) == .along(batch) && node.spec(value)?.shape[batch].isIdentical(to: size) == true
            }
            guard areTogether else { throw NotProven("looks up in rows by what is of no row") }
            return [.along(batch)]
        },
        BatchRule("index_select") { node in
            try node.requireShared(except: "self")
            guard let dim = try node.dims("dim").first, let batch = try node.along(not: dim) else { throw NotProven("picks rows") }
            return [.along(batch)]
        },
        BatchRule("index _unsafe_index") { try $0.indexed() },
    ]
}

extension NodeRows {
    func sizes(at dim: Int) throws -> SymInt? { try first().spec.shape[dim] }

    /// Advanced indexing that goes through the rows in their order, `x[arange(batch), i]`, or that leaves them alone, `x[:, i]`.
    func indexed() throws -> [Rows] {
        let (_, spec, rows) = try first()
        let indices: [Graph.Value?]
        switch argument("indices") {
        case .optionalTensors(let values)?: indices = values
        case .tensors(let values)?: indices = values
        default: throw NotProven("is indexed by what is not known")
        }
        guard case .along(let batch) = rows else { throw NotProven("picks by rows from what is of no row") }
        let given: [Int] = indices.indices.filter { indices[$0] != nil }
        // One block of indices, whose place the result keeps.
        guard let start = given.first, let end = given.last, end - start + 1 == given.count else {
            throw NotProven("is indexed in several places")
        }
        let specs: [TensorSpec] = given.compactMap { indices[$0].flatMap { self.spec($0) } }
        guard specs.count == given.count, specs.allSatisfy({ $0.dtype != .bool && $0.dtype != .uint8 }) else {
            throw NotProven("is indexed by a mask")
        }
        let rank: Int = specs.map(\.rank).max() ?? 0
        if batch < start || batch > end {
            guard given.allSatisfy({ indices[$0].map { self.rows($0) } == .shared }) else {
                throw NotProven("is indexed by rows where it has none")
            }
            return [.along(batch < start ? batch : batch - given.count + rank)]
        }
        guard spec.shape[batch].isIdentical(to: self.batch), let own = indices[batch], case .numbers(let dim) = self.rows(own),
            let ownSpec = self.spec(own)
        else { throw NotProven("picks rows") }
        let place: Int = dim + rank - ownSpec.rank
        for index in given where index != batch {
            guard let value = indices[index], let other = self.spec(value) else { continue }
            switch self.rows(value) {
            case .along(let dim) where dim + rank - other.rank == place: break
            case .shared: try requireBroadcast(place, rank, of: value)
            default: throw NotProven("is indexed by rows in another dimension")
            }
        }
        return [.along(start + place)]
    }
}
