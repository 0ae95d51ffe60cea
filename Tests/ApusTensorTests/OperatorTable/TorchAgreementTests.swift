import Testing

@testable import ApusTensor

/// Every operator on every sample against PyTorch: results, gradients, and gradients of gradients. One Python process judges all.
@Suite struct TorchAgreementTests {
    /// Operators whose results PyTorch can't tell: random ones, and those that it leaves uninitialised.
    static func isJudged(_ operation: Operator) -> Bool {
        // Those of torchao, which is another package, are judged by its recorded answers.
        ["aten", "quantized_decomposed"].contains(operation.schema.namespace) && !operation.effects.contains(.random)
            && !operation.schema.name.contains("empty")
            && !isFactorisation(operation)
            // Behind a target's states PyTorch leaves what was in memory; what `ctc_loss` makes of it is judged.
            && operation.schema.name != "_ctc_loss"
    }

    /// Factors of matrices are unique only up to signs and orders, or carry no gradient: they are judged by what they multiply to, elsewhere.
    static func isFactorisation(_ operation: Operator) -> Bool {
        operation.schema.name.contains("linalg") && operation.schema.results.count > 1
    }

    /// Normalisations return statistics, whose gradients PyTorch ignores; here they flow.
    static func differentiating(_ operation: Operator) -> Int {
        // PyTorch gives `self` the gradient of the part that is overwritten, where it should have none.
        if operation.name == "aten::as_strided_scatter" { return 0 }
        // It takes norms for constants in second derivatives, and gives the triangle that is not read a gradient too.
        if ["_weight_norm", "_weight_norm_interface", "cholesky_solve", "cholesky_inverse"].contains(operation.schema.name) { return 0 }
        return operation.schema.name.contains("_norm") && operation.schema.results.count > 1 ? 1 : .max
    }

    /// Where PyTorch computes in lower precision than its dtype: a sixth in float32.
    static let tolerances: [String: Double] = ["aten::hardsigmoid_backward": 10]

    @Test func agreesWithTorch() throws {
        var cases: [TorchJudge.Case] = []
        for operation in OperatorTable.all where Self.isJudged(operation) {
            for (position, arguments) in try operation.samples().enumerated() {
                do {
                    cases.append(
                        try TorchJudge.run(
                            operation, arguments, tolerance: Self.tolerances[operation.name] ?? 1,
                            differentiating: Self.differentiating(operation)))
                } catch {
                    Issue.record("\(operation.name), sample \(position): \(error)")
                }
            }
        }
        for problem in try TorchJudge.judge(cases) { Issue.record("\(problem)") }
    }
}
