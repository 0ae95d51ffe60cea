import ApusSymbolic

// Views that read the same memory as something else: other strides, another dtype, complex numbers as pairs; and views of the whole.

extension Operator {
    package static let alias: Operator = whole("aten::alias(Tensor(a) self) -> Tensor(a)", "The tensor itself.")

    static let liftFreshCopy: Operator = whole(
        "aten::lift_fresh_copy(Tensor self) -> Tensor", "The tensor itself; programs from PyTorch use it for constants.")

    static let liftFresh: Operator = whole(
        "aten::lift_fresh(Tensor(a) self) -> Tensor(a)", "The tensor itself; programs from PyTorch use it for constants.")

    static let detach: Operator = view(
        "aten::detach(Tensor(a) self) -> Tensor(a)", "The tensor itself, through which no gradient flows.",
        shape: { _, shape in shape.sizes }, window: { _, _ in }, gradient: cut, samples: { [[.tensor(try .sample([2, 3]))]] })

    static let asStrided: Operator = Operator(
        "aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)",
        "The elements of `self` in row-major order read with the given sizes, strides and first position. Unlike in PyTorch, memory outside of "
            + "`self` is out of reach, since layouts are no part of a value here.",
        rule: { call in
            let x = try call.tensor(0)
            let (sizes, strides, offset) = try call.stridedArguments()
            let shape = try Shape(sizes, in: call.name)
            var last: SymInt = offset
            for (size, stride) in zip(sizes, strides) { last += (size - 1) * stride }
            let isEmpty = SymBool.any(sizes.map { $0 == 0 })
            try require(
                SymBool.any([isEmpty, last < x.count]),
                call.error(
                    .indexOutOfRange,
                    "sizes \(listText(sizes)) with strides \(listText(strides)) at offset \(offset) reach outside of the \(x.count) elements"
                ))
            return [TensorSpec(x.dtype, shape)]
        },
        kernel: .view { call in
            let x = try call.tensor(0)
            guard x.isContiguous else { return nil }
            let (sizes, strides, offset) = try call.stridedArguments()
            var view = StridedView(x.layout)
            (view.sizes, view.strides) = (try call.known(sizes), try call.known(strides))
            if !view.sizes.contains(0) { view.offset = try call.known(offset) }
            return [try view.result(call)]
        },
        gradient: { g in
            let x = try g.call.tensor(0)
            let positions = try Tensor.arange(x.count)
            let read = try applySingle(.asStrided, [.tensor(positions), g.call[1], g.call[2], g.call[3]])
            let flat = try Tensor.zeros([x.count], dtype: x.dtype).indexAdd(dim: 0, read.flattened(), g.gradient.flattened())
            return [.tensor(try flat.reshaped(x.shape))]
        },
        samples: {
            [
                [.tensor(try .sample([2, 6])), .ints([3, 2]), .ints([2, 3]), .int(1)],
                [.tensor(try .sample([6])), .ints([3, 2]), .ints([1, 1]), .none],
            ]
        })

    static let viewDType: Operator = Operator(
        "aten::view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)",
        "The same bytes read as another dtype; the last dimension's size changes with the elements' width. Not differentiable.",
        rule: { call in
            let x = try call.tensor(0)
            let dtype = try call.dtype(1) ?? x.dtype
            return [TensorSpec(dtype, try call.reinterpretedShape(x, as: dtype))]
        },
        kernel: .view { call in
            let x = try call.tensor(0)
            let dtype = try call.dtype(1) ?? x.dtype
            return try x.reinterpreted(as: dtype, sizes: try call.known(try call.reinterpretedShape(x, as: dtype).sizes), call)
        },
        samples: { [[.tensor(try .sample([2, 3])), .dtype(.int32)], [.tensor(try .sample([2, 4])), .dtype(.int16)]] })

