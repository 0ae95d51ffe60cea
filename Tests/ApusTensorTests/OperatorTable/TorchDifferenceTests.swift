import JudgeSupport
import Testing

@testable import ApusTensor

/// Where Apus differs from PyTorch on purpose, because PyTorch's value is wrong. The operator's documentation says so; here stand the right
/// value and PyTorch's expression, which must still give another one: what PyTorch mends is taken off the list.
struct TorchDifference: Sendable {
    /// The record, whose documentation names PyTorch.
    let operation: String
    /// What the right value is, and why.
    let summary: String
    /// The right value, from mathematics or another judge: the text of a nested list of Swift's `Double`s.
    let right: String
    let ours: @Sendable () throws -> Tensor
    /// Python that gives PyTorch's tensor.
    let theirs: String

    /// The differences of all families; each family's are in a file of its own beside this one.
    static let all: [TorchDifference] = accumulation + magnitudes + values + linearAlgebra + special
}

@Suite struct TorchDifferenceTests {
    @Test func areRightHereAndStillDifferentThere() throws {
        let script = """
            import sys, torch
            for text in sys.argv[1:]:
                try: print(torch.as_tensor(eval(text)).to(torch.float64).flatten().tolist())
                except Exception as error: print("error")
            """
        let differences = TorchDifference.all
        guard !differences.isEmpty else { return }
        let theirs = try Python.run(script, differences.map { $0.theirs }).split(separator: "\n").map(String.init)
        try #require(theirs.count == differences.count)
        for (difference, their) in zip(differences, theirs) {
            let ours = "\(try difference.ours().array(of: Double.self))"
            #expect(ours == difference.right, "\(difference.operation): \(difference.summary)")
            #expect(their != difference.right, "\(difference.operation): PyTorch gives the right value now; take it off the list")
            let documentation = OperatorTable.find(difference.operation)?.documentation
            #expect(documentation?.contains("PyTorch") == true, "\(difference.operation): its documentation does not say how it differs")
        }
    }
}
