import ApusTensor

/// The header of an npy file: element type, order and sizes.
///
/// The header is a Python dictionary written as text. It is read by a small parser for exactly the literals that occur in it (strings,
/// True and False, integers, tuples); nothing is ever evaluated.
struct NpyHeader: Equatable {
    var dtype: DType
    var isBigEndian = false
    var isColumnMajor = false
    var shape: [Int]

    /// Headers are short: the longest useful one (a thousand dimensions) is far below this.
    static let maximumLength = 1 << 16

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Reads the magic, version and header at the start of `bytes`.
    /// - Returns: the header and the position of the first element.
    static func read(_ bytes: UnsafeRawBufferPointer) throws -> (header: NpyHeader, dataOffset: Int) {
        let reader = ByteReader(bytes: bytes)
        guard let start = reader.slice(0, 6), start.elementsEqual(magic) else { throw ArchiveError(.wrongFormat, "is not an npy file") }
        let cut = ArchiveError(.truncated, "the file ends inside the npy header")
        guard let major = reader.integer(UInt8.self, at: 6) else { throw cut }
        let textOffset: Int
        let length: Int
        switch major {
        case 1:
            guard let short = reader.uint16(at: 8) else { throw cut }
            (textOffset, length) = (10, Int(short))
        case 2, 3:
            guard let long = reader.uint32(at: 8) else { throw cut }
            (textOffset, length) = (12, Int(long))
        default: throw ArchiveError(.unsupportedVersion, "npy version \(major); 1, 2 and 3 are read")
        }
        guard length <= maximumLength else { throw ArchiveError(.limit, "an npy header of \(length) bytes; \(maximumLength) are accepted") }
        guard let text = reader.slice(textOffset, length) else { throw cut }
        var parser = PythonLiteralParser(Array(text))
        return (try parser.header(), textOffset + length)
    }

    /// Magic, version 1.0 and header, padded so that the data starts on a 64-byte boundary.
    static func bytes(dtype: DType, shape: [Int]) throws -> [UInt8] {
        let sizes = shape.count == 1 ? "(\(shape[0]),)" : "(" + shape.map(String.init).joined(separator: ", ") + ")"
        var text = "{'descr': '\(try NpyType.code(of: dtype))', 'fortran_order': False, 'shape': \(sizes), }"
        let unpadded = 10 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        guard let length = UInt16(exactly: text.utf8.count) else {
            throw ArchiveError(.notRepresentable, "an array of \(shape.count) dimensions has too long an npy header")
        }
        return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
    }
}

/// NumPy's type codes.
enum NpyType {
    static func code(of dtype: DType) throws -> String {
        switch dtype {
        case .bool: "|b1"
        case .uint8: "|u1"
        case .int8: "|i1"
        case .int16: "<i2"
        case .int32: "<i4"
        case .int64: "<i8"
        case .float16: "<f2"
        case .float32: "<f4"
        case .float64: "<f8"
        case .complex64: "<c8"
        case .complex128: "<c16"
        case .bfloat16:
            throw ArchiveError(
                .notRepresentable, "NumPy has no bfloat16: convert to float32 first, or save as safetensors, which has it")
        }
    }

    /// - Returns: the type, and whether its bytes are in big-endian order.
    static func parse(_ code: String) throws -> (DType, isBigEndian: Bool) {
        var rest = Substring(code)
        var isBigEndian = false
        if let first = rest.first, "<>=|".contains(first) {
            isBigEndian = first == ">"
            rest = rest.dropFirst()
        }
        let dtype: DType
        switch rest {
        case "b1", "?": dtype = .bool
        case "u1", "B": dtype = .uint8
        case "i1", "b": dtype = .int8
        case "i2", "h": dtype = .int16
        case "i4": dtype = .int32
        case "i8": dtype = .int64
        case "f2", "e": dtype = .float16
        case "f4", "f": dtype = .float32
        case "f8", "d": dtype = .float64
        case "c8", "F": dtype = .complex64
        case "c16", "D": dtype = .complex128
        case "O":
            throw ArchiveError(.pickled, "an array of Python objects (dtype '\(code)') is a pickle, which is never loaded")
        case "V2":
            throw ArchiveError(.unsupportedDType, "dtype '\(code)' is raw bytes; NumPy has no bfloat16, use safetensors for it")
        default: throw ArchiveError(.unsupportedDType, "dtype '\(code)' has no counterpart among Apus's types")
        }
        return (dtype, isBigEndian)
    }
}

/// Reads the literals of an npy header.
private struct PythonLiteralParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func header() throws -> NpyHeader {
        var type: (DType, isBigEndian: Bool)?
        var columnMajor: Bool?
        var shape: [Int]?
        try expect("{")
        while true {
            skipSpace()
            if take("}") { break }
            let key = try string()
            try expect(":")
            skipSpace()
            switch key {
            case "descr":
                guard type == nil else { throw failure("'descr' occurs twice") }
                guard position < bytes.count, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\"") else {
                    throw ArchiveError(.unsupportedDType, "a structured dtype; only plain numeric ones are read")
                }
                type = try NpyType.parse(try string())
            case "fortran_order":
                guard columnMajor == nil else { throw failure("'fortran_order' occurs twice") }
                if take("True") {
                    columnMajor = true
                } else if take("False") {
                    columnMajor = false
                } else {
                    throw failure("'fortran_order' is neither True nor False")
                }
            case "shape":
                guard shape == nil else { throw failure("'shape' occurs twice") }
                shape = try tuple()
            default: throw failure("an unknown key '\(key)'")
            }
            skipSpace()
            if take(",") { continue }
            try expect("}")
            break
        }
        skipSpace()
        guard position == bytes.count else { throw failure("more text after the dictionary") }
        guard let type, let columnMajor, let shape else { throw failure("one of 'descr', 'fortran_order', 'shape' is missing") }
        return NpyHeader(dtype: type.0, isBigEndian: type.isBigEndian, isColumnMajor: columnMajor, shape: shape)
    }

    private func failure(_ reason: String) -> ArchiveError {
        ArchiveError(.invalidHeader, at: "npy header, byte \(position)", reason)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func expect(_ text: String) throws {
        skipSpace()
        guard take(text) else { throw failure("'\(text)' should be here") }
    }

    private mutating func string() throws -> String {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\"") else {
            throw failure("a string should be here")
        }
        let quote = bytes[position]
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != quote {
            guard bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20 else {
                throw failure("an unexpected character in a string")
            }
            position += 1
        }
        guard position < bytes.count, let text = String(validating: bytes[start..<position], as: UTF8.self) else {
            throw failure("a string without end, or not UTF-8")
        }
        position += 1
        return text
    }

    private mutating func tuple() throws -> [Int] {
        try expect("(")
        var values: [Int] = []
        while true {
            skipSpace()
            if take(")") { return values }
            let start = position
            while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
            guard position > start else { throw failure("a size should be here") }
            guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
                throw ArchiveError(.outOfBounds, at: "npy header, byte \(start)", "a size that does not fit into 63 bits")
            }
            _ = take("L")  // Python 2 wrote long integers so
            values.append(value)
            skipSpace()
            if take(",") { continue }
            try expect(")")
            return values
        }
    }
}
