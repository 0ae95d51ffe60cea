import ApusRun

// MARK: - Views

extension BatchRule {
    static let views: [BatchRule] = [
        BatchRule("view reshape _unsafe_view _reshape_alias flatten unflatten squeeze unsqueeze ravel", takesSizes: true) {
            [try $0.reshaped()]
        },
        BatchRule("permute") { node in
            let dims: [Int] = try node.dims("dims")
            return [try node.renumbered { dim in dims.firstIndex(of: dim) }]
        },
        BatchRule("transpose swapaxes swapdims") { node in
            let names: [[String]] = [["dim0", "dim1"], ["axis0", "axis1"]]
            let found: [Int]? = names.lazy.map { $0.compactMap { node.int($0) } }.first { $0.count == 2 }
            guard let found else { throw NotProven("swaps dimensions that are not known") }
            let rank: Int = try node.first().spec.rank
            let (a, b) = (found[0] < 0 ? found[0] + rank : found[0], found[1] < 0 ? found[1] + rank : found[1])
            return [try node.renumbered { $0 == a ? b : $0 == b ? a : $0 }]
        },
        BatchRule("t numpy_T") { node in
            let rank: Int = try node.first().spec.rank
            return [try node.renumbered { rank - 1 - $0 }]
        },
        BatchRule("mT") { node in
            let rank: Int = try node.first().spec.rank
            return [try node.renumbered { $0 == rank - 1 ? rank - 2 : $0 == rank - 2 ? rank - 1 : $0 }]
        },
        BatchRule("expand broadcast_to", takesSizes: true) { [try $0.expanded()] },
        BatchRule("slice slice_copy", takesSizes: true) { node in
            let (value, _, rows) = try node.first()
            let dim: Int = try node.dims("dim").first ?? 0
            guard dim != rows.dim else {
                // Nothing is left out.
                let size: SymInt? = node.spec(value)?.shape[dim]
                guard node.int("start", otherwise: 0) == 0, node.int("step", otherwise: 1) == 1, node.endsAtOrBeyond(size) else {
                    throw NotProven("takes a part of the batch")
                }
                return [rows]
            }
            guard !node.node.arguments.contains(where: { node.mentions(size: $0) }) else {
                throw NotProven("takes a part as large as the batch")
            }
            return [rows]
        },
        BatchRule("narrow") { node in
            let dim: Int = try node.dims("dim").first ?? 0
            return [try node.along(not: dim).map { .along($0) } ?? .shared]
        },
        BatchRule("select unbind") { node in
            let (_, _, rows) = try node.first()
            let dim: Int = try node.dims("dim").first ?? 0
            guard let batch = rows.dim else { return node.node.outputs.map { _ in .shared } }
            guard dim != batch else { throw NotProven("takes single places of the batch") }
            return node.node.outputs.map { _ in rows.moved(to: batch > dim ? batch - 1 : batch) }
        },
        BatchRule("split split_with_sizes split_copy split_with_sizes_copy chunk tensor_split") { node in
            let dim: Int = try node.dims("dim").first ?? 0
            let rows: Rows = try node.along(not: dim).map { .along($0) } ?? .shared
            return node.node.outputs.map { _ in rows }
        },
        BatchRule("tril triu") { node in
            let rank: Int = try node.first().spec.rank
            return [try node.along(not: rank - 1, rank - 2).map { .along($0) } ?? .shared]
        },
        BatchRule("flip roll") { node in
            let dims: [Int] = try node.dims("dims")
            guard !dims.isEmpty, let batch = try node.along(), !dims.contains(batch) else {
                throw NotProven("moves what lies along the batch")
            }
            return [.along(batch)]
        },
    ]
}

extension NodeRows {
    /// Dimensions from the front, of the first operand.
    func dims(_ name: String) throws -> [Int] {
        guard let given = ints(name) else { throw NotProven("works along dimensions that are not known") }
        let rank: Int = try first().spec.rank
        return given.map { $0 < 0 ? $0 + rank : $0 }
    }

    func mentions(size argument: GraphArgument) -> Bool {
        if case .scalar(let scalar) = argument { return mentions(scalar) }
        return false
    }

