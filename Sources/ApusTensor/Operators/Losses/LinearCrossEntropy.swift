import ApusSymbolic

// The cross entropy of scores that a linear layer gives, as PyTorch exports it where it takes some rows at a time. Here all rows are taken at once.

extension Operator {
    private static let linearLayer = "Tensor input, Tensor linear_weight, Tensor target, Tensor? linear_bias, Tensor? weight"
    private static let rowsAtATime = "SymInt batch_chunk_size, str acc_policy, ScalarType acc_dtype"

    static let linearCrossEntropyReduced: Operator = composite(
        "torch_nn::_linear_cross_entropy_batch_chunked(\(linearLayer), str reduction, SymInt ignore_index, float label_smoothing, \(rowsAtATime), "
            + "bool allow_retain_graph, bool compute_input_grad, bool compute_linear_weight_grad, bool compute_linear_bias_grad) "
            + "-> (Tensor, Tensor, Tensor, Tensor)",
        "The cross entropy between the softmax of `linear(input, linear_weight, linear_bias)` and classes, [N]: its mean or sum, computed in `acc_dtype`; and "
            + "its gradients by the input, the weight and the bias, empty where they are not asked for. The number of rows at a time changes nothing.",
        samples: {
            try ["mean", "sum"].map { reduction in
                try .linearLoss + [.string(reduction), .int(-100), .double(0)] + .rowsAtATime
                    + [.bool(true), .bool(true), .bool(true), .bool(reduction == "sum")]
            }
        }
    ) { call in
        guard try call.double(7) == 0 else {
            throw call.error(.invalidArgument, "smooths no labels; label_smoothing is \(try call.double(7))")
        }
        guard let reduction: Int = ["mean": 1, "sum": 2][try call.string(5)] else {
            throw call.error(.invalidArgument, "reduction must be 'mean' or 'sum', not '\(try call.string(5))'")
        }
        let (x, layer) = (try call.tensor(0), try call.tensor(1))
        let logarithms: Tensor = try call.linearScores(10).logSoftmax(dim: 1)
        let target: [OperatorArgument] = try call.classTarget(logarithms.dtype, reduction, 6)
        let loss: [Tensor] = try applyTensors(.nllLossForward, [.tensor(logarithms)] + target)
        let wanted: [Bool] = try (12...14).map { try call.bool($0) }
        var gradients: [Tensor] = [
            try Tensor.zeros([0, 0] as [Int], dtype: x.dtype), try Tensor.zeros([0, 0] as [Int], dtype: x.dtype),
            try Tensor.zeros([0] as [Int], dtype: x.dtype),
        ]
        if wanted.contains(true) {
            let one: Tensor = try Tensor.ones([], dtype: logarithms.dtype)
            let outer: Tensor = try applySingle(
                .nllLossBackward, [.tensor(one), .tensor(logarithms)] + target + [.tensor(loss[1])])
            let scores: Tensor = try applySingle(
                .logSoftmaxBackward, [.tensor(outer), .tensor(logarithms), .int(1), .dtype(logarithms.dtype)])
            if wanted[0] { gradients[0] = try scores.mm(layer.to(scores.dtype)) }
            if wanted[1] { gradients[1] = try scores.transposed(0, 1).mm(x.to(scores.dtype)) }
            if wanted[2] { gradients[2] = try scores.sum(dim: 0) }
        }
        return try ([loss[0]] + gradients).map { .tensor(try $0.to(x.dtype)) }
    }

    static let linearCrossEntropyOfRows: Operator = composite(
        "torch_nn::_linear_cross_entropy_batch_chunked_no_reduction(\(linearLayer), SymInt ignore_index, \(rowsAtATime)) -> Tensor",
        "The cross entropy between the softmax of `linear(input, linear_weight, linear_bias)` and a class for each row, [N], computed in `acc_dtype`.",
        samples: { [try .linearLoss + [.int(-100)] + .rowsAtATime] }
    ) { call in
        let logarithms: Tensor = try call.linearScores(8).logSoftmax(dim: 1)
        let target: [OperatorArgument] = try call.classTarget(logarithms.dtype, 0, 5)
        return [.tensor(try applyTensors(.nllLossForward, [.tensor(logarithms)] + target)[0].to(call.tensor(0).dtype))]
    }

    static let linearCrossEntropies: [Operator] = [linearCrossEntropyReduced, linearCrossEntropyOfRows]
}

extension [OperatorArgument] {
    fileprivate static var linearLoss: [OperatorArgument] {
        get throws {
            [
                .tensor(try .sample([4, 3])), .tensor(try .sample([5, 3], seed: 2)), .tensor(try Tensor([0, 4, -100, 2], shape: [4])),
                .tensor(try .sample([5], seed: 3)), .tensor(try .sample([5], in: 0.5...2, seed: 4)),
            ]
        }
    }

    fileprivate static var rowsAtATime: [OperatorArgument] { [.int(2), .string("compact"), .dtype(.float32)] }
}

extension Call {
    /// The layer's scores [N, classes], in the dtype that an argument says.
    fileprivate func linearScores(_ accumulation: Int) throws -> Tensor {
        let (x, layer, bias) = (try tensor(0), try tensor(1), try optionalTensor(3))
        guard x.rank == 2, layer.rank == 2 else {
            throw error(
                .shapeMismatch, "takes rows [N, features] and a weight [classes, features], not shapes \(x.shape) and \(layer.shape)")
        }
        let wide: DType = try dtype(accumulation) ?? x.dtype
        guard wide.isFloatingPoint, x.dtype.isFloatingPoint, layer.dtype.isFloatingPoint else {
            throw error(.dtypeMismatch, "takes floating-point dtypes, not \(x.dtype) and \(layer.dtype), computed in \(wide)")
        }
        return try x.to(wide).linear(layer.to(wide), bias: bias.map { try $0.to(wide) })
    }

    /// What a class loss takes behind the scores.
    fileprivate func classTarget(_ dtype: DType, _ reduction: Int, _ ignored: Int) throws -> [OperatorArgument] {
        let weight: Tensor? = try optionalTensor(4).map { try $0.to(dtype) }
        return [self[2], .optional(weight), .int(reduction), self[ignored]]
    }
}
