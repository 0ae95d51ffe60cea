import ApusServing
import Foundation
import Logging

/// Writes each message as a line of JSON on standard error: time, level, message, and what belongs to it.
public struct JSONLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level = .info
    private let label: String

    public init(label: String) { self.label = label }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var output = JSONOutput()
        output.object { output in
            output.pair("time", Date().formatted(JSONLogHandler.time))
            output.pair("level", event.level.rawValue)
            output.pair("logger", label)
            output.pair("message", "\(event.message)")
            let all: Logger.Metadata = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
            for (key, value) in all.sorted(by: { $0.key < $1.key }) { output.pair(key, "\(value)") }
        }
        // One call a line, so that lines of several threads don't mix. Where nobody reads them there is nobody to tell.
        (output.bytes + [0x0A]).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
