import ApusSymbolic

// Views of part of a tensor: select, slice, narrow, diagonal, unfold.

extension Operator {
    static let select: Operator = view(
        "aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)",
        "The part at position `index` of dimension `dim`, which disappears. A negative index counts from the end.",
        shape: { call, shape in
            let dim = try call.dimension(1, rank: shape.count)
            _ = try call.position(try call.int(2), in: shape, dim)
            var sizes = shape.sizes
            sizes.remove(at: dim)
            return sizes
        }, window: Operator.selectWindow(dim: 1, index: 2),
        gradient: { g in
            let x = try g.call.tensor(0)
            return [.tensor(try applySingle(.selectBackward, [.tensor(g.gradient), .ints(x.shape.sizes), g.call[1], g.call[2]]))]
        }, samples: { [[.tensor(try .sample([2, 3, 4])), .int(1), .int(-1)], [.tensor(try .sample([3])), .int(0), .int(1)]] })

    static let slice: Operator = view(
        "aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)",
        "Every `step`-th position of dimension `dim` from `start` up to, not including, `end`. Negative bounds count from the end; both are "
            + "clamped to the size, so that a slice is never out of range.",
        shape: { call, shape in
            let dim = try call.dimension(1, rank: shape.count)
            var sizes = shape.sizes
            sizes[dim] = try call.slice(of: shape[dim], at: 2).length
            return sizes
        }, window: Operator.sliceWindow(at: 1),
        gradient: { g in
            let x = try g.call.tensor(0)
            let start: SymInt = try g.call.optionalInt(2) ?? 0
            let end: SymInt = try g.call.optionalInt(3) ?? SymInt(Int.max)
            return [
                .tensor(
                    try applySingle(
                        .sliceBackward, [.tensor(g.gradient), .ints(x.shape.sizes), g.call[1], .int(start), .int(end), g.call[4]]))
            ]
        },
        samples: {
            let x: Tensor = try .sample([3, 5])
            return [
                [.tensor(x), .int(1), .int(1), .int(4), .int(2)], [.tensor(x), .int(0), .none, .none, .int(1)],
                [.tensor(x), .int(-1), .int(-2), .int(Int.max), .int(1)], [.tensor(x), .int(1), .int(4), .int(2), .int(1)],
            ]
        })

    static let narrow: Operator = view(
        "aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)",
        "`length` positions of dimension `dim` from `start` on, which must exist. A negative start counts from the end.",
        shape: { call, shape in
            let dim = try call.dimension(1, rank: shape.count)
            _ = try call.narrowedStart(shape, dim)
            var sizes = shape.sizes
            sizes[dim] = try call.int(3)
            return sizes
        },
        window: { call, view in
            let shape = try call.tensor(0).shape
            let dim = try call.dimension(1, rank: view.rank)
            view.slice(dim, start: try call.known(try call.narrowedStart(shape, dim)), length: try call.known(try call.int(3)), step: 1)
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let dim = try g.call.dimension(1, rank: x.rank)
            let start = try g.call.narrowedStart(x.shape, dim)
            let end: SymInt = start + (try g.call.int(3))
            return [
                .tensor(
                    try applySingle(
                        .sliceBackward, [.tensor(g.gradient), .ints(x.shape.sizes), .int(dim), .int(start), .int(end), .int(1)]))
            ]
        }, samples: { [[.tensor(try .sample([3, 5])), .int(1), .int(1), .int(3)]] })

    static let diagonal: Operator = view(
        "aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)",
        "The diagonal of the matrices in dimensions `dim1` and `dim2`, which move into one new last dimension. A positive offset lies above the "
            + "main diagonal.",
        shape: { call, shape in try call.diagonalSizes(shape, at: 1) }, window: Operator.diagonalWindow(at: 1),
        gradient: { g in
            let x = try g.call.tensor(0)
            return [
                .tensor(
                    try applySingle(.diagonalBackward, [.tensor(g.gradient), .ints(x.shape.sizes), g.call[1], g.call[2], g.call[3]]))
            ]
        },
        samples: {
            [[.tensor(try .sample([2, 3, 4])), .int(1), .int(1), .int(2)], [.tensor(try .sample([3, 3])), .int(-1), .int(0), .int(1)]]
        })

    static let unfold: Operator = view(
        "aten::unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)",
        "All windows of `size` positions along a dimension, `step` apart: the dimension counts the windows, a new last one their positions.",
        shape: { call, shape in
            let (dim, size, step) = try call.unfolding(shape, at: 1)
            var sizes = shape.sizes
            if sizes.isEmpty { return [SymInt(size)] }
            sizes[dim] = (sizes[dim] - size) / step + 1
            sizes.append(SymInt(size))
            return sizes
        }, window: Operator.unfoldWindow(at: 1),
        gradient: { g in
            let x = try g.call.tensor(0)
            return [
                .tensor(
                    try applySingle(.unfoldBackward, [.tensor(g.gradient), .ints(x.shape.sizes), g.call[1], g.call[2], g.call[3]]))
            ]
        }, samples: { [[.tensor(try .sample([2, 7])), .int(1), .int(3), .int(2)]] })

