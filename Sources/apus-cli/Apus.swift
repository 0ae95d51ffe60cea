import ArgumentParser

/// The command line. Results go to standard output, messages to standard error; the exit status is 0 only when all went well.
@main
struct ApusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Inspect, run, check and time exported tensor programs (.pt2).",
        version: "0.1.0",
        subcommands: [Info.self, Run.self, Verify.self, Bench.self, GraphCommand.self])
}
