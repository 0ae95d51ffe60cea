import ApusTensor

/// Reading and writing single arrays as npy, and collections of them as npz.
enum NpyFile {
    /// An array out of the bytes of an npy file. Elements are used in place unless their byte order is foreign.
    static func record(_ bytes: MemberBytes) throws -> ArrayRecord {
        let (header, offset) = try bytes.withUnsafeBytes { try NpyHeader.read($0) }
        let needed = try ArrayRecord.byteCount(header.dtype, header.shape)
        let there = bytes.count - offset
        guard there >= needed else {
            throw ArchiveError(.truncated, "an array of \(header.dtype) \(header.shape) takes \(needed) bytes, \(there) are there")
        }
        guard there == needed else {
            throw ArchiveError(.malformed, "\(there - needed) bytes follow the array; files with several arrays are not read")
        }
        var data = try bytes.slice(offset: offset, count: needed)
        if header.isBigEndian, header.dtype.byteWidth > 1 { data = try swapped(data, dtype: header.dtype) }
        return try ArrayRecord(
            dtype: header.dtype, shape: header.shape, bytes: data, isColumnMajor: header.isColumnMajor && header.shape.count > 1)
    }

    /// The file at `path`, mapped.
    static func load(_ path: String) throws -> ArrayRecord {
        try naming(file: path) {
            let file = try MappedFile(path: path)
            return try record(.mapped(try file.slice(offset: 0, count: file.count)))
        }
    }

    /// All arrays of an npz file, stored or deflated, in the file's order. `.npy` is taken off the names, as NumPy does.
    static func loadArchive(_ path: String) throws -> [(name: String, record: ArrayRecord)] {
        try naming(file: path) {
            let reader = try ZipReader(path: path)
            var arrays: [(name: String, record: ArrayRecord)] = []
            var seen: Set<String> = []
            for entry in reader.directory.entries where !entry.isDirectory {
                let name = entry.name.hasSuffix(".npy") ? String(entry.name.dropLast(4)) : entry.name
                guard seen.insert(name).inserted else {
                    throw ArchiveError(.duplicateName, member: entry.name, "two arrays are called '\(name)'")
                }
                arrays.append((name, try naming(member: entry.name) { try record(try reader.read(entry)) }))
            }
            return arrays
        }
    }

    /// Writes one array, row-major, atomically.
    static func save(dtype: DType, shape: [Int], elements: ByteSource, to path: String) throws {
        try naming(file: path) {
            try AtomicFile.write([ByteSource(try NpyHeader.bytes(dtype: dtype, shape: shape)), elements], to: path)
        }
    }

    /// Byte order reversed within each element, and within each part of a complex one.
    private static func swapped(_ data: MemberBytes, dtype: DType) throws -> MemberBytes {
        let isComplex = dtype == .complex64 || dtype == .complex128
        let width = isComplex ? dtype.byteWidth / 2 : dtype.byteWidth
        return try data.withUnsafeBytes { source in
            let reversed = try OwnedBytes(count: source.count) { target in
                for start in stride(from: 0, to: source.count, by: width) {
                    for position in 0..<width { target[start + position] = source[start + width - 1 - position] }
                }
            }
            return .memory(MemoryBytes(reversed))
        }
    }
}
