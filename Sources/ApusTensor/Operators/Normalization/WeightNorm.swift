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
        // Without dimensions to sum over, magnitudes are left.
        let norms: Tensor =
            given == -1 ? try v.norm(2) : v.rank == 1 ? try v.abs() : try v.norm(2, dims: (0..<v.rank).filter { $0 != dim }, keepDim: true)
        // PyTorch takes lengths of another dimension too, and gives numbers of no meaning.
        let spread: Shape = try broadcast(g.shape, norms.shape, in: call.name)
        let error = call.error(.shapeMismatch, "lengths of shape \(g.shape) are none of norms of shape \(norms.shape)")
        guard spread.count == norms.rank else { throw error }
        for dim in spread.indices { try require(spread[dim] == norms.shape[dim], error) }
        return [.tensor(try v * (g / norms)), .tensor(norms)]
    }

    static let weightNorms: [Operator] = [weightNorm, weightNormInterface]

    private static func weightNormSamples() throws -> [[OperatorArgument]] {
        [
            [.tensor(try .sample([3, 2, 2])), .tensor(try .sample([3, 1, 1], in: 0.5...2)), .int(0)],
            [.tensor(try .sample([3, 2])), .tensor(try .sample([1, 2], in: 0.5...2)), .int(1)],
        ]
    }
}
