import CLibZip
import Glibc

/// A member to be written.
struct ZipMember: Sendable {
    let name: String
    /// Written one after the other.
    let pieces: [ByteSource]
    var size: Int { pieces.reduce(0) { $0 + $1.count } }

    init(_ name: String, _ pieces: [ByteSource]) {
        self.name = name
        self.pieces = pieces
    }

    init(_ name: String, _ source: ByteSource) { self.init(name, [source]) }

    init(_ name: String, text: String) { self.init(name, ByteSource(text)) }
}

/// Writes zip files through libzip: members stored, each member's data on a 64-byte boundary, nothing that depends on the time of day.
///
/// libzip places an extra field that we set in a member's local header, so the boundary is reached as PyTorch reaches it: a field
/// named "FB", filled with `Z`, of the length that is missing. The length follows from the positions, and those from the sizes, since
/// nothing is compressed. (zip64 archives of more than 4 GiB get one more extra field per large member from libzip; it is counted.)
enum ZipWriter {
    static let alignment = 64
    private static let paddingField: UInt16 = 0x4246  // "FB", little-endian
    private static let largeSize = 0xffff_ffff

    /// - Throws: `ArchiveError` (`.cannotWrite`, `.duplicateName`, `.notRepresentable`); `path` is then as it was.
    static func write(_ members: [ZipMember], to path: String) throws {
        try AtomicFile.replace(path) { descriptor in
            let target = ZipTarget(descriptor)
            // Sources hold plain pointers into the members' memory until libzip has written them.
            try withExtendedLifetime((members, target)) {
                let archive = try target.open()
                do {
                    var position = 0
                    for member in members { position = try add(member, to: archive, at: position) }
                    guard zip_close(archive) == 0 else { throw failure(archive) }
                } catch {
                    zip_discard(archive)
                    throw error
                }
            }
        }
    }

    /// Adds one member whose header will start at `position`; gives the position behind its data.
    private static func add(_ member: ZipMember, to archive: OpaquePointer, at position: Int) throws -> Int {
        let size = member.size
        let nameLength = member.name.utf8.count
        guard nameLength > 0, nameLength < 0xffff, !member.name.utf8.contains(0) else {
            throw ArchiveError(.notRepresentable, member: member.name, "cannot be the name of a member")
        }
        let source = try makeSource(member, for: archive)
        let index = zip_file_add(archive, member.name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
        guard index >= 0 else {
            zip_source_free(source)
            let exists = zip_error_code_zip(zip_get_error(archive)) == ZIP_ER_EXISTS
            throw exists
                ? ArchiveError(.duplicateName, member: member.name, "would be written twice") : failure(archive).inMember(member.name)
        }
        let entry = zip_uint64_t(index)
        let zip64Length = size >= largeSize ? 20 : 0
        let unpadded = position + 30 + nameLength + zip64Length + 4
        let padding = (alignment - unpadded % alignment) % alignment
        let fill = [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        guard zip_set_file_compression(archive, entry, ZIP_CM_STORE, 0) == 0,
            zip_file_set_dostime(archive, entry, 0, 0x21, 0) == 0,  // 1 January 1980, the format's zero
            zip_file_extra_field_set(
                archive, entry, paddingField, zip_uint16_t(ZIP_EXTRA_FIELD_NEW), fill, zip_uint16_t(padding), zip_flags_t(ZIP_FL_LOCAL))
                == 0
        else { throw failure(archive).inMember(member.name) }
        return unpadded + padding + size
    }

    /// A source over the member's pieces. libzip keeps the list of fragments, not the bytes: those must stay where they are.
    private static func makeSource(_ member: ZipMember, for archive: OpaquePointer) throws -> OpaquePointer {
        let fragments: [zip_buffer_fragment_t] = member.pieces.filter { $0.count > 0 }.map { piece in
            piece.withUnsafeBytes {
                zip_buffer_fragment_t(
                    data: UnsafeMutablePointer(mutating: $0.bindMemory(to: UInt8.self).baseAddress), length: UInt64($0.count))
            }
        }
        let made: OpaquePointer? =
            fragments.isEmpty
            ? zip_source_buffer(archive, nil, 0, 0)
            : zip_source_buffer_fragment(archive, fragments, zip_uint64_t(fragments.count), 0)
        guard let made else { throw failure(archive).inMember(member.name) }
        return made
    }

    private static func failure(_ archive: OpaquePointer) -> ArchiveError {
        ArchiveError(.cannotWrite, String(cString: zip_strerror(archive)))
    }
}
