import ApusSymbolic
import CApusKernels

// Writing at positions along one dimension: copies of a tensor with elements replaced, added to, or combined.

extension Operator {
    static let scatterSource: Operator = scattering(
        "aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
        "A copy of `self` in which, for each position of `index`, the element at the same place, but for dimension `dim`, where `index` says "
            + "which, is `src`'s. Of several writes the last wins.",
        gradient: { g in
            let dim = try g.call.constant(1)
            let index = try g.call.tensor(2)
            try g.call.requireWholeSource()
            let gradient = try g.gradient
            return [
                .tensor(try gradient.scatter(dim: dim, index, Scalar(0))), .none, .none, .tensor(try gradient.gather(dim: dim, index)),
            ]
        }, samples: { [try Operator.scatterSample()] }
    ) { _ in APUS_SCATTER_SET }

    static let scatterValue: Operator = scattering(
        "aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
        "A copy of `self` with a number written at the positions of `index`, as `scatter.src`.",
        gradient: { g in [.tensor(try g.gradient.scatter(dim: g.call.constant(1), g.call.tensor(2), Scalar(0)))] },
        samples: { [Array(try Operator.scatterSample().dropLast()) + [.double(2.5)]] }
    ) { _ in APUS_SCATTER_SET }

    static let scatterReduce: Operator = scattering(
        "aten::scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
        "As `scatter.src`, but elements are added ('add') or multiplied ('multiply'). Not differentiable: use `scatter_reduce`.",
        gradient: nil, samples: { [try Operator.scatterSample() + [.string("add")]] }
    ) { call in try call.scatterReduction(4, ["add": APUS_SCATTER_ADD, "multiply": APUS_SCATTER_MULTIPLY]) }

    static let scatterValueReduce: Operator = scattering(
        "aten::scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
        "As `scatter.value`, but the number is added ('add') or multiplied ('multiply').",
        gradient: nil, samples: { [Array(try Operator.scatterSample().dropLast()) + [.double(2.5), .string("multiply")]] }
    ) { call in try call.scatterReduction(4, ["add": APUS_SCATTER_ADD, "multiply": APUS_SCATTER_MULTIPLY]) }

    static let scatterAdd: Operator = scattering(
        "aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor", "As `scatter.src`, but elements are added.",
        gradient: { g in
            try g.call.requireWholeSource()
            return [.tensor(try g.gradient), .none, .none, .tensor(try g.gradient.gather(dim: g.call.constant(1), g.call.tensor(2)))]
        }, samples: { [try Operator.scatterSample()] }
    ) { _ in APUS_SCATTER_ADD }

    static let indexAdd: Operator = Operator(
        "aten::index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
        "A copy of `self` with `alpha` times the parts of `source` added at the positions of dimension `dim` that a vector lists. "
            + Operator.roundedOnce,
        failure: .positionsInDimension,
        rule: { call in
            let spec: TensorSpec = try call.indexedSpec()
            try call.requireFits(call.scalar(4), spec.dtype.accumulation)
            return [spec]
        },
        kernel: .compute { call, outputs in try call.writeIndexed(outputs[0], APUS_SCATTER_ADD, alpha: try call.double(4)) },
        isUpdate: true,
        gradient: { g in
            let gradient = try g.gradient
            let part = try gradient.indexSelect(dim: g.call.constant(1), g.call.tensor(2)).reshaped(g.call.tensor(3).shape)
            let alpha = try g.call.scalar(4)
            return [.tensor(gradient), .none, .none, .tensor(alpha.isKnown(1) ? part : try part * alpha)]
        },
        samples: {
            let index = try Tensor([2, 0, 2] as [Int], shape: [3])
            return [[.tensor(try .sample([2, 4])), .int(1), .tensor(index), .tensor(try .sample([2, 3], seed: 2)), .double(0.5)]]
        })

