import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXParts {
    /// Indexing, and pools whose windows follow from sizes.
    static let places: [(String, Rule)] =
        [
            ("index_fill.int_Scalar", one { try filled($0) }), ("index_fill.int_Tensor", one { try filled($0) }),
            ("bucketize.Tensor", one { call in try rank(of: call.tensor(0), in: call.tensor(1), right: call.bool(3)) }),
            ("searchsorted.Tensor", one { try searched($0) }), ("searchsorted.Scalar", one { try searched($0) }),
            (
                "_cdist_forward",
                one { call in
                    let distance: Tensor = try call.tensor(0).unsqueezed(-2) - call.tensor(1).unsqueezed(-3)
                    return try operation("linalg_vector_norm", .tensor(distance), call[2], .ints([-1]), .bool(false), .none)
                }
            ),
            ("im2col", one { try columns($0) }),
            (
                "diagonal_scatter",
                one { call in
                    try onDiagonal(call.tensor(0), call.tensor(1), offset: call.constant(2), dims: (call.constant(3), call.constant(4)))
                }
            ),
            (
                "diagonal_backward",
                one { call in
                    let zeros: Tensor = try .zeros(call.ints(1), dtype: call.resultDType)
                    return try onDiagonal(zeros, call.tensor(0), offset: call.constant(2), dims: (call.constant(3), call.constant(4)))
                }
            ),
            (
                "select_backward",
                one { call in
                    let zeros: Tensor = try .zeros(call.ints(1), dtype: call.resultDType)
                    return try operation("select_scatter", .tensor(zeros), call[0], call[2], call[3])
                }
            ),
            (
                "slice_backward",
                one { call in
                    let zeros: Tensor = try .zeros(call.ints(1), dtype: call.resultDType)
                    return try operation("slice_scatter", .tensor(zeros), call[0], call[2], call[3], call[4], call[5])
                }
            ),
            (
                "embedding_dense_backward",
                one { call in
                    guard try !call.bool(4) else { return nil }
                    let (gradient, index) = (try call.tensor(0), try call.tensor(1).flattened())
                    let size: SymInt = gradient.shape[-1]
                    let rows: Tensor = try gradient.reshaped([index.shape[0], size])
                    let kept: Tensor = try pick((index .== call.int(3)).unsqueezed(1), rows.fullLike(0), rows)
                    return try Tensor.zeros([call.int(2), size], dtype: gradient.dtype).indexAdd(dim: 0, index, kept)
                }
            ),
            ("max_unpool2d", one { try unpooled($0.tensor(0), $0.tensor(1), $0.ints(2)) }),
            ("max_unpool3d", one { try unpooled($0.tensor(0), $0.tensor(1), $0.ints(2)) }),
        ]
        + [
            ("max_pool2d_with_indices", 2, 7), ("max_pool3d_with_indices", 3, 7), ("adaptive_max_pool2d", 2, 2),
            ("adaptive_max_pool3d", 3, 2),
        ].map {
            name, dims, index in
            (
                name + "_backward",
                one { call in try unpooled(call.tensor(0), call.tensor(index), call.tensor(1).shape.suffix(dims), adding: true) }
            )
        }
        + [
            ("_adaptive_avg_pool2d", 2), ("_adaptive_avg_pool3d", 3), ("adaptive_avg_pool1d", 1), ("adaptive_avg_pool2d", 2),
            ("adaptive_avg_pool3d", 3),
        ]
        .map { name, dims in
            (
                name,
                one { call in
                    var x: Tensor = try call.operand(0)
                    let sizes: [SymInt] = try call.ints(1)
                    for (place, size) in sizes.enumerated() { x = try averaged(x, dim: x.rank - dims + place, to: size) }
                    return x
                }
            )
        }

    private static func filled(_ call: Call) throws -> Tensor? {
        let (x, index) = (try call.tensor(0), try call.tensor(2))
        guard x.rank > 0 else { return nil }
        let place: Int = try normalize(dim: call.constant(1), rank: x.rank, in: call.name)
        var sizes: [SymInt] = x.shape.sizes
        sizes[place] = index.rank == 0 ? 1 : index.shape[0]
        let list: Tensor = try index.reshaped([sizes[place]])
        let value: Tensor = try call.operand(3).to(x.dtype)
        return try x.indexCopy(dim: place, list, value.expanded(sizes))
    }

    /// How many of sorted boundaries lie before each number: below it, or also at it from the right.
    private static func rank(of x: Tensor, in boundaries: Tensor, right: Bool) throws -> Tensor? {
        guard boundaries.rank == 1 else { return nil }
        let each: Tensor = try x.unsqueezed(-1)
        // A NaN comes behind all.
        let isBehind: Tensor = right ? try (boundaries .> each) : try (boundaries .>= each)
        return try isBehind.logicalNot().to(.int64).sum(dim: -1)
    }

    /// The elements [i, i + offset] of two dimensions put in others' place.
    private static func onDiagonal(_ x: Tensor, _ source: Tensor, offset: Int, dims: (Int, Int)) throws -> Tensor {
        let (rows, columns) = (dims.0 < 0 ? dims.0 + x.rank : dims.0, dims.1 < 0 ? dims.1 + x.rank : dims.1)
        let order: [Int] = (0..<x.rank).filter { $0 != rows && $0 != columns } + [rows, columns]
        let matrix: Tensor = try x.permuted(order)
        let front: [SymInt] = Array(matrix.shape.sizes.dropLast(2))
        let width: SymInt = matrix.shape[-1]
        let start: SymInt = offset >= 0 ? SymInt(offset) : width * SymInt(-offset)
        let places: Tensor = try Tensor.arange(source.shape[-1], dtype: .int64) * (width + 1) + start
        let flat: Tensor = try matrix.reshaped(front + [matrix.shape[-2] * width]).indexCopy(dim: front.count, places, source.to(x.dtype))
        let back: [Int] = order.indices.map { dim in order.firstIndex(of: dim) ?? dim }
        return try flat.reshaped(matrix.shape).permuted(back)
    }

    private static func searched(_ call: Call) throws -> Tensor? {
        var boundaries: Tensor = try call.tensor(0)
        let x: Tensor = try call.tensor(1)
        if let order = try call.optionalTensor(5) { boundaries = try boundaries.gather(dim: -1, order) }
        let right: Bool = try call.bool(3) || call.optionalString(4) == "right"
        if boundaries.rank == 1 { return try rank(of: x, in: boundaries, right: right) }
        let (each, list) = (try x.unsqueezed(-1), try boundaries.unsqueezed(-2))
        return try (right ? list .> each : list .>= each).logicalNot().to(.int64).sum(dim: -1)
    }

    /// The elements of windows [batch, channels x height x width, windows].
    private static func columns(_ call: Call) throws -> Tensor? {
        var x: Tensor = try call.tensor(0)
        let (kernel, dilation) = (try call.constants(1, count: 2), try call.constants(2, count: 2))
        let (padding, stride) = (try call.constants(3, count: 2), try call.constants(4, count: 2))
        let isBatched: Bool = x.rank == 4
        if !isBatched { x = try x.unsqueezed(0) }
        x = try x.padded([padding[1], padding[1], padding[0], padding[0]])
        var sizes: [SymInt] = [x.shape[0], x.shape[1]]
        for dim in 0..<2 {
            let count: SymInt = (x.shape[2 + 2 * dim] - SymInt(dilation[dim] * (kernel[dim] - 1) + 1)) / SymInt(stride[dim]) + 1
            let within: Tensor = try Tensor.arange(kernel[dim], dtype: .int64) * dilation[dim]
            let starts: Tensor = try Tensor.arange(count, dtype: .int64) * stride[dim]
            let places: Tensor = try (within.unsqueezed(1) + starts).flattened()
            let found: Tensor = try x.indexSelect(dim: 2 + 2 * dim, places)
            sizes += [SymInt(kernel[dim]), count]
            x = try found.reshaped(sizes + found.shape.sizes.dropFirst(3 + 2 * dim))
        }
        let rows: Tensor = try x.permuted([0, 1, 2, 4, 3, 5])
        let result: Tensor = try rows.reshaped([sizes[0], sizes[1] * SymInt(kernel[0] * kernel[1]), sizes[3] * sizes[5]])
        return isBatched ? result : try result.squeezed(0)
    }

    /// Elements at places that count through the last dimensions of a larger tensor, zeros elsewhere.
    private static func unpooled(_ x: Tensor, _ places: Tensor, _ sizes: some Collection<SymInt>, adding: Bool = false) throws -> Tensor {
        let front: [SymInt] = Array(x.shape.sizes.dropLast(sizes.count))
        let (count, area) = (x.shape.suffix(sizes.count).reduce(1) { $0 * $1 }, sizes.reduce(1) { $0 * $1 })
        let flat: Tensor = try Tensor.zeros(front + [area], dtype: x.dtype)
        let (list, values) = (try places.reshaped(front + [count]), try x.reshaped(front + [count]))
        let result: Tensor = adding ? try flat.scatterAdd(dim: -1, list, values) : try flat.scatter(dim: -1, list, values)
        return try result.reshaped(front + Array(sizes))
    }

    /// The means of windows that cover a dimension evenly: from floor(i n / m) to ceil((i + 1) n / m).
    private static func averaged(_ x: Tensor, dim: Int, to size: SymInt) throws -> Tensor {
        if size.constant == 1 { return try x.mean(dim: dim, keepDim: true) }
        let count: SymInt = x.shape[dim]
        if size.isIdentical(to: count) { return x }
        let windows: Tensor = try Tensor.arange(size, dtype: .int64).unsqueezed(1)
        let places: Tensor = try Tensor.arange(count, dtype: .int64)
        // Neither is negative, so that division towards zero rounds down.
        let start: Tensor = try (windows * count).div(size, rounding: .trunc)
        let end: Tensor = try ((windows + 1) * count + (size - 1)).div(size, rounding: .trunc)
        let isInside: Tensor = try (places .>= start) & (places .< end)
        // [..., dim, ...] with dim last, once for each window: what is outside counts as 0, be it NaN.
        let last: Tensor = try x.movedDim(from: dim, to: -1).unsqueezed(-2)
        let inside: Tensor = try pick(isInside, last, last.fullLike(0))
        let sums: Tensor = try inside.sum(dim: -1)
        return try (sums / (end - start).squeezed(1).to(x.dtype)).movedDim(from: -1, to: dim)
    }

    // MARK: Losses

    static let losses: [(String, Rule)] = [
        ("nll_loss_forward", { try likelihood($0) }), ("nll_loss2d_forward", { try likelihood($0) }),
    ]

    /// (scores, target, weight, reduction, ignored class) to the loss and the weights' sum.
    private static func likelihood(_ call: Call) throws -> [OperatorArgument] {
        let (given, target) = (try call.tensor(0), try call.tensor(1))
        let scores: Tensor = [.float16, .bfloat16].contains(given.dtype) ? try given.to(.float32) : given
        let dim: Int = scores.rank == 1 ? 0 : 1
        let isIgnored: Tensor = try target .== call.int(4)
        let classes: Tensor = try pick(isIgnored, target.fullLike(0), target)
        let picked: Tensor = try scores.gather(dim: dim, classes.unsqueezed(dim)).squeezed(dim)
        let ones: Tensor = try picked.fullLike(1)
        let weights: Tensor =
            try call.optionalTensor(2).map { try $0.to(scores.dtype).indexSelect(dim: 0, classes.flattened()).reshaped(classes.shape) }
            ?? ones
        let counted: Tensor = try pick(isIgnored, ones.fullLike(0), weights)
        let loss: Tensor = try pick(isIgnored, ones.fullLike(0), (picked * weights).neg())
        let total: Tensor = try counted.sum()
        let results: [Tensor]
        switch try call.constant(3) {
        // Of one row it is the row's own.
        case 0: results = [loss, scores.rank == 1 ? total : try total.fullLike(0)]
        case 1: results = [try loss.sum() / total, total]
        default: results = [try loss.sum(), total]
        }
        return try zip(results, call.operator.rule(call)).map { .tensor(try $0.to($1.dtype)) }
    }
}
