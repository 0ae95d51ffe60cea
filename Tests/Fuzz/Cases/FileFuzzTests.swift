import Foundation
import FuzzFiles
import Testing

/// A fixed part of what `make fuzz` does to files.
@Suite struct FileFuzzTests {
    @Test func damagedFilesAreToldOrHarmless() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-files-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let tool = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("fuzz").path
        var session = try FileSession(folder: folder, tool: [tool, "open"])
        for seed in 1...240 as ClosedRange<UInt64> { try session.run(seed: seed) }
        print(session.summary)
        for finding in session.findings { Issue.record("\(finding)") }
        let told = session.counts.values.reduce(0) { $0 + ($1[.error] ?? 0) }
        #expect(told > session.files / 2)
    }
}
