import ApusSymbolic
import CApusKernels

// Pooling to a given size.

extension Operator {
    static let adaptivePools: [Operator] =
        [2, 3].flatMap { dims in
            let backward = adaptiveAverageBackward(dims)
            let average = adaptiveAverage(dims, backward)
            return [average, backward, adaptiveAverageComposite(dims, average), adaptiveMax(dims), adaptiveMaxBackward(dims)]
        } + [adaptiveAverage1d, adaptiveMax1d]

    private static func sample(_ dims: Int) throws -> [OperatorArgument] {
        [.tensor(try .sample([1, 2] + [5, 4, 3].prefix(dims))), .ints([3, 2, 2].prefix(dims).map { $0 })]
    }

    private static func adaptiveAverage(_ dims: Int, _ backward: Operator) -> Operator {
        Operator(
            "aten::_adaptive_avg_pool\(dims)d(Tensor self, SymInt[\(dims)] output_size) -> Tensor",
            "The means of windows, as equal as can be, that give the last \(dims) dimensions the sizes `output_size`.",
            rule: { call in
                let x = try call.tensor(0)
                try call.requireFloating(x)
                return [TensorSpec(x.dtype, try call.adaptedShape(x.shape, dims))]
            },
            kernel: .compute { call, outputs in
                let x = try call.dense(0)
                var pool = poolingSizes(input: x, output: outputs[0], dims: dims)
                try check(apus_adaptive_avg_pool(&pool, Int32(x.dtype.rawValue), x.baseAddress, outputs[0].baseAddress), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in [.tensor(try applySingle(backward, [.tensor(g.gradient), g.call[0]]))] },
            samples: { [try sample(dims)] })
    }

    private static func adaptiveAverageBackward(_ dims: Int) -> Operator {
        Operator(
            "aten::_adaptive_avg_pool\(dims)d_backward(Tensor grad_output, Tensor self) -> Tensor",
            "Spreads each element of the gradient evenly over its window.",
            rule: { call in
                try call.requireAdaptedGradient(dims)
                return [try call.tensor(1).spec]
            },
            kernel: .compute { call, outputs in
                let gradient = try call.dense(0)
                var pool = poolingSizes(input: outputs[0], output: gradient, dims: dims)
                let status = apus_adaptive_avg_pool_backward(
                    &pool, Int32(gradient.dtype.rawValue), gradient.baseAddress, outputs[0].baseAddress)
                try check(status, call)
                withExtendedLifetime((gradient, outputs)) {}
            },
            gradient: { g in
                let sizes = Array(try g.call.tensor(0).shape.sizes.suffix(dims))
                return [
                    .tensor(try applySingle(try named("_adaptive_avg_pool\(dims)d"), [.tensor(g.gradient), .ints(sizes)]))
                ]
            },
            samples: {
                let arguments = try sample(dims)
                return [[.tensor(try .sample([1, 2] + [3, 2, 2].prefix(dims), seed: 3)), arguments[0]]]
            })
    }

    private static func adaptiveAverageComposite(_ dims: Int, _ average: Operator) -> Operator {
        composite(
            "aten::adaptive_avg_pool\(dims)d(Tensor self, SymInt[\(dims)] output_size) -> Tensor",
            "The means of windows, as equal as can be, that give the last \(dims) dimensions the sizes `output_size`.",
            samples: { [try sample(dims)] }
        ) { call in [.tensor(try applySingle(average, call.arguments))] }
    }

    private static let adaptiveAverage1d: Operator = composite(
        "aten::adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor",
        "The means of windows, as equal as can be, that give the last dimension the size `output_size`.", samples: { [try sample(1)] }
    ) { call in
        try call.inTwoDimensions { x in
            [try applySingle(try named("_adaptive_avg_pool2d"), [.tensor(x), call.widened(1, 1)])]
        }
    }

    private static func adaptiveMax(_ dims: Int) -> Operator {
        Operator(
            "aten::adaptive_max_pool\(dims)d(Tensor self, int[\(dims)] output_size) -> (Tensor, Tensor)",
            "The largest elements of windows, as equal as can be, that give the last \(dims) dimensions the sizes `output_size`, and their positions in "
                + "the flattened input plane.",
            rule: { call in
                let x = try call.tensor(0)
                try call.requireFloating(x)
                let shape = try call.adaptedShape(x.shape, dims)
                return [TensorSpec(x.dtype, shape), TensorSpec(.int64, shape)]
            },
            kernel: .compute { call, outputs in
                let x = try call.dense(0)
                var pool = poolingSizes(input: x, output: outputs[0], dims: dims)
                let positions = outputs[1].baseAddress.assumingMemoryBound(to: Int64.self)
                try check(apus_adaptive_max_pool(&pool, Int32(x.dtype.rawValue), x.baseAddress, outputs[0].baseAddress, positions), call)
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                let backward = try named("adaptive_max_pool\(dims)d_backward")
                return [.tensor(try applySingle(backward, [.tensor(g.gradient), g.call[0], .tensor(g.outputs[1])]))]
            }, samples: { [try sample(dims)] })
    }

    private static func adaptiveMaxBackward(_ dims: Int) -> Operator {
        Operator(
            "aten::adaptive_max_pool\(dims)d_backward(Tensor grad_output, Tensor self, Tensor indices) -> Tensor",
            "Adds each element of the gradient at the position that its window's largest element had.",
            failure: .positions(2) { call in SymInt.product(try call.tensor(1).shape.suffix(dims)) },
            rule: { call in
                try call.requireAdaptedGradient(dims)
                try call.requireShape(try call.indexTensor(2), try call.tensor(0).shape, "indices")
                return [try call.tensor(1).spec]
            },
            kernel: .compute { call, outputs in
                try call.spreadBack(poolingSizes(input: outputs[0], output: try call.tensor(0), dims: dims), indices: 2, outputs[0])
            },
            gradient: { g in [.tensor(try g.call.pickBack(try g.gradient, indices: 2, dims: dims))] },
            samples: {
                let arguments = try sample(dims)
                let outputs = try applyTensors(try named("adaptive_max_pool\(dims)d"), arguments)
                return [[.tensor(try .sample([1, 2] + [3, 2, 2].prefix(dims), seed: 3)), arguments[0], .tensor(outputs[1])]]
            })
    }

    private static let adaptiveMax1d: Operator = composite(
        "aten::adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor, Tensor)",
        "The largest elements of windows, as equal as can be, that give the last dimension the size `output_size`, and their positions.",
        samples: { [try sample(1)] }
    ) { call in
        try call.inTwoDimensions { x in
            try applyTensors(try named("adaptive_max_pool2d"), [.tensor(x), call.widened(1, 1)])
        }
    }
}

extension Call {
    /// Requires a gradient that pooling the input to some sizes can have.
    fileprivate func requireAdaptedGradient(_ dims: Int) throws {
        let (gradient, x) = (try tensor(0), try tensor(1))
        try requireFloating(x)
        guard x.rank == dims + 1 || x.rank == dims + 2, gradient.rank == x.rank, gradient.dtype == x.dtype else {
            throw error(.shapeMismatch, "a gradient of \(gradient.spec) does not fit an input of \(x.spec)")
        }
        for size in x.shape.suffix(dims) {
            try require(size > 0, error(.shapeMismatch, "an input of shape \(x.shape) has nothing to pool"))
        }
        let sizes = x.shape.sizes.dropLast(dims) + gradient.shape.sizes.suffix(dims)
        try requireShape(gradient, try Shape(Array(sizes), in: name), "a gradient")
    }

