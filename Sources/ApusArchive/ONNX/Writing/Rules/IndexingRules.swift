import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let indexing: [ONNXRule] = reads + writes

    private static let reads: [ONNXRule] = [
        ONNXRule("index_select") { node in
            let rank: Int = try node.rank()
            let index: ONNXTerm = try node.term(2, as: .int64)
            let x: ONNXTerm = try node.term(0)
            if rank == 0 { return x }
            let list: ONNXTerm = try node.shape(2).count == 1 ? index : node.reshaped(index, [1])
            return node.apply("Gather", [x, list], [.make("axis", try node.dim(1, rank: rank))])
        },
        ONNXRule("embedding") { node in node.apply("Gather", [try node.term(0), try node.term(1, as: .int64)], [.make("axis", 0)]) },
        ONNXRule("gather") { node in
            let (rank, shape) = (try node.rank(), try node.shape(2))
            var (x, index) = (try node.term(0), try node.term(2, as: .int64))
            // A tensor without dimensions counts as one of one element.
            if rank == 0 { x = try node.reshaped(x, [1]) }
            if shape.count == 0 { index = try node.reshaped(index, [1]) }
            let found: ONNXTerm = node.apply("GatherElements", [x, index], [.make("axis", try node.dim(1, rank: rank))])
            return shape.count == 0 ? try node.reshaped(found, []) : found
        },
        ONNXRule("index.Tensor") { try Positions($0).read() },
        ONNXRule("nonzero") { node in
            let places: ONNXTerm = node.apply("Transpose", [try nonzero(node)], [.make("perm", [1, 0])])
            return try node.rank() == 0 ? node.sliced(places, 1, from: 0, to: 0) : places
        },
        ONNXRule(
            "nonzero_numpy",
            all: { node in
                let places: ONNXTerm = try nonzero(node)
                return try node.results.indices.map { row in
                    node.apply("Gather", [places, try node.out.constant(Tensor([row], shape: []))], [.make("axis", 0)])
                }
            }),
        ONNXRule("masked_select") { node in
            let (given, chosen) = (try node.term(0), try node.term(1, as: .bool))
            // Expanding broadcasts in both directions.
            let x: ONNXTerm = node.apply("Expand", [given, node.apply("Shape", [chosen], to: .int64)])
            let mask: ONNXTerm = node.apply("Expand", [chosen, node.apply("Shape", [given], to: .int64)])
            let flat: ONNXTerm = try node.out.integers([-1])
            return node.apply("Compress", [node.apply("Reshape", [x, flat]), node.apply("Reshape", [mask, flat])], [.make("axis", 0)])
        },
        ONNXRule(
            "_unique2",
            all: { node in
                let x: ONNXTerm = try node.term(0)
                let flat: ONNXTerm = node.apply("Reshape", [x, try node.out.integers([-1])])
                let found: [ONNXTerm] = node.out.apply("Unique", [flat], results: [nil, .int64, .int64, .int64], [.make("sorted", 1)])
                let empty: ONNXTerm = try node.out.integers([])
                return [
                    found[0], try node.call.bool(2) ? node.reshaped(found[2], node.results[1].shape) : empty,
                    try node.call.bool(3) ? found[3] : empty,
                ]
            }),
    ]

    /// Where elements are not zero, a row for each dimension. A tensor without dimensions counts as one of one element.
    private static func nonzero(_ node: ONNXNodeWriter) throws -> ONNXTerm {
        let x: ONNXTerm = try node.term(0)
        return node.apply("NonZero", [try node.rank() == 0 ? node.reshaped(x, [1]) : x], to: .int64)
    }

    // MARK: Writes

    private static let writes: [ONNXRule] =
        [
            ONNXRule("scatter.src") { try scattered($0, "none") }, ONNXRule("scatter.value") { try scattered($0, "none") },
            ONNXRule("scatter_add") { try scattered($0, "add") },
            ONNXRule("scatter.reduce") { try scattered($0, reduction($0, $0.call.string(4))) },
            ONNXRule("scatter.value_reduce") { try scattered($0, reduction($0, $0.call.string(4))) },
            ONNXRule("scatter_reduce.two") { node in
                guard try node.call.bool(5) else { throw node.error("leaves the elements that are written over out, which ONNX counts in") }
                return try scattered(node, reduction(node, node.call.string(4)))
            },
            ONNXRule("index_put") { try Positions($0).written() },
            ONNXRule("slice_scatter") { node in
                let dim: Int = try node.dim(2, rank: node.rank())
                let start: SymInt = try node.call.optionalInt(3) ?? 0
                guard let known = start.constant else { throw node.error("writes from a position on that only a run knows") }
                let size: SymInt = try node.shape(0)[dim]
                let from: SymInt = known >= 0 ? start : max(size + start, 0)
                return try placed(node, dim, node.count(node.shape(1)[dim], from: from, by: node.call.int(5)), node.term(1))
            },
            ONNXRule("select_scatter") { node in
                let dim: Int = try node.dim(2, rank: node.rank())
                let index: ONNXTerm = node.apply("Unsqueeze", [try node.term(node.call.scalar(3), .int64), try node.out.integers([0])])
                let source: ONNXTerm = node.apply("Unsqueeze", [try node.term(1), try node.out.integers([dim])])
                return try placed(node, dim, index, source)
            },
        ]
        + [("index_add", "add"), ("index_copy", "none")].map { name, reduction in
            ONNXRule(name) { node in
                let dim: Int = try node.dim(1, rank: node.rank())
                var source: ONNXTerm = try node.term(3, as: node.result.dtype)
                if name == "index_add", try !node.isOne(4) { source = node.apply("Mul", [source, try node.term(4, as: source.dtype)]) }
                guard try node.rank() > 0, try node.shape(2).count == 1 else {
                    throw node.error("takes its positions as one dimension only")
                }
                return try placed(node, dim, node.term(2, as: .int64), source, reduction)
            }
        }

    private static func reduction(_ node: ONNXNodeWriter, _ name: String) throws -> String {
        let names: [String: String] = ["add": "add", "sum": "add", "multiply": "mul", "prod": "mul", "amax": "max", "amin": "min"]
        guard let found = names[name] else { throw node.error("reduces by '\(name)', which ONNX does not") }
        return found
    }

    /// (self, dim, index, source or number): the source is as large as the index, or larger.
    private static func scattered(_ node: ONNXNodeWriter, _ reduction: String) throws -> ONNXTerm {
        let rank: Int = try node.rank()
        var (x, index) = (try node.term(0), try node.term(2, as: .int64))
        var source: ONNXTerm = try node.term(3, as: x.dtype)
        // Without dimensions, each is a list of one element.
        func list(_ term: inout ONNXTerm, _ shape: Shape) throws -> [SymInt] {
            if shape.count > 0 { return Array(shape) }
            term = try node.reshaped(term, [1])
            return [1]
        }
        let sizes: [SymInt] = try list(&index, node.shape(2))
        if case .scalar = node.call[3] {
            source = try node.expanded(source, sizes)
        } else {
            let given: [SymInt] = try list(&source, node.shape(3))
            if try !Shape(given).isIdentical(to: Shape(sizes)) {
                source = node.apply("Slice", [source, try node.out.integers(sizes.map { _ in 0 }), try node.vector(sizes)])
            }
        }
        if rank == 0 { x = try node.reshaped(x, [1]) }
        let attributes: [Onnx_AttributeProto] = [.make("axis", try node.dim(1, rank: rank)), .make("reduction", reduction)]
        let result: ONNXTerm = node.apply("ScatterElements", [x, index, source], attributes)
        return rank == 0 ? try node.reshaped(result, []) : result
    }

    /// Slices of a source at the positions of a list along a dimension.
    private static func placed(
        _ node: ONNXNodeWriter, _ dim: Int, _ index: ONNXTerm, _ source: ONNXTerm, _ reduction: String = "none"
    ) throws -> ONNXTerm {
        let x: ONNXTerm = try node.term(0)
        let rank: Int = try node.rank()
        let sizes: ONNXTerm = node.apply("Shape", [source], to: .int64)
        let axes: [Int] = (0..<rank).filter { $0 != dim }
        let column: ONNXTerm = axes.isEmpty ? index : node.apply("Unsqueeze", [index, try node.out.integers(axes)])
        return node.apply(
            "ScatterElements", [x, node.apply("Expand", [column, sizes]), node.out.cast(source, x.dtype)],
            [.make("axis", dim), .make("reduction", reduction)])
    }
}

