/// One member of a zip file, as the central directory and the member's own header describe it.
struct ZipEntry: Sendable, Equatable {
    enum Method: Sendable, Equatable {
        case stored
        case deflated
    }

    let name: String
    let method: Method
    /// Position in the central directory.
    let index: Int
    /// Number of bytes after decompression.
    let size: Int
    /// Number of bytes in the file.
    let compressedSize: Int
    /// Where the member's local header starts, in bytes from the start of the file.
    let headerOffset: Int
    /// Where the member's data starts, in bytes from the start of the file.
    let dataOffset: Int
    let crc32: UInt32

    /// The name as the archive has it, byte for byte. Swift takes texts for equal that differ only in how they write an accent; those are
    /// two members.
    struct Name: Hashable {
        let bytes: [UInt8]
        init(_ name: String) { bytes = Array(name.utf8) }
    }

    var key: Name { Name(name) }

    var isDirectory: Bool { name.utf8.last == UInt8(ascii: "/") }
}

/// The table of contents of a zip file, read and checked without touching the members' data.
///
/// Libraries that read directories do not tell where a stored member's data lies, and that is what mapping weights without a copy needs.
/// So the tables are read here: end record, zip64 end record, central directory, and each member's local
/// header. Nothing in them is believed before it is checked against the file's size and against the other tables:
/// afterwards every entry's data lies inside the file, no two members overlap, and no two have the same name.
struct ZipDirectory: Sendable {
    let entries: [ZipEntry]
    /// Bytes before the archive proper (for example an executable stub); offsets of the tables count from there.
    let prefix: Int

    init(_ bytes: UnsafeRawBufferPointer) throws {
        let reader = ByteReader(bytes: bytes)
        let end = try ZipEnd(reader)
        prefix = end.prefix
        var entries: [ZipEntry] = []
        entries.reserveCapacity(end.count)
        var cursor = end.directoryStart
        for index in 0..<end.count {
            let entry = try Self.readEntry(reader, at: &cursor, index: index, end: end)
            entries.append(entry)
        }
        guard cursor == end.directoryStart + end.directorySize else {
            throw ArchiveError(
                .malformed, "the central directory holds \(end.directorySize) bytes, its entries take \(cursor - end.directoryStart)")
        }
        try Self.checkNames(entries)
        try Self.checkOverlaps(entries)
        self.entries = entries
    }

    private static func readEntry(_ reader: ByteReader, at cursor: inout Int, index: Int, end: ZipEnd) throws -> ZipEntry {
        let cut = ArchiveError(.truncated, at: "byte \(cursor)", "the central directory ends inside entry \(index)")
        guard reader.contains(cursor, 46), cursor + 46 <= end.directoryStart + end.directorySize else { throw cut }
        guard reader.uint32(at: cursor) == 0x0201_4b50 else {
            throw ArchiveError(.malformed, at: "byte \(cursor)", "no central directory entry where entry \(index) should be")
        }
        guard let flags = reader.uint16(at: cursor + 8), let method = reader.uint16(at: cursor + 10),
            let crc = reader.uint32(at: cursor + 16), let compressed32 = reader.uint32(at: cursor + 20),
            let size32 = reader.uint32(at: cursor + 24), let nameLength = reader.uint16(at: cursor + 28).map(Int.init),
            let extraLength = reader.uint16(at: cursor + 30).map(Int.init),
            let commentLength = reader.uint16(at: cursor + 32).map(Int.init), let disk = reader.uint16(at: cursor + 34),
            let offset32 = reader.uint32(at: cursor + 42)
        else { throw cut }
        let next = cursor + 46 + nameLength + extraLength + commentLength
        guard next <= end.directoryStart + end.directorySize, let nameBytes = reader.slice(cursor + 46, nameLength),
            let extra = reader.slice(cursor + 46 + nameLength, extraLength)
        else { throw cut }
        cursor = next

        let name = try memberName(nameBytes, index: index)
        return try naming(member: name) {
            var large = Zip64Sizes(size: size32, compressed: compressed32, offset: offset32)
            try large.read(extra)
            guard flags & 0x2041 == 0 else { throw ArchiveError(.encrypted, "is encrypted") }
            guard disk == 0 || disk == 0xffff else { throw ArchiveError(.unsupported, "lies on another disk of a split archive") }
            let kind: ZipEntry.Method
            switch method {
            case 0: kind = .stored
            case 8: kind = .deflated
            default: throw ArchiveError(.compression, "is compressed by method \(method); only stored (0) and deflate (8) are read")
            }
            guard let size = Int(exactly: large.size), let compressed = Int(exactly: large.compressed),
                let relative = Int(exactly: large.offset)
            else { throw ArchiveError(.outOfBounds, "its sizes do not fit into 63 bits") }
            let (headerOffset, overflow) = relative.addingReportingOverflow(end.prefix)
            guard !overflow, headerOffset < end.directoryStart else {
                throw ArchiveError(.outOfBounds, "its header would start at byte \(relative), behind the members' data")
            }
            if kind == .stored, size != compressed {
                throw ArchiveError(.malformed, "is stored, yet has \(size) bytes in \(compressed) bytes of file")
            }
            // Deflate cannot shrink data to less than about a thousandth: a larger claim is a bomb or an error.
            if kind == .deflated, size / 1100 > compressed {
                throw ArchiveError(.outOfBounds, "claims \(size) bytes out of \(compressed) compressed ones")
            }
            let dataOffset = try localDataOffset(
                reader, at: headerOffset, name: nameBytes, method: method, size: large, isZip64: large.wasLarge)
            let (dataEnd, dataOverflow) = dataOffset.addingReportingOverflow(compressed)
            guard !dataOverflow, dataEnd <= end.directoryStart else {
                throw ArchiveError(.outOfBounds, "its \(compressed) bytes at \(dataOffset) reach outside the members' data")
            }
            return ZipEntry(
                name: name, method: kind, index: index, size: size, compressedSize: compressed, headerOffset: headerOffset,
                dataOffset: dataOffset, crc32: crc)
        }
    }

