import ApusSymbolic

// Joining along later dimensions, further names of joining, and all ways to choose elements.

extension Operator {
    static let padSequence: Operator = composite(
        "aten::pad_sequence(Tensor[] sequences, bool batch_first=False, float padding_value=0., str padding_side=\"right\") -> Tensor",
        "Tensors of several lengths as one, the shorter ones filled up behind or in front: [longest, N, ...], or [N, longest, ...].",
        samples: {
            let parts: OperatorArgument = .tensors([try .sample([2, 3]), try .sample([4, 3], seed: 2), try .sample([0, 3])])
            return [[parts, .bool(false), .double(0), .string("right")], [parts, .bool(true), .double(1.5), .string("left")]]
        }
    ) { call in
        let parts: [Tensor] = try call.tensors(0)
        let side: String = try call.string(3)
        guard let first = parts.first, parts.allSatisfy({ $0.rank == first.rank && $0.rank > 0 }) else {
            throw call.error(.shapeMismatch, "takes tensors of one rank above 0")
        }
        guard side == "right" || side == "left" else { throw call.error(.invalidArgument, "pads 'left' or 'right', not '\(side)'") }
        let longest: SymInt = parts.dropFirst().reduce(first.shape[0]) { max($0, $1.shape[0]) }
        let padded: [Tensor] = try parts.map { part in
            let missing: SymInt = longest - part.shape[0]
            let before: [SymInt] = Array(repeating: 0, count: 2 * (part.rank - 1))
            return try part.padded(before + (side == "right" ? [0, missing] : [missing, 0]), value: call.double(2))
        }
        return [.tensor(try Tensor.stack(padded, dim: call.bool(1) ? 0 : 1))]
    }

    static let dstack: Operator = composite(
        "aten::dstack(Tensor[] tensors) -> Tensor", "Joins along the third dimension; vectors and matrices get one.",
        samples: { [[.tensors([try .sample([2, 3]), try .sample([2, 3, 2])])]] }
    ) { call in [.tensor(try Tensor.cat(call.tensors(0).map { try $0.withRank(atLeast: 3) }, dim: 2))] }

    static let columnStack: Operator = composite(
        "aten::column_stack(Tensor[] tensors) -> Tensor", "Joins along the second dimension; vectors and numbers become columns.",
        samples: { [[.tensors([try .sample([3]), try .sample([3, 2])])]] }
    ) { call in
        [.tensor(try Tensor.cat(call.tensors(0).map { try $0.rank <= 1 ? $0.reshaped([$0.count, 1]) : $0 }, dim: 1))]
    }

    static let cartesianProduct: Operator = composite(
        "aten::cartesian_prod(Tensor[] tensors) -> Tensor", "All ways to take one element of each vector, one row for each.",
        samples: { [[.tensors([try .sample([2]), try .sample([3], seed: 2)])], [.tensors([try .sample([3])])]] }
    ) { call in
        let vectors = try call.tensors(0)
        guard let first = vectors.first else { throw call.error(.invalidArgument, "needs at least one vector") }
        guard vectors.allSatisfy({ $0.rank == 1 }) else { throw call.error(.shapeMismatch, "takes vectors") }
        if vectors.count == 1 { return [.tensor(first)] }
        return [.tensor(try Tensor.stack(Tensor.meshgrid(vectors).map { try $0.flattened() }, dim: 1))]
    }

