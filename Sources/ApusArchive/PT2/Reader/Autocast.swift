import ApusTensor

/// The casts that `torch.autocast` makes on a CPU before an operator runs: a file holds the operators of such a region, and not their casts.
struct Autocast {
    /// The dtype of products and convolutions: bfloat16 or float16.
    let lower: DType

    private enum Policy {
        case lower, float32, widest
    }

    private static let policies: [Substring: Policy] = {
        let lower = """
            conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d _convolution mm bmm addmm addbmm baddbmm \
            _addmm_activation matmul linear linalg_vecdot linalg_matmul linalg_multi_dot linalg_matrix_power matrix_power chain_matmul einsum \
            tensordot inner scaled_dot_product_attention prelu
            """
        let float32 = """
            avg_pool3d adaptive_avg_pool3d max_pool3d adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d max_unpool2d max_unpool3d \
            reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d replication_pad3d grid_sampler grid_sampler_2d grid_sampler_3d \
            binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss ctc_loss hinge_embedding_loss \
            huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss multilabel_margin_loss_forward \
            nll_loss nll_loss2d poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss \
            cdist polar prod quantile nanquantile stft trace \
            cholesky cholesky_inverse cholesky_solve geqrf inverse lu_solve orgqr ormqr pinverse qr svd triangular_solve linalg_cholesky \
            linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv \
            linalg_inv_ex linalg_lstsq linalg_matrix_rank linalg_qr linalg_solve linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve \
            fft_fft fft_fft2 fft_fftn fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 \
            fft_rfftn
            """
        let all: [(String, Policy)] = [(lower, .lower), (float32, .float32), ("cat stack index_copy", .widest)]
        return Dictionary(uniqueKeysWithValues: all.flatMap { names, policy in names.split(separator: " ").map { ($0, policy) } })
    }()

    /// Operators made of others that are cast one by one, in the middle of what is one operator here.
    private static let inParts: Set<Substring> = [
        "lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "cov", "corrcoef",
    ]

    /// - Parameters: what the node of the region says, in order: the device, the dtype, whether casts are made.
    /// - Returns: nil where none are made.
    init?(_ settings: [ProgramSchema.Argument]) throws {
        guard settings.count > 2, case .bool(let isEnabled) = settings[2] else {
            throw ArchiveError(.invalidProgram, "a region of autocast says not whether it is one")
        }
        guard isEnabled else { return nil }
        guard case .string("cpu") = settings[0] else {
            throw ArchiveError(.unsupported, "a region under autocast of another device: the casts that are known are those of \"cpu\"")
        }
        var dtype: DType = .bfloat16
        if case .scalarType(let type) = settings[1] { dtype = try DType(type) }
        guard dtype == .bfloat16 || dtype == .float16 else { throw ArchiveError(.unsupported, "a region under autocast to \(dtype)") }
        lower = dtype
    }

    /// The arguments as the operator gets them.
    func cast(_ arguments: [OperatorArgument], of operation: Operator) throws -> [OperatorArgument] {
        let name: Substring = operation.schema.name[...]
        guard operation.schema.namespace == "aten" else { return arguments }
        guard !Self.inParts.contains(name) else {
            throw ArchiveError(.unsupported, "'\(name)' under autocast, which casts parts of it: export it with autocast disabled")
        }
        guard let policy = Self.policies[name] else { return arguments }
        let target: DType
        switch policy {
        case .lower: target = lower
        case .float32: target = .float32
        case .widest: target = arguments.flatMap(\.givenTensors).contains { $0.dtype == .float32 } ? .float32 : lower
        }
        func cast(_ tensor: Tensor) throws -> Tensor {
            let isCast: Bool = tensor.dtype.isFloatingPoint && tensor.dtype != .float64 && tensor.dtype != target
            return try isCast ? tensor.to(target) : tensor
        }
        return try arguments.map { argument in
            switch argument {
            case .tensor(let tensor): .tensor(try cast(tensor))
            case .tensors(let tensors): .tensors(try tensors.map(cast))
            default: argument
            }
        }
    }
}

extension OperatorArgument {
    fileprivate var givenTensors: [Tensor] {
        switch self {
        case .tensor(let tensor): [tensor]
        case .tensors(let tensors): tensors
        default: []
        }
    }
}
