import Apus
import ArgumentParser

/// `apus convert`: a program in another kind of file.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a program's file as another kind: .pt2 or .onnx.",
        discussion: """
            What the input holds decides what it is; the output's ending says what is written. A .pt2 file keeps all entry points and the cases \
            saved with them. An .onnx model holds one program, for operator set 20: ranges and guards of the program stand in its metadata, \
            where no runtime checks them, buffers that calls change become inputs and results, and cases are left out.
            """)

    @Argument(help: "The program, a .pt2 or .onnx file.")
    var file: String

    @Argument(help: "The file to write, .pt2 or .onnx.")
    var output: String

    @Option(name: .long, help: "The entry point, for files that hold several.")
    var entryPoint: String?

    @Option(name: .long, help: "With .onnx: from how many bytes of weights on these go into a file of their own, OUTPUT.data.")
    var externalDataAbove: Int?

    @Flag(name: .long, help: "Print JSON: the file that was written, its size and the entry points in it.")
    var json = false

    private struct Outcome: Encodable {
        let output: String
        let byteCount: Int
        let entryPoints: [String]
    }

    private var writesONNX: Bool { output.hasSuffix(".onnx") }

    func validate() throws {
        guard writesONNX || output.hasSuffix(".pt2") else {
            throw ValidationError("\(output): programs are written to .pt2 and .onnx files.")
        }
        if !writesONNX, externalDataAbove != nil { throw ValidationError("--external-data-above needs an .onnx file to write.") }
        if let externalDataAbove, externalDataAbove < 0 { throw ValidationError("--external-data-above must be 0 or more.") }
    }

    func run() throws {
        let written: [String] = try convert(ExportedPrograms.load(from: file))
        if json { try writeJSON(Outcome(output: output, byteCount: try MappedFile(path: output).bytes.count, entryPoints: written)) }
    }

    /// The names of the programs that were written.
    private func convert(_ programs: ExportedPrograms) throws -> [String] {
        if !writesONNX, entryPoint == nil {
            let cases: [(String, [ProgramCase])] = try programs.names.map { ($0, try ProgramCase.load(from: file, name: $0)) }
            try writing(programs.entries.map(\.program)) {
                try programs.save(to: output, cases: Dictionary(cases, uniquingKeysWith: { first, _ in first }))
            }
            return programs.names
        }
        let (name, program) = try ProgramFile.choose(entryPoint, of: programs, in: file)
        try writing([program]) { try save(program, name) }
        return [name]
    }

    /// Entry points share most of their weights.
    private func writing(_ programs: [ExportedProgram], _ body: () throws -> Void) throws {
        try stage("writing", total: programs.map(\.weightByteCount).max(), in: .bytes, isQuiet: json) { _ in try body() }
    }

    private func save(_ program: ExportedProgram, _ name: String) throws {
        if !writesONNX {
            try program.save(to: output, cases: try ProgramCase.load(from: file, name: name))
        } else if let externalDataAbove {
            try program.save(onnx: output, externalDataAbove: externalDataAbove)
        } else {
            try program.save(onnx: output)
        }
    }
}
