/// What programs are called where the archive has another name for them.
///
/// PyTorch's `torch.export.load` opens the program called `model` and no other. The only program of an archive is written under that name; its
/// own stands in a member that PyTorch passes over.
struct EntryPointNames: JSONConvertible {
    static let version = 1
    static let member = "data/names.json"
    /// The name under which PyTorch looks for a program.
    static let expected = "model"

    /// The entry point's name for each name of a program in the archive.
    var names: JSONTable<String>

    init(names: JSONTable<String>) { self.names = names }

    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Names")
        let version: Int = try fields.required("version")
        guard version == Self.version else { throw JSONMismatch("the names have version \(version); \(Self.version) is read") }
        names = try fields.required("names")
    }

    var json: JSON { .object(["version": .int(Self.version), "names": names.json]) }
}

extension PT2Archive {
    /// The archive's programs in its order: what each is called, and its name in the archive.
    func entryPoints() throws -> [(name: String, model: String)] {
        guard entry(EntryPointNames.member) != nil else { return modelNames.map { ($0, $0) } }
        let table: EntryPointNames = try decode(EntryPointNames.member)
        let entryPoints = modelNames.map { (name: table.names[$0] ?? $0, model: $0) }
        guard Set(entryPoints.map(\.name)).count == entryPoints.count else {
            throw ArchiveError(.invalidSchema, member: EntryPointNames.member, at: "names", "two programs have one name")
        }
        return entryPoints
    }

    /// The name in the archive of a program; without a name of the only one, or of the one called `model`.
    func model(named name: String?) throws -> String {
        let entryPoints = try entryPoints()
        if name == nil, entryPoints.count == 1, let only = entryPoints.first { return only.model }
        let wanted = name ?? EntryPointNames.expected
        if let found = entryPoints.first(where: { $0.name == wanted }) { return found.model }
        let known = entryPoints.map { "'\($0.name)'" }.joined(separator: ", ")
        throw ArchiveError(
            .missing, member: "models/\(wanted).json", "no program of this name; the archive holds \(known.isEmpty ? "none" : known)")
    }
}
