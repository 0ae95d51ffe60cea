import ApusProgram
import ApusTensor

// Cases lie beside the program they test, under `data/cases/`, where PyTorch does not look: `<program>.json` names them, and
// `<program>_cases_config.json` with its files holds their tensors, as the tables of weights do.

extension ProgramCase {
    /// The cases that were saved with a program; none where the file holds none, as no ONNX model does.
    ///
    /// - Parameters:
    ///   - path: a `.pt2` file.
    ///   - name: which program, in an archive with several; without one the only program, or the one called `model`.
    /// - Throws: `ArchiveError` naming the file, the member, the place in it and the reason.
    public static func load(from path: String, name: String? = nil) throws -> [ProgramCase] {
        try naming(file: path) {
            if try ONNXFile.open(path: path, options: ProgramOptions()) != nil { return [] }
            let archive = try PT2Archive(path: path, options: ProgramOptions(checksums: .onLoad))
            return try CaseTable.read(archive, model: try archive.model(named: name))
        }
    }
}

/// The document that lists a program's cases.
struct CaseTable: JSONConvertible {
    struct Entry: JSONConvertible {
        var name: String
        var inputCount: Int
        var expected: [String]
        var relativeTolerance: Double
        var absoluteTolerance: Double
    }

    static let version = 1
    static let kind = "cases"
    var cases: [Entry]

    static func member(_ model: String) -> String { "data/\(kind)/\(model).json" }

    // MARK: Writing

    /// The members that hold a program's cases; `files` goes on through the archive's programs.
    static func members(_ cases: [ProgramCase], model: String, files: inout WeightWriter) throws -> [ZipMember] {
        if cases.isEmpty { return [] }
        var config = ProgramSchema.PayloadConfig()
        var table = CaseTable(cases: [])
        for (index, item) in cases.enumerated() {
            let labels: [String] = item.expected.keys.sorted()
            for (position, tensor) in item.inputs.enumerated() {
                config.config["\(index).in.\(position)"] = try files.entry(tensor, isParameter: false)
            }
            for label in labels {
                guard let tensor = item.expected[label] else { continue }
                config.config["\(index).\(label)"] = try files.entry(tensor, isParameter: false)
            }
            table.cases.append(
                Entry(
                    name: item.name, inputCount: item.inputs.count, expected: labels, relativeTolerance: item.relativeTolerance,
                    absoluteTolerance: item.absoluteTolerance))
        }
        return [
            ZipMember("data/\(kind)/\(model)_\(kind)_config.json", text: JSONWriter.text(config.json)),
            ZipMember(member(model), text: JSONWriter.text(table.json)),
        ]
    }

    // MARK: Reading

    static func read(_ archive: PT2Archive, model: String) throws -> [ProgramCase] {
        let member = member(model)
        guard archive.entry(member) != nil else { return [] }
        let table: CaseTable = try archive.decode(member)
        var tensors = try WeightLoader(archive, kind: kind, model: model)
        return try table.cases.enumerated().map { index, entry in
            guard entry.inputCount >= 0, entry.inputCount <= 1 << 16 else {
                throw ArchiveError(.invalidSchema, member: member, at: "cases[\(index)].inputs", "is \(entry.inputCount)")
            }
            var expected: [String: Tensor] = [:]
            for label in entry.expected { expected[label] = try tensors.tensor("\(index).\(label)") }
            return ProgramCase(
                entry.name, inputs: try (0..<entry.inputCount).map { try tensors.tensor("\(index).in.\($0)") }, expected: expected,
                relativeTolerance: entry.relativeTolerance, absoluteTolerance: entry.absoluteTolerance)
        }
    }
}

extension CaseTable {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Cases")
        let version: Int = try fields.required("version")
        guard version == CaseTable.version else {
            throw JSONMismatch("the cases have version \(version); \(CaseTable.version) is read")
        }
        cases = try fields.required("cases")
    }

    var json: JSON { .object(["version": .int(CaseTable.version), "cases": cases.json]) }
}

extension CaseTable.Entry {
    init(json: JSON) throws {
        let fields = try JSONFields(json, of: "Case")
        name = try fields.required("name")
        inputCount = try fields.required("inputs")
        expected = try fields.required("expected")
        relativeTolerance = try fields.required("relative_tolerance")
        absoluteTolerance = try fields.required("absolute_tolerance")
    }

    var json: JSON {
        .object([
            "name": .string(name), "inputs": .int(inputCount), "expected": expected.json,
            "relative_tolerance": relativeTolerance.json, "absolute_tolerance": absoluteTolerance.json,
        ])
    }
}