    static let slicing: [Operator] = [select, slice, narrow, diagonal, unfold]
}

// MARK: - Windows, which the operators that write into a view share

extension Operator {
    static func selectWindow(dim dimIndex: Int, index: Int) -> Window {
        { call, view in
            let dim = try call.dimension(dimIndex, rank: view.rank)
            let shape = try Shape(view.sizes, in: call.name)
            let position = try call.known(try call.position(try call.int(index), in: shape, dim))
            view.offset += position &* view.strides[dim]
            view.sizes.remove(at: dim)
            view.strides.remove(at: dim)
        }
    }

    /// Arguments from `first` on: dim, start, end, step.
    static func sliceWindow(at first: Int) -> Window {
        { call, view in
            let dim = try call.dimension(first, rank: view.rank)
            let bounds = try call.slice(of: SymInt(view.sizes[dim]), at: first + 1)
            view.slice(
                dim, start: try call.known(bounds.start), length: try call.known(bounds.length),
                step: try call.known(try call.int(first + 3)))
        }
    }

    /// Arguments from `first` on: offset, dim1, dim2.
    static func diagonalWindow(at first: Int) -> Window {
        { call, view in
            let (offset, dim1, dim2) = try call.diagonalArguments(view.rank, at: first)
            let (rows, columns) = (view.sizes[dim1], view.sizes[dim2])
            let (rowStride, columnStride) = (view.strides[dim1], view.strides[dim2])
            let length: Int =
                offset >= 0 ? Swift.min(rows, columns - Swift.min(offset, columns)) : Swift.min(rows - Swift.min(-offset, rows), columns)
            // An empty diagonal has no first element: the offset would point outside.
            if length > 0 { view.offset += offset >= 0 ? offset * columnStride : -offset * rowStride }
            view.permute((0..<view.rank).filter { $0 != dim1 && $0 != dim2 })
            view.sizes.append(length)
            view.strides.append(rowStride &+ columnStride)
        }
    }

    /// Arguments from `first` on: dimension, size, step.
    static func unfoldWindow(at first: Int) -> Window {
        { call, view in
            let (dim, size, step) = try call.unfolding(try Shape(view.sizes, in: call.name), at: first)
            guard view.rank > 0 else {
                view.sizes = [size]
                view.strides = [1]
                return
            }
            let stride: Int = view.strides[dim]
            view.sizes[dim] = (view.sizes[dim] - size) / step + 1
            view.strides[dim] = stride &* step
            view.sizes.append(size)
            view.strides.append(stride)
        }
    }
}

extension StridedView {
    /// Keeps `length` positions of a dimension.
    mutating func slice(_ dim: Int, start: Int, length: Int, step: Int) {
        if length > 0 { offset += start &* strides[dim] }
        sizes[dim] = length
        strides[dim] = strides[dim] &* step
    }
}

extension Shape {
    /// Requires a position, counted from either end, to be one of a dimension's.
    /// - Parameter name: what the tensor of this shape is, where that is known.
    func requirePosition(_ index: SymInt, _ dim: Int, in operatorName: String, of name: @autoclosure () -> String? = nil) throws {
        let size: SymInt = self[dim]
        func outside() -> TensorError {
            let place: String = name().map { "\($0), of shape \(self)" } ?? "shape \(self)"
            return TensorError(.indexOutOfRange, in: operatorName, "the index \(index) is out of range for dimension \(dim) of \(place)")
        }
        try require(index < size, outside())
        try require(size + index >= 0, outside())
    }
}

extension Call {
    /// A position in a dimension counted from the front, required to exist.
    func position(_ index: SymInt, in shape: Shape, _ dim: Int) throws -> SymInt {
        try shape.requirePosition(index, dim, in: name)
        let size: SymInt = shape[dim]
        switch decide(index >= 0) {
        case true?: return index
        case false?: return size + index
        case nil: return SymInt.select(index >= 0, index, size + index)
        }
    }

    /// The first position and the length of the slice whose start, end and step are arguments `first` and following.
    func slice(of size: SymInt, at first: Int) throws -> (start: SymInt, length: SymInt) {
        let step: SymInt = try int(first + 2)
        try require(step > 0, error(.invalidArgument, "the step of a slice must be positive, not \(step)"))
        let start = try optionalInt(first).map { Call.clamp($0, to: size) } ?? 0
        let end = try optionalInt(first + 1).map { Call.clamp($0, to: size) } ?? size
        if start.constant == 0, end.isIdentical(to: size), step.constant == 1 { return (0, size) }
        let length: SymInt = larger(end - start, 0)
        return (start, step.constant == 1 ? length : length.ceilDivided(by: step))
    }

