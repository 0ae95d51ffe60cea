import ApusSymbolic
import CApusKernels

// Writing to a part of a tensor. For values that is a new tensor; where nobody else holds the memory, it is written in place.

extension Tensor {
    /// A copy of this tensor whose indexed part is another tensor, broadcast to it and converted to this dtype.
    ///
    /// Indices are those of the subscript. Differentiable with respect to both tensors.
    public func setting(_ indices: any TensorIndex..., to value: Tensor) throws -> Tensor {
        try replacing(indices, with: value)
    }

    /// A copy of this tensor with a number written to its indexed part.
    public func setting(_ indices: any TensorIndex..., to value: some ScalarConvertible) throws -> Tensor {
        try replacing(indices, with: number(value))
    }

    /// Writes a tensor, broadcast and converted to this dtype, to the indexed part. Costs as much as the part where no other tensor shares the
    /// memory, and a copy of the whole otherwise. A range is clamped, as everywhere: what lies beyond the dimension is not written. A position
    /// beyond it is an error, and so is one of ``indexCopy(dim:_:_:)``.
    public mutating func set(_ indices: any TensorIndex..., to value: Tensor) throws {
        try write(value, at: indices)
    }

    /// Writes a number to the indexed part.
    public mutating func set(_ indices: any TensorIndex..., to value: some ScalarConvertible) throws {
        try write(number(value), at: indices)
    }

    mutating func write(_ value: Tensor, at indices: [any TensorIndex]) throws {
        if try setInPlace(indices, value) { return }
        self = try replacing(indices, with: value)
    }

    func number(_ value: some ScalarConvertible) throws -> Tensor {
        try naming("set") { try Tensor.scalar(value.scalar, dtype: dtype) }
    }

    func replacing(_ indices: [any TensorIndex], with value: Tensor) throws -> Tensor {
        let plan = try IndexPlan(indices, rank: rank)
        try plan.requirePositions(of: self)
        return try Replacement(value: value, ranges: plan.ranges(of: shape)).run(self, plan.steps[...], dim: 0, tensors: [])
    }

    /// Writes into the memory itself; false where it is shared, not row-major, or the call is traced, recorded or indexed by tensors.
    private mutating func setInPlace(_ indices: [any TensorIndex], _ value: Tensor) throws -> Bool {
        guard Interpreter.current == nil, !isTraced, !value.isTraced, isHeldAlone() else { return false }
        let plan = try IndexPlan(indices, rank: rank)
        for case .tensor in plan.steps { return false }
        let part = try plan.view(of: self).0
        let source = try value.to(dtype).fitted(to: part.shape, plan.ranges(of: shape))
        let call = Call(.sliceScatter, [.tensor(self)])
        var (input, out) = (source.view, part.view)
        try check(apus_copy(&input, &out), call)
        withExtendedLifetime((source, part)) {}
        return true
    }

    /// This tensor broadcast to the shape of a part that it is written to; leading sizes of 1 that the part lacks are dropped.
    fileprivate func fitted(to target: Shape, _ ranges: @autoclosure () -> String) throws -> Tensor {
        var value = self
        func mismatch() -> TensorError {
            TensorError(.shapeMismatch, in: "set", "a tensor of shape \(shape) doesn't broadcast to a part of shape \(target)\(ranges())")
        }
        while value.rank > target.count {
            try require(value.shape[0] == 1, mismatch())
            value = try value.squeezed(0)
        }
        if value.shape.isIdentical(to: target) { return value }
        for (size, wanted) in zip(value.shape.reversed(), target.reversed()) where !size.isIdentical(to: wanted) {
            _ = try meeting(of: size, wanted, onlyFirst: true, in: "set", mismatch())
        }
        return try value.expanded(target)
    }
}

