import ArgumentParser
import Foundation

/// The command line. Results go to standard output, messages to standard error; the exit status is 0 only when all went well, which
/// includes that the results could be written.
@main
struct ApusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Inspect, run, check, time, convert and compress exported tensor programs (.pt2, .onnx).",
        version: "0.1.0",
        subcommands: [
            Info.self, Run.self, Verify.self, Bench.self, GraphCommand.self, View.self, Diff.self, Hash.self, Convert.self, Compress.self,
            Serve.self,
        ])

    static func main() {
        StandardStreams.occupy()
        do {
            try requireTexts()
            var command = try parseAsRoot()
            try command.run()
        } catch { end(with: error) }
    }

    private static func end(with error: any Error) -> Never {
        let status = exitCode(for: error)
        let message = fullMessage(for: error)
        guard status.isSuccess else {
            if !message.isEmpty { report(message) }
            Foundation.exit(status.rawValue)
        }
        // Help and version are results.
        do { try write(message) } catch { end(with: error) }
        Foundation.exit(0)
    }

    /// Arguments are bytes to the system, and texts from here on: a name that is no text would be another one.
    private static func requireTexts() throws {
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else { continue }
            throw ValidationError("Argument \(index), '\(String(cString: argument))', is not UTF-8.")
        }
    }
}
