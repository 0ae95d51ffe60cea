import Testing

@testable import ApusArchive

@Suite("Zip files made to do harm")
struct HostileZipTests {
    private func error(_ zip: RawZip, _ code: ArchiveError.Code, sourceLocation: SourceLocation = #_sourceLocation) throws -> String? {
        let folder = try TemporaryFolder()
        let path = try folder.write(zip.bytes, to: "h.zip")
        let error = archiveError(code, sourceLocation: sourceLocation) { _ = try ZipReader(path: path) }
        return error.map { $0.description.replacing(path, with: "h.zip") }
    }

    @Test(
        "Names that would leave the folder",
        arguments: [
            ("/etc/passwd", "has an absolute or foreign path"), ("a\\b", "has an absolute or foreign path"),
            ("../a", "its path climbs with '..'"),
            ("a/../../b", "its path climbs with '..'"), ("a/./b", "its path climbs with '.'"), ("a//b", "its path has an empty part"),
            ("a\0b", "has a zero byte in its name"),
        ])
    func unsafeNames(name: String, reason: String) throws {
        #expect(try error(RawZip([.init(name)]), .unsafePath) == "h.zip: \(name): entry 0: \(reason)")
    }

    @Test func namesThatAreNoNames() throws {
        #expect(try error(RawZip([.init("")]), .unsafePath) == "h.zip: entry 0: has no name")
        #expect(try error(RawZip([.init(name: [0xff, 0xfe])]), .unsafePath) == "h.zip: entry 0: its name is not UTF-8")
    }

    @Test func duplicateNames() throws {
        #expect(try error(RawZip([.init("a", [1]), .init("a", [2])]), .duplicateName) == "h.zip: a: occurs twice in the archive")
    }

    @Test func overlappingMembers() throws {
        var zip = RawZip([.init("a", [UInt8](repeating: 0, count: 40)), .init("b", [1, 2])])
        zip.members[1].claimedOffset = 0
        zip.members[1].localName = nil
        zip.members[1].name = Array("a".utf8)
        #expect(try error(zip, .malformed)?.contains("other sizes") == true)

        // A member whose data holds another member's header and data.
        let inner = RawZip([.init("b", [1, 2])]).bytes
        let header = Array(inner[..<33])
        var nested = RawZip([.init("a", header), .init("b", [1, 2])])
        nested.members[1].claimedOffset = 31
        #expect(try error(nested, .overlapping) == "h.zip: b: shares bytes with member a")
    }

    @Test func sizesThatReachOutside() throws {
        var zip = RawZip([.init("a", [1, 2, 3])])
        zip.members[0].claimedSize = 1000
        zip.members[0].claimedCompressedSize = 1000
        #expect(try error(zip, .outOfBounds) == "h.zip: a: its 1000 bytes at 31 reach outside the members' data")
        zip = RawZip([.init("a", [1, 2, 3])])
        zip.members[0].claimedOffset = 5_000_000
        #expect(try error(zip, .outOfBounds) == "h.zip: a: its header would start at byte 5000000, behind the members' data")
        zip = RawZip([.init("a", [1, 2, 3])])
        zip.members[0].claimedOffset = 3
        #expect(try error(zip, .malformed) == "h.zip: a: byte 3: no member header where the directory says")
    }

    @Test func sizesThatOverflow() throws {
        var zip = RawZip([.init("a", [1, 2, 3])])
        zip.members[0].flags = 8
        zip.members[0].claimedSize = UInt32.max
        zip.members[0].claimedCompressedSize = UInt32.max
        #expect(try error(zip, .malformed) == "h.zip: a: needs a zip64 field and has none")
        zip.members[0].centralExtra = [1, 0, 16, 0] + RawZip.little(UInt64.max) + RawZip.little(UInt64.max)
        #expect(try error(zip, .outOfBounds) == "h.zip: a: its sizes do not fit into 63 bits")
        zip.members[0].centralExtra = [1, 0, 16, 0] + RawZip.little(UInt64(Int.max)) + RawZip.little(UInt64(Int.max))
        #expect(try error(zip, .outOfBounds)?.contains("reach outside") == true)
        zip.members[0].centralExtra = [1, 0, 8, 0] + RawZip.little(UInt64(3))
        #expect(try error(zip, .malformed) == "h.zip: a: its zip64 field is too short")
    }

