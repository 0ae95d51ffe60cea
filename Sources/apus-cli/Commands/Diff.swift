import Apus
import ApusView
import ArgumentParser

/// `apus diff`: what differs between two programs?
struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two programs: how they are made, and what each node gives on the same inputs.",
        discussion: """
            The exit status is 0 where both compute the same, whatever they are called; 1 where a result, a weight, or what they take and give \
            differs; and 2 where that can't be told: they are written differently and gave the same here, or could not be compared. Inputs are \
            given, those of a case saved with the first program, or drawn.
            """)

    @Argument(help: "The first program, a .pt2 or .onnx file.")
    var first: String

    @Argument(help: "The second program.")
    var second: String

    @Option(name: .long, help: "The entry point, for files that hold several.")
    var entryPoint: String?

    @Option(name: .long, help: "Inputs as for 'run', once for each file.")
    var inputs: [String] = []

    @OptionGroup var sizes: MadeUpInputs

    @Option(name: .long, help: "Relative tolerance of results; 0 when omitted.")
    var rtol: Double = 0

    @Option(name: .long, help: "Absolute tolerance of results; 0 when omitted.")
    var atol: Double = 0

    @Flag(name: .long, help: "Compare how they are made, and run neither.")
    var structure = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        guard rtol >= 0, atol >= 0 else { throw ValidationError("Tolerances must be 0 or more.") }
        if structure, !inputs.isEmpty || !sizes.size.isEmpty {
            throw ValidationError("--structure runs nothing; leave out --inputs and --size.")
        }
        if !inputs.isEmpty, !sizes.size.isEmpty { throw ValidationError("Sizes are those of --inputs; leave out --size.") }
    }

    func run() throws {
        let difference: ProgramDifference
        do {
            difference = try compared()
            if json { try writeJSON(difference) } else { try printText(difference) }
        } catch let error as ValidationError { throw error } catch {
            // Neither 0 nor 1 would be true.
            report("Error: \(error)")
            throw ExitCode(2)
        }
        switch difference.verdict {
        case .same: break
        case .different: throw ExitCode(1)
        case .undecided: throw ExitCode(2)
        }
    }

    private func compared() throws -> ProgramDifference {
        let programs = try ExportedPrograms.load(from: first)
        let (name, a) = try ProgramFile.choose(entryPoint, of: programs, in: first)
        let b = try ProgramFile.choose(entryPoint, of: ExportedPrograms.load(from: second), in: second).program
        let tensors: [Tensor]? = try structure ? nil : tensors(for: a, name)
        return try ProgramDifference(a, b, inputs: tensors, relativeTolerance: rtol, absoluteTolerance: atol)
    }

    private func tensors(for program: ExportedProgram, _ name: String) throws -> [Tensor] {
        if !inputs.isEmpty { return try TensorFiles.inputs(inputs, for: program) }
        if sizes.size.isEmpty, let saved = try ProgramCase.load(from: first, name: name).first { return saved.inputs }
        return try sizes.inputs(for: program).map(drawn)
    }

    /// Normal numbers in the place of ones, the same every time. Integers stay: they may be positions.
    private func drawn(_ tensor: Tensor) throws -> Tensor {
        guard tensor.dtype.isFloatingPoint else { return tensor }
        return try Tensor.randn(tensor.shape, dtype: tensor.dtype, seed: 0)
    }

    private func printText(_ difference: ProgramDifference) throws {
        for entry in difference.entries {
            if let text = entry.first { try write("- \(entry.subject) \(entry.name): \(text)") }
            if let text = entry.second { try write("+ \(entry.subject) \(entry.name): \(text)") }
        }
        try write("\(difference.sameNodeCount) nodes are the same in both")
        for result in difference.results {
            try write(
                "\(result.passed ? "same" : "DIFFERENT")  \(result.name)  largest difference \(result.largestDifference), mean \(result.meanDifference)"
                    + (result.note.map { "  (\($0))" } ?? ""))
        }
        if let node = difference.firstDifference {
            let place: String = node.site.map { " at \($0)" } ?? ""
            let other: String = node.name == node.secondName ? "" : ", \(node.secondName) in the second"
            try write(
                "first node that differs: \(node.name)\(other) = \(node.operator)\(place), largest difference \(node.largestDifference); \(difference.differingNodes.count) differ"
            )
        }
        if let note = difference.note { try write("results were not compared: \(note)") }
        try write("\(difference.verdict.rawValue)")
    }
}
