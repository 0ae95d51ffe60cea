import Foundation
import JudgeSupport

@testable import ApusTensor

/// Gives calls of operators to PyTorch and tells where it gives another value, or a value where there is none here, or none where there is.
enum ValueJudge {
    /// One call and what came of it.
    struct Case {
        let operation: Operator
        let arguments: [OperatorArgument]
        /// The results; nil where the call was refused.
        let results: [OperatorArgument]?
        /// Why it was refused.
        let refusal: TensorError?
        var label = ""
        var tolerance = 1.0
        /// Only a finite number is judged, and its magnitude: that it is PyTorch's.
        var isBoundOnly = false
        /// Every element is judged to the last digits of its dtype.
        var isExact = false

        var description: String { "\(operation.name)(\(arguments.map { Self.text($0) }.joined(separator: ", "))) \(label)" }

        private static func text(_ argument: OperatorArgument) -> String {
            switch argument {
            case .tensor(let tensor): "\(tensor.spec)"
            case .tensors(let tensors): "\(tensors.map { "\($0.spec)" })"
            case .optionalTensors(let tensors): "\(tensors.map { $0.map { "\($0.spec)" } ?? "none" })"
            case .scalar(let value): "\(value)"
            default: "\(argument)"
            }
        }
    }

    private struct Question: Encodable {
        let name: String
        let arguments: [TorchJudge.Encoded]
        let results: [TorchJudge.Encoded]?
        let tolerance: Double
        let isBoundOnly: Bool
        let isExact: Bool
    }

    /// Runs a call. Errors that are no `TensorError` pass through.
    static func run(_ operation: Operator, _ arguments: [OperatorArgument], label: String = "") throws -> Case {
        do {
            return Case(
                operation: operation, arguments: arguments, results: try apply(operation, arguments), refusal: nil, label: label)
        } catch let error as TensorError {
            return Case(operation: operation, arguments: arguments, results: nil, refusal: error, label: label)
        }
    }

    /// What PyTorch says to each case, in one Python process.
    static func judge(_ cases: [Case]) throws -> [String] {
        let lines = try Python.judge(
            "value_judge.py",
            try cases.map {
                Question(
                    name: $0.operation.name, arguments: try $0.arguments.map { try TorchJudge.encode($0) },
                    results: try $0.results?.map { try TorchJudge.encode($0) }, tolerance: $0.tolerance,
                    isBoundOnly: $0.isBoundOnly, isExact: $0.isExact)
            })
        guard lines.count == cases.count else {
            throw Python.Failure(description: "PyTorch fell silent at \(lines.count) of \(cases.count): \(cases[lines.count].description)")
        }
        return lines
    }
}
