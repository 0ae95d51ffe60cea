import ApusSymbolic
import CApusKernels

// Sorting, and the positions at which values lie in a sorted sequence.

extension Operator {
    static let sort: Operator = sorting(
        "aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", at: 1
    ) {
        [[.tensor(try .sample([2, 5])), .int(1), .bool(false)], [.tensor(try .sample([3, 2])), .int(0), .bool(true)]]
    }

    static let sortStable: Operator = sorting(
        "aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)", at: 2
    ) { [[.tensor(try .sample([2, 5])), .bool(true), .int(-1), .bool(true)]] }

    static let argsort: Operator = composite(
        "aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
        "The positions that sort the elements along a dimension, equal ones in their order.",
        samples: { [[.tensor(try .sample([2, 5])), .int(1), .bool(false)]] }
    ) { call in [.tensor(try applyTensors(.sort, call.arguments)[1])] }

    static let argsortStable: Operator = composite(
        "aten::argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
        "The positions that sort the elements along a dimension, equal ones in their order.",
        samples: { [[.tensor(try .sample([2, 5])), .bool(true), .int(1), .bool(false)]] }
    ) { call in [.tensor(try applyTensors(.sort, [call[0], call[2], call[3]])[1])] }

    static let msort: Operator = composite(
        "aten::msort(Tensor self) -> Tensor", "The elements in order along the first dimension.",
        samples: { [[.tensor(try .sample([4, 2]))]] }
    ) { call in [.tensor(try call.tensor(0).sort(dim: 0).values)] }

