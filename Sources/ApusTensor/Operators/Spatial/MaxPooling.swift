import ApusSymbolic
import CApusKernels

// The largest element of each window, and where it lies.

extension Operator {
    static let maxPools: [Operator] =
        [2, 3].flatMap { dims in
            let backward = maxPoolBackward(dims)
            let indexed = maxPoolIndexed(dims, backward)
            return [maxPool(dims, indexed), indexed, backward]
        } + [maxPool1d, maxPool1dIndexed]

    private static func schemaParameters(_ dims: Int) -> String {
        "int[\(dims)] kernel_size, int[\(dims)] stride=[], int[\(dims)] padding=0, int[\(dims)] dilation=1, bool ceil_mode=False"
    }

    private static func samples(_ dims: Int) throws -> [[OperatorArgument]] {
        let x: Tensor = try .sample([1, 2] + [5, 4, 3].prefix(dims))
        return [
            [.tensor(x), .ints([2]), .ints([Int]()), .ints([0]), .ints([1]), .bool(false)],
            [.tensor(x), .ints([2]), .ints([2]), .ints([1]), .ints([1]), .bool(true)],
            [.tensor(try (x * 40).to(.int64).to(.uint8)), .ints([2]), .ints([1]), .ints([1]), .ints([1]), .bool(false)],
            [.tensor(try (x * 40).to(.int64)), .ints([2]), .ints([2]), .ints([1]), .ints([2]), .bool(false)],
        ]
    }

    private static func window(_ call: Call, _ dims: Int) throws -> PoolingWindow {
        let dtype: DType = try call.tensor(0).dtype
        guard DTypeClasses.realNumbers.contains(dtype) else { throw call.error(.dtypeMismatch, "does not take \(dtype)") }
        return try PoolingWindow(call, dims: dims, at: 1, dilation: 4, ceilMode: 5)
    }

    private static func resultShape(_ call: Call, _ dims: Int) throws -> Shape {
        let (window, shape) = (try window(call, dims), try call.tensor(0).shape)
        let result = try window.resultShape(shape, call)
        try window.requireElements(shape, result, call)
        return result
    }

    private static func maxPool(_ dims: Int, _ indexed: Operator) -> Operator {
        Operator(
            "aten::max_pool\(dims)d(Tensor self, \(schemaParameters(dims))) -> Tensor",
            "The largest element of each window over the last \(dims) dimensions; NaN is the largest of all. Padding never wins; that a dilated window holds padding alone is an error, where PyTorch gives -infinity.",
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try resultShape(call, dims))]
            },
            kernel: .compute { call, outputs in
                let x = try call.dense(0)
                var pool = try window(call, dims).parameters(input: x, output: outputs[0])
                try check(apus_max_pool(&pool, Int32(x.dtype.rawValue), x.baseAddress, outputs[0].baseAddress, nil), call)
                withExtendedLifetime((x, outputs)) {}
            },
            decomposition: { call in [.tensor(try applyTensors(indexed, call.arguments)[0])] }, samples: { try samples(dims) })
    }

    private static func maxPoolIndexed(_ dims: Int, _ backward: Operator) -> Operator {
        Operator(
            "aten::max_pool\(dims)d_with_indices(Tensor self, \(schemaParameters(dims))) -> (Tensor, Tensor)",
            "The largest element of each window over the last \(dims) dimensions, and its position in the flattened input plane. That a dilated window holds padding alone is an error, where PyTorch gives -infinity at a position outside.",
            rule: { call in
                let x = try call.tensor(0)
                let shape = try resultShape(call, dims)
                return [TensorSpec(x.dtype, shape), TensorSpec(.int64, shape)]
            },
            kernel: .compute { call, outputs in
                let x = try call.dense(0)
                var pool = try window(call, dims).parameters(input: x, output: outputs[0])
                let positions = outputs[1].baseAddress.assumingMemoryBound(to: Int64.self)
                try check(apus_max_pool(&pool, Int32(x.dtype.rawValue), x.baseAddress, outputs[0].baseAddress, positions), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                [
                    .tensor(
                        try applySingle(
                            backward, [.tensor(g.gradient), g.call[0]] + g.call.arguments[1...5] + [.tensor(g.outputs[1])]))
                ]
            }, samples: { try samples(dims) })
    }

    private static func maxPoolBackward(_ dims: Int) -> Operator {
        Operator(
            "aten::max_pool\(dims)d_with_indices_backward(Tensor grad_output, Tensor self, int[\(dims)] kernel_size, int[\(dims)] stride, int[\(dims)] padding, int[\(dims)] dilation, bool ceil_mode, Tensor indices) -> Tensor",
            "Adds each element of the gradient at the position that its window's largest element had. " + Operator.roundedOnce,
            failure: .positions(7) { call in SymInt.product(try call.tensor(1).shape.suffix(dims)) },
            rule: { call in
                let x = try call.tensor(1)
                let window = try PoolingWindow(call, dims: dims, at: 2, dilation: 5, ceilMode: 6)
                let expected = try window.resultShape(x.shape, call)
                try call.requireShape(try call.tensor(0), expected, "a gradient")
                try call.requireFloating(x)
                try call.requireGradientDType(0, of: x)
                try call.requireShape(try call.indexTensor(7), expected, "indices")
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let window = try PoolingWindow(call, dims: dims, at: 2, dilation: 5, ceilMode: 6)
                try call.spreadBack(window.parameters(input: outputs[0], output: try call.tensor(0)), indices: 7, outputs[0])
            },
            gradient: { g in [.tensor(try g.call.pickBack(try g.gradient, indices: 7, dims: dims))] },
            samples: {
                try samples(dims).prefix(2).map { arguments in
                    let forward = try named("max_pool\(dims)d_with_indices")
                    let outputs = try applyTensors(forward, arguments)
                    let gradient: Tensor = try .sample(try outputs[0].sizes, seed: 3)
                    var window = Array(arguments[1...5])
                    if case .ints(let stride) = window[1], stride.isEmpty { window[1] = window[0] }
                    return [.tensor(gradient), arguments[0]] + window + [.tensor(outputs[1])]
                }
            })
    }

    private static let maxPool1d: Operator = composite(
        "aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> Tensor",
        "The largest element of each window over the last dimension.", samples: { Array(try samples(1).prefix(2)) }
    ) { call in
        try call.inTwoDimensions { x in
            [
                try applySingle(
                    try named("max_pool2d"),
                    [.tensor(x), call.widened(1, 1), call.widened(2, 1), call.widened(3, 0), call.widened(4, 1), call[5]])
            ]
        }
    }

    private static let maxPool1dIndexed: Operator = composite(
        "aten::max_pool1d_with_indices(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], int[1] dilation=[1], bool ceil_mode=False) -> (Tensor, Tensor)",
        "The largest element of each window over the last dimension, and its position.", samples: { Array(try samples(1).prefix(2)) }
    ) { call in
        try call.inTwoDimensions { x in
            try applyTensors(
                try named("max_pool2d_with_indices"),
                [.tensor(x), call.widened(1, 1), call.widened(2, 1), call.widened(3, 0), call.widened(4, 1), call[5]])
        }
    }
}

