import ApusSymbolic

// Views that reorder dimensions.

extension Operator {
    package static let permute: Operator = view(
        "aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)",
        "Reorders the dimensions: dimension i of the result is `dims[i]` of the input.",
        shape: { call, shape in try call.permutation(1, shape.count).map { shape[$0] } },
        window: { call, view in view.permute(try call.permutation(1, view.rank)) },
        gradient: { g in
            let dims = try g.call.permutation(1, try g.call.tensor(0).rank)
            return [.tensor(try g.gradient.permuted(dims.indices.sorted { dims[$0] < dims[$1] }))]
        }, samples: { [[.tensor(try .sample([2, 3, 4])), .ints([2, 0, 1])]] })

    static let transpose: Operator = view(
        "aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", "Swaps two dimensions.",
        shape: { call, shape in
            var sizes = shape.sizes
            let (i, j) = try call.dimensionPair(shape.count)
            if !sizes.isEmpty { sizes.swapAt(i, j) }
            return sizes
        },
        window: { call, view in
            let (i, j) = try call.dimensionPair(view.rank)
            guard view.rank > 0 else { return }
            view.sizes.swapAt(i, j)
            view.strides.swapAt(i, j)
        },
        gradient: { g in [.tensor(try g.gradient.transposed(g.call.constant(1), g.call.constant(2)))] },
        samples: { [[.tensor(try .sample([2, 3, 4])), .int(0), .int(-1)]] })

    static let t: Operator = view(
        "aten::t(Tensor(a) self) -> Tensor(a)", "The transpose of a matrix; a vector or number is left as it is. At most two dimensions.",
        shape: { call, shape in
            guard shape.count <= 2 else { throw call.error(.shapeMismatch, "takes at most two dimensions, not shape \(shape)") }
            return shape.sizes.reversed()
        },
        window: { _, view in view.permute(view.sizes.indices.reversed()) },
        gradient: { g in [.tensor(try g.gradient.t())] }, samples: { [[.tensor(try .sample([2, 3]))], [.tensor(try .sample([3]))]] })

    static let movedimList: Operator = view(
        "aten::movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)",
        "Moves dimensions to other positions; the rest keep their order.",
        shape: { call, shape in try call.movedPermutation(shape.count).map { shape[$0] } },
        window: { call, view in view.permute(try call.movedPermutation(view.rank)) },
        gradient: Operator.movedimGradient, samples: { [[.tensor(try .sample([2, 3, 4])), .ints([0, 1]), .ints([2, 0])]] })

    static let movedimInt: Operator = view(
        "aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)",
        "Moves one dimension to another position; the rest keep their order.",
        shape: { call, shape in try call.movedPermutation(shape.count).map { shape[$0] } },
        window: { call, view in view.permute(try call.movedPermutation(view.rank)) },
        gradient: Operator.movedimGradient, samples: { [[.tensor(try .sample([2, 3, 4])), .int(0), .int(-1)]] })

    static let numpyT: Operator = view(
        "aten::numpy_T(Tensor(a) self) -> Tensor(a)", "All dimensions in reverse order.",
        shape: { _, shape in shape.sizes.reversed() }, window: { _, view in view.permute(view.sizes.indices.reversed()) },
        gradient: { g in [.tensor(try g.gradient.permuted(Array((0..<(g.gradient.rank)).reversed())))] },
        samples: { [[.tensor(try .sample([2, 3, 4]))]] })

    static let matrixTranspose: Operator = composite(
        "aten::mT(Tensor(a) self) -> Tensor(a)", "The transpose of the matrices in the last two dimensions.",
        samples: { [[.tensor(try .sample([2, 3, 4]))]] }
    ) { call in [.tensor(try call.tensor(0).transposed(-2, -1))] }

    static let adjoint: Operator = composite(
        "aten::adjoint(Tensor(a) self) -> Tensor(a)", "The conjugate transpose of the matrices in the last two dimensions.",
        samples: { [[.tensor(try .sample([2, 3, 4]))]] }
    ) { call in [.tensor(try call.tensor(0).transposed(-2, -1).conj())] }

