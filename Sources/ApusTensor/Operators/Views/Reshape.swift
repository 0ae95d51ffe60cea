import ApusSymbolic

extension Operator {
    package static let view: Operator = reshaping(
        "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
        "The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies where no view exists.")

    static let reshape: Operator = reshaping(
        "aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)",
        "The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies only where it must.")

    static let unsafeView: Operator = reshaping(
        "aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor",
        "The same elements in row-major order with other sizes: `view` for results that nobody else holds, which Apus needs no name for.")

    static let reshapeAlias: Operator = reshaping(
        "aten::_reshape_alias(Tensor(a) self, SymInt[] size, SymInt[] stride) -> Tensor(a)",
        "The same elements in row-major order with other sizes. The strides say how PyTorch placed them and are not part of the value.",
        samples: { [[.tensor(try .sample([2, 6])), .ints([3, 4]), .ints([4, 1])]] })

    static let viewAs: Operator = composite(
        "aten::view_as(Tensor(a) self, Tensor other) -> Tensor(a)", "The same elements in row-major order with another tensor's sizes.",
        samples: { [[.tensor(try .sample([2, 6])), .tensor(try .sample([3, 4]))]] }
    ) { call in [.tensor(try call.tensor(0).reshaped(call.tensor(1).shape))] }

    static let reshapeAs: Operator = composite(
        "aten::reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)", "The same elements in row-major order with another tensor's sizes.",
        samples: { [[.tensor(try .sample([2, 6])), .tensor(try .sample([3, 4]))]] }
    ) { call in [.tensor(try call.tensor(0).reshaped(call.tensor(1).shape))] }

    static let flatten: Operator = reshaping(
        "aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)",
        "Joins the dimensions from `start_dim` to `end_dim`, both included, into one. A zero-dimensional tensor becomes a vector.",
        target: { call, shape in try call.flattenedSizes(shape) },
        samples: { [[.tensor(try .sample([2, 3, 4])), .int(1), .int(-1)], [.tensor(try .sample([])), .int(0), .int(-1)]] })

    static let unflatten: Operator = reshaping(
        "aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)",
        "Splits dimension `dim` into `sizes`, of which one may be -1 and is inferred; their product must be its size.",
        target: { call, shape in try call.unflattenedSizes(shape) },
        samples: { [[.tensor(try .sample([2, 6])), .int(1), .ints([3, -1])]] })

    static let reshaping: [Operator] = [view, reshape, unsafeView, reshapeAlias, viewAs, reshapeAs, flatten, unflatten]

    /// An operator that gives the same elements other sizes. `target` gives them, with at most one -1.
    private static func reshaping(
        _ schema: String, _ documentation: String,
        target: @escaping @Sendable (Call, Shape) throws -> [SymInt] = { call, _ in try call.ints(1) },
        samples: @escaping @Sendable () throws -> [[OperatorArgument]] = { [[.tensor(try .sample([2, 6])), .ints([3, -1])]] }
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try call.reshapedShape(x.shape, to: try target(call, x.shape)))]
            },
            kernel: .view { call in
                let x = try call.tensor(0)
                guard let layout = try call.reshapedShape(x.shape, to: try target(call, x.shape)).layout else {
                    throw call.error(.tracing, "a symbolic shape outside of its trace")
                }
                return reshapedLayout(x.layout, to: layout).map { [Operator.View($0)] }
            },
            gradient: { g in [.tensor(try g.gradient.reshaped(g.call.tensor(0).shape))] },
            samples: samples)
    }
}

/// The layout that shows the same elements with other sizes, or nil where the strides don't allow it.
///
/// Neighbouring dimensions that lie one after the other in memory are merged first; each merged block must then split into target sizes.
func reshapedLayout(_ source: Layout, to target: Layout) -> Layout? {
    if source.isContiguous { return target.madeContiguous() }
    if source.count == 0 { return target }
    // Blocks of the source that are contiguous in themselves: (elements, stride of the innermost).
    var blocks: [(count: Int, stride: Int)] = []
    for dim in 0..<source.rank where source.size(dim) != 1 {
        if let last = blocks.last, last.stride == source.stride(dim) &* source.size(dim) {
            blocks[blocks.count - 1] = (last.count * source.size(dim), source.stride(dim))
        } else {
            blocks.append((source.size(dim), source.stride(dim)))
        }
    }
    let sizes = target.sizesArray
    var strides = [Int](repeating: 1, count: sizes.count)
    var dim = sizes.count - 1
    for block in blocks.reversed() {
        var covered = 1
        while dim >= 0, covered < block.count || sizes[dim] == 1 {
            strides[dim] = block.stride * covered
            covered *= sizes[dim]
            dim -= 1
        }
        if covered != block.count { return nil }
    }
    return Layout.strided(sizes, strides: strides)
}

