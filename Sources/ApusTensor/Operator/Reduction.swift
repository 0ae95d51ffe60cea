import ApusSymbolic
import CApusKernels

/// What reductions share: which arguments say what is reduced, and the shapes and views that follow. The positions are read from the schema.
struct Reduction: Sendable {
    /// Positions of `dim`, `keepdim` and `dtype` in the argument list, where the schema has them.
    private let dim: Int?
    private let keepDim: Int?
    private let dtype: Int?
    /// Whether an empty list of dimensions stands for all of them.
    private let emptyMeansAll: Bool

    init(_ schema: String, emptyMeansAll: Bool = true) {
        let parsed = try? Schema(schema)
        dim = parsed?.index(of: "dim")
        keepDim = parsed?.index(of: "keepdim")
        dtype = parsed?.index(of: "dtype")
        self.emptyMeansAll = emptyMeansAll
    }

    /// The reduced dimensions, ascending, counted from the front.
    func dims(_ call: Call) throws -> [Int] {
        let rank = try call.tensor(0).rank
        guard let dim else { return Array(0..<rank) }
        if case .none = call[dim] { return Array(0..<rank) }
        let given: [Int] = try call.constants(dim)
        if given.isEmpty && !emptyMeansAll { return [] }
        return try normalize(dims: given, rank: rank, in: call.name)
    }

    func keepsDims(_ call: Call) throws -> Bool {
        guard let keepDim else { return false }
        if case .none = call[keepDim] { return false }
        return try call.bool(keepDim)
    }

    /// The dtype that the caller asks for.
    func requestedDType(_ call: Call) throws -> DType? { try dtype.flatMap { try call.dtype($0) } }

    /// The number of elements that go into one result.
    func count(_ call: Call) throws -> SymInt {
        let shape = try call.tensor(0).shape
        return try dims(call).reduce(SymInt(1)) { $0 * shape[$1] }
    }

    /// The result's shape.
    func shape(_ call: Call) throws -> Shape {
        let shape = try call.tensor(0).shape
        let (dims, keepDim) = (try self.dims(call), try keepsDims(call))
        if dims.count == shape.count && !keepDim { return .scalar }
        if dims.isEmpty { return shape }
        var sizes: [SymInt] = []
        for (dim, size) in shape.enumerated() {
            if !dims.contains(dim) {
                sizes.append(size)
            } else if keepDim {
                sizes.append(1)
            }
        }
        return try Shape(sizes, in: call.name)
    }

    /// Requires that every reduced dimension has elements.
    func requireElements(_ call: Call) throws {
        let shape = try call.tensor(0).shape
        for dim in try dims(call) {
            try require(
                shape[dim] != 0,
                call.error(.emptyReduction, "dimension \(dim) of shape \(shape) has no elements, and \(call.name) of nothing has no value"))
        }
    }

    /// Runs the kernel on argument 0.
    func run(_ call: Call, _ operation: apus_reduce_op, parameter: Double = 0, into output: Tensor) throws {
        let x = try call.tensor(0)
        var input = x.view
        try withKeptDims(output, call) { out in
            var out = out
            try check(apus_reduce(operation, parameter, &input, &out), call)
        }
        withExtendedLifetime((x, output)) {}
    }

    /// A contiguous result as kernels see it, with a size of 1 for every reduced dimension.
    func withKeptDims(_ output: Tensor, _ call: Call, _ body: (apus_view) throws -> Void) throws {
        let rank = try call.tensor(0).rank
        let dims: [Int] = try self.dims(call)
        try withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * rank) { numbers in
            var position = output.rank - 1
            let isKept: Bool = output.rank == rank
            for dim in (0..<rank).reversed() {
                if dims.contains(dim) {
                    numbers[dim] = 1
                    numbers[rank + dim] = 0
                    if isKept { position -= 1 }
                } else {
                    numbers[dim] = output.layout.sizes[position]
                    numbers[rank + dim] = output.layout.strides[position]
                    position -= 1
                }
            }
            let base = numbers.baseAddress
            try body(
                apus_view(
                    data: output.baseAddress, sizes: base, strides: base.map { $0 + rank }, rank: Int32(truncatingIfNeeded: rank),
                    dtype: Int32(output.dtype.rawValue)))
        }
    }

    /// A tensor of the result's shape with the reduced dimensions put back as size 1.
    func restored(_ tensor: Tensor, _ call: Call) throws -> Tensor {
        if try keepsDims(call) { return tensor }
        return try dims(call).reduce(tensor) { try $0.unsqueezed($1) }
    }
}

