import CLibZip
import Glibc

/// An open file as libzip writes to it. By a path, libzip would write a file of its own beside it and leave that behind when it is killed.
final class ZipTarget {
    private let descriptor: Int32
    private var error: (zip: Int32, system: Int32) = (ZIP_ER_OK, 0)

    /// - Parameter descriptor: of an empty file; stays open.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// A new archive, which is written when it is closed. The target must live until then.
    func open() throws -> OpaquePointer {
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        let source = zip_source_function_create(
            { context, data, length, command in
                guard let context else { return -1 }
                return Unmanaged<ZipTarget>.fromOpaque(context).takeUnretainedValue().answer(command, data, length)
            }, Unmanaged.passUnretained(self).toOpaque(), &error)
        guard let source else { throw ArchiveError(.cannotWrite, String(cString: zip_error_strerror(&error))) }
        guard let archive = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &error) else {
            zip_source_free(source)
            throw ArchiveError(.cannotWrite, String(cString: zip_error_strerror(&error)))
        }
        return archive
    }

    private func answer(_ command: zip_source_cmd_t, _ data: UnsafeMutableRawPointer?, _ length: zip_uint64_t) -> zip_int64_t {
        switch command {
        case ZIP_SOURCE_SUPPORTS: return Self.supported
        case ZIP_SOURCE_STAT:
            guard let status = data?.assumingMemoryBound(to: zip_stat_t.self) else { return -1 }
            zip_stat_init(status)
            status.pointee.size = 0
            status.pointee.valid |= zip_uint64_t(ZIP_STAT_SIZE)
            return zip_int64_t(MemoryLayout<zip_stat_t>.size)
        case ZIP_SOURCE_ERROR:
            guard let words = data?.assumingMemoryBound(to: Int32.self) else { return -1 }
            (words[0], words[1]) = error
            return zip_int64_t(2 * MemoryLayout<Int32>.size)
        case ZIP_SOURCE_WRITE:
            do { try AtomicFile.writeAll(UnsafeRawBufferPointer(start: data, count: Int(length)), to: descriptor) } catch {
                return failure(ZIP_ER_WRITE)
            }
            return zip_int64_t(length)
        case ZIP_SOURCE_SEEK, ZIP_SOURCE_SEEK_WRITE:
            guard let to = data?.assumingMemoryBound(to: zip_source_args_seek_t.self).pointee else { return -1 }
            return lseek(descriptor, off_t(to.offset), to.whence) >= 0 ? 0 : failure(ZIP_ER_SEEK)
        case ZIP_SOURCE_TELL, ZIP_SOURCE_TELL_WRITE:
            let position = lseek(descriptor, 0, SEEK_CUR)
            return position >= 0 ? zip_int64_t(position) : failure(ZIP_ER_TELL)
        // Nothing is ever read of a new archive, and what to do with a file that was not finished is for its owner to say.
        case ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_COMMIT_WRITE,
            ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_REMOVE, ZIP_SOURCE_FREE:
            return 0
        default:
            error = (ZIP_ER_OPNOTSUPP, 0)
            return -1
        }
    }

    private func failure(_ code: Int32) -> zip_int64_t {
        error = (code, errno)
        return -1
    }

    /// What libzip asks of a place to write to, as a set of bits.
    private static let supported: zip_int64_t = [
        ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK,
        ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, ZIP_SOURCE_BEGIN_WRITE, ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE,
        ZIP_SOURCE_SEEK_WRITE, ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, ZIP_SOURCE_WRITE,
    ].reduce(0) { $0 | 1 << zip_int64_t($1.rawValue) }
}
