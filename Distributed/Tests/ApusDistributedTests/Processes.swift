import Foundation
import Testing

/// Programs that tests start, and their folder.
struct Processes {
    struct Failure: Error, CustomStringConvertible { let description: String }

    struct Result {
        let status: Int32
        let output: String
        let seconds: Double
    }

    /// Where the package manager puts all products: the folder of the running test executable.
    private static let products: URL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    private static let tests: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let root: URL = tests.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-distributed-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// Runs a product in some processes.
    func mpirun(_ count: Int, _ product: String, _ arguments: [String]) throws -> Result {
        let program: String = Processes.products.appendingPathComponent(product).path
        return try run("/usr/bin/env", ["mpirun", "--oversubscribe", "-n", "\(count)", program] + arguments)
    }

    /// Runs a product on hosts, with so many processes on each.
    /// - Parameter cutAfter: the seconds after which the last one's cable is pulled
    func hosts(_ hosts: Int, _ count: Int, _ product: String, _ arguments: [String], cutAfter: Int? = nil) throws -> Result {
        let script: String = Processes.tests.deletingLastPathComponent().appendingPathComponent("hosts").path
        let program: String = Processes.products.appendingPathComponent(product).path
        let variables: [String: String] = cutAfter.map { ["CUT_AFTER": "\($0)"] } ?? [:]
        return try run(script, ["\(hosts)", "\(count)", program] + arguments, variables: variables)
    }

    /// Runs a product by itself.
    func run(product: String, _ arguments: [String]) throws -> Result {
        try run(Processes.products.appendingPathComponent(product).path, arguments)
    }

    /// Lets PyTorch carry out what a case has written.
    func judge(_ script: String, _ arguments: [String], input: String = "") throws -> String {
        guard let python = ProcessInfo.processInfo.environment["APUS_PYTHON"] else {
            throw Failure(description: "APUS_PYTHON names no Python with PyTorch; 'make distributed-test' does")
        }
        let judge: String = Processes.tests.appendingPathComponent("Judges/\(script)").path
        let result: Result = try run(python, [judge] + arguments, input: input)
        guard result.status == 0 else { throw Failure(description: "\(script) \(arguments): \(result.output.suffix(4000))") }
        return result.output
    }

    private func run(
        _ program: String, _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = Processes.root
        process.environment = ProcessInfo.processInfo.environment.merging([
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "APUS_NUM_THREADS": "1",
            // More processes than processors: those that wait let the others compute.
            "OMPI_MCA_mpi_yield_when_idle": "1", "PYTHONWARNINGS": "ignore",
        ]) { $1 }.merging(variables) { $1 }
        // In files: nobody need read them while the program runs.
        let (given, written): (String, String) = ("\(folder)/\(UUID().uuidString).in", "\(folder)/\(UUID().uuidString).out")
        try Data(input.utf8).write(to: URL(fileURLWithPath: given))
        try Data().write(to: URL(fileURLWithPath: written))
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: written))
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: given))
        (process.standardOutput, process.standardError) = (output, output)
        let start = Date()
        try process.run()
        process.waitUntilExit()
        let text: String = try String(contentsOfFile: written, encoding: .utf8)
        return Result(status: process.terminationStatus, output: text, seconds: -start.timeIntervalSinceNow)
    }
}

/// Runs the body with a folder that is gone afterwards.
func withProcesses(_ body: (Processes) throws -> Void) throws {
    let processes = try Processes()
    defer { processes.remove() }
    try body(processes)
}
