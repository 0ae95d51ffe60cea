import ApusTensor

/// The safetensors format: eight bytes of length, a JSON header, then the tensors' bytes without gaps.
struct SafetensorsFile: Sendable {
    /// In the order of their bytes in the file.
    let tensors: [(name: String, record: ArrayRecord)]
    let metadata: [String: String]

    /// The reference implementation's own limit.
    static let maximumHeader = 100_000_000

    /// Maps the file at `path` and checks all of its header.
    init(path: String) throws {
        self = try naming(file: path) {
            let file = try MappedFile(path: path)
            return try SafetensorsFile(try file.slice(offset: 0, count: file.count))
        }
    }

    init(_ bytes: MappedBytes) throws {
        guard bytes.count >= 8 else { throw ArchiveError(.wrongFormat, "is too short to be a safetensors file") }
        let (header, dataStart) = try bytes.withUnsafeBytes { raw -> (JSON, Int) in
            let reader = ByteReader(bytes: raw)
            if ZipEnd.isStart(reader) {
                throw ArchiveError(
                    .wrongFormat, "is a zip file, as torch.save writes, and no safetensors file: write one with safetensors.torch.save_file"
                )
            }
            guard let stated = reader.uint64(at: 0), let length = Int(exactly: stated) else {
                throw ArchiveError(.wrongFormat, "is not a safetensors file: its header would be larger than memory")
            }
            guard length <= Self.maximumHeader else {
                throw ArchiveError(.limit, "a header of \(length) bytes; \(Self.maximumHeader) are accepted. Is this a safetensors file?")
            }
            guard let text = reader.slice(8, length) else {
                throw ArchiveError(.truncated, "the file ends inside its header of \(length) bytes")
            }
            guard text.first == UInt8(ascii: "{") else {
                throw ArchiveError(.wrongFormat, "is not a safetensors file: its header is not a JSON object")
            }
            return (try naming(member: "header") { try JSONParser.parse(text) }, 8 + length)
        }
        do {
            (tensors, metadata) = try Self.read(header, data: try bytes.slice(offset: dataStart, count: bytes.count - dataStart))
        } catch let error as JSONMismatch {
            throw ArchiveError(.invalidHeader, member: "header", at: error.location, error.reason)
        }
    }

    private static func read(_ header: JSON, data: MappedBytes) throws -> ([(name: String, record: ArrayRecord)], [String: String]) {
        guard case .object(let object) = header else { throw JSONMismatch.expected("an object", found: header) }
        var metadata: [String: String] = [:]
        var entries: [(name: String, dtype: DType, shape: [Int], begin: Int, end: Int)] = []
        for member in object.members {
            if member.key == "__metadata__" {
                let table = try decoding(member.key) { try JSONTable<String>(json: member.value) }
                for key in table.keys { metadata[key] = table[key] }
                continue
            }
            try decoding(member.key) {
                let fields = try JSONFields(member.value, of: "tensor")
                let code: String = try fields.required("dtype")
                let shape: [Int] = try fields.required("shape")
                let offsets: [Int] = try fields.required("data_offsets")
                guard offsets.count == 2 else { throw JSONMismatch("'data_offsets' must hold two numbers, found \(offsets.count)") }
                let dtype = try naming(member: member.key) { try SafetensorsType.parse(code) }
                entries.append((member.key, dtype, shape, offsets[0], offsets[1]))
            }
        }
        // The tensors must tile the data exactly: no gap to hide things in, no overlap.
        entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var cursor = 0
        var tensors: [(name: String, record: ArrayRecord)] = []
        for entry in entries {
            try naming(member: entry.name) {
                guard entry.begin == cursor, entry.end >= entry.begin else {
                    throw ArchiveError(
                        .outOfBounds, "its data_offsets [\(entry.begin), \(entry.end)] do not follow the previous tensor's end, \(cursor)")
                }
                let bytes = try data.slice(offset: entry.begin, count: entry.end - entry.begin)
                tensors.append((entry.name, try ArrayRecord(dtype: entry.dtype, shape: entry.shape, bytes: .mapped(bytes))))
            }
            cursor = entry.end
        }
        guard cursor == data.count else {
            throw ArchiveError(.malformed, "the tensors take \(cursor) bytes, \(data.count) are there")
        }
        return (tensors, metadata)
    }

    /// Writes tensors atomically. Wider types come first, so that every tensor is aligned to its element size, then names in order.
    static func save(
        _ arrays: [(name: String, dtype: DType, shape: [Int], elements: ByteSource)], metadata: [String: String], to path: String
    ) throws {
        try naming(file: path) {
            let sorted = arrays.sorted { ($1.dtype.byteWidth, $0.name) < ($0.dtype.byteWidth, $1.name) }
            var header = JSONObject()
            if !metadata.isEmpty {
                let members = metadata.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
                header.append("__metadata__", .object(JSONObject(members)))
            }
            var offset = 0
            for array in sorted {
                guard array.name != "__metadata__" else {
                    throw ArchiveError(.notRepresentable, member: array.name, "this name is reserved by the format")
                }
                let code = try naming(member: array.name) { try SafetensorsType.code(of: array.dtype) }
                let end = offset + array.elements.count
                header.append(
                    array.name, .object(["dtype": .string(code), "shape": array.shape.json, "data_offsets": [offset, end].json]))
                offset = end
            }
            if let name = header.duplicateKey { throw ArchiveError(.duplicateName, member: name, "would be written twice") }
            var text = JSONWriter.utf8(.object(header))
            text += [UInt8](repeating: 0x20, count: (64 - (8 + text.count) % 64) % 64)
            let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
            try AtomicFile.write([ByteSource(length + text)] + sorted.map(\.elements), to: path)
        }
    }
}

/// Type names of the safetensors format.
enum SafetensorsType {
    static func code(of dtype: DType) throws -> String {
        switch dtype {
        case .bool: "BOOL"
        case .uint8: "U8"
        case .int8: "I8"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .float32: "F32"
        case .float64: "F64"
        case .complex64: "C64"
        case .complex128:
            throw ArchiveError(.notRepresentable, "safetensors has no complex128: save its real and imaginary parts, or use npz")
        }
    }

    static func parse(_ code: String) throws -> DType {
        guard let dtype = DType.allCases.first(where: { (try? self.code(of: $0)) == code }) else {
            throw ArchiveError(.unsupportedDType, "dtype '\(code)' has no counterpart among Apus's types")
        }
        return dtype
    }
}
