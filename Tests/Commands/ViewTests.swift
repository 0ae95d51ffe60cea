import Apus
import ApusView
import Foundation
import JudgeSupport
import Testing

/// `apus view`, `diff` and `hash`, traces, and what all commands share.
@Suite("Commands to look at programs") struct ViewCommandTests {
    private let folder: TemporaryFolder
    private var file: String { folder.file("model.pt2") }

    private static func program(_ factor: Float, rows: ClosedRange<Int> = 1...8) throws -> ExportedProgram {
        let x = try Tensor.ones([4, 3])
        return try export(
            { (x: Tensor) in try ((x + 1).tanh() * factor).sum(dim: 1) }, args: x,
            constraints: [dynamicDim(x, 0).in(rows)], options: ExportOptions(names: ["x"]))
    }

    init() throws {
        folder = try TemporaryFolder()
        try ViewCommandTests.program(2).save(to: folder.file("model.pt2"))
        try Tensor.ones([4, 3]).save(npy: folder.file("x.npy"))
    }

    @Test("view writes a page") func view() throws {
        struct Outcome: Decodable {
            let output: String
            let byteCount, nodeCount, weightCount: Int
        }
        let page: String = folder.file("page.html")
        let plain = try Built.apus("view", file, "--output", page)
        #expect(plain.status == 0 && plain.messages.isEmpty && plain.output.hasPrefix("\(page): "), "\(plain)")
        let html: String = try folder.text("page.html")
        #expect(
            html.hasPrefix("<!doctype html>") && html.contains("<title>model.pt2</title>") && html.contains("steps for %x: float32[1, 3]"))
        let found: Outcome = try Built.apus("view", file, "--output", page, "--profile", "--inputs", folder.file("x.npy"), "--json")
            .decoded(Outcome.self)
        #expect(found.output == page && found.nodeCount == 4 && found.weightCount == 0)
        #expect(found.byteCount == (try Data(contentsOf: URL(fileURLWithPath: page))).count)
        #expect(try folder.text("page.html").contains("steps for %x: float32[4, 3]"))
        #expect(try Built.apus("view", file, "--output", page, "--size", "s0=5").status == 0)
        #expect(try folder.text("page.html").contains("steps for %x: float32[5, 3]"))
        #expect(try Built.apus("view", file, "--output", folder.file("absent/page.html")).status == 1)
        #expect(try Built.apus("view", file, "--size", "s0=5", "--inputs", folder.file("x.npy")).status == 64)
    }

    @Test("diff says what differs, by its status too") func diff() throws {
        struct Outcome: Decodable {
            struct Node: Decodable { let name, `operator`: String }
            let verdict: String
            let sameNodeCount: Int
            let differingNodes: [Node]
        }
        let (copy, other): (String, String) = (folder.file("copy.pt2"), folder.file("other.pt2"))
        try ExportedProgram.load(from: file).save(to: copy)
        try ViewCommandTests.program(3).save(to: other)
        let same = try Built.apus("diff", file, copy)
        #expect(same.status == 0 && same.messages.isEmpty && same.lines.last == "same", "\(same)")
        let different = try Built.apus("diff", file, other)
        #expect(different.status == 1 && different.messages.isEmpty && different.lines.last == "different", "\(different)")
        #expect(different.lines.contains { $0.hasPrefix("first node that differs: %mul = aten::mul.Scalar") }, "\(different)")
        #expect(different.lines.contains { $0.hasPrefix("- node %mul: ") } && different.lines.contains { $0.hasPrefix("+ node %mul: ") })
        let json = try Built.apus("diff", file, other, "--inputs", folder.file("x.npy"), "--json")
        let found: Outcome = try json.decoded(Outcome.self)
        #expect(json.status == 1 && found.verdict == "different" && found.differingNodes.first?.operator == "aten::mul.Scalar")
        // Not told: without results, within wide tolerances, and where a file can't be read.
        #expect(try Built.apus("diff", file, other, "--structure").status == 2)
        #expect(try Built.apus("diff", file, other, "--atol", "100").status == 2)
        let absent = try Built.apus("diff", file, folder.file("absent.pt2"))
        #expect(absent.status == 2 && absent.output.isEmpty && absent.messages.contains("absent.pt2"), "\(absent)")
        #expect(try Built.apus("diff", file, other, "--rtol", "-1").status == 64)
    }

    @Test("hash is the same for the same, whatever the file") func hash() throws {
        let copy: String = folder.file("copy.pt2")
        try ExportedProgram.load(from: file).save(to: copy, extraFiles: ["notes.txt": "nothing"])
        let lines: [String] = try Built.apus("hash", file, copy).lines
        let digests: [String] = lines.map { String($0.prefix { $0 != " " }) }
        #expect(lines.count == 2 && digests[0].count == 64 && digests[0] == digests[1], "\(lines)")
        #expect(digests[0] == (try ViewCommandTests.program(2).digest()))
        struct Line: Decodable { let digest, file, entryPoint: String }
        let found: [Line] = try Built.apus("hash", file, "--json").decoded([Line].self)
        #expect(found.map(\.digest) == [digests[0]] && found.map(\.entryPoint) == ["model"])
        try ViewCommandTests.program(3).save(to: copy)
        #expect(try Built.apus("hash", copy).output.prefix(64) != digests[0])
    }

    @Test("graph and convert say in JSON what they write") func json() throws {
        struct Drawing: Decodable {
            struct Node: Decodable { let op: String }
            let nodes: [Node]
        }
        let found: Drawing = try Built.apus("graph", file, "--json").decoded(Drawing.self)
        #expect(found.nodes.map(\.op) == (try ExportedProgram.load(from: file).graph.nodes.map(\.operator.name)))
        #expect(try Built.apus("graph", file, "--json", "--format", "dot").status == 64)
        struct Outcome: Decodable {
            let output: String
            let byteCount: Int
            let entryPoints: [String]
        }
        let copy: String = folder.file("copy.pt2")
        let outcome: Outcome = try Built.apus("convert", file, copy, "--json").decoded(Outcome.self)
        #expect(outcome.output == copy && outcome.entryPoints == ["model"])
        #expect(outcome.byteCount == (try Data(contentsOf: URL(fileURLWithPath: copy))).count)
    }

    @Test("run and bench write traces") func trace() throws {
        struct Trace: Decodable {
            struct Event: Decodable { let name, ph: String }
            let traceEvents: [Event]
        }
        for arguments in [["run", file, folder.file("x.npy")], ["bench", file, "--runs", "3"]] {
            let place: String = folder.file("trace.json")
            let outcome = try Built.run(Built.folder.appendingPathComponent("apus").path, arguments + ["--trace", place])
            #expect(outcome.status == 0 && outcome.messages.isEmpty, "\(outcome)")
            let found = try JSONDecoder().decode(Trace.self, from: Data(try folder.text("trace.json").utf8))
            let runs: Int = found.traceEvents.count { $0.ph == "X" && $0.name == "program" }
            #expect(runs >= (arguments[0] == "run" ? 1 : 3))
        }
    }
}

