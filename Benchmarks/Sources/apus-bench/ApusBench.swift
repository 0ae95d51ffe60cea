import ArgumentParser
import Foundation

/// Measures Apus and other runtimes in turns, prints the ratios, and writes them as JSON and as charts.
@main
struct ApusBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-bench", abstract: "Measure Apus side by side with others, in turns, on the same machine.",
        subcommands: [Compare.self, ModelServer.self], defaultSubcommand: Compare.self)
}

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Measure, print a table, and write bench.json and the charts.")

    enum Group: String, CaseIterable, ExpressibleByArgument {
        case operations, networks, programs, symbolic, models

        var benchmarks: [Benchmark] {
            switch self {
            case .operations: Operations.all
            case .networks: Networks.all
            case .programs: Programs.all
            case .symbolic: Symbolic.all
            case .models: []
            }
        }
    }

    @Option(help: "The Python that has PyTorch and the other runtimes.")
    var python = "Benchmarks/.venv/bin/python"

    @Option(help: "The folder of peer.py and models.py.")
    var scripts = "Benchmarks"

    @Option(help: "The folder for bench.json, the charts and the models.")
    var output = "."

    @Option(name: .customLong("models"), help: "The folder of the models, where it is not in the output's.")
    var modelFolder: String?

    @Option(help: "Only this group; may be given several times.")
    var only: [Group] = []

    @Option(help: "Only the benchmarks whose name contains this.")
    var filter: String?

    @Option(help: "The number of threads on both sides.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "The numbers of threads that models run on; may be given several times.")
    var modelThreads = [1, 2].filter { $0 <= ProcessInfo.processInfo.activeProcessorCount }

    @Option(help: "How many turns each side has.")
    var rounds = 5

    @Option(help: "The length of a turn in seconds.")
    var slice = 0.2

    @Flag(help: "Fail when a target is missed, or cannot be judged because the machine was busy.")
    var requireTargets = false

    func validate() throws {
        guard threads >= 1, rounds >= 1, slice > 0, modelThreads.allSatisfy({ $0 >= 1 }) else {
            throw ValidationError("--threads, --model-threads, --rounds and --slice must be positive")
        }
    }

    func run() throws {
        // Before anything of Apus runs: its thread pool reads the number once.
        setenv("APUS_NUM_THREADS", String(threads), 1)
        let folder = URL(fileURLWithPath: output, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        let groups = only.isEmpty ? Group.allCases : only
        let benchmarks = groups.flatMap(\.benchmarks).filter { isChosen($0.name) }
        let models = Models(python: python, scripts: scripts, folder: modelFolder ?? path("models"))
        let chosen = groups.contains(.models) ? try models.all().filter { isChosen($0.name) } : []
        guard !benchmarks.isEmpty || !chosen.isEmpty else { throw ValidationError("no benchmark's name contains '\(filter ?? "")'") }

        var report = Report(threads: threads, file: path("bench.json"))
        if !benchmarks.isEmpty { try measure(benchmarks, programFile: path("encoder.pt2"), &report) }
        if !chosen.isEmpty { try measure(chosen, of: models, &report) }
        print(report.tables())
        let charts = try report.writeCharts { path($0) }
        print("\nWritten: \(([report.file] + charts).joined(separator: ", "))")
        if requireTargets { try judge(report) }
    }

    private func isChosen(_ name: String) -> Bool {
        filter.map(name.contains) ?? true
    }

    private func measure(_ benchmarks: [Benchmark], programFile: String, _ report: inout Report) throws {
        let environment = BenchmarkEnvironment(programFile: programFile)
        let peer = try Peer.ofCases(python: python, scripts: scripts, threads: threads, programFile: programFile)
        defer { peer.close() }
        report.versions["PyTorch"] = try peer.greeting()
        for benchmark in benchmarks {
            say("\(benchmark.title) ...")
            try report.add(benchmark.compare(with: peer, in: environment, threads: threads, rounds: rounds, slice: slice))
        }
    }

    private func measure(_ chosen: [Models.Model], of models: Models, _ report: inout Report) throws {
        say("writing the models that are not there (a few minutes the first time) ...")
        try models.write(chosen)
        for model in chosen {
            for threads in modelThreads {
                say("\(model.title), \(counted(threads, "thread")) ...")
                let comparison = models.compare(model, threads: threads, rounds: rounds, slice: slice, versions: &report.versions)
                try report.add(comparison)
            }
        }
    }

    private func judge(_ report: Report) throws {
        let missed = report.comparisons.filter { $0.isReached == false }
        let unjudged = report.comparisons.filter { $0.unrest != nil && $0.isReached == nil && ($0.target != nil || $0.limit != nil) }
        guard !missed.isEmpty || !unjudged.isEmpty else { return }
        if !missed.isEmpty { say("Targets missed: \(missed.map(\.name).joined(separator: ", "))") }
        if !unjudged.isEmpty { say("Not judged, the machine was busy: \(unjudged.map(\.name).joined(separator: ", "))") }
        throw ExitCode.failure
    }

    private func say(_ message: String) {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
    }
}
