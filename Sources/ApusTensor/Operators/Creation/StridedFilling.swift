import ApusSymbolic

// Tensors to be written, with a layout that PyTorch's programs ask for. Values here are laid out row by row whatever they ask.

extension Operator {
    static let stridedFillings: [Operator] = [
        stridedFilling("empty_strided(SymInt[] size, SymInt[] stride, *, \(options)) -> Tensor", [.ints([2, 3]), .ints([3, 1])]),
        stridedFilling("empty_permuted(SymInt[] size, int[] physical_layout, *, \(options)) -> Tensor", [.ints([2, 3]), .ints([1, 0])]),
        stridedFilling(
            "new_empty_strided(Tensor self, SymInt[] size, SymInt[] stride, *, \(options)) -> Tensor", [.ints([2, 3]), .ints([3, 1])]),
    ]

    private static func stridedFilling(_ schema: String, _ sizes: [OperatorArgument]) -> Operator {
        let hasSelf: Bool = schema.hasPrefix("new")
        let first: Int = hasSelf ? 1 : 0
        return composite(
            "aten::" + schema, "Zeros, as `empty`: strides are no part of a value.", gradient: cut,
            samples: {
                let head: [OperatorArgument] = hasSelf ? [.tensor(try .sample([2], dtype: .float64))] : []
                return [head + sizes + [.none, .none, .none, .none], head + sizes + [.dtype(.int64), .none, .none, .none]]
            }
        ) { call in
            guard try call.ints(first).count == call.ints(first + 1).count else {
                throw call.error(.invalidArgument, "needs as many strides as sizes")
            }
            let dtype: DType = try call.dtype(first + 2) ?? (hasSelf ? call.tensor(0).dtype : .float32)
            return [.tensor(try Tensor.zeros(call.ints(first), dtype: dtype))]
        }
    }
}