extension Operator {
    /// A reduction that one kernel computes.
    ///
    /// - Parameters:
    ///   - taking: the kinds of dtypes that it takes, of the tensor or the dtype asked for.
    ///   - result: the result's dtype where the caller asks for none.
    ///   - needsElements: whether reducing nothing is an error.
    ///   - gradient: the gradient of the tensor from that of the result, whose reduced dimensions are put back as size 1.
    ///   - further: lists of arguments after the tensor for the samples.
    static func reduction(
        _ schema: String, _ operation: apus_reduce_op, taking: DTypeClasses = .all, _ documentation: String,
        result: @escaping @Sendable (DType) -> DType = { $0 }, needsElements: Bool = false, emptyMeansAll: Bool = true,
        parameter: (@Sendable (Call) throws -> Double)? = nil,
        gradient: (@Sendable (_ g: GradientCall, _ gradient: Tensor, _ reduction: Reduction) throws -> Tensor)? = nil,
        further: [[OperatorArgument]]
    ) -> Operator {
        let reduction = Reduction(schema, emptyMeansAll: emptyMeansAll)
        var rule: Gradient?
        if let gradient {
            rule = { g in
                let x = try g.call.tensor(0)
                let restored: Tensor = try reduction.restored(g.gradient, g.call)
                return [.tensor(try gradient(g, restored, reduction).to(x.dtype))]
            }
        }
        return Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                let requested: DType? = try reduction.requestedDType(call)
                guard taking.contains(requested ?? x.dtype) else {
                    let fix: String =
                        requested == nil && taking == .differentiable ? "; pass dtype: .float32, or convert with to(.float32)" : ""
                    throw call.error(.dtypeMismatch, "does not take \(requested ?? x.dtype)\(fix)")
                }
                let shape = try reduction.shape(call)
                if needsElements { try reduction.requireElements(call) }
                return [TensorSpec(requested ?? result(x.dtype), shape)]
            },
            kernel: .compute { call, outputs in
                try reduction.run(call, operation, parameter: parameter?(call) ?? 0, into: outputs[0])
            },
            gradient: rule, samples: { try reductionSamples(taking, further, hasZeroDimensional: schema.contains("dim") == false) })
    }

    /// Tensors of every kind of dtype, once with each list of further arguments.
    static func reductionSamples(_ taking: DTypeClasses, _ further: [[OperatorArgument]], hasZeroDimensional: Bool = false) throws
        -> [[OperatorArgument]]
    {
        let dtypes: [DType] = [DType.float32, .float64, .bfloat16, .int64, .uint8, .bool, .complex64].filter { taking.contains($0) }
        guard let first = dtypes.first else { return [] }
        var samples: [[OperatorArgument]] = []
        for arguments in further { samples.append([.tensor(try .sample([2, 3, 4], dtype: first))] + arguments) }
        if let arguments = further.first {
            for dtype in dtypes.dropFirst() { samples.append([.tensor(try .sample([3, 2, 2], dtype: dtype, seed: 3))] + arguments) }
            samples.append([.tensor(try .sample([2, 3, 4], dtype: first).permuted([2, 0, 1]))] + arguments)
        }
        if hasZeroDimensional { samples.append([.tensor(try .sample([], dtype: first))] + (further.first ?? [])) }
        return samples
    }
}
