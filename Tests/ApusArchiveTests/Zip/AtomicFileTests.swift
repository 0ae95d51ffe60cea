import Foundation
import Testing

@testable import ApusArchive

@Suite("Atomic saving")
struct AtomicFileTests {
    private struct Interrupted: Error {}

    @Test("A failure leaves the old file and no temporary one")
    func failureKeepsOldFile() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], to: "f")
        #expect(throws: Interrupted.self) {
            try AtomicFile.replace(folder.file("f")) { temporary in
                try Data([9]).write(to: URL(fileURLWithPath: temporary))
                throw Interrupted()
            }
        }
        #expect(try folder.contents == ["f"])
        #expect(try folder.read("f") == [1, 2, 3])
    }

    @Test("A map of the old file keeps the old bytes")
    func mappedFileSurvives() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([UInt8](repeating: 7, count: 10_000), to: "f")
        let mapped = try MappedFile(path: path)
        try AtomicFile.write([ByteSource([1]), ByteSource([2, 3])], to: path)
        #expect(mapped.bytes.allSatisfy { $0 == 7 })
        #expect(try folder.read("f") == [1, 2, 3])
    }

    @Test("The mode of an existing file and the target of a link are kept")
    func modeAndLink() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1], to: "f")
        #expect(chmod(path, 0o640) == 0)
        #expect(symlink(path, folder.file("link")) == 0)
        try AtomicFile.write([ByteSource([5])], to: folder.file("link"))
        #expect(try folder.read("f") == [5])
        #expect(try folder.contents == ["f", "link"])
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        let link = try FileManager.default.attributesOfItem(atPath: folder.file("link"))
        #expect(link[.type] as? FileAttributeType == .typeSymbolicLink)
    }

    @Test("Places that cannot be written to")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let missing = folder.file("no/such/folder/f")
        #expect(
            archiveError(.cannotWrite) { try AtomicFile.write([], to: missing) }?.description == "\(missing): No such file or directory")
        #expect(archiveError(.cannotWrite) { try AtomicFile.write([], to: folder.path) }?.reason == "is not a regular file")
        #expect(archiveError(.cannotWrite) { try AtomicFile.write([], to: "") }?.reason == "not a usable path")
        #expect(archiveError(.cannotWrite) { try AtomicFile.write([ByteSource([1])], to: "/proc/apus-test") }?.code == .cannotWrite)
        #expect(try folder.contents == [])
    }
}