    static let topk: Operator = Operator(
        "aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
        "The `k` largest or smallest elements along a dimension, in order, and their positions. NaN is the largest of all.",
        rule: { call in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(2), rank: x.rank, in: call.name)
            let (k, size): (SymInt, SymInt) = (try call.int(1), x.rank == 0 ? 1 : x.shape[dim])
            func outside() -> TensorError {
                call.error(.indexOutOfRange, "can't take \(k) elements of dimension \(dim) of shape \(x.shape)")
            }
            try require(k >= 0, outside())
            try require(k <= size, outside())
            var sizes = x.shape.sizes
            if dim < sizes.count { sizes[dim] = k }
            let shape = try Shape(sizes, in: call.name)
            return [TensorSpec(x.dtype, shape), TensorSpec(.int64, shape)]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(2), rank: x.rank, in: call.name)
            let (source, values, indices) = (x.atLeastVector, outputs[0].atLeastVector, outputs[1].atLeastVector)
            if values.layout.count == 0 { return }
            var (input, v, i) = (source.view, values.view, indices.view)
            try check(apus_topk(Int32(dim), try call.bool(3), try call.bool(4), &input, &v, &i), call)
            withExtendedLifetime((source, values, indices)) {}
        }, gradient: Operator.positionsGradient(dim: 2),
        samples: { [[.tensor(try .sample([2, 5])), .int(3), .int(1), .bool(true), .bool(true)]] })

    static let kthvalue: Operator = Operator(
        "aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
        "The `k`-th smallest element along a dimension, counted from 1, and its position.",
        rule: { call in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(2), rank: x.rank, in: call.name)
            let (k, size): (SymInt, SymInt) = (try call.int(1), x.rank == 0 ? 1 : x.shape[dim])
            func outside() -> TensorError {
                call.error(.indexOutOfRange, "there is no element number \(k) along dimension \(dim) of shape \(x.shape)")
            }
            try require(k >= 1, outside())
            try require(k <= size, outside())
            var sizes = x.shape.sizes
            if dim < sizes.count { if try call.bool(3) { sizes[dim] = 1 } else { sizes.remove(at: dim) } }
            let shape = try Shape(sizes, in: call.name)
            return [TensorSpec(x.dtype, shape), TensorSpec(.int64, shape)]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(2), rank: x.rank, in: call.name)
            let source = x.atLeastVector
            func kept(_ output: Tensor) throws -> Tensor {
                var view = StridedView(source.layout)
                view.sizes[dim] = 1
                guard let layout = Layout.contiguous(view.sizes) else { throw call.error(.overflow, "too many elements") }
                return try Tensor(StridedView(layout), of: output, call)
            }
            let (values, indices) = (try kept(outputs[0]), try kept(outputs[1]))
            if values.layout.count == 0 { return }
            var (input, v, i) = (source.view, values.view, indices.view)
            try check(apus_kthvalue(Int32(dim), Int64(try call.known(try call.int(1))), &input, &v, &i), call)
            withExtendedLifetime((source, values, indices)) {}
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let dim = try normalize(dim: try g.call.constant(2), rank: x.rank, in: g.call.name)
            var (gradient, index) = (try g.gradient, g.outputs[1])
            if x.rank > 0, try !g.call.bool(3) { (gradient, index) = (try gradient.unsqueezed(dim), try index.unsqueezed(dim)) }
            return [.tensor(try x.zerosLike().scatter(dim: dim, index, gradient))]
        }, samples: { [[.tensor(try .sample([2, 5])), .int(2), .int(1), .bool(false)]] })

    static let searchsorted: Operator = Operator(
        "aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
        "The positions at which values go into an ascending sequence, in front of equal ones or behind. The sequence is a vector, or has the values' "
            + "leading sizes.",
        rule: { call in
            let (sequence, values) = (try call.tensor(0), try call.tensor(1))
            try call.requireSequence(sequence, for: values)
            if try call.optionalTensor(5) != nil { try call.requireShape(try call.indexTensor(5), sequence.shape, "a sorter") }
            _ = try call.searchesRight()
            return [TensorSpec(try call.bool(2) ? .int32 : .int64, values.shape)]
        },
        kernel: .compute { call, outputs in
            var sequence = try call.tensor(0)
            if let sorter = try call.optionalTensor(5) { sequence = try Interpreter.with(nil) { try sequence.gather(dim: -1, sorter) } }
            try call.search(sequence, try call.tensor(1), right: try call.searchesRight(), outputs[0])
        },
        samples: {
            let sequence = try Tensor([-1, 0, 0.5, 1] as [Float], shape: [4])
            return [[.tensor(sequence), .tensor(try .sample([2, 3])), .bool(false), .bool(false), .none, .none]]
        })

    static let searchsortedScalar: Operator = composite(
        "aten::searchsorted.Scalar(Tensor sorted_sequence, Scalar self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor",
        "The position at which a number goes into an ascending vector.",
        samples: {
            [[.tensor(try Tensor([-1, 0, 0.5, 1] as [Float], shape: [4])), .double(0.5), .bool(false), .bool(true), .none, .none]]
        }
    ) { call in
        let value = try Tensor.scalar(call.scalar(1), dtype: call.tensor(0).dtype)
        return [.tensor(try applySingle(.searchsorted, [call[0], .tensor(value)] + call.arguments[2...]))]
    }

    static let bucketize: Operator = Operator(
        "aten::bucketize.Tensor(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
        "The number of the bucket that each value lies in, between ascending boundaries.",
        rule: { call in
            let (values, boundaries) = (try call.tensor(0), try call.tensor(1))
            guard boundaries.rank == 1 else {
                throw call.error(.shapeMismatch, "the boundaries must be a vector, not of shape \(boundaries.shape)")
            }
            try call.requireSequence(boundaries, for: values)
            return [TensorSpec(try call.bool(2) ? .int32 : .int64, values.shape)]
        },
        kernel: .compute { call, outputs in
            try call.search(try call.tensor(1), try call.tensor(0), right: try call.bool(3), outputs[0])
        },
        samples: {
            let boundaries = try Tensor([-1, 0, 0.5, 1] as [Float], shape: [4])
            return [[.tensor(try .sample([2, 3])), .tensor(boundaries), .bool(true), .bool(true)]]
        })

    static let sortings: [Operator] = [
        sort, sortStable, argsort, argsortStable, msort, topk, kthvalue, searchsorted, searchsortedScalar, bucketize,
    ]

    private static func sorting(_ schema: String, at dimIndex: Int, samples: @escaping @Sendable () throws -> [[OperatorArgument]])
        -> Operator
    {
        Operator(
            schema, "The elements in order along a dimension, equal ones in their order, and their positions. NaN is the largest of all.",
            rule: { call in
                let x = try call.tensor(0)
                guard !x.dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(x.dtype)") }
                _ = try normalize(dim: try call.constant(dimIndex), rank: x.rank, in: call.name)
                return [x.spec, TensorSpec(.int64, x.shape)]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                let dim = try normalize(dim: try call.constant(dimIndex), rank: x.rank, in: call.name)
                let (source, values, indices) = (x.atLeastVector, outputs[0].atLeastVector, outputs[1].atLeastVector)
                var (input, v, i) = (source.view, values.view, indices.view)
                try check(apus_sort(Int32(dim), try call.bool(dimIndex + 1), &input, &v, &i), call)
                withExtendedLifetime((source, values, indices)) {}
            }, gradient: positionsGradient(dim: dimIndex), samples: samples)
    }

    /// The gradient of elements whose positions along a dimension are the second result.
    private static func positionsGradient(dim dimIndex: Int) -> Gradient {
        { g in
            let x = try g.call.tensor(0)
            return [.tensor(try x.zerosLike().scatter(dim: g.call.constant(dimIndex), g.outputs[1], g.gradient))]
        }
    }
}

