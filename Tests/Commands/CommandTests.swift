import Apus
import Foundation
import JudgeSupport
import Testing

/// The `apus` executable, started as a user starts it: results on standard output, messages on standard error, and the exit status.
@Suite("The command line") struct CommandTests {
    private let folder: TemporaryFolder
    private let program: ExportedProgram
    private let x: Tensor
    private var file: String { folder.file("model.pt2") }

    /// Rows of three, one to eight of them; three rows and more are halved.
    private static func function(_ x: Tensor) throws -> Tensor {
        let y = try (x + 1).tanh() * 0.5
        return x.shape[0] > 2 ? try y.sum(dim: 1) : try x.sum(dim: 1)
    }

    init() throws {
        folder = try TemporaryFolder()
        x = try Tensor((0..<12).map { Float($0) / 4 }, shape: [4, 3])
        program = try export(
            CommandTests.function, args: x, constraints: [dynamicDim(x, 0).in(1...8)], options: ExportOptions(names: ["x"]))
        let cases = [
            try program.makeCase("four rows", inputs: [x]),
            try program.makeCase("one row", inputs: [try Tensor.ones([1, 3])], relativeTolerance: 1e-3, absoluteTolerance: 1e-4),
        ]
        try program.save(to: folder.file("model.pt2"), cases: cases)
        try x.save(npy: folder.file("x.npy"))
    }

