import ApusSymbolic

// Views of a tensor's consecutive parts: split, chunk, unbind.

extension Operator {
    static let split: Operator = splitting(
        "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
        "Consecutive parts of `split_size` positions of dimension `dim`; the last one may be smaller. While tracing, each number of parts is a path.",
        lengths: { call, size, _ in
            let part: SymInt = try call.int(1)
            try require(part >= 0, call.error(.invalidArgument, "the size of a part is negative: \(part)"))
            if size.constant == 0 { return [0] }
            try require(part > 0, call.error(.invalidArgument, "parts of size 0 don't cover a dimension of size \(size)"))
            let count: Int = try settle(
                count: size.ceilDivided(by: part), of: "parts of \(part) in \(size)", in: call.name, "use chunk, or split with sizes")
            return try parts(call, count, part, size)
        }, samples: { [[.tensor(try .sample([5, 2])), .int(2), .int(0)]] })

    static let splitWithSizes: Operator = splitting(
        "aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
        "Consecutive parts of the given sizes, which must add up to the dimension's size.",
        lengths: { call, size, _ in
            let sizes = try call.ints(1)
            let total: SymInt = sizes.reduce(SymInt(0)) { $0 + $1 }
            for part in sizes {
                try require(part >= 0, call.error(.invalidArgument, "the size of a part is negative: \(part)"))
            }
            try require(
                total == size, call.error(.shapeMismatch, "the parts \(listText(sizes)) add up to \(total), not to the size \(size)"))
            return sizes
        }, samples: { [[.tensor(try .sample([2, 5])), .ints([1, 4]), .int(1)]] })

    static let chunk: Operator = splitting(
        "aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]",
        "At most `chunks` consecutive parts of equal size; the last one may be smaller, and fewer come out where the size is not large enough. While "
            + "tracing, each of a few sizes is a path, and of many all chunks are required to exist.",
        lengths: { call, size, _ in
            let chunks = try call.constant(1)
            guard chunks > 0 else { throw call.error(.invalidArgument, "needs at least one chunk, not \(chunks)") }
            var (size, part): (SymInt, SymInt) = (size, size.ceilDivided(by: SymInt(chunks)))
            let isFull: SymBool = part * (chunks - 1) < size
            // How many there are is seen where the size is one number, if it is one of few.
            if decide(isFull) == nil, let few = size.scope?.oracle?.canSpecialize(size), few { size = SymInt(Int(size)) }
            if let known = size.constant ?? size.scope?.range(of: size).singleValue {
                part = SymInt(known).ceilDivided(by: SymInt(chunks))
                // PyTorch gives all the chunks of an empty dimension, each empty.
                if known == 0 { return try parts(call, chunks, 0, size) }
                return try parts(call, call.known(SymInt(known).ceilDivided(by: part)), part, size)
            }
            try require(
                isFull,
                call.error(.shapeMismatch, "a dimension of size \(size) does not give \(chunks) chunks at every size it may take"))
            return try parts(call, chunks, part, size)
        }, samples: { [[.tensor(try .sample([2, 5])), .int(2), .int(1)]] })

    static let unbind: Operator = Operator(
        "aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]",
        "The parts at every position of a dimension, which disappears. While tracing, each size is a path.",
        rule: { call in
            let x = try call.tensor(0)
            let dim = try call.dimension(1, rank: x.rank)
            let count: Int = try settle(
                count: x.shape[dim], of: "parts along dimension \(dim) of shape \(x.shape)", in: call.name,
                "take parts by select(dim: \(dim), index: i), or use map or scan")
            try call.requireResultCount(count)
            var sizes = x.shape.sizes
            sizes.remove(at: dim)
            let shape = try Shape(sizes, in: call.name)
            return Array(repeating: TensorSpec(x.dtype, shape), count: count)
        },
        kernel: .view { call in
            let layout = try call.tensor(0).layout
            let dim = try call.dimension(1, rank: layout.rank)
            return try (0..<layout.size(dim)).map { position in
                var view = StridedView(layout)
                view.offset = position &* view.strides[dim]
                view.sizes.remove(at: dim)
                view.strides.remove(at: dim)
                return try view.result(call)
            }
        },
        gradient: { g in
            let dim = try g.call.dimension(1, rank: try g.call.tensor(0).rank)
            if g.outputs.isEmpty { return [.none] }
            return [.tensor(try Tensor.stack(try g.outputs.indices.map { try g.gradient($0) }, dim: dim))]
        }, samples: { [[.tensor(try .sample([2, 3])), .int(1)]] })

