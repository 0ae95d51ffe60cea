import Apus
import ArgumentParser

/// The program that a command works on.
struct ProgramFile: ParsableArguments {
    @Argument(help: "The program, a .pt2 or .onnx file.")
    var file: String

    @Option(name: .long, help: "The entry point, for files that hold several.")
    var entryPoint: String?

    func load(profiler: Profiler? = nil) throws -> ExportedProgram {
        try ProgramFile.choose(entryPoint, of: ExportedPrograms.load(from: file, profiler: profiler), in: file).program
    }

    /// The program that is meant: the one that is named, the one called `model`, or the only one.
    static func choose(_ entryPoint: String?, of programs: ExportedPrograms, in file: String) throws
        -> (name: String, program: ExportedProgram)
    {
        let names: String = programs.names.sorted().joined(separator: ", ")
        if let entryPoint {
            guard let program = programs[entryPoint] else {
                throw ValidationError("\(file) has no entry point '\(entryPoint)'; it has: \(names)")
            }
            return (entryPoint, program)
        }
        if let program = programs["model"] { return ("model", program) }
        if programs.entries.count == 1, let only = programs.entries.first { return only }
        throw ValidationError("\(file) has several entry points; pick one with --entry-point: \(names)")
    }
}

extension ExportedProgram {
    /// Of all weights and constants.
    var weightByteCount: Int { [stateDict, constants].flatMap(\.values).reduce(0) { $0 + $1.byteCount } }
}
