import ApusSymbolic
import CApusKernels

// Operators that write into a view: a copy of a tensor, or zeros, with one part replaced. They are what an assignment to a part of a
// tensor means for values, and the gradients of the views.

extension Operator {
    static let selectScatter: Operator = scatter(
        "aten::select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor",
        "A copy of `self` whose part at position `index` of dimension `dim` is `src`.",
        view: select, window: selectWindow(dim: 2, index: 3),
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([2], seed: 2)), .int(1), .int(-1)]] })

    static let sliceScatter: Operator = scatter(
        "aten::slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor",
        "A copy of `self` whose slice is `src`; bounds as in `slice`.", view: slice, window: sliceWindow(at: 2),
        samples: { [[.tensor(try .sample([2, 5])), .tensor(try .sample([2, 2], seed: 2)), .int(1), .int(1), .int(4), .int(2)]] })

    static let diagonalScatter: Operator = scatter(
        "aten::diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
        "A copy of `self` whose diagonal is `src`.", view: diagonal, window: diagonalWindow(at: 2),
        samples: { [[.tensor(try .sample([3, 3])), .tensor(try .sample([2], seed: 2)), .int(1), .int(0), .int(1)]] })

    static let selectBackward: Operator = spread(
        "aten::select_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt index) -> Tensor",
        "Zeros of `input_sizes` with `grad_output` at position `index` of dimension `dim`: the gradient of `select`.",
        view: select, window: selectWindow(dim: 2, index: 3),
        samples: { [[.tensor(try .sample([2])), .ints([2, 3]), .int(1), .int(-1)]] })

    static let sliceBackward: Operator = spread(
        "aten::slice_backward(Tensor grad_output, SymInt[] input_sizes, int dim, SymInt start, SymInt end, SymInt step) -> Tensor",
        "Zeros of `input_sizes` with `grad_output` in a slice: the gradient of `slice`.", view: slice, window: sliceWindow(at: 2),
        samples: { [[.tensor(try .sample([2, 2])), .ints([2, 5]), .int(1), .int(1), .int(4), .int(2)]] })

    static let diagonalBackward: Operator = spread(
        "aten::diagonal_backward(Tensor grad_output, SymInt[] input_sizes, int offset, int dim1, int dim2) -> Tensor",
        "Zeros of `input_sizes` with `grad_output` on a diagonal: the gradient of `diagonal`.", view: diagonal,
        window: diagonalWindow(at: 2),
        samples: { [[.tensor(try .sample([2])), .ints([3, 3]), .int(1), .int(0), .int(1)]] })

    static let unfoldBackward: Operator = Operator(
        "aten::unfold_backward(Tensor grad_in, SymInt[] input_sizes, int dim, int size, int step) -> Tensor",
        "Sums `grad_in` over the windows that each position of a tensor of `input_sizes` lies in: the gradient of `unfold`. "
            + Operator.roundedOnce,
        rule: { call in
            let shape = try Shape(try call.ints(1), in: call.name)
            try call.requireFits(try call.tensor(0), unfold, shape)
            return [TensorSpec(try call.tensor(0).dtype, shape)]
        },
        kernel: .compute { call, outputs in
            // Windows overlap: they are added one position of the windows at a time, where they don't.
            var windows = StridedView(outputs[0].layout)
            try unfoldWindow(at: 2)(call, &windows)
            let gradient = try call.tensor(0)
            try call.accumulating(into: outputs[0]) { sums in
                try call.fill(sums, with: 0)
                for position in 0..<(windows.sizes.last ?? 0) {
                    var part = windows
                    part.select(windows.rank - 1, position)
                    var source = StridedView(gradient.layout)
                    source.select(gradient.rank - 1, position)
                    try call.addInto(sums, part, gradient, source)
                }
            }
        },
        gradient: { g in
            [.tensor(try applySingle(.unfold, [.tensor(g.gradient), g.call[2], g.call[3], g.call[4]]))]
        }, samples: { [[.tensor(try .sample([2, 3, 3])), .ints([2, 7]), .int(1), .int(3), .int(2)]] })

    static let viewWriting: [Operator] = [
        selectScatter, sliceScatter, diagonalScatter, selectBackward, sliceBackward, diagonalBackward, unfoldBackward,
    ]

    /// `self` with the part that `view` shows replaced by `src`.
    private static func scatter(
        _ schema: String, _ documentation: String, view: Operator, window: @escaping Window,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation + " `src` has the part's shape and is converted to `self`'s dtype.",
            rule: { call in
                let x = try call.tensor(0)
                try call.requireFits(try call.tensor(1), view, x.shape)
                return [x.spec]
            },
            kernel: .compute { call, outputs in
                let x = try call.tensor(0)
                var (input, out) = (x.view, outputs[0].view)
                try check(apus_copy(&input, &out), call)
                withExtendedLifetime((x, outputs)) {}
                try call.write(try call.tensor(1), into: outputs[0], window)
            }, isUpdate: true,
            gradient: { g in
                let (x, source) = (try g.call.tensor(0), try g.call.tensor(1))
                let gradient = try g.gradient
                let parameters = g.call.arguments.dropFirst(2)
                let cleared = try applySingle(g.call.operator, [.tensor(gradient), .tensor(try source.zerosLike())] + parameters)
                let part = try applySingle(view, [.tensor(gradient)] + parameters)
                return [
                    .tensor(try cleared.to(x.dtype)), source.dtype.isDifferentiable ? .tensor(try part.to(source.dtype)) : .none,
                ]
            }, samples: samples)
    }

    /// Zeros with the part that `view` shows replaced by the first argument.
    private static func spread(
        _ schema: String, _ documentation: String, view: Operator, window: @escaping Window,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let shape = try Shape(try call.ints(1), in: call.name)
                try call.requireFits(try call.tensor(0), view, shape)
                return [TensorSpec(try call.tensor(0).dtype, shape)]
            },
            kernel: .compute { call, outputs in
                try call.fill(outputs[0], with: 0)
                try call.write(try call.tensor(0), into: outputs[0], window)
            },
            gradient: { g in [.tensor(try applySingle(view, [.tensor(g.gradient)] + g.call.arguments.dropFirst(2)))] }, samples: samples)
    }
}

