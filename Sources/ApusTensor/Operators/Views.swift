import ApusSymbolic

// Operators whose results share their input's memory.

extension Operator {
    static let unsqueeze: Operator = view(
        "aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", "Inserts a dimension of size 1 before position `dim`.",
        shape: { call, shape in
            var sizes = shape.sizes
            sizes.insert(1, at: try normalize(dim: try call.constant(1), rank: shape.count + 1, in: call.name))
            return sizes
        },
        layout: { call, sizes, strides in
            let dim = try normalize(dim: try call.constant(1), rank: sizes.count + 1, in: call.name)
            let stride = dim < sizes.count ? sizes[dim] &* strides[dim] : 1
            strides.insert(stride, at: dim)
            sizes.insert(1, at: dim)
        },
        gradient: { g in
            let dim = try normalize(dim: try g.call.constant(1), rank: try g.call.tensor(0).rank + 1, in: g.call.name)
            return [.tensor(try g.gradient.squeezed(dim))]
        }, samples: { [[.tensor(try .sample([2, 3])), .int(1)]] })

    static let squeezeDims: Operator = view(
        "aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)",
        "Removes the given dimensions where their size is 1; others stay. While tracing, a size must be known to be 1 or not.",
        shape: { call, shape in
            let removed = try call.squeezedDims(shape)
            return shape.enumerated().filter { !removed.contains($0.offset) }.map { $0.element }
        },
        layout: { call, sizes, strides in
            let removed = try call.squeezedDims(try call.tensor(0).shape)
            sizes = sizes.enumerated().filter { !removed.contains($0.offset) }.map { $0.element }
            strides = strides.enumerated().filter { !removed.contains($0.offset) }.map { $0.element }
        },
        gradient: { g in [.tensor(try g.gradient.reshaped(g.call.tensor(0).shape))] },
        samples: { [[.tensor(try .sample([2, 1, 3])), .ints([1, 2])]] })

    static let expand: Operator = view(
        "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
        "Repeats dimensions of size 1 up to `size` without copying; -1 keeps a size. New dimensions come first.",
        shape: { call, shape in try call.expandedSizes(shape) },
        layout: { call, sizes, strides in
            let shape = try Shape(try call.expandedSizes(try call.tensor(0).shape), in: call.name)
            guard let target = shape.constants else { throw call.error(.tracing, "the size \(shape) is symbolic outside of its trace") }
            let extra = target.count - sizes.count
            strides = target.indices.map { $0 >= extra && sizes[$0 - extra] == target[$0] ? strides[$0 - extra] : 0 }
            sizes = target
        },
        gradient: { g in [.tensor(try g.gradient.summed(to: g.call.tensor(0).shape))] },
        samples: { [[.tensor(try .sample([2, 1])), .ints([4, 2, 3]), .bool(false)]] })

    static let permute: Operator = view(
        "aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)", "Reorders the dimensions: dimension i of the result is `dims[i]` of the input.",
        shape: { call, shape in try call.permutation(1, shape.count).map { shape[$0] } },
        layout: { call, sizes, strides in
            let dims = try call.permutation(1, sizes.count)
            (sizes, strides) = (dims.map { sizes[$0] }, dims.map { strides[$0] })
        },
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
        layout: { call, sizes, strides in
            let (i, j) = try call.dimensionPair(sizes.count)
            guard !sizes.isEmpty else { return }
            sizes.swapAt(i, j)
            strides.swapAt(i, j)
        },
        gradient: { g in [.tensor(try g.gradient.transposed(g.call.constant(1), g.call.constant(2)))] },
        samples: { [[.tensor(try .sample([2, 3, 4])), .int(0), .int(-1)]] })

    static let views: [Operator] = [unsqueeze, squeezeDims, expand, permute, transpose]

    /// An operator whose result shares the first argument's memory at the same first element: `layout` rewrites sizes and strides.
    static func view(
        _ schema: String, _ documentation: String, shape: @escaping @Sendable (Call, Shape) throws -> [SymInt],
        layout: @escaping @Sendable (Call, inout [Int], inout [Int]) throws -> Void, gradient: @escaping Gradient,
        samples: @escaping @Sendable () throws -> [[Argument]]
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try Shape(try shape(call, x.shape), in: call.name))]
            },
            kernel: .view { call in
                let x = try call.tensor(0)
                var (sizes, strides) = (x.layout.sizesArray, x.layout.stridesArray)
                try layout(call, &sizes, &strides)
                guard let result = Layout.strided(sizes, strides: strides) else {
                    throw call.error(.overflow, "a tensor of shape \(sizes) has too many elements")
                }
                return [Operator.View(result)]
            }, gradient: gradient, samples: samples)
    }
}

