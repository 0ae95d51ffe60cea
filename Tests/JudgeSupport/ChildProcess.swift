import Foundation
import Glibc
import Synchronization

/// A program that ran beside the tests, and what it left.
///
/// Foundation's `Process` learns of a child's end from a descriptor that other children inherit, and waits for it in a run loop: where many
/// tests start children at once, it may wait for ever. Here no child has another's descriptors, and the system tells its end.
public struct ChildProcess {
    /// Where the program's standard error goes.
    public enum Messages {
        case output, nowhere
        case file(String)
        case descriptor(Int32)
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let output: String
    /// What the program ended with, or 128 and the signal's number, as a shell says it.
    public let status: Int32
    /// The signal that ended it.
    public var signal: Int32? { endedBySignal ? status - 128 : nil }

    private let endedBySignal: Bool
    /// One at a time: between a pipe's making and its closing in children nobody else starts one.
    private static let starting = Mutex(())

    /// Runs a program until it ends. It reads nothing.
    ///
    /// - Parameters:
    ///   - words: the program, a path or a name on the search path, and its arguments.
    ///   - environment: variables beside the tests' own.
    public init(_ words: [String], environment: [String: String] = [:], messages: Messages) throws {
        let (process, reading): (pid_t, Int32) = try Self.starting.withLock { _ in
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { close(ends[1]) }
            do { return (try Self.start(words, environment, output: ends[1], messages), ends[0]) } catch {
                close(ends[0])
                throw error
            }
        }
        let read = Result { try Self.everything(reading) }
        close(reading)
        var ended: Int32 = 0
        while waitpid(process, &ended, 0) < 0 {
            guard errno == EINTR else { throw Failure(description: "\(words[0]) can't be waited for: \(String(cString: strerror(errno)))") }
        }
        output = String(decoding: try read.get(), as: UTF8.self)
        endedBySignal = ended & 0x7f != 0
        status = endedBySignal ? 128 + ended & 0x7f : ended >> 8 & 0xff
    }

    private static func start(_ words: [String], _ environment: [String: String], output: Int32, _ messages: Messages) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        switch messages {
        case .output: posix_spawn_file_actions_adddup2(&actions, output, 2)
        case .nowhere: posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, 2, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, 2)
        }
        // The threads that run tests hold signals back; a child would inherit that.
        var (attributes, signals) = (posix_spawnattr_t(), sigset_t())
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var assignments: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + assignments { free(text) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, words[0], &actions, &attributes, &arguments, &assignments)
        guard error == 0 else { throw Failure(description: "\(words[0]) does not start: \(String(cString: strerror(error)))") }
        return process
    }

    /// What is written until the other side closes. Foundation's own way ends the process where a signal comes in between.
    private static func everything(_ descriptor: Int32) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count: Int = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                all += buffer[..<count]
            } else if count == 0 {
                return all
            } else if errno != EINTR {
                throw Failure(description: "a pipe can't be read: \(String(cString: strerror(errno)))")
            }
        }
    }
}
