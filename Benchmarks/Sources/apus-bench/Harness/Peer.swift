import Apus
import Foundation

/// PyTorch in a process of its own: `peer.py`, one JSON object a line in both directions.
final class Peer {
    let version: String
    let threads: Int

    private let process = Process()
    private let requests: FileHandle
    private let answers: FileHandle
    private var unread = Data()

    /// Starts the peer and waits until PyTorch is loaded.
    init(python: String, script: String, threads: Int, programFile: String) throws {
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [script, "--threads", String(threads), "--file", programFile]
        // Raw OpenBLAS gets the core type that Apus found: what is compared is how its kernels are called, not how it takes the processor.
        process.environment = ProcessInfo.processInfo.environment.merging(["OPENBLAS_CORETYPE": SystemInformation.current.blasCore]) {
            own, _ in own
        }
        process.standardInput = input
        process.standardOutput = output
        requests = input.fileHandleForWriting
        answers = output.fileHandleForReading
        // A peer that died must not take this process with it at the next request.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
        // Our copies of the peer's ends have to go, or its death would not end the stream.
        try input.fileHandleForReading.close()
        try output.fileHandleForWriting.close()

        let hello = try Peer.read(from: answers, &unread)
        version = hello.version ?? "unknown"
        self.threads = hello.threads ?? threads
    }

    /// Sets a case up. Returns the reason when the peer cannot run it.
    func prepare(_ name: String) throws -> String? {
        let answer = try ask(Request(prepare: name))
        return answer.ready == true ? nil : answer.missing ?? "no reason given"
    }

    /// Samples of the time per call of the prepared case, in nanoseconds.
    func measure(_ name: String, seconds: Double) throws -> [Double] {
        let answer = try ask(Request(measure: name, seconds: seconds))
        guard let samples = answer.nanoseconds else { throw PeerError(description: "\(name): \(answer.missing ?? "no answer")") }
        return samples
    }

    /// Ends the peer.
    func close() {
        try? requests.close()
        process.waitUntilExit()
    }

    // MARK: - The conversation

    private struct Request: Encodable {
        var prepare: String?
        var measure: String?
        var seconds: Double?
    }

    private struct Answer: Decodable {
        var version: String?
        var threads: Int?
        var ready: Bool?
        var missing: String?
        var nanoseconds: [Double]?
    }

    private func ask(_ request: Request) throws -> Answer {
        try requests.write(contentsOf: JSONEncoder().encode(request) + Data("\n".utf8))
        return try Peer.read(from: answers, &unread)
    }

    private static func read(from handle: FileHandle, _ unread: inout Data) throws -> Answer {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unread[unread.startIndex..<end]
                let answer = try JSONDecoder().decode(Answer.self, from: line)
                unread = Data(unread[unread.index(after: end)...])
                return answer
            }
            let more = handle.availableData
            guard !more.isEmpty else { throw PeerError(description: "the peer ended without an answer; its messages are above") }
            unread.append(more)
        }
    }
}

struct PeerError: Error, CustomStringConvertible {
    let description: String
}
