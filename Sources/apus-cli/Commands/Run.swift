import Apus
import ArgumentParser

/// `apus run`: tensors in, tensors out.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a program on tensors from files.")

    @OptionGroup var program: ProgramFile

    @Argument(help: "Inputs: .npy files in the program's order, or one .npz or .safetensors file with tensors by name.")
    var inputs: [String] = []

    @Option(name: .shortAndLong, help: "Where results go: .npy (one tensor), .npz or .safetensors. Printed when omitted.")
    var output: String?

    @Flag(name: .long, help: "Print JSON: shapes and dtypes, and the file written.")
    var json = false

    private struct Result: Encodable {
        let name: String
        let value: String
    }

    func run() throws {
        let program = try self.program.load()
        let results = try program.run(tensors: try TensorFiles.inputs(inputs, for: program))
        if let output {
            try TensorFiles.save(
                results.compactMap { entry in entry.value.tensor.map { (entry.name, $0) } }, to: output)
        }
        if json { return try printJSON(results.map { Result(name: $0.name, value: "\($0.value)") }) }
        for (name, value) in results {
            if output != nil || value.tensor == nil {
                print("\(name): \(value)")
            } else if let tensor = value.tensor {
                print("\(name): \(tensor.spec)\n\(tensor)")
            }
        }
    }
}
