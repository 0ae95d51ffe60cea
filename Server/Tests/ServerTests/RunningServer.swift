import Apus
import Foundation
import Synchronization

/// The server, started as an operator starts it, on a port that is free.
final class RunningServer: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    let process: Process
    let port: Int
    let grpcPort: Int
    private let log: Log

    /// What the server wrote, collected while it runs.
    final class Log: Sendable {
        private let text = Mutex("")
        func append(_ more: String) { text.withLock { $0 += more } }
        var lines: [[String: String]] {
            text.withLock { $0 }.split(separator: "\n").compactMap { try? JSONDecoder().decode([String: String].self, from: Data($0.utf8)) }
        }
        var all: String { text.withLock { $0 } }
    }

    /// The folder of the running test executable, where the package manager puts all products.
    private static let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()

    init(_ models: String, _ arguments: [String] = []) async throws {
        let (process, log, pipe) = (Process(), Log(), Pipe())
        let given: String? = ProcessInfo.processInfo.environment["APUS_SERVER_BINARY"]
        process.executableURL = given.map { URL(fileURLWithPath: $0) } ?? RunningServer.products.appendingPathComponent("apus-server")
        process.arguments = ["--models", models, "--port", "0", "--grpc-port", "0"] + arguments
        process.standardError = pipe
        try process.run()
        let handle: FileHandle = pipe.fileHandleForReading
        Thread.detachNewThread {
            while true {
                let data: Data = handle.availableData
                if data.isEmpty { return }
                log.append(String(decoding: data, as: UTF8.self))
            }
        }
        (self.process, self.log) = (process, log)
        let end = ContinuousClock.now + .seconds(60)
        while true {
            let lines: [[String: String]] = log.lines.filter { $0["message"] == "serving" }
            let ports: [Int] = ["http", "grpc"].compactMap { name in lines.first { $0["protocol"] == name }?["port"].flatMap { Int($0) } }
            if ports.count == 2 {
                (port, grpcPort) = (ports[0], ports[1])
                return
            }
            guard process.isRunning, end > .now else {
                process.terminate()
                throw Failure(description: "the server does not serve: \(log.all)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// A server that a failed test has left.
    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var lines: [[String: String]] { log.lines }

    /// Tells the server to end, and gives its exit status.
    func end() async throws -> Int32 {
        if process.isRunning { process.terminate() }
        return try await status()
    }

    /// The exit status, once the server has ended by itself.
    func status() async throws -> Int32 {
        let end = ContinuousClock.now + .seconds(60)
        while process.isRunning {
            guard end > .now else {
                kill(process.processIdentifier, SIGKILL)
                throw Failure(description: "the server does not end: \(log.all)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        // A process that a signal ended has no status of its own.
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Lets Triton's client and others make checks of a file in `Judges`.
    @discardableResult
    func judge(_ checks: [String], by file: String = "client.py", environment: [String: String] = [:]) async throws -> String {
        let judge: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Judges/\(file)")
        guard let interpreter = ProcessInfo.processInfo.environment["APUS_SERVER_PYTHON"] else {
            throw Failure(description: "APUS_SERVER_PYTHON names no Python with Triton's client; 'make server-test' makes one")
        }
        let (python, pipe) = (Process(), Pipe())
        python.executableURL = URL(fileURLWithPath: interpreter)
        python.arguments = [judge.path, String(port)] + checks
        var own: [String: String] = ProcessInfo.processInfo.environment
        own["APUS_SERVER_PID"] = String(process.processIdentifier)
        own["APUS_SERVER_GRPC_PORT"] = String(grpcPort)
        python.environment = own.merging(environment) { $1 }
        (python.standardOutput, python.standardError) = (pipe, pipe)
        let output: String = try await CallThreads.shared.run {
            try python.run()
            let data: Data = pipe.fileHandleForReading.readDataToEndOfFile()
            python.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }
        let passed: [Substring] = output.split(separator: "\n")
        guard python.terminationStatus == 0, checks.allSatisfy({ passed.contains($0[...]) }) else {
            throw Failure(description: "\(output)\nthe server's last lines: \(log.all.suffix(2000))")
        }
        return output
    }
}
