import Apus
import ApusView
import ArgumentParser
import Foundation

/// `apus view`: a program in a browser.
struct View: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a page to look at a program in a browser.",
        discussion: """
            One HTML file that needs no network: the graph folded by module, branches and loops, sizes, weights, and the program as it runs, for \
            given inputs or those that --size describes. --profile runs it and shows what takes how long.
            """)

    @OptionGroup var program: ProgramFile

    @Option(name: .shortAndLong, help: "The file to write; the program's name with .html, in this folder, when omitted.")
    var output: String?

    @Option(name: .long, help: "Inputs as for 'run', once for each file; made up from the declared shapes when omitted.")
    var inputs: [String] = []

    @OptionGroup var sizes: MadeUpInputs

    @Flag(name: .long, help: "Run the program, and show what each node and step takes.")
    var profile = false

    @Flag(name: .long, help: "Print JSON: the file that was written, its size and what the page shows.")
    var json = false

    private struct Outcome: Encodable {
        let output: String
        let byteCount: Int
        let nodeCount: Int
        let weightCount: Int
        /// Why the page does not show the program as it runs.
        let note: String?
    }

    func validate() throws {
        if !inputs.isEmpty, !sizes.size.isEmpty { throw ValidationError("--size is for made-up inputs; leave out --inputs.") }
    }

    func run() throws {
        let loaded = try program.load()
        let name: String = URL(fileURLWithPath: program.file).lastPathComponent
        let output: String = output ?? (name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name) + ".html"
        var note: String?
        var tensors: [Tensor]?
        if inputs.isEmpty {
            // Without inputs that anybody asked for, the graph alone is shown.
            do { tensors = try sizes.inputs(for: loaded) } catch  where !profile && sizes.size.isEmpty { note = "\(error)" }
        } else {
            tensors = try TensorFiles.inputs(inputs, for: loaded)
        }
        let page = try ProgramPage(loaded, title: name, inputs: tensors, isProfiled: profile)
        try AtomicFile.write(page.html, to: output)
        if json {
            return try writeJSON(
                Outcome(
                    output: output, byteCount: page.html.utf8.count, nodeCount: loaded.graph.totalNodeCount,
                    weightCount: loaded.stateDict.count + loaded.constants.count, note: note))
        }
        try write("\(output): \(page.html.utf8.count) bytes, \(loaded.graph.totalNodeCount) nodes")
        if let note { report("The page does not show the program as it runs: \(note)") }
    }
}
