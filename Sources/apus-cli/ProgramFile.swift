import Apus
import ArgumentParser

/// The program that a command works on.
struct ProgramFile: ParsableArguments {
    @Argument(help: "The program, a .pt2 or .onnx file.")
    var file: String

    @Option(name: .long, help: "The entry point, for files that hold several.")
    var entryPoint: String?

    func load(profiler: Profiler? = nil) throws -> ExportedProgram {
        let programs = try ExportedProgram.loadAll(from: file, profiler: profiler)
        if let entryPoint {
            guard let program = programs[entryPoint] else {
                throw ValidationError(
                    "\(file) has no entry point '\(entryPoint)'; it has: \(programs.keys.sorted().joined(separator: ", "))")
            }
            return program
        }
        if let program = programs["model"] ?? (programs.count == 1 ? programs.first?.value : nil) { return program }
        throw ValidationError(
            "\(file) has several entry points; pick one with --entry-point: \(programs.keys.sorted().joined(separator: ", "))")
    }
}
