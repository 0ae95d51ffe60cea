import Foundation
import Testing

@testable import ApusArchive

@Suite("Zip files that are as they should be")
struct ZipTests {
    private func content(_ reader: ZipReader, _ name: String) throws -> [UInt8] {
        let entry = try #require(reader.entry(name))
        return try reader.read(entry).withUnsafeBytes { Array($0) }
    }

    @Test("What is written is read back, every member's data on a 64-byte boundary and mapped")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.zip")
        let big = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var members: [ZipMember] = [
            ZipMember("r/empty", ByteSource([])), ZipMember("r/größe", text: "höhe"), ZipMember("r/big", ByteSource(big)),
        ]
        for index in 0..<70 {
            members.append(ZipMember("r/m\(String(repeating: "x", count: index))", text: String(repeating: "y", count: index)))
        }
        try ZipWriter.write(members, to: path)
        let reader = try ZipReader(path: path)
        #expect(reader.directory.entries.map(\.name) == members.map(\.name))
        for entry in reader.directory.entries {
            #expect(entry.dataOffset % 64 == 0, "\(entry.name) at \(entry.dataOffset)")
            guard case .mapped = try reader.read(entry) else {
                Issue.record("\(entry.name) was copied")
                continue
            }
        }
        #expect(try content(reader, "r/big") == big)
        #expect(try content(reader, "r/empty") == [])
        #expect(try content(reader, "r/größe") == Array("höhe".utf8))
        try reader.verify()
    }

    @Test("The same members give the same bytes")
    func deterministic() throws {
        let folder = try TemporaryFolder()
        let members = [ZipMember("a/x", text: "one"), ZipMember("a/y", text: "two")]
        try ZipWriter.write(members, to: folder.file("1.zip"))
        Thread.sleep(forTimeInterval: 0.01)
        try ZipWriter.write(members, to: folder.file("2.zip"))
        #expect(try folder.read("1.zip") == folder.read("2.zip"))
    }

    @Test("A deflated member of more than 4 GiB is read, and one that claims more than there is memory is an error")
    func largeDeflated() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("large.zip")
        try Python.run(
            """
            import sys, zipfile
            block = bytes(1 << 24)
            with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
                with z.open("r/large", "w", force_zip64=True) as f:
                    for _ in range(257): f.write(block)
                    f.write(b"end")
            """, [path])
        let reader = try ZipReader(path: path)
        let bytes = try reader.read(try #require(reader.entry("r/large")))
        #expect(bytes.count == (257 << 24) + 3)
        #expect(bytes.withUnsafeBytes { Array($0.suffix(4)) } == [0] + Array("end".utf8))
        archiveError(.limit) { _ = try OwnedBytes(count: 1 << 50) { _ in } }
    }

    @Test("Names that differ only in how an accent is written are two members")
    func normalisation() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.zip")
        try ZipWriter.write([ZipMember("r/e\u{301}", text: "two"), ZipMember("r/\u{e9}", text: "one")], to: path)
        let reader = try ZipReader(path: path)
        #expect(try content(reader, "r/e\u{301}") == Array("two".utf8))
        #expect(try content(reader, "r/\u{e9}") == Array("one".utf8))
        // A slash is one whatever follows it.
        for name in ["r/../\u{301}x", "r/\u{301}", "/\u{301}a"] {
            let zip = RawZip([.init(name)])
            do { _ = try ZipReader(path: try folder.write(zip.bytes, to: "p.zip")) } catch let error as ArchiveError {
                #expect(error.code == .unsafePath && name != "r/\u{301}", "\(name): \(error)")
                continue
            }
            #expect(name == "r/\u{301}")
        }
    }

    @Test("Python's zipfile reads ours, checksums included")
    func pythonReads() throws {
        let folder = try TemporaryFolder()
        try ZipWriter.write(
            [ZipMember("r/a", text: "alpha"), ZipMember("r/ü", text: ""), ZipMember("r/b", ByteSource([0, 255, 7]))],
            to: folder.file("a.zip"))
        let output = try Python.run(
            """
            import sys, zipfile
            z = zipfile.ZipFile(sys.argv[1])
            assert z.testzip() is None
            print([(i.filename, z.read(i)) for i in z.infolist()])
            """, [folder.file("a.zip")])
        #expect(output == "[('r/a', b'alpha'), ('r/ü', b''), ('r/b', b'\\x00\\xff\\x07')]\n")
    }

    @Test("Ours reads Python's: stored, deflated, forced zip64, comment, bytes in front")
    func readsPython() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("p.zip")
        try Python.run(
            """
            import sys, zipfile
            with zipfile.ZipFile(sys.argv[1], "w") as z:
                z.writestr("stored", b"s" * 1000)
                z.writestr("deflated", b"d" * 100000, compress_type=zipfile.ZIP_DEFLATED)
                with z.open("large", "w", force_zip64=True) as f: f.write(b"l" * 77)
                z.mkdir("folder")
                z.comment = b"a comment"
            data = open(sys.argv[1], "rb").read()
            open(sys.argv[2], "wb").write(b"#!/bin/sh\\n" + data)
            """, [path, folder.file("prefixed.zip")])
        for name in ["p.zip", "prefixed.zip"] {
            let reader = try ZipReader(path: folder.file(name))
            #expect(try content(reader, "stored") == [UInt8](repeating: UInt8(ascii: "s"), count: 1000))
            #expect(try content(reader, "deflated") == [UInt8](repeating: UInt8(ascii: "d"), count: 100_000))
            #expect(try content(reader, "large") == [UInt8](repeating: UInt8(ascii: "l"), count: 77))
            #expect(reader.entry("folder/")?.isDirectory == true)
            try reader.verify()
        }
    }

    @Test("A zip64 end record is read, and must agree with the short one")
    func zip64End() throws {
        let plain = RawZip([.init("a", [1, 2, 3])]).bytes
        let end = plain.count - 22
        let offset = Int(plain[end + 16]) | Int(plain[end + 17]) << 8
        let size = Int(plain[end + 12])
        func large(count: UInt64, saturated: Bool) -> [UInt8] {
            var bytes = Array(plain[..<end])
            let record = bytes.count
            bytes += RawZip.little(UInt32(0x0606_4b50)) + RawZip.little(UInt64(44)) + RawZip.little(UInt16(798)) + RawZip.little(UInt16(45))
            bytes += RawZip.little(UInt32(0)) + RawZip.little(UInt32(0)) + RawZip.little(count) + RawZip.little(count)
            bytes += RawZip.little(UInt64(size)) + RawZip.little(UInt64(offset))
            bytes +=
                RawZip.little(UInt32(0x0706_4b50)) + RawZip.little(UInt32(0)) + RawZip.little(UInt64(record)) + RawZip.little(UInt32(1))
            var short = Array(plain[end...])
            if saturated { for index in 8..<20 { short[index] = 0xff } }
            return bytes + short
        }
        let folder = try TemporaryFolder()
        for saturated in [false, true] {
            let reader = try ZipReader(path: try folder.write(large(count: 1, saturated: saturated), to: "l.zip"))
            #expect(reader.directory.entries.map(\.name) == ["a"])
        }
        let error = archiveError(.malformed) {
            _ = try ZipReader(path: try folder.write(large(count: 2, saturated: false), to: "l.zip"))
        }
        #expect(error?.reason == "the end record and the zip64 end record disagree")
    }

    @Test("A wrong checksum is found by verify and not by opening")
    func checksum() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.zip")
        try ZipWriter.write([ZipMember("r/good", text: "good"), ZipMember("r/bad", text: "some data")], to: path)
        var bytes = try folder.read("a.zip")
        let offset = try #require(ZipReader(path: path).entry("r/bad")).dataOffset
        bytes[offset] ^= 1
        try folder.write(bytes, to: "b.zip")
        let reader = try ZipReader(path: folder.file("b.zip"))
        let error = archiveError(.checksum) { try reader.verify() }
        #expect(error?.description == "\(folder.file("b.zip")): r/bad: its data does not have the checksum that the archive records")
    }

    @Test("Writing the same name twice is refused and leaves nothing behind")
    func duplicate() throws {
        let folder = try TemporaryFolder()
        let error = archiveError(.duplicateName) {
            try ZipWriter.write([ZipMember("a", text: "1"), ZipMember("a", text: "2")], to: folder.file("a.zip"))
        }
        #expect(error?.description == "\(folder.file("a.zip")): a: would be written twice")
        #expect(try folder.contents == [])
    }

    @Test("Files that are not archives say so")
    func notArchives() throws {
        let folder = try TemporaryFolder()
        #expect(archiveError(.wrongFormat) { _ = try ZipReader(path: try folder.write([], to: "e")) }?.reason == "is empty, not a zip file")
        #expect(
            archiveError(.wrongFormat) { _ = try ZipReader(path: try folder.write(Array("hello".utf8), to: "h")) }?.reason
                == "is not a zip file")
        #expect(archiveError(.cannotRead) { _ = try ZipReader(path: folder.file("none")) }?.reason == "No such file or directory")
        #expect(archiveError(.cannotRead) { _ = try ZipReader(path: folder.path) }?.reason == "is a directory")
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(archiveError(.cannotRead) { _ = try ZipReader(path: pipe) }?.reason == "is not a regular file")
    }
}
