import ApusTensor

/// The weight or constant files of an archive, and the tables that name them. Files are numbered across the archive's programs.
struct WeightWriter {
    private let folder: String
    private let prefix: String
    private var files: [TensorPlace: String] = [:]
    private(set) var members: [ZipMember] = []

    /// - Parameters:
    ///   - kind: `weights` or `constants`.
    ///   - prefix: the files' names before their numbers; PyTorch's reader tells constants' kinds by it.
    init(kind: String, prefix: String) {
        folder = "data/\(kind)/"
        self.prefix = prefix
    }

    /// The table's entry for a tensor; its file is added unless an earlier entry shares it.
    mutating func entry(_ tensor: Tensor, isParameter: Bool) throws -> ProgramSchema.PayloadMeta {
        let place = TensorPlace(tensor)
        let file: String
        if let known = files[place] {
            file = known
        } else {
            file = "\(prefix)\(files.count)"
            members.append(ZipMember(folder + file, try tensor.bytesToWrite()))
            files[place] = file
        }
        return ProgramSchema.PayloadMeta(
            pathName: file, isParam: isParameter, usePickle: false,
            tensorMeta: try TensorDescription.meta(tensor, requiresGrad: isParameter && tensor.dtype.isDifferentiable))
    }
}