    /// A bound of a slice counted from the front and clamped to `0...size`.
    private static func clamp(_ bound: SymInt, to size: SymInt) -> SymInt {
        if bound.constant == 0 || bound.isIdentical(to: size) { return bound }
        if bound.constant == Int.max { return size }
        switch decide(bound >= 0) {
        case true?: return smaller(bound, size)
        case false?: return larger(size + bound, 0)
        case nil: return SymInt.select(bound >= 0, smaller(bound, size), larger(size + bound, 0))
        }
    }

    fileprivate func narrowedStart(_ shape: Shape, _ dim: Int) throws -> SymInt {
        let (start, length, size): (SymInt, SymInt, SymInt) = (try int(2), try int(3), shape[dim])
        func outside() -> TensorError {
            error(.indexOutOfRange, "\(length) positions from \(start) on reach outside of dimension \(dim) of shape \(shape)")
        }
        try require(length >= 0, error(.invalidArgument, "the length \(length) is negative"))
        var first: SymInt = start
        switch decide(start >= 0) {
        case true?: break
        case false?: first = size + start
        case nil: first = SymInt.select(start >= 0, start, size + start)
        }
        try require(first >= 0, outside())
        try require(first + length <= size, outside())
        return first
    }

    /// Offset and the two dimensions of a diagonal; the arguments begin at `first`.
    func diagonalArguments(_ rank: Int, at first: Int) throws -> (offset: Int, dim1: Int, dim2: Int) {
        let (dim1, dim2) = (try dimension(first + 1, rank: rank), try dimension(first + 2, rank: rank))
        guard dim1 != dim2 else { throw error(.invalidArgument, "needs two different dimensions, not \(dim1) twice") }
        let offset = try constant(first)
        guard offset != Int.min else { throw error(.invalidArgument, "the offset \(offset) is out of range") }
        return (offset, dim1, dim2)
    }

    func diagonalSizes(_ shape: Shape, at first: Int) throws -> [SymInt] {
        let (offset, dim1, dim2) = try diagonalArguments(shape.count, at: first)
        let (rows, columns): (SymInt, SymInt) = (shape[dim1], shape[dim2])
        let length = offset >= 0 ? smaller(rows, columns - offset) : smaller(rows + offset, columns)
        let rest = (0..<shape.count).filter { $0 != dim1 && $0 != dim2 }.map { shape[$0] }
        return rest + [larger(length, 0)]
    }

    fileprivate func unfolding(_ shape: Shape, at first: Int) throws -> (dim: Int, size: Int, step: Int) {
        let dim = try normalize(dim: try constant(first), rank: shape.count, in: name)
        let (size, step) = (try constant(first + 1), try constant(first + 2))
        let extent: SymInt = shape.isEmpty ? 1 : shape[dim]
        guard size >= 0 else { throw error(.invalidArgument, "the window size \(size) is negative") }
        guard step > 0 else { throw error(.invalidArgument, "the step must be positive, not \(step)") }
        try require(
            extent >= size, error(.shapeMismatch, "windows of \(size) don't fit into dimension \(dim) of shape \(shape)"))
        return (dim, size, step)
    }
}

extension Tensor {
    /// The part at a position of a dimension, which disappears. A negative index counts from the end.
    public func select(dim: Int, index: any SymIntConvertible) throws -> Tensor {
        try applySingle(.select, [.tensor(self), .int(dim), .int(index)])
    }

    /// Every `step`-th position of a dimension from `start` up to, not including, `end`; bounds are clamped, negative ones count from the end.
    public func sliced(
        dim: Int, from start: (any SymIntConvertible)? = nil, to end: (any SymIntConvertible)? = nil, step: any SymIntConvertible = 1
    ) throws -> Tensor {
        try applySingle(
            .slice,
            [.tensor(self), .int(dim), start.map { .int($0) } ?? .none, end.map { .int($0) } ?? .none, .int(step)])
    }

    /// `length` positions of a dimension from `start` on, which must exist.
    public func narrowed(dim: Int, from start: any SymIntConvertible, length: any SymIntConvertible) throws -> Tensor {
        try applySingle(.narrow, [.tensor(self), .int(dim), .int(start), .int(length)])
    }

    /// The diagonal of the matrices in two dimensions, which move into one new last dimension.
    public func diagonal(offset: any SymIntConvertible = 0, dim1: Int = 0, dim2: Int = 1) throws -> Tensor {
        try applySingle(.diagonal, [.tensor(self), .int(offset), .int(dim1), .int(dim2)])
    }

    /// All windows of `size` positions along a dimension, `step` apart; their positions become a new last dimension.
    public func unfolded(dim: Int, size: any SymIntConvertible, step: any SymIntConvertible) throws -> Tensor {
        try applySingle(.unfold, [.tensor(self), .int(dim), .int(size), .int(step)])
    }
}
