import ApusSymbolic

// Weights given by their direction and their length.

extension Operator {
    static let weightNorm: Operator = composite(
        "aten::_weight_norm(Tensor v, Tensor g, int dim=0) -> Tensor",
        "`v * g / |v|`, the norms being taken over all dimensions but `dim`, or over all for -1.", samples: { try weightNormSamples() }
    ) { call in [try apply(.weightNormInterface, call.arguments)[0]] }

    static let weightNormInterface: Operator = composite(
        "aten::_weight_norm_interface(Tensor v, Tensor g, int dim=0) -> (Tensor, Tensor)",
        "See `_weight_norm`; and the norms, which stand on the dimension.", samples: { try weightNormSamples() }
    ) { call in
        let (v, g) = (try call.tensor(0), try call.tensor(1))
        guard v.dtype.isDifferentiable, v.rank > 0 else { throw call.error(.dtypeMismatch, "does not take \(v.spec)") }
        let given: Int = try call.constant(2)
        let dim: Int = given == -1 ? -1 : try normalize(dim: given, rank: v.rank, in: call.name)
        let norms: Tensor = try v.norm(2, exceptDim: dim)
        // PyTorch takes lengths of another dimension too, and gives numbers of no meaning.
        let spread: Shape = try broadcast(g.shape, norms.shape, in: call.name)
        let error = call.error(.shapeMismatch, "lengths of shape \(g.shape) are none of norms of shape \(norms.shape)")
        guard spread.count == norms.rank else { throw error }
        for dim in spread.indices { try require(spread[dim] == norms.shape[dim], error) }
        return [.tensor(try v * (g / norms)), .tensor(norms)]
    }

    static let normExceptDim: Operator = composite(
        "aten::norm_except_dim(Tensor v, int pow=2, int dim=0) -> Tensor",
        "The norms of order `pow` over all dimensions but `dim`, which stay with size 1, or over all for -1.",
        samples: {
            let x: Tensor = try .sample([3, 2, 2])
            return [[.tensor(x), .int(2), .int(0)], [.tensor(x), .int(1), .int(2)], [.tensor(x), .int(2), .int(-1)]]
        }
    ) { call in
        let (v, given): (Tensor, Int) = (try call.tensor(0), try call.constant(2))
        guard v.dtype.isDifferentiable, v.rank > 0 else { throw call.error(.dtypeMismatch, "does not take \(v.spec)") }
        let dim: Int = given == -1 ? -1 : try normalize(dim: given, rank: v.rank, in: call.name)
        return [.tensor(try v.norm(call.constant(1), exceptDim: dim))]
    }

    static let weightNorms: [Operator] = [weightNorm, weightNormInterface, normExceptDim]

    private static func weightNormSamples() throws -> [[OperatorArgument]] {
        [
            [.tensor(try .sample([3, 2, 2])), .tensor(try .sample([3, 1, 1], in: 0.5...2)), .int(0)],
            [.tensor(try .sample([3, 2])), .tensor(try .sample([1, 2], in: 0.5...2)), .int(1)],
        ]
    }
}

extension Tensor {
    /// The norms over all dimensions but one, or over all for -1.
    fileprivate func norm(_ order: Int, exceptDim dim: Int) throws -> Tensor {
        if dim == -1 { return try norm(order) }
        // Without dimensions to sum over, magnitudes are left.
        return rank == 1 ? try abs() : try norm(order, dims: (0..<rank).filter { $0 != dim }, keepDim: true)
    }
}