    /// Reads the member's own header, which must agree with the directory, and gives the position behind it.
    private static func localDataOffset(
        _ reader: ByteReader, at offset: Int, name: UnsafeRawBufferPointer, method: UInt16, size: Zip64Sizes, isZip64: Bool
    ) throws -> Int {
        guard reader.uint32(at: offset) == 0x0403_4b50 else {
            throw ArchiveError(.malformed, at: "byte \(offset)", "no member header where the directory says")
        }
        guard let flags = reader.uint16(at: offset + 6), let localMethod = reader.uint16(at: offset + 8),
            let compressed32 = reader.uint32(at: offset + 18), let size32 = reader.uint32(at: offset + 22),
            let nameLength = reader.uint16(at: offset + 26).map(Int.init),
            let extraLength = reader.uint16(at: offset + 28).map(Int.init), let localName = reader.slice(offset + 30, nameLength)
        else { throw ArchiveError(.truncated, at: "byte \(offset)", "the file ends inside the member's header") }
        guard localName.elementsEqual(name) else {
            throw ArchiveError(.malformed, at: "byte \(offset)", "the member's header gives another name than the directory")
        }
        guard localMethod == method else {
            throw ArchiveError(.malformed, at: "byte \(offset)", "the member's header gives another compression than the directory")
        }
        guard flags & 0x2041 == 0 else { throw ArchiveError(.encrypted, "is encrypted") }
        // With bit 3 the sizes follow the data and the header's are void; 0xffffffff means that they are in an extra field.
        let voidSizes = flags & 8 != 0 || compressed32 == UInt32.max || size32 == UInt32.max
        if !voidSizes, UInt64(compressed32) != size.compressed || UInt64(size32) != size.size {
            throw ArchiveError(.malformed, at: "byte \(offset)", "the member's header gives other sizes than the directory")
        }
        return offset + 30 + nameLength + extraLength
    }

    /// A name that is valid UTF-8 and could safely be a path inside a folder.
    private static func memberName(_ bytes: UnsafeRawBufferPointer, index: Int) throws -> String {
        let place = "entry \(index)"
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw ArchiveError(.unsafePath, at: place, "its name is not UTF-8")
        }
        func refuse(_ reason: String) -> ArchiveError { ArchiveError(.unsafePath, member: name, at: place, reason) }
        guard !name.isEmpty else { throw refuse("has no name") }
        guard !name.utf8.contains(0) else { throw refuse("has a zero byte in its name") }
        guard !name.utf8.starts(with: "/".utf8), !name.utf8.contains(UInt8(ascii: "\\")) else {
            throw refuse("has an absolute or foreign path")
        }
        // Byte by byte: as characters, a slash and an accent behind it are one, and no separator.
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (position, part) in parts.enumerated() {
            if part.elementsEqual("..".utf8) || part.elementsEqual(".".utf8) {
                throw refuse("its path climbs with '\(String(decoding: part, as: UTF8.self))'")
            }
            if part.isEmpty, position != parts.count - 1 { throw refuse("its path has an empty part") }
        }
        return name
    }

    private static func checkNames(_ entries: [ZipEntry]) throws {
        var seen: Set<ZipEntry.Name> = []
        seen.reserveCapacity(entries.count)
        for entry in entries where !seen.insert(entry.key).inserted {
            throw ArchiveError(.duplicateName, member: entry.name, "occurs twice in the archive")
        }
    }

    private static func checkOverlaps(_ entries: [ZipEntry]) throws {
        let sorted = entries.sorted { $0.headerOffset < $1.headerOffset }
        for (first, second) in zip(sorted, sorted.dropFirst()) where first.dataOffset + first.compressedSize > second.headerOffset {
            throw ArchiveError(.overlapping, member: second.name, "shares bytes with member \(first.name)")
        }
    }
}

/// The sizes and the offset of an entry, completed from the zip64 extra field where their 32-bit slots are all ones.
struct Zip64Sizes {
    var size: UInt64
    var compressed: UInt64
    var offset: UInt64
    private let large: (size: Bool, compressed: Bool, offset: Bool)
    var wasLarge: Bool { large.size || large.compressed || large.offset }

    init(size: UInt32, compressed: UInt32, offset: UInt32) {
        self.size = UInt64(size)
        self.compressed = UInt64(compressed)
        self.offset = UInt64(offset)
        large = (size == UInt32.max, compressed == UInt32.max, offset == UInt32.max)
    }

    mutating func read(_ extra: UnsafeRawBufferPointer) throws {
        guard wasLarge else { return }
        let reader = ByteReader(bytes: extra)
        var cursor = 0
        while let id = reader.uint16(at: cursor), let length = reader.uint16(at: cursor + 2).map(Int.init) {
            guard id == 1 else {
                cursor += 4 + length
                continue
            }
            guard let payload = reader.slice(cursor + 4, length) else { break }
            let fields = ByteReader(bytes: payload)
            var position = 0
            for (isLarge, field) in [(large.size, \Zip64Sizes.size), (large.compressed, \.compressed), (large.offset, \.offset)]
            where isLarge {
                guard let value = fields.uint64(at: position) else {
                    throw ArchiveError(.malformed, "its zip64 field is too short")
                }
                self[keyPath: field] = value
                position += 8
            }
            return
        }
        throw ArchiveError(.malformed, "needs a zip64 field and has none")
    }
}
