import Apus
import Foundation
import FuzzPrograms
import JudgeSupport

/// Damages files of all formats, opens each in a process of its own, and counts what comes of it.
public struct FileSession {
    public enum Outcome: String, CaseIterable, Sendable {
        case error, same, other, untyped, trap, slow, large

        /// Another result than the whole file's is one only where the file could tell.
        func isFinding(isTold: Bool) -> Bool {
            switch self {
            case .error, .same: false
            case .other: isTold
            case .untyped, .trap, .slow, .large: true
            }
        }
    }

    /// More memory than this, in KiB, is too much for files of a few KiB.
    static let memory = 1 << 20

    private let folder: String
    /// The executable that runs `OpenFile.main` on its second argument.
    private let tool: [String]
    private let samples: [FileSample]
    private let whole: [String]
    public private(set) var counts: [String: [Outcome: Int]] = [:]
    public private(set) var findings: [String] = []
    public private(set) var files = 0

    /// - Parameters:
    ///   - folder: for the files; those that were found stay there.
    ///   - tool: the command that opens a file, whose path is added.
    public init(folder: String, tool: [String]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.folder = folder
        self.tool = tool
        samples = try FileSample.all(in: folder)
        whole = try samples.map { sample in
            let (outcome, text) = try Self.open(sample.path, tool)
            guard outcome == nil, text.hasPrefix("ok ") else { throw Failure(description: "\(sample.path) does not open: \(text)") }
            return text
        }
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public mutating func run(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let index = random.below(samples.count)
        let sample = samples[index]
        let kinds = Damage.allCases.filter { $0.applies(to: sample.format) }
        let kind = kinds[random.below(kinds.count)]
        let path = "\(folder)/damaged-\(seed).\(sample.format.rawValue)"
        try kind.write(sample, to: path, &random)
        let (ended, text) = try Self.open(path, tool)
        let outcome: Outcome =
            ended ?? (text == whole[index] ? .same : text.hasPrefix("ok ") ? .other : text.hasPrefix("error ") ? .error : .untyped)
        files += 1
        counts["\(sample.format.rawValue) \(kind.rawValue)", default: [:]][outcome, default: 0] += 1
        if outcome.isFinding(isTold: kind.isTold(sample.format)) {
            findings.append("seed \(seed): \(sample.name), \(kind.rawValue): \(outcome.rawValue), \(text) (\(path))")
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
    }

    public var summary: String {
        var lines = ["\(files) damaged files, \(findings.count) findings"]
        for (kind, found) in counts.sorted(by: { $0.key < $1.key }) {
            let parts = Outcome.allCases.compactMap { outcome in found[outcome].map { "\($0) \(outcome.rawValue)" } }
            lines.append("  \(kind): \(parts.joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }

    /// How a process ended that should not have ended so, or nil; and what it printed.
    private static func open(_ path: String, _ tool: [String]) throws -> (Outcome?, String) {
        let process = try ChildProcess(tool + [path], messages: .nowhere)
        let lines = process.output.split(separator: "\n").map(String.init)
        if process.signal == SIGALRM { return (.slow, "over \(OpenFile.patience) s") }
        if let signal = process.signal { return (.trap, "signal \(signal)") }
        guard lines.count >= 2, let peak = lines.last.flatMap({ Int($0) }) else { return (.trap, "it ended early: \(lines)") }
        if peak > memory { return (.large, "\(peak) KiB") }
        return (nil, lines.dropLast().joined(separator: " "))
    }
}
