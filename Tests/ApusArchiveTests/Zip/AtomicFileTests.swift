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
            try AtomicFile.replace(folder.file("f")) { descriptor in
                try [UInt8]([9]).withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor) }
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

    @Test("Pages that are given back come from the file again, and those of others stay")
    func pagesAreGivenBack() throws {
        let folder = try TemporaryFolder()
        let content: [UInt8] = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let mapped = try MappedFile(path: folder.write(content, to: "f"))
        let copied = try MappedFile(path: folder.file("f"), isMapped: false)
        #expect(mapped.isMapped && !copied.isMapped)
        for file in [mapped, copied] {
            #expect(Array(file.bytes) == content)
            for range in [5000..<90_000, 0..<100_000, 10..<20, 7..<7] {
                file.giveBackPages(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
                #expect(Array(file.bytes) == content)
            }
        }
        // Memory that is somebody else's is left alone.
        let own: [UInt8] = Array(repeating: 3, count: 50_000)
        own.withUnsafeBytes { mapped.giveBackPages($0) }
        #expect(own.allSatisfy { $0 == 3 })
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

    @Test("A link to nothing yet is made something, and links in a circle are an error")
    func danglingLinks() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: true)
        #expect(symlink("sub/target", folder.file("link")) == 0 && symlink("link", folder.file("chain")) == 0)
        try AtomicFile.write([ByteSource([5])], to: folder.file("chain"))
        #expect(try folder.read("sub/target") == [5])
        #expect(symlink("b", folder.file("a")) == 0 && symlink("a", folder.file("b")) == 0)
        #expect(archiveError(.cannotWrite) { try AtomicFile.write([], to: folder.file("a")) }?.reason.isEmpty == false)
    }

    @Test("What a killed writer left is removed by the next one, and nothing of one that writes")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2], to: ".apus-1-dead.tmp")
        try folder.write([1, 2], to: ".apus-note.txt")
        let busy = open(try folder.write([3], to: ".apus-2-busy.tmp"), O_RDONLY)
        #expect(busy >= 0 && flock(busy, LOCK_EX) == 0)
        try AtomicFile.write([ByteSource([5])], to: folder.file("f"))
        #expect(try folder.contents == [".apus-2-busy.tmp", ".apus-note.txt", "f"])
        close(busy)
        // Over the file that is there now.
        try AtomicFile.write([ByteSource([6])], to: folder.file("f"))
        #expect(try folder.contents == [".apus-note.txt", "f"])
        #expect(try folder.read("f") == [6])
    }

    @Test("While a file is written nothing of it can be seen, so that a kill leaves nothing")
    func unseen() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "f")
        for name in ["f", "g"] {
            try AtomicFile.replace(folder.file(name)) { descriptor in
                try [UInt8](repeating: 7, count: 100).withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor) }
                #expect(try folder.contents == ["f"])
            }
        }
        #expect(try folder.contents == ["f", "g"])
        try ZipWriter.write([ZipMember("a", text: "x")], to: folder.file("z"))
        #expect(try folder.contents == ["f", "g", "z"])
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
