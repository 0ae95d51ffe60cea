import ApusSymbolic
import CApusKernels

// A tensor's elements several times over or in another order: repeat, tile, roll, flip.

extension Operator {
    static let `repeat`: Operator = composite(
        "aten::repeat(Tensor self, SymInt[] repeats) -> Tensor",
        "The tensor side by side `repeats` times along each dimension; further repeats in front add dimensions.",
        samples: { [[.tensor(try .sample([2, 3])), .ints([2, 1, 2])]] }
    ) { call in
        let (x, repeats) = (try call.tensor(0), try call.ints(1))
        let extra: Int = repeats.count - x.rank
        guard extra >= 0 else {
            throw call.error(.invalidArgument, "\(repeats.count) repeats for a tensor of shape \(x.shape); each dimension needs one")
        }
        for count in repeats { try require(count >= 0, call.error(.invalidArgument, "a repeat is negative: \(listText(repeats))")) }
        // Each dimension becomes a pair (repeat, position), of which the first is expanded.
        var (pairs, expanded, target): ([SymInt], [SymInt], [SymInt]) = ([], [], [])
        for (dim, count) in repeats.enumerated() {
            let size: SymInt = dim < extra ? 1 : x.shape[dim - extra]
            pairs += [1, size]
            expanded += [count, size]
            target.append(count * size)
        }
        return [.tensor(try x.reshaped(pairs).expanded(expanded).reshaped(target))]
    }

    static let tile: Operator = composite(
        "aten::tile(Tensor self, SymInt[] dims) -> Tensor",
        "The tensor repeated along its last dimensions: `repeat` with ones put in front.",
        samples: { [[.tensor(try .sample([2, 3])), .ints([2])]] }
    ) { call in
        let (x, counts) = (try call.tensor(0), try call.ints(1))
        let padding = [SymInt](repeating: 1, count: Swift.max(0, x.rank - counts.count))
        return [.tensor(try x.repeated(padding + counts))]
    }

    static let roll: Operator = composite(
        "aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor",
        "Moves elements along dimensions; those pushed out at the end come in at the front. Without dimensions the flattened tensor is rolled.",
        samples: {
            [
                [.tensor(try .sample([2, 5])), .ints([2, 1]), .ints([1, 0])], [.tensor(try .sample([2, 3])), .ints([-1]), .ints([Int]())],
            ]
        }
    ) { call in
        let (x, shifts, dims) = (try call.tensor(0), try call.ints(1), try call.constants(2))
        if dims.isEmpty {
            guard shifts.count == 1 else { throw call.error(.invalidArgument, "\(shifts.count) shifts need as many dimensions") }
            return [.tensor(try x.flattened().rolled(by: shifts[0], dim: 0, call).reshaped(x.shape))]
        }
        guard shifts.count == dims.count else {
            throw call.error(.invalidArgument, "\(shifts.count) shifts need as many dimensions, not \(dims.count)")
        }
        return [.tensor(try zip(shifts, dims).reduce(x) { try $0.rolled(by: $1.0, dim: $1.1, call) })]
    }

    static let flip: Operator = Operator(
        "aten::flip(Tensor self, int[] dims) -> Tensor", "The elements in reverse order along the given dimensions.",
        rule: { call in
            let x = try call.tensor(0)
            _ = try call.flippedDims(x.rank)
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            var view = StridedView(x.layout)
            for dim in try call.flippedDims(x.rank) where view.sizes[dim] > 0 {
                view.offset += (view.sizes[dim] - 1) &* view.strides[dim]
                view.strides[dim] = 0 &- view.strides[dim]
            }
            let reversed = try Tensor(view, of: x, call)
            try call.copy(reversed, into: StridedView(outputs[0].layout), of: outputs[0])
        },
        gradient: { g in [.tensor(try applySingle(.flip, [.tensor(g.gradient), g.call[1]]))] },
        samples: { [[.tensor(try .sample([2, 3, 2])), .ints([0, -1])]] })

    static let repeatInterleaveInt: Operator = composite(
        "aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
        "Each position of a dimension `repeats` times in a row; without a dimension the flattened tensor's elements.",
        samples: { [[.tensor(try .sample([2, 3])), .int(2), .int(1), .none], [.tensor(try .sample([2, 3])), .int(3), .none, .none]] }
    ) { call in
        var x = try call.tensor(0)
        let count: SymInt = try call.int(1)
        try require(count >= 0, call.error(.invalidArgument, "the number of repeats is negative: \(count)"))
        var dim = 0
        if case .none = call[2] { x = try x.flattened() } else { dim = try call.dimension(2, rank: x.rank) }
        var sizes = x.shape.sizes
        sizes.insert(count, at: dim + 1)
        return [.tensor(try x.unsqueezed(dim + 1).expanded(sizes).flattened(from: dim, to: dim + 1))]
    }

    static let repeating: [Operator] = [`repeat`, tile, roll, flip, repeatInterleaveInt]
}

extension Call {
    fileprivate func flippedDims(_ rank: Int) throws -> [Int] {
        let dims = try constants(1)
        return dims.isEmpty ? [] : try normalize(dims: dims, rank: rank, in: name)
    }
}

extension Tensor {
    fileprivate func rolled(by shift: SymInt, dim: Int, _ call: Call) throws -> Tensor {
        let dim = try ApusTensor.normalize(dim: dim, rank: rank, in: call.name)
        guard rank > 0, shape[dim].constant != 0 else { return self }
        let size: SymInt = shape[dim]
        // The remainder has the divisor's sign: a shift backwards is one forwards by the rest.
        let front: SymInt = shift % larger(size, 1)
        if front.constant == 0 { return self }
        let tail = try narrowed(dim: dim, from: size - front, length: front)
        return try Tensor.cat([tail, try narrowed(dim: dim, from: 0, length: size - front)], dim: dim)
    }

    /// The tensor side by side `counts` times along each dimension; further counts in front add dimensions.
    public func repeated(_ counts: [any SymIntConvertible]) throws -> Tensor { try applySingle(.repeat, [.tensor(self), .ints(counts)]) }

    /// The tensor repeated along its last dimensions.
    public func tiled(_ counts: [any SymIntConvertible]) throws -> Tensor { try applySingle(.tile, [.tensor(self), .ints(counts)]) }

    /// Moves elements along dimensions; those pushed out at the end come in at the front.
    public func rolled(_ shifts: [any SymIntConvertible], dims: [Int] = []) throws -> Tensor {
        try applySingle(.roll, [.tensor(self), .ints(shifts), .ints(dims)])
    }

    /// Moves elements along one dimension, or without one along the flattened tensor: `x.rolled(1, dim: 0)`.
    public func rolled(_ shift: any SymIntConvertible, dim: Int? = nil) throws -> Tensor {
        try rolled([shift], dims: dim.map { [$0] } ?? [])
    }

    /// The elements in reverse order along the given dimensions.
    public func flipped(_ dims: [Int]) throws -> Tensor { try applySingle(.flip, [.tensor(self), .ints(dims)]) }

    /// Each position of a dimension `count` times in a row; without a dimension the flattened tensor's elements.
    public func repeatInterleave(_ count: any SymIntConvertible, dim: Int? = nil) throws -> Tensor {
        try applySingle(.repeatInterleaveInt, [.tensor(self), .int(count), dim.map { .int($0) } ?? .none, .none])
    }
}