    @Test("verify checks the graph and the cases saved with the program") func verify() throws {
        let plain = try Built.apus("verify", file)
        #expect(plain.status == 0 && plain.messages.isEmpty, "\(plain)")
        #expect(
            plain.lines == [
                "graph: valid, \(try ExportedProgram.load(from: file).graph.totalNodeCount) nodes",
                "pass  four rows  out.0  largest error 0.0",
                "pass  one row  out.0  largest error 0.0", "2 results compared, 0 failed, largest error 0.0",
            ])
        struct Outcome: Decodable, Equatable {
            var entryPoint = "model"
            let `case`: String
            var output = "out.0"
            var largestError = 0.0
            var passed = true
        }
        let found: [Outcome] = try Built.apus("verify", file, "--json").decoded([Outcome].self)
        #expect(found == [Outcome(case: "four rows"), Outcome(case: "one row")])
    }

    @Test("verify fails on a result that is not the saved one, and takes other tolerances") func verifyFails() throws {
        var wrong = try program.makeCase("wrong", inputs: [x])
        wrong.expected["out.0"] = try #require(wrong.expected["out.0"]) + 0.25
        try program.save(to: file, cases: [wrong])
        let failed = try Built.apus("verify", file)
        #expect(failed.status == 1)
        #expect(failed.lines.dropFirst() == ["FAIL  wrong  out.0  largest error 0.25", "1 results compared, 1 failed, largest error 0.25"])
        #expect(try Built.apus("verify", file, "--atol", "0.3").status == 0)
        #expect(try Built.apus("verify", file, "--json").status == 1)
    }

    @Test("verify reads every byte of the file") func verifyChecksums() throws {
        try program.save(to: file, extraFiles: ["notes.txt": "what nobody reads"])
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let place = try #require(bytes.firstRange(of: Array("what nobody".utf8)))
        bytes[place.lowerBound] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        let damaged = try Built.apus("verify", file)
        #expect(damaged.status == 1 && damaged.messages.contains("extra/notes.txt: its data does not have the checksum"), "\(damaged)")
    }

    @Test("verify takes cases from files") func verifyCaseFiles() throws {
        try ["x": x, "out.0": try Self.function(x)].save(npz: folder.file("case.npz"))
        let passed = try Built.apus("verify", file, folder.file("case.npz"))
        #expect(passed.status == 0 && passed.output.contains("3 results compared, 0 failed"), "\(passed)")
        try ["x": x].save(npz: folder.file("half.npz"))
        let half = try Built.apus("verify", file, folder.file("half.npz"))
        #expect(half.status != 0)
        #expect(half.messages.contains("half.npz has no expected result 'out.0'"), "\(half)")
    }

    @Test("info says what a program is") func info() throws {
        let plain = try Built.apus("info", file)
        #expect(plain.status == 0 && plain.messages.isEmpty)
        #expect(plain.lines.prefix(3) == ["entry point 'model'", "  inputs:", "    x: float32[s0, 3]"], "\(plain.output)")
        #expect(plain.output.contains("1...8"))
        struct Summary: Decodable {
            struct Named: Decodable {
                let name: String
                let type: String
            }
            let inputs: [Named]
            let nodeCount: Int
            let operators: [String: Int]
        }
        let summary = try #require(try Built.apus("info", file, "--json").decoded([String: Summary].self)["model"])
        #expect(summary.inputs.map(\.name) == ["x"] && summary.nodeCount == summary.operators.values.reduce(0, +))
        #expect(summary.operators["aten::tanh"] == 1)
        let system = try Built.apus("info", "--system", "--json").decoded([String: String].self)
        #expect(Set(system.keys) == ["cpuLevel", "cores", "threads", "blasCore"])
    }

    @Test("info knows how much memory a call takes before there is one") func memory() throws {
        let weight = try Tensor.ones([256, 256])
        func function(_ x: Tensor) throws -> Tensor { try x.cumsum(dim: 0).cumsum(dim: 1).matmul(weight).cumsum(dim: 0) }
        let x = try Tensor.ones([512, 256])
        try export(function, args: x, constraints: [dynamicDim(x, 0).in(2...4096)]).save(to: file)
        struct Memory: Decodable {
            struct Bytes: Decodable { let mappedWeights, packedWeights, inputs, results: Int }
            struct Named: Decodable { let type: String }
            let inputs: [Named]
            let peak: Int
            let bytes: Bytes
        }
        struct Summary: Decodable { let memory: Memory }
        struct Timing: Decodable { let peakBytes: Int }
        for size in [512, 2048] {
            let found = try Built.apus("info", file, "--memory", "--size", "s0=\(size)", "--json").decoded([String: Summary].self)
            let memory: Memory = try #require(found["model"]?.memory)
            #expect(memory.inputs.map(\.type) == ["float32[\(size), 256]"])
            #expect(memory.bytes.inputs == size * 1024 && memory.bytes.results == size * 1024)
            #expect(memory.bytes.mappedWeights == 256 * 1024 && memory.bytes.packedWeights >= 256 * 1024)
            // The allocator hands out blocks of certain sizes.
            let peak: Int = try Built.apus("bench", file, "--runs", "3", "--size", "s0=\(size)", "--json").decoded(Timing.self).peakBytes
            #expect(memory.peak <= peak && peak <= memory.peak * 5 / 4, "\(memory.peak) before, \(peak) measured")
        }
        let plain = try Built.apus("info", file, "--memory")
        #expect(
            plain.output.contains("memory for x: float32[2, 256], the smallest sizes that the program takes: at most "), "\(plain.output)")
        #expect(try Built.apus("info", file, "--size", "s0=8").status != 0)
    }

    @Test("run reads tensors and writes tensors") func run() throws {
        let written = try Built.apus("run", file, folder.file("x.npy"), "--output", folder.file("y.npy"))
        #expect(written.status == 0 && written.messages.isEmpty, "\(written)")
        let y = try Tensor.load(npy: folder.file("y.npy"))
        #expect(try y.array(of: Float.self) == Self.function(x).array(of: Float.self))
        struct Result: Decodable { let name, value: String }
        let results = try Built.apus("run", file, folder.file("x.npy"), "--json").decoded([Result].self)
        #expect(results.map(\.name) == program.graphSignature.userOutputs)
    }

    @Test("Inputs that the program does not take end in a message and a status") func refused() throws {
        try Tensor.ones([9, 3]).save(npy: folder.file("nine.npy"))
        let refused = try Built.apus("run", file, folder.file("nine.npy"))
        #expect(refused.status != 0 && refused.output.isEmpty)
        #expect(refused.messages.contains("x.shape[0] must be in 1...8, got 9"), "\(refused.messages)")
        let missing = try Built.apus("run", file)
        #expect(missing.status != 0 && missing.messages.contains("The program takes 1 tensors (x), got 0 files."), "\(missing.messages)")
    }

    @Test("Files and names that are not there, and options that do not exist") func mistakes() throws {
        let absent = try Built.apus("info", folder.file("absent.pt2"))
        #expect(absent.status == 1 && absent.output.isEmpty && absent.messages.contains("absent.pt2"), "\(absent)")
        let entry = try Built.apus("run", file, "--entry-point", "train")
        #expect(entry.status == 64 && entry.messages.contains("has no entry point 'train'; it has: model"), "\(entry)")
        #expect(try Built.apus("bench", file, "--runs", "0").status == 64)
        #expect(try Built.apus("measure", file).status == 64)
        for command in ["info", "run", "verify", "bench", "graph", "convert"] {
            let help = try Built.apus(command, "--help")
            #expect(help.status == 0 && help.output.contains("USAGE: apus \(command)"), "\(help)")
        }
    }

    @Test("graph shows the program as it runs, and after each pass") func lowered() throws {
        let text = try Built.apus("graph", file, "--lowered", "--size", "s0=2").output
        #expect(text == (try ExportedProgram.load(from: file).loweredText(for: [Tensor.ones([2, 3])])) + "\n")
        #expect(text.hasPrefix("passes: \(LoweringPipeline.standard.names.joined(separator: ", "))\n"), "\(text)")
        let early = try Built.apus("graph", file, "--lowered", "--after", "common-subexpressions").output
        #expect(early.hasPrefix("passes: dead-code, simplify-views, common-subexpressions\n"), "\(early)")
        let apus = Built.folder.appendingPathComponent("apus").path
        let skipped = try Built.run(apus, ["graph", file, "--lowered"], environment: ["APUS_SKIP_PASSES": "fuse-rows,place-memory"])
        let left: [String] = try LoweringPipeline.standard.skipping(["fuse-rows", "place-memory"]).names
        #expect(skipped.output.hasPrefix("passes: \(left.joined(separator: ", "))\n"), "\(skipped)")
        let unknown = try Built.run(apus, ["graph", file, "--lowered"], environment: ["APUS_SKIP_PASSES": "fuse"])
        #expect(unknown.status != 0 && unknown.messages.contains("there is no lowering pass 'fuse' to be left out"), "\(unknown)")
        #expect(try Built.apus("graph", file, "--after", "dead-code").status != 0)
        #expect(throws: TensorError.self) { try ExportedProgram.load(from: file, options: ProgramOptions(skipping: ["fuse"])) }
        let plain = try ExportedProgram.load(from: file, options: ProgramOptions(skipping: LoweringPipeline.standard.names))
        let (a, b): (Tensor, Tensor) = (try plain(x), try program(x))
        #expect(try a.array(of: Float.self) == b.array(of: Float.self))
    }

    @Test("graph writes text, DOT and SVG") func graph() throws {
        #expect(try Built.apus("graph", file).output == ExportedProgram.load(from: file).graph.description + "\n")
        #expect(try Built.apus("graph", file, "--format", "dot").output.hasPrefix("digraph"))
        let drawn = try Built.apus("graph", file, "--format", "svg", "--output", folder.file("graph.svg"))
        #expect(drawn.status == 0 && drawn.output.isEmpty)
        #expect(try folder.text("graph.svg").hasPrefix("<svg"))
    }

    @Test("What cannot be written is an error in every command, and an output that is no regular file is left alone") func outputs() throws
    {
        let commands = [
            ["info", file], ["info", "--system"], ["run", file, folder.file("x.npy")], ["verify", file], ["bench", file, "--runs", "1"],
            ["graph", file],
            ["run", file, folder.file("x.npy"), "--json"], ["--help"], ["--version"], ["graph", "--help"],
        ]
        for command in commands {
            for redirection in [">/dev/full", ">&-"] {
                let quoted = command.map { "'\($0)'" }.joined(separator: " ")
                let outcome = try Built.run("/bin/sh", ["-c", "'\(Built.folder.path)/apus' \(quoted) \(redirection)"])
                #expect(outcome.status == 1, "\(command) \(redirection): \(outcome)")
                #expect(outcome.messages.contains("standard output could not be written: "), "\(command) \(redirection): \(outcome)")
            }
        }
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for place in [pipe, "/dev/null", folder.path] {
            let outcome = try Built.apus("graph", file, "--output", place)
            #expect(outcome.status == 1 && outcome.messages.contains("is not a regular file"), "\(outcome)")
        }
        var status = stat()
        #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        let unknown = try Built.apus("bench", file, "--size", "nosuch=65")
        #expect(unknown.status == 64 && unknown.messages.contains("--size nosuch: the program has no such size; it has: s0"), "\(unknown)")
        let bytes = try Built.run("/bin/sh", ["-c", "'\(Built.folder.path)/apus' info \"$(printf 'a\\377.pt2')\""])
        #expect(bytes.status == 64 && bytes.messages.contains("is not UTF-8"), "\(bytes)")
    }

    @Test("bench makes up inputs that the guards admit") func benchOfGuarded() throws {
        // PyTorch keeps a condition on two sizes as an assertion: a guard, which neither size's range tells of.
        let place = folder.file("guarded.pt2")
        try Python.run(
            """
            import sys, torch
            class Model(torch.nn.Module):
                def forward(self, x):
                    torch._check((x.shape[0] * x.shape[1]) % 30 == 0)
                    return x.sin()
            sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
            program = torch.export.export(
                Model(), (torch.ones(5, 6),), dynamic_shapes=(sizes,), prefer_deferred_runtime_asserts_over_guards=True)
            torch.export.save(program, sys.argv[1])
            """, [place])
        let guards: [InputGuard] = try ExportedProgram.load(from: place).guards
        #expect(guards.map { "\($0.condition)" } == ["(x.shape[0]*x.shape[1]) % 30 == 0"])
        let outcome = try Built.apus("bench", place, "--runs", "1")
        #expect(outcome.status == 0 && outcome.lines.first == "calls: 1", "\(outcome)")
        let names: [String] = try ExportedProgram.load(from: place).symbolToRange.keys.map(\.name).sorted()
        try #require(names.count == 2)
        let given = try Built.apus("bench", place, "--runs", "1", "--size", "\(names[0])=7", "--size", "\(names[1])=11")
        #expect(given.status == 64 && given.messages.contains("No sizes were found that the program admits"), "\(given)")
    }

    @Test("bench times calls, and sums up the events of each step") func bench() throws {
        struct Timing: Decodable {
            struct Events: Decodable { let rows: [Row] }
            struct Row: Decodable {
                let kind: String
                let operators: [String]
                let count: Int
            }
            let runs: Int
            let minimumMicroseconds: Double
            let events: Events?
        }
        let timing = try Built.apus("bench", file, "--runs", "7", "--size", "s0=4", "--json").decoded(Timing.self)
        #expect(timing.runs == 7 && timing.minimumMicroseconds > 0 && timing.events == nil)
        let rows = try #require(
            try Built.apus("bench", file, "--runs", "7", "--size", "s0=4", "--events", "--json").decoded(Timing.self).events?.rows)
        #expect(rows.filter { $0.kind == "run" }.map(\.count) == [7])
        #expect(
            rows.contains { $0.kind == "step" && $0.operators == ["aten::add.Scalar", "aten::tanh", "aten::mul.Scalar"] && $0.count == 7 },
            "\(rows)")
        let table = try Built.apus("bench", file, "--runs", "2", "--events")
        #expect(table.lines.contains { $0.split(separator: " ") == ["event", "count", "total", "us", "mean", "us", "share", "what"] })
    }

    @Test("What takes long says on a terminal how far it is, but for JSON") func progress() throws {
        struct Timing: Decodable { let minimumMicroseconds: Double }
        let one: Double = try Built.apus("bench", file, "--runs", "500", "--json").decoded(Timing.self).minimumMicroseconds
        // A second at least, on any machine.
        let runs = "\(min(max(Int(1e6 / one), 500), 1_000_000))"
        let seen = try Built.apusOnTerminal(["bench", file, "--runs", runs])
        #expect(seen.status == 0 && seen.lines.first == "calls: \(runs)", "\(seen)")
        let lines: [Substring] = seen.messages.split(whereSeparator: \.isNewline)
        #expect(lines.count > 1 && lines.allSatisfy { $0.hasPrefix("calls  ") }, "\(seen.messages)")
        #expect(lines.last?.hasPrefix("calls  \(runs)/\(runs)  100%  ") == true, "\(seen.messages)")
        let quiet = try Built.apusOnTerminal(["bench", file, "--runs", runs, "--json"])
        #expect(quiet.status == 0 && quiet.messages.isEmpty, "\(quiet.messages)")
    }

    @Test("serve is the server, where there is one") func serve() throws {
        let apus: String = Built.folder.appendingPathComponent("apus").path
        let none = try Built.run(apus, ["serve", "--models", "m"], environment: ["PATH": folder.path])
        #expect(none.status == 1 && none.messages.contains("neither beside this command nor in PATH"), "\(none)")
        let script: String = folder.file("apus-server")
        try "#!/bin/sh\necho \"$# $*\"\nexit 3\n".write(toFile: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let served = try Built.run(apus, ["serve", "--models", "a b", "--json", "-v"], environment: ["PATH": folder.path])
        #expect(served.status == 3 && served.lines == ["4 --models a b --json -v"], "\(served)")
    }

    @Test("run --profile says on standard error what took how long") func profile() throws {
        let profiled = try Built.apus("run", file, folder.file("x.npy"), "--profile")
        #expect(profiled.status == 0 && !profiled.output.contains("total us"))
        let kinds: [String] = profiled.messages.split(separator: "\n").dropFirst().compactMap {
            $0.split(separator: " ").first.map(String.init)
        }
        #expect(kinds.prefix(3) == ["load", "bind", "run"] && kinds.dropFirst(3).allSatisfy { $0 == "step" }, "\(profiled.messages)")
        struct Profiled: Decodable {
            struct Event: Decodable { let kind, name: String }
            let events: [Event]
        }
        let events = try Built.apus("run", file, folder.file("x.npy"), "--profile", "--json").decoded(Profiled.self).events
        #expect(events.first?.name == file && events.last?.kind == "run")
    }

    @Test("convert writes one kind of file as the other, by the output's ending") func convert() throws {
        let (model, copy, again) = (folder.file("m.onnx"), folder.file("copy.pt2"), folder.file("again.pt2"))
        for (from, to) in [(file, model), (file, copy), (model, again)] {
            let outcome = try Built.apus("convert", from, to)
            #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.messages.isEmpty, "\(outcome)")
        }
        for path in [model, copy, again] {
            for rows in [1, 2, 3, 8] {
                let x: Tensor = try .randn([rows, 3], seed: UInt64(rows))
                let (result, expected): (Tensor, Tensor) = (try ExportedProgram.load(from: path)(x), try program(x))
                #expect(try result.array(of: Float.self) == expected.array(of: Float.self), "\(path)")
            }
        }
        #expect(try Built.apus("verify", copy).output.contains("2 results compared, 0 failed"))
        #expect(try Built.apus("convert", file, model, "--external-data-above", "0").status == 0)
        let ending = try Built.apus("convert", file, folder.file("m.txt"))
        #expect(ending.status == 64 && ending.messages.contains("programs are written to .pt2 and .onnx files"), "\(ending)")
        let entry = try Built.apus("convert", file, model, "--entry-point", "train")
        #expect(entry.status == 64 && entry.messages.contains("has no entry point 'train'; it has: model"), "\(entry)")
        let limit = try Built.apus("convert", file, copy, "--external-data-above", "1")
        #expect(limit.status == 64 && limit.messages.contains("--external-data-above needs"), "\(limit)")
        let random = try export({ (x: Tensor) in try x + Tensor.randn([3]) }, args: x, constraints: [])
        try random.save(to: copy)
        let refused = try Built.apus("convert", copy, folder.file("random.onnx"))
        #expect(refused.status == 1 && refused.messages.contains("aten::randn"), "\(refused)")
    }
}
