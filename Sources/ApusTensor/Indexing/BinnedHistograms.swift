import ApusSymbolic

// Histograms over given or equal bins, in one dimension or several, with weights and as densities. The last bin has both of its edges. Floating point
// only.

extension Operator {
    private static let further = "*, float[]? range=None, Tensor? weight=None, bool density=False"

    static let histogramOfCount: Operator = binned(
        "histogram.bin_ct(Tensor self, int bins=100, \(further)) -> (Tensor hist, Tensor bin_edges)",
        "How many elements fall into each of `bins` equal bins between two bounds, `range`, or between the smallest and the largest element; and the bins' "
            + "edges.", further: [.int(4), .none, .none, .bool(false)]
    ) { call in
        let x: Tensor = try call.tensor(0).reshaped([-1, 1])
        let edges: [Tensor] = try call.equalBins(x, [call.constant(1)], 2)
        return [.tensor(try call.counts(x, edges, weight: 3, density: 4)), .tensor(edges[0])]
    }

    static let histogramOfEdges: Operator = binned(
        "histogram.bins_tensor(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor hist, Tensor bin_edges)",
        "How many elements fall between each two neighbours of ascending edges; and the edges.", further: [.edges, .none, .bool(true)]
    ) { call in
        let edges: Tensor = try call.edges(1)
        return [.tensor(try call.counts(call.tensor(0).reshaped([-1, 1]), [edges], weight: 2, density: 3)), .tensor(try edges.clone())]
    }

    static let histogramGridEdges: Operator = binned(
        "_histogramdd_bin_edges(Tensor self, int[] bins, \(further)) -> Tensor[]",
        "The edges of equal bins in each coordinate of points [..., D], as many as `bins` says for each.",
        further: [.ints([3, 2]), .none, .none, .bool(false)]
    ) { call in try call.equalBins(call.points(), call.constants(1), 2).map { .tensor($0) } }

    static let histogramGridOfCounts: Operator = binned(
        "_histogramdd_from_bin_cts(Tensor self, int[] bins, \(further)) -> Tensor",
        "How many of the points [..., D] fall into each cell of a grid of equal bins.",
        further: [.ints([3, 2]), .none, .none, .bool(true)]
    ) { call in
        let x: Tensor = try call.points()
        return [.tensor(try call.counts(x, call.equalBins(x, call.constants(1), 2), weight: 3, density: 4))]
    }

    static let histogramGridOfEdges: Operator = binned(
        "_histogramdd_from_bin_tensors(Tensor self, Tensor[] bins, *, Tensor? weight=None, bool density=False) -> Tensor",
        "How many of the points [..., D] fall into each cell of a grid, whose edges in each coordinate are given.",
        further: [.edgesOfGrid, .none, .bool(false)]
    ) { call in
        [.tensor(try call.counts(call.points(), call.edgesOfGrid(1), weight: 2, density: 3))]
    }

    static let binnedHistograms: [Operator] = [
        histogramOfCount, histogramOfEdges, histogramGridEdges, histogramGridOfCounts, histogramGridOfEdges,
        histogramGrid("", "int[]", .ints([3, 2])) { call in try call.equalBins(call.points(), call.constants(1), 2) },
        histogramGrid(".int_bins", "int", .int(3)) { call in
            let x: Tensor = try call.points()
            guard let coordinates: Int = x.shape[1].constant else {
                throw call.error(.unsupported, "needs to know how many coordinates points have")
            }
            return try call.equalBins(x, Array(repeating: call.constant(1), count: coordinates), 2)
        },
        histogramGrid(".TensorList_bins", "Tensor[]", .edgesOfGrid) { call in try call.edgesOfGrid(1).map { try $0.clone() } },
    ]

