import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let losses: [ONNXOperator] = [
        ONNXOperator("NegativeLogLikelihoodLoss") { call in try likelihood(call, call.tensor(0)) },
        ONNXOperator(
            "SoftmaxCrossEntropyLoss",
            values: { call in
                let logits: Tensor = try call.tensor(0).logSoftmax(dim: 1)
                return [ONNXValue(try likelihood(call, logits)), ONNXValue(logits)]
            }),
    ]

    private static func likelihood(_ call: ONNXCall, _ logits: Tensor) throws -> Tensor {
        let target: Tensor = try call.tensor(1).to(.int64)
        let ignored: Int? = try call.int("ignore_index")
        let reduction: String = try call.choice("reduction", "mean", of: ["none", "mean", "sum"])
        let isIgnored: Tensor? = try ignored.map { try target .== $0 }
        let index: Tensor = try isIgnored.map { try Tensor.where($0, 0, target) } ?? target
        var weights: Tensor? = try call.optional(2).map { try $0.index([index]) }
        if let isIgnored { weights = try Tensor.where(isIgnored, 0.0, weights ?? Tensor.ones(index.shape.sizes, dtype: logits.dtype)) }
        var loss: Tensor = try logits.gather(dim: 1, index.unsqueezed(1)).squeezed(1).neg()
        if let weights { loss = try Tensor.where(weights .== 0, 0.0, loss * weights) }
        switch reduction {
        case "none": return loss
        case "sum": return try loss.sum()
        default: return try weights.map { try loss.sum() / $0.sum() } ?? loss.mean()
        }
    }
}
