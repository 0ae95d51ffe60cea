import Apus
import ArgumentParser

/// `apus verify`: does a program give the results that it should?
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a program's graph, and its results on given cases.",
        discussion:
            "A case file (.npz or .safetensors) holds inputs under the program's input names or in.0, in.1 ..., and expected results under out.0, out.1 ..."
    )

    @OptionGroup var program: ProgramFile

    @Argument(help: "Case files.")
    var cases: [String] = []

    @Option(name: .long, help: "Relative tolerance.")
    var rtol = 1e-5

    @Option(name: .long, help: "Absolute tolerance.")
    var atol = 1e-6

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Outcome: Encodable {
        let file: String
        let output: String
        let largestError: Double
        let passed: Bool
    }

    func run() throws {
        let program = try self.program.load()
        try Verifier(undecided: .accept).verify(program.graph, scope: program.scope)
        var outcomes: [Outcome] = []
        for file in cases {
            let expected = try TensorFiles.load(file)
            let results = try program.run(tensors: try TensorFiles.inputs([file], for: program))
            for (index, result) in results.enumerated() {
                guard let tensor = result.value.tensor, let reference = expected["out.\(index)"] ?? expected[result.name] else {
                    throw ValidationError("\(file) has no expected result 'out.\(index)' (nor '\(result.name)').")
                }
                let (error, passed) = try compare(tensor, reference)
                outcomes.append(Outcome(file: file, output: result.name, largestError: error, passed: passed))
            }
        }
        if json {
            try printJSON(outcomes)
        } else {
            print("graph: valid, \(program.graph.totalNodeCount) nodes")
            for outcome in outcomes {
                print("\(outcome.passed ? "pass" : "FAIL")  \(outcome.file)  \(outcome.output)  largest error \(outcome.largestError)")
            }
        }
        if outcomes.contains(where: { !$0.passed }) { throw ExitCode.failure }
    }

    /// The largest absolute difference, and whether every element is within `atol + rtol * |expected|`. NaN equals NaN.
    private func compare(_ actual: Tensor, _ expected: Tensor) throws -> (error: Double, passed: Bool) {
        guard actual.dtype == expected.dtype, try actual.sizes == expected.sizes else {
            report("expected \(expected.spec), got \(actual.spec)")
            return (.infinity, false)
        }
        let (a, b): ([Double], [Double]) = (try actual.array(of: Double.self), try expected.array(of: Double.self))
        var largest = 0.0
        var passed = true
        for (x, y) in zip(a, b) where !(x == y || (x.isNaN && y.isNaN)) {
            let difference = (x - y).magnitude
            largest = difference.isNaN ? .infinity : max(largest, difference)
            if !(difference <= atol + rtol * y.magnitude) { passed = false }
        }
        return (largest, passed)
    }
}