    static let indexCopy: Operator = Operator(
        "aten::index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
        "A copy of `self` with the parts of `source` written at the positions of dimension `dim` that a vector lists.",
        failure: .positionsInDimension, rule: { call in [try call.indexedSpec()] },
        kernel: .compute { call, outputs in try call.writeIndexed(outputs[0], APUS_SCATTER_SET, alpha: 1) }, isUpdate: true,
        gradient: { g in
            let (dim, index, source) = (try g.call.constant(1), try g.call.tensor(2), try g.call.tensor(3))
            let gradient = try g.gradient
            let own = try applySingle(.indexCopy, [.tensor(gradient), .int(dim), .tensor(index), .tensor(source.zerosLike())])
            return [.tensor(own), .none, .none, .tensor(try gradient.indexSelect(dim: dim, index).reshaped(source.shape))]
        },
        samples: {
            let index = try Tensor([2, 0] as [Int], shape: [2])
            return [[.tensor(try .sample([2, 4])), .int(1), .tensor(index), .tensor(try .sample([2, 2], seed: 2))]]
        })

    static let indexFill: Operator = composite(
        "aten::index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
        "A copy of `self` with a number at the positions of dimension `dim` that a vector lists.",
        samples: { [[.tensor(try .sample([2, 4])), .int(1), .tensor(try Tensor([2, 0] as [Int], shape: [2])), .double(7)]] }
    ) { call in
        let (x, index) = (try call.tensor(0), try call.indexTensor(2))
        let dim = try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)
        var sizes = x.shape.sizes
        if dim < sizes.count { sizes[dim] = index.count }
        let source = try Tensor.scalar(call.scalar(3), dtype: x.dtype).expanded(sizes)
        return [.tensor(try applySingle(.indexCopy, [call[0], .int(dim), call[2], .tensor(source)]))]
    }

    static let scattering: [Operator] = [
        scatterSource, scatterValue, scatterReduce, scatterValueReduce, scatterAdd, indexAdd, indexCopy, indexFill,
    ]

    static func scatterSample() throws -> [OperatorArgument] {
        let index = try Tensor([0, 3, 1, 2, 0, 3] as [Int], shape: [2, 3])
        return [.tensor(try .sample([2, 4])), .int(1), .tensor(index), .tensor(try .sample([2, 3], seed: 2))]
    }

    static func scattering(
        _ schema: String, _ documentation: String, gradient: Gradient?, samples: @escaping @Sendable () throws -> [[OperatorArgument]],
        _ operation: @escaping @Sendable (Call) throws -> apus_scatter_op
    ) -> Operator {
        Operator(
            schema, documentation, failure: .positionsInDimension,
            rule: { call in
                let x = try call.tensor(0)
                let index = try call.indexTensor(2)
                let dim = try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)
                try call.requireIndexFits(index, into: x.shape, dim: dim)
                if case .tensor(let source) = call[3] {
                    guard source.dtype == x.dtype else {
                        throw call.error(.dtypeMismatch, "a source of \(source.dtype) can't be written into a tensor of \(x.dtype)")
                    }
                    try call.requireIndexFits(index, into: source.shape, dim: dim, isWhole: false)
                }
                if case .scalar(let number) = call[3] { try call.requireFits(number, x.dtype) }
                _ = try operation(call)
                return [x.spec]
            },
            kernel: .compute { call, outputs in try call.scatter(outputs[0], try operation(call)) }, isUpdate: true, gradient: gradient,
            samples: samples)
    }
}

extension Call {
    func scatterReduction(_ index: Int, _ names: [String: apus_scatter_op]) throws -> apus_scatter_op {
        let name = try string(index)
        if let operation = names[name] { return operation }
        let known = names.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
        throw error(.invalidArgument, "the reduction must be one of \(known), not '\(name)'")
    }

    /// Gradients of a source need an index for each of its elements, as in PyTorch.
    func requireWholeSource() throws {
        let (index, source) = (try tensor(2), try tensor(3))
        for (a, b) in zip(index.shape, source.shape) where !a.isIdentical(to: b) {
            try require(
                a == b,
                error(.notDifferentiable, "a source of shape \(source.shape) larger than its index of shape \(index.shape) has no gradient")
            )
        }
    }