extension Call {
    fileprivate func squeezedDims(_ shape: Shape) throws -> Set<Int> {
        let dims = try constants(1)
        let normal = dims.isEmpty ? [] : try normalize(dims: dims, rank: shape.count, in: name)
        return try Set(normal.filter { dim in
            guard let isOne = decide(shape[dim] == 1) else {
                throw error(.tracing, "whether dimension \(dim) of shape \(shape) is 1 is open; declare its range or squeeze it elsewhere")
            }
            return isOne
        })
    }

    fileprivate func expandedSizes(_ shape: Shape) throws -> [SymInt] {
        let sizes = try ints(1)
        let extra = sizes.count - shape.count
        func mismatch(_ dim: Int) -> TensorError {
            error(.shapeMismatch, "shape \(shape) can't be expanded to [\(sizes.map { "\($0)" }.joined(separator: ", "))] (dimension \(dim))")
        }
        guard extra >= 0 else { throw mismatch(0) }
        return try sizes.enumerated().map { dim, size in
            if dim < extra {
                guard size.constant != -1 else { throw mismatch(dim) }
                return size
            }
            let own = shape[dim - extra]
            if size.constant == -1 || own.isIdentical(to: size) { return own }
            if decide(own == 1) == true { return size }
            try require(own == size, mismatch(dim))
            return size
        }
    }

    /// A permutation of all dimensions.
    func permutation(_ index: Int, _ rank: Int) throws -> [Int] {
        let given = try constants(index)
        let dims = try given.map { try normalize(dim: $0, rank: rank, in: name) }
        guard dims.count == rank, Set(dims).count == rank else {
            throw error(.invalidArgument, "\(given) is no permutation of the \(rank) dimensions of shape \(try tensor(0).shape)")
        }
        return dims
    }

    func dimensionPair(_ rank: Int) throws -> (Int, Int) {
        (try normalize(dim: try constant(1), rank: rank, in: name), try normalize(dim: try constant(2), rank: rank, in: name))
    }
}

extension Tensor {
    /// Inserts a dimension of size 1 before position `dim`.
    public func unsqueezed(_ dim: Int) throws -> Tensor { try applySingle(.unsqueeze, [.tensor(self), .int(dim)]) }

    /// Removes dimension `dim` where its size is 1.
    public func squeezed(_ dim: Int) throws -> Tensor { try applySingle(.squeezeDims, [.tensor(self), .ints([dim])]) }

    /// Removes the given dimensions where their size is 1.
    public func squeezed(dims: [Int]) throws -> Tensor { try applySingle(.squeezeDims, [.tensor(self), .ints(dims)]) }

    /// Repeats dimensions of size 1 up to the given sizes, without copying. New dimensions come first.
    public func expanded(_ shape: Shape) throws -> Tensor { try expanded(shape.sizes) }

    /// Repeats dimensions of size 1 up to the given sizes, without copying; -1 keeps a size.
    public func expanded(_ sizes: [SymInt]) throws -> Tensor { try applySingle(.expand, [.tensor(self), .ints(sizes), .bool(false)]) }

    /// Reorders the dimensions: dimension i of the result is `dims[i]` of this tensor.
    public func permuted(_ dims: [Int]) throws -> Tensor { try applySingle(.permute, [.tensor(self), .ints(dims)]) }

    /// Swaps two dimensions.
    public func transposed(_ dim0: Int, _ dim1: Int) throws -> Tensor {
        try applySingle(.transpose, [.tensor(self), .int(dim0), .int(dim1)])
    }

    /// Sums over what broadcasting repeated, so that the result has the given shape.
    func summed(to target: Shape) throws -> Tensor {
        if shape.isIdentical(to: target) { return self }
        let extra = rank - target.count
        var dims = Array(0..<Swift.max(extra, 0))
        for dim in 0..<target.count where !shape[dim + extra].isIdentical(to: target[dim]) {
            if decide(target[dim] == 1) == true { dims.append(dim + extra) }
        }
        let summed = dims.isEmpty ? self : try sum(dims: dims, keepDim: true)
        return try summed.reshaped(target)
    }
}
