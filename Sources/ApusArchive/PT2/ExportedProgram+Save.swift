import ApusProgram
import ApusTensor
import Foundation

/// What `save` does where PyTorch would refuse the file, which Apus loads and runs all the same.
public enum PyTorchUse: Sendable {
    /// Writes the file, and says on standard error what PyTorch refuses, and why.
    case wanted
    /// Throws before anything is written.
    case required
    /// Writes the file.
    case notNeeded
}

extension ExportedProgram {
    /// Writes the program so that `ExportedProgram.load(from:)` and PyTorch's `torch.export.load` open it.
    ///
    /// Buffers are saved as they are now. Sizes become the file's symbols with their ranges; the program's guards become assertions in
    /// its graph. The file is replaced in one step or not at all.
    ///
    /// - Parameters:
    ///   - path: where to; `.pt2` by custom.
    ///   - extraFiles: texts to store beside the program, by file name.
    ///   - cases: inputs with expected results to store beside the program, for `apus verify` and `ProgramCase.load(from:)`. PyTorch
    ///     passes over them.
    ///   - pyTorch: what to do about what PyTorch does not open (a text among the results): say so, throw, or nothing.
    /// - Throws: `ArchiveError`: `.notRepresentable` for what the format lacks, `.cannotWrite`.
    public func save(
        to path: String, extraFiles: [String: String] = [:], cases: [ProgramCase] = [], pyTorch: PyTorchUse = .wanted
    ) throws {
        let name = EntryPointNames.expected
        try ArchiveWriter.write([(name, self)], to: path, extraFiles: extraFiles, cases: [name: cases], pyTorch)
    }
}

extension ExportedPrograms {
    /// Writes all entry points into one archive, in order. Weights that they share are stored once.
    ///
    /// In PyTorch, `torch.export.pt2_archive._package.load_pt2` opens all of them, each under its name in `exported_programs`.
    /// `torch.export.load` opens the only one, whatever its name; of several it opens the one called `model` and refuses a file without.
    ///
    /// - Parameters:
    ///   - path: where to; `.pt2` by custom.
    ///   - extraFiles: texts to store beside the programs, by file name.
    ///   - cases: inputs with expected results, by entry point.
    ///   - pyTorch: what to do about what PyTorch does not open, as for `ExportedProgram.save(to:)`.
    /// - Throws: `ArchiveError` as `ExportedProgram.save(to:)` does, naming the entry point.
    public func save(
        to path: String, extraFiles: [String: String] = [:], cases: [String: [ProgramCase]] = [:], pyTorch: PyTorchUse = .wanted
    ) throws {
        if let unknown = cases.keys.sorted().first(where: { self[$0] == nil }) {
            throw ProgramError(
                .entryPoint, "there are cases for '\(unknown)', which is no entry point; there are: \(names.joined(separator: ", "))")
        }
        try ArchiveWriter.write(entries, to: path, extraFiles: extraFiles, cases: cases, pyTorch)
    }
}

/// Puts the members of an archive together, in PyTorch's order.
enum ArchiveWriter {
    static func write(
        _ programs: [(name: String, program: ExportedProgram)], to path: String, extraFiles: [String: String],
        cases: [String: [ProgramCase]], _ pyTorch: PyTorchUse
    ) throws {
        try naming(file: path) {
            if pyTorch != .notNeeded {
                for (name, program) in programs { try announce(program.refusedByPyTorch, of: name, to: path, pyTorch) }
            }
            let members: [ZipMember] = try withStackRoom(deepStack) {
                try self.members(programs, extraFiles: extraFiles, cases: cases, root: root(of: path))
            }
            try ZipWriter.write(members, to: path)
        }
    }

    private static func announce(_ reasons: [String], of name: String, to path: String, _ pyTorch: PyTorchUse) throws {
        guard !reasons.isEmpty else { return }
        let text: String = "PyTorch does not open the program: \(reasons.joined(separator: "; "))"
        if pyTorch == .required { throw ArchiveError(.notRepresentable, member: "models/\(name).json", text) }
        FileHandle.standardError.write(Data("apus: \(path): models/\(name).json: \(text)\n".utf8))
    }

    private static func members(
        _ programs: [(name: String, program: ExportedProgram)], extraFiles: [String: String], cases: [String: [ProgramCase]],
        root: String
    ) throws -> [ZipMember] {
        guard !programs.isEmpty else { throw ArchiveError(.notRepresentable, "an archive without programs") }
        var weightFiles = WeightWriter(kind: "weights", prefix: "weight_")
        var constantFiles = WeightWriter(kind: "constants", prefix: "tensor_")
        var caseFiles = WeightWriter(kind: CaseTable.kind, prefix: "tensor_")
        var tables: [ZipMember] = []
        for (name, program) in programs {
            // The only program is there for PyTorch under the name that it looks for.
            let model = programs.count == 1 ? EntryPointNames.expected : name
            if model != name {
                tables.append(ZipMember(EntryPointNames.member, text: JSONWriter.text(EntryPointNames(names: [model: name]).json)))
            }
            guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
                throw ArchiveError(.notRepresentable, member: name, "cannot be a program's name in an archive")
            }
            let written = try naming(member: "models/\(model).json") {
                try ProgramWriter(program, weights: &weightFiles, constants: &constantFiles)
            }
            tables += [
                ZipMember("data/weights/\(model)_weights_config.json", text: JSONWriter.text(written.weights.json)),
                ZipMember("data/constants/\(model)_constants_config.json", text: JSONWriter.text(written.constants.json)),
                ZipMember("models/\(model).json", text: JSONWriter.text(written.program.json)),
                // Zero bytes stand for "no example inputs": anything else would be a pickle.
                ZipMember("data/sample_inputs/\(model).pt", ByteSource([])),
            ]
            tables += try CaseTable.members(cases[name] ?? [], model: model, files: &caseFiles)
        }
        var members = weightFiles.members + constantFiles.members + caseFiles.members + tables
        for (name, text) in extraFiles.sorted(by: { $0.key < $1.key }) { members.append(ZipMember("extra/\(name)", text: text)) }
        members += [
            ZipMember("archive_format", text: "pt2"), ZipMember("archive_version", text: "0"), ZipMember(".data/version", text: "6\n"),
            ZipMember("byteorder", text: "little"),
        ]
        return members.map { ZipMember("\(root)/\($0.name)", $0.pieces) }
    }

    /// The root folder's name: the file's without its last extension, as PyTorch has it.
    static func root(of path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? ""
        if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = String(name[..<dot]) }
        name = String(name.filter { $0 != "\\" && $0 != "\0" })
        return name.isEmpty || name == "." || name == ".." ? "archive" : name
    }
}
