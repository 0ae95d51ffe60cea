import ApusSymbolic
import CApusKernels

// Padding. Pads are given as in PyTorch: pairs (before, after), the last dimension first; a negative pad cuts off.

extension Operator {
    static let constantPad: Operator = Operator(
        "aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor",
        "The tensor with a number put around it: pairs (before, after), the last dimension first. A negative pad cuts off.",
        rule: { call in
            let x = try call.tensor(0)
            var sizes = x.shape.sizes
            for (dim, before, after) in try call.pads(x.shape) {
                func tooMuch() -> TensorError {
                    call.error(
                        .shapeMismatch, "the pads (\(before), \(after)) leave less than nothing of dimension \(dim) of shape \(x.shape)")
                }
                // What is cut off must be there: a pad at the other end makes up for nothing.
                try require(sizes[dim] + smaller(before, 0) + smaller(after, 0) >= 0, tooMuch())
                sizes[dim] += before + after
            }
            try call.requireFits(call.scalar(2), x.dtype)
            return [TensorSpec(x.dtype, try Shape(sizes, in: call.name))]
        },
        kernel: .compute { call, outputs in
            let x = try call.tensor(0)
            try call.fill(outputs[0], with: try call.scalar(2))
            var (source, target) = (StridedView(x.layout), StridedView(outputs[0].layout))
            for (dim, before, after) in try call.pads(x.shape) {
                let (before, after) = (try call.known(before), try call.known(after))
                let cutFront: Int = Swift.max(0, -before)
                // The rule has seen that this is not negative.
                let length: Int = source.sizes[dim] + Swift.min(0, before) + Swift.min(0, after)
                source.slice(dim, start: cutFront, length: length, step: 1)
                target.slice(dim, start: Swift.max(0, before), length: length, step: 1)
            }
            if source.sizes.contains(0) { return }
            try call.copy(try Tensor(source, of: x, call), into: target, of: outputs[0])
        },
        gradient: { g in
            let pads: [SymInt] = try g.call.ints(1).map { 0 - $0 }
            return [.tensor(try applySingle(.constantPad, [.tensor(g.gradient), .ints(pads), .int(0)]))]
        },
        samples: {
            [
                [.tensor(try .sample([2, 3])), .ints([1, 2]), .double(0.5)],
                [.tensor(try .sample([2, 3])), .ints([-1, 1, 2, 0]), .int(0)],
            ]
        })

    static let pad: Operator = composite(
        "aten::pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
        "The tensor with a border: a number ('constant'), its mirror image ('reflect'), its edge ('replicate') or its other end ('circular').",
        samples: {
            let x: Tensor = try .sample([1, 2, 4])
            return [
                [.tensor(x), .ints([1, 2]), .string("constant"), .double(1)], [.tensor(x), .ints([1, 2]), .string("reflect"), .none],
                [.tensor(x), .ints([3, 0]), .string("replicate"), .none],
                [.tensor(x), .ints([-4, 3]), .string("replicate"), .none], [.tensor(x), .ints([2, 1]), .string("circular"), .none],
            ]
        }
    ) { call in
        let mode = try call.string(2)
        if mode == "constant" {
            let value: OperatorArgument = if case .none = call[3] { .int(0) } else { call[3] }
            return [.tensor(try applySingle(.constantPad, [call[0], call[1], value]))]
        }
        guard let border = Border(rawValue: mode) else {
            throw call.error(.invalidArgument, "mode must be 'constant', 'reflect', 'replicate' or 'circular', not '\(mode)'")
        }
        guard case .none = call[3] else { throw call.error(.invalidArgument, "mode '\(mode)' takes no value") }
        return [.tensor(try call.tensor(0).bordered(border, call))]
    }

    static let padding: [Operator] = [
        constantPad, pad, bordered("reflection_pad1d", .reflect, 1), bordered("reflection_pad2d", .reflect, 2),
        bordered("reflection_pad3d", .reflect, 3), bordered("replication_pad1d", .replicate, 1),
        bordered("replication_pad2d", .replicate, 2),
        bordered("replication_pad3d", .replicate, 3),
        composite(
            "aten::_pad_circular(Tensor self, SymInt[] pad) -> Tensor", "The tensor with its other end put at each of its ends.",
            samples: { [[.tensor(try .sample([1, 2, 4])), .ints([1, 2])]] }
        ) { call in [.tensor(try call.tensor(0).bordered(.circular, call))] },
    ]

