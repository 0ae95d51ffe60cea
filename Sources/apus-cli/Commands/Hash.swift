import Apus
import ApusView
import ArgumentParser

/// `apus hash`: what a program computes, in 64 digits.
struct Hash: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a digest of what a program computes.",
        discussion: """
            Programs with the same digest compute the same, with the same weights to the last bit. Names, places in the source, the order of \
            nodes that don't depend on each other, and how a file is packed play no part.
            """)

    @Argument(help: "The programs, .pt2 or .onnx files.")
    var files: [String]

    @Option(name: .long, help: "The entry point; all of them when omitted.")
    var entryPoint: String?

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    private struct Line: Encodable {
        let digest: String
        let file: String
        let entryPoint: String
    }

    func run() throws {
        let lines: [Line] = try files.flatMap { file in
            let programs = try ExportedPrograms.load(from: file)
            let entries = try entryPoint.map { [try ProgramFile.choose($0, of: programs, in: file)] } ?? programs.entries
            return try entries.sorted { $0.name < $1.name }.map {
                Line(digest: try $0.program.digest(), file: file, entryPoint: $0.name)
            }
        }
        if json { return try writeJSON(lines) }
        for line in lines {
            let place: String = lines.contains { $0.file == line.file && $0.entryPoint != line.entryPoint } ? "  \(line.entryPoint)" : ""
            try write("\(line.digest)  \(line.file)\(place)")
        }
    }
}
