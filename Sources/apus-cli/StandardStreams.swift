import Apus
import ArgumentParser
import Foundation

/// Standard output and standard error, whose failures are failures of the command.
enum StandardStreams {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Takes the places of streams that were closed, so that no file that is opened later gets what is meant for them. Writing there fails.
    static func occupy() {
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free place, which is this one.
            _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
    }

    fileprivate static func write(_ line: String, to descriptor: Int32) throws {
        var text = line + "\n"
        try text.withUTF8 { try AtomicFile.writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
    }
}

/// Writes a line to standard output.
func write(_ line: String) throws {
    do { try StandardStreams.write(line, to: STDOUT_FILENO) } catch let error as ArchiveError {
        throw StandardStreams.Failure(description: "standard output could not be written: \(error.reason)")
    }
}

/// Writes a line to standard error. Where that fails there is nobody left to tell.
func report(_ line: String) { try? StandardStreams.write(line, to: STDERR_FILENO) }

/// Writes a value as JSON with sorted keys.
func writeJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Runs a part of a command that may take long. Where somebody looks, on a terminal, and for more than a blink, a line on standard error says how far it is;
/// beside JSON there is none.
/// - Parameter body: is given the line, to which it says what it has done
func stage<Result>(
    _ title: String, total: Int? = nil, in unit: ProgressLine.Unit = .steps, isQuiet: Bool, _ body: (ProgressLine?) throws -> Result
) rethrows -> Result {
    guard !isQuiet, ProgressLine.isSeen else { return try body(nil) }
    let line = ProgressLine(title, total: total, in: unit, after: 0.3)
    defer { line.finish() }
    return try ProgressLine.$current.withValue(line) { try body(line) }
}

/// The bytes of a file, for a stage that goes through it.
func size(of path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
}
