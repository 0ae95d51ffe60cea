import ApusTensor

/// The tensors of one of an archive's two tables, weights or constants.
///
/// Each file is mapped once; tensors of one dtype that name the same file share its memory, as tied weights and views did when they were
/// saved.
struct WeightLoader {
    private let archive: PT2Archive
    private let folder: String
    private let table: String
    private let config: ProgramSchema.PayloadConfig
    private var files: [TypedFile: Storage] = [:]
    /// The files in use whose checksums are still to be compared.
    private(set) var unchecked: [ZipEntry] = []

    /// A file as elements of one dtype: bytes that are copied to be read as one may differ from what another dtype has to see.
    private struct TypedFile: Hashable {
        let member: String
        let dtype: DType
    }

    /// - Parameter kind: `weights` or `constants`.
    init(_ archive: PT2Archive, kind: String, model: String) throws {
        self.archive = archive
        folder = "data/\(kind)/"
        table = "data/\(kind)/\(model)_\(kind)_config.json"
        config = try archive.decode(table)
    }

    func contains(_ name: String) -> Bool { config.config[name] != nil }

    /// The file that holds a tensor: equal for tensors that share memory.
    func file(of name: String) -> String? { config.config[name].map { folder + $0.pathName } }

    /// What the table says of a tensor.
    func meta(of name: String) -> ProgramSchema.TensorMeta? { config.config[name]?.tensorMeta }

    /// The tensor with this name.
    /// - Throws: `ArchiveError` naming the table and the entry.
    mutating func tensor(_ name: String) throws -> Tensor {
        guard let entry = config.config[name] else {
            throw ArchiveError(.missing, member: table, at: "config", "has no entry for '\(name)'")
        }
        do { return try load(entry, name) } catch let error as ArchiveError {
            var located = error.inMember(table)
            if located.location == nil { located.location = "config.\(name)" }
            throw located
        }
    }

    private mutating func load(_ entry: ProgramSchema.PayloadMeta, _ name: String) throws -> Tensor {
        guard !entry.usePickle else {
            throw ArchiveError(.pickled, "is stored as a Python pickle, which is never loaded")
        }
        guard let meta = entry.tensorMeta else {
            throw ArchiveError(.unsupported, "is a custom object, not a tensor")
        }
        guard meta.layout == .strided else {
            throw ArchiveError(.unsupported, "has the layout \(meta.layout); only strided tensors are read")
        }
        let dtype = try DType(meta.dtype)
        func constant(_ value: ProgramSchema.SymIntValue, _ what: String) throws -> Int {
            guard case .known(let number) = value else { throw ArchiveError(.invalidProgram, "a \(what) is symbolic") }
            return number
        }
        let sizes = try meta.sizes.map { try constant($0, "size") }
        let strides = try meta.strides.map { try constant($0, "stride") }
        let offset = try constant(meta.storageOffset, "storage offset")
        guard strides.allSatisfy({ $0 >= 0 }), offset >= 0 else { throw ArchiveError(.outOfBounds, "has a negative stride or offset") }
        guard let layout = Layout.strided(sizes, strides: strides) else {
            throw ArchiveError(.outOfBounds, "the sizes \(sizes) with strides \(strides) are negative, overflow, or differ in number")
        }
        let member = folder + entry.pathName
        guard let file = archive.entry(member) else { throw ArchiveError(.missing, "its file '\(entry.pathName)' is missing") }
        if file.size == 0 {
            // PyTorch leaves the file of an empty tensor empty, and reads it as zeros whatever the sizes.
            guard layout.count == 0 else {
                throw ArchiveError(.outOfBounds, "its file '\(entry.pathName)' is empty, but its sizes are \(sizes)")
            }
            return try Tensor.uninitialized(try Shape(sizes), dtype: dtype)
        }
        let storage = try self.storage(member, dtype: dtype)
        let capacity = storage.byteCount / dtype.byteWidth
        guard layout.count == 0 || (layout.extent?.highest).map({ $0 < capacity - offset }) ?? false else {
            throw ArchiveError(
                .outOfBounds,
                "sizes \(sizes) with strides \(strides) at offset \(offset) reach outside the \(capacity) elements of '\(entry.pathName)'")
        }
        return try Tensor(storage: storage, dtype: dtype, layout: layout, offset: offset)
    }

    private mutating func storage(_ member: String, dtype: DType) throws -> Storage {
        let file = TypedFile(member: member, dtype: dtype)
        if let known = files[file] { return known }
        let (bytes, unchecked) = try archive.weightBytes(member)
        let storage = try bytes.usable(as: dtype).storage
        if let unchecked { self.unchecked.append(unchecked) }
        files[file] = storage
        return storage
    }
}

extension DType {
    /// The element type that a program file names.
    init(_ type: ProgramSchema.ScalarType) throws {
        switch type {
        case .uint8: self = .uint8
        case .int8: self = .int8
        case .int16: self = .int16
        case .int32: self = .int32
        case .int64: self = .int64
        case .float16: self = .float16
        case .float32: self = .float32
        case .float64: self = .float64
        case .complex64: self = .complex64
        case .complex128: self = .complex128
        case .bool: self = .bool
        case .bfloat16: self = .bfloat16
        case .unknown, .complex32, .uint16, .uint32, .uint64, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU:
            throw ArchiveError(.unsupportedDType, "the dtype \(type) has no counterpart among Apus's types")
        }
    }
}

extension ProgramSchema.ScalarType {
    init(_ dtype: DType) {
        self = Self.allCases.first { (try? DType($0)) == dtype } ?? .unknown
    }
}
