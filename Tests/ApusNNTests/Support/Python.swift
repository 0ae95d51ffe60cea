import Foundation

/// The outside judge: a Python with torch.
///
/// The environment variable `APUS_PYTHON` names it, else it is `.venv/bin/python` beside `Package.swift`. Where it is missing, tests that
/// need it fail: a judge that did not run has not agreed.
enum Python {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        while url.path != "/", !FileManager.default.fileExists(atPath: url.appendingPathComponent("Package.swift").path) {
            url.deleteLastPathComponent()
        }
        return url.path
    }()

    static let executable: String = ProcessInfo.processInfo.environment["APUS_PYTHON"] ?? root + "/.venv/bin/python"

    /// Runs a script; gives what it printed.
    @discardableResult
    static func run(_ script: String, _ arguments: [String] = []) throws -> String {
        try execute(["-c", script] + arguments)
    }

    /// Runs a script file beside the tests.
    @discardableResult
    static func runFile(_ path: String, _ arguments: [String] = []) throws -> String {
        try execute([root + "/" + path] + arguments)
    }

    private static func execute(_ arguments: [String]) throws -> String {
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw Failure(description: "no Python at \(executable): run `make python`, or set APUS_PYTHON")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failure(description: "Python failed:\n\(text)") }
        return text
    }
}
