import ApusSymbolic

// The slopes of a sampled function: central differences inside, one-sided ones at the edges, of order 1 or 2.

extension Operator {
    static let gradientScalar: Operator = slopes(
        "scalarint(Tensor self, *, Scalar? spacing=None, int? dim=None, int edge_order=1)", "along one dimension, or each",
        samples: [[.none, .none, .int(1)], [.number(0.5), .int(1), .int(2)]])

    static let gradients: [Operator] = [
        gradientScalar,
        slopes(
            "scalararray(Tensor self, *, Scalar spacing, int[] dim, int edge_order=1)", "along dimensions, at positions `spacing` apart",
            samples: [[.number(0.5), .ints([1, 0]), .int(1)]]),
        slopes("array(Tensor self, *, int[] dim, int edge_order=1)", "along dimensions", samples: [[.ints([1]), .int(2)]]),
        slopes(
            "scalarrayint(Tensor self, *, Scalar[] spacing, int? dim=None, int edge_order=1)",
            "along one dimension, or each, with a spacing for each",
            samples: [[.numbers([0.5, 2]), .none, .int(1)]]),
        slopes(
            "scalarrayarray(Tensor self, *, Scalar[] spacing, int[] dim, int edge_order=1)", "along dimensions, with a spacing for each",
            samples: [[.numbers([0.5, 2]), .ints([1, 0]), .int(2)]]),
        slopes(
            "tensorarrayint(Tensor self, *, Tensor[] spacing, int? dim=None, int edge_order=1)",
            "along one dimension, or each, at the positions that a vector has for each", samples: [[.positions, .none, .int(1)]]),
        slopes(
            "tensorarray(Tensor self, *, Tensor[] spacing, int[] dim, int edge_order=1)",
            "along dimensions, at the positions that a vector has for each",
            samples: [[.positions, .ints([0, 1]), .int(2)]]),
    ]

    private enum Sample: Sendable {
        case none, positions
        case number(Double)
        case numbers([Double])
        case int(Int)
        case ints([Int])

        var argument: OperatorArgument {
            get throws {
                switch self {
                case .none: .none
                case .positions:
                    .tensors([try Tensor([0, 1, 1.5] as [Float], shape: [3]), try Tensor([-1, 0, 2, 5] as [Float], shape: [4])])
                case .number(let value): .double(value)
                case .numbers(let values): .floats(values)
                case .int(let value): .int(value)
                case .ints(let values): .ints(values)
                }
            }
        }
    }

    private static func slopes(_ signature: String, _ documentation: String, samples: [[Sample]]) -> Operator {
        composite(
            "aten::gradient.\(signature) -> Tensor[]",
            "The slopes of a sampled function \(documentation): central differences inside, one-sided ones at the edges, of order 1 or 2.",
            samples: { try samples.map { [.tensor(try .sample([3, 4]))] + (try $0.map { try $0.argument }) } }
        ) { call in
            let x = try call.tensor(0)
            let parameters = call.operator.schema
            let (dim, order) = (parameters.index(of: "dim") ?? 1, try call.constant(call.arguments.count - 1))
            guard order == 1 || order == 2 else { throw call.error(.invalidArgument, "edge_order must be 1 or 2, not \(order)") }
            let dims: [Int]
            if case .none = call[dim] { dims = Array(0..<x.rank) } else { dims = try call.constants(dim) }
            let axes: [Int] = try dims.map { try normalize(dim: $0, rank: x.rank, in: call.name) }
            let spacings: [Spacing] = try call.spacings(parameters.index(of: "spacing"), count: axes.count)
            return try zip(axes, spacings).map { axis, spacing in .tensor(try x.slopes(dim: axis, edgeOrder: order, spacing, call)) }
        }
    }
}

/// How far apart the positions are at which a function is sampled, or where.
private enum Spacing {
    case step(Scalar)
    case positions(Tensor)
}

