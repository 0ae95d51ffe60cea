import ApusTensor
import Glibc

/// A file's bytes, mapped into memory and never copied.
///
/// Tensors that are loaded from a file hold on to one of these, so the mapping lives as long as the last tensor that uses it.
/// Pages come from the disk when they are first touched: opening a file of many gigabytes costs microseconds.
///
/// The mapping is private and read-only. Replacing the file by renaming another one over it is safe (the old bytes stay
/// mapped; this is how every writer in this module saves). **Truncating** the file while it is mapped is not: the kernel
/// then answers an access beyond the new end with `SIGBUS`, which no program can turn into an error. Do not shorten a file in place
/// while tensors loaded from it are alive; where others may, read the file into memory instead (`isMapped: false`).
package final class MappedFile: Sendable, MappedMemory {
    /// The path as the caller gave it, for messages.
    package let path: String
    /// The number of bytes.
    package let count: Int

    // The region is filled in `init`, only ever read, and given back in `deinit`: sharing the pointer between threads is safe.
    private nonisolated(unsafe) let base: UnsafeRawPointer?
    /// The memory that holds the bytes where the file is not mapped.
    private let copy: Storage?

    /// Maps the file at `path`.
    ///
    /// - Parameter isMapped: false copies the bytes into memory, so that nothing that happens to the file later matters.
    /// - Throws: `ArchiveError` (`.cannotRead`) when it does not exist, may not be read, or is not a regular file.
    package init(path: String, isMapped: Bool = true) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ArchiveError(.cannotRead, file: path, "not a usable path")
        }
        // Non-blocking, so that a named pipe answers at once instead of waiting for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ArchiveError(.cannotRead, file: path, systemMessage(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ArchiveError(.cannotRead, file: path, systemMessage(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "is a directory" : "is not a regular file"
            throw ArchiveError(.cannotRead, file: path, what)
        }
        guard let size = Int(exactly: status.st_size), size >= 0 else {
            throw ArchiveError(.cannotRead, file: path, "its size does not fit into memory")
        }
        self.path = path
        self.count = size
        guard isMapped, size > 0 else {  // mmap refuses empty regions
            copy = try naming(file: path) { size == 0 ? nil : try Self.read(descriptor, size) }
            base = copy.map { UnsafeRawPointer($0.pointer) }
            return
        }
        copy = nil
        guard let region = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), region != MAP_FAILED else {
            throw ArchiveError(.cannotRead, file: path, "cannot be mapped into memory: \(systemMessage(errno))")
        }
        base = UnsafeRawPointer(region)
    }

    /// A file's bytes in memory of their own.
    private static func read(_ descriptor: Int32, _ size: Int) throws -> Storage {
        let storage = try Storage.forBytes(size)
        var filled = 0
        while filled < size {
            let got = Glibc.read(descriptor, storage.pointer + filled, min(size - filled, 1 << 30))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw ArchiveError(.cannotRead, systemMessage(errno)) }
            guard got > 0 else { throw ArchiveError(.truncated, "was shortened to \(filled) bytes while it was read") }
            filled += got
        }
        return storage
    }

    deinit {
        if let base, copy == nil { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    package var isMapped: Bool { copy == nil && base != nil }

    package func giveBackPages(_ bytes: UnsafeRawBufferPointer) {
        guard isMapped, let start = bytes.baseAddress, let base, start >= base, start + bytes.count <= base + count else { return }
        // Pages that others' bytes share stay.
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let first: UInt = (UInt(bitPattern: start) + page - 1) / page * page
        let end: UInt = UInt(bitPattern: start + bytes.count) / page * page
        if first < end { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_DONTNEED) }
    }

    /// The whole file. Valid as long as this object is alive.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : count) }

    /// A part of the file.
    /// - Throws: `ArchiveError` (`.outOfBounds`) when the range reaches outside.
    package func slice(offset: Int, count length: Int) throws -> MappedBytes {
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard offset >= 0, length >= 0, !overflow, end <= count else {
            throw ArchiveError(.outOfBounds, file: path, "bytes \(offset) to \(end) reach outside the file of \(count) bytes")
        }
        return MappedBytes(file: self, offset: offset, count: length)
    }
}

/// A range of a mapped file that keeps the mapping alive.
package struct MappedBytes: Sendable {
    package let file: MappedFile
    package let offset: Int
    package let count: Int

    /// Only `MappedFile.slice` makes ranges inside the file; the memberwise initialiser stays internal to this file's checks.
    fileprivate init(file: MappedFile, offset: Int, count: Int) {
        self.file = file
        self.offset = offset
        self.count = count
    }

    /// Calls `body` with the bytes, which are valid while this value (or the file) is alive.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(file) {
            try body(UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + count)]))
        }
    }

    /// A part of this range.
    /// - Throws: `ArchiveError` (`.outOfBounds`) when the part reaches outside.
    package func slice(offset inner: Int, count length: Int) throws -> MappedBytes {
        let (end, overflow) = inner.addingReportingOverflow(length)
        guard inner >= 0, length >= 0, !overflow, end <= count else {
            throw ArchiveError(.outOfBounds, "bytes \(inner) to \(end) reach outside the \(count) bytes that are there")
        }
        return MappedBytes(file: file, offset: offset + inner, count: length)
    }
}

/// The operating system's words for an error number.
func systemMessage(_ number: Int32) -> String {
    // strerror_r is safe to call from several threads; the buffer is far longer than any of its texts.
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
}