    static let splitting: [Operator] = [split, splitWithSizes, chunk, unbind]

    /// An operator that cuts the dimension given last into parts; `lengths` gives their sizes.
    private static func splitting(
        _ schema: String, _ documentation: String, lengths: @escaping @Sendable (Call, SymInt, Shape) throws -> [SymInt],
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                let dim = try call.dimension(2, rank: x.rank)
                return try lengths(call, x.shape[dim], x.shape).map { length in
                    var sizes = x.shape.sizes
                    sizes[dim] = length
                    return TensorSpec(x.dtype, try Shape(sizes, in: call.name))
                }
            },
            kernel: .view { call in
                let x = try call.tensor(0)
                let dim = try call.dimension(2, rank: x.rank)
                var start = 0
                return try lengths(call, x.shape[dim], x.shape).map { length in
                    let length: Int = try call.known(length)
                    var view = StridedView(x.layout)
                    view.slice(dim, start: start, length: length, step: 1)
                    start += length
                    return try view.result(call)
                }
            },
            gradient: { g in
                let dim = try g.call.dimension(2, rank: try g.call.tensor(0).rank)
                return [.tensor(try Tensor.cat(try g.outputs.indices.map { try g.gradient($0) }, dim: dim))]
            }, samples: samples)
    }

    /// The sizes of `count` parts, all of `part` but the last, which takes the rest.
    private static func parts(_ call: Call, _ count: Int, _ part: SymInt, _ size: SymInt) throws -> [SymInt] {
        try call.requireResultCount(count)
        return Array(repeating: part, count: count - 1) + [size - part * (count - 1)]
    }
}

extension Call {
    /// The largest number of tensors that one call may give. PyTorch knows no limit but memory, which a number in a file must not use up.
    static let maximumResultCount = 1 << 20

    /// Requires a number of results that can be made.
    func requireResultCount(_ count: Int) throws {
        guard count <= Call.maximumResultCount else {
            throw error(.invalidArgument, "would give \(count) results, more than the \(Call.maximumResultCount) that one call may give")
        }
    }
}

extension Tensor {
    /// Consecutive parts of `size` positions of a dimension; the last one may be smaller. Throws for more than 1,048,576 of them.
    public func split(_ size: any SymIntConvertible, dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.split, [.tensor(self), .int(size), .int(dim)])
    }

    /// Consecutive parts of the given sizes, which must add up to the dimension's size.
    public func split(sizes: [any SymIntConvertible], dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.splitWithSizes, [.tensor(self), .ints(sizes), .int(dim)])
    }

    /// Consecutive parts of the given sizes: `x.split([2, 3])`.
    public func split(_ sizes: [any SymIntConvertible], dim: Int = 0) throws -> [Tensor] { try split(sizes: sizes, dim: dim) }

    /// At most `count` consecutive parts of equal size; the last one may be smaller. Throws for more than 1,048,576 of them.
    public func chunk(_ count: any SymIntConvertible, dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.chunk, [.tensor(self), .int(count), .int(dim)])
    }

    /// The parts at every position of a dimension, which disappears. Throws for more than 1,048,576 of them.
    public func unbind(dim: Int = 0) throws -> [Tensor] {
        try applyTensors(.unbind, [.tensor(self), .int(dim)])
    }
}
