import ApusSymbolic

// Products of matrices group by group, as mixtures of experts take them: which rows or columns belong to a group is a number.

extension Operator {
    static let groupedMM: Operator = groupedProduct(
        "aten::_grouped_mm(Tensor self, Tensor mat2, Tensor? offs=None, Tensor? bias=None, ScalarType? out_dtype=None) -> Tensor",
        further: 2)

    /// As Hugging Face's models call it where PyTorch's is missing.
    static let groupedMMFallback: Operator = groupedProduct(
        "transformers::grouped_mm_fallback(Tensor input, Tensor weight, Tensor offs) -> Tensor", further: 0)

    static let groupedProducts: [Operator] = [groupedMM, groupedMMFallback]

    private static func groupedProduct(_ schema: String, further: Int) -> Operator {
        Operator(
            schema,
            "Products of matrices in groups, whose ends `offs` gives, ascending: rows [M, K] with a matrix for each group [G, K, N]; matrices [G, M, K] with "
                + "columns [K, N]; or groups of the inner dimension of [M, K] and [K, N], [G, M, N]. Two batches are multiplied one by one, without "
                + "`offs`. What no group has is 0.",
            failure: ValueFailure(.indexOutOfRange, "the groups' ends don't ascend up to the size") { call in
                guard let ends = try call.optionalTensor(2) else { return try Tensor.ones([], dtype: .bool) }
                let groups = try GroupedShapes(call)
                let sizes: Tensor = try ends.to(.int64).diff()
                return try (sizes .>= 0).all() & ends.to(.int64).lies(from: 0, below: groups.size + 1).all()
            },
            rule: { call in
                let groups = try GroupedShapes(call)
                let a = try call.tensor(0)
                return [TensorSpec(try call.dtype(4) ?? a.dtype, try Shape(groups.result, in: call.name))]
            },
            kernel: .compute { call, outputs in
                try Interpreter.with(nil) {
                    let result: Tensor = try call.groupedProduct(GroupedShapes(call))
                    try call.copy(try call.optionalTensor(3).map { try result + $0 } ?? result, to: outputs[0])
                }
            },
            gradient: { g in
                let (a, b) = (try g.call.tensor(0), try g.call.tensor(1))
                let gradient: Tensor = try g.gradient.to(a.dtype)
                func product(_ p: Tensor, _ q: Tensor) throws -> OperatorArgument {
                    .tensor(try applySingle(.groupedMM, [.tensor(p), .tensor(q), g.call[2], .none, .none]))
                }
                let bias: OperatorArgument = try g.reduced(g.gradient, to: 3)
                return [
                    g.isWanted(0) ? try product(gradient, b.transposed(-2, -1)) : .none,
                    g.isWanted(1) ? try product(a.transposed(-2, -1), gradient) : .none, .none, bias,
                ]
            },
            samples: {
                let ends: Tensor = try Tensor([2, 2, 8] as [Int32], shape: [3])
                let end: OperatorArgument = .tensor(ends)
                let rest: [OperatorArgument] = Array(repeating: .none, count: further)
                let pairs: [([Int], [Int])] = [([8, 4], [3, 4, 4]), ([3, 2, 4], [4, 8]), ([2, 8], [8, 4])]
                return try pairs.map { [.tensor(try .sample($0.0)), .tensor(try .sample($0.1, seed: 2)), end] + rest }
            })
    }
}

/// What a grouped product's sizes are.
private struct GroupedShapes {
    /// How many groups, of what size together.
    let count: SymInt
    let size: SymInt
    let result: [SymInt]

    init(_ call: Call) throws {
        let (a, b) = (try call.tensor(0), try call.tensor(1))
        guard a.dtype == b.dtype, a.dtype.isFloatingPoint else { throw call.differentDTypes(a, b) }
        guard (2...3).contains(a.rank), (2...3).contains(b.rank) else {
            throw call.error(.shapeMismatch, "takes matrices or batches of them, not shapes \(a.shape) and \(b.shape)")
        }
        try require(
            a.shape[-1] == b.shape[-2],
            call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) can't be multiplied: the inner sizes differ"))
        let (m, n) = (a.shape[-2], b.shape[-1])
        let ends: Tensor? = try call.optionalTensor(2)
        if a.rank == 3, b.rank == 3 {
            guard ends == nil else { throw call.error(.invalidArgument, "takes no ends for two batches") }
            try require(
                a.shape[0] == b.shape[0], call.error(.shapeMismatch, "shapes \(a.shape) and \(b.shape) have batches of different sizes"))
            (count, size, result) = (a.shape[0], a.shape[0], [a.shape[0], m, n])
            return
        }
        guard let ends, ends.rank == 1, ends.dtype.isInteger else {
            throw call.error(.shapeMismatch, "needs the groups' ends, a vector of integers")
        }
        count = ends.shape[0]
        for batch in [a, b] where batch.rank == 3 {
            try require(
                batch.shape[0] == count,
                call.error(.shapeMismatch, "\(count) groups for \(batch.shape[0]) matrices of shape \(batch.shape)"))
        }
        switch (a.rank, b.rank) {
        case (2, 3): (size, result) = (m, [m, n])
        case (3, 2): (size, result) = (n, [m, n])
        default: (size, result) = (a.shape[-1], [count, m, n])
        }
    }
}

extension Call {
    fileprivate func groupedProduct(_ groups: GroupedShapes) throws -> Tensor {
        let (a, b) = (try tensor(0), try tensor(1))
        guard let given = try optionalTensor(2) else { return try a.bmm(b) }
        let ends: [Int] = try given.array(of: Int.self)
        let size: Int = try known(groups.size)
        var start = 0
        var parts: [Tensor] = []
        for (group, end) in ends.enumerated() {
            guard end >= start, end <= size else {
                throw error(.indexOutOfRange, "the groups' ends must ascend up to \(size), not \(ends)")
            }
            let length: Int = end - start
            switch (a.rank, b.rank) {
            case (2, 3): parts.append(try a.narrowed(dim: 0, from: start, length: length).mm(b.select(dim: 0, index: group)))
            case (3, 2): parts.append(try a.select(dim: 0, index: group).mm(b.narrowed(dim: 1, from: start, length: length)))
            default:
                parts.append(
                    try a.narrowed(dim: 1, from: start, length: length).mm(b.narrowed(dim: 0, from: start, length: length)).unsqueezed(0))
            }
            start = end
        }
        let joined: Int = a.rank == 3 ? 1 : 0
        if a.rank != b.rank, start < size {
            var sizes: [SymInt] = groups.result
            sizes[joined] = SymInt(size - start)
            parts.append(try Tensor.zeros(sizes, dtype: a.dtype))
        }
        guard !parts.isEmpty else { return try Tensor.zeros(groups.result, dtype: a.dtype) }
        return try Tensor.cat(parts, dim: joined)
    }
}

extension Tensor {
    /// Products of matrices in groups: rows [M, K] with a matrix for each group [G, K, N], where the rows of a group end at its place in `ends`; matrices
    /// [G, M, K] with columns [K, N]; groups of the inner dimension; or two batches, without `ends`. What no group has is 0.
    public func groupedMm(_ other: Tensor, ends: Tensor? = nil, bias: Tensor? = nil, dtype: DType? = nil) throws -> Tensor {
        try applySingle(.groupedMM, [.tensor(self), .tensor(other), .optional(ends), .optional(bias), .optional(dtype)])
    }
}