    private static func histogramGrid(
        _ overload: String, _ bins: String, _ sample: Sample, _ edges: @escaping @Sendable (Call) throws -> [Tensor]
    ) -> Operator {
        binned(
            "histogramdd\(overload)(Tensor self, \(bins) bins, float[]? range=None, Tensor? weight=None, bool density=False) "
                + "-> (Tensor hist, Tensor[] bin_edges)",
            "How many of the points [..., D] fall into each cell of a grid; and the grid's edges in each coordinate.",
            further: [sample, .none, .none, .bool(false)]
        ) { call in
            let edges: [Tensor] = try edges(call)
            return try [.tensor(call.counts(call.points(), edges, weight: 3, density: 4))] + edges.map { .tensor($0) }
        }
    }

    private enum Sample: Sendable {
        case none, edges, edgesOfGrid
        case int(Int)
        case ints([Int])
        case bool(Bool)

        var argument: OperatorArgument {
            get throws {
                func edges() throws -> Tensor { try Tensor([-1, -0.25, 0.5, 2] as [Float], shape: [4]) }
                return switch self {
                case .none: .none
                case .edges: .tensor(try edges())
                case .edgesOfGrid: .tensors([try edges(), try edges().narrowed(dim: 0, from: 1, length: 2)])
                case .int(let value): .int(value)
                case .ints(let values): .ints(values)
                case .bool(let value): .bool(value)
                }
            }
        }
    }

    private static func binned(
        _ signature: String, _ documentation: String, further: [Sample], _ decomposition: @escaping Decomposition
    ) -> Operator {
        composite(
            "aten::\(signature)", documentation,
            samples: { [[.tensor(try .sample([5, 2]))] + (try further.map { try $0.argument })] }, decomposition)
    }
}

extension Call {
    fileprivate func points() throws -> Tensor {
        let x = try tensor(0)
        guard x.rank >= 2 else { throw error(.shapeMismatch, "takes points [..., D], not shape \(x.shape)") }
        return try x.reshaped([SymInt.elementCount(x.shape.sizes.dropLast()), x.shape[-1]])
    }

    fileprivate func edges(_ index: Int) throws -> Tensor {
        let edges = try tensor(index)
        guard edges.rank == 1 else { throw error(.shapeMismatch, "edges are a vector, not of shape \(edges.shape)") }
        return edges
    }

    fileprivate func edgesOfGrid(_ index: Int) throws -> [Tensor] {
        let edges: [Tensor] = try tensors(index)
        guard edges.allSatisfy({ $0.rank == 1 }) else { throw error(.shapeMismatch, "edges are vectors") }
        return edges
    }

