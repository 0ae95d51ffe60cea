import Apus
import Foundation

/// A side in a process of its own, whose memory and processor time are its own too.
final class Peer {
    private let process = Process()
    private var lines: Lines

    /// Starts the peer; what it loads first it loads while others do so too.
    init(_ command: [String], environment: [String: String] = [:]) throws {
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { own, _ in own }
        process.standardInput = input
        process.standardOutput = output
        lines = Lines(reading: output.fileHandleForReading, writing: input.fileHandleForWriting)
        // A peer that died must not take this process with it at the next request.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
        // Our copies of the peer's ends have to go, or its death would not end the stream.
        try input.fileHandleForReading.close()
        try output.fileHandleForWriting.close()
    }

    /// The library's version, once it is loaded: the first thing that a peer says.
    func greeting() throws -> String {
        try answer().version ?? "unknown"
    }

    /// Sets work up. Returns the reason when the peer cannot run it.
    func prepare(_ name: String) throws -> String? {
        let answer = try ask(Request(prepare: name))
        return answer.ready == true ? nil : answer.missing ?? "no reason given"
    }

    /// Measures the prepared work.
    func measure(_ name: String, seconds: Double) throws -> Turn {
        let answer = try ask(Request(measure: name, seconds: seconds))
        guard let turn = answer.turn else { throw PeerError(description: "\(name): \(answer.missing ?? "no answer")") }
        return turn
    }

    func memory() throws -> Memory? {
        try ask(Request(memory: true)).memory
    }

    /// What is wrong with the prepared work's answers; nil where they are right.
    func check() throws -> String? {
        try ask(Request(check: true)).missing
    }

    /// Ends the peer.
    func close() {
        lines.close()
        process.waitUntilExit()
    }

    private func ask(_ request: Request) throws -> Answer {
        try lines.write(request)
        return try answer()
    }

    private func answer() throws -> Answer {
        guard let answer = try lines.read(Answer.self) else { throw PeerError.ended }
        return answer
    }
}

struct PeerError: Error, CustomStringConvertible {
    let description: String

    static let ended = PeerError(description: "the peer ended without an answer; its messages are above")
}

extension Peer {
    /// PyTorch with the cases of `cases.py`.
    static func ofCases(python: String, scripts: String, threads: Int, programFile: String) throws -> Peer {
        // Raw OpenBLAS gets the core type that Apus found: what is compared is how its kernels are called, not how it takes the processor.
        try Peer(
            [python, "\(scripts)/peer.py", "--threads", String(threads), "--file", programFile],
            environment: ["OPENBLAS_CORETYPE": SystemInformation.current.blasCore])
    }
}
