@testable import ApusTensor

extension TorchDifference {
    private static func infinite(_ values: [Double], _ share: Double) throws -> Tensor {
        try Tensor(values, dtype: .float32).quantile(share)
    }

    static let values: [TorchDifference] = [
        TorchDifference(
            operation: "aten::quantile.scalar", summary: "between two infinities of one sign lies that infinity", right: "[inf]",
            ours: { try infinite([.infinity, .infinity], 0.5) }, theirs: "torch.quantile(torch.tensor([float('inf'), float('inf')]), 0.5)"),
        TorchDifference(
            operation: "aten::quantile.scalar", summary: "between an infinity and a number lies the infinity", right: "[-inf]",
            ours: { try infinite([-.infinity, 5], 0.3) }, theirs: "torch.quantile(torch.tensor([float('-inf'), 5.0]), 0.3)"),
        TorchDifference(
            operation: "aten::quantile.scalar", summary: "between a number and an infinity lies the infinity", right: "[inf]",
            ours: { try infinite([5, .infinity], 0.7) }, theirs: "torch.quantile(torch.tensor([5.0, float('inf')]), 0.7)"),
        TorchDifference(
            operation: "aten::quantile.scalar", summary: "numbers further apart than float32 reaches have a middle", right: "[0.0]",
            ours: { try infinite([-3e38, 3e38], 0.5) }, theirs: "torch.quantile(torch.tensor([-3e38, 3e38]), 0.5)"),
        TorchDifference(
            operation: "aten::nanquantile.scalar", summary: "between an infinity and a number lies the infinity", right: "[-inf]",
            ours: {
                try applySingle(
                    .nanquantileScalar,
                    [.tensor(Tensor([Double.nan, -.infinity, 5], dtype: .float32)), .double(0.3), .none, .bool(false), .string("linear")])
            }, theirs: "torch.nanquantile(torch.tensor([float('nan'), float('-inf'), 5.0]), 0.3)"),
        TorchDifference(
            operation: "aten::remainder.Scalar", summary: "a remainder of zero has the divisor's sign, as in Python and NumPy",
            right: "[0.0, -0.0]",
            ours: { try Tensor.stack([Tensor(-1.0) % 1, Tensor(1.0) % -1]) },
            theirs: "torch.stack([torch.tensor(-1.0) % 1, torch.tensor(1.0) % -1])"),
        TorchDifference(
            operation: "aten::remainder.Tensor", summary: "a remainder of zero has the divisor's sign, as in Python and NumPy",
            right: "[0.0, -0.0]", ours: { try Tensor([-3.0, 0]) % Tensor([3.0, -2]) },
            theirs: "torch.tensor([-3.0, 0.0]) % torch.tensor([3.0, -2.0])"),
        TorchDifference(
            operation: "aten::histc", summary: "the two ends of the range are in the first and the last bin", right: "[1.0, 0.0, 0.0, 1.0]",
            ours: { try Tensor([-3e38, 3e38]).histogram(bins: 4) }, theirs: "torch.histc(torch.tensor([-3e38, 3e38]), 4)"),
    ]
}