extension IndexPlan {
    /// What to look at where a value does not fit the part: ranges are clamped, and one that reaches beyond its dimension names fewer
    /// positions than it says.
    fileprivate func ranges(of shape: Shape) -> String {
        var text: String = ""
        for case (.range(let start, let end?, _), let dim) in stepsByDimension where (end > shape[dim]).constant != false {
            text += "; the range \(start ?? 0)..<\(end) has to lie within dimension \(dim) of shape \(shape)"
        }
        return text
    }

    /// Asked here, of the tensor that is written to: `select` knows a part only, and none of its name.
    fileprivate func requirePositions(of tensor: Tensor) throws {
        for case (.position(let index), let dim) in stepsByDimension {
            try tensor.shape.requirePosition(index, dim, in: "set", of: tensor.tracedValue?.name)
        }
    }

    /// The steps, each with the first dimension of the whole that it takes.
    private var stepsByDimension: [(step: IndexStep, dim: Int)] {
        var next: Int = 0
        return steps.map { step in
            let dim: Int = next
            switch step {
            case .position, .range: next += 1
            case .tensor(let index): next += index.dtype == .bool ? index.rank : 1
            case .axis, .rest: break
            }
            return (step, dim)
        }
    }
}

/// The functional form: each view on the way in has an operator that puts a changed part back.
private struct Replacement {
    let value: Tensor
    let ranges: String

    func run(_ base: Tensor, _ steps: ArraySlice<IndexStep>, dim: Int, tensors: [Tensor?]) throws -> Tensor {
        guard let step = steps.first else { return try written(base, tensors) }
        let rest = steps.dropFirst()
        switch step {
        case .position(let index):
            let part = try run(base.select(dim: dim, index: index), rest, dim: dim, tensors: tensors)
            return try base.selectScatter(part, dim: dim, index: index)
        case .range(start: nil, end: nil, let step) where step.constant == 1:
            return try run(base, rest, dim: dim + 1, tensors: tensors + [nil])
        case .range(let start, let end, let step):
            let part = try base.sliced(dim: dim, from: start, to: end, step: step)
            let changed = try run(part, rest, dim: dim + 1, tensors: tensors + [nil])
            return try base.sliceScatter(changed, dim: dim, from: start, to: end, step: step)
        case .axis:
            return try run(base.unsqueezed(dim), rest, dim: dim + 1, tensors: tensors + [nil]).squeezed(dim)
        case .tensor(let index) where index.dtype == .bool && index.rank == 0:
            return try run(base.unsqueezed(dim), rest, dim: dim + 1, tensors: tensors + [try index.reshaped([1] as [Int])]).squeezed(dim)
        case .tensor(let index):
            let taken: Int = index.dtype == .bool ? index.rank : 1
            return try run(base, rest, dim: dim + taken, tensors: tensors + [index])
        case .rest:
            return try run(base, rest, dim: dim, tensors: tensors)
        }
    }

    private func written(_ base: Tensor, _ tensors: [Tensor?]) throws -> Tensor {
        let typed = try value.to(base.dtype)
        let given = tensors.compactMap { $0 }
        if given.isEmpty { return try typed.fitted(to: base.shape, ranges) }
        if given.count == 1, given[0].dtype == .bool, typed.rank == 0, let position = tensors.firstIndex(where: { $0 != nil }) {
            // One number where a mask is true needs no positions, whose count would depend on values.
            let mask = given[0]
            let behind: Int = base.rank - position - mask.rank
            guard behind >= 0 else { return try base.indexPut(tensors, typed) }
            for own in 0..<mask.rank {
                let (size, wanted): (SymInt, SymInt) = (mask.shape[own], base.shape[position + own])
                try require(
                    size == wanted,
                    TensorError(
                        .shapeMismatch, in: "set",
                        "a mask of shape \(mask.shape) doesn't fit dimension \(position + own) of shape \(base.shape)"))
            }
            let wide = try mask.reshaped(mask.shape.sizes + Array(repeating: 1, count: behind))
            return try base.maskedFill(wide, typed)
        }
        return try base.indexPut(tensors, typed)
    }
}
