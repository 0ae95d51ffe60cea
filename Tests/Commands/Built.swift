import Foundation
import JudgeSupport
import Synchronization

/// What was built beside the tests: the `apus` executable, and the modules.
enum Built {
    struct Missing: Error, CustomStringConvertible { let description: String }

    /// The folder of the running test executable, where the package manager puts all products.
    static let folder: URL = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: own).deletingLastPathComponent()
    }()

    /// What a process left.
    struct Outcome {
        let status: Int32
        let output: String
        let messages: String
        var lines: [String] { output.split(separator: "\n").map(String.init) }

        func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value { try JSONDecoder().decode(type, from: Data(output.utf8)) }
    }

    /// Runs `apus` as a user does.
    static func apus(_ arguments: String...) throws -> Outcome {
        try run(folder.appendingPathComponent("apus").path, arguments)
    }

    static func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        let messages = FileManager.default.temporaryDirectory.appendingPathComponent("messages-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: messages) }
        let process = try run(executable, arguments, environment, messages: .file(messages))
        return Outcome(status: process.status, output: process.output, messages: try String(contentsOfFile: messages, encoding: .utf8))
    }

    /// Runs `apus` with a terminal for its messages, as one sees them.
    static func apusOnTerminal(_ arguments: [String]) throws -> Outcome {
        var (screen, own): (Int32, Int32) = (-1, -1)
        guard openpty(&screen, &own, nil, nil, nil) == 0 else { throw Missing(description: "there is no terminal") }
        for end in [screen, own] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let side: Int32 = screen
        defer { close(side) }
        let shown = Mutex<[UInt8]>([])
        // A terminal holds few bytes that nobody has read.
        let reading = DispatchGroup()
        DispatchQueue.global().async(group: reading) {
            var bytes = [UInt8](repeating: 0, count: 4096)
            // Ends once nobody has the other side.
            while case let count = read(side, &bytes, bytes.count), count > 0 { shown.withLock { $0 += bytes[..<count] } }
        }
        let result = Result { try run(folder.appendingPathComponent("apus").path, arguments, [:], messages: .descriptor(own)) }
        close(own)
        reading.wait()
        let process = try result.get()
        return Outcome(
            status: process.status, output: process.output, messages: String(decoding: shown.withLock { $0 }, as: UTF8.self))
    }

    private static func run(
        _ executable: String, _ arguments: [String], _ environment: [String: String], messages: ChildProcess.Messages
    ) throws -> ChildProcess {
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw Missing(description: "\(executable) is not there: build the package first")
        }
        return try ChildProcess([executable] + arguments, environment: environment, messages: messages)
    }
}

/// A folder that lives as long as one test.
final class TemporaryFolder: Sendable {
    let path: String = NSTemporaryDirectory() + "apus-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
    func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }
}
