import ApusProgram

/// The container of a program: which members there are, and what the fixed ones say.
///
/// Only the central directory is relied upon. The root folder is the first part of the first member's path; every member must lie in it.
struct PT2Archive: Sendable {
    let zip: ZipReader
    let root: String
    private let options: ProgramOptions

    /// Opens the file and checks its format and version.
    init(path: String, options: ProgramOptions = ProgramOptions()) throws {
        self.options = options
        do {
            zip = try ZipReader(path: path, isMapped: options.mapsFile)
        } catch var error as ArchiveError where error.code == .wrongFormat {
            if path.hasSuffix(".safetensors") {
                error.reason = "holds tensors and no program: read them with [String: Tensor].load(safetensors:)"
            }
            throw error
        }
        root = try naming(file: path) { [zip] in
            guard let first = zip.directory.entries.first, let slash = first.name.utf8.firstIndex(of: UInt8(ascii: "/")) else {
                throw ArchiveError(.wrongFormat, "is a zip file, but not a program: its members lie in no common folder")
            }
            let root = String(first.name[...slash])
            for entry in zip.directory.entries where !entry.name.utf8.starts(with: root.utf8) {
                throw ArchiveError(.wrongFormat, member: entry.name, "lies outside of the archive's root folder '\(root)'")
            }
            return root
        }
        try naming(file: path) {
            if entry("archive_format") == nil, entry("data.pkl") != nil {
                throw ArchiveError(
                    .pickled,
                    "holds pickled objects that torch.save wrote, which are never read: save a program with torch.export.save, "
                        + "or tensors with safetensors.torch.save_file")
            }
            try requireText("archive_format", equals: "pt2", code: .wrongFormat)
            try requireText("archive_version", equals: "0", code: .unsupportedVersion)
            // All numbers are read as little-endian ones.
            if entry("byteorder") != nil { try requireText("byteorder", equals: "little", code: .unsupported) }
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

    /// The bytes of a member, whose checksum is compared.
    func bytes(_ member: String) throws -> MemberBytes {
        try naming(member: member) { try zip.read(try require(member)) }
    }

    /// The bytes of a member that may be large, with the member where its checksum is still to be compared.
    func weightBytes(_ member: String) throws -> (bytes: MemberBytes, unchecked: ZipEntry?) {
        try naming(member: member) {
            let entry = try require(member)
            let isChecked = options.checksums == .onLoad || entry.method == .deflated
            return (try zip.read(entry, isChecked: isChecked), isChecked || options.checksums == .never ? nil : entry)
        }
    }

    /// Compares the checksums of members that were left, now where that is cheap beside what else loading costs.
    /// - Returns: what is left for later.
    func check(_ members: [ZipEntry], besides text: Int) throws -> FirstUse? {
        // A checksum goes over some 10 GB in a second; a program's text is taken in at some 30 MB: so many bytes cost a twentieth of loading.
        let budget = max(1 << 20, 16 * text)
        if members.reduce(0, { $0 + $1.size }) <= budget {
            for member in members { try zip.verify(member) }
            return nil
        }
        return FirstUse { [zip] in for member in members { try zip.verify(member) } }
    }

    /// A JSON member, decoded.
    func decode<Value: JSONConvertible>(_ member: String, as type: Value.Type = Value.self) throws -> Value {
        let entry = try require(member)
        return try naming(member: member) {
            // Text shrinks to a twentieth or so: what claims to have shrunk far more is there to fill the memory.
            guard entry.size <= 1 << 26 || entry.size / 64 <= entry.compressedSize else {
                throw ArchiveError(.limit, "claims \(entry.size) bytes of text out of \(entry.compressedSize) compressed ones")
            }
            do {
                let bytes = try zip.read(entry)
                let limit = 1 << 20 + 4 * entry.compressedSize
                return try Value(json: try bytes.withUnsafeBytes { try JSONParser.parse($0, maximumValues: limit) })
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