    static let swapaxes: Operator = composite(
        "aten::swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", "Swaps two dimensions: NumPy's name for `transpose`.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .int(0), .int(2)]] }
    ) { call in [.tensor(try call.tensor(0).transposed(call.constant(1), call.constant(2)))] }

    static let dimensionOrder: [Operator] = [
        permute, transpose, t, movedimList, movedimInt, numpyT, matrixTranspose, adjoint, swapaxes,
    ]

    private static let movedimGradient: Gradient = { g in
        let dims = try g.call.movedPermutation(try g.call.tensor(0).rank)
        return [.tensor(try g.gradient.permuted(dims.indices.sorted { dims[$0] < dims[$1] }))]
    }
}

extension StridedView {
    /// Takes the dimensions in another order.
    mutating func permute(_ dims: some Collection<Int>) {
        (sizes, strides) = (dims.map { sizes[$0] }, dims.map { strides[$0] })
    }
}

extension Call {
    /// A permutation of all dimensions.
    func permutation(_ index: Int, _ rank: Int) throws -> [Int] {
        let given = try constants(index)
        let dims = try given.map { try normalize(dim: $0, rank: rank, in: name) }
        guard dims.count == rank, Set(dims).count == rank else {
            throw error(.invalidArgument, "\(given) is no permutation of the \(rank) dimensions of shape \(try tensor(0).shape)")
        }
        return dims
    }

    fileprivate func dimensionPair(_ rank: Int) throws -> (Int, Int) {
        (try normalize(dim: try constant(1), rank: rank, in: name), try normalize(dim: try constant(2), rank: rank, in: name))
    }

    /// The permutation that moves the dimensions of argument 1 to the positions of argument 2.
    fileprivate func movedPermutation(_ rank: Int) throws -> [Int] {
        let sources = try constants(1).map { try normalize(dim: $0, rank: rank, in: name) }
        let destinations = try constants(2).map { try normalize(dim: $0, rank: rank, in: name) }
        guard sources.count == destinations.count, Set(sources).count == sources.count, Set(destinations).count == destinations.count else {
            throw error(.invalidArgument, "dimensions \(sources) can't be moved to \(destinations): each must appear once, on both sides")
        }
        if rank == 0 { return [] }
        var permutation = [Int?](repeating: nil, count: rank)
        for (source, destination) in zip(sources, destinations) { permutation[destination] = source }
        var rest = (0..<rank).filter { !sources.contains($0) }.makeIterator()
        return permutation.map { $0 ?? rest.next() ?? 0 }
    }
}

extension Tensor {
    /// Reorders the dimensions: dimension i of the result is `dims[i]` of this tensor.
    public func permuted(_ dims: [Int]) throws -> Tensor { try applySingle(.permute, [.tensor(self), .ints(dims)]) }

    /// Swaps two dimensions.
    public func transposed(_ dim0: Int, _ dim1: Int) throws -> Tensor {
        try applySingle(.transpose, [.tensor(self), .int(dim0), .int(dim1)])
    }

    /// The transpose of a matrix; a vector or number is left as it is.
    public func t() throws -> Tensor { try applySingle(.t, [.tensor(self)]) }

    /// The conjugate transpose of the matrices in the last two dimensions.
    public func adjoint() throws -> Tensor { try applySingle(.adjoint, [.tensor(self)]) }

    /// Moves one dimension to another position; the rest keep their order.
    public func movedDim(from source: Int, to destination: Int) throws -> Tensor {
        try applySingle(.movedimInt, [.tensor(self), .int(source), .int(destination)])
    }

    /// Moves dimensions to other positions; the rest keep their order.
    public func movedDims(from sources: [Int], to destinations: [Int]) throws -> Tensor {
        try applySingle(.movedimList, [.tensor(self), .ints(sources), .ints(destinations)])
    }

    /// Two dimensions exchanged.
    public func swapaxes(_ axis0: Int, _ axis1: Int) throws -> Tensor {
        try applySingle(.swapaxes, [.tensor(self), .int(axis0), .int(axis1)])
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    /// The dimensions in reverse order.
    public var T: Tensor { get throws { try applySingle(.numpyT, [.tensor(self)]) } }

    /// The matrices of the last two dimensions transposed.
    public var mT: Tensor { get throws { try applySingle(.matrixTranspose, [.tensor(self)]) } }
}
