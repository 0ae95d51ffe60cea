import ApusSymbolic
import CApusKernels

// Largest and smallest elements, with or without their positions. NaN wins over every number; the first of equal elements wins. Reducing a
// dimension that has no elements is an error.

extension Operator {
    static let amax: Operator = extremeOver(
        "aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", APUS_REDUCE_MAX, "largest")
    static let amin: Operator = extremeOver(
        "aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor", APUS_REDUCE_MIN, "smallest")
    static let maxAll: Operator = extremeOver("aten::max(Tensor self) -> Tensor", APUS_REDUCE_MAX, "largest")
    static let minAll: Operator = extremeOver("aten::min(Tensor self) -> Tensor", APUS_REDUCE_MIN, "smallest")

    static let maxDim: Operator = extremeWithIndex(
        "aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", APUS_REDUCE_MAX, "largest")
    static let minDim: Operator = extremeWithIndex(
        "aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", APUS_REDUCE_MIN, "smallest")

    static let argmax: Operator = position(
        "aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", APUS_REDUCE_ARGMAX, "largest")
    static let argmin: Operator = position(
        "aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", APUS_REDUCE_ARGMIN, "smallest")

    static let aminmax: Operator = composite(
        "aten::aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
        "The smallest and the largest element.",
        samples: { try reductionSamples(.real, [[.none, .bool(false)], [.int(1), .bool(true)]]) },
        { call in
            let x = try call.tensor(0)
            let dims: [Int] = try call.optionalInt(1) == nil ? [] : [call.constant(1)]
            let keepDim: Bool = try call.bool(2)
            return [.tensor(try x.amin(dims: dims, keepDim: keepDim)), .tensor(try x.amax(dims: dims, keepDim: keepDim))]
        })

    static let extremes: [Operator] = [amax, amin, maxAll, minAll, maxDim, minDim, argmax, argmin, aminmax]

    /// The gradient is shared evenly between equal extremes.
    private static func extremeOver(_ schema: String, _ operation: apus_reduce_op, _ word: String) -> Operator {
        reduction(
            schema, operation, taking: .real, "The \(word) element, over all dimensions when none are given. NaN wins.",
            needsElements: true,
            gradient: { g, gradient, reduction in
                let x = try g.call.tensor(0)
                return try (x .== reduction.restored(g.outputs[0], g.call)).sharing(gradient, dims: reduction.dims(g.call))
            },
            further: schema.contains("dim")
                ? [[.ints([1]), .bool(false)], [.ints([0, -1]), .bool(true)], [.ints([Int]()), .bool(false)]] : [[]])
    }

    private static func extremeWithIndex(_ schema: String, _ operation: apus_reduce_op, _ word: String) -> Operator {
        selection(
            schema, "The \(word) elements over a dimension and their positions in it, in int64. NaN wins.",
            compute: { _, input, values, indices in apus_reduce_with_index(operation, &input, &values, &indices) },
            gradient: { x, dim, index, gradient in try gradient * (x.positions(along: dim) .== index) },
            samples: { try reductionSamples(.real, [[.int(1), .bool(false)], [.int(-1), .bool(true)]]) })
    }