/// What `apus --experimental-dump-help` says.
struct CommandTable: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable { let kind, name: String }
        let kind: String
        let abstract: String?
        let names: [Name]?
        let valueName: String?
    }

    struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let arguments: [Argument]?
        let subcommands: [Command]?
    }

    let command: Command
}

@Suite("The table of commands") struct CommandTableTests {
    private let commands: [CommandTable.Command]

    init() throws {
        let table: CommandTable = try Built.apus("--experimental-dump-help").decoded(CommandTable.self)
        commands = (table.command.subcommands ?? []).filter { $0.commandName != "help" }
    }

    @Test("Every command has help in one style, --json, and the same answer to mistakes") func style() throws {
        #expect(commands.count >= 10)
        for command in commands {
            let name: String = command.commandName
            let abstract: String = command.abstract ?? ""
            #expect(abstract.first?.isUppercase == true && abstract.hasSuffix("."), "\(name): \(abstract)")
            let arguments: [CommandTable.Argument] = command.arguments ?? []
            let long: [String] = arguments.flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
            // All options of 'serve' are the server's, which is another executable.
            let isOther: Bool = name == "serve"
            #expect(long.contains("json") || isOther, "\(name): \(long)")
            for argument in arguments where argument.names?.contains(where: { $0.name == "help" || $0.name == "version" }) != true {
                let text: String = argument.abstract ?? ""
                let place: String = "\(name) \(argument.names?.last?.name ?? argument.valueName ?? "")"
                // A sentence; what stands for a file or names choices may begin with a small letter.
                #expect(text.hasSuffix(".") && text.count > 5 && text.count < 160, "\(place): \(text)")
                #expect(argument.names?.allSatisfy { $0.name.allSatisfy { $0.isLowercase || $0 == "-" } } != false, "\(place)")
            }
            if isOther { continue }
            let help = try Built.apus(name, "--help")
            #expect(help.status == 0 && help.messages.isEmpty && help.output.contains("USAGE: apus \(name)"), "\(help)")
            let unknown = try Built.apus(name, "--no-such-option")
            #expect(unknown.status == 64 && unknown.output.isEmpty && unknown.messages.contains("Usage: apus \(name)"), "\(unknown)")
        }
    }