/// Positions in several dimensions at once, as `index.Tensor` and `index_put` take them: integers, or a mask of as many dimensions as it has.
private struct Positions {
    private let node: ONNXNodeWriter
    /// The dimensions that are indexed, and for each where.
    private var dims: [Int] = []
    private var indices: [(term: ONNXTerm, shape: Shape?)] = []
    private let rank: Int

    init(_ node: ONNXNodeWriter) throws {
        self.node = node
        rank = try node.rank()
        var dim = 0
        var terms: ArraySlice<ONNXTerm> = try node.terms(1)[...]
        for tensor in try node.call.optionalTensors(1) {
            guard let tensor else {
                dim += 1
                continue
            }
            guard let term = terms.popFirst() else { break }
            guard tensor.dtype == .bool || tensor.dtype == .uint8 else {
                dims.append(dim)
                indices.append((node.out.cast(term, .int64), tensor.shape))
                dim += 1
                continue
            }
            guard tensor.rank > 0 else { throw node.error("takes a mask without dimensions") }
            let places: ONNXTerm = node.apply("NonZero", [node.out.cast(term, .bool)], to: .int64)
            for row in 0..<tensor.rank {
                dims.append(dim)
                indices.append((node.apply("Gather", [places, try node.out.constant(Tensor([row], shape: []))], [.make("axis", 0)]), nil))
                dim += 1
            }
        }
    }

