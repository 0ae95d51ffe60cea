import ApusSymbolic
import CApusKernels

// The general product, with batches that broadcast, and the linear layer's.

extension Operator {
    static let matmul: Operator = Operator(
        "aten::matmul(Tensor self, Tensor other) -> Tensor",
        "The product of the matrices in the last two dimensions; dimensions before them broadcast. A vector on the left is a row, on the right a "
            + "column, and that dimension is not in the result. Both have one dtype.",
        rule: { call in
            let (a, b) = (try call.tensor(0), try call.tensor(1))
            guard a.rank > 0, b.rank > 0 else {
                throw call.error(.shapeMismatch, "takes tensors with dimensions, not shapes \(a.shape) and \(b.shape); use * for numbers")
            }
            try call.requireFactors(a, b)
            let (left, right): ([SymInt], [SymInt]) = (a.shape.sizes, b.shape.sizes)
            var sizes = try broadcast(
                Shape(Array(left.dropLast(2)), in: call.name), Shape(Array(right.dropLast(2)), in: call.name), in: call.name
            ).sizes
            if a.rank > 1 { sizes.append(left[a.rank - 2]) }
            if b.rank > 1 { sizes.append(right[b.rank - 1]) }
            return [TensorSpec(a.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in try BatchedProduct(call, try call.tensor(0), try call.tensor(1), outputs[0]).run(call) },
        gradient: { g in
            let (a, b) = (try g.call.tensor(0), try g.call.tensor(1))
            // Vectors take part as matrices of one row or column.
            let left = a.rank == 1 ? try a.unsqueezed(0) : a
            let right = b.rank == 1 ? try b.unsqueezed(1) : b
            var gradient = try g.gradient
            if b.rank == 1 { gradient = try gradient.unsqueezed(-1) }
            if a.rank == 1 { gradient = try gradient.unsqueezed(-2) }
            var own: OperatorArgument = .none
            if g.isWanted(0) {
                own = .tensor(try gradient.matmul(right.adjoint()).summed(to: left.shape).reshaped(a.shape))
            }
            guard g.isWanted(1) else { return [own] }
            if right.rank == 2, left.rank > 2 {
                // One product over all rows instead of one for each matrix and a sum.
                let rows = try left.flattened(from: 0, to: -2)
                return [own, .tensor(try rows.adjoint().mm(gradient.flattened(from: 0, to: -2)).reshaped(b.shape))]
            }
            return [own, .tensor(try left.adjoint().matmul(gradient).summed(to: right.shape).reshaped(b.shape))]
        },
        samples: {
            func pair(_ a: [Int], _ b: [Int]) throws -> [OperatorArgument] { [.tensor(try .sample(a)), .tensor(try .sample(b, seed: 2))] }
            return [
                try pair([2, 3], [3, 4]), try pair([3], [3]), try pair([2, 3], [3]), try pair([3], [3, 2]), try pair([2, 2, 3], [3, 4]),
                try pair([2, 1, 2, 3], [4, 3, 2]), try pair([3], [2, 3, 2]), try pair([2, 2, 3], [3]),
            ]
        })

    package static let linear: Operator = Operator(
        "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
        "`input @ weight^T + bias` over the last dimension: weight is [out, in], bias [out]. All have one dtype.",
        rule: { call in
            let (x, weight) = (try call.tensor(0), try call.tensor(1))
            guard x.rank > 0, weight.rank == 2 else {
                throw call.error(.shapeMismatch, "takes an input with dimensions and a matrix, not shapes \(x.shape) and \(weight.shape)")
            }
            guard x.dtype == weight.dtype else { throw call.differentDTypes(x, weight) }
            guard x.dtype != .bool else { throw call.error(.dtypeMismatch, "does not take bool; convert with to(_:)") }
            if !x.shape[-1].isIdentical(to: weight.shape[1]) {
                try require(
                    x.shape[-1] == weight.shape[1],
                    call.error(
                        .shapeMismatch,
                        "an input of shape \(x.shape) has \(x.shape[-1]) features; a weight of shape \(weight.shape) takes \(weight.shape[1])"
                    ))
            }
            if let bias = try call.optionalTensor(2) {
                guard bias.dtype == x.dtype else { throw call.differentDTypes(x, bias) }
                func mismatch() -> TensorError {
                    call.error(.shapeMismatch, "a bias of shape \(bias.shape) doesn't fit a weight of shape \(weight.shape)")
                }
                guard bias.rank == 1 else { throw mismatch() }
                if !bias.shape[0].isIdentical(to: weight.shape[0]) { try require(bias.shape[0] == weight.shape[0], mismatch()) }
            }
            return [TensorSpec(x.dtype, try Shape(Array(x.shape.sizes.dropLast()) + [weight.shape[0]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (weight, bias) = (try call.tensor(1), try call.optionalTensor(2))
            let rows = try call.tensor(0).asRows(call)
            let output = try outputs[0].asRows(call)
            var (x, w, out) = (rows.view, weight.view, output.view)
            if let bias {
                var b = bias.view
                try check(apus_linear(&x, &w, &b, &out), call)
            } else {
                try check(apus_linear(&x, &w, nil, &out), call)
            }
            withExtendedLifetime((rows, weight, bias, output)) {}
        },
        gradient: { g in
            let (x, weight, gradient) = (try g.call.tensor(0), try g.call.tensor(1), try g.gradient)
            let rows = x.rank == 1 ? try gradient.unsqueezed(0) : try gradient.flattened(from: 0, to: -2)
            let inputs = x.rank == 1 ? try x.unsqueezed(0) : try x.flattened(from: 0, to: -2)
            return [
                g.isWanted(0) ? .tensor(try gradient.matmul(weight.conj())) : .none,
                g.isWanted(1) ? .tensor(try rows.t().mm(inputs.conj())) : .none,
                g.isWanted(2) ? .tensor(try rows.sum(dim: 0)) : .none,
            ]
        },
        samples: {
            let (weight, bias): (Tensor, Tensor) = (try .sample([4, 3], seed: 2), try .sample([4], seed: 3))
            return [
                [.tensor(try .sample([2, 3])), .tensor(weight), .tensor(bias)], [.tensor(try .sample([2, 2, 3])), .tensor(weight), .none],
                [.tensor(try .sample([3])), .tensor(weight), .tensor(bias)],
            ]
        })

    static let matmuls: [Operator] = [matmul, linear]
}

/// A product over batches that broadcast: how far to step in both operands and the result for each batch dimension.
private struct BatchedProduct {
    private struct Dimension {
        var size: Int
        var left: Int
        var right: Int
        var out: Int
    }

    private var left: Tensor
    private var right: Tensor
    private var output: Tensor
    /// The batch dimensions, neighbours merged where all three tensors allow it.
    private var batch: [Dimension] = []

    init(_ call: Call, _ a: Tensor, _ b: Tensor, _ out: Tensor) throws {
        (left, right, output) = (a, b, out)
        var result = StridedView(out.layout)
        if b.rank == 1 {
            right = try b.asColumn(call)
            result.sizes.append(1)
            result.strides.append(1)
        }
        if a.rank == 1 {
            var row = StridedView(a.layout)
            row.sizes.insert(1, at: 0)
            row.strides.insert(1, at: 0)
            left = try Tensor(row, of: a, call)
            result.sizes.insert(1, at: result.rank - 1)
            result.strides.insert(result.sizes[result.rank - 1], at: result.strides.count - 1)
        }
        if right.rank == 2, left.rank > 2, result.rank == left.rank, let rows = try left.layoutAsRows() {
            // All rows at once.
            left = try Tensor(rows, of: left, call)
            let columns: Int = result.sizes[result.rank - 1]
            result.sizes = [rows.sizes[0], columns]
            result.strides = [columns, 1]
        }
        output = try Tensor(result, of: out, call)
        batch = Self.batch(left.layout, right.layout, output.layout)
    }

    private static func batch(_ left: Layout, _ right: Layout, _ out: Layout) -> [Dimension] {
        func stride(_ layout: Layout, _ dim: Int) -> Int {
            let own: Int = dim - (out.rank - layout.rank)
            return own < 0 || layout.size(own) == 1 ? 0 : layout.stride(own)
        }
        var dims: [Dimension] = []
        for dim in 0..<Swift.max(out.rank - 2, 0) where out.size(dim) != 1 {
            let next = Dimension(size: out.size(dim), left: stride(left, dim), right: stride(right, dim), out: out.stride(dim))
            if let last = dims.last, last.left == next.left &* next.size, last.right == next.right &* next.size,
                last.out == next.out &* next.size
            {
                dims[dims.count - 1] = Dimension(size: last.size * next.size, left: next.left, right: next.right, out: next.out)
            } else {
                dims.append(next)
            }
        }
        return dims
    }

    func run(_ call: Call) throws {
        if output.layout.count == 0 { return }
        var counters = [Int](repeating: 0, count: Swift.max(batch.count - 1, 0))
        while true {
            try step(counters, call)
            var dim = counters.count - 1
            while dim >= 0 {
                counters[dim] += 1
                if counters[dim] < batch[dim].size { break }
                counters[dim] = 0
                dim -= 1
            }
            if dim < 0 { return }
        }
    }

    /// The matrices of the last batch dimension.
    private func step(_ counters: [Int], _ call: Call) throws {
        func part(_ tensor: Tensor, _ stride: (Dimension) -> Int) throws -> Tensor {
            var view = StridedView(tensor.layout)
            view.sizes = Array(view.sizes.suffix(2))
            view.strides = Array(view.strides.suffix(2))
            for (counter, dimension) in zip(counters, batch) { view.offset += counter * stride(dimension) }
            if let last = batch.last {
                view.sizes.insert(last.size, at: 0)
                view.strides.insert(stride(last), at: 0)
            }
            return try Tensor(view, of: tensor, call)
        }
        try call.multiply(
            try part(left) { $0.left }, try part(right) { $0.right }, into: try part(output) { $0.out })
    }
}

extension Tensor {
    /// All dimensions but the last as one, where the strides allow it.
    fileprivate func layoutAsRows() throws -> StridedView? {
        let columns: Int = layout.rank == 0 ? 1 : layout.size(layout.rank - 1)
        let rows: Int = columns == 0 ? layout.sizesArray.dropLast().reduce(1, *) : layout.count / columns
        guard let target = Layout.contiguous([rows, columns]) else { return nil }
        return reshapedLayout(layout, to: target).map { StridedView($0) }
    }

    /// All dimensions but the last as one, sharing memory where the strides allow it.
    fileprivate func asRows(_ call: Call) throws -> Tensor {
        if rank == 2 { return self }
        if let rows = try layoutAsRows() { return try Tensor(rows, of: self, call) }
        let dense = try Interpreter.with(nil) { try contiguous() }
        guard let rows = try dense.layoutAsRows() else { throw call.error(.unsupported, "can't view shape \(shape) as rows") }
        return try Tensor(rows, of: dense, call)
    }

    /// The product of the matrices in the last two dimensions; dimensions before them broadcast. Vectors are rows on the left, columns on the
    /// right, and vanish from the result.
    public func matmul(_ other: Tensor) throws -> Tensor { try applySingle(.matmul, [.tensor(self), .tensor(other)]) }

    /// `self @ weight^T + bias` over the last dimension: weight is [out, in], bias [out].
    public func linear(_ weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try applySingle(.linear, [.tensor(self), .tensor(weight), .optional(bias)])
    }
}
