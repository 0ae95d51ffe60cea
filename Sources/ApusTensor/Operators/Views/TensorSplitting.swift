import ApusSymbolic

// Parts between given positions, or of nearly equal sizes: `tensor_split` and its kin.

extension Operator {
    static let tensorSplitSections: Operator = composite(
        "aten::tensor_split.sections(Tensor(a -> *) self, SymInt sections, int dim=0) -> Tensor(a)[]",
        "`sections` consecutive parts, of which the first ones are larger by one where the size doesn't divide.",
        samples: { [[.tensor(try .sample([5, 2])), .int(3), .int(0)], [.tensor(try .sample([2, 4])), .int(2), .int(-1)]] }
    ) { call in
        let x = try call.tensor(0)
        return try x.sections(call.constant(1), dim: call.dimension(2, rank: x.rank), call).map { .tensor($0) }
    }

    static let tensorSplitIndices: Operator = composite(
        "aten::tensor_split.indices(Tensor(a -> *) self, SymInt[] indices, int dim=0) -> Tensor(a)[]",
        "The parts between the given positions of a dimension; positions count from the end where negative, and parts may be empty.",
        samples: {
            [[.tensor(try .sample([5, 2])), .ints([1, 4]), .int(0)], [.tensor(try .sample([2, 4])), .ints([3, 2, 9]), .int(1)]]
        }
    ) { call in
        let x = try call.tensor(0)
        return try x.parts(between: call.ints(1), dim: call.dimension(2, rank: x.rank)).map { .tensor($0) }
    }

    static let tensorSplitting: [Operator] =
        [tensorSplitSections, tensorSplitIndices]
        + [("hsplit", 1), ("vsplit", 0), ("dsplit", 2)].flatMap { name, dim in
            let documentation = "Parts along dimension \(dim)\(name == "hsplit" ? " (0 of a vector) " : " ")"
            return [
                composite(
                    "aten::\(name).int(Tensor(a -> *) self, int sections) -> Tensor(a)[]", documentation + "of equal sizes.",
                    samples: { [[.tensor(try .sample([4, 4, 2])), .int(2)]] }
                ) { call in
                    let (x, sections) = (try call.tensor(0), try call.constant(1))
                    let axis = try call.splitDimension(dim)
                    guard sections > 0 else { throw call.error(.invalidArgument, "needs at least one part, not \(sections)") }
                    try require(
                        x.shape[axis] % sections == 0,
                        call.error(.shapeMismatch, "dimension \(axis) of shape \(x.shape) does not split into \(sections) equal parts"))
                    return try x.sections(sections, dim: axis, call).map { .tensor($0) }
                },
                composite(
                    "aten::\(name).array(Tensor(a -> *) self, int[] indices) -> Tensor(a)[]", documentation + "between positions.",
                    samples: { [[.tensor(try .sample([4, 4, 3])), .ints([1, 3])]] }
                ) { call in
                    try call.tensor(0).parts(between: call.ints(1), dim: call.splitDimension(dim)).map { .tensor($0) }
                },
            ]
        }
}

extension Call {
    /// The dimension that `hsplit`, `vsplit` and `dsplit` cut.
    fileprivate func splitDimension(_ dim: Int) throws -> Int {
        let x = try tensor(0)
        if dim == 1, x.rank == 1 { return 0 }
        guard x.rank >= Swift.max(dim + 1, dim == 1 ? 1 : 2) else {
            throw error(.shapeMismatch, "needs \(Swift.max(dim + 1, 2)) dimensions or more, not shape \(x.shape)")
        }
        return dim
    }
}

extension Tensor {
    /// Consecutive parts, of which the first ones are larger by one where the size doesn't divide.
    fileprivate func sections(_ count: Int, dim: Int, _ call: Call) throws -> [Tensor] {
        guard count > 0 else { throw call.error(.invalidArgument, "needs at least one part, not \(count)") }
        try call.requireResultCount(count)
        let size: SymInt = shape[dim]
        let (part, rest): (SymInt, SymInt) = (size / count, size % count)
        var start: SymInt = 0
        return try (0..<count).map { index in
            var length: SymInt = part
            if rest.constant != 0 { length += SymInt.select(rest > index, 1, 0) }
            defer { start += length }
            return try narrowed(dim: dim, from: start, length: length)
        }
    }

    /// The parts in front of, between and behind positions.
    fileprivate func parts(between positions: [SymInt], dim: Int) throws -> [Tensor] {
        var start: SymInt = 0
        var results: [Tensor] = []
        for position in positions {
            results.append(try sliced(dim: dim, from: start, to: position))
            start = position
        }
        results.append(try sliced(dim: dim, from: start, to: shape[dim]))
        return results
    }
}

extension Tensor {
    /// A number of parts along a dimension, the first ones larger by one where they don't come out even.
    public func tensorSplit(_ sections: any SymIntConvertible, dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.tensorSplitSections, [.tensor(self), .int(sections), .int(dim)])
    }

    /// The parts along a dimension that end before each of these positions, and the rest.
    public func tensorSplit(indices: [any SymIntConvertible], dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.tensorSplitIndices, [.tensor(self), .ints(indices), .int(dim)])
    }

    /// Equal parts of the columns.
    public func hsplit(_ sections: any SymIntConvertible) throws -> [Tensor] {
        try applyTensors(.named("hsplit.int"), [.tensor(self), .int(sections)])
    }

    /// The parts of the columns that end before each of these positions, and the rest.
    public func hsplit(indices: [any SymIntConvertible]) throws -> [Tensor] {
        try applyTensors(.named("hsplit.array"), [.tensor(self), .ints(indices)])
    }

    /// Equal parts of the rows.
    public func vsplit(_ sections: any SymIntConvertible) throws -> [Tensor] {
        try applyTensors(.named("vsplit.int"), [.tensor(self), .int(sections)])
    }

    /// The parts of the rows that end before each of these positions, and the rest.
    public func vsplit(indices: [any SymIntConvertible]) throws -> [Tensor] {
        try applyTensors(.named("vsplit.array"), [.tensor(self), .ints(indices)])
    }

    /// Equal parts of the layers.
    public func dsplit(_ sections: any SymIntConvertible) throws -> [Tensor] {
        try applyTensors(.named("dsplit.int"), [.tensor(self), .int(sections)])
    }

    /// The parts of the layers that end before each of these positions, and the rest.
    public func dsplit(indices: [any SymIntConvertible]) throws -> [Tensor] {
        try applyTensors(.named("dsplit.array"), [.tensor(self), .ints(indices)])
    }
}
