import Apus
import ArgumentParser

/// `apus graph`: a program's graph as text or picture.
struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "graph", abstract: "Write a program's graph as text, DOT or SVG.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, dot, svg
    }

    @OptionGroup var program: ProgramFile

    @Option(name: .long, help: "text, dot or svg.")
    var format: Format = .text

    @Option(name: .shortAndLong, help: "The file to write; standard output when omitted.")
    var output: String?

    func run() throws {
        let graph = try program.load().graph
        let text =
            switch format {
            case .text: graph.description
            case .dot: graph.dot(title: program.file)
            case .svg: graph.svg(title: program.file)
            }
        guard let output else { return try write(text) }
        try AtomicFile.write(text, to: output)
    }
}