    /// Copies the first argument to the result and combines the source into it.
    fileprivate func scatter(_ output: Tensor, _ operation: apus_scatter_op) throws {
        guard operation == APUS_SCATTER_ADD || operation == APUS_SCATTER_MULTIPLY else { return try combine(into: output, operation) }
        var isMean = false
        if case .string("mean") = self[4] { isMean = true }
        // A mean of integers must not wrap around on its way.
        try accumulating(into: output, in: isMean && output.dtype.isInteger ? .int64 : nil) { sums in
            try combine(into: sums, operation)
            if isMean { try divideByCounts(sums) }
        }
    }

    private func combine(into output: Tensor, _ operation: apus_scatter_op) throws {
        let x = try tensor(0)
        let dim = try normalize(dim: try constant(1), rank: x.rank, in: name)
        let (index, target) = (try tensor(2).atLeastVector, output.atLeastVector)
        // One without elements has any shape, and no positions.
        let isEmpty: Bool = index.layout.count == 0
        try start(output, indices: isEmpty ? [] : [(index, dim)])
        if isEmpty { return }
        let source: Tensor
        if case .tensor(let given) = self[3] {
            source = try wide(given, in: output.dtype).atLeastVector
        } else {
            let number = try Interpreter.with(nil) { try Tensor.scalar(scalar(3), dtype: x.dtype).to(output.dtype) }
            var view = StridedView(number.layout)
            view.expand(to: index.layout.sizesArray)
            source = try Tensor(view, of: number, self)
        }
        if case .scalar(.bool(false)) = self[5] { try clear(target, index, dim, operation) }
        var (i, s, out, bad): (apus_view, apus_view, apus_view, Int64) = (index.view, source.view, target.view, 0)
        try check(apus_scatter(operation, Int32(dim), &i, &s, &out, &bad), self, index: bad, shape: x.shape, dim: dim)
        withExtendedLifetime((x, index, source, target)) {}
    }

    /// Copies the first argument to the result. Where it lies there already, an update in place, positions are checked before any is written.
    func start(_ output: Tensor, indices: [(index: Tensor, dim: Int)], countingFromEnd: Bool = false) throws {
        let x = try tensor(0)
        var (input, whole, bad): (apus_view, apus_view, Int64) = (x.view, output.view, 0)
        if input.data == whole.data {
            for (index, dim) in indices {
                let size = Int64(x.rank == 0 ? 1 : x.layout.size(dim))
                var positions: apus_view = index.view
                let status: Int32 = apus_check_indices(&positions, countingFromEnd ? -size : 0, size, &bad)
                try check(status, self, index: bad, shape: x.shape, dim: countingFromEnd ? nil : dim)
            }
        }
        try check(apus_copy(&input, &whole), self)
        withExtendedLifetime((x, output)) {}
    }

    /// Puts the reduction's neutral element where something will be written: the first write of `include_self=False`.
    private func clear(_ target: Tensor, _ index: Tensor, _ dim: Int, _ operation: apus_scatter_op) throws {
        let source = try tensor(3).atLeastVector
        // The order of writes does not matter for extremes: each position first gets one of the elements that meet there.
        let first: Tensor
        switch operation {
        case APUS_SCATTER_ADD, APUS_SCATTER_MULTIPLY:
            let neutral: Scalar = operation == APUS_SCATTER_ADD ? 0 : 1
            let number = try Interpreter.with(nil) { try Tensor.scalar(neutral, dtype: target.dtype) }
            var view = StridedView(number.layout)
            view.expand(to: index.layout.sizesArray)
            first = try Tensor(view, of: number, self)
        default: first = source
        }
        var (i, s, out, bad): (apus_view, apus_view, apus_view, Int64) = (index.view, first.view, target.view, 0)
        try check(apus_scatter(APUS_SCATTER_SET, Int32(dim), &i, &s, &out, &bad), self, index: bad, shape: try tensor(0).shape, dim: dim)
        withExtendedLifetime((index, first, target)) {}
    }

