import ArgumentParser
import Foundation

/// Measures Apus and PyTorch in turns, prints the ratios, and writes them as JSON and as a chart.
@main
struct ApusBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-bench", abstract: "Measure Apus side by side with PyTorch, in turns, on the same machine.")

    @Option(help: "The Python that has PyTorch.")
    var python = ".venv/bin/python"

    @Option(help: "The peer's script.")
    var peer = "Benchmarks/peer.py"

    @Option(help: "The folder for bench.json and bench.svg.")
    var output = "."

    @Option(help: "Only the benchmarks whose name contains this.")
    var filter: String?

    @Option(help: "The number of threads on both sides.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "How many turns each side has.")
    var rounds = 5

    @Option(help: "The length of a turn in seconds.")
    var slice = 0.2

    @Flag(help: "Fail when a target is missed.")
    var requireTargets = false

    func validate() throws {
        guard threads >= 1, rounds >= 1, slice > 0 else { throw ValidationError("--threads, --rounds and --slice must be positive") }
    }

    func run() throws {
        let benchmarks = (Operations.all + Networks.all + Programs.all + Symbolic.all).filter { filter.map($0.name.contains) ?? true }
        guard !benchmarks.isEmpty else { throw ValidationError("no benchmark's name contains '\(filter ?? "")'") }
        // Before anything of Apus runs: its thread pool reads the number once.
        setenv("APUS_NUM_THREADS", String(threads), 1)

        let folder = URL(fileURLWithPath: output, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        let environment = BenchmarkEnvironment(programFile: path("encoder.pt2"))
        let other = try Peer(python: python, script: peer, threads: threads, programFile: environment.programFile)
        defer { other.close() }

        var comparisons: [Comparison] = []
        for benchmark in benchmarks {
            FileHandle.standardError.write(Data("\(benchmark.title) ...\n".utf8))
            comparisons.append(compare(benchmark, with: other, in: environment, rounds: rounds, slice: slice))
        }
        let report = Report(
            date: ISO8601DateFormatter().string(from: Date()), threads: threads, processor: processorName, pytorch: other.version,
            comparisons: comparisons)
        print(report.table())
        try report.writeJSON(to: path("bench.json"))
        try report.writeChart(to: path("bench.svg"))
        print("\nWritten: \(path("bench.json")), \(path("bench.svg"))")

        let missed = comparisons.filter { $0.isReached == false }
        if requireTargets, !missed.isEmpty {
            FileHandle.standardError.write(Data("Targets missed: \(missed.map(\.name).joined(separator: ", "))\n".utf8))
            throw ExitCode.failure
        }
    }
}