    /// Edges of equal bins in each coordinate of points [N, D], between bounds, or between the least and the greatest coordinates.
    fileprivate func equalBins(_ x: Tensor, _ counts: [Int], _ range: Int) throws -> [Tensor] {
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype)") }
        guard counts.allSatisfy({ $0 >= 0 }) else { throw error(.invalidArgument, "bins must not be below 0: \(counts)") }
        try require(
            x.shape[1] == SymInt(counts.count),
            error(.shapeMismatch, "\(counts.count) numbers of bins for points of \(x.shape[1]) coordinates"))
        var bounds: [Double]?
        if case .none = self[range] {
        } else {
            let given: [Double] = try floats(range)
            guard given.count == 2 * counts.count, given.allSatisfy({ $0.isFinite }),
                zip(given.indices, given).allSatisfy({ $0 % 2 == 0 || given[$0 - 1] <= $1 })
            else { throw error(.invalidArgument, "a range is two finite numbers in order for each coordinate, not \(given)") }
            bounds = given
        }
        let isEmpty: Bool = bounds == nil ? try settle(x.shape[0] == 0, in: name) : false
        return try counts.enumerated().map { coordinate, count in
            var (low, high): (Tensor, Tensor)
            if let bounds {
                low = try Tensor.scalar(bounds[2 * coordinate], dtype: x.dtype)
                high = try Tensor.scalar(bounds[2 * coordinate + 1], dtype: x.dtype)
            } else if isEmpty {
                (low, high) = (try Tensor.zeros([], dtype: x.dtype), try Tensor.ones([], dtype: x.dtype))
            } else {
                let values: Tensor = try x.select(dim: 1, index: coordinate)
                (low, high) = (try values.amin(dim: 0), try values.amax(dim: 0))
            }
            // All equal: a range of 1 around them.
            let widening: Tensor = try (low .== high).to(x.dtype) * 0.5
            return try applySingle(
                .linspaceTensors,
                [.tensor(low - widening), .tensor(high + widening), .int(SymInt(count) + 1), .dtype(x.dtype), .none, .none, .none])
        }
    }

    /// The points that fall into each cell, by their weights, over the whole and the cell's size where densities are asked for.
    fileprivate func counts(_ x: Tensor, _ edges: [Tensor], weight: Int, density: Int) throws -> Tensor {
        guard x.dtype.isFloatingPoint, edges.allSatisfy({ $0.dtype == x.dtype }) else {
            throw error(.dtypeMismatch, "takes floating-point elements and edges of one dtype, not \(x.dtype)")
        }
        try require(
            x.shape[1] == SymInt(edges.count),
            error(.shapeMismatch, "\(edges.count) lists of edges for points of \(x.shape[1]) coordinates"))
        let sizes: [SymInt] = try edges.map { edge in
            try require(edge.shape[0] >= 2, error(.invalidArgument, "bins have two edges"))
            return edge.shape[0] - 1
        }
        var weights: Tensor = try Tensor.ones([x.shape[0]], dtype: x.dtype)
        if let given = try optionalTensor(weight) {
            guard given.dtype == x.dtype else { throw differentDTypes(x, given) }
            try require(given.count == x.shape[0], error(.shapeMismatch, "\(given.count) weights for \(x.shape[0]) points"))
            weights = try given.reshaped([x.shape[0]])
        }
        var cell: Tensor = try Tensor.zeros([x.shape[0]], dtype: .int64)
        for (coordinate, (edge, size)) in zip(edges, sizes).enumerated() {
            let values: Tensor = try x.select(dim: 1, index: coordinate).contiguous()
            let (first, last) = (try edge.select(dim: 0, index: 0), try edge.select(dim: 0, index: -1))
            let isInside: Tensor = try (values .>= first) & (values .<= last)
            weights = try weights.maskedFill(isInside.logicalNot(), 0)
            let bin: Tensor = try edge.contiguous().searchsorted(values, right: true) - 1
            cell = try cell * size + bin.clamp(min: 0).minimum(Tensor.full([], size - 1, dtype: .int64))
        }
        let total: SymInt = sizes.reduce(SymInt(1)) { $0 * $1 }
        var result: Tensor = try Tensor.zeros([total], dtype: x.dtype).indexAdd(dim: 0, cell, weights).reshaped(sizes)
        guard try bool(density) else { return result }
        result = try result / result.sum()
        for (coordinate, edge) in edges.enumerated() {
            let widths: [SymInt] = sizes.indices.map { $0 == coordinate ? sizes[$0] : 1 }
            result = try result / edge.diff().reshaped(widths)
        }
        return result
    }
}

extension Tensor {
    /// How many elements fall into each of `bins` equal bins between the bounds `range`, or between the smallest and the largest element; and the bins'
    /// edges. Weighted, and over the whole and the bins' widths, where asked.
    public func histogram(
        bins: Int, range: ClosedRange<Double>?, weight: Tensor? = nil, density: Bool = false
    ) throws -> (counts: Tensor, edges: Tensor) {
        let bounds: OperatorArgument = range.map { .floats([$0.lowerBound, $0.upperBound]) } ?? .none
        let parts = try applyTensors(.histogramOfCount, [.tensor(self), .int(bins), bounds, .optional(weight), .bool(density)])
        return (parts[0], parts[1])
    }

    /// How many elements fall between each two neighbours of ascending edges.
    public func histogram(edges: Tensor, weight: Tensor? = nil, density: Bool = false) throws -> Tensor {
        try applyTensors(.histogramOfEdges, [.tensor(self), .tensor(edges), .optional(weight), .bool(density)])[0]
    }
}
