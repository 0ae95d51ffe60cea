import ArgumentParser
import Foundation

/// `apus serve`: the server, where it is installed.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a folder of programs over the Open Inference Protocol, by apus-server.",
        discussion: """
            apus-server is a package of its own, which is looked for beside this command and then in PATH. It takes the place of this command: its \
            options, its messages and its exit status are its own, and 'apus-server --help' tells them.
            """)

    @Argument(parsing: .captureForPassthrough, help: "What apus-server is given, e.g. --models FOLDER.")
    var arguments: [String] = []

    private struct Failure: Error, CustomStringConvertible { let description: String }

    func run() throws {
        let own: String = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        let beside: String = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("apus-server").path
        var words: [UnsafeMutablePointer<CChar>?] = (["apus-server"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        // Each comes back only where it fails.
        execv(beside, &words)
        execvp("apus-server", &words)
        let reason: String = errno == ENOENT ? "it is neither beside this command nor in PATH" : String(cString: strerror(errno))
        throw Failure(description: "apus-server can't be started: \(reason)")
    }
}
