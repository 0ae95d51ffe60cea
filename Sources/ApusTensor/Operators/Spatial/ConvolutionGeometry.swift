import ApusSymbolic
import CApusKernels

/// The parameters of a convolution, each with one number for every spatial dimension.
struct ConvolutionGeometry {
    let stride: [Int]
    let padding: [Int]
    let dilation: [Int]
    let isTransposed: Bool
    let outputPadding: [Int]
    let groups: Int

    var dims: Int { stride.count }

    /// Reads the six arguments from `first` on and checks those that don't depend on shapes.
    init(_ call: Call, at first: Int, weight: Tensor) throws {
        let dims: Int = weight.rank - 2
        guard (1...3).contains(dims) else {
            throw call.error(.shapeMismatch, "takes a weight of 3 to 5 dimensions, not of shape \(weight.shape)")
        }
        stride = try call.constants(first, count: dims)
        padding = try call.constants(first + 1, count: dims)
        dilation = try call.constants(first + 2, count: dims)
        isTransposed = try call.bool(first + 3)
        outputPadding = isTransposed ? try call.constants(first + 4, count: dims) : Array(repeating: 0, count: dims)
        groups = try call.constant(first + 5)
        try call.requireSteps("stride", stride)
        try call.requireSteps("dilation", dilation)
        try call.requireSteps("padding", padding, from: 0)
        guard groups > 0 else { throw call.error(.invalidArgument, "the number of groups must be positive, not \(groups)") }
        try call.requireSteps("number of groups", [groups])
        for (dim, pad) in outputPadding.enumerated() where pad < 0 || pad >= Swift.max(stride[dim], dilation[dim]) {
            if isTransposed {
                throw call.error(.invalidArgument, "the output padding \(outputPadding) must be smaller than the stride or the dilation")
            }
        }
    }

    /// The result's shape; requires that input, weight and bias fit.
    func resultShape(_ input: Tensor, _ weight: Tensor, bias: Tensor?, _ call: Call) throws -> Shape {
        guard input.rank == dims + 2 else {
            throw call.error(
                .shapeMismatch, "a weight of shape \(weight.shape) takes an input of \(dims + 2) dimensions, not of shape \(input.shape)")
        }
        guard input.dtype == weight.dtype else { throw call.differentDTypes(input, weight) }
        guard input.dtype != .bool else { throw call.error(.dtypeMismatch, "does not take \(input.dtype)") }
        let channels: SymInt = isTransposed ? weight.shape[0] : weight.shape[1] * groups
        try require(
            input.shape[1] == channels,
            call.error(
                .shapeMismatch,
                "an input of shape \(input.shape) has \(input.shape[1]) channels; a weight of shape \(weight.shape) in \(groups) groups takes \(channels)"
            ))
        try require(
            weight.shape[0] % groups == 0,
            call.error(.shapeMismatch, "\(weight.shape[0]) channels of a weight of shape \(weight.shape) don't split into \(groups) groups")
        )
        let results: SymInt = isTransposed ? weight.shape[1] * groups : weight.shape[0]
        if let bias {
            guard bias.dtype == input.dtype else { throw call.differentDTypes(input, bias) }
            func mismatch() -> TensorError {
                call.error(.shapeMismatch, "a bias of shape \(bias.shape) doesn't fit \(results) output channels")
            }
            guard bias.rank == 1 else { throw mismatch() }
            try require(bias.shape[0] == results, mismatch())
        }
        var sizes: [SymInt] = [input.shape[0], results]
        for dim in 0..<dims {
            sizes.append(try resultSize(input.shape[dim + 2], kernel: weight.shape[dim + 2], dim, input, weight, call))
        }
        return try Shape(sizes, in: call.name)
    }

    private func resultSize(_ size: SymInt, kernel: SymInt, _ dim: Int, _ input: Tensor, _ weight: Tensor, _ call: Call) throws -> SymInt {
        let reach: SymInt = (kernel - 1) * dilation[dim]
        let result: SymInt
        if isTransposed {
            result = (size - 1) * stride[dim] - 2 * padding[dim] + reach + outputPadding[dim] + 1
            try require(
                result >= 0, call.error(.shapeMismatch, "an input of shape \(input.shape) gives a negative size in dimension \(dim + 2)"))
            return result
        }
        try require(kernel > 0, call.error(.shapeMismatch, "a weight of shape \(weight.shape) has a kernel of size 0"))
        let room: SymInt = size + 2 * padding[dim] - reach - 1
        try require(
            room >= 0,
            call.error(
                .shapeMismatch,
                "a kernel of shape \(Array(weight.shape.dropFirst(2))) with dilation \(dilation) is larger than the padded input of shape \(input.shape)"
            ))
        return room / stride[dim] + 1
    }

    /// The plain convolution from `input` to `output` that this is, or whose gradient it is, as kernels see it.
    func parameters(input: Tensor, output: Tensor, weight: Tensor) -> apus_conv {
        var conv = apus_conv()
        conv.batch = Int64(input.layout.size(0))
        conv.in_channels = Int64(input.layout.size(1))
        conv.out_channels = Int64(output.layout.size(1))
        conv.groups = Int64(groups)
        func spatial(_ tensor: Tensor) -> [Int] { Array(tensor.layout.sizesArray.dropFirst(2)) }
        conv.in_size = triple(spatial(input), 1)
        conv.out_size = triple(spatial(output), 1)
        conv.kernel = triple(spatial(weight), 1)
        conv.stride = triple(stride, 1)
        conv.padding = triple(padding, 0)
        conv.dilation = triple(dilation, 1)
        return conv
    }
}

extension ConvolutionGeometry {
    /// The convolution with a kernel of size 1 that has a tensor as its input and output: what a sum over channels needs to know.
    static func pointwise(_ tensor: Tensor) -> apus_conv {
        var conv = apus_conv()
        (conv.batch, conv.in_channels, conv.out_channels) = (
            Int64(tensor.layout.size(0)), Int64(tensor.layout.size(1)), Int64(tensor.layout.size(1))
        )
        conv.groups = 1
        conv.in_size = triple(Array(tensor.layout.sizesArray.dropFirst(2)), 1)
        conv.out_size = conv.in_size
        (conv.kernel, conv.stride, conv.padding, conv.dilation) = ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1))
        return conv
    }
}

/// Up to three numbers as kernels take them, with a neutral one for the dimensions that are not there.
func triple(_ values: [Int], _ neutral: Int) -> (Int64, Int64, Int64) {
    let filled = Array(repeating: neutral, count: Swift.max(0, 3 - values.count)) + values
    return (Int64(filled[0]), Int64(filled[1]), Int64(filled[2]))
}

extension Call {
    /// A tensor argument without gaps, for kernels that need that.
    func dense(_ index: Int) throws -> Tensor { try Interpreter.with(nil) { try tensor(index).contiguous() } }

    func optionalDense(_ index: Int) throws -> Tensor? {
        if case .none = self[index] { return nil }
        return try dense(index)
    }

    func bools(_ index: Int, count: Int) throws -> [Bool] {
        guard case .bools(let values) = self[index], values.count == count else {
            throw error(.invalidArgument, "needs \(count) truth values")
        }
        return values
    }
}

extension Call {
    /// The convolution that a call of `aten::convolution` is, as kernels see it; nil for a transposed one.
    package func convolution(into output: Tensor) throws -> apus_conv? {
        let (input, weight): (Tensor, Tensor) = (try tensor(0), try tensor(1))
        let geometry = try ConvolutionGeometry(self, at: 3, weight: weight)
        return geometry.isTransposed ? nil : geometry.parameters(input: input, output: output, weight: weight)
    }
}
