import ApusSymbolic
import CApusKernels

// The element in the middle and the most frequent one. NaN stands behind everything.

extension Operator {
    static let median: Operator = medianOfAll("median", ignoresNaN: false)
    static let medianDim: Operator = medianAlong("median", ignoresNaN: false)
    static let nanmedian: Operator = medianOfAll("nanmedian", ignoresNaN: true)
    static let nanmedianDim: Operator = medianAlong("nanmedian", ignoresNaN: true)

    static let mode: Operator = composite(
        "aten::mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
        "The most frequent element along a dimension, the smallest of several, and the last of its positions.",
        samples: {
            let x = try Tensor([3, 1, 3, 2, 1, 1, 4, 4, 2, 0] as [Int], shape: [2, 5])
            return [
                [.tensor(x), .int(-1), .bool(false)], [.tensor(x), .int(0), .bool(true)],
                [.tensor(try .sample([2, 3])), .int(1), .bool(false)],
            ]
        }
    ) { call in
        let x = try call.tensor(0)
        let dim = try call.dim(1)
        if x.rank == 0 { return [.tensor(x), .tensor(try Tensor.zeros([], dtype: .int64))] }
        try call.requireElements(x, dim)
        let (values, indices) = try x.sort(dim: dim)
        // How far each element is from the beginning of its run: the first largest distance ends the longest run.
        var sizes = [SymInt](repeating: 1, count: x.rank)
        sizes[dim] = x.shape[dim]
        let places: Tensor = try Tensor.arange(x.shape[dim]).reshaped(sizes).expanded(x.shape)
        let differs: Tensor = try values.sliced(dim: dim, from: 1) .!= values.sliced(dim: dim, to: x.shape[dim] - 1)
        let first: Tensor = try places.narrowed(dim: dim, from: 0, length: 1).onesLike().to(.bool)
        let starts: Tensor = try Tensor.cat([first, differs], dim: dim)
        let begins: Tensor = try Tensor.where(starts, places, 0).cummax(dim: dim).values
        let winner: Tensor = try (places - begins).argmax(dim: dim, keepDim: true)
        return try call.picked(values, indices, at: winner, dim, keepDim: call.bool(2))
    }

    static let medians: [Operator] = [median, medianDim, nanmedian, nanmedianDim, mode]

    private static func medianOfAll(_ name: String, ignoresNaN: Bool) -> Operator {
        composite(
            "aten::\(name)(Tensor self) -> Tensor",
            "The middle one of all elements, the lower of two" + (ignoresNaN ? "; NaN counts not. " : "; NaN if there is one. ")
                + "Of no elements NaN, an error for integers.",
            samples: { [[.tensor(try .sample([2, 4]))], [.tensor(try .sample([5], dtype: .int64))], [.tensor(try .withNaN())]] }
        ) { call in
            let x = try call.tensor(0).reshaped([-1])
            if x.dtype.isFloatingPoint, try settle(x.shape[0] == 0, in: name) {
                return [.tensor(try Tensor.full([], Double.nan, dtype: x.dtype))]
            }
            return [.tensor(try applyTensors(ignoresNaN ? .nanmedianDim : .medianDim, [.tensor(x), .int(0), .bool(false)])[0])]
        }
    }

    private static func medianAlong(_ name: String, ignoresNaN: Bool) -> Operator {
        selection(
            "aten::\(name).dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
            "The middle one of the elements along a dimension, the lower of two, and its position"
                + (ignoresNaN ? "; NaN counts not." : "; NaN if there is one."),
            compute: { dim, input, values, indices in apus_median(dim, ignoresNaN, &input, &values, &indices) },
            gradient: { x, dim, index, gradient in try x.zerosLike().scatter(dim: dim, index, gradient) },
            samples: {
                [
                    [.tensor(try .sample([2, 4])), .int(1), .bool(false)], [.tensor(try .sample([3, 2])), .int(0), .bool(true)],
                    [.tensor(try .withNaN()), .int(1), .bool(false)],
                ]
            })
    }
}

extension Call {
    fileprivate func requireElements(_ x: Tensor, _ dim: Int) throws {
        guard !x.dtype.isComplex else { throw error(.dtypeMismatch, "does not take \(x.dtype)") }
        try require(
            x.shape[dim] > 0,
            error(.emptyReduction, "dimension \(dim) of shape \(x.shape) has no elements, and \(name) of nothing has no value"))
    }

    /// Sorted elements and their positions at one place along a dimension.
    fileprivate func picked(_ values: Tensor, _ indices: Tensor, at place: Tensor, _ dim: Int, keepDim: Bool) throws -> [OperatorArgument] {
        let (value, index): (Tensor, Tensor) = (try values.gather(dim: dim, place), try indices.gather(dim: dim, place))
        if keepDim { return [.tensor(value), .tensor(index)] }
        return [.tensor(try value.squeezed(dims: [dim])), .tensor(try index.squeezed(dims: [dim]))]
    }
}

extension Tensor {
    /// Numbers with NaN among them.
    static func withNaN() throws -> Tensor {
        try Tensor([1, .nan, 3, -2, 5, 0.5, 2, 4] as [Float], shape: [2, 4])
    }

    /// The middle one of all elements, the lower of two; NaN if there is one.
    public func median() throws -> Tensor { try applySingle(.median, [.tensor(self)]) }
    /// The middle one of the elements along a dimension, the lower of two, and its position.
    public func median(dim: Int, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.medianDim, [.tensor(self), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The most frequent element along a dimension, the smallest of several, and the last position where it stands.
    public func mode(dim: Int = -1, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.mode, [.tensor(self), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }

    /// The median of the elements that are not NaN.
    public func nanmedian() throws -> Tensor { try applySingle(.nanmedian, [.tensor(self)]) }

    /// The median of a dimension's elements that are not NaN, and its position.
    public func nanmedian(dim: Int, keepDim: Bool = false) throws -> (values: Tensor, indices: Tensor) {
        let results = try applyTensors(.nanmedianDim, [.tensor(self), .int(dim), .bool(keepDim)])
        return (results[0], results[1])
    }
}