    /// An operator that gives an element of each line along a dimension, and its position.
    /// - Parameters:
    ///   - compute: the kernel: the dimension, the input, and both results with size 1 there
    ///   - gradient: the input's, of: the input, the dimension, positions and incoming gradient with size 1 there
    static func selection(
        _ schema: String, _ documentation: String,
        compute: @escaping @Sendable (Int32, inout apus_view, inout apus_view, inout apus_view) -> Int32,
        gradient: @escaping @Sendable (Tensor, Int, Tensor, Tensor) throws -> Tensor,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        let reduction = Reduction(schema)
        return Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                let shape = try reduction.shape(call)
                try reduction.requireElements(call)
                return [TensorSpec(x.dtype, shape), TensorSpec(.int64, shape)]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                let dim: Int = try reduction.dims(call).first ?? 0
                var input = x.view
                try reduction.withKeptDims(outputs[0], call) { values in
                    try reduction.withKeptDims(outputs[1], call) { indices in
                        var (values, indices) = (values, indices)
                        try check(compute(Int32(dim), &input, &values, &indices), call)
                    }
                }
                withExtendedLifetime((x, outputs)) {}
            },
            gradient: { g in
                guard let dim = try reduction.dims(g.call).first else { return [.tensor(try g.gradient)] }
                let (index, incoming) = (try reduction.restored(g.outputs[1], g.call), try reduction.restored(g.gradient, g.call))
                return [.tensor(try gradient(g.call.tensor(0), dim, index, incoming))]
            }, samples: samples)
    }

    private static func position(_ schema: String, _ operation: apus_reduce_op, _ word: String) -> Operator {
        reduction(
            schema, operation, taking: .realNumbers,
            "The position of the \(word) element along a dimension, or in row-major order when none is given; in int64. The first NaN wins.",
            result: { _ in .int64 }, needsElements: true,
            further: [[.int(1), .bool(false)], [.none, .bool(false)], [.int(-1), .bool(true)]])
    }
}

extension Tensor {
    /// A gradient with size 1 in the reduced dimensions, shared evenly between the elements where this mask is true. How many they are may be
    /// more than half precision has numbers for.
    func sharing(_ gradient: Tensor, dims: [Int]) throws -> Tensor {
        let counts: Tensor = try sum(dims: dims, keepDim: true)
        return try self * (gradient.to(gradient.dtype.accumulation) / counts).to(gradient.dtype)
    }

    /// 0, 1, 2 ... along one dimension, with size 1 in the others: for comparing with positions.
    func positions(along dim: Int) throws -> Tensor {
        var sizes = [SymInt](repeating: 1, count: rank)
        sizes[dim] = shape[dim]
        return try Tensor.arange(shape[dim]).reshaped(sizes)
    }

    /// The largest element.
    public func max() throws -> Tensor { try applySingle(.maxAll, [.tensor(self)]) }
    /// The smallest element.
    public func min() throws -> Tensor { try applySingle(.minAll, [.tensor(self)]) }

    /// The largest elements over several dimensions, all of them when the list is empty.
    public func amax(dims: [Int] = [], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.amax, [.tensor(self), .ints(dims), .bool(keepDim)])
    }
    /// The largest elements over one dimension.
    public func amax(dim: Int, keepDim: Bool = false) throws -> Tensor { try amax(dims: [dim], keepDim: keepDim) }

    /// The smallest elements over several dimensions, all of them when the list is empty.
    public func amin(dims: [Int] = [], keepDim: Bool = false) throws -> Tensor {
        try applySingle(.amin, [.tensor(self), .ints(dims), .bool(keepDim)])
    }
    /// The smallest elements over one dimension.
    public func amin(dim: Int, keepDim: Bool = false) throws -> Tensor { try amin(dims: [dim], keepDim: keepDim) }

    /// The largest elements over one dimension and their positions in it.
    public func max(dim: Int, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.maxDim, [.tensor(self), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The smallest elements over one dimension and their positions in it.
    public func min(dim: Int, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.minDim, [.tensor(self), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The position of the largest element over one dimension, or in row-major order.
    public func argmax(dim: Int? = nil, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.argmax, [.tensor(self), dim.map { .int($0) } ?? .none, .bool(keepDim)])
    }

    /// The position of the smallest element over one dimension, or in row-major order.
    public func argmin(dim: Int? = nil, keepDim: Bool = false) throws -> Tensor {
        try applySingle(.argmin, [.tensor(self), dim.map { .int($0) } ?? .none, .bool(keepDim)])
    }

    /// The smallest and the largest element along a dimension, or of all.
    public func aminmax(dim: Int? = nil, keepDim: Bool = false) throws -> (min: Tensor, max: Tensor) {
        let results = try applyTensors(.aminmax, [.tensor(self), dim.map { .int($0) } ?? .none, .bool(keepDim)])
        return (results[0], results[1])
    }
}