    /// The result of `index_add` and `index_copy`.
    fileprivate func indexedSpec() throws -> TensorSpec {
        let (x, index, source) = (try tensor(0), try indexTensor(2), try tensor(3))
        guard source.dtype == x.dtype else {
            throw error(.dtypeMismatch, "a source of \(source.dtype) can't be written into a tensor of \(x.dtype)")
        }
        guard index.rank <= 1 else { throw error(.shapeMismatch, "the index must be a vector, not of shape \(index.shape)") }
        let dim = try normalize(dim: try constant(1), rank: x.rank, in: name)
        func mismatch() -> TensorError {
            error(
                .shapeMismatch,
                "a source of shape \(source.shape) doesn't fit \(index.count) positions of dimension \(dim) of shape \(x.shape)")
        }
        guard Swift.max(source.rank, 1) == Swift.max(x.rank, 1) else { throw mismatch() }
        for own in 0..<source.rank {
            let expected: SymInt = own == dim ? index.count : x.shape[own]
            try require(source.shape[own] == expected, mismatch())
        }
        return x.spec
    }

    fileprivate func writeIndexed(_ output: Tensor, _ operation: apus_scatter_op, alpha: Double) throws {
        if operation == APUS_SCATTER_ADD {
            try accumulating(into: output) { try combineIndexed(into: $0, operation, alpha: alpha) }
        } else {
            try combineIndexed(into: output, operation, alpha: alpha)
        }
    }

    private func combineIndexed(into output: Tensor, _ operation: apus_scatter_op, alpha: Double) throws {
        let x = try tensor(0)
        var (input, whole) = (x.view, output.view)
        try check(apus_copy(&input, &whole), self)
        let dim = try normalize(dim: try constant(1), rank: x.rank, in: name)
        let (index, source) = (try tensor(2).atLeastVector, try wide(tensor(3), in: output.dtype).atLeastVector)
        let target = output.atLeastVector
        var (i, s, out, bad): (apus_view, apus_view, apus_view, Int64) = (index.view, source.view, target.view, 0)
        try check(apus_index_add(operation, Int32(dim), alpha, &i, &s, &out, &bad), self, index: bad, shape: x.shape, dim: dim)
        withExtendedLifetime((x, index, source, target)) {}
    }
}

extension Tensor {
    /// A copy in which, for each position of `index`, the element at the same place, but for dimension `dim`, is the source's.
    public func scatter(dim: Int, _ index: Tensor, _ source: Tensor) throws -> Tensor {
        try applySingle(.scatterSource, [.tensor(self), .int(dim), .tensor(index), .tensor(source)])
    }

    /// A copy with a number written at the positions of `index`.
    public func scatter(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) throws -> Tensor {
        try applySingle(.scatterValue, [.tensor(self), .int(dim), .tensor(index), .scalar(value.scalar)])
    }

    /// A copy with the source's elements added at the positions of `index`.
    public func scatterAdd(dim: Int, _ index: Tensor, _ source: Tensor) throws -> Tensor {
        try applySingle(.scatterAdd, [.tensor(self), .int(dim), .tensor(index), .tensor(source)])
    }

    /// A copy with `alpha` times the parts of `source` added at the positions of a dimension that a vector lists.
    public func indexAdd(dim: Int, _ index: Tensor, _ source: Tensor, alpha: any ScalarConvertible = 1) throws -> Tensor {
        try applySingle(.indexAdd, [.tensor(self), .int(dim), .tensor(index), .tensor(source), .scalar(alpha.scalar)])
    }

    /// A copy with the parts of `source` written at the positions of a dimension that a vector lists.
    public func indexCopy(dim: Int, _ index: Tensor, _ source: Tensor) throws -> Tensor {
        try applySingle(.indexCopy, [.tensor(self), .int(dim), .tensor(index), .tensor(source)])
    }

    /// A copy in which one number stands at the given positions of a dimension.
    public func indexFill(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) throws -> Tensor {
        try applySingle(.indexFill, [.tensor(self), .int(dim), .tensor(index), .scalar(value.scalar)])
    }
}
