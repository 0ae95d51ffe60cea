import Foundation
import Testing

/// Compares a text with a file of the package. With APUS_RECORD_GOLDENS=1 in the environment the file is written instead, and the difference is
/// there to review.
public func expectRecorded(_ text: String, in path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(fileURLWithPath: Python.root).appendingPathComponent(path)
    if ProcessInfo.processInfo.environment["APUS_RECORD_GOLDENS"] == "1" {
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        return
    }
    let expected: String = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    if text == expected { return }
    let (ours, theirs) = (text.split(separator: "\n"), expected.split(separator: "\n"))
    let line: Int = zip(ours, theirs).enumerated().first { $1.0 != $1.1 }?.offset ?? min(ours.count, theirs.count)
    Issue.record(
        """
        \(path) is not what is made now; record it with APUS_RECORD_GOLDENS=1 where that is meant. It differs first in
          made:     \(line < ours.count ? String(ours[line]) : "(its end)")
          recorded: \(line < theirs.count ? String(theirs[line]) : "(its end)")
        """, sourceLocation: sourceLocation)
}
