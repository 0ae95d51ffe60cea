import Testing

@testable import ApusTensor

/// Every operator where sizes are 0, each dimension by itself and together, against PyTorch: values, shapes and refusals.
@Suite struct ZeroSizeTests {
    /// Operators that refuse what PyTorch takes: shapes that don't fit together where one of them has no elements (PyTorch reads beyond them, or
    /// returns early), kernels and groups of size 0, the middle of no integers, and a dimension to be transformed twice.
    static let stricter: Set<String> = [
        "_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward", "_cdist_backward", "_batch_norm_no_update",
        "_batch_norm_with_update_functional", "_cholesky_solve_helper", "_ctc_loss_backward",
        "_ctc_loss_backward.Tensor", "_embedding_bag",
        "_embedding_bag_forward_only", "_fft_c2c", "_grouped_mm", "_log_softmax_backward_data", "_native_batch_norm_legit.no_stats",
        "_native_batch_norm_legit_functional",
        "_native_batch_norm_legit_no_training", "_pdist_backward", "_reshape_alias", "_unsafe_masked_index",
        "_unsafe_masked_index_put_accumulate",
        "adaptive_max_pool2d_backward", "adaptive_max_pool3d_backward", "affine_grid_generator", "avg_pool2d_backward",
        "avg_pool3d_backward", "batch_norm", "cholesky", "conv2d", "conv2d.padding", "conv3d", "conv3d.padding", "convolution",
        "convolution_backward", "conv_tbc",
        "embedding_bag", "embedding_bag.padding_idx", "index_add", "instance_norm", "linalg_cond", "linalg_matrix_rank.atol_rtol_float",
        "lu_unpack", "max_pool3d_with_indices_backward", "max_unpool2d",
        "max_unpool3d", "median", "nanmedian", "native_batch_norm", "native_batch_norm_backward", "native_group_norm",
        "native_group_norm_backward", "native_layer_norm_backward", "scaled_dot_product_attention", "segment_reduce", "trapezoid.x",
        "trapz.x",
        "unfold_backward",
    ]

    /// Operators whose values differ. PyTorch is wrong about the shapes of `pixel_unshuffle` and of one-dimensional convolutions, reads strides
    /// of 0 that belong to no tensor with elements, says 0 for means of nothing, counts no points without coordinates, and
    /// says for losses of nothing and products of no groups what was in memory.
    static let different: Set<String> = [
        "_grouped_mm", "_reshape_alias", "conv1d", "conv1d.padding", "convolution", "cross_entropy_loss", "histogramdd.int_bins",
        "linalg_lstsq",
        "multi_margin_loss",
        "multilabel_margin_loss", "multilabel_margin_loss_forward", "native_group_norm", "native_layer_norm", "pixel_unshuffle",
    ]

    /// Operators for which PyTorch gives numbers at one time and refuses at another: a dimension that is transformed twice, of real numbers.
    static let unsteady: Set<String> = ["_fft_r2c"]

    @Test func agreeWithTorch() throws {
        var cases: [ValueJudge.Case] = []
        for operation in OperatorTable.all where TorchAgreementTests.isJudged(operation) || TorchAgreementTests.isFactorisation(operation) {
            for sample in try operation.samples() {
                for arguments in try ZeroSizes.variants(of: sample) { cases.append(try ValueJudge.run(operation, arguments)) }
            }
        }
        #expect(cases.count > 30_000)
        var (refusing, differing): (Set<String>, Set<String>) = ([], [])
        for (given, answer) in zip(cases, try ValueJudge.judge(cases)) {
            let name = String(given.operation.name.dropFirst("aten::".count))
            if answer.hasPrefix("PyTorch gives") {
                refusing.insert(name)
                #expect(
                    Self.stricter.contains(name) || Self.unsteady.contains(name),
                    "\(given.description): \(given.refusal?.description ?? ""), but \(answer)")
            }
            if answer.hasPrefix("differs") {
                differing.insert(name)
                #expect(Self.different.contains(name), "\(given.description) \(answer)")
            }
        }
        refusing.subtract(Self.unsteady)
        #expect(refusing == Self.stricter, "as PyTorch now: \(Self.stricter.subtracting(refusing).sorted())")
        #expect(differing == Self.different, "as PyTorch now: \(Self.different.subtracting(differing).sorted())")
    }
}
