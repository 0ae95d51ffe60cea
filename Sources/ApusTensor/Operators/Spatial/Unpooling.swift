import ApusSymbolic

// The ways back from pooling and from windows: values put where the largest elements were, windows as columns and columns as windows.

extension Operator {
    static let maxUnpool2d: Operator = composite(
        "aten::max_unpool2d(Tensor self, Tensor indices, SymInt[2] output_size) -> Tensor",
        "Zeros of `output_size` with the elements at the positions that `max_pool2d_with_indices` gave.",
        samples: {
            let x: Tensor = try .sample([1, 2, 4, 4])
            let pooled = try x.maxPool2dWithIndices([2])
            return [[.tensor(pooled.values), .tensor(pooled.indices), .ints([4, 4])]]
        }
    ) { call in [.tensor(try call.unpooled(2))] }

    static let maxUnpool3d: Operator = composite(
        "aten::max_unpool3d(Tensor self, Tensor indices, SymInt[3] output_size, int[3] stride, int[3] padding) -> Tensor",
        "Zeros of `output_size` with the elements at the positions that `max_pool3d_with_indices` gave.",
        samples: {
            let index = try Tensor([3, 9, 4, 11] as [Int], shape: [2, 1, 1, 2])
            return [[.tensor(try .sample([2, 1, 1, 2])), .tensor(index), .ints([2, 2, 3]), .ints([2, 2, 2]), .ints([0, 0, 0])]]
        }
    ) { call in
        guard try call.constants(3, count: 3).allSatisfy({ $0 > 0 }) else {
            throw call.error(.invalidArgument, "the stride must be positive, not \(try call.constants(3))")
        }
        return [.tensor(try call.unpooled(3))]
    }

    static let im2col: Operator = composite(
        "aten::im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
        "Each window of images [batch, channels, height, width] as a column: [batch, channels * window, windows].",
        samples: { [[.tensor(try .sample([1, 2, 4, 5])), .ints([2, 3]), .ints([1, 1]), .ints([1, 0]), .ints([2, 1])]] }
    ) { call in
        let x = try call.tensor(0)
        let windows = try Windows(call, at: 1)
        guard x.rank == 3 || x.rank == 4 else { throw call.error(.shapeMismatch, "takes 3 or 4 dimensions, not shape \(x.shape)") }
        let images: Tensor = x.rank == 4 ? x : try x.unsqueezed(0)
        let (height, width) = (images.shape[2], images.shape[3])
        let (rows, columns) = (try windows.counts(0, height, call), try windows.counts(1, width, call))
        let pads: [SymInt] = [windows.padding[1], windows.padding[1], windows.padding[0], windows.padding[0]].map { SymInt($0) }
        var read: Tensor = try applySingle(.constantPad, [.tensor(images), .ints(pads), .int(0)])
        read = try read.indexSelect(dim: 2, windows.positions(0, rows)).indexSelect(dim: 3, windows.positions(1, columns))
        let (batch, channels) = (images.shape[0], images.shape[1])
        let (kh, kw): (SymInt, SymInt) = (SymInt(windows.kernel[0]), SymInt(windows.kernel[1]))
        read = try read.reshaped([batch, channels, kh, rows, kw, columns]).permuted([0, 1, 2, 4, 3, 5])
        read = try read.reshaped([batch, channels * kh * kw, rows * columns])
        return [.tensor(x.rank == 4 ? read : try read.squeezed(dims: [0]))]
    }

    static let col2im: Operator = composite(
        "aten::col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor",
        "The sums of columns, each put back where its window lies in images of `output_size`: the gradient of `im2col`. "
            + Operator.roundedOnce,
        samples: { [[.tensor(try .sample([1, 12, 9])), .ints([4, 5]), .ints([2, 3]), .ints([1, 1]), .ints([1, 0]), .ints([2, 1])]] }
    ) { call in
        let (x, target) = (try call.tensor(0), try call.ints(1))
        let windows = try Windows(call, at: 2)
        guard x.rank == 2 || x.rank == 3, target.count == 2 else {
            throw call.error(.shapeMismatch, "takes 2 or 3 dimensions and two sizes, not shape \(x.shape) and \(listText(target))")
        }
        let columns: Tensor = x.rank == 3 ? x : try x.unsqueezed(0)
        let (across, along) = (try windows.counts(0, target[0], call), try windows.counts(1, target[1], call))
        let (kh, kw): (SymInt, SymInt) = (SymInt(windows.kernel[0]), SymInt(windows.kernel[1]))
        func misfit() -> TensorError {
            call.error(
                .shapeMismatch, "columns of shape \(x.shape) don't fit windows of \(windows.kernel) in images of \(listText(target))")
        }
        try require(columns.shape[1] % (kh * kw) == 0, misfit())
        try require(columns.shape[2] == across * along, misfit())
        let (batch, channels): (SymInt, SymInt) = (columns.shape[0], columns.shape[1] / (kh * kw))
        let spread: Tensor = try columns.reshaped([batch, channels, kh, kw, across, along]).permuted([0, 1, 2, 4, 3, 5])
            .reshaped([batch, channels, kh * across, kw * along])
        let (height, width): (SymInt, SymInt) = (target[0] + 2 * windows.padding[0], target[1] + 2 * windows.padding[1])
        // Rounded once, after both sums.
        let wide: DType = x.dtype.accumulation
        var result: Tensor = try Tensor.zeros([batch, channels, height, kw * along], dtype: wide)
            .indexAdd(dim: 2, windows.positions(0, across), spread.to(wide))
        result = try Tensor.zeros([batch, channels, height, width], dtype: wide).indexAdd(dim: 3, windows.positions(1, along), result)
            .to(x.dtype)
        result = try result.narrowed(dim: 2, from: SymInt(windows.padding[0]), length: target[0])
            .narrowed(dim: 3, from: SymInt(windows.padding[1]), length: target[1])
        return [.tensor(x.rank == 3 ? result : try result.squeezed(dims: [0]))]
    }

