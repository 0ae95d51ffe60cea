import Apus
import ArgumentParser

/// `apus compress`: the same programs with weights in fewer bits.
struct Compress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Store the weights of products and embeddings in fewer bits, and report what that changes.",
        discussion: """
            They are computed with in float32. PyTorch opens the file as well: the graph widens them by plain operators. Differences are \
            those of the results on the cases saved with each program, or else on made-up inputs (ones); the cases are saved again, with \
            the results that the new file gives.
            """)

    enum Weights: String, ExpressibleByArgument, CaseIterable {
        case bfloat16
        case int8
    }

    @Argument(help: "The program, a .pt2 file, with all of its entry points.")
    var file: String

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    @Option(name: .long, help: "bfloat16 (half of the bytes) or int8 (a quarter).")
    var weights: Weights

    @Option(name: .long, help: "With int8: how many weights of an output share a scale; all of them when omitted.")
    var group: Int?

    @OptionGroup var sizes: MadeUpInputs

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Difference: Encodable {
        let entryPoint: String
        let testCase: String
        let output: String
        let largest: Double
        let mean: Double

        enum CodingKeys: String, CodingKey {
            case entryPoint, output, largest, mean
            case testCase = "case"
        }
    }

    private struct Outcome: Encodable {
        let reduced: [WeightReduction.Weight]
        let kept: [WeightReduction.Kept]
        let differences: [Difference]
    }

    func validate() throws {
        if weights != .int8, group != nil { throw ValidationError("--group needs --weights int8.") }
        if let group, group < 1 { throw ValidationError("--group must be 1 or more.") }
    }

    func run() throws {
        let format: WeightFormat = weights == .bfloat16 ? .bfloat16 : group.map { .int8(groupSize: $0) } ?? .int8
        let programs = try ExportedPrograms.load(from: file)
        let weights: Int = programs.entries.reduce(0) { $0 + $1.program.weightByteCount }
        let (reduced, report) = try stage("rounding", total: weights, in: .bytes, isQuiet: json) { line in
            try programs.reducingWeights(to: format) { line?.advance(by: $0) }
        }
        var cases: [String: [ProgramCase]] = [:]
        var differences: [Difference] = []
        try stage("cases", isQuiet: json) { line in
            for (name, program) in programs.entries {
                guard let other = reduced[name] else { continue }
                let saved = try ProgramCase.load(from: file, name: name)
                // Differences are between the two programs, whatever the saved results are.
                let given = try saved.map { try program.makeCase($0.name, inputs: $0.inputs) }
                for item in try given.isEmpty ? [program.makeCase("ones", inputs: sizes.inputs(for: program))] : given {
                    differences += try other.check(item).map {
                        Difference(entryPoint: name, testCase: item.name, output: $0.label, largest: $0.largestError, mean: $0.meanError)
                    }
                    line?.advance()
                }
                cases[name] = try saved.map {
                    try other.makeCase(
                        $0.name, inputs: $0.inputs, relativeTolerance: $0.relativeTolerance, absoluteTolerance: $0.absoluteTolerance)
                }
            }
        }
        let rest: Int = reduced.entries.map(\.program.weightByteCount).max() ?? 0
        try stage("writing", total: rest, in: .bytes, isQuiet: json) { _ in try reduced.save(to: output, cases: cases) }
        if json { return try writeJSON(Outcome(reduced: report.reduced, kept: report.kept, differences: differences)) }
        let (before, after) = report.reduced.reduce((0, 0)) { ($0.0 + $1.byteCount, $0.1 + $1.reducedByteCount) }
        try write("weights in \(format): \(report.reduced.count), \(before) bytes became \(after)")
        for weight in report.kept { try write("  kept \(weight.name): \(weight.reason)") }
        for entry in differences {
            let place = programs.names.count > 1 ? "\(entry.entryPoint)  " : ""
            try write("\(place)\(entry.testCase)  \(entry.output)  largest difference \(entry.largest), mean \(entry.mean)")
        }
    }
}