    static let combinations: Operator = composite(
        "aten::combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor",
        "All ways to take `r` elements of a vector in their order, one row for each; each element once, or any number of times. While tracing, "
            + "each size of the vector is a path.",
        samples: { [[.tensor(try .sample([4])), .int(2), .bool(false)], [.tensor(try .sample([3])), .int(3), .bool(true)]] }
    ) { call in
        let (x, count, repeats) = (try call.tensor(0), try call.constant(1), try call.bool(2))
        guard x.rank == 1 else { throw call.error(.shapeMismatch, "takes a vector, not shape \(x.shape)") }
        guard count >= 0 else { throw call.error(.invalidArgument, "can't take \(count) elements") }
        let size: Int = try settle(
            count: x.shape[0], of: "elements of shape \(x.shape)", in: call.name, "make the combinations where the size is known")
        if count == 0 { return [.tensor(try Tensor.zeros([0], dtype: x.dtype))] }
        guard count <= 1 << 10 else { throw call.error(.invalidArgument, "can't take \(count) elements at a time") }
        guard repeats || count <= size else { return [.tensor(try Tensor.zeros([0, SymInt(count)], dtype: x.dtype))] }
        // Each row follows from the one before by moving the last position that can move.
        var (rows, row): ([Int], [Int]) = ([], repeats ? Array(repeating: 0, count: count) : Array(0..<count))
        while size > 0 {
            rows += row
            guard rows.count <= 1 << 26 else { throw call.error(.overflow, "there are too many ways to take \(count) of \(size)") }
            guard let moved = row.indices.last(where: { row[$0] < (repeats ? size - 1 : size - count + $0) }) else { break }
            row[moved] += 1
            for later in row.indices where later > moved { row[later] = repeats ? row[moved] : row[later - 1] + 1 }
        }
        let index = try Tensor(rows, shape: [rows.count / count, count])
        return [.tensor(try x.indexSelect(dim: 0, index.flattened()).reshaped(index.shape))]
    }

    static let chunkCat: Operator = composite(
        "aten::_chunk_cat(Tensor[] tensors, int dim, int num_chunks) -> Tensor",
        "The tensors cut into chunks along a dimension, zeros filling up the last ones; the chunks of each flattened from that dimension on and joined "
            + "behind each other.",
        samples: { [[.tensors([try .sample([3, 2]), try .sample([4, 1], seed: 2)]), .int(0), .int(2)]] }
    ) { call in
        let (tensors, chunks) = (try call.tensors(0), try call.constant(2))
        guard let first = tensors.first else { throw call.error(.invalidArgument, "needs at least one tensor") }
        guard chunks > 0 else { throw call.error(.invalidArgument, "needs at least one chunk, not \(chunks)") }
        let dim = try normalize(dim: try call.constant(1), rank: first.rank, in: call.name)
        let parts: [Tensor] = try tensors.map { tensor in
            guard tensor.rank > dim else { throw call.error(.shapeMismatch, "shape \(tensor.shape) has no dimension \(dim)") }
            let part: SymInt = tensor.shape[dim].ceilDivided(by: SymInt(chunks))
            let missing: SymInt = part * chunks - tensor.shape[dim]
            var pads = [SymInt](repeating: 0, count: 2 * (tensor.rank - dim))
            pads[pads.count - 1] = missing
            let whole: Tensor = try applySingle(.constantPad, [.tensor(tensor), .ints(pads), .int(0)])
            let rest: SymInt = SymInt.elementCount(tensor.shape.sizes.dropFirst(dim + 1))
            return try whole.reshaped(Array(tensor.shape.sizes.prefix(dim)) + [SymInt(chunks), part * rest])
        }
        return [.tensor(try Tensor.cat(parts, dim: dim + 1))]
    }

    static let columns: [Operator] = [
        dstack, columnStack, cartesianProduct, combinations, chunkCat,
        padSequence,
        alias("aten::concat(Tensor[] tensors, int dim=0) -> Tensor", of: cat),
        alias("aten::concatenate(Tensor[] tensors, int dim=0) -> Tensor", of: cat),
        alias("aten::row_stack(Tensor[] tensors) -> Tensor", of: vstack),
    ]
}

extension Tensor {
    /// Tensors side by side along a dimension, as `cat`.
    public static func concat(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor { try cat(tensors, dim: dim) }

    /// Tensors along the third dimension, which is added where there is none.
    public static func dstack(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.dstack, [.tensors(tensors)]) }

    /// Vectors as columns, and matrices, side by side.
    public static func columnStack(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.columnStack, [.tensors(tensors)]) }

    /// Every choice of one element of each vector, a row each.
    public static func cartesianProd(_ vectors: [Tensor]) throws -> Tensor { try applySingle(.cartesianProduct, [.tensors(vectors)]) }

    /// Every choice of `r` elements of a vector, a row each.
    public func combinations(_ r: any SymIntConvertible = 2, withReplacement: Bool = false) throws -> Tensor {
        try applySingle(.combinations, [.tensor(self), .int(r), .bool(withReplacement)])
    }
}
