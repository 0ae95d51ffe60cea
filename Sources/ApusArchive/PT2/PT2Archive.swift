/// The container of a program: which members there are, and what the fixed ones say.
///
/// Only the central directory is relied upon. The root folder is the first part of the first member's path; every member must lie in it.
struct PT2Archive: Sendable {
    let zip: ZipReader
    let root: String

    /// Opens the file and checks its format and version.
    init(path: String) throws {
        zip = try ZipReader(path: path)
        root = try naming(file: path) { [zip] in
            guard let first = zip.directory.entries.first, let slash = first.name.firstIndex(of: "/") else {
                throw ArchiveError(.wrongFormat, "is a zip file, but not a program: its members lie in no common folder")
            }
            let root = String(first.name[...slash])
            for entry in zip.directory.entries where !entry.name.hasPrefix(root) {
                throw ArchiveError(.wrongFormat, member: entry.name, "lies outside of the archive's root folder '\(root)'")
            }
            return root
        }
        try naming(file: path) {
            try requireText("archive_format", equals: "pt2", code: .wrongFormat)
            try requireText("archive_version", equals: "0", code: .unsupportedVersion)
        }
    }

    private func requireText(_ member: String, equals expected: String, code: ArchiveError.Code) throws {
        let entry = try require(member)
        guard entry.size <= 64 else { throw ArchiveError(code, member: member, "is \(entry.size) bytes long, '\(expected)' is expected") }
        let text = try zip.read(entry).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard text == expected else { throw ArchiveError(code, member: member, "says '\(text)', '\(expected)' is expected") }
    }

    /// The member with this path under the root.
    func entry(_ member: String) -> ZipEntry? { zip.entry(root + member) }

    private func require(_ member: String) throws -> ZipEntry {
        guard let entry = entry(member) else { throw ArchiveError(.missing, member: member, "is missing") }
        return entry
    }

    func bytes(_ member: String) throws -> MemberBytes {
        try naming(member: member) { try zip.read(try require(member)) }
    }

    /// A JSON member, decoded.
    func decode<Value: JSONConvertible>(_ member: String, as type: Value.Type = Value.self) throws -> Value {
        let bytes = try self.bytes(member)
        return try naming(member: member) {
            do {
                return try Value(json: try bytes.withUnsafeBytes { try JSONParser.parse($0) })
            } catch let error as JSONMismatch {
                throw ArchiveError(.invalidSchema, at: error.location, error.reason)
            } catch let error as UnsupportedSchemaVersion {
                throw ArchiveError(
                    .unsupportedVersion,
                    "the program's schema has version \(error.version.major).\(error.version.minor); \(ProgramSchema.version.major).x is read"
                )
            }
        }
    }

    /// Names of the programs in the archive, in its order.
    var modelNames: [String] {
        zip.directory.entries.compactMap { entry in
            let path = entry.name.dropFirst(root.count)
            guard path.hasPrefix("models/"), path.hasSuffix(".json") else { return nil }
            return String(path.dropFirst("models/".count).dropLast(".json".count))
        }
    }
}