    /// The rank that the positions have together.
    private var width: Int { indices.map { $0.shape?.count ?? 1 }.max() ?? 0 }

    /// The positions of all indexed dimensions, side by side in a last dimension.
    private func joined() throws -> ONNXTerm {
        let last: ONNXTerm = try node.out.integers([-1])
        // Their common shape is that of their sum.
        let sum: ONNXTerm = indices.dropFirst().reduce(indices[0].term) { node.apply("Add", [$0, $1.term]) }
        let sizes: ONNXTerm = node.apply("Shape", [sum], to: .int64)
        let columns: [ONNXTerm] = indices.map { index in
            let full: ONNXTerm = indices.count == 1 ? index.term : node.apply("Expand", [index.term, sizes])
            return node.apply("Unsqueeze", [full, last])
        }
        return columns.count == 1 ? columns[0] : node.apply("Concat", columns, [.make("axis", -1)])
    }

    /// The indexed dimensions in front of the others.
    private var order: [Int] { dims + (0..<rank).filter { !dims.contains($0) } }

    /// Where the positions stand in the result: at the place of the indexed dimensions where these stand together, else in front.
    private var start: Int { zip(dims, dims.dropFirst()).allSatisfy { $0 + 1 == $1 } ? dims.first ?? 0 : 0 }

    /// The result's dimensions, from those of positions first to those of the call, and back.
    private var moved: [Int] {
        let rest: Int = rank - dims.count
        return Array(width..<width + start) + Array(0..<width) + Array(width + start..<width + rest)
    }

    func read() throws -> ONNXTerm {
        let x: ONNXTerm = try node.term(0)
        if dims.isEmpty { return x }
        if dims.count == 1 { return node.apply("Gather", [x, indices[0].term], [.make("axis", dims[0])]) }
        let found: ONNXTerm = node.apply("GatherND", [node.transposed(x, order), try joined()])
        return node.transposed(found, moved)
    }

    /// `index_put(self, indices, values, accumulate)`.
    func written() throws -> ONNXTerm {
        let x: ONNXTerm = try node.term(0)
        let values: ONNXTerm = try node.term(2, as: x.dtype)
        if dims.isEmpty { throw node.error("is given no positions") }
        let places: ONNXTerm = try joined()
        let (data, shape) = (node.transposed(x, order), try node.shape(0))
        // The shape of what is written: that of the positions, then that of a slice.
        let front: ONNXTerm = node.apply("Shape", [places], to: .int64, [.make("end", -1)])
        let rest: [SymInt] = order.dropFirst(dims.count).map { shape[$0] }
        let start: Int = start
        let slice: ONNXTerm = try node.vector(rest)
        let sizes: ONNXTerm
        if start == 0 {
            sizes = rest.isEmpty ? front : node.apply("Concat", [front, slice], [.make("axis", 0)])
        } else {
            let (before, behind) = (try node.vector(rest[..<start]), try node.vector(rest[start...]))
            sizes = node.apply("Concat", [before, front, behind], [.make("axis", 0)])
        }
        let full: ONNXTerm = node.apply("Expand", [values, sizes])
        let (width, count) = (width, rest.count)
        let inverse: [Int] = Array(start..<start + width) + Array(0..<start) + Array(start + width..<width + count)
        let result: ONNXTerm = node.apply(
            "ScatterND", [data, places, node.transposed(full, inverse)], [.make("reduction", try node.call.bool(3) ? "add" : "none")])
        let back: [Int] = order.indices.map { dim in order.firstIndex(of: dim) ?? dim }
        return node.transposed(result, back)
    }
}
