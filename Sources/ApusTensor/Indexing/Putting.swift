import ApusSymbolic
import CApusKernels

// Writing and reading at positions of the flattened tensor, at masked positions, and a fixed number of positions.

extension Operator {
    static let put: Operator = composite(
        "aten::put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
        "A copy of `self` with the source's elements written, or added, at positions of the flattened tensor. " + Operator.roundedOnce,
        samples: {
            let index = try Tensor([4, 1, -1] as [Int], shape: [3])
            return try [false, true].map { [.tensor(try .sample([2, 3])), .tensor(index), .tensor(try .sample([3], seed: 2)), .bool($0)] }
        }
    ) { call in
        let (x, index, source) = (try call.tensor(0), try call.indexTensor(1), try call.tensor(2))
        try require(
            index.count == source.count, call.error(.shapeMismatch, "\(index.count) positions need as many elements, not \(source.count)"))
        let flat: Tensor = try x.reshaped([-1])
        return [.tensor(try flat.indexPut([index.reshaped([-1])], source.reshaped([-1]), accumulate: call.bool(3)).reshaped(x.shape))]
    }

    static let indexFillTensor: Operator = composite(
        "aten::index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
        "A copy of `self` with a zero-dimensional tensor's value at the positions of dimension `dim` that a vector lists.",
        samples: {
            [
                [
                    .tensor(try .sample([2, 4])), .int(1), .tensor(try Tensor([2, 0] as [Int], shape: [2])),
                    .tensor(try .sample([], seed: 2)),
                ]
            ]
        }
    ) { call in
        let (x, index, value) = (try call.tensor(0), try call.indexTensor(2), try call.tensor(3))
        guard value.rank == 0 else { throw call.error(.shapeMismatch, "the value must be zero-dimensional, not of shape \(value.shape)") }
        let dim = try call.dim(1)
        var sizes = x.shape.sizes
        if dim < sizes.count { sizes[dim] = index.count }
        return [.tensor(try x.indexCopy(dim: dim, index, value.to(x.dtype).expanded(sizes)))]
    }

    static let unsafeMaskedIndex: Operator = composite(
        "aten::_unsafe_masked_index(Tensor self, Tensor mask, Tensor?[] indices, Scalar fill) -> Tensor",
        "As `index`, with a number where the mask is false; positions outside are moved to the edge.",
        samples: {
            let index = try Tensor([0, 5, 2] as [Int], shape: [3])
            return [
                [
                    .tensor(try .sample([3, 2])), .tensor(try Tensor([true, false, true], shape: [3, 1])), .optionalTensors([index, nil]),
                    .double(7),
                ]
            ]
        }
    ) { call in
        let read: Tensor = try call.tensor(0).index(call.heldIndices())
        return [.tensor(try read.maskedFill(call.mask(1).logicalNot(), call.scalar(3)))]
    }

    static let unsafeMaskedIndexPut: Operator = composite(
        "aten::_unsafe_masked_index_put_accumulate(Tensor self, Tensor mask, Tensor?[] indices, Tensor values) -> Tensor",
        "As `index_put` that adds, with zeros for the values where the mask is false; positions outside are moved to the edge.",
        samples: {
            let index = try Tensor([0, 5, 2] as [Int], shape: [3])
            return [
                [
                    .tensor(try .sample([3, 2])), .tensor(try Tensor([true, false, true], shape: [3, 1])), .optionalTensors([index, nil]),
                    .tensor(try .sample([3, 2], seed: 2)),
                ]
            ]
        }
    ) { call in
        let values: Tensor = try call.tensor(3).maskedFill(call.mask(1).logicalNot(), 0)
        return [.tensor(try call.tensor(0).indexPut(call.heldIndices(), values, accumulate: true))]
    }

    static let isinTensors: Operator = isin("isin.Tensor_Tensor(Tensor elements, Tensor test_elements")
    static let isinScalar: Operator = isin("isin.Tensor_Scalar(Tensor elements, Scalar test_element", test: 2)
    static let isinElement: Operator = isin("isin.Scalar_Tensor(Scalar element, Tensor test_elements", element: 2)

    static let argwhere: Operator = composite(
        "aten::argwhere(Tensor self) -> Tensor", "The positions of the elements that are not zero, as `nonzero`.",
        effects: .dataDependent, samples: { [[.tensor(try Tensor([0, 1, 0, 2, 0, 3] as [Float], shape: [2, 3]))]] }
    ) { call in [.tensor(try call.tensor(0).nonzero())] }

