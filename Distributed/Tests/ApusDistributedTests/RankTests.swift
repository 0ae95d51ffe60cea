import Foundation
import Testing

/// Processes that communicate, started by mpirun, and PyTorch's gloo beside them.
@Suite(.serialized)
struct RankTests {
    /// Runs a case of `ranks` that has to end well.
    private func run(_ name: String, _ count: Int, _ processes: Processes) throws {
        let result = try processes.mpirun(count, "ranks", [name, processes.folder])
        #expect(result.status == 0, "\(name) in \(count) processes: \(result.output.suffix(3000))")
    }

    @Test(arguments: [1, 2, 4])
    func agreesWithGloo(count: Int) throws {
        try withProcesses { processes in
            for name in ["collectives", "gradients", "parallel"] {
                try run(name, count, processes)
                if count > 1 { #expect(try processes.judge("gloo.py", [name, "\(count)", processes.folder]).contains("agreed")) }
            }
        }
    }

    @Test(arguments: [1, 2, 4])
    func programsGoBothWays(count: Int) throws {
        try withProcesses { processes in
            #expect(try processes.judge("gloo.py", ["write_program", "\(count)", processes.folder]).contains("agreed"))
            try run("operators", count, processes)
            if count > 1 { #expect(try processes.judge("gloo.py", ["operators", "\(count)", processes.folder]).contains("agreed")) }
        }
    }

    @Test(arguments: ["started", "zero", "norms", "groups"], [1, 2, 4])
    func holds(name: String, count: Int) throws {
        try withProcesses { try run(name, count, $0) }
    }

    @Test(arguments: [2, 4])
    func mistakesAreErrorsEverywhere(count: Int) throws {
        try withProcesses { try run("mistakes", count, $0) }
    }

    /// The page's code is what the case runs.
    @Test func pageIsCompiled() throws {
        func lines(_ path: String) throws -> [String] {
            try String(contentsOf: Processes.root.appendingPathComponent("Distributed/\(path)"), encoding: .utf8)
                .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let compiled: Set<String> = Set(try lines("Tests/Ranks/Page.swift") + ["ProcessGroup.run { world in"])
        var (isCode, count) = (false, 0)
        for line in try lines("README.md") {
            if line.hasPrefix("```") {
                isCode = line == "```swift"
            } else if isCode {
                #expect(compiled.contains(line), "'\(line)' of README.md is not compiled")
                count += 1
            }
        }
        #expect(count > 20)
        try withProcesses { try run("page", 2, $0) }
    }

    /// Whatever becomes of one process, the job ends soon, with a status and a message.
    @Test(arguments: [
        ("absent", "all_reduce: all_reduce sum float32[3] in group '0' of 3 processes did not end within 2.0 seconds"),
        ("throwing", "rank 1 of 3 ends the job: throwing: the data is not there"), ("leaving", "exited"),
    ])
    func oneEndsAll(name: String, message: String) throws {
        try withProcesses { processes in
            let result = try processes.mpirun(3, "ranks", [name, processes.folder])
            #expect(result.status != 0 && result.seconds < 20, "\(result)")
            #expect(result.output.contains(message), "\(result.output)")
        }
    }
}
