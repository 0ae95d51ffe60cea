import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let treeEnsembles: [ONNXOperator] = [
        ONNXOperator("TreeEnsembleRegressor", domain: "ai.onnx.ml", results: .own) { call in
            let trees = try ONNXTrees(call, votes: "target", targets: call.int("n_targets", 1))
            let name: String = try call.choice("aggregate_function", "SUM", of: ONNXTrees.Aggregate.allCases.map(\.rawValue))
            var scores: Tensor = try trees.scores(numbers(call), ONNXTrees.Aggregate(rawValue: name) ?? .sum, call)
            if let base = try base(trees.targets, call) { scores = try scores + base.to(scores.dtype) }
            return try transformed(scores, call.text("post_transform", "NONE"), call).to(.float32)
        },
        ONNXOperator("TreeEnsemble", domain: "ai.onnx.ml", since: 5, results: .own) { call in
            let trees = try ONNXTrees(positions: call, targets: call.int("n_targets", 1))
            let transforms: [String] = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]
            let (aggregates, order) = ([ONNXTrees.Aggregate.average, .sum, .minimum, .maximum], try call.int("aggregate_function", 1))
            let transform: Int = try call.int("post_transform", 0)
            guard aggregates.indices.contains(order), transforms.indices.contains(transform) else {
                throw call.error(.invalidProgram, "has the aggregate_function \(order) and the post_transform \(transform)")
            }
            return try transformed(trees.scores(numbers(call), aggregates[order], call), transforms[transform], call)
        },
        ONNXOperator("TreeEnsembleClassifier", domain: "ai.onnx.ml", results: .own, tensors: { try classified($0) }),
    ]

    /// Rows of numbers: float32 where they are whole.
    private static func numbers(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        return try x.dtype.isFloatingPoint ? x : x.to(.float32)
    }

    private static func base(_ targets: Int, _ call: ONNXCall) throws -> Tensor? {
        guard let base = try call.floats("base_values") ?? call.value(ofAttribute: "base_values_as_tensor")?.tensor().knownNumbers(),
            !base.isEmpty
        else { return nil }
        guard base.count == targets else { throw call.error(.invalidProgram, "has \(base.count) base_values for \(targets) targets") }
        return try Tensor(base, shape: [targets])
    }

    private static func transformed(_ scores: Tensor, _ transform: String, _ call: ONNXCall) throws -> Tensor {
        if transform != "NONE", scores.shape[1].constant == 1 {
            throw call.error("has the post_transform \(transform) for one target, which runtimes leave out or apply as they like")
        }
        switch transform {
        case "NONE": return scores
        case "LOGISTIC": return try scores.sigmoid()
        case "SOFTMAX": return try scores.softmax(dim: 1)
        case "SOFTMAX_ZERO":
            // Scores of nothing stay so.
            let largest: Tensor = try scores.amax(dim: 1, keepDim: true)
            let parts: Tensor = try Tensor.where(scores.abs() .> 1e-7, (scores - largest).exp(), scores * largest.neg().exp())
            return try parts / parts.sum(dim: 1, keepDim: true)
        case "PROBIT": return try (scores * 2.0 - 1.0).erfinv() * 2.0.squareRoot()
        default: throw call.error("has the post_transform '\(transform)', which is not read")
        }
    }

    private static func classified(_ call: ONNXCall) throws -> [Tensor] {
        let labels: [Int]? = try call.ints("classlabels_int64s")
        guard let count = try labels?.count ?? call.texts("classlabels_strings")?.count, count > 1 else {
            throw call.error("has one class, or none")
        }
        let trees = try ONNXTrees(call, votes: "class", targets: count)
        let transform: String = try call.text("post_transform", "NONE")
        var scores: Tensor = try trees.scores(numbers(call), .sum, call)
        let best: Tensor
        if count == 2, trees.votedTargets == [0] {
            (best, scores) = try oneOfTwo(scores, trees, transform, call)
        } else {
            if count == 2, trees.votedTargets == [1], try base(count, call) != nil {
                throw call.error("has base_values beside votes for the second of two classes alone")
            }
            if let base = try base(count, call) { scores = try scores + base.to(scores.dtype) }
            if count == 2, trees.votedTargets == [1] {
                let second: Tensor = try scores.select(dim: 1, index: 1)
                best = try (second .> middle(trees)).to(.int64)
            } else {
                best = try scores.argmax(dim: 1)
            }
            scores = try transformed(scores, transform, call)
        }
        guard let labels else {
            guard call.outputs.first == false else {
                throw call.error("gives texts as labels; only the scores of such classes can be read")
            }
            return [best, try scores.to(.float32)]
        }
        return [try Tensor(labels, shape: [count]).index([best]), try scores.to(.float32)]
    }

    /// The score above which the second of two classes is meant: votes that are none below zero are read as probabilities.
    private static func middle(_ trees: ONNXTrees) -> Double { trees.votes.allSatisfy { $0.weight >= 0 } ? 0.5 : 0 }

    /// Two classes by one score, that of the second: the first gets what is left, as ONNX Runtime has it.
    private static func oneOfTwo(_ scores: Tensor, _ trees: ONNXTrees, _ transform: String, _ call: ONNXCall) throws -> (Tensor, Tensor) {
        var score: Tensor = try scores.narrowed(dim: 1, from: 0, length: 1)
        if let base = try base(1, call) { score = try score + base.to(score.dtype) }
        let best: Tensor = try (score.select(dim: 1, index: 0) .> middle(trees)).to(.int64)
        switch transform {
        case "LOGISTIC": return (best, try Tensor.cat([score.neg().sigmoid(), score.sigmoid()], dim: 1))
        case "PROBIT": throw call.error("has the post_transform PROBIT for two classes of which one is voted for")
        default:
            let other: Tensor = try middle(trees) > 0 ? score.neg() + 1.0 : score.neg()
            return (best, try Tensor.cat([other, score], dim: 1))
        }
    }
}
