import Apus
import ApusView
import ArgumentParser

/// `apus run`: tensors in, tensors out.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a program on tensors from files.")

    @OptionGroup var program: ProgramFile

    @Argument(help: "Inputs: .npy files in the program's order, or one .npz or .safetensors file with tensors by name.")
    var inputs: [String] = []

    @Option(name: .shortAndLong, help: "Where results go: .npy (one tensor), .npz or .safetensors. Printed when omitted.")
    var output: String?

    @Flag(name: .long, help: "Print a table of what took how long, loading and steps, on standard error.")
    var profile = false

    @Option(name: .long, help: "A file for the events, loading and steps, which chrome://tracing and Perfetto open.")
    var trace: String?

    @Flag(name: .long, help: "Print JSON: each result's name and value; with --profile an object with the results and the events.")
    var json = false

    private struct Result: Encodable {
        let name: String
        let value: String
    }

    private struct Profiled: Encodable {
        let results: [Result]
        let events: [ProfileEvent]
        let summary: ProfileSummary
    }

    func run() throws {
        let profiler: Profiler? = profile || trace != nil ? Profiler() : nil
        let program = try self.program.load(profiler: profiler)
        let results = try program.run(tensors: try TensorFiles.inputs(inputs, for: program), profiler: profiler)
        if let trace, let profiler { try AtomicFile.write(ChromeTrace(profiler.events).json, to: trace) }
        if let output {
            try TensorFiles.save(
                results.compactMap { entry in entry.value.tensor.map { (entry.name, $0) } }, to: output)
        }
        if json {
            let named = results.map { Result(name: $0.name, value: "\($0.value)") }
            guard profile, let profiler else { return try writeJSON(named) }
            return try writeJSON(Profiled(results: named, events: profiler.events, summary: profiler.summary))
        }
        if profile, let profiler { report("\(profiler.summary)") }
        for (name, value) in results {
            if output != nil || value.tensor == nil {
                try write("\(name): \(value)")
            } else if let tensor = value.tensor {
                try write("\(name): \(tensor.spec)\n\(tensor)")
            }
        }
    }
}