    static let viewAsReal: Operator = Operator(
        "aten::view_as_real(Tensor(a) self) -> Tensor(a)", "A complex tensor as real numbers, with a new last dimension for the two parts.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype.isComplex else { throw call.error(.dtypeMismatch, "takes a complex tensor, not \(x.dtype)") }
            return [TensorSpec(x.dtype.real, try Shape(x.shape.sizes + [2], in: call.name))]
        },
        kernel: .view { call in
            let x = try call.tensor(0)
            var view = StridedView(x.layout)
            view.strides = view.strides.map { $0 &* 2 } + [1]
            view.sizes.append(2)
            return [try view.result(call)]
        },
        gradient: { g in [.tensor(try g.gradient.viewAsComplex())] }, samples: { [[.tensor(try .sample([2, 3]).to(.complex64))]] })

    static let viewAsComplex: Operator = Operator(
        "aten::view_as_complex(Tensor(a) self) -> Tensor(a)", "Pairs in the last dimension, which must have size 2, as complex numbers.",
        rule: { call in
            let x = try call.tensor(0)
            guard x.dtype == .float32 || x.dtype == .float64 else {
                throw call.error(.dtypeMismatch, "takes a tensor of float32 or float64, not \(x.dtype)")
            }
            func mismatch() -> TensorError { call.error(.shapeMismatch, "the last dimension of shape \(x.shape) must have size 2") }
            guard x.rank > 0 else { throw mismatch() }
            try require(x.shape[-1] == 2, mismatch())
            return [TensorSpec(x.dtype.complex, try Shape(Array(x.shape.sizes.dropLast()), in: call.name))]
        },
        kernel: .view { call in
            let x = try call.tensor(0)
            return try x.reinterpreted(as: x.dtype.complex, sizes: Array(x.layout.sizesArray.dropLast()), call)
        },
        gradient: { g in [.tensor(try g.gradient.viewAsReal())] }, samples: { [[.tensor(try .sample([3, 2]))]] })

    static let reinterpreting: [Operator] = [
        alias, liftFresh, liftFreshCopy, detach, asStrided, viewDType, viewAsReal, viewAsComplex,
    ]

    private static func whole(_ schema: String, _ documentation: String) -> Operator {
        view(
            schema, documentation, shape: { _, shape in shape.sizes }, window: { _, _ in }, gradient: { g in [.tensor(try g.gradient)] },
            samples: { [[.tensor(try .sample([2, 3]))]] })
    }
}

extension Call {
    fileprivate func stridedArguments() throws -> (sizes: [SymInt], strides: [SymInt], offset: SymInt) {
        let (sizes, strides, offset) = (try ints(1), try ints(2), try optionalInt(3) ?? 0)
        guard sizes.count == strides.count else {
            throw error(.invalidArgument, "\(sizes.count) sizes need as many strides, not \(strides.count)")
        }
        for stride in strides { try require(stride >= 0, error(.invalidArgument, "a stride is negative: \(stride)")) }
        try require(offset >= 0, error(.invalidArgument, "the offset is negative: \(offset)"))
        return (sizes, strides, offset)
    }

    fileprivate func reinterpretedShape(_ x: Tensor, as dtype: DType) throws -> Shape {
        let (old, new): (Int, Int) = (x.dtype.byteWidth, dtype.byteWidth)
        if old == new { return x.shape }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "the last dimension of \(x.spec) can't be read as \(dtype), \(new) bytes wide")
        }
        guard x.rank > 0 else { throw mismatch() }
        var sizes = x.shape.sizes
        let bytes: SymInt = x.shape[-1] * old
        try require(bytes % new == 0, mismatch())
        sizes[sizes.count - 1] = bytes / new
        return try Shape(sizes, in: name)
    }
}

extension Tensor {
    /// A view of the same bytes with elements of another width, or nil where strides or the offset don't allow one.
    fileprivate func reinterpreted(as dtype: DType, sizes: [Int], _ call: Call) throws -> [Operator.View]? {
        let (old, new): (Int, Int) = (self.dtype.byteWidth, dtype.byteWidth)
        var view = StridedView(layout)
        if old == new { return [try view.result(call)] }
        // The dimension whose elements change their width must have neighbours side by side; it disappears for view_as_complex.
        guard let innermost = view.strides.last, innermost == 1 || (view.sizes.last ?? 0) <= 1 else { return nil }
        var strides: [Int] = []
        for stride in view.strides.dropLast() {
            let bytes: Int = stride &* old
            guard bytes % new == 0 else { return nil }
            strides.append(bytes / new)
        }
        guard storageOffset &* old % new == 0, UInt(bitPattern: baseAddress) % UInt(Swift.min(new, 8)) == 0 else { return nil }
        if sizes.count == view.rank { strides.append(1) }
        (view.sizes, view.strides) = (sizes, strides)
        return [try view.result(call)]
    }

    /// This tensor's value, through which no gradient flows.
    public func detached() throws -> Tensor { try applySingle(.detach, [.tensor(self)]) }

    /// The elements in row-major order read with other sizes, strides and first position.
    public func asStrided(_ sizes: [any SymIntConvertible], strides: [any SymIntConvertible], offset: any SymIntConvertible = 0) throws
        -> Tensor
    {
        try applySingle(.asStrided, [.tensor(self), .ints(sizes), .ints(strides), .int(offset)])
    }

    /// The same bytes read as another dtype.
    public func viewed(as dtype: DType) throws -> Tensor { try applySingle(.viewDType, [.tensor(self), .dtype(dtype)]) }

    /// A complex tensor as real numbers, with a new last dimension for the two parts.
    public func viewAsReal() throws -> Tensor { try applySingle(.viewAsReal, [.tensor(self)]) }

    /// Pairs in the last dimension as complex numbers.
    public func viewAsComplex() throws -> Tensor { try applySingle(.viewAsComplex, [.tensor(self)]) }
}
