import ApusSymbolic

// Dimensions put in front or behind until there are enough, one vector out of many dimensions, and broadcasting of tensors together.

extension Operator {
    static let broadcastTo: Operator = composite(
        "aten::broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)", "The tensor expanded to a shape, as `expand`.",
        samples: { [[.tensor(try .sample([2, 1])), .ints([3, 2, 4])]] }
    ) { call in [.tensor(try call.tensor(0).expanded(call.ints(1)))] }

    static let broadcastTensors: Operator = composite(
        "aten::broadcast_tensors(Tensor[] tensors) -> Tensor[]", "The tensors expanded to the shape that they broadcast to together.",
        samples: { [[.tensors([try .sample([2, 1]), try .sample([3], seed: 2)])]] }
    ) { call in
        let tensors = try call.tensors(0)
        guard let first = tensors.first else { return [] }
        let shape: Shape = try tensors.dropFirst().reduce(first.shape) { try broadcast($0, $1.shape, in: call.name) }
        return try tensors.map { .tensor(try $0.expanded(shape)) }
    }

    static let sumToSize: Operator = composite(
        "aten::sum_to_size(Tensor self, SymInt[] size) -> Tensor",
        "The sums over the dimensions that expanding a tensor of `size` to this shape would repeat.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .ints([3, 1])]] }
    ) { call in
        let (x, target) = (try call.tensor(0), try Shape(try call.ints(1), in: call.name))
        func mismatch() -> TensorError { call.error(.shapeMismatch, "shape \(x.shape) can't be summed to \(target)") }
        guard target.count <= x.rank else { throw mismatch() }
        for (size, wanted) in zip(x.shape.reversed(), target.reversed()) where wanted.constant != 1 {
            try require(size == wanted, mismatch())
        }
        // A sum, of which PyTorch makes int64, even of a single number.
        if target.isEmpty { return [.tensor(try x.sum())] }
        return [.tensor(try x.summed(to: target))]
    }

    static let ravel: Operator = composite(
        "aten::ravel(Tensor(a) self) -> Tensor(a)", "All elements as one vector.", samples: { [[.tensor(try .sample([2, 3]))]] }
    ) { call in [.tensor(try call.tensor(0).reshaped([-1]))] }

    static let atLeast: [Operator] =
        [broadcastTo, broadcastTensors, sumToSize, ravel]
        + (1...3).flatMap { rank in
            let documentation = "\(rank == 1 ? "A vector" : "At least \(rank) dimensions"), of size 1 where there were fewer."
            return [
                composite(
                    "aten::atleast_\(rank)d(Tensor self) -> Tensor", documentation,
                    samples: { try [[], [2], [2, 3], [2, 1, 2, 1]].map { [.tensor(try .sample($0))] } }
                ) { call in [.tensor(try call.tensor(0).withRank(atLeast: rank))] },
                composite(
                    "aten::atleast_\(rank)d.Sequence(Tensor[] tensors) -> Tensor[]", documentation,
                    samples: { [[.tensors([try .sample([2]), try .sample([2, 3], seed: 2)])]] }
                ) { call in try call.tensors(0).map { .tensor(try $0.withRank(atLeast: rank)) } },
            ]
        }
}

extension Tensor {
    /// With dimensions of size 1 as PyTorch places them: [1, n] out of n, [1, n, 1] in three dimensions, [n, m, 1] out of [n, m].
    func withRank(atLeast target: Int) throws -> Tensor {
        var result = rank == 0 && target > 0 ? try reshaped([1]) : self
        if result.rank == 1, target >= 2 { result = try result.unsqueezed(0) }
        if result.rank == 2, target >= 3 { result = try result.unsqueezed(-1) }
        return result
    }

    /// The tensors expanded to the shape that they broadcast to together.
    public static func broadcast(_ tensors: [Tensor]) throws -> [Tensor] {
        try applyTensors(.broadcastTensors, [.tensors(tensors)])
    }

    /// All elements in one dimension.
    public func ravel() throws -> Tensor { try applySingle(.ravel, [.tensor(self)]) }

    /// The tensor with dimensions of size 1 added, so that it has at least 1.
    public func atleast1d() throws -> Tensor { try applySingle(.named("atleast_1d"), [.tensor(self)]) }

    /// The tensor with dimensions of size 1 added, so that it has at least 2.
    public func atleast2d() throws -> Tensor { try applySingle(.named("atleast_2d"), [.tensor(self)]) }

    /// The tensor with dimensions of size 1 added, so that it has at least 3.
    public func atleast3d() throws -> Tensor { try applySingle(.named("atleast_3d"), [.tensor(self)]) }

    /// Sums over what broadcasting from these sizes repeats, so that the result has them.
    public func summed(to sizes: [any SymIntConvertible]) throws -> Tensor { try applySingle(.sumToSize, [.tensor(self), .ints(sizes)]) }
}