    static let nonzeroStatic: Operator = Operator(
        "aten::nonzero_static(Tensor self, *, SymInt size, int fill_value=-1) -> Tensor",
        "The first `size` rows of what `nonzero` gives, and rows of `fill_value` where there are fewer.",
        rule: { call in
            let (x, size) = (try call.tensor(0), try call.int(1))
            _ = try call.constant(2)
            try require(size >= 0, call.error(.invalidArgument, "the size is negative: \(size)"))
            return [TensorSpec(.int64, try Shape([size, SymInt(x.rank)], in: call.name))]
        },
        kernel: .compute { call, outputs in
            let output = outputs[0]
            try call.fill(output, with: .int(SymInt(call.constant(2))))
            let found: Tensor = try Interpreter.with(nil) { try call.tensor(0).nonzero() }
            let count: Int = Swift.min(found.layout.size(0), output.layout.size(0))
            if count == 0 || output.layout.count == 0 { return }
            var view = StridedView(output.layout)
            view.slice(0, start: 0, length: count, step: 1)
            try call.copy(Interpreter.with(nil) { try found.narrowed(dim: 0, from: 0, length: SymInt(count)) }, into: view, of: output)
        },
        samples: {
            let x = try Tensor([0, 1, 0, 2, 0, 3] as [Float], shape: [2, 3])
            return [2, 5].map { [.tensor(x), .int($0), .int(-1)] }
        })

    static let puttings: [Operator] = [
        put, indexFillTensor, unsafeMaskedIndex, unsafeMaskedIndexPut, isinTensors, isinScalar, isinElement, argwhere, nonzeroStatic,
    ]

    private static func isin(_ head: String, element: Scalar? = nil, test: Scalar? = nil) -> Operator {
        composite(
            "aten::\(head), *, bool assume_unique=False, bool invert=False) -> Tensor",
            "Where an element is among the test elements, or with `invert` where it is not.",
            samples: {
                let first: OperatorArgument = try element.map { .scalar($0) } ?? .tensor(.sample([2, 4], dtype: .int64))
                let second: OperatorArgument = try test.map { .scalar($0) } ?? .tensor(.sample([3], dtype: .int64, seed: 2))
                return [[first, second, .bool(false), .bool(false)], [first, second, .bool(false), .bool(true)]]
            }
        ) { call in
            let (x, test): (Tensor, Tensor) = (try call.tensor(0), try call.tensor(1).reshaped([-1]))
            let dtype: DType = Promotion.promote(x.dtype, test.dtype)
            guard !dtype.isComplex else { throw call.error(.dtypeMismatch, "does not take \(dtype)") }
            var found: Tensor
            if case .scalar = call[1] {
                found = try Operator.eq(x.to(dtype), test.to(dtype).reshaped([] as [SymInt]))
            } else if try settle(test.count == 0, in: call.name) {
                found = try Tensor.full(x.shape.sizes, false)
            } else {
                // Where the element would go into the sorted test elements, there it must stand.
                let wide: DType = dtype == .bool ? .int64 : dtype
                let (sorted, values): (Tensor, Tensor) = (try test.to(wide).sort(dim: 0).values, try x.to(wide))
                let place: Tensor = try sorted.searchsorted(values).clamp(max: test.count - 1)
                found = try Operator.eq(sorted.take(place), values)
            }
            return [.tensor(try call.bool(3) ? found.logicalNot() : found)]
        }
    }
}

extension Call {
    /// The indices of argument 2, moved inside of the first argument's dimensions.
    fileprivate func heldIndices() throws -> [Tensor?] {
        let x = try tensor(0)
        return try optionalTensors(2).enumerated().map { dim, index in
            guard let index else { return nil }
            guard dim < x.rank else { throw error(.invalidArgument, "shape \(x.shape) has no dimension \(dim) to index") }
            guard index.dtype == .int64 || index.dtype == .int32 else {
                throw error(.dtypeMismatch, "the index must be int64 or int32, not \(index.dtype)")
            }
            return try index.clamp(min: 0 - x.shape[dim], max: x.shape[dim] - 1)
        }
    }
}

extension Tensor {
    /// Where an element is among the test elements.
    public func isIn(_ test: Tensor) throws -> Tensor {
        try applySingle(.isinTensors, [.tensor(self), .tensor(test), .bool(false), .bool(false)])
    }

    /// The positions of the elements that are not 0, a row each.
    public func argwhere() throws -> Tensor { try applySingle(.argwhere, [.tensor(self)]) }

    /// A copy in which the elements at positions of the flattened tensor are replaced, or added to.
    public func put(_ index: Tensor, _ source: Tensor, accumulate: Bool = false) throws -> Tensor {
        try applySingle(.put, [.tensor(self), .tensor(index), .tensor(source), .bool(accumulate)])
    }

    /// The positions of elements that are not 0, as many rows as told: the first ones, then `fillValue`.
    public func nonzeroStatic(size: any SymIntConvertible, fillValue: any SymIntConvertible = -1) throws -> Tensor {
        try applySingle(.nonzeroStatic, [.tensor(self), .int(size), .int(fillValue)])
    }
}
