import ApusSymbolic

// Views that add, drop or stretch dimensions of size 1.

extension Operator {
    static let unsqueeze: Operator = view(
        "aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", "Inserts a dimension of size 1 before position `dim`.",
        shape: { call, shape in
            var sizes = shape.sizes
            sizes.insert(1, at: try normalize(dim: try call.constant(1), rank: shape.count + 1, in: call.name))
            return sizes
        },
        window: { call, view in
            let dim = try normalize(dim: try call.constant(1), rank: view.rank + 1, in: call.name)
            let stride: Int = dim < view.rank ? view.sizes[dim] &* view.strides[dim] : 1
            view.strides.insert(stride, at: dim)
            view.sizes.insert(1, at: dim)
        },
        gradient: { g in
            let dim = try normalize(dim: try g.call.constant(1), rank: try g.call.tensor(0).rank + 1, in: g.call.name)
            return [.tensor(try g.gradient.squeezed(dim))]
        }, samples: { [[.tensor(try .sample([2, 3])), .int(1)]] })

    static let squeeze: Operator = squeezing(
        "aten::squeeze(Tensor(a) self) -> Tensor(a)", "Removes every dimension of size 1.", { [[.tensor(try .sample([2, 1, 3, 1]))]] },
        dims: { _, shape in Array(0..<shape.count) })

    static let squeezeDim: Operator = squeezing(
        "aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)", "Removes a dimension where its size is 1.",
        { [[.tensor(try .sample([2, 1, 3])), .int(1)], [.tensor(try .sample([2, 3])), .int(0)]] },
        dims: { call, shape in [try normalize(dim: try call.constant(1), rank: shape.count, in: call.name)] })

    static let squeezeDims: Operator = squeezing(
        "aten::squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", "Removes the given dimensions where their size is 1.",
        { [[.tensor(try .sample([2, 1, 3])), .ints([1, 2])]] },
        dims: { call, shape in
            let dims = try call.constants(1)
            return dims.isEmpty ? [] : try normalize(dims: dims, rank: shape.count, in: call.name)
        })

    static let expand: Operator = view(
        "aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
        "Repeats dimensions of size 1 up to `size` without copying; -1 keeps a size. New dimensions come first.",
        shape: { call, shape in try call.expandedSizes(shape, to: try call.ints(1)) },
        window: { call, view in view.expand(to: try call.known(try call.expandedSizes(try call.tensor(0).shape, to: try call.ints(1)))) },
        gradient: { g in [.tensor(try g.gradient.summed(to: g.call.tensor(0).shape))] },
        samples: { [[.tensor(try .sample([2, 1])), .ints([4, 2, 3]), .bool(false)]] })

    static let expandAs: Operator = composite(
        "aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)", "Repeats dimensions of size 1 up to the sizes of another tensor.",
        samples: { [[.tensor(try .sample([2, 1])), .tensor(try .sample([4, 2, 3]))]] }
    ) { call in [.tensor(try call.tensor(0).expanded(call.tensor(1).shape))] }

    static let dimensionInsertion: [Operator] = [unsqueeze, squeeze, squeezeDim, squeezeDims, expand, expandAs]

    /// An operator that drops those of the given dimensions whose size is 1. Whether an open size is 1 is a question.
    private static func squeezing(
        _ schema: String, _ documentation: String, _ samples: @escaping @Sendable () throws -> [[OperatorArgument]],
        dims: @escaping @Sendable (Call, Shape) throws -> [Int]
    ) -> Operator {
        view(
            schema, documentation + " Whether a size that is open while tracing is 1 is a branch.",
            shape: { call, shape in
                let removed = try call.squeezedDims(shape, among: try dims(call, shape))
                return shape.enumerated().filter { !removed.contains($0.offset) }.map { $0.element }
            },
            window: { call, view in
                let shape = try call.tensor(0).shape
                let removed = try call.squeezedDims(shape, among: try dims(call, shape))
                view.permute((0..<view.rank).filter { !removed.contains($0) })
            },
            gradient: { g in [.tensor(try g.gradient.reshaped(g.call.tensor(0).shape))] }, samples: samples)
    }
}

extension StridedView {
    /// Gives dimensions of size 1 another size, and new ones in front, by strides of 0.
    mutating func expand(to target: [Int]) {
        let extra: Int = target.count - rank
        strides = target.indices.map { $0 >= extra && sizes[$0 - extra] == target[$0] ? strides[$0 - extra] : 0 }
        sizes = target
    }
}

extension Call {
    fileprivate func squeezedDims(_ shape: Shape, among dims: [Int]) throws -> Set<Int> {
        try Set(
            dims.filter { dim in
                // A zero-dimensional tensor takes dimension 0 and -1 too.
                guard dim < shape.count else { return false }
                return try settle(shape[dim] == 1, in: name)
            })
    }

    /// The sizes of `shape` after expanding to `sizes`, in which -1 keeps a size.
    func expandedSizes(_ shape: Shape, to sizes: [SymInt]) throws -> [SymInt] {
        let extra: Int = sizes.count - shape.count
        func mismatch(_ dim: Int) -> TensorError {
            error(.shapeMismatch, "shape \(shape) can't be expanded to \(listText(sizes)) (dimension \(dim))")
        }
        guard extra >= 0 else { throw mismatch(0) }
        return try sizes.enumerated().map { dim, size in
            if dim < extra {
                guard size.constant != -1 else { throw mismatch(dim) }
                return size
            }
            let own: SymInt = shape[dim - extra]
            if size.constant == -1 || own.isIdentical(to: size) { return own }
            _ = try meeting(of: own, size, onlyFirst: true, in: name, mismatch(dim))
            return size
        }
    }
}

extension Tensor {
    /// Inserts a dimension of size 1 before position `dim`.
    public func unsqueezed(_ dim: Int) throws -> Tensor { try applySingle(.unsqueeze, [.tensor(self), .int(dim)]) }

    /// Removes every dimension of size 1.
    public func squeezed() throws -> Tensor { try applySingle(.squeeze, [.tensor(self)]) }

    /// Removes dimension `dim` where its size is 1.
    public func squeezed(_ dim: Int) throws -> Tensor { try applySingle(.squeezeDim, [.tensor(self), .int(dim)]) }

    /// Removes the given dimensions where their size is 1.
    public func squeezed(dims: [Int]) throws -> Tensor { try applySingle(.squeezeDims, [.tensor(self), .ints(dims)]) }

    /// Repeats dimensions of size 1 up to the given sizes, without copying. New dimensions come first.
    public func expanded(_ shape: Shape) throws -> Tensor { try expanded(shape.sizes) }

    /// Repeats dimensions of size 1 up to the given sizes, without copying; -1 keeps a size.
    public func expanded(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.expand, [.tensor(self), .ints(sizes), .bool(false)])
    }

    /// Sums over what broadcasting repeated, so that the result has the given shape.
    func summed(to target: Shape) throws -> Tensor {
        if shape.isIdentical(to: target) { return self }
        let extra: Int = rank - target.count
        var dims = Array(0..<Swift.max(extra, 0))
        for dim in 0..<target.count where !shape[dim + extra].isIdentical(to: target[dim]) {
            if decide(target[dim] == 1) == true { dims.append(dim + extra) }
        }
        let summed = dims.isEmpty ? self : try sum(dims: dims, keepDim: true)
        return try summed.reshaped(target)
    }
}
