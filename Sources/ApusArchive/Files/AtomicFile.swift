import Glibc

/// Saving that either replaces the file completely or leaves it as it was.
package enum AtomicFile {
    /// Lets `body` write a new file without a name, then puts it in the place of `path` in one step.
    ///
    /// The data reaches the disk (`fsync`) before the file gets its name, so that a crash leaves the old file or the new one, never a part,
    /// and nothing beside it: the system forgets a file without a name. Where a file system has no such files, one with a name of its own is
    /// written, and the next save removes what a crash left of it. When `body` throws, `path` is untouched. A symbolic link keeps pointing
    /// where it points: its target is replaced, or made. Tensors that map the old file keep seeing the old bytes.
    ///
    /// - Parameter body: writes to the descriptor, which may be sought.
    /// - Throws: what `body` throws; `ArchiveError` (`.cannotWrite`) when the system refuses, or when `path` is no regular file.
    package static func replace(_ path: String, writing body: (_ descriptor: Int32) throws -> Void) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ArchiveError(.cannotWrite, file: path, "not a usable path")
        }
        try naming(file: path) {
            let destination = try SystemPath(path).resolvingLinks()
            var existing = stat()
            let exists = destination.withCString { stat($0, &existing) == 0 }
            if exists, existing.st_mode & S_IFMT != S_IFREG { throw ArchiveError(.cannotWrite, "is not a regular file") }
            let file = try TemporaryFile(in: destination.folder)
            try body(file.descriptor)
            if exists { fchmod(file.descriptor, existing.st_mode & 0o7777) }
            guard fsync(file.descriptor) == 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
            try file.move(to: destination)
        }
    }

    /// Writes pieces one after the other, as the content of `path`, atomically.
    static func write(_ pieces: [ByteSource], to path: String) throws {
        try replace(path) { descriptor in
            for piece in pieces { try piece.withUnsafeBytes { try writeAll($0, to: descriptor) } }
        }
    }

    /// Writes a text as the content of `path`, atomically.
    package static func write(_ text: String, to path: String) throws { try write([ByteSource(text)], to: path) }

    /// Writes all bytes at the descriptor's position.
    package static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            // In parts, so that one sees them go.
            let written = Glibc.write(descriptor, start, min(rest.count, 1 << 24))
            if written < 0 {
                if errno == EINTR { continue }
                throw ArchiveError(.cannotWrite, systemMessage(errno))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            ProgressLine.current?.advance(by: written)
        }
    }
}

/// A file that is being written and has no place yet.
private final class TemporaryFile {
    let descriptor: Int32
    private let folder: SystemPath
    /// Its name, where it had to have one from the start.
    private var name: SystemPath?

    // A named file is locked while somebody writes it: one that can be locked is dead, whichever process or machine it was made on.
    private static let prefix = Array(".apus-".utf8)
    private static let suffix = Array(".tmp".utf8)

    init(in folder: SystemPath) throws {
        self.folder = folder
        Self.sweep(folder)
        // O_TMPFILE, a macro of two parts that Swift does not see. It gets its name through its entry in /proc.
        let unnamed: Int32 = 0o20000000 | O_DIRECTORY
        let made = folder.withCString { open($0, unnamed | O_RDWR | O_CLOEXEC, 0o666) }
        if made >= 0 {
            if access("/proc/self/fd/\(made)", F_OK) == 0 {
                descriptor = made
                return
            }
            close(made)
        }
        while true {
            let name = Self.freshName(in: folder)
            let made = name.withCString { open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
            guard made >= 0 else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
            flock(made, LOCK_EX)
            // A sweep may have come before the lock.
            var status = stat()
            if fstat(made, &status) == 0, status.st_nlink > 0 {
                descriptor = made
                self.name = name
                return
            }
            close(made)
        }
    }

    deinit {
        if let name { name.withCString { _ = unlink($0) } }
        close(descriptor)
    }

    func move(to destination: SystemPath) throws {
        if name == nil, try link(to: destination) { return synchroniseFolder() }
        // A name can be given only where none is: a file that is there is replaced by a rename.
        if name == nil {
            flock(descriptor, LOCK_EX)
            let fresh = Self.freshName(in: folder)
            guard try link(to: fresh) else { throw ArchiveError(.cannotWrite, systemMessage(EEXIST)) }
            name = fresh
        }
        guard let name else { return }
        guard name.withCString({ from in destination.withCString { rename(from, $0) } }) == 0 else {
            throw ArchiveError(.cannotWrite, systemMessage(errno))
        }
        self.name = nil
        synchroniseFolder()
    }

    /// Gives the file a name; false where there is a file of this name.
    private func link(to path: SystemPath) throws -> Bool {
        let result = path.withCString { linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
        if result == 0 { return true }
        guard errno == EEXIST else { throw ArchiveError(.cannotWrite, systemMessage(errno)) }
        return false
    }

    /// The new name is durable once the folder is; a file system that cannot do this has still given it.
    private func synchroniseFolder() {
        let opened = folder.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard opened >= 0 else { return }
        fsync(opened)
        close(opened)
    }

    private static func freshName(in folder: SystemPath) -> SystemPath {
        let text = "\(getpid())-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        return folder.appending(prefix + Array(text.utf8) + suffix)
    }

    /// Removes what writers left that were killed.
    private static func sweep(_ folder: SystemPath) {
        guard let directory = folder.withCString({ opendir($0) }) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name: [UInt8] = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard name.starts(with: prefix), name.suffix(suffix.count).elementsEqual(suffix) else { continue }
            let path = folder.appending(name)
            let opened = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
            guard opened >= 0 else { continue }
            if flock(opened, LOCK_EX | LOCK_NB) == 0 { path.withCString { _ = unlink($0) } }
            close(opened)
        }
    }
}