    /// Whether a slice goes to the end.
    func endsAtOrBeyond(_ size: SymInt?) -> Bool {
        switch argument("end") {
        case nil, .some(.none): true
        case .scalar(.int(let end))?: end.plain == Int.max || (size.map { end.isIdentical(to: $0) } ?? false)
        default: false
        }
    }

    func renumbered(_ place: (Int) -> Int?) throws -> Rows {
        let (_, _, rows) = try first()
        guard let dim = rows.dim else { return .shared }
        guard let moved = place(dim) else { throw NotProven("drops the batch's dimension") }
        return rows.moved(to: moved)
    }

    /// Elements keep their order: rows do where as many lie before them as did.
    func reshaped() throws -> Rows {
        let (_, spec, rows) = try first()
        guard let dim = rows.dim else { return .shared }
        let result: TensorSpec = try result()
        guard let place = result.shape.indices.first(where: { result.shape[$0].freeSymbols.contains(symbol) }) else {
            throw NotProven("gives \(result), without the batch")
        }
        let (before, after) = (product(spec.shape.prefix(dim)), product(result.shape.prefix(place)))
        guard before.isIdentical(to: after) else { throw NotProven("mixes the batch with the dimensions before it") }
        // A row's number stands once in each of its places, or it is a row's number no more.
        if case .numbers = rows, result.dtype != spec.dtype || factor(result.shape[place])?.plain != 1 {
            throw NotProven("merges the rows' numbers with others")
        }
        return rows.moved(to: place)
    }

    func product(_ sizes: some Sequence<SymInt>) -> SymInt { sizes.reduce(1) { $0 * $1 } }

    func expanded() throws -> Rows {
        let (_, spec, rows) = try first()
        let result: TensorSpec = try result()
        if let dim = rows.dim { return rows.moved(to: dim + result.rank - spec.rank) }
        guard let place = result.shape.indices.first(where: { result.shape[$0].freeSymbols.contains(symbol) }) else { return .shared }
        try requireBroadcast(place, result.rank)
        return .along(place)
    }
}

// MARK: - Joining

extension BatchRule {
    static let joining: [BatchRule] = [
        BatchRule("cat concat concatenate") { node in
            let (rows, rank) = try node.together()
            let dim: Int = node.int("dim") ?? 0
            guard (dim < 0 ? dim + rank : dim) != rows.dim else { throw NotProven("joins along the batch") }
            return [rows]
        },
        BatchRule("stack") { node in
            let (rows, rank) = try node.together()
            let dim: Int = node.int("dim") ?? 0
            let place: Int = dim < 0 ? dim + rank + 1 : dim
            guard let batch = rows.dim else { return [.shared] }
            return [.along(batch >= place ? batch + 1 : batch)]
        },
        BatchRule("constant_pad_nd pad") { node in
            guard case .ints(let amounts)? = node.argument("pad") else { throw NotProven("pads by amounts that are not known") }
            let rank: Int = try node.first().spec.rank
            guard let batch = try node.along() else { throw NotProven("pads by the batch's size") }
            let place: Int = 2 * (rank - 1 - batch)
            let own: ArraySlice<SymInt> = amounts.dropFirst(place).prefix(2)
            guard own.allSatisfy({ $0.plain == 0 }) else { throw NotProven("pads the batch") }
            return [.along(batch)]
        },
        BatchRule("repeat tile") { node in
            guard let repeats = node.ints("repeats") ?? node.ints("dims"), let batch = try node.along() else {
                throw NotProven("repeats as often as is not known")
            }
            let (rank, result) = (try node.first().spec.rank, try node.result().rank)
            let place: Int = batch + result - rank
            let index: Int = place - (result - repeats.count)
            guard index < 0 || repeats[index] == 1 else { throw NotProven("repeats the batch") }
            return [.along(place)]
        },
    ]
}

extension NodeRows {
    /// Rows of a list of tensors that are joined: all of the batch, in the same dimension.
    func together() throws -> (Rows, rank: Int) {
        guard case .tensors(let values)? = node.arguments.first, let first = values.first, let spec = spec(first) else {
            throw NotProven("joins no tensors")
        }
        let all: Set<Rows> = Set(values.map { rows($0) })
        guard all.count == 1, let rows = all.first else { throw NotProven("joins rows with what is of no batch") }
        if case .numbers = rows { throw NotProven("joins the rows' numbers") }
        return (rows, spec.rank)
    }
}
