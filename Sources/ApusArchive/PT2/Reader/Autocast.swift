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
            _addmm_activation matmul linear linalg_vecdot linalg_matmul linalg_multi_dot chain_matmul tensordot inner scaled_dot_product_attention prelu
            """
        let float32 = """
            avg_pool3d adaptive_avg_pool3d max_pool3d adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d max_unpool2d max_unpool3d \
            reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d replication_pad3d grid_sampler grid_sampler_2d grid_sampler_3d \
            binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss ctc_loss hinge_embedding_loss \
            huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss multilabel_margin_loss_forward \
            nll_loss nll_loss2d nll_loss_nd poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss \
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
        "bilinear", "matrix_power", "linalg_matrix_power",
    ]

    /// The casts of a region.
    ///
    /// - Parameters:
    ///   - settings: what the region's node says, in order: the device, the dtype, whether casts are made
    ///   - outer: the casts of the region around it: those of other devices are switched by themselves
    /// - Returns: nil where none are made.
    static func region(_ settings: [ProgramSchema.Argument], in outer: Autocast?) throws -> Autocast? {
        guard settings.count > 2, case .bool(let isEnabled) = settings[2] else {
            throw ArchiveError(.invalidProgram, "a region of autocast says not whether it is one")
        }
        guard case .string("cpu") = settings[0] else {
            if !isEnabled { return outer }
            throw ArchiveError(.unsupported, "a region under autocast of another device: the casts that are known are those of \"cpu\"")
        }
        guard isEnabled else { return nil }
        var dtype: DType = .bfloat16
        if case .scalarType(let type) = settings[1] { dtype = try DType(type) }
        guard dtype == .bfloat16 || dtype == .float16 else { throw ArchiveError(.unsupported, "a region under autocast to \(dtype)") }
        return Autocast(lower: dtype)
    }

    /// Of operators that are one of several others, by their arguments.
    private static func policy(of name: Substring, _ arguments: [OperatorArgument]) throws -> Policy? {
        switch name {
        case "einsum":
            guard case .string(let equation)? = arguments.first, let isProduct = isProduct(equation) else {
                throw ArchiveError(.unsupported, "'einsum' under autocast, which casts parts of it: export it with autocast disabled")
            }
            return isProduct ? .lower : nil
        case "pad":
            guard arguments.count > 2, case .ints(let counts) = arguments[1], case .string(let mode) = arguments[2] else { return nil }
            return mode == "reflect" && counts.count < 6 || mode == "replicate" ? .float32 : nil
        default: return nil
        }
    }

    /// Whether an equation of two operands sums products, as bmm does; else they are multiplied as they are. Nil for other equations.
    private static func isProduct(_ equation: String) -> Bool? {
        let text: String = equation.filter { $0 != " " }
        let sides: [Substring] = text.split(separator: "-", omittingEmptySubsequences: false)
        guard sides.count == 2, sides[1].first == ">", !text.contains(".") else { return nil }
        let operands: [Substring] = sides[0].split(separator: ",", omittingEmptySubsequences: false)
        guard operands.count == 2 else { return nil }
        let (a, b, result) = (Set(operands[0]), Set(operands[1]), Set(sides[1].dropFirst()))
        // What stands twice in one, or is summed in one alone, is taken apart first.
        guard a.count == operands[0].count, b.count == operands[1].count, a.symmetricDifference(b).isSubset(of: result) else { return nil }
        return !a.intersection(b).isSubset(of: result)
    }

    /// The arguments as the operator gets them.
    func cast(_ arguments: [OperatorArgument], of operation: Operator) throws -> [OperatorArgument] {
        let name: Substring = operation.schema.name[...]
        guard operation.schema.namespace == "aten" else { return arguments }
        guard !Self.inParts.contains(name) else {
            throw ArchiveError(.unsupported, "'\(name)' under autocast, which casts parts of it: export it with autocast disabled")
        }
        guard let policy = try Self.policies[name] ?? Self.policy(of: name, arguments) else { return arguments }
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
