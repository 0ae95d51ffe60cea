import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let shapes: [ONNXRule] = views + parts + joins

    private static let views: [ONNXRule] = [
        ONNXRule("reshape") { node in
            try node.call.tensor(0).shape.isIdentical(to: node.result.shape) ? node.term(0) : node.reshaped(node.term(0), node.result.shape)
        },
        ONNXRule("expand") { node in
            try node.call.tensor(0).shape.isIdentical(to: node.result.shape) ? node.term(0) : node.expanded(node.term(0), node.result.shape)
        },
        ONNXRule("permute") { node in
            let rank: Int = try node.rank()
            return node.transposed(try node.term(0), try node.call.constants(1).map { try node.normal($0, rank) })
        },
        ONNXRule("transpose.int") { node in try swapped(node, try node.call.constant(1), try node.call.constant(2)) },
        ONNXRule("t") { node in try node.rank() < 2 ? node.term(0) : swapped(node, -1, -2) },
        ONNXRule("numpy_T") { node in node.transposed(try node.term(0), (0..<(try node.rank())).reversed()) },
        ONNXRule("unsqueeze") { node in
            let dim: Int = try node.dim(1, rank: node.rank() + 1)
            return node.apply("Unsqueeze", [try node.term(0), try node.out.integers([dim])])
        },
        ONNXRule("squeeze") { try squeezed($0) },
        ONNXRule("diagonal") { try diagonal($0) },
        ONNXRule("unfold") { try unfolded($0) },
        ONNXRule("tril") { try triangle($0, upper: false) },
        ONNXRule("triu") { try triangle($0, upper: true) },
    ]

    private static func swapped(_ node: ONNXNodeWriter, _ first: Int, _ second: Int) throws -> ONNXTerm {
        let rank: Int = try node.rank()
        if rank == 0 { return try node.term(0) }
        var order: [Int] = Array(0..<rank)
        order.swapAt(try node.normal(first, rank), try node.normal(second, rank))
        return node.transposed(try node.term(0), order)
    }

    /// The named dimensions of size one, all of them for none named.
    private static func squeezed(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let (x, shape) = (try node.term(0), try node.shape(0))
        if try shape.count == node.result.shape.count { return x }
        let named: [Int] =
            try node.call.arguments.count > 1 ? node.call.constants(1).map { try node.normal($0, shape.count) } : Array(shape.indices)
        let ones: [Int] = Set(named).filter { shape[$0].constant == 1 }.sorted()
        guard try shape.count - ones.count == node.result.shape.count else { return try node.reshaped(x, node.result.shape) }
        return node.apply("Squeeze", [x, try node.out.integers(ones)])
    }

    /// The elements [i, i + offset] of two dimensions, which come last: those of the flattened matrix at one distance from each other.
    private static func diagonal(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let (shape, rank) = (try node.shape(0), try node.rank())
        let offset: Int = try node.call.constant(1)
        let (rows, columns) = (try node.dim(2, rank: rank), try node.dim(3, rank: rank))
        let others: [Int] = (0..<rank).filter { $0 != rows && $0 != columns }
        let matrix: ONNXTerm = node.transposed(try node.term(0), others + [rows, columns])
        let flat: ONNXTerm = try node.reshaped(matrix, others.map { shape[$0] } + [shape[rows] * shape[columns]])
        let start: SymInt = offset >= 0 ? SymInt(offset) : shape[columns] * SymInt(-offset)
        let places: ONNXTerm = try node.count(node.result.shape[-1], from: start, by: shape[columns] + 1)
        return node.apply("Gather", [flat, places], [.make("axis", rank - 2)])
    }

    /// Windows along a dimension, which become the last one.
    private static func unfolded(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let rank: Int = try node.rank()
        let x: ONNXTerm = try node.term(0)
        let (size, step) = (try node.call.constant(2), try node.call.constant(3))
        if rank == 0 { return try node.reshaped(x, node.result.shape) }
        let dim: Int = try node.dim(1, rank: rank)
        let starts: ONNXTerm = try node.count(node.result.shape[dim], from: 0, by: SymInt(step))
        let column: ONNXTerm = node.apply("Unsqueeze", [starts, try node.out.integers([1])])
        let places: ONNXTerm = node.apply("Add", [column, try node.out.integers(Array(0..<size))])
        let windows: ONNXTerm = node.apply("Gather", [x, places], [.make("axis", dim)])
        let order: [Int] = Array(0...rank).filter { $0 != dim + 1 } + [dim + 1]
        return node.transposed(windows, order)
    }

    private static func triangle(_ node: ONNXNodeWriter, upper: Bool) throws -> ONNXTerm {
        let offset: ONNXTerm = try node.term(node.call.scalar(1), .int64)
        return node.apply("Trilu", [try node.term(0), offset], [.make("upper", upper)])
    }

    // MARK: Parts

    private static let parts: [ONNXRule] =
        [
            ONNXRule("select.int") { node in
                let dim: Int = try node.dim(1, rank: node.rank())
                return node.apply("Gather", [try node.term(0), try node.term(node.call.scalar(2), .int64)], [.make("axis", dim)])
            },
            ONNXRule("slice.Tensor") { node in
                let dim: Int = try node.dim(1, rank: node.rank())
                let (start, end) = (try node.call.optionalInt(2) ?? 0, try node.call.optionalInt(3) ?? SymInt(Int.max))
                return try node.sliced(node.term(0), dim, from: start, to: end, by: node.call.int(4))
            },
            ONNXRule("narrow") { node in
                let dim: Int = try node.dim(1, rank: node.rank())
                let (start, length) = (try node.call.int(2), try node.call.int(3))
                guard let known = start.constant, known < 0 else {
                    return try node.sliced(node.term(0), dim, from: start, to: start + length)
                }
                let from: SymInt = try node.shape(0)[dim] + start
                return try node.sliced(node.term(0), dim, from: from, to: from + length)
            },
            ONNXRule(
                "unbind.int",
                all: { node in
                    let dim: Int = try node.dim(1, rank: node.rank())
                    let ones: [SymInt] = Array(repeating: 1, count: node.results.count)
                    let axis: ONNXTerm = try node.out.integers([dim])
                    return try split(node, dim, ones).map { node.apply("Squeeze", [$0, axis]) }
                }),
            // Positions may go back and forth.
            ONNXRule(
                "tensor_split.indices",
                all: { node in
                    let dim: Int = try node.dim(2, rank: node.rank())
                    let bounds: [SymInt] = [0] + (try node.call.ints(1)) + [SymInt(Int.max)]
                    return try zip(bounds, bounds.dropFirst()).map { try node.sliced(node.term(0), dim, from: $0, to: $1) }
                }),
            ONNXRule("flip") { node in
                let rank: Int = try node.rank()
                let dims: [Int] = try node.call.constants(1).map { try node.normal($0, rank) }
                if dims.isEmpty || rank == 0 { return try node.term(0) }
                let numbers: [[Int]] = [
                    dims.map { _ in -1 }, dims.map { _ in Int.min }, dims, dims.map { _ in -1 },
                ]
                return node.apply("Slice", [try node.term(0)] + (try numbers.map { try node.out.integers($0) }))
            },
        ]
        + [("split.Tensor", 2), ("split_with_sizes", 2), ("chunk", 2), ("tensor_split.sections", 2)].map {
            name, index in
            ONNXRule(
                name,
                all: { node in
                    let dim: Int = try node.dim(index, rank: node.rank())
                    return try split(node, dim, node.results.map { $0.shape[dim] })
                })
        }

    private static func split(_ node: ONNXNodeWriter, _ dim: Int, _ sizes: [SymInt]) throws -> [ONNXTerm] {
        if sizes.count == 1 { return [try node.term(0)] }
        if sizes.isEmpty { return [] }
        let x: ONNXTerm = try node.term(0)
        return node.out.append("Split", [x, try node.vector(sizes)], sizes.map { _ in x.dtype }, [.make("axis", dim)])
    }

    // MARK: Joining

    private static let joins: [ONNXRule] =
        [
            ONNXRule("cat") { node in
                let result: TensorSpec = try node.result
                // PyTorch passes over empty tensors of one dimension.
                let tensors: [Tensor] = try node.call.tensors(0)
                let given: [ONNXTerm] = try zip(tensors, node.terms(0)).filter { $0.0.rank == result.shape.count }.map {
                    node.out.cast($0.1, result.dtype)
                }
                if given.count == 1 { return given[0] }
                return node.apply("Concat", given, [.make("axis", try node.dim(1, rank: result.shape.count))])
            },
            ONNXRule("repeat") { node in
                let (repeats, shape) = (try node.call.ints(1), try node.shape(0))
                let sizes: [SymInt] = Array(repeating: 1, count: repeats.count - shape.count) + shape
                let x: ONNXTerm = try sizes.count == shape.count ? node.term(0) : node.reshaped(node.term(0), sizes)
                return node.apply("Tile", [x, try node.vector(repeats)])
            },
            ONNXRule("constant_pad_nd") { node in
                try padded(node, try node.term(2, as: node.result.dtype), "constant")
            },
        ]
        + (1...3).flatMap { dims in
            [("reflection", "reflect"), ("replication", "edge")].map { name, mode in
                ONNXRule("\(name)_pad\(dims)d") { try padded($0, nil, mode) }
            }
        } + [ONNXRule("_pad_circular") { try padded($0, nil, "wrap") }]

    /// Pairs for the last dimensions, from the last on.
    private static func padded(_ node: ONNXNodeWriter, _ value: ONNXTerm?, _ mode: String) throws -> ONNXTerm {
        let (pads, rank) = (try node.call.ints(1), try node.rank())
        let axes: [Int] = (0..<pads.count / 2).map { rank - 1 - $0 }
        if axes.isEmpty { return try node.term(0) }
        let places: [SymInt] = axes.indices.map { pads[2 * $0] } + axes.indices.map { pads[2 * $0 + 1] }
        return node.apply(
            "Pad", [try node.term(0), try node.vector(places), value, try node.out.integers(axes)], [.make("mode", mode)])
    }
}

extension ONNXNodeWriter {
    func sliced(_ x: ONNXTerm, _ dim: Int, from start: SymInt, to end: SymInt, by step: SymInt = 1) throws -> ONNXTerm {
        apply("Slice", [x, try vector([start]), try vector([end]), try out.integers([dim]), try vector([step])])
    }

    /// The numbers start, start + step, ... of a count.
    func count(_ count: SymInt, from start: SymInt, by step: SymInt) throws -> ONNXTerm {
        if let count = count.constant, let start = start.constant, let step = step.constant {
            return try out.integers((0..<max(count, 0)).map { start + $0 * step })
        }
        let numbers: ONNXTerm = apply(
            "Range", [try term(.int(0), .int64), try term(.int(count), .int64), try term(.int(1), .int64)])
        let spread: ONNXTerm = step.constant == 1 ? numbers : apply("Mul", [numbers, try term(.int(step), .int64)])
        return start.constant == 0 ? spread : apply("Add", [spread, try term(.int(start), .int64)])
    }
}
