/// The records at the end of a zip file: where the central directory is and how many entries it has.
struct ZipEnd {
    let count: Int
    let directoryStart: Int
    let directorySize: Int
    let prefix: Int

    /// Whether bytes begin as a zip file does: with a member's header.
    static func isStart(_ reader: ByteReader) -> Bool { reader.uint32(at: 0) == 0x0403_4b50 }

    /// Finds and checks the end record and, when there is one, the zip64 end record.
    init(_ reader: ByteReader) throws {
        guard let end = Self.findEndRecord(reader) else {
            if Self.isStart(reader) {
                throw ArchiveError(.truncated, "a zip file without its end record: it was cut or is still being written")
            }
            throw ArchiveError(.wrongFormat, reader.bytes.isEmpty ? "is empty, not a zip file" : "is not a zip file")
        }
        guard let disk = reader.uint16(at: end + 4), let directoryDisk = reader.uint16(at: end + 6),
            let countHere = reader.uint16(at: end + 8), let count16 = reader.uint16(at: end + 10),
            let size32 = reader.uint32(at: end + 12), let offset32 = reader.uint32(at: end + 16)
        else { throw ArchiveError(.truncated, "the end record is cut") }

        var count = UInt64(count16)
        var size = UInt64(size32)
        var offset = UInt64(offset32)
        var directoryEnd = end
        if let record = try Self.zip64Record(reader, before: end) {
            guard let diskCount = reader.uint64(at: record + 24), let largeCount = reader.uint64(at: record + 32),
                let largeSize = reader.uint64(at: record + 40), let largeOffset = reader.uint64(at: record + 48)
            else { throw ArchiveError(.truncated, "the zip64 end record is cut") }
            // A field of the short record that is not all ones must say the same as the long one.
            guard diskCount == largeCount, count16 == UInt16.max || count == largeCount, size32 == UInt32.max || size == largeSize,
                offset32 == UInt32.max || offset == largeOffset
            else { throw ArchiveError(.malformed, "the end record and the zip64 end record disagree") }
            (count, size, offset) = (largeCount, largeSize, largeOffset)
            directoryEnd = record
        } else {
            guard disk == 0, directoryDisk == 0, countHere == count16 else {
                throw ArchiveError(.unsupported, "is one part of a split archive")
            }
            guard size32 != UInt32.max, offset32 != UInt32.max else {
                throw ArchiveError(.malformed, "needs a zip64 end record and has none")
            }
        }
        guard let directorySize = Int(exactly: size), let directoryOffset = Int(exactly: offset), let entries = Int(exactly: count),
            directorySize <= directoryEnd
        else { throw ArchiveError(.outOfBounds, "the central directory would be larger than the file") }
        let start = directoryEnd - directorySize
        let (prefix, overflow) = start.subtractingReportingOverflow(directoryOffset)
        guard !overflow, prefix >= 0 else {
            throw ArchiveError(.outOfBounds, "the central directory would start at byte \(directoryOffset), behind its end")
        }
        // Each entry takes 46 bytes at least: checked before anything is reserved for them.
        guard entries <= directorySize / 46 else {
            throw ArchiveError(.outOfBounds, "\(entries) entries do not fit into a central directory of \(directorySize) bytes")
        }
        self.count = entries
        self.directoryStart = start
        self.directorySize = directorySize
        self.prefix = prefix
    }

    /// The end record is the last thing in the file; only a comment of at most 65,535 bytes may follow it.
    private static func findEndRecord(_ reader: ByteReader) -> Int? {
        let total = reader.bytes.count
        guard total >= 22 else { return nil }
        let lowest = max(0, total - 22 - 0xffff)
        var position = total - 22
        while position >= lowest {
            if reader.uint32(at: position) == 0x0605_4b50, let comment = reader.uint16(at: position + 20),
                position + 22 + Int(comment) == total
            {
                return position
            }
            position -= 1
        }
        return nil
    }

    private static func zip64Record(_ reader: ByteReader, before end: Int) throws -> Int? {
        let locator = end - 20
        guard locator >= 0, reader.uint32(at: locator) == 0x0706_4b50 else { return nil }
        guard let stated = reader.uint64(at: locator + 8).flatMap(Int.init(exactly:)), reader.uint32(at: locator + 4) == 0 else {
            throw ArchiveError(.malformed, "the zip64 locator points outside the file")
        }
        // With bytes before the archive the stated offset is off by their number; the record then still ends at the locator.
        for candidate in [stated, locator - 56] where candidate >= 0 && candidate <= locator - 56 {
            guard reader.uint32(at: candidate) == 0x0606_4b50, let length = reader.uint64(at: candidate + 4) else { continue }
            guard UInt64(locator - candidate - 12) == length else {
                throw ArchiveError(.malformed, "the zip64 end record does not reach to its locator")
            }
            return candidate
        }
        throw ArchiveError(.malformed, "the zip64 locator does not point at a zip64 end record")
    }
}
