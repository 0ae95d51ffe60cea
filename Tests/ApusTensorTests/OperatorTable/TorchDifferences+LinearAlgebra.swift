import Testing

@testable import ApusTensor

extension TorchDifference {
    static let linearAlgebra: [TorchDifference] = [
        TorchDifference(
            operation: "aten::upsample_linear1d",
            summary: "position 12582912.75 of 16777218, a quarter away from the only number, 4",
            right: "[3.0]",
            ours: {
                var x = try Tensor.zeros([1, 1, 16_777_218])
                try x.set(0, 0, 12_582_913, to: 4)
                let operation = try #require(OperatorTable.find("aten::upsample_linear1d"))
                return try applySingle(operation, [.tensor(x), .ints([5]), .bool(true), .none]).reshaped([-1])[3].reshaped([1])
            },
            theirs:
                "[x := torch.zeros(1, 1, 16777218), x.__setitem__((0, 0, 12582913), 4), torch.ops.aten.upsample_linear1d(x, [5], True).flatten()[3:4]][2]"
        ),
        TorchDifference(
            operation: "aten::_linalg_slogdet", summary: "a determinant that is NaN has no sign", right: "[nan]",
            ours: { try Tensor([[Double.nan, 1], [0, 1]]).slogdet().sign.reshaped([1]) },
            theirs: "torch.linalg.slogdet(torch.tensor([[float('nan'), 1], [0, 1]])).sign"),
        TorchDifference(
            operation: "aten::linalg_lstsq", summary: "of (1, 2, 4) the multiples of (1, 1, 1) leave 14/3, whatever the rank",
            right: "[4.666666666667]",
            ours: {
                let a: Tensor = try Tensor.ones([3, 2], dtype: .float64)
                let left: Tensor = try a.lstsq(Tensor([[1.0], [2], [4]]).to(.float64)).residuals
                return try (left * 1e12).round() / 1e12
            },
            theirs:
                "torch.linalg.lstsq(torch.ones(3, 2, dtype=torch.float64), torch.tensor([[1.], [2.], [4.]], dtype=torch.float64), driver='gelsd').residuals"
        ),
    ]
}
