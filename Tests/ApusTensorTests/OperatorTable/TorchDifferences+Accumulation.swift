import Testing

@testable import ApusTensor

extension TorchDifference {
    /// Sums that PyTorch keeps in a dtype too narrow for them.
    static let accumulation: [TorchDifference] = [
        halfSum("index_add", "torch.index_add(zero, 0, index, ones)") {
            try Tensor.zeros([1], dtype: .bfloat16).indexAdd(dim: 0, $0, $1)
        },
        halfSum("index_put", "torch.index_put(zero, (index,), ones, accumulate=True)") {
            try Tensor.zeros([1], dtype: .bfloat16).indexPut([$0], $1, accumulate: true)
        },
        halfSum("put", "torch.ops.aten.put(zero, index, ones, True)") {
            try applySingle(.put, [.tensor(Tensor.zeros([1], dtype: .bfloat16)), .tensor($0), .tensor($1), .bool(true)])
        },
        halfSum("embedding_dense_backward", "torch.ops.aten.embedding_dense_backward(ones[:, None], index, 1, -1, False)") {
            try applySingle(.embeddingBackward, [.tensor($1.unsqueezed(1)), .tensor($0), .int(1), .int(-1), .bool(false)])
        },
        halfSum("col2im", "torch.ops.aten.col2im(ones.expand(1, n, n), [1, 2 * n - 1], [1, n], [1, 1], [0, 0], [1, 1])[0, 0, 0, n - 1]") {
            try applySingle(
                .col2im,
                [
                    .tensor($1.expanded([1, 300, 300])), .ints([1, 599]), .ints([1, 300]), .ints([1, 1]), .ints([0, 0]), .ints([1, 1]),
                ])[0, 0, 0, 299].reshaped([1])
        },
        halfSum("unfold_backward", "torch.ops.aten.unfold_backward(ones.expand(n, n), [2 * n - 1], 0, n, 1)[n - 1]") {
            try applySingle(.unfoldBackward, [.tensor($1.expanded([300, 300])), .ints([599]), .int(0), .int(300), .int(1)])[299].reshaped([
                1
            ])
        },
        halfSum(
            "max_pool2d_with_indices_backward",
            "torch.ops.aten.max_pool2d_with_indices_backward(ones[None, None], ones[None, None].repeat(1, 1, 2)[..., 1:], [1, n], [1, 1], [0, 0], [1, 1], False, index[None, None])[..., 0]"
        ) {
            let (gradient, index) = (try $1.reshaped([1, 1, 300]), try $0.reshaped([1, 1, 300]))
            return try applySingle(
                #require(OperatorTable.find("aten::max_pool2d_with_indices_backward")),
                [
                    .tensor(gradient), .tensor(Tensor.ones([1, 1, 599], dtype: .bfloat16)), .ints([1, 300]), .ints([1, 1]), .ints([0, 0]),
                    .ints([1, 1]), .bool(false), .tensor(index),
                ])[0, 0, 0].reshaped([1])
        },
        TorchDifference(
            operation: "aten::histc", summary: "counted in integers, so that 5,000 are 5,000", right: "[5000.0]",
            ours: { try Tensor.full([5000], 0.5, dtype: .float16).histogram(bins: 1, min: 0, max: 1) },
            theirs: "(torch.set_num_threads(1), torch.histc(torch.full((5000,), 0.5, dtype=torch.float16), 1, 0, 1))[1]"),
        TorchDifference(
            operation: "aten::nanmean", summary: "the mean of ones is 1 however many they are", right: "[1.0]",
            ours: { try Tensor.ones([100_000], dtype: .float16).nanmean() },
            theirs: "torch.ones(100_000, dtype=torch.float16).nanmean()"),
        TorchDifference(
            operation: "aten::trapezoid.dx", summary: "100,000 halves, to the nearest float16", right: "[49984.0]",
            ours: { try Tensor.ones([100_001], dtype: .float16).trapezoid(dx: 0.5) },
            theirs: "torch.trapezoid(torch.ones(100_001, dtype=torch.float16), dx=0.5)"),
        TorchDifference(
            operation: "aten::logsumexp", summary: "log(100,000), in float16", right: "[11.515625]",
            ours: { try Tensor.zeros([100_000], dtype: .float16).logsumexp(dims: [0]) },
            theirs: "torch.zeros(100_000, dtype=torch.float16).logsumexp(0)"),
        TorchDifference(
            operation: "aten::scatter_reduce.two", summary: "the mean of 200 and 200 is 200, in uint8 too", right: "[200.0]",
            ours: {
                try Tensor.zeros([1], dtype: .uint8).scatterReduce(
                    dim: 0, Tensor.zeros([2], dtype: .int64), Tensor.full([2], 200, dtype: .uint8), reduce: "mean", includeSelf: false)
            },
            theirs:
                "torch.zeros(1, dtype=torch.uint8).scatter_reduce(0, torch.zeros(2, dtype=torch.int64), torch.tensor([200, 200], dtype=torch.uint8), 'mean', include_self=False)"
        ),
    ]

    /// 300 ones added up in bfloat16, whose whole numbers end at 256.
    private static func halfSum(
        _ name: String, _ theirs: String, _ ours: @escaping @Sendable (_ index: Tensor, _ ones: Tensor) throws -> Tensor
    )
        -> TorchDifference
    {
        let setting = "lambda n, ones, zero, index: "
        let given =
            "(300, torch.ones(300, dtype=torch.bfloat16), torch.zeros(1, dtype=torch.bfloat16), torch.zeros(300, dtype=torch.int64))"
        return TorchDifference(
            operation: "aten::\(name)", summary: "300 ones are 300", right: "[300.0]",
            ours: { try ours(Tensor.zeros([300], dtype: .int64), Tensor.ones([300], dtype: .bfloat16)) },
            theirs: "(\(setting)\(theirs))(*\(given))")
    }
}
