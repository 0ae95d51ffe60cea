import ApusProgram

/// How a program's file is opened: `ExportedProgram.load(from: path, options: ProgramOptions(mapsFile: false))`.
public struct ProgramOptions: Sendable, Hashable {
    /// When the bytes of the weights are compared with the checksums that the file records. The program's own text always is, on loading.
    public enum Checksums: Sendable, Hashable, CaseIterable {
        /// On loading, as far as that costs a small part of it; for large weights when they are first used, by a call, by `stateDict`, by saving.
        case onFirstUse
        /// On loading, all of them: what loads is whole.
        case onLoad
        /// Never: for files whose writer recorded none (`torch.serialization.set_crc32_options(False)`).
        case never
    }

    public var checksums: Checksums
    /// True maps the weights: they come from the disk when they are used, and the file must not be shortened in place while the program
    /// lives. False reads the file into memory, after which nothing that happens to it matters. Replacing it by a rename, as all savers here
    /// do, is safe either way.
    public var mapsFile: Bool
    /// Passes that programs are made ready to run without, by the names of `LoweringPipeline.standard`: to find the one that is to blame for
    /// something. Loading throws `TensorError` for a name that no pass has. The environment variable `APUS_SKIP_PASSES` names some for all
    /// programs of a process.
    public var skipping: [String]

    /// How the weights of products and embeddings are kept: as the file has them, or in fewer bits, which takes a pass over them on loading. See
    /// `ExportedProgram.reducingWeights(to:)`, which loading throws the errors of.
    public var weights: WeightFormat

    /// How many threads a call may use, the caller's included; nil for all that there are. See `ExportedProgram.limitingThreads(to:)`.
    public var threads: Int?

    public init(
        weights: WeightFormat = .asStored, threads: Int? = nil, checksums: Checksums = .onFirstUse, mapsFile: Bool = true,
        skipping: [String] = []
    ) {
        self.weights = weights
        self.threads = threads
        self.checksums = checksums
        self.mapsFile = mapsFile
        self.skipping = skipping
    }
}

extension ProgramOptions {
    /// Does what is asked of programs that are read.
    func apply(to programs: ExportedPrograms) throws -> ExportedPrograms {
        var programs: ExportedPrograms = try programs.reducingWeights(to: weights).programs
        if !skipping.isEmpty { programs = try programs.skipping(skipping) }
        return try threads.map { try programs.limitingThreads(to: $0) } ?? programs
    }
}