extension Call {
    /// Adds the first argument's elements at the positions given by an argument of indices into a result of zeros.
    func spreadBack(_ pool: apus_pooling, indices index: Int, _ output: Tensor) throws {
        let (gradient, indices) = (try wide(dense(0)), try Interpreter.with(nil) { try tensor(index).to(.int64).contiguous() })
        var (pool, bad): (apus_pooling, Int64) = (pool, 0)
        let positions = UnsafePointer(indices.baseAddress.assumingMemoryBound(to: Int64.self))
        try accumulating(into: output) { sums in
            let status = apus_max_pool_backward(
                &pool, Int32(gradient.dtype.rawValue), gradient.baseAddress, positions, sums.baseAddress, &bad)
            try check(status, self, index: bad, shape: sums.shape)
        }
        withExtendedLifetime((gradient, indices, output)) {}
    }

    /// The elements at the positions given by an argument of indices: the reverse of `spreadBack`.
    func pickBack(_ gradient: Tensor, indices index: Int, dims: Int) throws -> Tensor {
        let indices = try tensor(index)
        return try gradient.flattened(from: -dims).gather(dim: -1, indices.flattened(from: -dims)).reshaped(indices.shape)
    }
}

extension Tensor {
    /// The largest element of each window over the last dimension. Without a stride windows lie side by side.
    public func maxPool1d(
        _ kernel: any SymIntConvertible, stride: (any SymIntConvertible)? = nil, padding: any SymIntConvertible = 0,
        dilation: any SymIntConvertible = 1, ceilMode: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .named("max_pool1d"),
            [.tensor(self), .ints([kernel]), .ints([stride ?? kernel]), .ints([padding]), .ints([dilation]), .bool(ceilMode)])
    }

    /// The largest element of each window over the last two dimensions. Lists have one number or two; without a stride windows lie side by side.
    public func maxPool2d(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1], ceilMode: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .named("max_pool2d"),
            [.tensor(self), .ints(kernel), .ints(stride), .ints(padding), .ints(dilation), .bool(ceilMode)])
    }

    /// As `maxPool2d`, with the positions of the largest elements in the flattened input planes.
    public func maxPool2dWithIndices(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1], ceilMode: Bool = false
    ) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(
            .named("max_pool2d_with_indices"),
            [.tensor(self), .ints(kernel), .ints(stride), .ints(padding), .ints(dilation), .bool(ceilMode)])
        return (results[0], results[1])
    }

    /// The largest element of each window over the last three dimensions.
    public func maxPool3d(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1],
        ceilMode: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .named("max_pool3d"), [.tensor(self), .ints(kernel), .ints(stride), .ints(padding), .ints(dilation), .bool(ceilMode)])
    }

    /// As `maxPool1d`, with the positions of the largest elements.
    public func maxPool1dWithIndices(
        _ kernel: any SymIntConvertible, stride: (any SymIntConvertible)? = nil, padding: any SymIntConvertible = 0,
        dilation: any SymIntConvertible = 1, ceilMode: Bool = false
    ) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(
            .named("max_pool1d_with_indices"),
            [.tensor(self), .ints([kernel]), .ints([stride ?? kernel]), .ints([padding]), .ints([dilation]), .bool(ceilMode)])
        return (results[0], results[1])
    }

    /// As `maxPool3d`, with the positions of the largest elements in the flattened input volumes.
    public func maxPool3dWithIndices(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        dilation: [any SymIntConvertible] = [1],
        ceilMode: Bool = false
    ) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(
            .named("max_pool3d_with_indices"),
            [.tensor(self), .ints(kernel), .ints(stride), .ints(padding), .ints(dilation), .bool(ceilMode)])
        return (results[0], results[1])
    }
}
