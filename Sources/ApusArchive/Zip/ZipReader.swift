import CLibZip

/// A zip file opened for reading: stored members are mapped, deflated ones are decompressed by libzip on demand.
///
/// Checksums are not looked at on loading, since that would read every byte of every weight; `verify()` does it.
struct ZipReader: Sendable {
    let file: MappedFile
    let directory: ZipDirectory
    private let byName: [String: Int]

    /// - Throws: `ArchiveError` naming the file, and the member where one is at fault.
    init(path: String) throws { try self.init(file: MappedFile(path: path)) }

    init(file: MappedFile) throws {
        self.file = file
        let directory = try naming(file: file.path) { try withExtendedLifetime(file) { try ZipDirectory(file.bytes) } }
        self.directory = directory
        var byName: [String: Int] = [:]
        byName.reserveCapacity(directory.entries.count)
        for (position, entry) in directory.entries.enumerated() { byName[entry.name] = position }
        self.byName = byName
    }

    func entry(_ name: String) -> ZipEntry? { byName[name].map { directory.entries[$0] } }

    /// The bytes of a member: a view of the map when stored, fresh memory when deflated.
    func read(_ entry: ZipEntry) throws -> MemberBytes {
        try naming(file: file.path) {
            try naming(member: entry.name) {
                switch entry.method {
                case .stored:
                    return .mapped(try file.slice(offset: entry.dataOffset, count: entry.size))
                case .deflated:
                    return .memory(MemoryBytes(try LibZip(self).decompress(entry)))
                }
            }
        }
    }

    /// Reads every member to its end and compares the checksums.
    /// - Throws: `ArchiveError` (`.checksum` or `.compression`) naming the first member whose data is damaged.
    func verify() throws {
        try naming(file: file.path) {
            let library = try LibZip(self)
            for entry in directory.entries where !entry.isDirectory {
                try naming(member: entry.name) { try library.readToEnd(entry) }
            }
        }
    }
}

/// libzip reading the same mapped bytes. Its view of the directory must agree with ours before a member is read by it.
private final class LibZip {
    private let archive: OpaquePointer
    private let file: MappedFile

    init(_ reader: ZipReader) throws {
        file = reader.file
        let prefix = reader.directory.prefix
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        let bytes = reader.file.bytes
        guard let base = bytes.baseAddress,
            let source = zip_source_buffer_create(base + prefix, zip_uint64_t(bytes.count - prefix), 0, &error)
        else { throw ArchiveError(.cannotRead, String(cString: zip_error_strerror(&error))) }
        guard let opened = zip_open_from_source(source, ZIP_RDONLY, &error) else {
            zip_source_free(source)
            throw ArchiveError(.malformed, String(cString: zip_error_strerror(&error)))
        }
        archive = opened
    }

    deinit { zip_discard(archive) }

    func decompress(_ entry: ZipEntry) throws -> OwnedBytes {
        let member = try open(entry)
        defer { zip_fclose(member) }
        return try OwnedBytes(count: entry.size) { buffer in
            var filled = 0
            while filled < buffer.count, let start = buffer.baseAddress {
                let got = zip_fread(member, start + filled, zip_uint64_t(buffer.count - filled))
                guard got > 0 else { throw failure(member, orShortBy: entry.size - filled) }
                filled += Int(got)
            }
            // One read past the end makes libzip compare the checksum and notice data that goes on.
            var extra: UInt8 = 0
            let rest = zip_fread(member, &extra, 1)
            guard rest == 0 else {
                throw rest < 0
                    ? failure(member, orShortBy: 0) : ArchiveError(.compression, "holds more than the \(entry.size) bytes it claims")
            }
        }
    }

    func readToEnd(_ entry: ZipEntry) throws {
        let member = try open(entry)
        defer { zip_fclose(member) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var total = 0
        while true {
            let got = zip_fread(member, &buffer, zip_uint64_t(buffer.count))
            if got < 0 { throw failure(member, orShortBy: entry.size - total) }
            if got == 0 { break }
            total += Int(got)
        }
        guard total == entry.size else { throw ArchiveError(.compression, "holds \(total) bytes where \(entry.size) are claimed") }
    }

    private func open(_ entry: ZipEntry) throws -> OpaquePointer {
        var status = zip_stat_t()
        let index = zip_uint64_t(entry.index)
        guard zip_stat_index(archive, index, zip_flags_t(ZIP_FL_ENC_RAW), &status) == 0, let name = status.name,
            String(cString: name) == entry.name, status.size == zip_uint64_t(entry.size),
            status.comp_size == zip_uint64_t(entry.compressedSize)
        else { throw ArchiveError(.malformed, "the archive's tables can be read in two ways") }
        guard let member = zip_fopen_index(archive, index, 0) else {
            throw ArchiveError(.compression, String(cString: zip_strerror(archive)))
        }
        return member
    }

    private func failure(_ member: OpaquePointer, orShortBy missing: Int) -> ArchiveError {
        let error = zip_file_get_error(member)
        switch zip_error_code_zip(error) {
        case ZIP_ER_CRC: return ArchiveError(.checksum, "its data does not have the checksum that the archive records")
        case ZIP_ER_OK: return ArchiveError(.compression, "its data ends \(missing) bytes early")
        default: return ArchiveError(.compression, "its data is damaged: \(String(cString: zip_error_strerror(error)))")
        }
    }
}
