import Foundation

/// The outside judges: a Python with PyTorch, NumPy, safetensors, ONNX Runtime and Z3.
///
/// The environment variable `APUS_PYTHON` names it, else it is `.venv/bin/python` beside `Package.swift`. Where it is missing, tests that
/// need it fail: a judge that did not run has not agreed.
public enum Python {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// The package's folder.
    public static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        while url.path != "/", !FileManager.default.fileExists(atPath: url.appendingPathComponent("Package.swift").path) {
            url.deleteLastPathComponent()
        }
        return url.path
    }()

    static let executable: String = ProcessInfo.processInfo.environment["APUS_PYTHON"] ?? root + "/.venv/bin/python"

    /// Runs a script; gives what it printed.
    @discardableResult
    public static func run(_ script: String, _ arguments: [String] = []) throws -> String {
        try execute(["-c", script] + arguments)
    }

    /// Runs a script of the package; gives what it printed.
    @discardableResult
    public static func runFile(_ path: String, _ arguments: [String] = []) throws -> String {
        try execute([root + "/" + path] + arguments)
    }

    /// Runs a judge of `Tests/Judges` on a value written as a JSON file; gives the lines it printed.
    public static func judge(_ script: String, _ value: some Encodable) throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("judge-\(UUID().uuidString).json")
        try JSONEncoder().encode(value).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try runFile("Tests/Judges/\(script)", [file.path]).split(separator: "\n").map(String.init)
    }

    private static func execute(_ arguments: [String]) throws -> String {
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw Failure(description: "no Python at \(executable): run `make python`, or set APUS_PYTHON")
        }
        // Warnings go to a file: they are no answers.
        let warnings = FileManager.default.temporaryDirectory.appendingPathComponent("python-\(UUID().uuidString).log").path
        defer { try? FileManager.default.removeItem(atPath: warnings) }
        // The same answers on every processor: beyond these the libraries under PyTorch round square roots and half precision otherwise.
        let own = ProcessInfo.processInfo.environment
        let variables = ["MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"].filter { own[$0.key] == nil }
        let process = try ChildProcess([executable] + arguments, environment: variables, messages: .file(warnings))
        guard process.status == 0 else {
            let messages = (try? String(contentsOfFile: warnings, encoding: .utf8)) ?? ""
            throw Failure(description: "Python failed:\n\(process.output)\(messages.suffix(4000))")
        }
        return process.output
    }
}
