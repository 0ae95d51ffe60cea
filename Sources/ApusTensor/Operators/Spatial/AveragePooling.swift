import ApusSymbolic
import CApusKernels

// The mean of each window.

extension Operator {
    static let averagePools: [Operator] =
        [2, 3].flatMap { dims in
            let backward = averagePoolBackward(dims)
            return [averagePool(dims, backward), backward]
        } + [averagePool1d]

    private static func samples(_ dims: Int) throws -> [[OperatorArgument]] {
        let x: Tensor = try .sample([1, 2] + [5, 4, 3].prefix(dims))
        return [
            [.tensor(x), .ints([2]), .ints([Int]()), .ints([0]), .bool(false), .bool(true), .none],
            [.tensor(x), .ints([2]), .ints([2]), .ints([1]), .bool(true), .bool(false), .none],
            [.tensor(x), .ints([2]), .ints([1]), .ints([1]), .bool(false), .bool(true), .int(3)],
            [.tensor(try (x * 40).to(.int64)), .ints([2]), .ints([2]), .ints([1]), .bool(true), .bool(false), .none],
        ]
    }

    private static func averagePool(_ dims: Int, _ backward: Operator) -> Operator {
        Operator(
            "aten::avg_pool\(dims)d(Tensor self, int[\(dims)] kernel_size, int[\(dims)] stride=[], int[\(dims)] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
            "The sum of each window over the last \(dims) dimensions divided by its size, with or without the padding, or by `divisor_override`. Takes int64 too, whose quotients are cut off.",
            rule: { call in
                let x = try call.tensor(0)
                guard x.dtype.isFloatingPoint || x.dtype == .int64 else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                _ = try call.divisor(6)
                let window = try PoolingWindow(call, dims: dims, at: 1, dilation: nil, ceilMode: 4)
                return [TensorSpec(x.dtype, try window.resultShape(x.shape, call))]
            },
            kernel: .compute { call, outputs in
                let x = try call.dense(0)
                let window = try PoolingWindow(call, dims: dims, at: 1, dilation: nil, ceilMode: 4)
                var pool = window.parameters(input: x, output: outputs[0])
                let status = apus_avg_pool(
                    &pool, Int32(x.dtype.rawValue), try call.bool(5), try call.divisor(6), x.baseAddress, outputs[0].baseAddress)
                try check(status, call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                var window = Array(g.call.arguments[1...6])
                if try g.call.ints(2).isEmpty { window[1] = window[0] }
                return [.tensor(try applySingle(backward, [.tensor(g.gradient), g.call[0]] + window))]
            }, samples: { try samples(dims) })
    }

    private static func averagePoolBackward(_ dims: Int) -> Operator {
        Operator(
            "aten::avg_pool\(dims)d_backward(Tensor grad_output, Tensor self, int[\(dims)] kernel_size, int[\(dims)] stride, int[\(dims)] padding, bool ceil_mode, bool count_include_pad, int? divisor_override) -> Tensor",
            "Spreads each element of the gradient evenly over its window.",
            rule: { call in
                let x = try call.tensor(1)
                try call.requireFloating(x)
                _ = try call.divisor(7)
                let window = try PoolingWindow(call, dims: dims, at: 2, dilation: nil, ceilMode: 5)
                try call.requireShape(try call.tensor(0), try window.resultShape(x.shape, call), "a gradient")
                try call.requireGradientDType(0, of: x)
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let gradient = try call.dense(0)
                let window = try PoolingWindow(call, dims: dims, at: 2, dilation: nil, ceilMode: 5)
                var pool = window.parameters(input: outputs[0], output: gradient)
                let status = apus_avg_pool_backward(
                    &pool, Int32(gradient.dtype.rawValue), try call.bool(6), try call.divisor(7), gradient.baseAddress,
                    outputs[0].baseAddress)
                try check(status, call)
                withExtendedLifetime((gradient, outputs)) {}
            },
            gradient: { g in
                [.tensor(try applySingle(try named("avg_pool\(dims)d"), [.tensor(g.gradient)] + g.call.arguments[2...7]))]
            },
            samples: {
                try samples(dims).prefix(3).map { arguments in
                    let result = try applySingle(try named("avg_pool\(dims)d"), arguments)
                    var window = Array(arguments[1...6])
                    if case .ints(let stride) = window[1], stride.isEmpty { window[1] = window[0] }
                    return [.tensor(try .sample(try result.sizes, seed: 3)), arguments[0]] + window
                }
            })
    }

    private static let averagePool1d: Operator = composite(
        "aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], bool ceil_mode=False, bool count_include_pad=True) -> Tensor",
        "The mean of each window over the last dimension.", samples: { try samples(1).prefix(2).map { Array($0.dropLast()) } }
    ) { call in
        try call.inTwoDimensions { x in
            [
                try applySingle(
                    try named("avg_pool2d"),
                    [.tensor(x), call.widened(1, 1), call.widened(2, 1), call.widened(3, 0), call[4], call[5], .none])
            ]
        }
    }
}

extension Call {
    /// The number to divide by, 0 for the window's size.
    fileprivate func divisor(_ index: Int) throws -> Int64 {
        if case .none = self[index] { return 0 }
        let divisor = try constant(index)
        guard divisor != 0 else { throw error(.invalidArgument, "the divisor is 0") }
        return Int64(divisor)
    }
}

extension Tensor {
    /// The mean of each window over the last dimension. Without a stride windows lie side by side.
    public func avgPool1d(
        _ kernel: any SymIntConvertible, stride: (any SymIntConvertible)? = nil, padding: any SymIntConvertible = 0, ceilMode: Bool = false,
        countIncludePad: Bool = true
    ) throws -> Tensor {
        try applySingle(
            .named("avg_pool1d"),
            [.tensor(self), .ints([kernel]), .ints([stride ?? kernel]), .ints([padding]), .bool(ceilMode), .bool(countIncludePad)])
    }

    /// The mean of each window over the last two dimensions. Lists have one number or two; without a stride windows lie side by side.
    public func avgPool2d(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        ceilMode: Bool = false, countIncludePad: Bool = true,
        divisorOverride: (any SymIntConvertible)? = nil
    ) throws -> Tensor {
        try applySingle(
            .named("avg_pool2d"),
            [
                .tensor(self), .ints(kernel), .ints(stride), .ints(padding), .bool(ceilMode), .bool(countIncludePad),
                divisorOverride.map { .int($0) } ?? .none,
            ])
    }

    /// The mean of each window over the last three dimensions.
    public func avgPool3d(
        _ kernel: [any SymIntConvertible], stride: [any SymIntConvertible] = [], padding: [any SymIntConvertible] = [0],
        ceilMode: Bool = false,
        countIncludePad: Bool = true, divisorOverride: (any SymIntConvertible)? = nil
    ) throws -> Tensor {
        try applySingle(
            .named("avg_pool3d"),
            [
                .tensor(self), .ints(kernel), .ints(stride), .ints(padding), .bool(ceilMode), .bool(countIncludePad),
                divisorOverride.map { .int($0) } ?? .none,
            ])
    }
}
