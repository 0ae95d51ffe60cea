import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let pools: [ONNXOperator] = [
        ONNXOperator("MaxPool", values: { try maxPool($0) }),
        ONNXOperator("AveragePool") { try averagePool($0, $0.tensor(0)) },
        ONNXOperator("LpPool") { call in
            let (x, p) = (try call.tensor(0), try call.int("p", 2))
            let windows: Tensor = try pooled(call, x, padding: 0) { try ($0 * 1).abs().pow(Double(p)).sum(dims: [-1], keepDim: false) }
            return try windows.pow(1 / Double(p))
        },
        ONNXOperator("GlobalAveragePool") { call in
            let x: Tensor = try call.tensor(0)
            return x.rank == 4 ? try x.adaptiveAvgPool2d([1, 1]) : try x.mean(dims: call.spatialDims(x), keepDim: true)
        },
        ONNXOperator("GlobalMaxPool") { call in
            let x: Tensor = try call.tensor(0)
            return try x.amax(dims: call.spatialDims(x), keepDim: true)
        },
        ONNXOperator("GlobalLpPool") { call in
            let (x, p) = (try call.tensor(0), try call.int("p", 2))
            return try x.abs().pow(Double(p)).sum(dims: call.spatialDims(x), keepDim: true).pow(1 / Double(p))
        },
        ONNXOperator("MaxUnpool") { try maxUnpool($0) },
    ]

    private static func window(_ call: ONNXCall, _ x: Tensor) throws -> ONNXWindow {
        guard let kernel = try call.ints("kernel_shape") else { throw call.error(.invalidProgram, "lacks its kernel_shape") }
        guard kernel.allSatisfy({ $0 > 0 }) else { throw call.error(.invalidProgram, "has a kernel of \(kernel)") }
        var window = try ONNXWindow(call, kernel: kernel.map { SymInt($0) }, sizes: Array(x.shape.sizes.dropFirst(2)))
        guard try call.flag("ceil_mode") else { return window }
        // The last window may stand over the end, as long as it starts before it.
        for dim in 0..<window.rank {
            let stride: Int = window.strides[dim]
            let size: SymInt = x.shape[dim + 2]
            let span: SymInt = size + window.before[dim] + window.after[dim] - window.extent(dim)
            let steps: SymInt = span.ceilDivided(by: SymInt(stride))
            let last: SymInt = .select(steps * stride >= size + window.before[dim], steps - 1, steps)
            window.after[dim] = window.after[dim] + max(last * stride - span, 0)
        }
        return window
    }

    // MARK: Maxima

    private static func maxPool(_ call: ONNXCall) throws -> [ONNXValue] {
        let x: Tensor = try call.tensor(0)
        let window: ONNXWindow = try window(call, x)
        guard (1...3).contains(window.rank) else { throw call.error("takes one to three spatial dimensions, not \(x.spec)") }
        let fits: Bool = window.isSymmetric && zip(window.before, window.kernel).allSatisfy { 2 * ($0.constant ?? 0) <= $1.constant ?? 0 }
        if call.outputs.count > 1, call.outputs[1] {
            guard fits else { throw call.error("gives positions with pads that differ or are wider than half a window, which is not read") }
            return try withPositions(call, x, window)
        }
        if fits, x.dtype.isFloatingPoint { return [ONNXValue(try maxPool(x, window, padding: window.before))] }
        let least: any ScalarConvertible = x.dtype.isFloatingPoint ? -Double.infinity : ONNXElement(x.dtype).integerRange?.lowerBound ?? 0
        let padded: Tensor = try window.isPadded ? x.padded(window.pads, value: least) : x
        if !x.dtype.isFloatingPoint { return [ONNXValue(try maxPool(padded.to(.float64), window, padding: [0, 0, 0]).to(x.dtype))] }
        return [ONNXValue(try maxPool(padded, window, padding: Array(repeating: 0, count: window.rank)))]
    }

    private static func maxPool(_ x: Tensor, _ window: ONNXWindow, padding: [SymInt]) throws -> Tensor {
        switch window.rank {
        case 1: try x.maxPool1d(window.kernel[0], stride: window.strides[0], padding: padding[0], dilation: window.dilations[0])
        case 2: try x.maxPool2d(window.kernel, stride: window.strides, padding: Array(padding.prefix(2)), dilation: window.dilations)
        default: try x.maxPool3d(window.kernel, stride: window.strides, padding: Array(padding.prefix(3)), dilation: window.dilations)
        }
    }

    /// The maxima and where they stand, counted through the whole tensor.
    private static func withPositions(_ call: ONNXCall, _ x: Tensor, _ window: ONNXWindow) throws -> [ONNXValue] {
        let (values, indices): (Tensor, Tensor)
        switch window.rank {
        case 1:
            (values, indices) = try x.maxPool1dWithIndices(
                window.kernel[0], stride: window.strides[0], padding: window.before[0], dilation: window.dilations[0])
        case 2:
            (values, indices) = try x.maxPool2dWithIndices(
                window.kernel, stride: window.strides, padding: window.before, dilation: window.dilations)
        default:
            (values, indices) = try x.maxPool3dWithIndices(
                window.kernel, stride: window.strides, padding: window.before, dilation: window.dilations)
        }
        let sizes: [SymInt] = Array(x.shape.sizes.dropFirst(2))
        var place: Tensor = indices
        if try call.int("storage_order", 0) == 1 {
            // Counted with the first spatial dimension running fastest.
            var rest: Tensor = indices
            var position: Tensor = try indices.zerosLike()
            for dim in (0..<window.rank).reversed() {
                let coordinate: Tensor = try rest % sizes[dim]
                rest = try rest.floorDivide(sizes[dim])
                position = try position + coordinate * SymInt.product(sizes[..<dim])
            }
            place = position
        }
        let plane: SymInt = SymInt.product(sizes)
        let planes: Tensor = try Tensor.arange(x.shape[0] * x.shape[1]).reshaped(
            [x.shape[0], x.shape[1]] + Array(repeating: SymInt(1), count: window.rank))
        return [ONNXValue(values), ONNXValue(try place + planes * plane)]
    }

    private static func maxUnpool(_ call: ONNXCall) throws -> Tensor {
        let (x, indices) = (try call.tensor(0), try call.tensor(1))
        guard let kernel = try call.ints("kernel_shape") else { throw call.error(.invalidProgram, "lacks its kernel_shape") }
        let rank: Int = try call.spatialDims(x).count
        let strides: [Int] = try call.ints("strides") ?? Array(repeating: 1, count: rank)
        let pads: [Int] = try call.ints("pads") ?? Array(repeating: 0, count: 2 * rank)
        guard kernel.count == rank, strides.count == rank, pads.count == 2 * rank,
            (kernel + strides + pads).allSatisfy({ $0.magnitude < 1 << 31 })
        else { throw call.error(.invalidProgram, "has a window of \(kernel.count) dimensions for \(rank)") }
        let own: [SymInt] = (0..<rank).map { (x.shape[$0 + 2] - 1) * strides[$0] + (kernel[$0] - pads[$0] - pads[$0 + rank]) }
        let sizes: [SymInt] = call.has(2) ? try call.sizes(2) : [x.shape[0], x.shape[1]] + own
        guard sizes.count == x.rank else { throw call.error(.invalidProgram, "has \(sizes.count) sizes for \(x.spec)") }
        // The positions are counted through the tensor that was pooled; a size that is asked for may be larger.
        let whole: SymInt = SymInt.product([x.shape[0], x.shape[1]] + own)
        let flat: Tensor = try Tensor.zeros([whole], dtype: x.dtype).scatter(dim: 0, indices.flattened(), x.flattened())
        let result: Tensor = try flat.reshaped([x.shape[0], x.shape[1]] + own)
        let missing: [SymInt] = try call.spatialDims(x).reversed().flatMap { [SymInt(0), sizes[$0] - own[$0 - 2]] }
        return missing.allSatisfy { $0.constant == 0 } ? result : try result.padded(missing, value: 0)
    }

    // MARK: Means

    static func averagePool(_ call: ONNXCall, _ x: Tensor) throws -> Tensor {
        let (window, plain) = (
            try window(call, x),
            try ONNXWindow(call, kernel: (try call.ints("kernel_shape") ?? []).map { SymInt($0) }, sizes: Array(x.shape.sizes.dropFirst(2)))
        )
        guard (1...3).contains(window.rank) else { throw call.error("takes one to three spatial dimensions, not \(x.spec)") }
        let countsPads: Bool = try call.flag("count_include_pad")
        let isDense: Bool = window.dilations.allSatisfy { $0 == 1 }
        let hasTail: Bool = zip(window.after, plain.after).contains { !$0.isIdentical(to: $1) }
        let fits: Bool = window.isSymmetric && zip(window.before, window.kernel).allSatisfy { 2 * ($0.constant ?? 0) <= $1.constant ?? 0 }
        if isDense, fits, !hasTail { return try averagePool(x, window, padding: window.before, countsPads: countsPads) }
        let sum: Tensor = try pooled(call, x, padding: 0) { try $0.sum(dims: [-1], keepDim: false) }
        // Pads that are asked for may count, what a last window has beyond them never does.
        let ones: Tensor = try x.narrowed(dim: 0, from: 0, length: 1).narrowed(dim: 1, from: 0, length: 1).onesLike()
        let counted: Tensor
        if countsPads {
            let tail: [SymInt] = zip(window.after, plain.after).reversed().flatMap { [SymInt(0), $0 - $1] }
            counted = try ones.padded(plain.pads, value: 1).padded(tail, value: 0)
        } else {
            counted = try ones.padded(window.pads, value: 0)
        }
        let count: Tensor = try windows(counted, window).sum(dims: [-1], keepDim: false)
        return try sum / count
    }

    private static func averagePool(_ x: Tensor, _ window: ONNXWindow, padding: [SymInt], countsPads: Bool) throws -> Tensor {
        switch window.rank {
        case 1: try x.avgPool1d(window.kernel[0], stride: window.strides[0], padding: padding[0], countIncludePad: countsPads)
        case 2: try x.avgPool2d(window.kernel, stride: window.strides, padding: padding, countIncludePad: countsPads)
        default: try x.avgPool3d(window.kernel, stride: window.strides, padding: padding, countIncludePad: countsPads)
        }
    }

    // MARK: Any window

    /// What a function makes of the elements of each window, which are its last dimension.
    private static func pooled(_ call: ONNXCall, _ x: Tensor, padding: Int, _ function: (Tensor) throws -> Tensor) throws -> Tensor {
        let window: ONNXWindow = try window(call, x)
        return try function(windows(window.isPadded ? x.padded(window.pads, value: padding) : x, window))
    }

    /// The elements of each window as a last dimension.
    private static func windows(_ x: Tensor, _ window: ONNXWindow) throws -> Tensor {
        var result: Tensor = x
        for dim in 0..<window.rank {
            // The elements of one dimension of the window come last.
            let opened: Tensor = try result.unfolded(dim: dim + 2, size: window.extent(dim), step: window.strides[dim])
            result = window.dilations[dim] == 1 ? opened : try opened.sliced(dim: -1, from: 0, to: nil, step: window.dilations[dim])
        }
        return try result.flattened(from: window.rank + 2, to: -1)
    }
}
