import Foundation
import Testing

/// Compares a text with the file of that name in `Goldens`. With APUS_RECORD_GOLDENS=1 in the environment the file is written instead, and the
/// difference is there to review.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Goldens").appendingPathComponent(name)
    if ProcessInfo.processInfo.environment["APUS_RECORD_GOLDENS"] == "1" {
        try Data(text.utf8).write(to: file)
        return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "differs from Goldens/\(name)", sourceLocation: sourceLocation)
}
