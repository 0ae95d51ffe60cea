import ApusSymbolic

// Batch norm under the names by which PyTorch chooses among its libraries. What it keeps for the gradient there is empty here.

extension Operator {
    static let batchNormWithUpdate: Operator = composite(
        "aten::_batch_norm_with_update_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor running_var_out)",
        "Batch norm in training: the results, the mean and rstd that were computed, an empty tensor, and the running statistics after it.",
        samples: { try updateSamples() }
    ) { call in
        let results = try apply(.batchNormFunctional, Array(call.arguments.prefix(5)) + [.bool(true), call[5], call[6]])
        return Array(results.prefix(3)) + [.tensor(try .zeros([0], dtype: .uint8))] + results.suffix(2)
    }

    static let batchNormNoUpdate: Operator = composite(
        "aten::_batch_norm_no_update(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor)",
        "Batch norm by running statistics: the results, and three empty tensors.", samples: { try updateSamples() }
    ) { call in
        let results = try apply(.nativeBatchNorm, Array(call.arguments.prefix(5)) + [.bool(false), call[5], call[6]])
        return results + [.tensor(try .zeros([0], dtype: .uint8))]
    }

    static let batchNormUpdates: [Operator] = [batchNormWithUpdate, batchNormNoUpdate]

    private static func updateSamples() throws -> [[OperatorArgument]] {
        let statistic: OperatorArgument = .tensor(try .sample([3], in: 0.5...2, seed: 2))
        return [
            [.tensor(try .sample([4, 3, 2])), statistic, statistic, statistic, statistic, .double(0.1), .double(1e-5)]
        ]
    }
}