    private static func bordered(_ name: String, _ border: Border, _ dims: Int) -> Operator {
        composite(
            "aten::\(name)(Tensor self, SymInt[\(2 * dims)] padding) -> Tensor",
            "The tensor with \(border == .reflect ? "its mirror image" : "its edge") put around the last \(dims) dimensions, which one or two precede.",
            samples: { [[.tensor(try .sample([2, 3, 4, 3, 4].suffix(dims + 2))), .ints(Array(repeating: 1, count: 2 * dims))]] }
        ) { call in
            let x = try call.tensor(0)
            guard x.rank == dims + 1 || x.rank == dims + 2 else {
                throw call.error(.shapeMismatch, "takes \(dims + 1) or \(dims + 2) dimensions, not shape \(x.shape)")
            }
            return [.tensor(try x.bordered(border, call))]
        }
    }
}

/// What stands around a tensor that is padded with its own elements.
private enum Border: String {
    case reflect, replicate, circular
}

extension Call {
    /// The pads as (dimension, before, after).
    fileprivate func pads(_ shape: Shape) throws -> [(Int, SymInt, SymInt)] {
        let pads = try ints(1)
        guard pads.count % 2 == 0, pads.count / 2 <= shape.count else {
            throw error(.invalidArgument, "\(pads.count) pads for a tensor of shape \(shape); each dimension takes two")
        }
        return (0..<pads.count / 2).map { (shape.count - 1 - $0, pads[2 * $0], pads[2 * $0 + 1]) }
    }
}

extension Tensor {
    /// The tensor with a border of its own elements.
    fileprivate func bordered(_ border: Border, _ call: Call) throws -> Tensor {
        try call.pads(shape).reduce(self) { tensor, pad in
            let (dim, before, after) = pad
            if border == .replicate, (before.constant ?? -1) < 0 || (after.constant ?? -1) < 0 {
                return try tensor.repeatingEdges(dim, before, after, call)
            }
            var (inner, parts): (Tensor, [Tensor]) = (tensor, [])
            // A negative pad cuts off before anything is mirrored.
            let (cutFront, cutBack): (SymInt, SymInt) = (larger(0 - before, 0), larger(0 - after, 0))
            let size: SymInt = tensor.shape[dim] - cutFront - cutBack
            if cutFront.constant != 0 || cutBack.constant != 0 { inner = try tensor.narrowed(dim: dim, from: cutFront, length: size) }
            let (front, back): (SymInt, SymInt) = (larger(before, 0), larger(after, 0))
            if front.constant != 0 { parts.append(try inner.border(border, dim, front, isFront: true, call)) }
            parts.append(inner)
            if back.constant != 0 { parts.append(try inner.border(border, dim, back, isFront: false, call)) }
            return parts.count == 1 ? inner : try Tensor.cat(parts, dim: dim)
        }
    }

    /// Replicate padding that also cuts off: each position takes the nearest element that there was.
    private func repeatingEdges(_ dim: Int, _ before: SymInt, _ after: SymInt, _ call: Call) throws -> Tensor {
        let size: SymInt = shape[dim]
        func tooSmall() -> TensorError {
            call.error(.shapeMismatch, "the pads (\(before), \(after)) leave less than nothing of dimension \(dim) of shape \(shape)")
        }
        try require(size > 0, tooSmall())
        try require(size + before + after >= 0, tooSmall())
        let positions: Tensor = try Tensor.arange(0 - before, size + after)
        return try indexSelect(dim: dim, positions.clamp(min: 0, max: size - 1))
    }

    private func border(_ border: Border, _ dim: Int, _ pad: SymInt, isFront: Bool, _ call: Call) throws -> Tensor {
        let size: SymInt = shape[dim]
        func tooSmall() -> TensorError {
            call.error(.shapeMismatch, "dimension \(dim) of shape \(shape) is too small for a \(border.rawValue) pad of \(pad)")
        }
        switch border {
        case .reflect:
            try require(pad < size, tooSmall())
            return try narrowed(dim: dim, from: isFront ? 1 : size - 1 - pad, length: pad).flipped([dim])
        case .circular:
            try require(pad <= size, tooSmall())
            return try narrowed(dim: dim, from: isFront ? size - pad : 0, length: pad)
        case .replicate:
            try require(size > 0, tooSmall())
            var sizes = shape.sizes
            sizes[dim] = pad
            return try narrowed(dim: dim, from: isFront ? 0 : size - 1, length: 1).expanded(sizes)
        }
    }

    /// The tensor with a border: a number ('constant'), its mirror image ('reflect'), its edge ('replicate') or its other end ('circular').
    ///
    /// - Parameter pads: pairs (before, after), the last dimension first; negative ones cut off.
    public func padded(_ pads: [any SymIntConvertible], mode: String = "constant", value: (any ScalarConvertible)? = nil) throws -> Tensor {
        try applySingle(.pad, [.tensor(self), .ints(pads), .string(mode), value.map { .float($0) } ?? .none])
    }
}
