import Apus
import ArgumentParser

/// `apus verify`: does a program give the results that it should?
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a file's checksums, a program's graph, and its results on the cases saved with it and on given ones.",
        discussion: """
            Without --entry-point every entry point of the file is checked on the cases that were saved with it. A case file (.npz or \
            .safetensors) holds inputs under the program's input names or in.0, in.1 ..., and expected results under out.0, out.1 ...
            """)

    @OptionGroup var program: ProgramFile

    @Argument(help: "Case files.")
    var cases: [String] = []

    @Option(name: .long, help: "Relative tolerance; for saved cases in place of their own.")
    var rtol: Double?

    @Option(name: .long, help: "Absolute tolerance; for saved cases in place of their own.")
    var atol: Double?

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Outcome: Encodable {
        let entryPoint: String
        let testCase: String
        let output: String
        let largestError: Double
        let passed: Bool
        let note: String?

        enum CodingKeys: String, CodingKey {
            case entryPoint, output, largestError, passed, note
            case testCase = "case"
        }
    }

    func run() throws {
        try stage("reading", total: size(of: program.file), in: .bytes, isQuiet: json) { _ in try ZipContents.verify(program.file) }
        let entries = try entries()
        var outcomes: [Outcome] = []
        for (name, program) in entries {
            try Verifier(undecided: .accept).verify(program.graph, scope: program.scope)
            if !json { try write("\(entries.count > 1 ? "\(name): " : "")graph: valid, \(program.graph.totalNodeCount) nodes") }
            let saved: [ProgramCase] = try ProgramCase.load(from: self.program.file, name: name)
            outcomes += try stage("cases", total: saved.count, isQuiet: json) { line in
                try saved.flatMap { item in
                    defer { line?.advance() }
                    return try check(item, program, name)
                }
            }
        }
        for file in cases {
            guard entries.count == 1, let (name, program) = entries.first else {
                throw ValidationError("\(file): say with --entry-point which of \(entries.map(\.name).joined(separator: ", ")) it is for.")
            }
            outcomes += try check(try given(file, program), program, name)
        }
        if json {
            try writeJSON(outcomes)
        } else {
            for outcome in outcomes {
                let place = entries.count > 1 ? "\(outcome.entryPoint)  " : ""
                try write(
                    "\(outcome.passed ? "pass" : "FAIL")  \(place)\(outcome.testCase)  \(outcome.output)  largest error \(outcome.largestError)"
                        + (outcome.note.map { "  (\($0))" } ?? ""))
            }
            let largest = outcomes.map(\.largestError).max() ?? 0
            let failed = outcomes.count { !$0.passed }
            try write("\(outcomes.count) results compared, \(failed) failed, largest error \(largest)")
        }
        if outcomes.contains(where: { !$0.passed }) { throw ExitCode.failure }
    }

    /// The programs to check: the chosen one, or all.
    private func entries() throws -> [(name: String, program: ExportedProgram)] {
        if let chosen = program.entryPoint { return [(chosen, try program.load())] }
        let loaded = try ExportedProgram.loadAll(from: program.file)
        if !cases.isEmpty, loaded.count > 1 { return [("model", try program.load())] }
        return loaded.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func check(_ programCase: ProgramCase, _ program: ExportedProgram, _ entryPoint: String) throws -> [Outcome] {
        var programCase = programCase
        programCase.relativeTolerance = rtol ?? programCase.relativeTolerance
        programCase.absoluteTolerance = atol ?? programCase.absoluteTolerance
        return try program.check(programCase).map { result in
            Outcome(
                entryPoint: entryPoint, testCase: programCase.name, output: result.label, largestError: result.largestError,
                passed: result.passed, note: result.note)
        }
    }

    /// A case out of a file. Expected results may have the graph's names as well.
    private func given(_ file: String, _ program: ExportedProgram) throws -> ProgramCase {
        let tensors = try TensorFiles.load(file)
        var expected: [String: Tensor] = [:]
        for (index, name) in program.graphSignature.userOutputs.enumerated() {
            guard let tensor = tensors["out.\(index)"] ?? tensors[name] else {
                throw ValidationError("\(file) has no expected result 'out.\(index)' (nor '\(name)').")
            }
            expected["out.\(index)"] = tensor
        }
        return ProgramCase(file, inputs: try TensorFiles.inputs([file], for: program), expected: expected)
    }
}
