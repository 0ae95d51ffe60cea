import ApusSymbolic

/// What may stand between the brackets of `x[...]`: numbers, ranges, tensors, `.all`, `.newAxis`, `.ellipsis` and `.slice`.
public protocol TensorIndex: Sendable {
    /// What the index does to the dimension it meets.
    var indexStep: IndexStep { get }
}

/// One step of indexing.
public enum IndexStep: TensorIndex {
    /// One position of a dimension, which disappears.
    case position(SymInt)
    /// A part of a dimension; nil bounds are its ends. Negative bounds count from the end, and both are clamped.
    case range(start: SymInt?, end: SymInt?, step: SymInt)
    /// Positions given by integers, or by where a mask is true.
    case tensor(Tensor)
    /// A new dimension of size 1.
    case axis
    /// As many whole dimensions as the other indices leave.
    case rest

    public var indexStep: IndexStep { self }
}

extension TensorIndex where Self == IndexStep {
    /// A whole dimension.
    public static var all: IndexStep { .range(start: nil, end: nil, step: 1) }
    /// A new dimension of size 1.
    public static var newAxis: IndexStep { .axis }
    /// As many whole dimensions as the other indices leave.
    public static var ellipsis: IndexStep { .rest }

    /// The positions from `start` up to, not including, `end`, every `step`-th. Negative bounds count from the end, which Swift's ranges
    /// can't say: `.slice(1, -1)`.
    public static func slice(
        _ start: (any SymIntConvertible)? = nil, _ end: (any SymIntConvertible)? = nil, step: any SymIntConvertible = 1
    ) -> IndexStep {
        .range(start: start?.symInt, end: end?.symInt, step: step.symInt)
    }
}

extension Int: TensorIndex { public var indexStep: IndexStep { .position(SymInt(self)) } }
extension SymInt: TensorIndex { public var indexStep: IndexStep { .position(self) } }
extension Tensor: TensorIndex { public var indexStep: IndexStep { .tensor(self) } }

extension Range: TensorIndex where Bound == Int {
    public var indexStep: IndexStep { .range(start: SymInt(lowerBound), end: SymInt(upperBound), step: 1) }
}

extension ClosedRange: TensorIndex where Bound == Int {
    public var indexStep: IndexStep { .range(start: SymInt(lowerBound), end: endAfter(upperBound), step: 1) }
}

extension PartialRangeFrom: TensorIndex where Bound == Int {
    public var indexStep: IndexStep { .range(start: SymInt(lowerBound), end: nil, step: 1) }
}

extension PartialRangeUpTo: TensorIndex where Bound == Int {
    public var indexStep: IndexStep { .range(start: nil, end: SymInt(upperBound), step: 1) }
}

extension PartialRangeThrough: TensorIndex where Bound == Int {
    public var indexStep: IndexStep { .range(start: nil, end: endAfter(upperBound), step: 1) }
}

extension SymIntRange: TensorIndex {
    public var indexStep: IndexStep { .range(start: lowerBound, end: upperBound, step: 1) }
}

extension SymIntPartialRange: TensorIndex {
    public var indexStep: IndexStep { .range(start: lowerBound, end: upperBound, step: 1) }
}

/// The bound after a last position; after -1, the last of all, comes the end.
private func endAfter(_ last: Int) -> SymInt? { last == -1 || last == Int.max ? nil : SymInt(last + 1) }

extension Tensor {
    /// Part of the tensor, as NumPy and PyTorch index: each index takes the next dimension.
    ///
    /// Numbers, ranges, `.all`, `.newAxis` and `.ellipsis` give views. Tensors of integers pick positions and broadcast against each other;
    /// tensors of bool pick where they are true. Positions outside throw; ranges are clamped.
    public subscript(indices: any TensorIndex...) -> Tensor {
        get throws { try part(at: indices) }
    }

    func part(at indices: [any TensorIndex]) throws -> Tensor {
        let (part, tensors) = try IndexPlan(indices, rank: rank).view(of: self)
        return tensors.contains { $0 != nil } ? try part.index(tensors) : part
    }
}

/// Indices with the ellipsis written out, so that each stands for what it takes.
struct IndexPlan {
    private(set) var steps: [IndexStep] = []

    /// Throws where there are more indices than dimensions, or two ellipses.
    init(_ indices: [any TensorIndex], rank: Int) throws {
        let given = indices.map { $0.indexStep }
        var taken = 0
        var ellipses = 0
        for step in given {
            switch step {
            case .position, .range: taken += 1
            case .tensor(let tensor): taken += tensor.dtype == .bool ? tensor.rank : 1
            case .axis: break
            case .rest: ellipses += 1
            }
        }
        guard ellipses <= 1 else { throw TensorError(.invalidArgument, in: "index", "only one ellipsis may stand in an index") }
        guard taken <= rank else {
            throw TensorError(.indexOutOfRange, in: "index", "\(taken) indices are too many for a tensor of rank \(rank)")
        }
        let whole = Array(repeating: IndexStep.range(start: nil, end: nil, step: 1), count: rank - taken)
        for step in given {
            if case .rest = step { steps += whole } else { steps.append(step) }
        }
        if ellipses == 0 { steps += whole }
    }

    /// The part that numbers and ranges give, and the tensors that then index its dimensions.
    func view(of tensor: Tensor) throws -> (Tensor, [Tensor?]) {
        var part = tensor
        var tensors: [Tensor?] = []
        // The dimension of the part so far, and of the whole.
        var (dim, axis) = (0, 0)
        for step in steps {
            switch step {
            case .position(let index):
                // Asked here, in the terms of who wrote `x[0, 7]`: `select` knows the part only.
                try tensor.shape.requirePosition(index, axis, in: "index")
                part = try part.select(dim: dim, index: index)
                axis += 1
            case .range(let start, let end, let step):
                if start != nil || end != nil || step.constant != 1 { part = try part.sliced(dim: dim, from: start, to: end, step: step) }
                tensors.append(nil)
                dim += 1
                axis += 1
            case .axis:
                part = try part.unsqueezed(dim)
                tensors.append(nil)
                dim += 1
            case .tensor(let index) where index.dtype == .bool && index.rank == 0:
                // A single truth value takes a new dimension of size 1, or nothing of it.
                part = try part.unsqueezed(dim)
                tensors.append(try index.reshaped([1]))
                dim += 1
            case .tensor(let index):
                tensors.append(index)
                dim += index.dtype == .bool ? index.rank : 1
                axis += index.dtype == .bool ? index.rank : 1
            case .rest: break
            }
        }
        return (part, tensors)
    }
}
