import ApusSymbolic

// Views as copies of their own: PyTorch writes `view_copy` and its kin into programs that must not share memory.

extension Operator {
    static let viewCopies: [Operator] = [
        copying("alias_copy(Tensor self) -> Tensor", alias), copying("detach_copy(Tensor self) -> Tensor", detach),
        copying("view_copy(Tensor self, SymInt[] size) -> Tensor", view),
        copying("view_copy.dtype(Tensor self, ScalarType dtype) -> Tensor", viewDType),
        copying("expand_copy(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor", expand),
        copying("permute_copy(Tensor self, int[] dims) -> Tensor", permute),
        copying("transpose_copy.int(Tensor self, int dim0, int dim1) -> Tensor", transpose), copying("t_copy(Tensor self) -> Tensor", t),
        copying("squeeze_copy(Tensor self) -> Tensor", squeeze), copying("squeeze_copy.dim(Tensor self, int dim) -> Tensor", squeezeDim),
        copying("squeeze_copy.dims(Tensor self, int[] dim) -> Tensor", squeezeDims),
        copying("unsqueeze_copy(Tensor self, int dim) -> Tensor", unsqueeze),
        copying("select_copy.int(Tensor self, int dim, SymInt index) -> Tensor", select),
        copying("slice_copy.Tensor(Tensor self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor", slice),
        copying("narrow_copy(Tensor self, int dim, SymInt start, SymInt length) -> Tensor", narrow),
        copying("diagonal_copy(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor", diagonal),
        copying("unfold_copy(Tensor self, int dimension, int size, int step) -> Tensor", unfold),
        copying("as_strided_copy(Tensor self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor", asStrided),
        copying("view_as_real_copy(Tensor self) -> Tensor", viewAsReal),
        copying("view_as_complex_copy(Tensor self) -> Tensor", viewAsComplex),
        copying("unbind_copy.int(Tensor self, int dim=0) -> Tensor[]", unbind),
        copying("split_copy.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]", split),
        copying("split_with_sizes_copy(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]", splitWithSizes),
        copying("unsafe_split.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]", split),
        copying("unsafe_split_with_sizes(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]", splitWithSizes),
        copying("unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", chunk), asStridedScatter,
    ]

    static let asStridedScatter: Operator = composite(
        "aten::as_strided_scatter(Tensor self, Tensor src, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor",
        "A copy of `self` whose elements that `as_strided` shows are `src`; of several writes to one position the last wins.",
        samples: { [[.tensor(try .sample([2, 6])), .tensor(try .sample([3, 2], seed: 2)), .ints([3, 2]), .ints([2, 3]), .int(1)]] }
    ) { call in
        let (x, source) = (try call.tensor(0), try call.tensor(1))
        let positions: Tensor = try applySingle(.asStrided, [.tensor(Tensor.arange(x.count).reshaped(x.shape)), call[2], call[3], call[4]])
        let written: Tensor = try x.flattened().scatter(
            dim: 0, positions.flattened(), source.to(x.dtype).expanded(positions.shape).flattened())
        return [.tensor(try written.reshaped(x.shape))]
    }

    private static func copying(_ schema: String, _ view: Operator) -> Operator {
        composite(
            "aten::" + schema, "A copy of what `\(view.schema.name)` shows.", gradient: view === detach ? cut : nil,
            samples: {
                let count: Int? = (try? Schema("aten::" + schema))?.parameters.count
                return try view.samples().map { sample in
                    (0..<(count ?? 0)).map { $0 < sample.count ? sample[$0] : .bool(false) }
                }
            }
        ) { call in
            let arguments = Array(call.arguments.prefix(view.schema.parameters.count))
            return try applyTensors(view, arguments).map { .tensor(try $0.clone()) }
        }
    }
}

extension Tensor {
    /// A copy in which the elements that `asStrided` would take are replaced.
    public func asStridedScatter(
        _ source: Tensor, _ sizes: [any SymIntConvertible], strides: [any SymIntConvertible], offset: any SymIntConvertible = 0
    ) throws -> Tensor {
        try applySingle(.asStridedScatter, [.tensor(self), .tensor(source), .ints(sizes), .ints(strides), .int(offset)])
    }
}
