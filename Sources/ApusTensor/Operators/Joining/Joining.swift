import ApusSymbolic
import CApusKernels

// Several tensors into one: cat, stack and their relatives.

extension Operator {
    package static let cat: Operator = Operator(
        "aten::cat(Tensor[] tensors, int dim=0) -> Tensor",
        "Tensors one after the other along dimension `dim`; all other sizes must agree. The result has the promoted dtype. As in PyTorch, vectors of "
            + "size 0 are left out whatever the other tensors' rank.",
        rule: { call in
            let parts = try call.joinedTensors()
            let first = parts[0]
            let dim = try call.dimension(1, rank: first.rank)
            var sizes = first.shape.sizes
            for part in parts.dropFirst() {
                func mismatch(_ why: String) -> TensorError {
                    call.error(.shapeMismatch, "shapes \(first.shape) and \(part.shape) can't be joined along dimension \(dim): \(why)")
                }
                guard part.rank == first.rank else { throw mismatch("their ranks differ") }
                for other in 0..<first.rank where other != dim && !sizes[other].isIdentical(to: part.shape[other]) {
                    try require(
                        sizes[other] == part.shape[other], mismatch("dimension \(other) is \(sizes[other]) and \(part.shape[other])"))
                    if part.shape[other].constant != nil { sizes[other] = part.shape[other] }
                }
                sizes[dim] += part.shape[dim]
            }
            return [TensorSpec(try call.joinedDType(), try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let dim = try call.dimension(1, rank: outputs[0].rank)
            var start = 0
            for part in try call.joinedTensors() {
                var view = StridedView(outputs[0].layout)
                view.slice(dim, start: start, length: part.layout.size(dim), step: 1)
                start += part.layout.size(dim)
                try call.copy(part, into: view, of: outputs[0])
            }
        },
        gradient: { g in
            let tensors = try g.call.tensors(0)
            let gradient = try g.gradient
            let dim = try g.call.dimension(1, rank: gradient.rank)
            var start: SymInt = 0
            let gradients: [Tensor?] = try tensors.map { tensor in
                if try g.call.isLeftOut(tensor, of: tensors) { return tensor.dtype.isDifferentiable ? try tensor.zerosLike() : nil }
                let length: SymInt = tensor.shape[dim]
                defer { start += length }
                return tensor.dtype.isDifferentiable ? try gradient.narrowed(dim: dim, from: start, length: length).to(tensor.dtype) : nil
            }
            return [.optionalTensors(gradients)]
        },
        samples: {
            [
                [.tensors([try .sample([2, 3]), try .sample([2, 1], seed: 2)]), .int(1)],
                [.tensors([try .sample([0]), try .sample([2, 3])]), .int(0)],
            ]
        })

    package static let stack: Operator = Operator(
        "aten::stack(Tensor[] tensors, int dim=0) -> Tensor",
        "Tensors of one shape side by side along a new dimension `dim`, in the promoted dtype.",
        rule: { call in
            let parts = try call.tensors(0)
            guard let first = parts.first else { throw call.error(.invalidArgument, "needs at least one tensor") }
            for part in parts.dropFirst() where !part.shape.isIdentical(to: first.shape) {
                func mismatch() -> TensorError {
                    call.error(.shapeMismatch, "shapes \(first.shape) and \(part.shape) differ; stack needs equal ones")
                }
                guard part.rank == first.rank else { throw mismatch() }
                for (a, b) in zip(first.shape, part.shape) { try require(a == b, mismatch()) }
            }
            var sizes = first.shape.sizes
            sizes.insert(SymInt(parts.count), at: try normalize(dim: try call.constant(1), rank: first.rank + 1, in: call.name))
            return [TensorSpec(try call.joinedDType(), try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let dim = try normalize(dim: try call.constant(1), rank: outputs[0].rank, in: call.name)
            for (position, part) in try call.tensors(0).enumerated() {
                var view = StridedView(outputs[0].layout)
                view.select(dim, position)
                try call.copy(part, into: view, of: outputs[0])
            }
        },
        gradient: { g in
            let gradient = try g.gradient
            let dim = try normalize(dim: try g.call.constant(1), rank: gradient.rank, in: g.call.name)
            let gradients: [Tensor?] = try g.call.tensors(0).enumerated().map { position, tensor in
                tensor.dtype.isDifferentiable ? try gradient.select(dim: dim, index: SymInt(position)).to(tensor.dtype) : nil
            }
            return [.optionalTensors(gradients)]
        }, samples: { [[.tensors([try .sample([2, 3]), try .sample([2, 3], seed: 2)]), .int(-1)]] })

    static let hstack: Operator = composite(
        "aten::hstack(Tensor[] tensors) -> Tensor", "Joins along the second dimension, vectors and numbers along the first.",
        samples: { [[.tensors([try .sample([2, 3]), try .sample([2, 1])])]] }
    ) { call in
        let parts = try call.tensors(0).map { $0.rank == 0 ? try $0.reshaped([1]) : $0 }
        return [.tensor(try Tensor.cat(parts, dim: parts.first?.rank == 1 ? 0 : 1))]
    }

    static let vstack: Operator = composite(
        "aten::vstack(Tensor[] tensors) -> Tensor", "Joins along the first dimension; vectors and numbers become rows.",
        samples: { [[.tensors([try .sample([3]), try .sample([2, 3])])]] }
    ) { call in
        let parts = try call.tensors(0).map { part in
            switch part.rank {
            case 0: try part.reshaped([1, 1])
            case 1: try part.unsqueezed(0)
            default: part
            }
        }
        return [.tensor(try Tensor.cat(parts, dim: 0))]
    }

    static let meshgrid: Operator = meshgrid(
        "aten::meshgrid(Tensor[] tensors) -> Tensor[]", samples: { [[.tensors([try .sample([2]), try .sample([3])])]] }
    ) { _ in "ij" }

    static let meshgridIndexing: Operator = meshgrid(
        "aten::meshgrid.indexing(Tensor[] tensors, *, str indexing) -> Tensor[]",
        samples: { [[.tensors([try .sample([2]), try .sample([3])]), .string("xy")]] }
    ) { try $0.string(1) }

    static let joining: [Operator] = [cat, stack, hstack, vstack, meshgrid, meshgridIndexing]

    private static func meshgrid(
        _ schema: String, samples: @escaping @Sendable () throws -> [[OperatorArgument]],
        indexing: @escaping @Sendable (Call) throws -> String
    ) -> Operator {
        composite(
            schema,
            "The coordinates of a grid: one tensor for each vector, expanded over all the others. 'ij' keeps the vectors' order, 'xy' swaps "
                + "the first two dimensions.", samples: samples
        ) { call in
            let order = try indexing(call)
            guard order == "ij" || order == "xy" else {
                throw call.error(.invalidArgument, "indexing must be 'ij' or 'xy', not '\(order)'")
            }
            let vectors = try call.tensors(0)
            guard vectors.allSatisfy({ $0.rank <= 1 }) else { throw call.error(.shapeMismatch, "takes vectors") }
            let sizes: [SymInt] = vectors.map { $0.count }
            let grids: [Tensor] = try vectors.enumerated().map { position, vector in
                var own = [SymInt](repeating: 1, count: sizes.count)
                own[position] = sizes[position]
                return try vector.reshaped(own).expanded(sizes)
            }
            return try grids.map { .tensor(order == "xy" && vectors.count >= 2 ? try $0.transposed(0, 1) : $0) }
        }
    }
}

extension Call {
    /// The tensors to join, without vectors of size 0 unless they are all that there is.
    fileprivate func joinedTensors() throws -> [Tensor] {
        let given = try tensors(0)
        guard !given.isEmpty else { throw error(.invalidArgument, "needs at least one tensor") }
        if let position = given.firstIndex(where: { $0.rank == 0 }) {
            throw error(.shapeMismatch, "the tensor at position \(position) is zero-dimensional and can't be joined; use stack")
        }
        let kept = try given.filter { try !isLeftOut($0, of: given) }
        return kept.isEmpty ? [given[0]] : kept
    }

    /// A vector of size 0 is left out. Among vectors it makes no difference.
    fileprivate func isLeftOut(_ tensor: Tensor, of all: [Tensor]) throws -> Bool {
        guard tensor.rank == 1 else { return false }
        if let known = tensor.shape[0].constant { return known == 0 }
        return try all.contains { $0.rank != 1 } && settle(tensor.shape[0] == 0, in: name)
    }

    fileprivate func joinedDType() throws -> DType {
        var promotion = Promotion()
        for tensor in try tensors(0) { promotion.add(tensor) }
        return promotion.result
    }

    /// Copies a tensor into a part of a result of the same sizes.
    func copy(_ source: Tensor, into part: StridedView, of output: Tensor) throws {
        let target = try Tensor(part, of: output, self)
        var (input, out) = (source.view, target.view)
        try check(apus_copy(&input, &out), self)
        withExtendedLifetime((source, target)) {}
    }
}

extension Tensor {
    /// Tensors one after the other along a dimension; all other sizes must agree.
    public static func cat(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor {
        try applySingle(.cat, [.tensors(tensors), .int(dim)])
    }

    /// Tensors of one shape side by side along a new dimension.
    public static func stack(_ tensors: [Tensor], dim: Int = 0) throws -> Tensor {
        try applySingle(.stack, [.tensors(tensors), .int(dim)])
    }

    /// Joins along the second dimension, vectors and numbers along the first.
    public static func hstack(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.hstack, [.tensors(tensors)]) }

    /// Joins along the first dimension; vectors and numbers become rows.
    public static func vstack(_ tensors: [Tensor]) throws -> Tensor { try applySingle(.vstack, [.tensors(tensors)]) }

    /// The coordinates of a grid: one tensor for each vector, expanded over all the others.
    public static func meshgrid(_ vectors: [Tensor], indexing: String = "ij") throws -> [Tensor] {
        try applyTensors(.meshgridIndexing, [.tensors(vectors), .string(indexing)])
    }
}
