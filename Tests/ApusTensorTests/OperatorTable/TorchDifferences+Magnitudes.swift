import Testing

@testable import ApusTensor

extension TorchDifference {
    /// Where an intermediate result of PyTorch's leaves the dtype's range, or its formula has no value at a point where the derivative has one.
    static let magnitudes: [TorchDifference] = [
        TorchDifference(
            operation: "aten::hypot", summary: "the gradient at the origin is 0, as a norm's is", right: "[0.0]",
            ours: { try gradient(at: Tensor([0.0])) { try $0.hypot(Tensor([0.0])).sum() } },
            theirs: "torch.autograd.grad(torch.hypot(x := torch.zeros(1, requires_grad=True), torch.zeros(1)).sum(), x)[0]"),
        TorchDifference(
            operation: "aten::xlogy.Tensor", summary: "0 log(y) is 0 for every y from 0 on, and so is its slope", right: "[0.0]",
            ours: { try gradient(at: Tensor([0.0])) { try Tensor([0.0]).xlogy($0).sum() } },
            theirs: "torch.autograd.grad(torch.xlogy(torch.zeros(1), x := torch.zeros(1, requires_grad=True)).sum(), x)[0]"),
        TorchDifference(
            operation: "aten::_linalg_det", summary: "the gradient at a singular matrix is the adjugate, transposed",
            right: "[4.0, -2.0, -2.0, 1.0]", ours: { try gradient(at: Tensor([1.0, 2, 2, 4], shape: [2, 2])) { try $0.det() } },
            theirs: "torch.autograd.grad(torch.linalg.det(x := torch.tensor([[1.0, 2], [2, 4]], requires_grad=True)), x)[0]"),
        TorchDifference(
            operation: "aten::grid_sampler_2d", summary: "where aligned corners are reflected there is a slope on either side, not 0",
            right: "[4.0, 4.5]",
            ours: {
                let image: Tensor = try Tensor([0.0, 1, 4, 9, 16, 25], shape: [1, 1, 2, 3])
                return try gradient(at: Tensor([-1.0, 0], shape: [1, 1, 1, 2])) {
                    try applySingle(.gridSampler2d, [.tensor(image), .tensor($0), .int(0), .int(2), .bool(true)]).sum()
                }
            },
            theirs: "torch.autograd.grad(torch.nn.functional.grid_sample((torch.arange(6.0) ** 2).reshape(1, 1, 2, 3), "
                + "x := torch.tensor([[[[-1.0, 0]]]], requires_grad=True), padding_mode='reflection', align_corners=True).sum(), x)[0]"),
        TorchDifference(
            operation: "aten::linalg_vector_norm", summary: "squares of float32 overflow, the norm does not",
            right: "[\(5 * 0x1p70)]", ours: { try Tensor([3 * 0x1p70, 4 * 0x1p70]).norm() },
            theirs: "torch.linalg.vector_norm(torch.tensor([3 * 2.0**70, 4 * 2.0**70]))"),
        TorchDifference(
            operation: "aten::cosine_similarity", summary: "squares of float32 overflow, the cosine does not", right: "[1.0]",
            ours: { try Tensor([0x1p70, 0], shape: [1, 2]).cosineSimilarity(Tensor([0x1p70, 0], shape: [1, 2])) },
            theirs: "torch.cosine_similarity(torch.tensor([[2.0**70, 0]]), torch.tensor([[2.0**70, 0]]))"),
        TorchDifference(
            operation: "aten::layer_norm", summary: "the variance of float32 overflows, the normalised values do not", right: "[1.0, -1.0]",
            ours: { try Tensor([0x1p70, -0x1p70]).layerNorm([2]) },
            theirs: "torch.nn.functional.layer_norm(torch.tensor([2.0**70, -(2.0**70)]), [2])"),
        TorchDifference(
            operation: "aten::logsumexp", summary: "the shares of equal elements are equal and add up to 1", right: "[0.5, 0.5]",
            ours: { try gradient(at: Tensor([0x1p50, 0x1p50])) { try $0.logsumexp(dims: [0]) } },
            theirs: "torch.autograd.grad(torch.logsumexp(x := torch.tensor([2.0**50, 2.0**50], requires_grad=True), 0), x)[0]"),
        TorchDifference(
            operation: "aten::gelu", summary: "the slope of the approximation by tanh goes to 1", right: "[1.0]",
            ours: { try gradient(at: Tensor([0x1p70])) { try $0.gelu(approximate: .tanh).sum() } },
            theirs:
                "torch.autograd.grad(torch.nn.functional.gelu(x := torch.tensor([2.0**70], requires_grad=True), approximate='tanh').sum(), x)[0]"
        ),
        TorchDifference(
            operation: "aten::hardswish", summary: "a large number is its own", right: "[\(0x1p127)]",
            ours: { try Tensor([0x1p127]).hardswish() }, theirs: "torch.nn.functional.hardswish(torch.tensor([2.0**127]))"),
        TorchDifference(
            operation: "aten::special_i1", summary: "the derivative of a function that overflows overflows too", right: "[inf]",
            ours: { try gradient(at: Tensor([100.0])) { try applySingle(.i1, [.tensor($0)]).sum() } },
            theirs: "torch.autograd.grad(torch.special.i1(x := torch.tensor([100.0], requires_grad=True)).sum(), x)[0]"),
        TorchDifference(
            operation: "aten::sinc", summary: "sin(4 pi) is 0", right: "[0.0]", ours: { try Tensor([4.0]).sinc() },
            theirs: "torch.sinc(torch.tensor([4.0]))"),
    ]
}