    static let unpooling: [Operator] = [maxUnpool2d, maxUnpool3d, im2col, col2im]
}

/// Windows over two dimensions, as `im2col` takes them.
private struct Windows {
    let kernel: [Int]
    let dilation: [Int]
    let padding: [Int]
    let stride: [Int]

    init(_ call: Call, at first: Int) throws {
        kernel = try call.constants(first, count: 2)
        dilation = try call.constants(first + 1, count: 2)
        padding = try call.constants(first + 2, count: 2)
        stride = try call.constants(first + 3, count: 2)
        for (name, values) in [("kernel size", kernel), ("dilation", dilation), ("stride", stride)] { try call.requireSteps(name, values) }
        try call.requireSteps("padding", padding, from: 0)
    }

    /// How many windows a dimension has.
    func counts(_ dim: Int, _ size: SymInt, _ call: Call) throws -> SymInt {
        let count: SymInt = (size + 2 * padding[dim] - dilation[dim] * (kernel[dim] - 1) - 1) / stride[dim] + 1
        try require(count > 0, call.error(.shapeMismatch, "windows of \(kernel) don't fit into a size of \(size) with padding \(padding)"))
        return count
    }

    /// The padded position of each window position in each window, the latter running faster.
    func positions(_ dim: Int, _ count: SymInt) throws -> Tensor {
        let inside: Tensor = try Tensor.arange(kernel[dim]) * dilation[dim]
        return try (inside.unsqueezed(1) + Tensor.arange(count) * stride[dim]).flattened()
    }
}

extension Call {
    fileprivate func unpooled(_ dims: Int) throws -> Tensor {
        let (x, sizes) = (try tensor(0), try ints(2))
        guard x.rank == dims + 1 || x.rank == dims + 2, sizes.count == dims else {
            throw error(
                .shapeMismatch, "takes \(dims + 1) or \(dims + 2) dimensions and \(dims) sizes, not shape \(x.shape) and \(listText(sizes))"
            )
        }
        try requireShape(try indexTensor(1), x.shape, "indices")
        let front: [SymInt] = Array(x.shape.sizes.dropLast(dims))
        let plane: SymInt = SymInt.elementCount(sizes)
        for size in sizes { try require(size >= 0, error(.invalidArgument, "a size is negative: \(listText(sizes))")) }
        let values: Tensor = try x.reshaped(front + [SymInt.elementCount(x.shape.sizes.suffix(dims))])
        let index: Tensor = try tensor(1).to(.int64).reshaped(values.shape)
        return try Tensor.zeros(front + [plane], dtype: x.dtype).scatter(dim: -1, index, values).reshaped(front + sizes)
    }
}

extension Tensor {
    /// Zeros of `sizes` with the elements at the positions that pooling gave.
    public func maxUnpool2d(_ indices: Tensor, to sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.maxUnpool2d, [.tensor(self), .tensor(indices), .ints(sizes)])
    }

    /// The windows of images [batch, channels, height, width], a column each: [batch, channels * height * width of the kernel, count].
    public func im2col(
        _ kernel: [any SymIntConvertible], dilation: [any SymIntConvertible] = [1], padding: [any SymIntConvertible] = [0],
        stride: [any SymIntConvertible] = [1]
    ) throws -> Tensor {
        try applySingle(.im2col, [.tensor(self), .ints(kernel), .ints(dilation), .ints(padding), .ints(stride)])
    }

    /// Images of these sizes in which the columns that `im2col` makes are added where they came from.
    public func col2im(
        _ sizes: [any SymIntConvertible], _ kernel: [any SymIntConvertible], dilation: [any SymIntConvertible] = [1],
        padding: [any SymIntConvertible] = [0], stride: [any SymIntConvertible] = [1]
    ) throws -> Tensor {
        try applySingle(
            .col2im, [.tensor(self), .ints(sizes), .ints(kernel), .ints(dilation), .ints(padding), .ints(stride)])
    }

    /// Zeros of `sizes` with the elements at the positions that pooling of volumes gave.
    public func maxUnpool3d(
        _ indices: Tensor, to sizes: [any SymIntConvertible], stride: [any SymIntConvertible] = [1, 1, 1],
        padding: [any SymIntConvertible] = [0, 0, 0]
    ) throws -> Tensor {
        try applySingle(.maxUnpool3d, [.tensor(self), .tensor(indices), .ints(sizes), .ints(stride), .ints(padding)])
    }
}