extension Call {
    fileprivate func searchesRight() throws -> Bool {
        guard let side = try optionalString(4) else { return try bool(3) }
        guard side == "left" || side == "right" else { throw error(.invalidArgument, "the side must be 'left' or 'right', not '\(side)'") }
        return side == "right"
    }

    fileprivate func requireSequence(_ sequence: Tensor, for values: Tensor) throws {
        guard sequence.dtype == values.dtype else { throw differentDTypes(sequence, values) }
        guard !values.dtype.isComplex, sequence.rank >= 1 else {
            throw error(.invalidArgument, "takes a sequence of real numbers, not \(sequence.spec)")
        }
        if sequence.rank == 1 { return }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "a sequence of shape \(sequence.shape) doesn't fit values of shape \(values.shape)")
        }
        guard sequence.rank == values.rank else { throw mismatch() }
        for (a, b) in zip(sequence.shape.dropLast(), values.shape.dropLast()) { try require(a == b, mismatch()) }
    }

    fileprivate func search(_ sequence: Tensor, _ values: Tensor, right: Bool, _ output: Tensor) throws {
        let (wanted, result) = (values.atLeastVector, output.atLeastVector)
        var (s, v, out) = (sequence.view, wanted.view, result.view)
        try check(apus_searchsorted(right, &s, &v, &out), self)
        withExtendedLifetime((sequence, wanted, result)) {}
    }
}

extension Tensor {
    /// The elements in order along a dimension, equal ones in their order, and their positions.
    public func sort(dim: Int = -1, descending: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.sort, [.tensor(self), .int(dim), .bool(descending)])
        return (results[0], results[1])
    }

    /// The positions that sort the elements along a dimension.
    public func argsort(dim: Int = -1, descending: Bool = false) throws -> Tensor {
        try applySingle(.argsort, [.tensor(self), .int(dim), .bool(descending)])
    }

    /// The `k` largest or smallest elements along a dimension, in order, and their positions.
    public func topk(_ k: any SymIntConvertible, dim: Int = -1, largest: Bool = true) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.topk, [.tensor(self), .int(k), .int(dim), .bool(largest), .bool(true)])
        return (results[0], results[1])
    }

    /// The positions at which values go into this ascending sequence, in front of equal ones or behind.
    public func searchsorted(_ values: Tensor, right: Bool = false) throws -> Tensor {
        try applySingle(.searchsorted, [.tensor(self), .tensor(values), .bool(false), .bool(right), .none, .none])
    }

    /// The number of the bucket that each value lies in, between ascending boundaries.
    public func bucketize(_ boundaries: Tensor, right: Bool = false) throws -> Tensor {
        try applySingle(.bucketize, [.tensor(self), .tensor(boundaries), .bool(false), .bool(right)])
    }

    /// The elements in ascending order along the first dimension.
    public func msort() throws -> Tensor { try applySingle(.msort, [.tensor(self)]) }

    /// The k-th smallest element along a dimension, counted from 1, and its position.
    public func kthvalue(_ k: any SymIntConvertible, dim: Int = -1, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.kthvalue, [.tensor(self), .int(k), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }
}
