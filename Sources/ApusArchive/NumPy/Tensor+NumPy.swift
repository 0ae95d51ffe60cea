import ApusTensor

extension Tensor {
    /// Reads an array that NumPy's `save` wrote.
    ///
    /// The file is mapped, not copied: opening costs microseconds, and elements are read from the disk when they are used. Format versions
    /// 1 to 3, either byte order, row- and column-major arrays. Arrays of Python objects are pickles and are never loaded.
    ///
    /// - Throws: `ArchiveError`: `.wrongFormat`, `.truncated`, `.invalidHeader`, `.unsupportedDType` (unsigned 16 to 64 bits, text, records),
    ///   `.pickled`, `.cannotRead`.
    public static func load(npy path: String) throws -> Tensor {
        try naming(file: path) { try Tensor(try NpyFile.load(path)) }
    }

    /// Writes the tensor so that NumPy's `load` reads it; row-major, whatever the tensor's strides.
    ///
    /// The file is replaced in one step or not at all.
    ///
    /// - Throws: `ArchiveError`: `.notRepresentable` for bfloat16, which NumPy lacks; `.cannotWrite`.
    public func save(npy path: String) throws {
        try naming(file: path) {
            try NpyFile.save(dtype: dtype, shape: try sizes, elements: try bytesToWrite(), to: path)
        }
    }
}

extension Dictionary where Key == String, Value == Tensor {
    /// Reads all arrays of an `.npz` file, as NumPy's `savez` and `savez_compressed` write it, by their names.
    ///
    /// Uncompressed arrays are mapped; compressed ones are decompressed into memory.
    ///
    /// - Throws: `ArchiveError` naming the file and the array that could not be read.
    public static func load(npz path: String) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, record) in try NpyFile.loadArchive(path) {
            tensors[name] = try naming(file: path) { try naming(member: name) { try Tensor(record) } }
        }
        return tensors
    }

    /// Writes the tensors as an `.npz` file that NumPy's `load` reads, uncompressed, so that it can be mapped again.
    ///
    /// The file is replaced in one step or not at all.
    ///
    /// - Throws: `ArchiveError`: `.notRepresentable` for bfloat16, which NumPy lacks; `.cannotWrite`.
    public func save(npz path: String) throws {
        try naming(file: path) {
            let members: [ZipMember] = try sorted { $0.key < $1.key }.map { name, tensor in
                try naming(member: name) {
                    let header = try NpyHeader.bytes(dtype: tensor.dtype, shape: try tensor.sizes)
                    return ZipMember(name + ".npy", [ByteSource(header), try tensor.bytesToWrite()])
                }
            }
            try ZipWriter.write(members, to: path)
        }
    }
}
