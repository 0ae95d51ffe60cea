import ApusTensor

extension Dictionary where Key == String, Value == Tensor {
    /// Reads all tensors of a safetensors file by their names.
    ///
    /// The file is mapped, not copied. Its header is checked completely: every tensor's bytes lie inside the file, without gaps and overlaps.
    ///
    /// - Throws: `ArchiveError`: `.wrongFormat`, `.truncated`, `.invalidHeader`, `.outOfBounds`, `.unsupportedDType`, `.cannotRead`.
    public static func load(safetensors path: String) throws -> [String: Tensor] {
        let file = try SafetensorsFile(path: path)
        var tensors: [String: Tensor] = [:]
        for (name, record) in file.tensors {
            tensors[name] = try naming(file: path) { try naming(member: name) { try Tensor(record) } }
        }
        return tensors
    }

    /// The texts that were stored beside the tensors of a safetensors file.
    public static func metadata(safetensors path: String) throws -> [String: String] {
        try SafetensorsFile(path: path).metadata
    }

    /// Writes the tensors as a safetensors file, row-major. Tensors that share memory are written once each.
    ///
    /// The file is replaced in one step or not at all.
    ///
    /// - Parameter metadata: texts to store beside the tensors.
    /// - Throws: `ArchiveError`: `.notRepresentable` for complex128, which the format lacks, and for the reserved name `__metadata__`; `.cannotWrite`.
    public func save(safetensors path: String, metadata: [String: String] = [:]) throws {
        try naming(file: path) {
            let arrays = try map { name, tensor in
                try naming(member: name) {
                    (name: name, dtype: tensor.dtype, shape: try tensor.sizes, elements: try tensor.bytesToWrite())
                }
            }
            try SafetensorsFile.save(arrays, metadata: metadata, to: path)
        }
    }
}
