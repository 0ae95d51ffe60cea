import Apus
import ApusView
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

    @Flag(name: .long, help: "Show the program as it runs: the passes, the graph after them, and the steps for the sizes given by --size.")
    var lowered = false

    @Option(name: .long, help: "With --lowered: leave out the passes after this one.")
    var after: String?

    @Flag(name: .long, help: "With --lowered: show the steps of a session, which writes over its buffers.")
    var session = false

    @OptionGroup var sizes: MadeUpInputs

    @Flag(name: .long, help: "Print JSON: inputs, nodes and outputs, with the graphs of branches and loops in their nodes.")
    var json = false

    func validate() throws {
        if lowered, format != .text { throw ValidationError("--lowered writes text.") }
        if json, lowered || format != .text || output != nil { throw ValidationError("--json goes with no other form and no --output.") }
        if !lowered, after != nil { throw ValidationError("--after needs --lowered.") }
        if !lowered, session { throw ValidationError("--session needs --lowered.") }
        if !lowered, !sizes.size.isEmpty { throw ValidationError("--size needs --lowered.") }
    }

    func run() throws {
        let loaded = try program.load()
        let graph = loaded.graph
        if json { return try writeJSON(GraphData(graph)) }
        let text =
            switch format {
            case .text where lowered: try loweredText(loaded)
            case .text: graph.description
            case .dot: graph.dot(title: program.file)
            case .svg: graph.svg(title: program.file)
            }
        guard let output else { return try write(text) }
        try AtomicFile.write(text, to: output)
    }

    private func loweredText(_ program: ExportedProgram) throws -> String {
        let program = try after.map { program.lowered(by: try LoweringPipeline.standard.ending(after: $0)) } ?? program
        return try program.loweredText(for: sizes.inputs(for: program), inSession: session)
    }
}