extension Call {
    fileprivate func spacings(_ index: Int?, count: Int) throws -> [Spacing] {
        guard let index else { return Array(repeating: .step(1), count: count) }
        let given: [Spacing] =
            switch self[index] {
            case .none: [.step(1)]
            case .scalar(let step): [.step(step)]
            case .tensors(let positions): positions.map { .positions($0) }
            default: try floats(index).map { .step(Scalar($0)) }
            }
        // One number stands for all.
        if given.count == 1, count != 1, case .step = given[0] { return Array(repeating: given[0], count: count) }
        guard given.count == count else { throw error(.invalidArgument, "\(given.count) spacings for \(count) dimensions") }
        return given
    }
}

extension Tensor {
    fileprivate func slopes(dim: Int, edgeOrder: Int, _ spacing: Spacing, _ call: Call) throws -> Tensor {
        let size: SymInt = shape[dim]
        try require(
            size > edgeOrder, call.error(.shapeMismatch, "dimension \(dim) of shape \(shape) needs more than \(edgeOrder) positions"))
        let x: Tensor = dtype.isDifferentiable ? self : try to(.float32)
        func at(_ position: SymInt) throws -> Tensor { try x.narrowed(dim: dim, from: position, length: 1) }
        func part(_ from: SymInt) throws -> Tensor { try x.narrowed(dim: dim, from: from, length: size - 2) }
        switch spacing {
        case .step(let step):
            func edge(_ a: SymInt, _ b: SymInt, _ c: SymInt) throws -> Tensor {
                if edgeOrder == 1 { return try at(b) - at(a) }
                return try at(a) * (-1.5) + at(b) * 2 - at(c) * 0.5
            }
            let inside: Tensor = try (part(2) - part(0)) / 2
            let (front, back): (Tensor, Tensor) = (try edge(0, 1, 2), try edge(size - 1, size - 2, size - 3).neg())
            return try Tensor.cat([front, inside, back], dim: dim) / step
        case .positions(let positions):
            guard positions.rank == 1 else { throw call.error(.shapeMismatch, "positions are vectors, not of shape \(positions.shape)") }
            try require(
                positions.shape[0] == size,
                call.error(.shapeMismatch, "\(positions.shape[0]) positions don't fit dimension \(dim) of shape \(shape)"))
            // Steps between neighbours, as long as the dimension is.
            let steps: Tensor = try positions.diff().reshaped((0..<rank).map { $0 == dim ? size - 1 : 1 })
            func step(_ from: SymInt, _ length: SymInt = 1) throws -> Tensor { try steps.narrowed(dim: dim, from: from, length: length) }
            func weighted(_ a: Tensor, _ p: Tensor, _ b: Tensor, _ q: Tensor, _ c: Tensor, _ r: Tensor) throws -> Tensor {
                try a * p + b * q + c * r
            }
            let (one, two): (Tensor, Tensor) = (try step(0, size - 2), try step(1, size - 2))
            let both: Tensor = try one + two
            let inside: Tensor = try weighted(
                two.neg() / (one * both), part(0), (two - one) / (one * two), part(1), one / (two * both), part(2))
            guard edgeOrder == 2 else {
                let front: Tensor = try (at(1) - at(0)) / step(0)
                return try Tensor.cat([front, inside, (at(size - 1) - at(size - 2)) / step(size - 2)], dim: dim)
            }
            /// At the first of three positions, the second p and the third p + q away.
            func edge(_ p: Tensor, _ q: Tensor, _ a: SymInt, _ b: SymInt, _ c: SymInt) throws -> Tensor {
                let sum: Tensor = try p + q
                return try weighted((p * 2 + q).neg() / (p * sum), at(a), sum / (p * q), at(b), p.neg() / (q * sum), at(c))
            }
            let front: Tensor = try edge(step(0), step(1), 0, 1, 2)
            let back: Tensor = try edge(step(size - 2).neg(), step(size - 3).neg(), size - 1, size - 2, size - 3)
            return try Tensor.cat([front, inside, back], dim: dim)
        }
    }

    /// The slopes of a sampled function along each of the dimensions, at the positions that a vector has for each: central differences inside, one-sided
    /// ones at the edges.
    public func gradient(positions: [Tensor], dims: [Int], edgeOrder: Int = 1) throws -> [Tensor] {
        try applyTensors(.named("gradient.tensorarray"), [.tensor(self), .tensors(positions), .ints(dims), .int(edgeOrder)])
    }
}
