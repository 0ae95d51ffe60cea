import CLibDeflate

/// A zip file opened for reading: stored members are where they lie in the file, deflated ones are decompressed on demand.
///
/// The bytes of a member that is read have the checksum that the archive records, unless the caller puts that off.
struct ZipReader: Sendable {
    let file: MappedFile
    let directory: ZipDirectory
    private let byName: [ZipEntry.Name: Int]

    /// - Parameter isMapped: false reads the whole file into memory, see `ProgramOptions.mapsFile`.
    /// - Throws: `ArchiveError` naming the file, and the member where one is at fault.
    init(path: String, isMapped: Bool = true) throws { try self.init(file: MappedFile(path: path, isMapped: isMapped)) }

    init(file: MappedFile) throws {
        self.file = file
        let directory = try naming(file: file.path) { try withExtendedLifetime(file) { try ZipDirectory(file.bytes) } }
        self.directory = directory
        var byName: [ZipEntry.Name: Int] = [:]
        byName.reserveCapacity(directory.entries.count)
        for (position, entry) in directory.entries.enumerated() { byName[entry.key] = position }
        self.byName = byName
    }

    func entry(_ name: String) -> ZipEntry? { byName[ZipEntry.Name(name)].map { directory.entries[$0] } }

    /// The bytes of a member: a view of the file when stored, fresh memory when deflated.
    ///
    /// - Parameter isChecked: false leaves the checksum of a stored member for `verify(_:)`, since it takes reading every byte. What was
    ///   decompressed is always checked.
    /// - Throws: `ArchiveError` (`.checksum`, `.compression`, `.limit`) naming the member.
    func read(_ entry: ZipEntry, isChecked: Bool = true) throws -> MemberBytes {
        try naming(file: file.path) {
            try naming(member: entry.name) {
                let stored = try file.slice(offset: entry.dataOffset, count: entry.compressedSize)
                switch entry.method {
                case .stored:
                    if isChecked { try stored.withUnsafeBytes { try check($0, entry) } }
                    return .mapped(stored)
                case .deflated:
                    let bytes = try stored.withUnsafeBytes { try decompress($0, entry) }
                    try bytes.withUnsafeBytes { try check($0, entry) }
                    return .memory(MemoryBytes(bytes))
                }
            }
        }
    }

    /// Reads a member to its end and compares its checksum.
    func verify(_ entry: ZipEntry) throws { _ = try read(entry) }

    /// Reads every member to its end and compares the checksums.
    /// - Throws: `ArchiveError` (`.checksum` or `.compression`) naming the first member whose data is damaged.
    func verify() throws {
        for entry in directory.entries where !entry.isDirectory {
            try verify(entry)
            ProgressLine.current?.advance(by: entry.size)
        }
    }

    private func check(_ bytes: UnsafeRawBufferPointer, _ entry: ZipEntry) throws {
        guard libdeflate_crc32(0, bytes.baseAddress, bytes.count) == entry.crc32 else {
            throw ArchiveError(.checksum, "its data does not have the checksum that the archive records")
        }
    }

    private func decompress(_ bytes: UnsafeRawBufferPointer, _ entry: ZipEntry) throws -> OwnedBytes {
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw ArchiveError(.limit, "there is no memory to decompress it")
        }
        defer { libdeflate_free_decompressor(decompressor) }
        return try OwnedBytes(count: entry.size) { target in
            var (taken, made) = (0, 0)
            let result = libdeflate_deflate_decompress_ex(
                decompressor, bytes.baseAddress, bytes.count, target.baseAddress, target.count, &taken, &made)
            switch result {
            case LIBDEFLATE_INSUFFICIENT_SPACE:
                throw ArchiveError(.compression, "holds more than the \(entry.size) bytes it claims")
            case LIBDEFLATE_SUCCESS where made < target.count:
                throw ArchiveError(.compression, "its data ends \(target.count - made) bytes early")
            case LIBDEFLATE_SUCCESS where taken < bytes.count:
                throw ArchiveError(.compression, "\(bytes.count - taken) bytes follow its compressed data")
            case LIBDEFLATE_SUCCESS: return
            default: throw ArchiveError(.compression, "its data is damaged")
            }
        }
    }
}
