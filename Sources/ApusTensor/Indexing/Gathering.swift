import ApusSymbolic
import CApusKernels

// Reading at positions along one dimension.

extension Operator {
    static let gather: Operator = Operator(
        "aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
        "For each position of `index` the element of `self` at the same place, but for dimension `dim`, where `index` says which. Both have one "
            + "rank, and `index` no larger sizes elsewhere; its values lie in `0 ..< size`.",
        failure: .positionsInDimension,
        rule: { call in
            let x = try call.tensor(0)
            let index = try call.indexTensor(2)
            try call.requireIndexFits(index, into: x.shape, dim: try normalize(dim: try call.constant(1), rank: x.rank, in: call.name))
            return [TensorSpec(x.dtype, index.shape)]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)
            if outputs[0].layout.count == 0 { return }
            let (source, index, output) = (x.atLeastVector, try call.tensor(2).atLeastVector, outputs[0].atLeastVector)
            var (a, i, out, bad): (apus_view, apus_view, apus_view, Int64) = (source.view, index.view, output.view, 0)
            try check(apus_gather(Int32(dim), &a, &i, &out, &bad), call, index: bad, shape: x.shape, dim: dim)
            withExtendedLifetime((source, index, output)) {}
        },
        gradient: { g in
            let dim = try g.call.constant(1)
            return [.tensor(try g.call.tensor(0).zerosLike().scatterAdd(dim: dim, g.call.tensor(2), g.gradient))]
        },
        samples: {
            let index = try Tensor([0, 2, 1, 1, 0, 2] as [Int], shape: [2, 3])
            return [[.tensor(try .sample([2, 4])), .int(1), .tensor(index), .bool(false)]]
        })

    static let indexSelect: Operator = Operator(
        "aten::index_select(Tensor self, int dim, Tensor index) -> Tensor",
        "The parts of `self` at the positions of dimension `dim` that a vector lists. Positions lie in `0 ..< size`.",
        failure: .positionsInDimension,
        rule: { call in
            let x = try call.tensor(0)
            let index = try call.indexTensor(2)
            guard index.rank <= 1 else { throw call.error(.shapeMismatch, "the index must be a vector, not of shape \(index.shape)") }
            let dim = try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)
            if x.rank == 0 {
                try require(index.count == 1, call.error(.shapeMismatch, "one index is needed for a zero-dimensional tensor"))
                return [x.spec]
            }
            var sizes = x.shape.sizes
            sizes[dim] = index.count
            return [TensorSpec(x.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            let dim = try normalize(dim: try call.constant(1), rank: x.rank, in: call.name)
            let (source, index, output) = (x.atLeastVector, try call.tensor(2).atLeastVector, outputs[0].atLeastVector)
            var (a, i, out, bad): (apus_view, apus_view, apus_view, Int64) = (source.view, index.view, output.view, 0)
            try check(apus_index_select(Int32(dim), &a, &i, &out, &bad), call, index: bad, shape: x.shape, dim: dim)
            withExtendedLifetime((source, index, output)) {}
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            return [.tensor(try x.zerosLike().indexAdd(dim: g.call.constant(1), g.call.tensor(2), g.gradient))]
        }, samples: { [[.tensor(try .sample([2, 4])), .int(1), .tensor(try Tensor([3, 0, 3] as [Int], shape: [3]))]] })

    static let takeAlongDim: Operator = composite(
        "aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
        "`gather` with all other dimensions broadcast, where negative positions count from the end; without a dimension, elements of the flattened "
            + "tensor.",
        samples: { [[.tensor(try .sample([2, 4])), .tensor(try Tensor([3, -4] as [Int], shape: [1, 2])), .int(1)]] }
    ) { call in
        let (x, index) = (try call.tensor(0), try call.indexTensor(1))
        if case .none = call[2] { return [.tensor(try x.flattened().gather(dim: 0, index.flattened()))] }
        guard x.rank == index.rank else {
            throw call.error(.shapeMismatch, "shapes \(x.shape) and \(index.shape) have different ranks")
        }
        let dim = try call.dimension(2, rank: x.rank)
        var (own, other) = (x.shape.sizes, index.shape.sizes)
        (own[dim], other[dim]) = (1, 1)
        let common = try broadcast(Shape(own, in: call.name), Shape(other, in: call.name), in: call.name)
        (own, other) = (common.sizes, common.sizes)
        (own[dim], other[dim]) = (x.shape[dim], index.shape[dim])
        let wrapped: Tensor = try Tensor.where(index .< 0, index + x.shape[dim], index)
        return [.tensor(try x.expanded(own).gather(dim: dim, wrapped.expanded(other)))]
    }

    static let take: Operator = composite(
        "aten::take(Tensor self, Tensor index) -> Tensor", "Elements at positions of the flattened tensor, in the index's shape.",
        samples: { [[.tensor(try .sample([2, 4])), .tensor(try Tensor([3, 7] as [Int], shape: [2]))]] }
    ) { call in
        let index = try call.indexTensor(1)
        return [.tensor(try call.tensor(0).flattened().index([index.flattened()]).reshaped(index.shape))]
    }

    package static let embedding: Operator = Operator(
        "aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
        "Rows of a matrix at integer positions, in the positions' shape with the row added. The row `padding_idx` gets no gradient.",
        failure: .positions(1) { call in try call.tensor(0).shape[0] },
        rule: { call in
            let (weight, index) = (try call.tensor(0), try call.indexTensor(1))
            guard weight.rank == 2 else { throw call.error(.shapeMismatch, "the weight must be a matrix, not of shape \(weight.shape)") }
            return [TensorSpec(weight.dtype, try Shape(index.shape.sizes + [weight.shape[1]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let (weight, index) = (try call.tensor(0), try call.tensor(1))
            var (w, i, out, bad): (apus_view, apus_view, apus_view, Int64) = (weight.view, index.view, outputs[0].view, 0)
            try check(apus_embedding(&w, &i, &out, &bad), call, index: bad, shape: weight.shape, dim: 0)
            withExtendedLifetime((weight, index, outputs)) {}
        },
        gradient: { g in
            let rows: SymInt = try g.call.tensor(0).shape[0]
            return [
                .tensor(
                    try applySingle(.embeddingBackward, [.tensor(g.gradient), g.call[1], .int(rows), g.call[2], g.call[3]]))
            ]
        },
        samples: {
            let index = try Tensor([0, 2, 1, 1] as [Int], shape: [2, 2])
            return [[.tensor(try .sample([3, 4])), .tensor(index), .int(-1), .bool(false), .bool(false)]]
        })

    static let embeddingBackward: Operator = Operator(
        "aten::embedding_dense_backward(Tensor grad_output, Tensor indices, SymInt num_weights, SymInt padding_idx, bool scale_grad_by_freq) -> Tensor",
        "Sums rows of `grad_output` by their positions into a matrix of `num_weights` rows: the gradient of `embedding`. "
            + Operator.roundedOnce,
        failure: .positions(1) { call in try call.int(2) },
        rule: { call in
            let (gradient, index) = (try call.tensor(0), try call.indexTensor(1))
            guard gradient.rank == index.rank + 1 else {
                throw call.error(.shapeMismatch, "a gradient of shape \(gradient.shape) doesn't fit indices of shape \(index.shape)")
            }
            return [TensorSpec(gradient.dtype, try Shape([try call.int(2), gradient.shape[-1]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            try call.accumulating(into: outputs[0]) { sums in
                let (gradient, index) = (try call.wide(call.dense(0)), try call.tensor(1))
                var (g, i, out, bad): (apus_view, apus_view, apus_view, Int64) = (gradient.view, index.view, sums.view, 0)
                let padding = Int64(try call.known(try call.int(3)))
                let status = apus_embedding_backward(&g, &i, padding, try call.bool(4), &out, &bad)
                try check(status, call, index: bad, shape: sums.shape, dim: 0)
                withExtendedLifetime((gradient, index, sums)) {}
            }
        },
        gradient: { g in
            guard try !g.call.bool(4) else { throw g.call.error(.notDifferentiable, "has no gradient when scaled by frequency") }
            var gradient = try g.gradient
            if let padding = try g.call.int(3).constant, padding >= 0 {
                // The padding row got nothing, so nothing comes back through it.
                let row = try gradient.select(dim: 0, index: SymInt(padding)).zerosLike()
                gradient = try gradient.selectScatter(row, dim: 0, index: SymInt(padding))
            }
            return [.tensor(try gradient.embedding(g.call.tensor(1)))]
        },
        samples: {
            let index = try Tensor([0, 2, 1, 1] as [Int], shape: [2, 2])
            return [[.tensor(try .sample([2, 2, 3])), .tensor(index), .int(4), .int(2), .bool(false)]]
        })

    static let gathering: [Operator] = [gather, indexSelect, takeAlongDim, take, embedding, embeddingBackward]
}

extension Call {
    /// A tensor of integers that are positions.
    func indexTensor(_ index: Int) throws -> Tensor {
        let tensor = try tensor(index)
        // At no positions nothing is read, whatever their dtype.
        guard tensor.dtype == .int64 || tensor.dtype == .int32 || tensor.shape.sizes.contains(where: { $0.constant == 0 }) else {
            throw error(.dtypeMismatch, "the index must be int64 or int32, not \(tensor.dtype)")
        }
        return tensor
    }

    /// Requires an index of a tensor's rank whose sizes are no larger, but for dimension `dim`.
    func requireIndexFits(_ index: Tensor, into shape: Shape, dim: Int, isWhole: Bool = true) throws {
        func mismatch() -> TensorError {
            error(.shapeMismatch, "an index of shape \(index.shape) doesn't fit shape \(shape) along dimension \(dim)")
        }
        // At no positions nothing is read, whatever their shape.
        if index.count.constant == 0 { return }
        guard Swift.max(index.rank, 1) == Swift.max(shape.count, 1) else { throw mismatch() }
        for other in 0..<Swift.min(index.rank, shape.count)
        where (other != dim || !isWhole) && !index.shape[other].isIdentical(to: shape[other]) {
            try require(index.shape[other] <= shape[other], mismatch())
        }
    }
}

extension Tensor {
    /// A zero-dimensional tensor as a vector of one element, sharing memory; others as they are.
    var atLeastVector: Tensor {
        guard rank == 0, let layout = Layout.contiguous([1]) else { return self }
        return Tensor(TensorBody(dtype: dtype, storage: body.storage, offset: body.offset, layout: layout))
    }

    /// For each position of `index` the element at the same place, but for dimension `dim`, where `index` says which.
    public func gather(dim: Int, _ index: Tensor) throws -> Tensor {
        try applySingle(.gather, [.tensor(self), .int(dim), .tensor(index), .bool(false)])
    }

    /// The parts at the positions of a dimension that a vector lists.
    public func indexSelect(dim: Int, _ index: Tensor) throws -> Tensor {
        try applySingle(.indexSelect, [.tensor(self), .int(dim), .tensor(index)])
    }

    /// `gather` with all other dimensions broadcast; without a dimension, elements of the flattened tensor.
    public func takeAlongDim(_ index: Tensor, dim: Int? = nil) throws -> Tensor {
        try applySingle(.takeAlongDim, [.tensor(self), .tensor(index), dim.map { .int($0) } ?? .none])
    }

    /// Elements at positions of the flattened tensor.
    public func take(_ index: Tensor) throws -> Tensor { try applySingle(.take, [.tensor(self), .tensor(index)]) }

    /// Rows of this matrix at integer positions; the row `paddingIndex` gets no gradient.
    public func embedding(_ index: Tensor, paddingIndex: any SymIntConvertible = -1) throws -> Tensor {
        try applySingle(.embedding, [.tensor(self), .tensor(index), .int(paddingIndex), .bool(false), .bool(false)])
    }
}