extension Call {
    /// The target shape with a -1 inferred; requires equal element counts.
    fileprivate func reshapedShape(_ shape: Shape, to target: [SymInt]) throws -> Shape {
        var sizes = target
        let total = shape.elementCount
        func mismatch() -> TensorError {
            error(.shapeMismatch, "shape \(shape) with \(total) elements can't be reshaped to \(listText(target))")
        }
        let open = sizes.indices.filter { sizes[$0].constant == -1 }
        guard open.count <= 1 else { throw error(.invalidArgument, "only one size may be -1") }
        guard let unknown = open.first else {
            let target = try Shape(sizes, in: name)
            if !shape.isIdentical(to: target) { try require(total == target.elementCount, mismatch()) }
            return target
        }
        let others: SymInt = sizes.indices.filter { $0 != unknown }.reduce(SymInt(1)) { $0 * sizes[$1] }
        if others.constant == 0 { throw mismatch() }
        if others.constant == nil { try require(others != 0, mismatch()) }
        try require(total % others == 0, mismatch())
        sizes[unknown] = total / others
        return try Shape(sizes, in: name)
    }

    fileprivate func flattenedSizes(_ shape: Shape) throws -> [SymInt] {
        let first = try normalize(dim: try constant(1), rank: shape.count, in: name)
        let last = try normalize(dim: try constant(2), rank: shape.count, in: name)
        guard first <= last else {
            throw error(.invalidArgument, "start_dim \(first) comes after end_dim \(last) in a tensor of shape \(shape)")
        }
        if shape.isEmpty { return [1] }
        let sizes = shape.sizes
        return sizes[..<first] + [SymInt.elementCount(sizes[first...last])] + sizes[(last + 1)...]
    }

    fileprivate func unflattenedSizes(_ shape: Shape) throws -> [SymInt] {
        let dim = try dimension(1, rank: shape.count)
        var parts = try ints(2)
        let size: SymInt = shape[dim]
        func mismatch() -> TensorError {
            error(.shapeMismatch, "dimension \(dim) of shape \(shape) can't be split into \(listText((try? ints(2)) ?? []))")
        }
        let open = parts.indices.filter { parts[$0].constant == -1 }
        guard open.count <= 1, !parts.isEmpty else { throw error(.invalidArgument, "needs at least one size, and only one may be -1") }
        if let unknown = open.first {
            let others: SymInt = SymInt.product(parts.indices.filter { $0 != unknown }.map { parts[$0] })
            if others.constant == 0 { throw mismatch() }
            try require(others > 0, mismatch())
            try require(size % others == 0, mismatch())
            parts[unknown] = size / others
        } else {
            try require(SymInt.product(parts) == size, mismatch())
        }
        let sizes = shape.sizes
        return sizes[..<dim] + parts + sizes[(dim + 1)...]
    }
}

extension Tensor {
    /// The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies only where it must.
    public func reshaped(_ sizes: [any SymIntConvertible]) throws -> Tensor { try applySingle(.reshape, [.tensor(self), .ints(sizes)]) }

    /// The same elements in row-major order with another shape.
    public func reshaped(_ target: Shape) throws -> Tensor {
        shape.isIdentical(to: target) ? self : try reshaped(target.sizes)
    }

    /// Joins the dimensions from `start` to `end`, both included, into one.
    public func flattened(from start: Int = 0, to end: Int = -1) throws -> Tensor {
        try applySingle(.flatten, [.tensor(self), .int(start), .int(end)])
    }

    /// Splits dimension `dim` into `sizes`, of which one may be -1 and is inferred.
    public func unflattened(_ dim: Int, _ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.unflatten, [.tensor(self), .int(dim), .ints(sizes)])
    }
}