    fileprivate func adaptedShape(_ shape: Shape, _ dims: Int) throws -> Shape {
        guard shape.count == dims + 1 || shape.count == dims + 2 else {
            throw error(.shapeMismatch, "takes \(dims + 1) or \(dims + 2) dimensions, not shape \(shape)")
        }
        var target = try ints(1)
        if target.count == 1 { target = Array(repeating: target[0], count: dims) }
        guard target.count == dims else { throw error(.invalidArgument, "needs \(dims) output sizes, not \(target.count)") }
        for size in shape.suffix(dims) {
            try require(size > 0, error(.shapeMismatch, "an input of shape \(shape) has nothing to pool"))
        }
        return try Shape(Array(shape.sizes.dropLast(dims)) + target, in: name)
    }
}

extension Tensor {
    /// The means of windows, as equal as can be, that give the last dimension a size.
    public func adaptiveAvgPool1d(_ size: any SymIntConvertible) throws -> Tensor {
        try applySingle(.named("adaptive_avg_pool1d"), [.tensor(self), .ints([size])])
    }

    /// The means of windows, as equal as can be, that give the last two dimensions these sizes.
    public func adaptiveAvgPool2d(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.named("adaptive_avg_pool2d"), [.tensor(self), .ints(sizes)])
    }

    /// The largest elements of windows, as equal as can be, that give the last two dimensions these sizes, and their positions.
    public func adaptiveMaxPool2d(_ sizes: [any SymIntConvertible]) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.named("adaptive_max_pool2d"), [.tensor(self), .ints(sizes)])
        return (results[0], results[1])
    }

    /// The means of windows, as equal as can be, that give the last three dimensions these sizes.
    public func adaptiveAvgPool3d(_ sizes: [any SymIntConvertible]) throws -> Tensor {
        try applySingle(.named("adaptive_avg_pool3d"), [.tensor(self), .ints(sizes)])
    }

    /// The largest elements of windows, as equal as can be, that give the last dimension this size, and their positions.
    public func adaptiveMaxPool1d(_ sizes: [any SymIntConvertible]) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.named("adaptive_max_pool1d"), [.tensor(self), .ints(sizes)])
        return (results[0], results[1])
    }

    /// The largest elements of windows, as equal as can be, that give the last three dimensions these sizes, and their positions.
    public func adaptiveMaxPool3d(_ sizes: [any SymIntConvertible]) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.named("adaptive_max_pool3d"), [.tensor(self), .ints(sizes)])
        return (results[0], results[1])
    }
}
