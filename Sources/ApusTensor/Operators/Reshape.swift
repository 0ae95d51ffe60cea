import ApusSymbolic

extension Operator {
    static let view: Operator = reshaping(
        "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
        "The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies where no view exists.")

    static let reshape: Operator = reshaping(
        "aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)",
        "The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies only where it must.")

    static let reshaping: [Operator] = [view, reshape]

    private static func reshaping(_ schema: String, _ documentation: String) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try call.reshapedShape(x.shape))]
            },
            kernel: .view { call in
                let x = try call.tensor(0)
                guard let target = try call.reshapedShape(x.shape).layout else {
                    throw call.error(.tracing, "a symbolic shape outside of its trace")
                }
                return reshapedLayout(x.layout, to: target).map { [Operator.View($0)] }
            },
            gradient: { g in [.tensor(try g.gradient.reshaped(g.call.tensor(0).shape))] },
            samples: { [[.tensor(try .sample([2, 6])), .ints([3, -1])]] })
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
    fileprivate func reshapedShape(_ shape: Shape) throws -> Shape {
        var sizes = try ints(1)
        let total = shape.elementCount
        func mismatch() -> TensorError {
            error(.shapeMismatch, "shape \(shape) with \(total) elements can't be reshaped to [\(sizes.map { "\($0)" }.joined(separator: ", "))]")
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
}

extension Tensor {
    /// The same elements in row-major order with other sizes; one size may be -1 and is inferred. Copies only where it must.
    public func reshaped(_ sizes: [SymInt]) throws -> Tensor { try applySingle(.reshape, [.tensor(self), .ints(sizes)]) }

    /// The same elements in row-major order with another shape.
    public func reshaped(_ target: Shape) throws -> Tensor {
        shape.isIdentical(to: target) ? self : try reshaped(target.sizes)
    }
}
