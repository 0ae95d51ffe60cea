import ApusGraph
import ApusProgram
import ApusRuntime
import ApusTensor

extension ExportedProgram {
    /// Opens a program that `save(to:)` or PyTorch's `torch.export.save` wrote, or an ONNX model. What the file holds decides, not its name.
    ///
    /// Weights are mapped, not copied, and tied ones share their memory. In-place operators become functional ones; buffers that the
    /// program changes are its own, as everywhere. Nothing in the file is ever unpickled or executed while it is read.
    ///
    /// Sizes that PyTorch assumed to be 2 or more only because nothing was said about them (it does not enforce this bound itself) are
    /// taken from 1 on, unless the program depends on the assumption. A program that writes into its caller's tensors gives the same
    /// results; the tensors, being values, stay as they are.
    ///
    /// Of an ONNX model, operator sets 6 to 28 are read. Initialisers are parameters under their names, data in other files of its folder is
    /// mapped, and a dimension with a name is a symbol from 1 on, the same for all of that name. `If`, `Loop` and `Scan` become branches and
    /// loops, functions a part of the graph. Element types that Apus lacks (`uint16`, `float8e4m3fn`) are held in wider ones.
    ///
    /// - Parameters:
    ///   - path: a `.pt2` or `.onnx` file.
    ///   - name: which program, in an archive with several; without one the only program, or the one called `model`, as an ONNX model's is.
    ///   - options: how weights are kept, when checksums are compared, whether the file is mapped, and passes to be left out.
    ///   - operators: what the program's operators are looked up in. One with operators of your own needs a table that has them:
    ///     `OperatorTable.standard.adding([twice])`. A file holds their names and arguments, not what they compute.
    ///   - profiler: gets an event for the loading.
    /// - Throws: `ArchiveError`: naming the file, the member, the place in it and the reason. `.unknownOperators` lists all of them.
    public static func load(
        from path: String, name: String? = nil, options: ProgramOptions = ProgramOptions(),
        operators: OperatorTable = .standard, profiler: Profiler? = nil
    ) throws -> ExportedProgram {
        if let profiler {
            return try profiler.measure(.load, path) { try load(from: path, name: name, options: options, operators: operators) }
        }
        return try naming(file: path) {
            if let onnx = try ONNXFile.open(path: path, options: options) {
                guard name ?? ONNXFile.name == ONNXFile.name else {
                    throw ArchiveError(.missing, "is an ONNX model, which holds one program, '\(ONNXFile.name)', and no '\(name ?? "")'")
                }
                return try options.apply(to: ExportedPrograms([(ONNXFile.name, onnx.program(operators: operators))])).program(
                    named: ONNXFile.name)
            }
            let archive = try PT2Archive(path: path, options: options)
            let model: String = try archive.model(named: name)
            return try withStackRoom(deepStack) {
                var reader = try ProgramReader(archive, model: model, operators: operators)
                return try options.apply(to: ExportedPrograms([(model, reader.read())])).program(named: model)
            }
        }
    }

    /// Opens every program of an archive, by name. Parameters and errors are those of `ExportedPrograms.load(from:)`.
    public static func loadAll(
        from path: String, options: ProgramOptions = ProgramOptions(),
        operators: OperatorTable = .standard, profiler: Profiler? = nil
    ) throws -> [String: ExportedProgram] {
        let programs = try ExportedPrograms.load(from: path, options: options, operators: operators, profiler: profiler)
        return Dictionary(programs.entries.map { ($0.name, $0.program) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ExportedPrograms {
    /// Opens every program of an archive, in its order.
    ///
    /// Entry points of one model share their state again, as they did when they were saved: a buffer that one changes is changed for all.
    /// Independent programs, whose tensors of equal names lie in different files, stay independent.
    ///
    /// - Parameters:
    ///   - path: a `.pt2` or `.onnx` file.
    ///   - options: how weights are kept, when checksums are compared, whether the file is mapped, and passes to be left out.
    ///   - operators: what the programs' operators are looked up in, as for `ExportedProgram.load(from:)`.
    ///   - profiler: gets an event for the loading.
    /// - Throws: `ArchiveError`, as `ExportedProgram.load(from:)` does.
    public static func load(
        from path: String, options: ProgramOptions = ProgramOptions(),
        operators: OperatorTable = .standard, profiler: Profiler? = nil
    ) throws -> ExportedPrograms {
        if let profiler { return try profiler.measure(.load, path) { try load(from: path, options: options, operators: operators) } }
        return try naming(file: path) {
            if let onnx = try ONNXFile.open(path: path, options: options) {
                return try options.apply(to: ExportedPrograms([(ONNXFile.name, onnx.program(operators: operators))]))
            }
            let archive = try PT2Archive(path: path, options: options)
            let entryPoints = try archive.entryPoints()
            guard !entryPoints.isEmpty else { throw ArchiveError(.missing, member: "models", "the archive holds no program") }
            var files: [String: String] = [:]
            var isShared = true
            let entries: [(name: String, program: ExportedProgram)] = try entryPoints.map { name, model in
                let (program, stateFiles) = try withStackRoom(deepStack) {
                    var reader = try ProgramReader(archive, model: model, operators: operators)
                    return (try reader.read(), reader.stateFiles)
                }
                for (tensor, file) in stateFiles {
                    if let other = files.updateValue(file, forKey: tensor), other != file { isShared = false }
                }
                return (name, program)
            }
            return try options.apply(to: isShared ? ExportedPrograms(sharingStateOf: entries) : ExportedPrograms(entries))
        }
    }
}
