@testable import ApusTensor

extension TorchDifference {
    /// At infinities, at the largest numbers and among squares that leave the dtype.
    static let special: [TorchDifference] = [
        TorchDifference(
            operation: "aten::i0", summary: "the function grows without bound on both sides", right: "[inf, inf]",
            ours: { try applySingle(.i0, [.tensor(Tensor([Double.infinity, -.infinity]))]) },
            theirs: "torch.special.i0(torch.tensor([float('inf'), float('-inf')]))"),
        TorchDifference(
            operation: "aten::special_i1", summary: "the function grows without bound on both sides", right: "[inf, -inf]",
            ours: { try applySingle(.i1, [.tensor(Tensor([Double.infinity, -.infinity]))]) },
            theirs: "torch.special.i1(torch.tensor([float('inf'), float('-inf')]))"),
        TorchDifference(
            operation: "aten::special_zeta", summary: "a sum of powers of what is above 1 goes to 0", right: "[0.0, 0.0]",
            ours: { try Tensor([Double(3e38), 3]).zeta(Tensor([Double(2.5), .infinity])) },
            theirs: "torch.special.zeta(torch.tensor([3e38, 3.0]), torch.tensor([2.5, float('inf')]))"),
        TorchDifference(
            operation: "aten::gelu", summary: "a large number is its own", right: "[inf]", ours: { try Tensor([Double.infinity]).gelu() },
            theirs: "torch.nn.functional.gelu(torch.full((16,), float('inf')))[:1]"),
        TorchDifference(
            operation: "aten::gelu_backward", summary: "the slope is 1 far to the right and 0 far to the left", right: "[1.0, 0.0]",
            ours: { try gradient(at: Tensor([Double.infinity, -.infinity])) { try $0.gelu().sum() } },
            theirs: "torch.ops.aten.gelu_backward(torch.ones(2), torch.tensor([float('inf'), float('-inf')]))"),
        TorchDifference(
            operation: "aten::hardsigmoid_backward", summary: "the slope is a sixth", right: "[\(1.0 / 6)]",
            ours: { try gradient(at: Tensor([0.0], dtype: .float64)) { try $0.hardsigmoid().sum() } },
            theirs: "torch.ops.aten.hardsigmoid_backward(torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))"),
        TorchDifference(
            operation: "aten::softplus_backward", summary: "a slope that rounds to 1 leaves a large gradient as it is",
            right: "[\(0x1p127)]",
            ours: {
                let (gradient, x): (Tensor, Tensor) = (try Tensor([0x1p127], dtype: .float32), try Tensor([20.0], dtype: .float32))
                return try applySingle(.softplusBackward, [.tensor(gradient), .tensor(x), .double(1), .double(30)])
            }, theirs: "torch.ops.aten.softplus_backward(torch.full((1,), 2.0**127), torch.full((1,), 20.0), 1, 30)"),
        TorchDifference(
            operation: "aten::fmod.Tensor", summary: "every number is a multiple of the smallest", right: "[0.0]",
            ours: { try applySingle(Operator.fmod.tensor, [.tensor(Tensor([1.0])), .tensor(Tensor([0x1p-149]))]) },
            theirs: "torch.fmod(torch.ones(16), torch.full((16,), 2.0**-149))[:1]"),
        TorchDifference(
            operation: "aten::rms_norm", summary: "the root of the mean square of two equal numbers is theirs", right: "[1.0, 1.0]",
            ours: { try Tensor([1e20, 1e20], dtype: .float32).rmsNorm([2]) },
            theirs: "torch.nn.functional.rms_norm(torch.tensor([1e20, 1e20]), [2])"),
        TorchDifference(
            operation: "aten::renorm", summary: "a vector scaled to the norm 8 is not 0", right: "[2.0, 2.0]",
            ours: {
                let x: Tensor = try Tensor.full([2, 16], 3e38, dtype: .float32)
                return try applySingle(.renorm, [.tensor(x), .double(2), .int(0), .double(8)]).select(dim: 1, index: 0)
            }, theirs: "torch.renorm(torch.full((2, 16), 3e38), 2, 0, 8)[:, 0]"),
    ]
}
