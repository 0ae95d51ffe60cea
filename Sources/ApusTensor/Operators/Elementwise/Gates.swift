import ApusSymbolic

// Activations with gates or learnt slopes.

extension Operator {
    static let glu: Operator = composite(
        "aten::glu(Tensor self, int dim=-1) -> Tensor", "The first half along a dimension times the logistic function of the second half.",
        samples: { [[.tensor(try .sample([2, 4])), .int(-1)], [.tensor(try .sample([4, 3])), .int(0)]] }
    ) { call in
        let (kept, gate) = try call.halves(0, 1)
        return [.tensor(try kept * gate.sigmoid())]
    }

    static let gluBackward: Operator = composite(
        "aten::glu_backward(Tensor grad_output, Tensor self, int dim) -> Tensor", "The gradient of `glu`.",
        samples: { [[.tensor(try .sample([2, 2], seed: 2)), .tensor(try .sample([2, 4])), .int(-1)]] }
    ) { call in
        let (kept, gate) = try call.halves(1, 2)
        let gradient = try call.tensor(0)
        let open: Tensor = try gate.sigmoid()
        return [.tensor(try Tensor.cat([gradient * open, gradient * kept * open * (1 - open)], dim: call.constant(2)))]
    }

    static let preluKernel: Operator = composite(
        "aten::_prelu_kernel(Tensor self, Tensor weight) -> Tensor", "The element where it is positive, else its product with the weight.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([1, 3], seed: 2))]] }
    ) { call in
        let (x, weight) = (try call.tensor(0), try call.tensor(1))
        return [.tensor(try Tensor.where(x .> 0, x, x * weight))]
    }

    static let prelu: Operator = composite(
        "aten::prelu(Tensor self, Tensor weight) -> Tensor",
        "The element where it is positive, else its product with a weight: one number, or one for each channel, dimension 1.",
        samples: {
            [
                [.tensor(try .sample([2, 3, 2])), .tensor(try .sample([3], seed: 2))],
                [.tensor(try .sample([4])), .tensor(try .sample([1], seed: 2))],
            ]
        }
    ) { call in
        let (x, weight) = (try call.tensor(0), try call.tensor(1))
        guard weight.rank <= 1 else { throw call.error(.shapeMismatch, "the weight must be a vector, not of shape \(weight.shape)") }
        if weight.rank == 0 || weight.count.constant == 1 {
            return [.tensor(try applySingle(.preluKernel, [.tensor(x), .tensor(weight.reshaped([] as [SymInt]))]))]
        }
        guard x.rank >= 1 else { throw call.error(.shapeMismatch, "a zero-dimensional tensor has one channel, not \(weight.count)") }
        let axis: Int = x.rank == 1 ? 0 : 1
        let channels: SymInt = x.rank == 1 ? 1 : x.shape[1]
        try require(weight.count == channels, call.error(.shapeMismatch, "\(weight.count) weights don't fit \(channels) channels"))
        return [.tensor(try applySingle(.preluKernel, [.tensor(x), .tensor(weight.along(axis, of: x.rank))]))]
    }

    static let gates: [Operator] = [glu, gluBackward, preluKernel, prelu]
}

extension Call {
    /// The two halves of a tensor along a dimension.
    fileprivate func halves(_ index: Int, _ dimIndex: Int) throws -> (Tensor, Tensor) {
        let x = try tensor(index)
        guard x.dtype.isFloatingPoint else { throw error(.dtypeMismatch, "does not take \(x.dtype)") }
        guard x.rank > 0 else { throw error(.shapeMismatch, "a zero-dimensional tensor has no halves") }
        let dim = try dimension(dimIndex, rank: x.rank)
        try require(x.shape[dim] % 2 == 0, error(.shapeMismatch, "dimension \(dim) of shape \(x.shape) has no two halves"))
        let half: SymInt = x.shape[dim] / 2
        return (try x.narrowed(dim: dim, from: 0, length: half), try x.narrowed(dim: dim, from: half, length: half))
    }
}

extension Tensor {
    /// The first half along a dimension times the logistic function of the second half.
    public func glu(dim: Int = -1) throws -> Tensor { try applySingle(.glu, [.tensor(self), .int(dim)]) }
    /// The element where it is positive, else its product with a weight for each channel, or one for all.
    public func prelu(_ weight: Tensor) throws -> Tensor { try applySingle(.prelu, [.tensor(self), .tensor(weight)]) }
}