    @Test func countsThatLie() throws {
        var zip = RawZip([.init("a", [1])])
        zip.claimedCount = 60000
        #expect(try error(zip, .outOfBounds) == "h.zip: 60000 entries do not fit into a central directory of 47 bytes")
        zip = RawZip([.init("a", [1]), .init("b", [1])])
        zip.claimedCount = 1
        #expect(try error(zip, .malformed) == "h.zip: the central directory holds 94 bytes, its entries take 47")
        zip = RawZip([.init("a", [1])])
        zip.claimedDirectorySize = 4_000_000_000
        #expect(try error(zip, .outOfBounds) == "h.zip: the central directory would be larger than the file")
        zip = RawZip([.init("a", [1])])
        zip.claimedDirectoryOffset = 4_000_000_000
        #expect(try error(zip, .outOfBounds) == "h.zip: the central directory would start at byte 4000000000, behind its end")
    }

    @Test func headersThatDisagree() throws {
        var zip = RawZip([.init("a", [1])])
        zip.members[0].localName = Array("b".utf8)
        #expect(try error(zip, .malformed) == "h.zip: a: byte 0: the member's header gives another name than the directory")
        zip = RawZip([.init("a", [1])])
        zip.members[0].claimedCompressedSize = 0
        #expect(try error(zip, .malformed) == "h.zip: a: is stored, yet has 1 bytes in 0 bytes of file")
    }

    @Test func encryptedAndUnknownMethods() throws {
        var zip = RawZip([.init("a", [1])])
        zip.members[0].flags = 1
        #expect(try error(zip, .encrypted) == "h.zip: a: is encrypted")
        zip = RawZip([.init("a", [1])])
        zip.members[0].method = 12
        #expect(try error(zip, .compression) == "h.zip: a: is compressed by method 12; only stored (0) and deflate (8) are read")
    }

    @Test("A compression bomb's claim is refused before memory is asked for")
    func bomb() throws {
        var zip = RawZip([.init("a", [1, 2, 3, 4])])
        zip.members[0].method = 8
        zip.members[0].claimedSize = 4_000_000_000
        #expect(try error(zip, .outOfBounds) == "h.zip: a: claims 4000000000 bytes out of 4 compressed ones")
    }

    @Test("Damaged compressed data is an error on reading")
    func damagedDeflate() throws {
        let folder = try TemporaryFolder()
        var zip = RawZip([.init("a", [0xff, 0xff, 0xff, 0xff])])
        zip.members[0].method = 8
        zip.members[0].claimedSize = 100
        let reader = try ZipReader(path: try folder.write(zip.bytes, to: "h.zip"))
        let entry = try #require(reader.entry("a"))
        let error = archiveError(.compression) { _ = try reader.read(entry) }
        #expect(error?.member == "a")
    }

    @Test("Cut at every byte: an error, or the same content")
    func cutEverywhere() throws {
        let folder = try TemporaryFolder()
        try ZipWriter.write([ZipMember("r/a", text: "alpha"), ZipMember("r/b", text: "beta")], to: folder.file("a.zip"))
        let whole = try folder.read("a.zip")
        for length in 0..<whole.count {
            let path = try folder.write(Array(whole[..<length]), to: "cut.zip")
            archiveError { _ = try ZipReader(path: path) }
        }
    }

    @Test("Every bit of every byte flipped: an error, or members inside the file")
    func flipEverywhere() throws {
        let folder = try TemporaryFolder()
        try Python.run(
            """
            import sys, zipfile
            with zipfile.ZipFile(sys.argv[1], "w") as z:
                z.writestr("r/a", b"alpha")
                z.writestr("r/b", b"b" * 300, compress_type=zipfile.ZIP_DEFLATED)
            """, [folder.file("a.zip")])
        let whole = try folder.read("a.zip")
        var opened = 0
        for position in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[position] ^= 1 << bit
                let path = try folder.write(bytes, to: "flip.zip")
                do {
                    let reader = try ZipReader(path: path)
                    opened += 1
                    for entry in reader.directory.entries { _ = try reader.read(entry).withUnsafeBytes { $0.reduce(0, &+) } }
                    try reader.verify()
                } catch is ArchiveError {}
            }
        }
        #expect(opened > 0)
    }
}