    @Test("A file that is not there is an error with its name, in every command that reads one") func absent() throws {
        let output: String = NSTemporaryDirectory() + "apus-\(UUID().uuidString).pt2"
        let more: [String: [String]] = [
            "convert": [output], "compress": ["--output", output, "--weights", "int8"], "diff": ["absent-too.pt2"],
        ]
        for name in commands.map(\.commandName) where name != "serve" {
            let outcome = try Built.run(Built.folder.appendingPathComponent("apus").path, [name, "absent.pt2"] + (more[name] ?? []))
            #expect(outcome.status == (name == "diff" ? 2 : 1) && outcome.output.isEmpty, "\(name): \(outcome)")
            #expect(outcome.messages.hasPrefix("Error: ") && outcome.messages.contains("absent.pt2"), "\(name): \(outcome)")
        }
        #expect(!FileManager.default.fileExists(atPath: output))
    }

    @Test("Shells are told of all commands and options", arguments: ["bash", "zsh", "fish"]) func completions(shell: String) throws {
        let script = try Built.apus("--generate-completion-script", shell)
        #expect(script.status == 0 && script.messages.isEmpty)
        for command in commands {
            #expect(script.output.contains(command.commandName))
            for name in (command.arguments ?? []).flatMap({ $0.names ?? [] }) {
                #expect(script.output.contains(name.name), "\(shell) \(name.name)")
            }
        }
        // A shell that is here reads it.
        let path: String = "/bin/" + shell
        guard FileManager.default.isExecutableFile(atPath: path) else { return }
        let file: String = NSTemporaryDirectory() + "apus-\(UUID().uuidString).\(shell)"
        try script.output.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let read = try Built.run(path, ["-n", file])
        #expect(read.status == 0, "\(read)")
    }

    @Test("The manual page has all commands and options, and no macro that a formatter does not know") func manual() throws {
        let folder = try TemporaryFolder()
        let apus: String = Built.folder.appendingPathComponent("apus").path
        let made = try Built.run("/bin/bash", [Python.root + "/Scripts/command-files", apus, folder.path])
        #expect(made.status == 0 && made.messages.isEmpty, "\(made)")
        let page: String = folder.file("share/man/man1/apus.1.gz")
        let text: String = try Built.run("/bin/sh", ["-c", "gzip -dc '\(page)'"]).output
        #expect(text.hasPrefix(".TH APUS 1"))
        for command in commands {
            #expect(text.contains("\n.SS \(command.commandName)\n"), "\(command.commandName)")
            for name in (command.arguments ?? []).flatMap({ $0.names ?? [] })
            where name.kind == "long" && !["help", "version"].contains(name.name) {
                #expect(text.contains("\\-\\-" + name.name.replacingOccurrences(of: "-", with: "\\-")), "\(name.name)")
            }
        }
        for place in ["bash-completion/completions/apus", "zsh/vendor-completions/_apus", "fish/vendor_completions.d/apus.fish"] {
            #expect(try folder.text("share/" + place).contains("apus"))
        }
        // Lines begin with a macro that is known, or with text.
        let macros: Set<Substring> = [".TH", ".SH", ".SS", ".TP", ".PP"]
        for line in text.split(separator: "\n") where line.first == "." { #expect(macros.contains(line.prefix { $0 != " " }), "\(line)") }
    }
}
