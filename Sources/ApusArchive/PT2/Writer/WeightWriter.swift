import ApusTensor

/// The weight or constant files of an archive, and the tables that name them. Files are numbered across the archive's programs.
struct WeightWriter {
    private let folder: String
    private let prefix: String
    private var files: [Key: String] = [:]
    private(set) var members: [ZipMember] = []

    /// What makes two tensors one file: the same elements of the same memory.
    private struct Key: Hashable {
        let storage: ObjectIdentifier
        let offset: Int
        let sizes: [Int]
        let strides: [Int]
        let dtype: DType
    }

    /// - Parameters:
    ///   - kind: `weights` or `constants`.
    ///   - prefix: the files' names before their numbers; PyTorch's reader tells constants' kinds by it.
    init(kind: String, prefix: String) {
        folder = "data/\(kind)/"
        self.prefix = prefix
    }

    /// The table's entry for a tensor; its file is added unless an earlier entry shares it.
    mutating func entry(_ tensor: Tensor, isParameter: Bool) throws -> ProgramSchema.PayloadMeta {
        let key = Key(
            storage: ObjectIdentifier(tensor.storage), offset: tensor.storageOffset, sizes: try tensor.sizes, strides: tensor.strides,
            dtype: tensor.dtype)
        let file: String
        if let known = files[key] {
            file = known
        } else {
            file = "\(prefix)\(files.count)"
            members.append(ZipMember(folder + file, try tensor.bytesToWrite()))
            files[key] = file
        }
        return ProgramSchema.PayloadMeta(
            pathName: file, isParam: isParameter, usePickle: false,
            tensorMeta: try TensorDescription.meta(tensor, requiresGrad: isParameter && tensor.dtype.isDifferentiable))
    }
}
