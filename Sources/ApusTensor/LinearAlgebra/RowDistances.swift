import ApusSymbolic
import CApusKernels

// Distances of each row with each: of two matrices, or of one. Kernels compute them and their gradients without a tensor of all differences.

extension Operator {
    static let cdist: Operator = composite(
        "aten::cdist(Tensor x1, Tensor x2, float p=2., int? compute_mode=None) -> Tensor",
        "The distances of order `p` between each row of one matrix and each of another, in batches that broadcast. Computed from differences for every "
            + "`compute_mode`: near rows keep the digits that PyTorch's products for p = 2 lose.",
        samples: { try cdistSamples() }
    ) { call in [.tensor(try applySingle(.cdistForward, call.arguments))] }

    static let cdistForward: Operator = Operator(
        "aten::_cdist_forward(Tensor x1, Tensor x2, float p, int? compute_mode) -> Tensor", "See `cdist`.",
        rule: { call in
            let (x, y) = (try call.tensor(0), try call.tensor(1))
            guard x.dtype.isFloatingPoint, x.dtype == y.dtype else { throw call.differentDTypes(x, y) }
            guard x.rank >= 2, y.rank >= 2 else {
                throw call.error(.shapeMismatch, "takes matrices, not shapes \(x.shape) and \(y.shape)")
            }
            try call.requireOrder(2)
            try require(
                x.shape[-1] == y.shape[-1],
                call.error(.shapeMismatch, "rows of \(x.shape[-1]) and of \(y.shape[-1]) elements have no distance"))
            return [TensorSpec(x.dtype, try Shape(call.pairedBatch(0, 1) + [x.shape[-2], y.shape[-2]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let batch: [SymInt] = outputs[0].shape.sizes.dropLast(2)
            let operands = [try call.wideMatrices(0, batch), try call.wideMatrices(1, batch)]
            try call.compute(outputs[0]) { out in
                var (x, y, result) = (operands[0].view, operands[1].view, out.view)
                try check(apus_distances(try call.double(2), &x, &y, &result), call)
            }
            withExtendedLifetime(operands) {}
        },
        gradient: { g in
            let (x, y, out) = (try g.call.tensor(0), try g.call.tensor(1), g.outputs[0])
            let gradient = try g.gradient
            func slope(_ gradient: Tensor, _ x: Tensor, _ y: Tensor, _ distances: Tensor) throws -> Tensor {
                try applySingle(.cdistBackward, [.tensor(gradient), .tensor(x), .tensor(y), g.call[2], .tensor(distances)])
            }
            return [
                try g.reduced(slope(gradient, x, y, out), to: 0),
                try g.reduced(slope(gradient.transposed(-2, -1), y, x, out.transposed(-2, -1)), to: 1),
            ]
        },
        samples: { try cdistSamples() })

    static let cdistBackward: Operator = Operator(
        "aten::_cdist_backward(Tensor grad, Tensor x1, Tensor x2, float p, Tensor cdist) -> Tensor",
        "The gradient of `cdist` with respect to `x1`, in the shape that batches broadcast to. Distances without a derivative (0 for p = 2) count as "
            + "flat; for infinite p each of several largest differences has the whole gradient.",
        rule: { call in
            let (grad, x, y, distances) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.tensor(4))
            for other in [grad, y, distances] where other.dtype != x.dtype { throw call.differentDTypes(x, other) }
            guard x.dtype.isFloatingPoint, x.rank >= 2, y.rank >= 2 else {
                throw call.error(.shapeMismatch, "takes floating-point matrices, not \(x.spec) and \(y.spec)")
            }
            try call.requireOrder(3)
            let batch: [SymInt] = try call.pairedBatch(1, 2)
            try require(x.shape[-1] == y.shape[-1], call.error(.shapeMismatch, "the shapes \(x.shape) and \(y.shape) don't fit"))
            let shape = try Shape(batch + [x.shape[-2], y.shape[-2]], in: call.name)
            for other in [grad, distances] { try call.requireShape(other, shape, "distances") }
            return [TensorSpec(x.dtype, try Shape(batch + [x.shape[-2], x.shape[-1]], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let batch: [SymInt] = outputs[0].shape.sizes.dropLast(2)
            let operands: [Tensor] = try [0, 1, 2, 4].map { try call.wideMatrices($0, batch) }
            try call.compute(outputs[0]) { out in
                var (grad, x, y) = (operands[0].view, operands[1].view, operands[2].view)
                var (distances, result) = (operands[3].view, out.view)
                try check(apus_distances_backward(try call.double(3), &grad, &x, &y, &distances, &result), call)
            }
            withExtendedLifetime(operands) {}
        },
        decomposition: { call in
            let (x, y): (Tensor, Tensor) = (try call.tensor(1).unsqueezed(-2), try call.tensor(2).unsqueezed(-3))
            return [.tensor(try distanceSlope(x - y, try call.tensor(0), try call.tensor(4), order: try call.double(3)).sum(dim: -2))]
        },
        samples: {
            try cdistSamples().map { sample in
                let distances: Tensor = try applySingle(.cdistForward, sample)
                return [.tensor(try distances.onesLike()), sample[0], sample[1], sample[2], .tensor(distances)]
            }
        })

    static let pdist: Operator = composite(
        "aten::pdist(Tensor self, float p=2.) -> Tensor",
        "The distances of order `p` between each two rows of a matrix.",
        samples: { try pdistSamples() }
    ) { call in [.tensor(try applySingle(.pdistForward, call.arguments))] }

    static let pdistForward: Operator = Operator(
        "aten::_pdist_forward(Tensor self, float p=2.) -> Tensor", "See `pdist`.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.rank == 2, x.dtype.isFloatingPoint else {
                throw call.error(.invalidArgument, "takes a floating-point matrix, not \(x.spec)")
            }
            try call.requireOrder(1)
            let n: SymInt = x.shape[0]
            return [TensorSpec(x.dtype, try Shape([n * (n - 1) / 2], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let operand = try call.wideMatrices(0, [])
            try call.compute(outputs[0]) { out in
                var (x, result) = (operand.view, out.view)
                try check(apus_distances(try call.double(1), &x, nil, &result), call)
            }
            withExtendedLifetime(operand) {}
        },
        gradient: { g in
            [.tensor(try applySingle(.pdistBackward, [.tensor(try g.gradient), g.call[0], g.call[1], .tensor(g.outputs[0])]))]
        },
        samples: { try pdistSamples() })

    static let pdistBackward: Operator = Operator(
        "aten::_pdist_backward(Tensor grad, Tensor self, float p, Tensor pdist) -> Tensor",
        "The gradient of `pdist`; see `_cdist_backward`.",
        rule: { call in
            let x = try call.tensor(1)
            guard x.rank == 2, x.dtype.isFloatingPoint else {
                throw call.error(.invalidArgument, "takes a floating-point matrix, not \(x.spec)")
            }
            try call.requireOrder(2)
            let n: SymInt = x.shape[0]
            for index in [0, 3] {
                let other = try call.tensor(index)
                guard other.dtype == x.dtype else { throw call.differentDTypes(x, other) }
                try call.requireShape(other, Shape([n * (n - 1) / 2], in: call.name), "distances")
            }
            return [x.spec]
        },
        kernel: .compute { call, outputs in
            let (operand, pairs) = (try call.wideMatrices(1, []), try [0, 3].map { try call.dense($0).wide() })
            try call.compute(outputs[0].asMatrices(in: call)) { out in
                var (grad, x, distances, result) = (pairs[0].view, operand.view, pairs[1].view, out.view)
                try check(apus_distances_backward(try call.double(2), &grad, &x, nil, &distances, &result), call)
            }
            withExtendedLifetime((operand, pairs)) {}
        },
        decomposition: { call in
            let x = try call.tensor(1)
            // Pair number k is (i, j), where rows before i have taken i (2 n - i - 1) / 2 pairs: the root of a quadratic equation gives i.
            let n: SymInt = x.shape[0]
            let pair: Tensor = try Tensor.arange(n * (n - 1) / 2)
            let b: SymInt = 2 * n - 1
            let root: Tensor = try (pair.to(.float64) * (-8) + b * b).sqrt()
            let first: Tensor = try ((root.neg() + b) / 2).floor().to(.int64)
            let second: Tensor = try pair - (first * (first.neg() + b)).div(2, rounding: .floor) + first + 1
            let difference: Tensor = try x.indexSelect(dim: 0, first) - x.indexSelect(dim: 0, second)
            let slope = try distanceSlope(difference, try call.tensor(0), try call.tensor(3), order: try call.double(2))
            return [.tensor(try x.zerosLike().indexAdd(dim: 0, first, slope).indexAdd(dim: 0, second, slope.neg()))]
        },
        samples: {
            try pdistSamples().map { sample in
                let distances: Tensor = try applySingle(.pdistForward, sample)
                return [.tensor(try distances.onesLike()), sample[0], sample[1], .tensor(distances)]
            }
        })

    /// What distances' gradients are for differences of rows, [..., elements].
    private static func distanceSlope(_ difference: Tensor, _ gradient: Tensor, _ distances: Tensor, order p: Double) throws -> Tensor {
        let (gradient, distance): (Tensor, Tensor) = (try gradient.unsqueezed(-1), try distances.unsqueezed(-1))
        let isFlat: Tensor = try distance .== 0
        let divisor: Tensor = try distance.maskedFill(isFlat, 1)
        switch p {
        case 0: return try difference.zerosLike()
        case 1: return try gradient * difference.sign()
        case 2: return try (gradient / divisor).maskedFill(isFlat, 0) * difference
        case .infinity: return try gradient * difference.sign().maskedFill(difference.abs() .!= distance, 0)
        default:
            let isEqual: Tensor = try difference .== 0
            let power: Tensor = try difference.maskedFill(isEqual, 1).abs().pow(p - 1)
            let weight: Tensor = try (gradient / divisor.pow(p - 1)).maskedFill(isFlat, 0)
            return try (difference.sign() * power).maskedFill(isEqual, 0) * weight
        }
    }

    private static func cdistSamples() throws -> [[OperatorArgument]] {
        [
            [.tensor(try .sample([2, 3, 4])), .tensor(try .sample([2, 2, 4], seed: 2)), .double(2), .none],
            [.tensor(try .sample([3, 2])), .tensor(try .sample([2, 2], seed: 2)), .double(1), .none],
            [.tensor(try .sample([3, 2])), .tensor(try .sample([2, 2], seed: 2)), .double(3), .int(2)],
        ]
    }

    private static func pdistSamples() throws -> [[OperatorArgument]] {
        [[.tensor(try .sample([4, 3])), .double(2)], [.tensor(try .sample([3, 2])), .double(1)]]
    }
}

extension Call {
    fileprivate func requireOrder(_ index: Int) throws {
        guard try double(index) >= 0 else { throw error(.invalidArgument, "p is negative: \(try double(index))") }
    }

    /// What the sizes in front of two arguments' matrices broadcast to.
    fileprivate func pairedBatch(_ first: Int, _ second: Int) throws -> [SymInt] {
        func batch(_ index: Int) throws -> Shape { try Shape(Array(tensor(index).shape.sizes.dropLast(2)), in: name) }
        return try broadcast(batch(first), batch(second), in: name).sizes
    }

    /// An argument's matrices as the kernels take them: [batch, rows, elements], contiguous, halves in float32.
    fileprivate func wideMatrices(_ index: Int, _ batch: [SymInt]) throws -> Tensor {
        try Interpreter.with(nil) {
            let x = try tensor(index)
            return try x.wide().expanded(batch + x.shape.sizes.suffix(2)).contiguous().asMatrices(in: self)
        }
    }

    /// Has a result written by a kernel that takes float32 and float64 only.
    fileprivate func compute(_ output: Tensor, _ kernel: (Tensor) throws -> Void) throws {
        guard output.dtype != output.dtype.accumulation else { return try kernel(output) }
        let wide = try Tensor.uninitialized(output.shape, dtype: output.dtype.accumulation, in: name)
        try kernel(wide)
        try copy(wide, to: output)
    }
}

extension Tensor {
    /// A contiguous tensor as [batch, rows, elements].
    fileprivate func asMatrices(in call: Call) throws -> Tensor {
        try Interpreter.with(nil) { try reshaped([SymInt.elementCount(shape.sizes.dropLast(2)), shape[-2], shape[-1]]) }
    }
}