extension StridedView {
    mutating func select(_ dim: Int, _ position: Int) {
        offset += position &* strides[dim]
        sizes.remove(at: dim)
        strides.remove(at: dim)
    }
}

extension Call {
    /// Requires that a tensor has the shape of a part of another one, which `view` shows; the view's own arguments are those from 2 on.
    fileprivate func requireFits(_ part: Tensor, _ view: Operator, _ shape: Shape) throws {
        let base = Tensor(spec: TensorSpec(part.dtype, shape))
        let specs = try view.rule(Call(view, [.tensor(base)] + arguments.dropFirst(2)))
        guard let expected = specs.first?.shape else { throw error(.unsupported, "the part has no shape") }
        func mismatch() -> TensorError {
            error(.shapeMismatch, "a tensor of shape \(part.shape) doesn't fit into a part of shape \(expected)")
        }
        guard part.rank == expected.count else { throw mismatch() }
        for (own, size) in zip(part.shape, expected) where !own.isIdentical(to: size) { try require(own == size, mismatch()) }
    }

    /// Copies a tensor into a part of a result.
    fileprivate func write(_ source: Tensor, into output: Tensor, _ window: Operator.Window) throws {
        var part = StridedView(output.layout)
        try window(self, &part)
        let target = try Tensor(part, of: output, self)
        var (input, out) = (source.view, target.view)
        try check(apus_copy(&input, &out), self)
        withExtendedLifetime((source, target)) {}
    }

    /// Adds a part of one tensor to a part of another that has the same sizes.
    fileprivate func addInto(_ output: Tensor, _ part: StridedView, _ source: Tensor, _ sourcePart: StridedView) throws {
        let (target, addend) = (try Tensor(part, of: output, self), try Tensor(sourcePart, of: source, self))
        var (a, b, out) = (target.view, addend.view, target.view)
        try check(apus_binary(Int32(APUS_OP_ADD.rawValue), Int32(output.dtype.rawValue), nil, &a, &b, &out), self)
        withExtendedLifetime((target, addend)) {}
    }
}

extension Tensor {
    /// A part of a tensor, sharing its memory.
    init(_ part: StridedView, of base: Tensor, _ call: Call) throws {
        let view = try part.result(call)
        self.init(TensorBody(dtype: base.dtype, storage: base.body.storage, offset: base.body.offset + view.offset, layout: view.layout))
    }

    /// A copy of this tensor whose part at a position of a dimension is another one.
    public func selectScatter(_ source: Tensor, dim: Int, index: any SymIntConvertible) throws -> Tensor {
        try applySingle(.selectScatter, [.tensor(self), .tensor(source), .int(dim), .int(index)])
    }

    /// A copy of this tensor whose slice is another one; bounds as in `sliced`.
    public func sliceScatter(
        _ source: Tensor, dim: Int, from start: (any SymIntConvertible)? = nil, to end: (any SymIntConvertible)? = nil,
        step: any SymIntConvertible = 1
    ) throws
        -> Tensor
    {
        try applySingle(
            .sliceScatter,
            [.tensor(self), .tensor(source), .int(dim), start.map { .int($0) } ?? .none, end.map { .int($0) } ?? .none, .int(step)])
    }

    /// A copy of this tensor whose diagonal is another one.
    public func diagonalScatter(_ source: Tensor, offset: any SymIntConvertible = 0, dim1: Int = 0, dim2: Int = 1) throws -> Tensor {
        try applySingle(.diagonalScatter, [.tensor(self), .tensor(source), .int(offset), .int(dim1), .int(dim2)])
    }
}
