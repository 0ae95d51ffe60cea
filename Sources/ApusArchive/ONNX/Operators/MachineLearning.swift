import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let machineLearning: [ONNXOperator] = [
        ONNXOperator("ArrayFeatureExtractor", domain: "ai.onnx.ml") { call in
            let x: Tensor = try call.tensor(0)
            return try x.indexSelect(dim: x.rank - 1, try call.tensor(1).to(.int64).flattened())
        },
        ONNXOperator("Binarizer", domain: "ai.onnx.ml") { call in
            let x: Tensor = try call.tensor(0)
            return try (x .> (try call.float("threshold", 0))).to(x.dtype)
        },
        ONNXOperator("Scaler", domain: "ai.onnx.ml", results: .own) { call in
            let x: Tensor = try call.tensor(0).to(.float32)
            func row(_ name: String, _ standard: Double) throws -> Tensor {
                let numbers: [Double] = try call.floats(name) ?? [standard]
                return try Tensor(numbers.map { Float($0) }, shape: [numbers.count])
            }
            return try (x - row("offset", 0)) * row("scale", 1)
        },
        ONNXOperator("Normalizer", domain: "ai.onnx.ml", results: .own) { call in
            let x: Tensor = try call.tensor(0).to(.float32)
            switch try call.choice("norm", "MAX", of: ["MAX", "L1", "L2"]) {
            case "L1": return try x / x.abs().sum(dim: -1, keepDim: true)
            case "L2": return try x / (x * x).sum(dim: -1, keepDim: true).sqrt()
            default: return try x / x.amax(dim: -1, keepDim: true)
            }
        },
        ONNXOperator("LinearRegressor", domain: "ai.onnx.ml", results: .own) { call in
            let x: Tensor = try call.tensor(0).to(.float32)
            let targets: Int = try call.int("targets", 1)
            let weights: [Double] = try call.floats("coefficients") ?? []
            guard try call.text("post_transform", "NONE") == "NONE", targets > 0, !weights.isEmpty, weights.count % targets == 0 else {
                throw call.error("has \(weights.count) coefficients for \(targets) targets, or a post_transform, which is not read")
            }
            let matrix: Tensor = try Tensor(weights.map { Float($0) }, shape: [targets, weights.count / targets])
            let offsets: [Double]? = try call.floats("intercepts")
            return try x.linear(matrix, bias: offsets.map { try Tensor($0.map { Float($0) }, shape: [$0.count]) })
        },
    ]
}
