import Glibc

/// Saving that either replaces the file completely or leaves it as it was.
enum AtomicFile {
    /// Lets `body` write a temporary file in the folder of `path`, then moves it over `path` in one step.
    ///
    /// The data reaches the disk (`fsync`) before the move, so that a crash leaves the old file or the new one, never a part. When
    /// `body` throws, the temporary file is removed and `path` is untouched. A symbolic link keeps pointing where it points: its
    /// target is replaced. Tensors that map the old file keep seeing the old bytes.
    ///
    /// - Parameter body: receives the temporary path; it may write the file or replace it.
    /// - Throws: what `body` throws; `ArchiveError` (`.cannotWrite`) when the system refuses.
    static func replace(_ path: String, writing body: (_ temporary: String) throws -> Void) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ArchiveError(.cannotWrite, file: path, "not a usable path")
        }
        let destination = resolvingLinks(path)
        let folder = directory(of: destination)
        let temporary = "\(folder)/.apus-\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"

        // Claims the name and lets the system apply the user's umask; the mode is put back at the end, since a library
        // that replaces the temporary file may choose another.
        let claimed = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard claimed >= 0 else { throw ArchiveError(.cannotWrite, file: path, systemMessage(errno)) }
        var status = stat()
        let haveMode = fstat(claimed, &status) == 0
        close(claimed)
        var mode: mode_t = haveMode ? status.st_mode & 0o7777 : 0o644
        var existing = stat()
        if stat(destination, &existing) == 0 {
            guard existing.st_mode & S_IFMT == S_IFREG else {
                unlink(temporary)
                throw ArchiveError(.cannotWrite, file: path, "is not a regular file")
            }
            mode = existing.st_mode & 0o7777
        }
        do {
            try body(temporary)
            try synchronise(temporary, mode: mode)
            guard rename(temporary, destination) == 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
        } catch {
            unlink(temporary)
            if let error = error as? ArchiveError { throw error.inFile(path) }
            throw error
        }
        // The move itself is durable once the folder is; a file system that cannot do this has still moved the file.
        let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if opened >= 0 {
            fsync(opened)
            close(opened)
        }
    }

    /// Writes pieces one after the other, as the content of `path`, atomically.
    static func write(_ pieces: [ByteSource], to path: String) throws {
        try replace(path) { temporary in
            let descriptor = open(temporary, O_WRONLY | O_TRUNC | O_CLOEXEC)
            guard descriptor >= 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
            defer { close(descriptor) }
            for piece in pieces {
                try piece.withUnsafeBytes { try writeAll($0, to: descriptor) }
            }
        }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            let written = Glibc.write(descriptor, start, min(rest.count, 1 << 30))
            if written < 0 {
                if errno == EINTR { continue }
                throw ArchiveError(.cannotWrite, systemMessage(errno))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    private static func synchronise(_ path: String, mode: mode_t) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
        defer { close(descriptor) }
        fchmod(descriptor, mode)
        guard fsync(descriptor) == 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
    }

    private static func resolvingLinks(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }  // does not exist yet
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Bytes to be written, with whatever keeps them alive and in place.
struct ByteSource: Sendable {
    private let address: UInt
    private let owner: any Sendable & AnyObject
    let count: Int

    /// - Parameter owner: keeps `bytes` valid and unchanged until the writing is done.
    init(_ bytes: UnsafeRawBufferPointer, owner: any Sendable & AnyObject) {
        address = UInt(bitPattern: bytes.baseAddress)
        count = bytes.baseAddress == nil ? 0 : bytes.count
        self.owner = owner
    }

    /// A copy of the bytes, in memory that does not move as an array's may.
    init(_ bytes: [UInt8]) {
        let copy = OwnedBytes(bytes)
        self = copy.withUnsafeBytes { ByteSource($0, owner: copy) }
    }

    init(_ text: String) { self.init(Array(text.utf8)) }

    /// The address stays the same from call to call while this value lives.
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(owner) {
            try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count))
        }
    }
}
