import ApusSymbolic
import CApusKernels

/// The window of a pooling operator, with one number for every spatial dimension.
struct PoolingWindow {
    let kernel: [Int]
    let stride: [Int]
    let padding: [Int]
    let dilation: [Int]
    let ceilMode: Bool

    var dims: Int { kernel.count }

    /// Reads kernel size, stride (empty for the kernel size) and padding from argument `first` on; the dilation's and the ceil mode's positions
    /// differ between operators.
    init(_ call: Call, dims: Int, at first: Int, dilation dilationIndex: Int?, ceilMode ceilIndex: Int) throws {
        kernel = try call.constants(first, count: dims)
        stride = try call.ints(first + 1).isEmpty ? kernel : call.constants(first + 1, count: dims)
        padding = try call.constants(first + 2, count: dims)
        dilation = try dilationIndex.map { try call.constants($0, count: dims) } ?? Array(repeating: 1, count: dims)
        ceilMode = try call.bool(ceilIndex)
        for (name, values) in [("kernel size", kernel), ("stride", stride), ("dilation", dilation)] { try call.requireSteps(name, values) }
        for dim in 0..<dims where padding[dim] < 0 || padding[dim] > (dilation[dim] * (kernel[dim] - 1) + 1) / 2 {
            throw call.error(.invalidArgument, "the padding \(padding) must lie between 0 and half of the kernel size \(kernel)")
        }
    }

    /// The shape after pooling `shape`, whose last dimensions are the spatial ones.
    func resultShape(_ shape: Shape, _ call: Call) throws -> Shape {
        guard shape.count == dims + 1 || shape.count == dims + 2 else {
            throw call.error(.shapeMismatch, "takes \(dims + 1) or \(dims + 2) dimensions, not shape \(shape)")
        }
        var sizes = shape.sizes
        for dim in 0..<dims {
            let position: Int = shape.count - dims + dim
            let size: SymInt = sizes[position]
            let (step, pad) = (stride[dim], padding[dim])
            var room: SymInt = size + 2 * pad - dilation[dim] * (kernel[dim] - 1) - 1
            if ceilMode { room += step - 1 }
            var result: SymInt = room / step + 1
            if ceilMode {
                // The last window must begin inside of the input or the padding before it.
                let begins: SymBool = (result - 1) * step >= size + pad
                switch decide(begins) {
                case true?: result -= 1
                case false?: break
                case nil: result = SymInt.select(begins, result - 1, result)
                }
            }
            try require(
                result >= 1,
                call.error(.shapeMismatch, "windows of \(kernel) with padding \(padding) don't fit into an input of shape \(shape)"))
            sizes[position] = result
        }
        return try Shape(sizes, in: call.name)
    }

    /// Requires that every window holds an element. A dilated one that begins in the padding may step over the whole input: its largest element
    /// is none, and has no position.
    func requireElements(_ shape: Shape, _ result: Shape, _ call: Call) throws {
        for dim in 0..<dims where padding[dim] > 0 && dilation[dim] > 1 {
            let (size, count) = (shape[shape.count - dims + dim], result[result.count - dims + dim])
            // The first tap that is not in the padding lies below the dilation.
            if decide(size >= dilation[dim]) == true { continue }
            let windows: Int = min((padding[dim] - 1) / stride[dim] + 1, count.constant ?? .max, dilation[dim])
            for window in 0..<windows {
                let before: Int = padding[dim] - window * stride[dim]
                let tap: Int = (dilation[dim] - before % dilation[dim]) % dilation[dim]
                try require(
                    size > tap,
                    call.error(
                        .shapeMismatch,
                        "windows of \(kernel) with dilation \(dilation) and padding \(padding) step over the whole of an input of shape \(shape)"
                    ))
            }
        }
    }

    func parameters(input: Tensor, output: Tensor) -> apus_pooling {
        var pool = poolingSizes(input: input, output: output, dims: dims)
        pool.kernel = triple(kernel, 1)
        pool.stride = triple(stride, 1)
        pool.padding = triple(padding, 0)
        pool.dilation = triple(dilation, 1)
        return pool
    }
}

extension Call {
    /// Requires the numbers of a window to be positive, or not negative, and no larger than those that kernels count in, so that products
    /// of two of them are numbers.
    func requireSteps(_ name: String, _ values: [Int], from least: Int = 1) throws {
        let limit = Int(Int32.max)
        guard values.allSatisfy({ $0 >= least }) else {
            throw error(.invalidArgument, least == 1 ? "the \(name) must be positive, not \(values)" : "the \(name) is negative: \(values)")
        }
        guard values.allSatisfy({ $0 <= limit }) else {
            throw error(.overflow, "the \(name) must not be larger than \(limit): \(values)")
        }
    }
}

/// The sizes of a pooling's input and output as kernels see them.
func poolingSizes(input: Tensor, output: Tensor, dims: Int) -> apus_pooling {
    var pool = apus_pooling()
    pool.planes = Int64(input.layout.sizesArray.dropLast(dims).reduce(1, &*))
    pool.in_size = triple(input.layout.sizesArray.suffix(dims), 1)
    pool.out_size = triple(output.layout.sizesArray.suffix(dims), 1)
    (pool.kernel, pool.stride, pool.padding, pool.dilation) = ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1))
    return pool
}

extension Call {
    /// Requires that a tensor has a shape.
    func requireShape(_ tensor: Tensor, _ expected: Shape, _ what: String) throws {
        func mismatch() -> TensorError {
            error(.shapeMismatch, "\(what) of shape \(tensor.shape) doesn't fit; it must have shape \(expected)")
        }
        guard tensor.rank == expected.count else { throw mismatch() }
        for (size, wanted) in zip(tensor.shape, expected) where !size.isIdentical(to: wanted) { try require(size == wanted, mismatch()) }
    }

    /// Requires a gradient of the input's dtype: results have the one, and kernels read the other.
    func requireGradientDType(_ index: Int, of x: Tensor) throws {
        let gradient = try tensor(index)
        guard gradient.dtype == x.dtype else {
            throw error(.dtypeMismatch, "the gradient is of \(gradient.dtype), but the input of \(x.dtype)")
        }
    }

    func requireFloating(_ tensor: Tensor) throws {
        guard tensor.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(tensor.dtype)") }
    }

    /// Runs the operator in two dimensions on a tensor with one spatial dimension.
    func inTwoDimensions(_ body: (Tensor) throws -> [Tensor]) throws -> [OperatorArgument] {
        let x = try tensor(0)
        guard x.rank == 2 || x.rank == 3 else { throw error(.shapeMismatch, "takes 2 or 3 dimensions, not shape \(x.shape)") }
        return try body(x.unsqueezed(-2)).map { .tensor(try $0.squeezed(-2)) }
    }

    /// The parameters of a one-dimensional window, with 1 or 0 for the dimension put before.
    func widened(_ index: Int, _ neutral: Int) throws -> OperatorArgument {
        let values = try constants(index)
        guard let value = values.first else { return .ints([Int]()) }
        return .ints([neutral, value])
    }
}
