import Foundation
import FuzzPrograms
import Testing

/// A fixed part of what `make fuzz` runs.
@Suite(.serialized) struct FuzzTests {
    @Test(arguments: [1150, 1261, 1335, 1405] as [UInt64]) func programsAgreeWithEager(first: UInt64) throws {
        let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("apus-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var session = FuzzSession(folder: folder.path)
        for seed in first..<first + 34 { session.run(seed: seed) }
        print(session.summary)
        for (seed, finding, program) in session.findings { Issue.record("seed \(seed): \(finding)\n\(program)") }
        // The slice is worth something only while most programs come through. Those that ask a traced tensor for plain numbers are drawn on
        // purpose, and refused.
        #expect(session.share >= 0.6)
    }
}
